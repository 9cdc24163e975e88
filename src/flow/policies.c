// Policies of a plan. One function a policy: it says nothing of what is not configured. The tables are their order (krakend-behaviour.md §0).
// SPDX-License-Identifier: Apache-2.0
#include "flow/policies.h"

#include "base/clock.h"
#include "flow/backend.h"
#include "policy/bearer.h"
#include "policy/bodies.h"
#include "policy/bot.h"
#include "policy/breaker.h"
#include "policy/cors.h"
#include "policy/http_cache.h"
#include "policy/jwt.h"
#include "policy/ratelimit.h"
#include "policy/secure.h"

#include <inttypes.h>

struct policies_build {
    struct rm_plan *plan;
    struct rm_arena *arena;                  // the plan's
    const struct rm_conf_endpoint *endpoint; // NULL: the service's
    const struct rm_conf_backend *backend;   // NULL: an endpoint's
    uint32_t index;                          // the backend's
    struct rm_checks *checks;
    struct rm_admissions *admissions;
    struct rm_err *err;
};

typedef int (*policies_add)(struct policies_build *);

static void policies_check(struct policies_build *build, const struct rm_check_ops *ops, const void *self)
{
    build->checks->v[build->checks->n++] = (struct rm_checkpoint){.ops = ops, .self = self};
}

static void policies_admission(struct policies_build *build, const struct rm_admission_ops *ops, const void *self)
{
    build->admissions->v[build->admissions->n++] = (struct rm_admission){.ops = ops, .self = self};
}

// A cell's key: what a reload finds it by.
static struct rm_str policies_key(const struct policies_build *build, const char *policy)
{
    const struct rm_conf_endpoint *endpoint = build->endpoint;
    const char *method = rm_method_names[endpoint->method];
    if (!build->backend)
        return rm_arena_printf(build->arena, "%s %s %.*s", policy, method, (int)endpoint->path.n, endpoint->path.p);
    return rm_arena_printf(build->arena, "%s %s %.*s %u %.*s", policy, method, (int)endpoint->path.n, endpoint->path.p,
                           build->index, (int)build->backend->url_pattern.n, build->backend->url_pattern.p);
}

// ---- the service ------------------------------------------------------------------------------------------------------

static int policies_cors(struct policies_build *build)
{
    const struct rm_conf_cors *conf = &build->plan->conf->cors;
    if (!conf->is_given)
        return RM_OK;
    struct rm_cors_rule rule = {.origins = conf->allow_origins.v,
                                .n_origins = conf->allow_origins.n,
                                .methods = conf->allow_methods.v,
                                .n_methods = conf->allow_methods.n,
                                .headers = conf->allow_headers.v,
                                .n_headers = conf->allow_headers.n,
                                .exposed = conf->expose_headers.v,
                                .n_exposed = conf->expose_headers.n,
                                .credentials = conf->allow_credentials,
                                .private_network = conf->allow_private_network,
                                .passes_preflight = conf->options_passthrough,
                                .preflight_status = (int)conf->options_success_status,
                                .max_age_s = conf->max_age_us / RM_SEC};
    policies_check(build, &rm_check_cors, rm_cors_new(build->arena, &rule));
    return RM_OK;
}

static void policies_say(struct policies_build *build, struct rm_headers *headers, struct rm_str name,
                         struct rm_str value)
{
    if (value.n > 0)
        rm_headers_add(build->arena, headers, name, value);
}

static int policies_secure(struct policies_build *build)
{
    const struct rm_conf_secure *conf = &build->plan->conf->secure;
    if (!conf->is_given)
        return RM_OK;
    struct rm_secure_rule rule = {.host_headers = conf->host_proxy_headers.v,
                                  .n_host_headers = conf->host_proxy_headers.n,
                                  .redirect_host = conf->ssl_host};
    for (const struct rm_value *m = conf->ssl_proxy_headers ? conf->ssl_proxy_headers->first : NULL; m; m = m->next)
        rm_headers_add(build->arena, &rule.tls_headers, m->key, rm_value_text(build->arena, m));
    if (!conf->is_development) {
        rule.allowed_hosts = conf->allowed_hosts.v;
        rule.n_allowed_hosts = conf->allowed_hosts.n;
        rule.redirects = conf->ssl_redirect;
    }
    struct rm_str frame = conf->frame_deny ? RM_STR("DENY") : RM_STR("");
    policies_say(build, &rule.always, RM_STR("X-Frame-Options"),
                 conf->frame_options.n > 0 ? conf->frame_options : frame);
    policies_say(build, &rule.always, RM_STR("X-Content-Type-Options"),
                 conf->content_type_nosniff ? RM_STR("nosniff") : RM_STR(""));
    policies_say(build, &rule.always, RM_STR("X-XSS-Protection"),
                 conf->browser_xss_filter ? RM_STR("1; mode=block") : RM_STR(""));
    policies_say(build, &rule.always, RM_STR("Content-Security-Policy"), conf->content_security_policy);
    policies_say(build, &rule.always, RM_STR("Referrer-Policy"), conf->referrer_policy);
    if (conf->sts_seconds > 0 && !conf->is_development)
        policies_say(build, &rule.over_tls, RM_STR("Strict-Transport-Security"),
                     rm_arena_printf(build->arena, "max-age=%" PRIu32 "%s", conf->sts_seconds,
                                     conf->sts_include_subdomains ? "; includeSubDomains" : ""));
    policies_check(build, &rm_check_secure, rm_secure_new(build->arena, &rule));
    return RM_OK;
}

