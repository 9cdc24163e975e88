// One backend of an endpoint: its keys, what it inherits, and what does not go together.
// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"
#include "conf/load.h"

#define AT(member) offsetof(struct rm_conf_backend, member)
#define SD_MAX 16 // providers, for the list in a message

static void backend_headers(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    struct rm_conf_backend *backend = base;
    rm_header_names_check(r, path, value, &backend->input_headers, NULL);
}

static const struct rm_field backend_rows[] = {
    {.name = "host",
     .type = RM_FIELD_STRINGS,
     .offset = AT(hosts),
     .doc = "hosts to call, without them the service's; or what \"sd\" looks for"},
    {.name = "url_pattern",
     .type = RM_FIELD_STRING,
     .offset = AT(url_pattern),
     .fallback = "/",
     .doc = "path and query to call, with {param} and {resp0_field}"},
    {.name = "method",
     .type = RM_FIELD_CHOICE,
     .offset = AT(method),
     .choices = rm_method_names,
     .n_choices = RM_METHODS,
     .doc = "method to call with; without it the endpoint's"},
    {.name = "encoding",
     .type = RM_FIELD_STRING,
     .offset = AT(encoding),
     .fallback = "json",
     .zero_is_unset = true,
     .doc = "how the answer is read: json, safejson, string, xml, rss, yaml or no-op"},
    {.name = "is_collection",
     .type = RM_FIELD_BOOL,
     .offset = AT(is_collection),
     .doc = "the answer is a list, which becomes {\"collection\": [...]}"},
    {.name = "target",
     .type = RM_FIELD_STEP_STRING,
     .offset = AT(target),
     .doc = "dotted path of the object that takes the answer's place"},
    {.name = "allow",
     .type = RM_FIELD_STEP_STRINGS,
     .offset = AT(allow),
     .old_name = "whitelist",
     .doc = "dotted paths of the members that stay"},
    {.name = "deny",
     .type = RM_FIELD_STEP_STRINGS,
     .offset = AT(deny),
     .old_name = "blacklist",
     .doc = "dotted paths of the members that go"},
    {.name = "mapping",
     .type = RM_FIELD_STEP_NAMES,
     .offset = AT(mapping),
     .doc = "old to new names of top-level members"},
    {.name = "group",
     .type = RM_FIELD_STEP_STRING,
     .offset = AT(group),
     .doc = "name of an object that is put around the answer"},
    {.name = "sd",
     .type = RM_FIELD_STRING,
     .offset = AT(sd),
     .fallback = "static",
     .zero_is_unset = true,
     .doc = "how hosts are found: static (the list), dns (an SRV name), kubernetes or k8s (a Service)"},
    {.name = "sd_scheme",
     .type = RM_FIELD_STRING,
     .offset = AT(sd_scheme),
     .fallback = "http",
     .zero_is_unset = true,
     .doc = "scheme of hosts that discovery finds: http or https"},
    {.name = "disable_host_sanitize",
     .type = RM_FIELD_BOOL,
     .offset = AT(disable_host_sanitize),
     .doc = "take the hosts as written, a path prefix included"},
    {.name = "input_headers",
     .type = RM_FIELD_STRINGS,
     .offset = AT(input_headers),
     .old_name = "headers_to_pass",
     .read = backend_headers,
     .doc = "of the endpoint's headers, the only ones this backend gets"},
    {.name = "input_query_strings",
     .type = RM_FIELD_STRINGS,
     .offset = AT(input_query_strings),
     .old_name = "querystring_params",
     .doc = "of the endpoint's query names, the only ones this backend gets"},
    {.name = "timeout",
     .type = RM_FIELD_DURATION,
     .offset = RM_NOWHERE,
     .note = "a backend's own timeout is extra_config.remora.timeout",
     .doc = "ignored, as in KrakenD"},
    {.name = "concurrent_calls",
     .type = RM_FIELD_U32,
     .offset = RM_NOWHERE,
     .max = 1000,
     .note = "it is a key of the endpoint",
     .doc = "ignored, as in KrakenD"},
    {.name = "extra_config", .type = RM_FIELD_ANY, .offset = RM_NOWHERE, .doc = "further features, by namespace"},
};
const struct rm_fields rm_backend_fields = {
    .v = backend_rows, .n = RM_COUNT(backend_rows), .what = "key of a backend", .weak = true};

// The place of a member, or of the object where it is missing.
static struct rm_place backend_place(struct rm_reader *r, struct rm_value *object, const char *name)
{
    const struct rm_value *member = rm_value_get(r->arena, object, rm_str_of(name));
    return rm_doc_place(member ? member : object);
}

// "static, dns or kubernetes"
static const char *backend_sd_allowed(struct rm_reader *r, const char *const *names, size_t n)
{
    struct rm_str text = rm_str_of(names[0]);
    for (size_t i = 1; i < n; i++)
        text = rm_arena_printf(r->found->arena, "%.*s%s%s", (int)text.n, text.p, i + 1 < n ? ", " : " or ", names[i]);
    return text.p;
}

