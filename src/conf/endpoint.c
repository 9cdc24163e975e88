// Endpoints: their keys, what they inherit from the service, and their backends.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#define AT(member) offsetof(struct rm_conf_endpoint, member)

const char *const rm_method_names[RM_METHODS] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

static void endpoint_headers(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    struct rm_conf_endpoint *endpoint = base;
    rm_header_names_check(r, path, value, &endpoint->input_headers, &endpoint->all_headers);
}

static void endpoint_query(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    struct rm_conf_endpoint *endpoint = base;
    (void)r, (void)path, (void)value;
    for (size_t i = 0; i < endpoint->input_query_strings.n; i++)
        endpoint->all_query_strings |= rm_str_eq(endpoint->input_query_strings.v[i], RM_STR("*"));
    if (endpoint->all_query_strings)
        endpoint->input_query_strings.n = 0;
}

static const struct rm_field endpoint_rows[] = {
    {.name = "endpoint",
     .type = RM_FIELD_STRING,
     .offset = AT(path),
     .doc = "path that clients call, with {param} segments; /* at its end takes all that follows, which is put behind each url_pattern"},
    {.name = "method",
     .type = RM_FIELD_CHOICE,
     .offset = AT(method),
     .fallback = "GET",
     .choices = rm_method_names,
     .n_choices = RM_METHODS,
     .doc = "method that clients call with"},
    {.name = "backend",
     .type = RM_FIELD_ANY,
     .offset = RM_NOWHERE,
     .doc = "list of the backends that are asked, at least one"},
    {.name = "timeout",
     .type = RM_FIELD_DURATION,
     .offset = AT(timeout_us),
     .zero_is_unset = true,
     .doc = "time for the whole answer; without it the service's"},
    {.name = "cache_ttl",
     .type = RM_FIELD_DURATION,
     .offset = AT(cache_ttl_us),
     .zero_is_unset = true,
     .doc = "max-age of Cache-Control on complete answers; without it the service's"},
    {.name = "concurrent_calls",
     .type = RM_FIELD_U32,
     .offset = AT(concurrent_calls),
     .fallback = "1",
     .min = 1,
     .max = 100,
     .zero_is_unset = true,
     .doc = "calls to each backend at a time, of which the first whole answer is taken"},
    {.name = "input_headers",
     .type = RM_FIELD_STRINGS,
     .offset = AT(input_headers),
     .old_name = "headers_to_pass",
     .read = endpoint_headers,
     .doc = "client headers that backends get, or [\"*\"]"},
    {.name = "input_query_strings",
     .type = RM_FIELD_STRINGS,
     .offset = AT(input_query_strings),
     .old_name = "querystring_params",
     .read = endpoint_query,
     .doc = "client query names that backends get, or [\"*\"]"},
    {.name = "output_encoding",
     .type = RM_FIELD_STRING,
     .offset = AT(output_encoding),
     .zero_is_unset = true,
     .doc = "json, json-collection, string, xml, yaml, negotiate (by Accept) or no-op; without it the service's"},
    {.name = "extra_config", .type = RM_FIELD_ANY, .offset = RM_NOWHERE, .doc = "further features, by namespace"},
};
const struct rm_fields rm_endpoint_fields = {
    .v = endpoint_rows, .n = RM_COUNT(endpoint_rows), .what = "key of an endpoint", .weak = true};

// The list of backends; NULL with a finding when there is none.
static struct rm_value *endpoint_backend_list(struct rm_reader *r, const struct rm_path *path, struct rm_value *object)
{
    struct rm_path at = {.up = path, .name = RM_STR("backend")};
    struct rm_value *list = rm_value_get(r->arena, object, at.name);
    if (!list || list->type == RM_NULL)
        rm_reader_error(r, &at, rm_doc_place(list ? list : object),
                        "is missing: an endpoint needs a list of at least one backend");
    else if (list->type != RM_ARRAY)
        rm_reader_error(r, &at, rm_doc_place(list), "found %s, allowed is a list of backends",
                        rm_value_describe(r->found->arena, list));
    else if (list->n == 0)
        rm_reader_error(r, &at, rm_doc_place(list), "an endpoint needs at least one backend");
    else
        return list;
    return NULL;
}

static void endpoint_output(struct rm_reader *r, const struct rm_path *path, struct rm_value *object,
                            struct rm_value *list, struct rm_conf_endpoint *endpoint)
{
    struct rm_path at = {.up = path, .name = RM_STR("output_encoding")};
    struct rm_value *own = rm_value_get(r->arena, object, at.name);
    if (own && own->type == RM_STRING && own->raw.n > 0) {
        // KrakenD falls back to the renderer named like the only backend's encoding, which exists for these.
        static const char *const both[] = {"string", "xml", "yaml"};
        struct rm_value *encoding = list && list->n == 1 && list->first->type == RM_OBJECT
                                        ? rm_value_get(r->arena, list->first, RM_STR("encoding"))
                                        : NULL;
        struct rm_str fallback = RM_STR("json");
        for (size_t i = 0; encoding && i < RM_COUNT(both); i++) {
            if (rm_str_eq_nocase(rm_value_text(r->arena, encoding), rm_str_of(both[i])))
                fallback = rm_str_of(both[i]);
        }
        rm_encoding_output(r, &at, rm_doc_place(own), &endpoint->output_encoding, fallback);
    }
    if (!rm_str_eq(endpoint->output_encoding, RM_STR("no-op")))
        return;
    struct rm_place place = rm_doc_place(own ? own : object);
    if (list && list->n > 1)
        rm_reader_error(r, &at, place, "no-op passes one backend's answer through, but there are %u backends", list->n);
    struct rm_path calls = {.up = path, .name = RM_STR("concurrent_calls")};
    if (endpoint->concurrent_calls > 1)
        rm_reader_warn(r, &calls, rm_doc_key_place(rm_value_get(r->arena, object, calls.name)),
                       "no effect: one body cannot be passed through twice");
    if (endpoint->static_data)
        rm_reader_warn(r, &at, place, "no-op passes the answer through: extra_config.proxy.static has no effect");
    if (endpoint->flatmap)
        rm_reader_warn(r, &at, place,
                       "no-op passes the answer through: extra_config.proxy.flatmap_filter has no effect");
}