// ---- bots, of the service and of endpoints -----------------------------------------------------------------------------

static int policies_bot(struct policies_build *build)
{
    const struct rm_conf_bot *conf = build->endpoint ? &build->endpoint->bot : &build->plan->conf->bot;
    if (!conf->is_given)
        return RM_OK;
    struct rm_bot_rule rule = {.allow = conf->allow.v,
                               .n_allow = conf->allow.n,
                               .deny = conf->deny.v,
                               .n_deny = conf->deny.n,
                               .patterns = conf->patterns,
                               .n_patterns = conf->pattern_texts.n,
                               .empty_is_bot = conf->empty_is_bot};
    policies_check(build, &rm_check_bot, rm_bot_new(build->arena, &rule));
    return RM_OK;
}

// ---- tokens ----------------------------------------------------------------------------------------------------------

static struct rm_names policies_names(struct rm_strs list)
{
    return (struct rm_names){list.v, list.n};
}

// One a source, whatever number of endpoints or backends name it.
static struct rm_awaited *policies_fetch(struct policies_build *build, struct rm_plan_fetch wanted)
{
    struct rm_plan *plan = build->plan;
    for (uint32_t i = 0; i < plan->n_fetches; i++) {
        const struct rm_plan_fetch *one = &plan->fetches[i];
        if (rm_str_eq(one->url, wanted.url) && rm_str_eq(one->ca_file, wanted.ca_file) &&
            rm_str_eq(one->client, wanted.client) && rm_str_eq(one->secret, wanted.secret) &&
            rm_str_eq(one->form, wanted.form) && one->refresh_us == wanted.refresh_us &&
            one->cooldown_us == wanted.cooldown_us)
            return one->to;
    }
    struct rm_str key = rm_arena_printf(
        build->arena, "fetch %" PRIu64 " %" PRIu64 " %.*s %.*s %.*s %.*s %.*s", wanted.refresh_us, wanted.cooldown_us,
        (int)wanted.ca_file.n, wanted.ca_file.n ? wanted.ca_file.p : "", (int)wanted.url.n, wanted.url.p,
        (int)wanted.client.n, wanted.client.n ? wanted.client.p : "", (int)wanted.secret.n,
        wanted.secret.n ? wanted.secret.p : "", (int)wanted.form.n, wanted.form.n ? wanted.form.p : "");
    wanted.to = rm_awaited_open(build->arena, plan->cells, key);
    plan->fetches[plan->n_fetches++] = wanted;
    return wanted.to;
}

static int policies_jwt(struct policies_build *build)
{
    const struct rm_conf_validator *conf = &build->endpoint->validator;
    static const enum rm_jwk_by by[] = {[RM_CONF_BY_KID] = RM_JWK_BY_KID,
                                        [RM_CONF_BY_X5T] = RM_JWK_BY_X5T,
                                        [RM_CONF_BY_X5T_S256] = RM_JWK_BY_X5T_S256,
                                        [RM_CONF_BY_KID_X5T] = RM_JWK_BY_KID_X5T};
    if (!conf->is_given)
        return RM_OK;
    struct rm_jwt *jwt = RM_NEW(build->arena, struct rm_jwt);
    struct rm_jwt_header *headers = RM_NEW_ARRAY(build->arena, struct rm_jwt_header, conf->n_propagate);
    for (size_t i = 0; i < conf->n_propagate; i++)
        headers[i] = (struct rm_jwt_header){.claim = rm_claim_path(build->arena, conf->propagate[i].claim, true),
                                            .header = conf->propagate[i].header};
    *jwt = (struct rm_jwt){
        .alg = conf->alg,
        .by = by[conf->key_by],
        .header = conf->header,
        .cookie = conf->cookie,
        .rules = {.leeway_us = conf->leeway_us,
                  .issuer = conf->issuer,
                  .audience = policies_names(conf->audience),
                  .roles_key = rm_claim_path(build->arena, conf->roles_key, conf->roles_key_is_nested),
                  .roles = policies_names(conf->roles),
                  .scopes_key = rm_claim_path(build->arena, conf->scopes_key, true),
                  .scopes = policies_names(conf->scopes),
                  .all_scopes = conf->scopes_matcher == RM_CONF_ALL},
        .propagate = headers,
        .n_propagate = conf->n_propagate,
        .logs = conf->operation_debug,
    };
    policies_check(build, &rm_check_jwt, jwt);
    if (conf->jwk_url.n > 0) {
        jwt->ring = policies_fetch(build, (struct rm_plan_fetch){.url = conf->jwk_url,
                                                                 .ca_file = conf->jwk_local_ca,
                                                                 .refresh_us = conf->cache_duration_s * RM_SEC,
                                                                 .cooldown_us = conf->cooldown_us});
        return RM_OK;
    }
    return rm_jwt_open_file(jwt, build->arena, conf->jwk_local_path, build->err);
}

