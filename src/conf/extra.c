// extra_config: KrakenD's namespaces under their short and long names, which of them there are here and at which level. What KrakenD
// has and remora does not (absent.c) is an error, so that nothing a user relies on is left out in silence.
// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"
#include "conf/load.h"

struct extra_namespace {
    const char *name;
    const char *long_name;                           // of KrakenD 1.x, NULL: none
    const struct rm_fields *fields[RM_EXTRA_LEVELS]; // NULL: not at this level
};

#define LURA "github_com/luraproject/lura/"
#define DEVOPS "github.com/devopsfaith/"
#define SERVICE "github_com/devopsfaith/"

static const struct extra_namespace extra_known[] = {
    {"router", LURA "router/gin", {&rm_router_fields, NULL, NULL}},
    {"security/bot-detector", SERVICE "krakend-botdetector", {&rm_bot_fields, &rm_bot_endpoint_fields, NULL}},
    {"security/cors", SERVICE "krakend-cors", {&rm_cors_fields, NULL, NULL}},
    {"security/http", SERVICE "krakend-httpsecure", {&rm_secure_fields, NULL, NULL}},
    {"telemetry/logging", SERVICE "krakend-gologging", {&rm_logging_fields, NULL, NULL}},
    {"telemetry/metrics", SERVICE "krakend-metrics", {&rm_metrics_fields, NULL, NULL}},
    {"remora", NULL, {&rm_own_fields, &rm_own_endpoint_fields, &rm_own_backend_fields}},
    {"proxy", DEVOPS "krakend/proxy", {NULL, &rm_proxy_fields, &rm_proxy_backend_fields}},
    {"auth/client-credentials",
     DEVOPS "krakend-oauth2-clientcredentials",
     {NULL, NULL, &rm_credentials_fields}},
    {"auth/validator", DEVOPS "krakend-jose/validator", {NULL, &rm_validator_fields, NULL}},
    {"backend/http", DEVOPS "krakend/http", {NULL, NULL, &rm_http_fields}},
    {"backend/http/client", NULL, {NULL, NULL, &rm_http_client_fields}},
    {"backend/graphql", DEVOPS "krakend/transport/http/client/graphql", {NULL, NULL, &rm_graphql_fields}},
    {"backend/lambda", DEVOPS "krakend-lambda", {NULL, NULL, &rm_lambda_fields}},
    {"modifier/martian", DEVOPS "krakend-martian", {NULL, NULL, &rm_martian_fields}},
    {"qos/circuit-breaker", DEVOPS "krakend-circuitbreaker/gobreaker", {NULL, NULL, &rm_breaker_fields}},
    {"qos/http-cache", DEVOPS "krakend-httpcache", {NULL, NULL, &rm_http_cache_fields}},
    {"qos/ratelimit/proxy", DEVOPS "krakend-ratelimit/juju/proxy", {NULL, NULL, &rm_ratelimit_backend_fields}},
    {"qos/ratelimit/router", DEVOPS "krakend-ratelimit/juju/router", {NULL, &rm_ratelimit_fields, NULL}},
    {"validation/json-schema", DEVOPS "krakend-jsonschema", {NULL, &rm_bodies_fields, NULL}},
};

static bool extra_is(struct rm_str name, const char *one, const char *old)
{
    return rm_str_eq(name, rm_str_of(one)) || (old && rm_str_eq(name, rm_str_of(old)));
}

static const struct extra_namespace *extra_find(struct rm_str name)
{
    for (size_t i = 0; i < RM_COUNT(extra_known); i++) {
        if (extra_is(name, extra_known[i].name, extra_known[i].long_name))
            return &extra_known[i];
    }
    return NULL;
}

static const struct rm_extra_absent *extra_find_absent(struct rm_str name)
{
    const struct rm_extra_absent *absent;
    for (size_t i = 0; (absent = rm_extra_absent(i)) != NULL; i++) {
        if (extra_is(name, absent->name, absent->long_name))
            break;
    }
    return absent;
}

