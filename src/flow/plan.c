// From a configuration to a plan: all that can be decided before the first request. Owns the configuration and an arena; immutable
// afterwards. Says what is wrong with a configuration only where rm_conf_load() cannot know it.
// SPDX-License-Identifier: Apache-2.0
#include "flow/backend.h"
#include "flow/balance.h"
#include "flow/graphql.h"
#include "flow/lambda.h"
#include "flow/policies.h"
#include "pool/source.h"

#include <inttypes.h>

#define PLAN_GROUP_PERCENT 85 // krakend-behaviour.md §3.1
#define PLAN_RACE_PERCENT 75  // §5.7

#define PLAN_DEEP 100000 // deeper than any document may be

struct plan_build {
    struct rm_plan *plan;
    struct rm_source *sources;  // as many as there are backends
    struct rm_plan_view *views; // likewise
    uint64_t identity;          // of this pod
    const struct rm_conf_endpoint *endpoint;
    const struct rm_conf_backend *backend;
    struct rm_err *err;
};

// RM_ECONF with the backend's place in front.
static int plan_fail(const struct plan_build *build, const char *key, const char *text)
{
    const struct rm_conf *conf = build->plan->conf;
    return rm_fail(build->err, RM_ECONF, "%.*s:%u:%u: %s: %s", (int)conf->doc.file.n,
                   conf->doc.file.n ? conf->doc.file.p : "", build->backend->place.line, build->backend->place.column,
                   key, text);
}

// ---- sources -------------------------------------------------------------------------------------------------------

static uint32_t plan_add_source(struct plan_build *build)
{
    const struct rm_conf_backend *conf = build->backend;
    struct rm_source source = {.provider = conf->sd,
                               .hosts = conf->hosts.v,
                               .n_hosts = conf->hosts.n,
                               .scheme = conf->sd_scheme,
                               .refresh_us = build->plan->conf->dns_cache_ttl_us};
    for (uint32_t i = 0; i < build->plan->n_sources; i++) {
        if (rm_source_same(&build->sources[i], &source))
            return i;
    }
    build->sources[build->plan->n_sources] = source;
    return build->plan->n_sources++;
}

// Backends share a view when they share source and balance: one round, one count of what runs.
static uint32_t plan_add_view(struct plan_build *build)
{
    struct rm_plan *plan = build->plan;
    struct rm_plan_view view = {.source = plan_add_source(build)};
    rm_balance_of(&build->backend->balance, plan->conf->zone, build->identity, &view.balance);
    for (uint32_t i = 0; i < plan->n_views; i++) {
        if (build->views[i].source == view.source && rm_balance_same(&build->views[i].balance, &view.balance))
            return i;
    }
    build->views[plan->n_views] = view;
    return plan->n_views++;
}

// ---- backends ------------------------------------------------------------------------------------------------------

static int plan_add_step(struct plan_build *build, struct rm_backend *backend, const struct rm_step_ops *ops,
                         struct rm_value *conf)
{
    if (!conf)
        return RM_OK;
    void *self = NULL;
    struct rm_err why;
    if (ops->open(&self, &build->plan->arena, conf, &why) != RM_OK)
        return plan_fail(build, ops->name, why.text);
    if (self)
        backend->steps[backend->n_steps++] = (struct rm_backend_step){ops, self};
    return RM_OK;
}

static int plan_add_steps(struct plan_build *build, struct rm_backend *backend)
{
    const struct rm_conf_backend *conf = build->backend;
    const struct {
        const struct rm_step_ops *ops;
        struct rm_value *conf;
    } order[] = {
        {&rm_step_target, conf->target}, {&rm_step_flatmap, conf->flatmap}, {&rm_step_allow, conf->allow},
        {&rm_step_deny, conf->deny},     {&rm_step_mapping, conf->mapping}, {&rm_step_group, conf->group},
    };
    backend->steps = RM_NEW_ARRAY(&build->plan->arena, struct rm_backend_step, RM_COUNT(order));
    for (size_t i = 0; i < RM_COUNT(order); i++) {
        int rc = plan_add_step(build, backend, order[i].ops, order[i].conf);
        if (rc != RM_OK)
            return rc;
    }
    return RM_OK;
}

// The longest path into this backend's result that another backend's URL names.
static uint32_t plan_named_depth(const struct rm_conf_endpoint *endpoint, uint32_t index)
{
    size_t depth = 0;
    for (size_t i = 0; i < endpoint->n_backends; i++) {
        for (size_t p = 0; p < endpoint->backends[i].n_pieces; p++) {
            const struct rm_piece *piece = &endpoint->backends[i].pieces[p];
            if (piece->kind == RM_PIECE_RESP && piece->backend == index && piece->path.n > depth)
                depth = piece->path.n;
        }
    }
    return (uint32_t)depth;
}

