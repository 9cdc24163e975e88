// extra_config.proxy of endpoints and of backends.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#define AT(member) offsetof(struct rm_conf_endpoint, member)

static const char *const proxy_static_names[] = {"always", "success", "errored", "complete",
                                                 "incomplete"}; // as enum rm_static_when

static const char *const proxy_strategies[] = {"parallel", "sequential"};
static const char *const proxy_combiners[] = {"default"};

static const struct rm_field proxy_static_rows[] = {
    {.name = "data", .type = RM_FIELD_OBJECT, .offset = AT(static_data), .doc = "members that are set in the answer"},
    {.name = "strategy",
     .type = RM_FIELD_CHOICE,
     .offset = AT(static_when),
     .fallback = "always",
     .choices = proxy_static_names,
     .n_choices = RM_COUNT(proxy_static_names),
     .lenient = true,
     .doc = "when: always, success, errored, complete or incomplete"},
};
static void proxy_static_finish(struct rm_reader *r, const struct rm_path *path, struct rm_value *object, void *base)
{
    struct rm_path at = {.up = path, .name = RM_STR("data")};
    const struct rm_value *data = rm_value_get(r->arena, object, at.name);
    (void)base;
    if (!data || data->type == RM_NULL)
        rm_reader_error(r, &at, rm_doc_place(data ? data : object), "is missing: the object that is set in the answer");
}

static const struct rm_fields proxy_static_fields = {
    .v = proxy_static_rows, .n = RM_COUNT(proxy_static_rows), .what = "key of static", .finish = proxy_static_finish};

static void proxy_flatmap(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    ((struct rm_conf_endpoint *)base)->flatmap = rm_flatmap_check(r, path, value);
}

static const struct rm_field proxy_rows[] = {
    {.name = "sequential",
     .type = RM_FIELD_BOOL,
     .offset = AT(sequential),
     .lenient = true,
     .doc = "call the backends one after the other"},
    {.name = "static",
     .type = RM_FIELD_NESTED,
     .offset = RM_NOWHERE,
     .nested = &proxy_static_fields,
     .doc = "data that is set in the answer"},
    {.name = "strategy",
     .type = RM_FIELD_CHOICE,
     .offset = RM_NOWHERE,
     .choices = proxy_strategies,
     .n_choices = RM_COUNT(proxy_strategies),
     .lenient = true,
     .doc = "parallel or sequential; wins over sequential"},
    {.name = "combiner",
     .type = RM_FIELD_CHOICE,
     .offset = RM_NOWHERE,
     .choices = proxy_combiners,
     .n_choices = RM_COUNT(proxy_combiners),
     .lenient = true,
     .doc = "default"},
    {.name = "force_sandboxed_request",
     .type = RM_FIELD_BOOL,
     .offset = RM_NOWHERE,
     .doc = "ignored: each backend always gets a request of its own"},
    {.name = "sequential_propagated_params",
     .type = RM_FIELD_STRINGS,
     .offset = RM_NOWHERE,
     .note = "nothing in this version of remora reads the parameters",
     .doc = "ignored"},
    {.name = "flatmap_filter",
     .type = RM_FIELD_ANY,
     .offset = AT(flatmap),
     .read = proxy_flatmap,
     .doc = "del, move and append on the merged answer, in this order"},
};

// "strategy" wins over "sequential", wherever they stand.
static void proxy_finish(struct rm_reader *r, const struct rm_path *path, struct rm_value *object, void *base)
{
    struct rm_conf_endpoint *endpoint = base;
    struct rm_path at = {.up = path, .name = RM_STR("strategy")};
    const struct rm_value *strategy = rm_value_get(r->arena, object, at.name);
    bool is_sequential = strategy && strategy->type == RM_STRING && rm_str_eq(strategy->raw, RM_STR("sequential"));
    bool is_parallel = strategy && strategy->type == RM_STRING && rm_str_eq(strategy->raw, RM_STR("parallel"));
    if (is_parallel && endpoint->sequential)
        rm_reader_warn(r, &at, rm_doc_place(strategy), "parallel wins over \"sequential\": true");
    if (is_sequential || is_parallel)
        endpoint->sequential = is_sequential;
}

const struct rm_fields rm_proxy_fields = {
    .v = proxy_rows, .n = RM_COUNT(proxy_rows), .what = "key of an endpoint's proxy", .finish = proxy_finish};

static void proxy_backend_flatmap(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    struct rm_conf_backend *backend = base;
    backend->has_flatmap = !rm_value_is_off(value);
    backend->flatmap = rm_flatmap_check(r, path, value);
}

static const struct rm_field proxy_backend_rows[] = {
    {.name = "shadow",
     .type = RM_FIELD_BOOL,
     .offset = offsetof(struct rm_conf_backend, shadow),
     .doc = "ask this backend too, without waiting for its answer or looking at it"},
    {.name = "shadow_timeout",
     .type = RM_FIELD_DURATION,
     .offset = offsetof(struct rm_conf_backend, shadow_timeout_us),
     .zero_is_unset = true,
     .doc = "time for a call of a shadow backend; without it the endpoint's"},
    {.name = "flatmap_filter",
     .type = RM_FIELD_ANY,
     .offset = offsetof(struct rm_conf_backend, flatmap),
     .read = proxy_backend_flatmap,
     .doc = "del, move and append on the answer, in place of allow, deny and mapping"},
};
const struct rm_fields rm_proxy_backend_fields = {
    .v = proxy_backend_rows, .n = RM_COUNT(proxy_backend_rows), .what = "key of a backend's proxy"};
