// `check -t`: are the files that the configuration names there, readable and, but for the token, PEM; does each certificate have its key?
// SPDX-License-Identifier: Apache-2.0
#include "conf/finding.h"

#include <errno.h>
#include <stdio.h>

struct files {
    const struct rm_conf *conf;
    struct rm_findings *found;
    int (*pair)(const char *certificate, const char *key, struct rm_err *);
};

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

// Both files' findings stand at the certificate's key, as `pair` says which it is.
static void files_pair(struct files *f, const struct rm_path *path, const struct rm_value *value, struct rm_str certificate,
                       struct rm_str key)
{
    struct rm_arena *arena = f->found->arena;
    struct rm_err err = {0};
    int code = f->pair(rm_arena_cstr(arena, certificate), rm_arena_cstr(arena, key), &err);
    if (code != RM_OK)
        rm_finding_add(f->found, code != RM_ETLS, rm_doc_place(value), rm_path_format(arena, path),
                       rm_str_of(files_name(arena, rm_str_of(err.text))));
}

static void files_list(struct rm_findings *found, const struct rm_path *path, const struct rm_value *list,
                       const struct rm_strs *files)
{
    const struct rm_value *item = list && list->type == RM_ARRAY ? list->first : list;
    for (size_t i = 0; i < files->n; i++) {
        struct rm_path at = {.up = path, .index = i};
        RM_ASSERT(item);
        files_one(found, list->type == RM_ARRAY ? &at : path, item, files->v[i], true);
        item = item->next;
    }
}

// `object` is what `path` names, NULL where it is not there.
static void files_client_tls(struct files *f, const struct rm_path *path, struct rm_value *object,
                             const struct rm_conf_tls *tls)
{
    struct rm_arena *arena = f->found->arena;
    if (!object || object->type != RM_OBJECT)
        return;
    struct rm_path cas = {.up = path, .name = RM_STR("ca_certs")};
    files_list(f->found, &cas, rm_value_get(arena, object, cas.name), &tls->ca_certs);
    struct rm_path certs = {.up = path, .name = RM_STR("client_certs")}, first = {.up = &certs, .index = 0};
    if (tls->cert_file.n > 0)
        files_pair(f, &first, rm_value_get(arena, object, certs.name)->first, tls->cert_file, tls->key_file);
}

static const struct rm_conf_tls *files_tls_of(const struct rm_conf *conf, const struct rm_value *object)
{
    for (size_t i = 0; i < conf->n_endpoints; i++) {
        const struct rm_conf_endpoint *endpoint = &conf->endpoints[i];
        for (size_t k = 0; k < endpoint->n_backends + endpoint->n_shadows; k++)
            if (endpoint->backends[k].client_tls.value == object)
                return &endpoint->backends[k].client_tls;
    }
    return NULL;
}

static void files_backend_tls(struct files *f, const struct rm_path *path, struct rm_value *backend)
{
    struct rm_arena *arena = f->found->arena;
    struct rm_path extra = {.up = path, .name = RM_STR("extra_config")};
    struct rm_path client = {.up = &extra, .name = RM_STR("backend/http/client")};
    struct rm_path tls = {.up = &client, .name = RM_STR("client_tls")};
    struct rm_value *object = backend;
    for (const struct rm_path *const *at = (const struct rm_path *const[]){&extra, &client, &tls, NULL}; *at; at++)
        object = object && object->type == RM_OBJECT ? rm_value_get(arena, object, (*at)->name) : NULL;
    const struct rm_conf_tls *conf = object ? files_tls_of(f->conf, object) : NULL;
    if (conf)
        files_client_tls(f, &tls, object, conf);
}

static void files_backends(struct files *f)
{
    struct rm_arena *arena = f->found->arena;
    struct rm_path endpoints = {.name = RM_STR("endpoints")};
    struct rm_value *list = rm_value_get(arena, f->conf->doc.root, endpoints.name);
    struct rm_path endpoint = {.up = &endpoints}, backends = {.up = &endpoint, .name = RM_STR("backend")};
    struct rm_path backend = {.up = &backends};
    for (struct rm_value *e = list && list->type == RM_ARRAY ? list->first : NULL; e; e = e->next, endpoint.index++) {
        struct rm_value *of = e->type == RM_OBJECT ? rm_value_get(arena, e, backends.name) : NULL;
        backend.index = 0;
        for (struct rm_value *b = of && of->type == RM_ARRAY ? of->first : NULL; b; b = b->next, backend.index++)
            files_backend_tls(f, &backend, b);
    }
}

static void files_server_tls(struct files *f)
{
    struct rm_arena *arena = f->found->arena;
    struct rm_path path = {.name = RM_STR("tls")}, keys = {.up = &path, .name = RM_STR("keys")},
                   cas = {.up = &path, .name = RM_STR("ca_certs")};
    const struct rm_conf_server_tls *tls = &f->conf->tls;
    if (tls->n_keys == 0)
        return;
    struct rm_value *object = rm_value_get(arena, f->conf->doc.root, path.name);
    const struct rm_value *item = tls->keys == &tls->single ? NULL : tls->keys_value->first;
    for (size_t i = 0; i < tls->n_keys; i++) {
        struct rm_path at = {.up = &keys, .index = i};
        files_pair(f, item ? &at : &path, item ? item : object, tls->keys[i].certificate, tls->keys[i].key);
        item = item ? item->next : NULL;
    }
    if (tls->enable_mtls)
        files_list(f->found, &cas, rm_value_get(arena, object, cas.name), &tls->ca_certs);
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

void rm_conf_check_files(const struct rm_conf *conf, struct rm_findings *found,
                         int (*pair)(const char *certificate, const char *key, struct rm_err *))
{
    struct files f = {.conf = conf, .found = found, .pair = pair};
    struct rm_path client_tls = {.name = RM_STR("client_tls")};
    files_server_tls(&f);
    files_client_tls(&f, &client_tls, rm_value_get(found->arena, conf->doc.root, client_tls.name), &conf->client_tls);
    files_backends(&f);
    files_kubernetes(conf, found);
}