// How many levels of an answer are looked into: by each step where it stands, then by merge, the endpoint's flatmap, static
// data and later URLs.
static uint32_t plan_open_depth(const struct rm_conf_endpoint *conf, const struct rm_endpoint *endpoint,
                                const struct rm_backend *backend)
{
    int64_t root = 0, depth = 0; // the level in the answer at which the steps' object now has its root
    for (uint32_t i = 0; i < backend->n_steps; i++) {
        const struct rm_backend_step *step = &backend->steps[i];
        int64_t looks = step->ops->depth(step->self);
        depth = root + looks > depth ? root + looks : depth;
        if (step->ops == &rm_step_target)
            root += looks;
        else if (step->ops == &rm_step_group)
            root--;
    }
    int64_t after = plan_named_depth(conf, backend->index);
    int64_t flatmap = endpoint->flatmap ? rm_step_flatmap.depth(endpoint->flatmap) : 0;
    after = flatmap > after ? flatmap : after;
    if (after < 1 && (conf->n_backends > 1 || conf->static_data))
        after = 1;
    if (conf->n_backends > 1 && (conf->merge == RM_CONF_DEEP || conf->merge == RM_CONF_APPEND))
        after = PLAN_DEEP; // nodes that are charged when they come, instead of ranges that are opened once a level
    depth = root + after > depth ? root + after : depth;
    return (uint32_t)depth;
}

static int plan_add_backend(struct plan_build *build, const struct rm_endpoint *endpoint, uint32_t index)
{
    struct rm_plan *plan = build->plan;
    struct rm_backend *backend = &endpoint->backends[index];
    const struct rm_conf_backend *conf = build->backend;
    const struct rm_codec_ops *codec = rm_codec_find(conf->encoding);
    if (!codec)
        return plan_fail(build, "encoding", "there is no such encoding");
    backend->conf = conf;
    backend->index = index;
    backend->view = plan_add_view(build);
    backend->transport = rm_plan_add_transport(plan, conf);
    backend->method = rm_str_of(rm_method_names[conf->method]);
    backend->timeout_us = conf->timeout_us;
    if (conf->shadow && (conf->timeout_us == 0 || conf->shadow_timeout_us < conf->timeout_us))
        backend->timeout_us = conf->shadow_timeout_us;
    backend->decoder = codec->decode && !conf->shadow ? codec : NULL;
    rm_url_compile(&backend->url, &plan->arena, conf, build->endpoint, plan->conf->router.disable_path_decoding);
    rm_filter_compile(&backend->headers, &plan->arena, conf->input_headers.v, conf->input_headers.n,
                      conf->input_headers.n == 0, true);
    if (conf->graphql.query.n > 0)
        backend->graphql = rm_graphql_compile(&plan->arena, &conf->graphql, build->endpoint);
    struct rm_err lambda_why;
    if (conf->lambda.is_given &&
        rm_lambda_compile(&plan->arena, conf, build->endpoint, &backend->lambda, &lambda_why) != RM_OK)
        return plan_fail(build, "extra_config.backend/lambda", lambda_why.text);
    if (conf->return_error_details.n > 0)
        backend->error_key = rm_arena_printf(&plan->arena, "error_%.*s", (int)conf->return_error_details.n,
                                             conf->return_error_details.p);
    int rc = conf->shadow ? RM_OK : plan_add_steps(build, backend);
    struct rm_err why;
    if (rc == RM_OK && rm_policies_of_backend(plan, endpoint, backend, &why) != RM_OK)
        rc = plan_fail(build, "extra_config", why.text);
    if (rc == RM_OK)
        backend->open_depth = plan_open_depth(build->endpoint, endpoint, backend);
    return rc;
}

// ---- endpoints -----------------------------------------------------------------------------------------------------

static void plan_set_times(struct rm_endpoint *endpoint)
{
    const struct rm_conf_endpoint *conf = endpoint->conf;
    endpoint->deadline_us = conf->timeout_us;
    endpoint->group_us = conf->n_backends > 1 ? conf->timeout_us * PLAN_GROUP_PERCENT / 100 : conf->timeout_us;
    endpoint->race_us = conf->timeout_us * PLAN_RACE_PERCENT / 100;
    endpoint->calls = endpoint->streams ? 1 : conf->concurrent_calls; // one body cannot be streamed twice
}

// The shadow backends as an endpoint: always asked at once, once each, for as long as the longest of them may take.
static void plan_add_shadow(struct plan_build *build, struct rm_endpoint *endpoint)
{
    if (endpoint->n_shadows == 0 || endpoint->n_backends == 0)
        return;
    struct rm_endpoint *shadow = RM_NEW(&build->plan->arena, struct rm_endpoint);
    *shadow = *endpoint;
    shadow->backends += endpoint->n_backends;
    shadow->n_backends = endpoint->n_shadows;
    shadow->n_shadows = 0;
    shadow->checks = NULL;
    shadow->calls = 1;
    shadow->group_us = 0;
    for (uint32_t i = 0; i < shadow->n_backends; i++) {
        if (shadow->backends[i].timeout_us > shadow->group_us)
            shadow->group_us = shadow->backends[i].timeout_us;
    }
    endpoint->shadow = shadow;
}