// ---- rate limits -----------------------------------------------------------------------------------------------------

static int policies_client_limit(struct policies_build *build)
{
    const struct rm_conf_ratelimit *conf = &build->endpoint->ratelimit;
    static const enum rm_client_by by[] = {[RM_CONF_BY_IP] = RM_CLIENT_BY_IP,
                                           [RM_CONF_BY_HEADER] = RM_CLIENT_BY_HEADER,
                                           [RM_CONF_BY_PARAM] = RM_CLIENT_BY_PARAM};
    if (!(conf->client_max_rate > 0) || conf->strategy == RM_CONF_BY_NOTHING)
        return RM_OK;
    struct rm_client_limit limit = {.rate = rm_rate_of(conf->client_max_rate, conf->every_us, conf->client_capacity),
                                    .by = by[conf->strategy],
                                    .name = conf->key,
                                    .param = conf->param};
    policies_check(build, &rm_check_client,
                   rm_client_limit_new(build->arena, build->plan->cells, policies_key(build, "client rate"), &limit));
    return RM_OK;
}

static int policies_rate(struct policies_build *build)
{
    const struct rm_conf_ratelimit *conf = &build->endpoint->ratelimit;
    if (!(conf->max_rate > 0))
        return RM_OK;
    struct rm_rate rate = rm_rate_of(conf->max_rate, conf->every_us, conf->capacity);
    policies_check(build, &rm_check_rate,
                   rm_ratelimit_new(build->arena, build->plan->cells, policies_key(build, "rate"), rate));
    return RM_OK;
}

static int policies_backend_rate(struct policies_build *build)
{
    const struct rm_conf_ratelimit *conf = &build->backend->ratelimit;
    if (!(conf->max_rate > 0))
        return RM_OK;
    struct rm_rate rate = rm_rate_of(conf->max_rate, conf->every_us, conf->capacity);
    policies_admission(build, &rm_admission_rate,
                       rm_ratelimit_new(build->arena, build->plan->cells, policies_key(build, "backend rate"), rate));
    return RM_OK;
}

// ---- bodies ----------------------------------------------------------------------------------------------------------

static int policies_bodies(struct policies_build *build)
{
    const struct rm_conf_limits *limits = &build->plan->conf->limits;
    const struct rm_json_limits json = {.max_depth = limits->json_depth, .max_nodes = limits->json_nodes};
    if (build->endpoint->schema)
        policies_check(build, &rm_check_bodies,
                       rm_bodies_new(build->arena, build->endpoint->schema, &json, build->plan->budget));
    return RM_OK;
}

// ---- circuit breaker -------------------------------------------------------------------------------------------------

static int policies_breaker(struct policies_build *build)
{
    const struct rm_conf_breaker *conf = &build->backend->breaker;
    const struct rm_conf_endpoint *endpoint = build->endpoint;
    if (!conf->is_given)
        return RM_OK;
    struct rm_breaker_conf breaker = {.interval_ms = conf->interval_s * UINT64_C(1000),
                                      .timeout_ms = conf->timeout_s * UINT64_C(1000),
                                      .max_errors = conf->max_errors};
    if (conf->log_status_change)
        breaker.log = rm_arena_printf(build->arena, "name=\"%.*s\" endpoint=\"%s %.*s\" backend=%u", (int)conf->name.n,
                                      conf->name.p, rm_method_names[endpoint->method], (int)endpoint->path.n,
                                      endpoint->path.p, build->index);
    policies_admission(build, &rm_admission_breaker,
                       rm_breaker_new(build->arena, build->plan->cells, policies_key(build, "breaker"), &breaker));
    return RM_OK;
}

// ---- tokens of remora's own ------------------------------------------------------------------------------------------

