// Loading a configuration: document, service, environment, extra_config, endpoints, in this order; then findings in file order.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

static void conf_lists(struct rm_conf *conf)
{
    static struct rm_str headers[] = {{"X-Forwarded-For", 15}, {"X-Real-IP", 9}};
    static struct rm_str loopback[] = {{"127.0.0.0/8", 11}, {"::1/128", 7}};
    conf->router.remote_ip_headers = (struct rm_strs){headers, RM_COUNT(headers)};
    conf->router.trusted_proxies = (struct rm_strs){loopback, RM_COUNT(loopback)};
}

static void conf_read(struct rm_reader *r, const struct rm_conf_options *options)
{
    struct rm_conf *conf = r->conf;
    conf_lists(conf);
    rm_service_read(r, conf->doc.root, options->environ);
    if (options->port > 0)
        conf->port = (uint16_t)options->port;
    if (options->debug) {
        conf->log_level = RM_DEBUG;
        conf->debug_endpoint = true;
    }
    rm_listen_check(r, conf->doc.root);
    rm_endpoints_read(r, conf->doc.root);
}

// Takes the document, whatever `rc` and `err` say of it.
static int conf_from_doc(struct rm_doc *doc, int rc, const struct rm_err *err, const struct rm_conf_options *options,
                         struct rm_conf **out, struct rm_findings *found, struct rm_arena *arena)
{
    *out = NULL;
    found->arena = arena;
    if (rc < 0) {
        rm_finding_add(found, true, doc->failed, RM_STR(""), rm_arena_dup(arena, rm_str_of(err->text)));
        rm_doc_free(doc);
        return RM_ECONF;
    }
    struct rm_arena own;
    rm_arena_init(&own, NULL);
    struct rm_conf *conf = RM_NEW(&own, struct rm_conf);
    conf->arena = own;
    conf->doc = *doc;
    struct rm_reader r = {.conf = conf,
                          .arena = &conf->arena,
                          .found = found,
                          .strict = options->strict,
                          .providers = options->providers};
    conf_read(&r, options);
    rm_findings_sort(found);
    if (found->n_errors > 0) {
        rm_conf_free(conf);
        return RM_ECONF;
    }
    *out = conf;
    return RM_OK;
}

int rm_conf_load(const char *path, const struct rm_conf_options *options, struct rm_conf **out,
                 struct rm_findings *found, struct rm_arena *arena)
{
    struct rm_doc doc;
    struct rm_err err;
    int rc = rm_doc_load(&doc, path, &err);
    return conf_from_doc(&doc, rc, &err, options, out, found, arena);
}

int rm_conf_parse(struct rm_str file, struct rm_str text, const struct rm_conf_options *options, struct rm_conf **out,
                  struct rm_findings *found, struct rm_arena *arena)
{
    struct rm_doc doc;
    struct rm_err err;
    int rc = rm_doc_parse(&doc, file, text, &err);
    return conf_from_doc(&doc, rc, &err, options, out, found, arena);
}

void rm_conf_free(struct rm_conf *conf)
{
    if (!conf)
        return;
    rm_doc_free(&conf->doc);
    struct rm_arena own = conf->arena; // the struct lies in it
    rm_arena_fini(&own);
}