static int plan_add_endpoint(struct plan_build *build, struct rm_endpoint *endpoint)
{
    struct rm_arena *arena = &build->plan->arena;
    const struct rm_conf_endpoint *conf = build->endpoint;
    static const struct rm_str content_type = {"content-type", 12};
    endpoint->conf = conf;
    build->backend = conf->backends;
    const struct rm_codec_ops *codec = rm_codec_find(conf->output_encoding);
    if (!codec)
        return plan_fail(build, "output_encoding", "there is no such encoding");
    endpoint->streams = !codec->encode;
    endpoint->encoder = endpoint->streams ? NULL : codec;
    RM_ASSERT(!endpoint->streams || (conf->n_backends == 1 && conf->n_shadows == 0));
    plan_set_times(endpoint);
    if (conf->cache_ttl_us > 0)
        endpoint->cache_control = rm_arena_printf(arena, "public, max-age=%" PRIu64, conf->cache_ttl_us / 1000000);
    bool listed = conf->input_headers.n > 0;
    rm_filter_compile(&endpoint->headers, arena, listed ? conf->input_headers.v : &content_type,
                      listed ? conf->input_headers.n : 1, conf->all_headers, true);
    struct rm_err why;
    if (conf->flatmap && rm_step_flatmap.open(&endpoint->flatmap, arena, conf->flatmap, &why) != RM_OK)
        return plan_fail(build, rm_step_flatmap.name, why.text);
    if (rm_policies_of_endpoint(build->plan, endpoint, &why) != RM_OK)
        return plan_fail(build, "extra_config", why.text);
    endpoint->n_backends = (uint32_t)conf->n_backends;
    endpoint->n_shadows = (uint32_t)conf->n_shadows;
    uint32_t n_all = endpoint->n_backends + endpoint->n_shadows;
    endpoint->backends = RM_NEW_ARRAY(arena, struct rm_backend, n_all);
    for (uint32_t i = 0; i < n_all; i++) {
        build->backend = &conf->backends[i];
        int rc = plan_add_backend(build, endpoint, i);
        if (rc != RM_OK)
            return rc;
    }
    plan_add_shadow(build, endpoint);
    return RM_OK;
}

// ---- the whole -----------------------------------------------------------------------------------------------------

static int plan_fill(struct rm_plan *plan, struct rm_err *err)
{
    struct rm_conf *conf = plan->conf;
    struct plan_build build = {.plan = plan, .err = err};
    size_t n_backends = 0;
    for (size_t i = 0; i < conf->n_endpoints; i++)
        n_backends += conf->endpoints[i].n_backends + conf->endpoints[i].n_shadows;
    build.sources = RM_NEW_ARRAY(&plan->arena, struct rm_source, n_backends);
    plan->sources = build.sources;
    build.views = RM_NEW_ARRAY(&plan->arena, struct rm_plan_view, n_backends);
    plan->views = build.views;
    plan->fetches = RM_NEW_ARRAY(&plan->arena, struct rm_plan_fetch, conf->n_endpoints + n_backends);
    plan->transports = RM_NEW_ARRAY(&plan->arena, struct rm_plan_transport *, n_backends);
    build.identity = rm_balance_identity();
    plan->n_endpoints = (uint32_t)conf->n_endpoints;
    plan->endpoints = RM_NEW_ARRAY(&plan->arena, struct rm_endpoint, conf->n_endpoints);
    plan->version_header =
        conf->router.hide_version_header ? RM_STR("Version undefined") : RM_STR("Version " RM_VERSION);
    plan->user_agent = RM_STR("remora/" RM_VERSION);
    if (rm_policies_of_service(plan, err) != RM_OK)
        return RM_ECONF;
    for (uint32_t i = 0; i < plan->n_endpoints; i++) {
        build.endpoint = &conf->endpoints[i];
        plan->endpoints[i].index = i;
        plan->endpoints[i].first_count = plan->n_endpoints + plan->n_backends;
        int rc = plan_add_endpoint(&build, &plan->endpoints[i]);
        if (rc != RM_OK)
            return rc;
        plan->n_backends += plan->endpoints[i].n_backends + plan->endpoints[i].n_shadows;
    }
    return RM_OK;
}

int rm_plan_new(struct rm_plan **out, struct rm_conf *conf, struct rm_budget *budget, struct rm_policy_cells *cells,
                struct rm_err *err)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_plan *plan = RM_NEW(&arena, struct rm_plan);
    plan->arena = arena;
    plan->conf = conf;
    plan->budget = budget;
    plan->cells = cells;
    atomic_init(&plan->refs, 1);
    int rc = plan_fill(plan, err);
    if (rc != RM_OK) {
        rm_plan_unref(plan);
        return rc;
    }
    *out = plan;
    return RM_OK;
}

struct rm_plan *rm_plan_ref(struct rm_plan *plan)
{
    atomic_fetch_add_explicit(&plan->refs, 1, memory_order_relaxed);
    return plan;
}

void rm_plan_unref(struct rm_plan *plan)
{
    if (!plan || atomic_fetch_sub_explicit(&plan->refs, 1, memory_order_acq_rel) != 1)
        return;
    rm_conf_free(plan->conf);
    struct rm_arena arena = plan->arena; // the plan lies in it
    rm_arena_fini(&arena);
}
