// extra_config["security/http"] of the service.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#define AT(member) offsetof(struct rm_conf, secure.member)
#define CENTURY_S (100U * 365 * 86400)

static void secure_host_headers(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    rm_header_names_check(r, path, value, &((struct rm_conf *)base)->secure.host_proxy_headers, NULL);
}

static void secure_tls_headers(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    (void)base;
    for (struct rm_value *member = value->first; value->type == RM_OBJECT && member; member = member->next)
        if (!rm_is_token(member->key))
            rm_reader_error(r, path, rm_doc_key_place(member), "%s is no header's name",
                            rm_text_quote(r->found->arena, member->key));
}

static const struct rm_field secure_rows[] = {
    {.name = "allowed_hosts",
     .type = RM_FIELD_STRINGS,
     .offset = AT(allowed_hosts),
     .doc = "values of Host that are served, with their port where it is not the scheme's; others get 500; none: all"},
    {.name = "host_proxy_headers",
     .type = RM_FIELD_STRINGS,
     .offset = AT(host_proxy_headers),
     .read = secure_host_headers,
     .doc = "headers in which a trusted proxy says the host that it was asked for"},
    {.name = "ssl_redirect",
     .type = RM_FIELD_BOOL,
     .offset = AT(ssl_redirect),
     .doc = "a request that has not come by TLS is sent to https with 301"},
    {.name = "ssl_host",
     .type = RM_FIELD_STRING,
     .offset = AT(ssl_host),
     .doc = "to this host; without it the request's"},
    {.name = "ssl_proxy_headers",
     .type = RM_FIELD_STEP_NAMES,
     .offset = AT(ssl_proxy_headers),
     .read = secure_tls_headers,
     .doc = "headers with whose value a trusted proxy says that the client came by TLS"},
    {.name = "sts_seconds",
     .type = RM_FIELD_U32,
     .offset = AT(sts_seconds),
     .max = CENTURY_S,
     .doc = "max-age of Strict-Transport-Security, over TLS; 0: none"},
    {.name = "sts_include_subdomains",
     .type = RM_FIELD_BOOL,
     .offset = AT(sts_include_subdomains),
     .doc = "with includeSubDomains"},
    {.name = "frame_deny", .type = RM_FIELD_BOOL, .offset = AT(frame_deny), .doc = "X-Frame-Options: DENY"},
    {.name = "custom_frame_options_value",
     .type = RM_FIELD_STRING,
     .offset = AT(frame_options),
     .doc = "X-Frame-Options with this value; wins over frame_deny"},
    {.name = "content_type_nosniff",
     .type = RM_FIELD_BOOL,
     .offset = AT(content_type_nosniff),
     .doc = "X-Content-Type-Options: nosniff"},
    {.name = "browser_xss_filter",
     .type = RM_FIELD_BOOL,
     .offset = AT(browser_xss_filter),
     .doc = "X-XSS-Protection: 1; mode=block"},
    {.name = "content_security_policy",
     .type = RM_FIELD_STRING,
     .offset = AT(content_security_policy),
     .doc = "value of Content-Security-Policy"},
    {.name = "referrer_policy",
     .type = RM_FIELD_STRING,
     .offset = AT(referrer_policy),
     .doc = "value of Referrer-Policy"},
    {.name = "hpkp_public_key",
     .type = RM_FIELD_STRING,
     .offset = RM_NOWHERE,
     .note = "no browser knows Public-Key-Pins any more",
     .doc = "ignored"},
    {.name = "is_development",
     .type = RM_FIELD_BOOL,
     .offset = AT(is_development),
     .doc = "allowed_hosts, ssl_redirect and sts_seconds are left out"},
};
const struct rm_fields rm_secure_fields = {.v = secure_rows,
                                           .n = RM_COUNT(secure_rows),
                                           .what = "key of security/http",
                                           .is_optional = true,
                                           .given = AT(is_given)};
