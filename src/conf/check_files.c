// `check -t`: are the files that the configuration names there, readable and, but for the token, PEM?
// SPDX-License-Identifier: Apache-2.0
#include "conf/finding.h"

#include <errno.h>
#include <stdio.h>

// NULL, or why the file cannot be used.
static const char *files_check(struct rm_arena *arena, struct rm_str path, bool is_pem)
{
    FILE *file = fopen(rm_arena_cstr(arena, path), "re");
    if (!file)
        return strerror(errno);
    static const char begin[] = "-----BEGIN ", end[] = "-----END ";
    char line[256];
    const char *why = is_pem ? "no PEM in it" : "it is empty";
    errno = 0;
    while (fgets(line, sizeof(line), file)) {
        if (!is_pem || strncmp(line, end, sizeof(end) - 1) == 0)
            why = NULL;
        else if (strncmp(line, begin, sizeof(begin) - 1) == 0)
            why = "its PEM has no end";
    }
    if (why && errno)
        why = strerror(errno);
    fclose(file);
    return why;
}

// Whole, as its end tells most; control characters do not reach a terminal.
static const char *files_name(struct rm_arena *arena, struct rm_str file)
{
    char *name = rm_arena_cstr(arena, file);
    for (char *p = name; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    }
    return name;
}

static void files_one(struct rm_findings *found, const struct rm_path *path, const struct rm_value *value,
                      struct rm_str file, bool is_pem)
{
    const char *why = files_check(found->arena, file, is_pem);
    if (why)
        rm_finding_add(found, true, rm_doc_place(value), rm_path_format(found->arena, path),
                       rm_arena_printf(found->arena, "the file \"%s\": %s", files_name(found->arena, file), why));
}

static void files_client_tls(const struct rm_conf *conf, struct rm_findings *found)
{
    struct rm_arena *arena = found->arena;
    struct rm_path tls = {.name = RM_STR("client_tls")};
    struct rm_value *object = rm_value_get(arena, conf->doc.root, tls.name);
    if (!object || object->type != RM_OBJECT)
        return;
    struct rm_path cas = {.up = &tls, .name = RM_STR("ca_certs")};
    const struct rm_value *list = rm_value_get(arena, object, cas.name);
    const struct rm_value *item = list && list->type == RM_ARRAY ? list->first : list;
    for (size_t i = 0; i < conf->client_tls.ca_certs.n; i++) {
        struct rm_path at = {.up = &cas, .index = i};
        RM_ASSERT(item);
        files_one(found, list->type == RM_ARRAY ? &at : &cas, item, conf->client_tls.ca_certs.v[i], true);
        item = item->next;
    }
    if (conf->client_tls.cert_file.n == 0)
        return;
    struct rm_path certs = {.up = &tls, .name = RM_STR("client_certs")}, first = {.up = &certs, .index = 0};
    struct rm_path cert = {.up = &first, .name = RM_STR("certificate")},
                   key = {.up = &first, .name = RM_STR("private_key")};
    struct rm_value *pair = rm_value_get(arena, object, certs.name)->first;
    files_one(found, &cert, rm_value_get(arena, pair, cert.name), conf->client_tls.cert_file, true);
    files_one(found, &key, rm_value_get(arena, pair, key.name), conf->client_tls.key_file, true);
}

static void files_kubernetes(const struct rm_conf *conf, struct rm_findings *found)
{
    struct rm_path extra = {.name = RM_STR("extra_config")}, own = {.up = &extra, .name = RM_STR("remora")};
    struct rm_path kubernetes = {.up = &own, .name = RM_STR("kubernetes")};
    struct rm_path token = {.up = &kubernetes, .name = RM_STR("token_file")},
                   ca = {.up = &kubernetes, .name = RM_STR("ca_file")};
    if (conf->kubernetes.token_file.n == 0 && conf->kubernetes.ca_file.n == 0)
        return;
    struct rm_value *object = conf->doc.root;
    const struct rm_path *const down[] = {&extra, &own, &kubernetes};
    for (size_t i = 0; i < RM_COUNT(down); i++)
        object = rm_value_get(found->arena, object, down[i]->name);
    if (conf->kubernetes.token_file.n > 0)
        files_one(found, &token, rm_value_get(found->arena, object, token.name), conf->kubernetes.token_file, false);
    if (conf->kubernetes.ca_file.n > 0)
        files_one(found, &ca, rm_value_get(found->arena, object, ca.name), conf->kubernetes.ca_file, true);
}

void rm_conf_check_files(const struct rm_conf *conf, struct rm_findings *found)
{
    files_client_tls(conf, found);
    files_kubernetes(conf, found);
}
