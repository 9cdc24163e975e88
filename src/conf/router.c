// extra_config.router of the service.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#include <arpa/inet.h>

#define AT(member) offsetof(struct rm_conf, router.member)

static void router_health(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    struct rm_conf *conf = base;
    struct rm_str text = conf->router.health_path;
    bool fits = text.n > 1 && text.p[0] == '/';
    for (size_t i = 0; i < text.n; i++)
        fits &= !strchr("{}*?#:", text.p[i]);
    if (value->type == RM_STRING && !fits)
        rm_reader_error(r, path, rm_doc_place(value), "%s is no path: it begins with a slash and has no parameters",
                        rm_text_quote(r->found->arena, text));
}

static void router_ip_headers(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    rm_header_names_check(r, path, value, &((struct rm_conf *)base)->router.remote_ip_headers, NULL);
}

// An address, or one with a prefix length.
static bool router_is_network(struct rm_arena *arena, struct rm_str text)
{
    unsigned char address[16];
    char *copy = rm_arena_cstr(arena, text);
    char *slash = strchr(copy, '/');
    unsigned bits = 0;
    if (slash) {
        *slash = '\0';
        size_t digits = strlen(slash + 1);
        if (digits == 0 || digits > 3)
            return false;
        for (const char *c = slash + 1; *c; c++) {
            if (*c < '0' || *c > '9')
                return false;
            bits = bits * 10 + (unsigned)(*c - '0');
        }
    }
    if (inet_pton(AF_INET, copy, address) == 1)
        return bits <= 32;
    return inet_pton(AF_INET6, copy, address) == 1 && bits <= 128;
}

static void router_proxies(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    struct rm_conf *conf = base;
    const struct rm_value *item = value->type == RM_ARRAY ? value->first : value;
    for (size_t i = 0; i < conf->router.trusted_proxies.n && item; i++, item = item->next) {
        struct rm_path at = {.up = path, .index = i};
        if (!router_is_network(r->found->arena, conf->router.trusted_proxies.v[i]))
            rm_reader_error(r, value->type == RM_ARRAY ? &at : path, rm_doc_place(item),
                            "%s is no IP address and no network such as 10.0.0.0/8",
                            rm_text_quote(r->found->arena, conf->router.trusted_proxies.v[i]));
    }
}

static const struct rm_field router_error_rows[] = {
    {.name = "404", .type = RM_FIELD_ANY, .offset = AT(error_body_404), .doc = "JSON body where there is no such path"},
    {.name = "405",
     .type = RM_FIELD_ANY,
     .offset = AT(error_body_405),
     .doc = "JSON body where the path has no such method"},
};
static const struct rm_fields router_error_fields = {
    .v = router_error_rows, .n = RM_COUNT(router_error_rows), .what = "status"};

static const struct rm_field router_rows[] = {
    {.name = "return_error_msg",
     .type = RM_FIELD_BOOL,
     .offset = AT(return_error_msg),
     .doc = "answer errors with their text"},
    {.name = "health_path",
     .type = RM_FIELD_STRING,
     .offset = AT(health_path),
     .fallback = "/__health",
     .zero_is_unset = true,
     .read = router_health,
     .doc = "path of the health check"},
    {.name = "disable_health", .type = RM_FIELD_BOOL, .offset = AT(disable_health), .doc = "no health check"},
    {.name = "auto_options",
     .type = RM_FIELD_BOOL,
     .offset = AT(auto_options),
     .doc = "answer OPTIONS with 200 and Allow"},
    {.name = "disable_access_log",
     .type = RM_FIELD_BOOL,
     .offset = AT(disable_access_log),
     .doc = "no line for each request"},
    {.name = "logger_skip_paths",
     .type = RM_FIELD_STRINGS,
     .offset = AT(logger_skip_paths),
     .doc = "paths without a line in the access log"},
    {.name = "hide_version_header",
     .type = RM_FIELD_BOOL,
     .offset = AT(hide_version_header),
     .doc = "X-Krakend does not say the version"},
    {.name = "disable_redirect_trailing_slash",
     .type = RM_FIELD_BOOL,
     .offset = AT(disable_redirect_trailing_slash),
     .doc = "no redirect between /a and /a/"},
    {.name = "disable_redirect_fixed_path",
     .type = RM_FIELD_BOOL,
     .offset = AT(disable_redirect_fixed_path),
     .doc = "no redirect from doubled slashes and other case"},
    {.name = "disable_handle_method_not_allowed",
     .type = RM_FIELD_BOOL,
     .offset = AT(disable_handle_method_not_allowed),
     .doc = "404 in place of 405"},
    {.name = "disable_path_decoding",
     .type = RM_FIELD_BOOL,
     .offset = AT(disable_path_decoding),
     .doc = "match raw segments and pass them on intact"},
    {.name = "remove_extra_slash",
     .type = RM_FIELD_BOOL,
     .offset = AT(remove_extra_slash),
     .doc = "match as if doubled slashes were one"},
    {.name = "forwarded_by_client_ip",
     .type = RM_FIELD_BOOL,
     .offset = AT(forwarded_by_client_ip),
     .fallback = "true",
     .doc = "believe trusted proxies about the client's address"},
    {.name = "remote_ip_headers",
     .type = RM_FIELD_STRINGS,
     .offset = AT(remote_ip_headers),
     .read = router_ip_headers,
     .doc = "headers that hold it; default X-Forwarded-For, X-Real-IP"},
    {.name = "trusted_proxies",
     .type = RM_FIELD_STRINGS,
     .offset = AT(trusted_proxies),
     .read = router_proxies,
     .doc = "addresses and networks of trusted proxies; default loopback"},
    {.name = "error_body",
     .type = RM_FIELD_NESTED,
     .offset = RM_NOWHERE,
     .nested = &router_error_fields,
     .doc = "JSON bodies of 404 and 405"},
    {.name = "app_engine",
     .type = RM_FIELD_LATER,
     .offset = RM_NOWHERE,
     .note = "name the header in remote_ip_headers",
     .doc = "not in this version"},
    {.name = "max_multipart_memory",
     .type = RM_FIELD_U32,
     .offset = RM_NOWHERE,
     .max = UINT32_MAX,
     .note = "forms are not parsed",
     .doc = "ignored"},
    {.name = "use_h2c",
     .type = RM_FIELD_LATER,
     .offset = RM_NOWHERE,
     .note = "clients are served HTTP/1.1",
     .doc = "not in this version"},
    {.name = "disable_gzip", .type = RM_FIELD_BOOL, .offset = RM_NOWHERE, .doc = "ignored: answers are not compressed"},
    {.name = "decompress_gzip",
     .type = RM_FIELD_LATER,
     .offset = RM_NOWHERE,
     .note = "bodies of requests are passed on as they are",
     .doc = "not in this version"},
    {.name = "max_payload",
     .type = RM_FIELD_LATER,
     .offset = RM_NOWHERE,
     .note = "use extra_config.remora.limits.client_body_bytes",
     .doc = "not in this version"},
};
const struct rm_fields rm_router_fields = {.v = router_rows, .n = RM_COUNT(router_rows), .what = "router option"};