// The provider; NULL: there is no such one, with a finding, or the loader was given none.
static const struct rm_sd_ops *backend_provider(struct rm_reader *r, const struct rm_path *path,
                                                struct rm_value *object, const struct rm_conf_backend *backend)
{
    struct rm_path sd = {.up = path, .name = RM_STR("sd")};
    const char *names[SD_MAX] = {"static"};
    size_t n = r->providers ? 0 : 1;
    for (; r->providers && r->providers[n]; n++) {
        RM_ASSERT(n < SD_MAX);
        names[n] = r->providers[n]->name;
        if (rm_str_eq(backend->sd, rm_str_of(names[n])))
            return r->providers[n];
    }
    if (!r->providers && rm_str_eq(backend->sd, RM_STR("static")))
        return NULL;
    const char *near = rm_nearest(backend->sd, names, n);
    rm_reader_error(r, &sd, backend_place(r, object, "sd"), "unknown service discovery %s, allowed is %s%s%s%s",
                    rm_text_quote(r->found->arena, backend->sd), backend_sd_allowed(r, names, n),
                    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return NULL;
}

static void backend_static_hosts(struct rm_reader *r, const struct rm_path *at, struct rm_value *list,
                                 struct rm_value *object, struct rm_conf_backend *backend)
{
    if (backend->hosts.n > 0) {
        rm_hosts_read(r, at, list, backend->disable_host_sanitize, &backend->hosts);
        return;
    }
    backend->hosts = r->conf->hosts;
    if (backend->hosts.n == 0 && (!list || list->type == RM_ARRAY || list->type == RM_NULL))
        rm_reader_warn(r, at, rm_doc_place(list ? list : object),
                       "no host, neither here nor at the service: calls end in \"no hosts available\"");
}

// What any other provider looks for is written at the backend itself, in the provider's own form.
static void backend_discovery(struct rm_reader *r, const struct rm_path *path, struct rm_value *object,
                              struct rm_conf_backend *backend)
{
    struct rm_path host = {.up = path, .name = RM_STR("host")}, scheme = {.up = path, .name = RM_STR("sd_scheme")};
    struct rm_value *list = rm_value_get(r->arena, object, host.name);
    const struct rm_sd_ops *provider = backend_provider(r, path, object, backend);
    if (!rm_str_eq(backend->sd_scheme, RM_STR("http")) && !rm_str_eq(backend->sd_scheme, RM_STR("https")))
        rm_reader_error(r, &scheme, backend_place(r, object, "sd_scheme"), "found %s, allowed is http or https",
                        rm_text_quote(r->found->arena, backend->sd_scheme));
    if (rm_str_eq(backend->sd, RM_STR("static"))) {
        backend_static_hosts(r, &host, list, object, backend);
        return;
    }
    if (!provider || !provider->check || (list && list->type == RM_OBJECT))
        return;
    struct rm_source source = {.provider = backend->sd,
                               .hosts = backend->hosts.v,
                               .n_hosts = backend->hosts.n,
                               .scheme = backend->sd_scheme,
                               .refresh_us = r->conf->dns_cache_ttl_us};
    struct rm_err err = {0};
    if (provider->check(&source, &err) != RM_OK)
        rm_reader_error(r, &host, backend_place(r, object, "host"), "%s", err.text);
}

// KrakenD's: a flatmap takes the place of what the backend's other keys would do, but for target and group.
static void backend_beside_flatmap(struct rm_reader *r, const struct rm_path *path, struct rm_value *object,
                                   struct rm_conf_backend *backend)
{
    static const char *const names[] = {"allow", "whitelist", "deny", "blacklist", "mapping"};
    if (!backend->has_flatmap)
        return;
    for (size_t i = 0; i < RM_COUNT(names); i++) {
        struct rm_path at = {.up = path, .name = rm_str_of(names[i])};
        struct rm_value *step = rm_value_get(r->arena, object, at.name);
        if (step && !rm_value_is_off(step))
            rm_reader_warn(r, &at, rm_doc_key_place(step), "no effect beside \"flatmap_filter\"");
    }
    backend->allow = backend->deny = backend->mapping = NULL;
}

// What a body that is passed through leaves without effect, and two filters of which KrakenD takes one.
static void backend_conflicts(struct rm_reader *r, const struct rm_path *path, struct rm_value *object,
                              const struct rm_conf_endpoint *endpoint, struct rm_conf_backend *backend)
{
    static const char *const steps[] = {"is_collection", "target", "allow", "deny", "mapping", "group"};
    struct rm_path encoding = {.up = path, .name = RM_STR("encoding")}, deny = {.up = path, .name = RM_STR("deny")};
    struct rm_value *own = rm_value_get(r->arena, object, RM_STR("encoding"));
    bool passes = rm_str_eq(endpoint->output_encoding, RM_STR("no-op"));
    bool is_noop = rm_str_eq(backend->encoding, RM_STR("no-op"));
    if (passes && !is_noop && own && own->type == RM_STRING)
        rm_reader_warn(r, &encoding, rm_doc_place(own),
                       "no effect: the endpoint's output_encoding no-op passes the answer through");
    if (!passes && is_noop)
        rm_reader_warn(r, &encoding, rm_doc_place(own),
                       "the answer is thrown away: no-op needs \"output_encoding\": \"no-op\" at the endpoint");
    if (passes)
        backend->encoding = RM_STR("no-op");
    for (size_t i = 0; (passes || is_noop) && i < RM_COUNT(steps); i++) {
        struct rm_path at = {.up = path, .name = rm_str_of(steps[i])};
        struct rm_value *step = rm_value_get(r->arena, object, rm_str_of(steps[i]));
        if (step && !rm_value_is_off(step))
            rm_reader_warn(r, &at, rm_doc_key_place(step),
                           "no effect: the encoding no-op does not look into the answer");
    }
    if ((passes || is_noop) && backend->has_flatmap) {
        struct rm_path extra = {.up = path, .name = RM_STR("extra_config")};
        rm_reader_warn(r, &extra, rm_doc_key_place(rm_value_get(r->arena, object, extra.name)),
                       "flatmap_filter has no effect: the encoding no-op does not look into the answer");
    }
    if ((passes || is_noop) && (backend->return_error_code || backend->return_error_details.n > 0)) {
        struct rm_path extra = {.up = path, .name = RM_STR("extra_config")};
        rm_reader_warn(r, &extra, rm_doc_key_place(rm_value_get(r->arena, object, extra.name)),
                       "backend/http has no effect: the encoding no-op passes every status");
    }
    backend_beside_flatmap(r, path, object, backend);
    if (backend->allow && backend->deny) {
        rm_reader_warn(r, &deny, rm_doc_key_place(rm_value_get(r->arena, object, RM_STR("deny")) ?: object),
                       "no effect beside \"allow\"");
        backend->deny = NULL;
    }
}

static void backend_shadow(struct rm_reader *r, const struct rm_path *path, struct rm_value *object,
                           const struct rm_conf_endpoint *endpoint, struct rm_conf_backend *backend)
{
    struct rm_path extra = {.up = path, .name = RM_STR("extra_config")};
    if (backend->shadow && backend->shadow_timeout_us == 0)
        backend->shadow_timeout_us = endpoint->timeout_us;
    if (!backend->shadow && backend->shadow_timeout_us > 0)
        rm_reader_warn(r, &extra, rm_doc_key_place(rm_value_get(r->arena, object, extra.name)),
                       "shadow_timeout has no effect without \"shadow\": true");
}

void rm_backend_read(struct rm_reader *r, const struct rm_path *path, struct rm_value *object,
                     const struct rm_conf_endpoint *endpoint, size_t index)
{
    struct rm_conf_backend *backend = &endpoint->backends[index];
    struct rm_path extra = {.up = path, .name = RM_STR("extra_config")};
    struct rm_path pattern = {.up = path, .name = RM_STR("url_pattern")},
                   encoding = {.up = path, .name = RM_STR("encoding")};
    backend->method = endpoint->method;
    backend->place = rm_doc_place(object);
    rm_fields_defaults(r, &rm_backend_fields, backend);
    rm_extra_defaults(r, RM_EXTRA_BACKEND, backend);
    if (!rm_object_expect(r, path, object))
        return;
    rm_fields_read(r, &rm_backend_fields, path, object, backend);
    rm_extra_read(r, RM_EXTRA_BACKEND, &extra, rm_value_get(r->arena, object, extra.name), backend);
    if (backend->graphql.query.n > 0)
        rm_graphql_check(r, &extra, rm_value_get(r->arena, object, extra.name), endpoint, backend);
    rm_martian_check(r, &extra, endpoint, backend);
    rm_lambda_check(r, &extra, rm_value_get(r->arena, object, extra.name), endpoint, backend);
    if (!rm_value_get(r->arena, object, pattern.name))
        rm_reader_warn(r, &pattern, backend->place, "is missing: \"/\" is called");
    rm_pattern_compile(r, &pattern, backend_place(r, object, "url_pattern"), endpoint, index);
    rm_when_check(r, &extra, rm_value_get(r->arena, object, extra.name), endpoint, index, backend);
    if (!backend->lambda.is_given)
        backend_discovery(r, path, object, backend);
    rm_encoding_input(r, &encoding, backend_place(r, object, "encoding"), &backend->encoding);
    backend_conflicts(r, path, object, endpoint, backend);
    rm_balance_check(r, path, object, endpoint, &backend->balance);
    backend_shadow(r, path, object, endpoint, backend);
    if (backend->timeout_us > endpoint->timeout_us && !backend->shadow)
        rm_reader_warn(r, &extra, backend->place,
                       "the backend's timeout is longer than the endpoint's, which ends the call first");
    backend->has_input_headers = backend->input_headers.n > 0;
    backend->has_input_query_strings = backend->input_query_strings.n > 0;
}