static int policies_bearer(struct policies_build *build)
{
    const struct rm_conf_credentials *conf = &build->backend->credentials;
    if (!conf->is_given || conf->is_disabled)
        return RM_OK;
    struct rm_plan_fetch fetch = {.url = conf->token_url,
                                  .client = conf->client_id,
                                  .secret = conf->client_secret,
                                  .form = conf->form,
                                  .cooldown_us = RM_SEC};
    policies_admission(build, &rm_admission_bearer, rm_bearer_new(build->arena, policies_fetch(build, fetch)));
    return RM_OK;
}

// ---- HTTP cache ------------------------------------------------------------------------------------------------------

// What a shared store tells hosts apart by: their names, which are the same whatever addresses they have.
static struct rm_str policies_hosts(struct policies_build *build)
{
    const struct rm_conf_backend *conf = build->backend;
    struct rm_str all = conf->sd;
    for (size_t i = 0; i < conf->hosts.n; i++)
        all = rm_arena_printf(build->arena, "%.*s,%.*s", (int)all.n, all.p, (int)conf->hosts.v[i].n, conf->hosts.v[i].p);
    return all;
}

static void policies_http_cache(struct policies_build *build, struct rm_backend *backend)
{
    const struct rm_conf_http_cache *conf = &build->backend->http_cache;
    if (!conf->is_given)
        return;
    struct rm_http_cache *cache = RM_NEW(build->arena, struct rm_http_cache);
    struct rm_str key = conf->shared ? RM_STR("http cache") : policies_key(build, "http cache");
    cache->store = rm_http_store_open(build->arena, build->plan->cells, key);
    cache->limits = (struct rm_http_limits){.bytes = conf->max_bytes, .items = conf->max_items};
    if (conf->shared)
        cache->scope = policies_hosts(build);
    backend->cache = cache;
}

const void *rm_policies_breaker(const struct rm_backend *backend)
{
    for (uint32_t i = 0; backend->admissions && i < backend->admissions->n; i++)
        if (backend->admissions->v[i].ops == &rm_admission_breaker)
            return backend->admissions->v[i].self;
    return NULL;
}

// ---- the order -------------------------------------------------------------------------------------------------------

static const policies_add policies_service[] = {policies_cors, policies_secure, policies_bot};
static const policies_add policies_endpoint[] = {policies_bot, policies_jwt, policies_client_limit, policies_rate,
                                                 policies_bodies};
static const policies_add policies_backend[] = {policies_breaker, policies_backend_rate, policies_bearer};

static int policies_add_all(struct policies_build *build, const policies_add *order, size_t n)
{
    int rc = RM_OK;
    for (size_t i = 0; rc == RM_OK && i < n; i++)
        rc = order[i](build);
    return rc;
}

int rm_policies_of_service(struct rm_plan *plan, struct rm_err *err)
{
    struct rm_checks *checks = RM_NEW(&plan->arena, struct rm_checks);
    checks->v = RM_NEW_ARRAY(&plan->arena, struct rm_checkpoint, RM_COUNT(policies_service));
    struct policies_build build = {.plan = plan, .arena = &plan->arena, .checks = checks, .err = err};
    int rc = policies_add_all(&build, policies_service, RM_COUNT(policies_service));
    for (uint32_t i = 0; i < checks->n; i++)
        checks->v[i].on_health = true; // as in KrakenD
    plan->checks = checks->n > 0 ? checks : NULL;
    return rc;
}

int rm_policies_of_endpoint(struct rm_plan *plan, struct rm_endpoint *endpoint, struct rm_err *err)
{
    struct rm_checks *checks = RM_NEW(&plan->arena, struct rm_checks);
    checks->v = RM_NEW_ARRAY(&plan->arena, struct rm_checkpoint, RM_COUNT(policies_endpoint));
    struct policies_build build = {
        .plan = plan, .arena = &plan->arena, .endpoint = endpoint->conf, .checks = checks, .err = err};
    int rc = policies_add_all(&build, policies_endpoint, RM_COUNT(policies_endpoint));
    endpoint->checks = checks->n > 0 ? checks : NULL;
    return rc;
}

int rm_policies_of_backend(struct rm_plan *plan, const struct rm_endpoint *endpoint, struct rm_backend *backend,
                           struct rm_err *err)
{
    struct rm_admissions *all = RM_NEW(&plan->arena, struct rm_admissions);
    all->v = RM_NEW_ARRAY(&plan->arena, struct rm_admission, RM_COUNT(policies_backend));
    struct policies_build build = {.plan = plan,
                                   .arena = &plan->arena,
                                   .endpoint = endpoint->conf,
                                   .backend = backend->conf,
                                   .index = backend->index,
                                   .admissions = all,
                                   .err = err};
    int rc = policies_add_all(&build, policies_backend, RM_COUNT(policies_backend));
    backend->admissions = all->n > 0 ? all : NULL;
    policies_http_cache(&build, backend);
    return rc;
}