// Shadow backends make no part of the answer: they stand, and are counted, behind those that do.
static void endpoint_backends(struct rm_reader *r, const struct rm_path *path, struct rm_value *list,
                              struct rm_conf_endpoint *endpoint)
{
    struct rm_conf_backend *shadows = RM_NEW_ARRAY(r->arena, struct rm_conf_backend, list->n);
    struct rm_path backends = {.up = path, .name = RM_STR("backend")};
    endpoint->backends = RM_NEW_ARRAY(r->arena, struct rm_conf_backend, list->n);
    size_t index = 0;
    for (struct rm_value *item = list->first; item; item = item->next, index++) {
        struct rm_path at = {.up = &backends, .index = index};
        struct rm_conf_backend *backend = &endpoint->backends[endpoint->n_backends];
        rm_backend_read(r, &at, item, endpoint, endpoint->n_backends);
        if (backend->shadow) {
            shadows[endpoint->n_shadows++] = *backend;
            *backend = (struct rm_conf_backend){0};
        } else {
            endpoint->n_backends++;
        }
    }
    for (size_t i = 0; i < endpoint->n_shadows; i++)
        endpoint->backends[endpoint->n_backends + i] = shadows[i];
}

static void endpoint_read(struct rm_reader *r, const struct rm_path *path, struct rm_value *object,
                          struct rm_conf_endpoint *endpoint)
{
    struct rm_path extra = {.up = path, .name = RM_STR("extra_config")},
                   name = {.up = path, .name = RM_STR("endpoint")};
    endpoint->place = rm_doc_place(object);
    endpoint->timeout_us = r->conf->timeout_us;
    endpoint->cache_ttl_us = r->conf->cache_ttl_us;
    endpoint->output_encoding = r->conf->output_encoding;
    rm_fields_defaults(r, &rm_endpoint_fields, endpoint);
    rm_extra_defaults(r, RM_EXTRA_ENDPOINT, endpoint);
    if (!rm_object_expect(r, path, object))
        return;
    rm_fields_read(r, &rm_endpoint_fields, path, object, endpoint);
    struct rm_value *text = rm_value_get(r->arena, object, name.name);
    if (!text || text->type == RM_NULL)
        rm_reader_error(r, &name, endpoint->place, "is missing: the path that clients call");
    else if (text->type == RM_STRING)
        rm_endpoint_path_read(r, &name, rm_doc_place(text), endpoint);
    rm_extra_read(r, RM_EXTRA_ENDPOINT, &extra, rm_value_get(r->arena, object, extra.name), endpoint);

    struct rm_value *list = endpoint_backend_list(r, path, object);
    endpoint_output(r, path, object, list, endpoint);
    rm_bodies_check(r, &extra, endpoint);
    if (!list)
        return;
    endpoint_backends(r, path, list, endpoint);
    rm_own_endpoint_check(r, &extra, object, endpoint);
    if (endpoint->n_backends > 0)
        return;
    struct rm_path at = {.up = path, .name = RM_STR("backend")};
    endpoint->static_data = NULL; // not in that answer either
    if (rm_str_eq(endpoint->output_encoding, RM_STR("no-op")))
        rm_reader_error(r, &at, rm_doc_place(list), "no-op passes a backend's answer through, a shadow's is not passed");
    else
        rm_reader_warn(r, &at, rm_doc_place(list),
                       "only shadow backends, which are not asked then: every request is answered with 500");
}

void rm_endpoints_read(struct rm_reader *r, struct rm_value *root)
{
    struct rm_path path = {.name = RM_STR("endpoints")};
    struct rm_value *list = rm_value_get(r->arena, root, path.name);
    if (!list || list->type == RM_NULL)
        return;
    if (list->type != RM_ARRAY) {
        rm_reader_error(r, &path, rm_doc_place(list), "found %s, allowed is a list of endpoints",
                        rm_value_describe(r->found->arena, list));
        return;
    }
    r->conf->endpoints = RM_NEW_ARRAY(r->arena, struct rm_conf_endpoint, list->n > 0 ? list->n : 1);
    r->conf->n_endpoints = list->n;
    size_t index = 0;
    for (struct rm_value *item = list->first; item; item = item->next, index++) {
        struct rm_path at = {.up = &path, .index = index};
        endpoint_read(r, &at, item, &r->conf->endpoints[index]);
    }
    rm_routes_check(r, list);
}