void rm_extra_defaults(struct rm_reader *r, enum rm_extra_level level, void *owner)
{
    for (size_t i = 0; i < RM_COUNT(extra_known); i++) {
        if (extra_known[i].fields[level])
            rm_fields_defaults(r, extra_known[i].fields[level], owner);
    }
}

bool rm_extra_space(enum rm_extra_level level, size_t i, struct rm_extra_space *space)
{
    for (size_t k = 0; k < RM_COUNT(extra_known); k++) {
        const struct extra_namespace *known = &extra_known[k];
        if (!known->fields[level] || i-- > 0)
            continue;
        *space = (struct rm_extra_space){known->name, known->long_name, known->fields[level]};
        return true;
    }
    return false;
}

static void extra_unknown(struct rm_reader *r, const struct rm_path *path, const struct rm_value *value)
{
    // Describes endpoints to people; nothing that runs reads it.
    if (rm_str_starts(path->name, RM_STR("documentation/"))) {
        rm_reader_warn(r, path, rm_doc_key_place(value), "ignored: documentation only");
        return;
    }
    size_t n = 0;
    while (rm_extra_absent(n))
        n++;
    const char **names = RM_NEW_ARRAY(r->found->arena, const char *, n + RM_COUNT(extra_known));
    for (size_t i = 0; i < n; i++)
        names[i] = rm_extra_absent(i)->name;
    for (size_t i = 0; i < RM_COUNT(extra_known); i++)
        names[n++] = extra_known[i].name;
    rm_reader_unknown(r, path, rm_doc_key_place(value), "namespace", names, n);
}

// It is known, but not at this level.
static void extra_elsewhere(struct rm_reader *r, const struct rm_path *path, const struct rm_value *value,
                            const struct extra_namespace *space)
{
    static const char *const levels[RM_EXTRA_LEVELS] = {"the service", "an endpoint", "a backend"};
    const char *first = NULL, *second = NULL;
    for (size_t i = 0; i < RM_EXTRA_LEVELS; i++) {
        if (space->fields[i] && !first)
            first = levels[i];
        else if (space->fields[i])
            second = levels[i];
    }
    rm_reader_warn(r, path, rm_doc_key_place(value), "ignored here: it belongs to the extra_config of %s%s%s", first,
                   second ? " or " : "", second ? second : "");
}

void rm_extra_read(struct rm_reader *r, enum rm_extra_level level, const struct rm_path *path, struct rm_value *object,
                   void *owner)
{
    if (!object || object->type == RM_NULL || !rm_object_expect(r, path, object))
        return;
    for (struct rm_value *member = object->first; member; member = member->next) {
        struct rm_path at = {.up = path, .name = member->key};
        const struct extra_namespace *space = extra_find(member->key);
        bool is_long = space && space->long_name && rm_str_eq(member->key, rm_str_of(space->long_name));
        const struct rm_extra_absent *absent = space ? NULL : extra_find_absent(member->key);
        if (member->type == RM_NULL && (space || absent)) {
            continue;
        } else if (absent) {
            rm_reader_error(r, &at, rm_doc_key_place(member), "not in this version of remora (%s): %s", absent->what,
                            absent->instead);
        } else if (!space) {
            if (!rm_key_is_comment(member->key))
                extra_unknown(r, &at, member);
        } else if (is_long && rm_value_get(r->arena, object, rm_str_of(space->name))) {
            rm_reader_error(r, &at, rm_doc_key_place(member), "\"%s\" is given too: they are one namespace",
                            space->name);
        } else if (!space->fields[level]) {
            extra_elsewhere(r, &at, member, space);
        } else if (rm_object_expect(r, &at, member)) {
            if (space->fields[level]->is_optional)
                *(bool *)(void *)((char *)owner + space->fields[level]->given) = true;
            rm_fields_read(r, space->fields[level], &at, member, owner);
        }
    }
}
