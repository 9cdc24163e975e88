// extra_config: KrakenD's namespaces under their short and long names, which of them there are here and at which level. What KrakenD
// has and remora does not is an error, so that nothing a user relies on is left out in silence.
// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"
#include "conf/load.h"

struct extra_namespace {
    const char *name;
    const char *long_name;                           // of KrakenD 1.x, NULL: none
    const struct rm_fields *fields[RM_EXTRA_LEVELS]; // all NULL: not in this version
    const char *hint;                                // what to do without it
};

#define LURA "github_com/luraproject/lura/"
#define DEVOPS "github.com/devopsfaith/"
#define SERVICE "github_com/devopsfaith/"

static const char extra_enterprise[] = "a feature of KrakenD Enterprise, remove it";
static const char extra_default[] = "remove it, or leave what needs it to KrakenD";
static const char extra_plugins[] = "Go plugins cannot be loaded, remove it";
static const char extra_scripts[] = "Lua is not run, remove it";

static const struct extra_namespace extra_known[] = {
    // What is there.
    {"router", LURA "router/gin", {&rm_router_fields, NULL, NULL}, NULL},
    {"telemetry/logging", SERVICE "krakend-gologging", {&rm_logging_fields, NULL, NULL}, NULL},
    {"remora", NULL, {&rm_own_fields, &rm_own_endpoint_fields, &rm_own_backend_fields}, NULL},
    {"proxy", DEVOPS "krakend/proxy", {NULL, &rm_proxy_fields, &rm_proxy_backend_fields}, NULL},
    {"backend/http", DEVOPS "krakend/http", {NULL, NULL, &rm_http_fields}, NULL},
    {"backend/http/client", NULL, {NULL, NULL, &rm_http_client_fields}, NULL},
    {"backend/graphql", DEVOPS "krakend/transport/http/client/graphql", {NULL, NULL, &rm_graphql_fields}, NULL},
    {"qos/ratelimit/proxy", DEVOPS "krakend-ratelimit/juju/proxy", {NULL, NULL, &rm_ratelimit_backend_fields}, NULL},
    {"qos/ratelimit/router", DEVOPS "krakend-ratelimit/juju/router", {NULL, &rm_ratelimit_fields, NULL}, NULL},
    // What KrakenD has.
    {"async/amqp", DEVOPS "krakend-amqp/agent", {NULL, NULL, NULL}, extra_default},
    {"auth/client-credentials", DEVOPS "krakend-oauth2-clientcredentials", {NULL, NULL, NULL}, extra_default},
    {"auth/revoker", SERVICE "bloomfilter", {NULL, NULL, NULL}, extra_default},
    {"auth/signer", DEVOPS "krakend-jose/signer", {NULL, NULL, NULL}, extra_default},
    {"auth/validator",
     DEVOPS "krakend-jose/validator",
     {NULL, NULL, NULL},
     "tokens are not checked, let what stands before remora check them"},
    {"backend/amqp/consumer", DEVOPS "krakend-amqp/consume", {NULL, NULL, NULL}, extra_default},
    {"backend/amqp/producer", DEVOPS "krakend-amqp/produce", {NULL, NULL, NULL}, extra_default},
    {"backend/lambda", DEVOPS "krakend-lambda", {NULL, NULL, NULL}, extra_default},
    {"backend/pubsub/publisher", DEVOPS "krakend-pubsub/publisher", {NULL, NULL, NULL}, extra_default},
    {"backend/pubsub/subscriber", DEVOPS "krakend-pubsub/subscriber", {NULL, NULL, NULL}, extra_default},
    {"modifier/lua-backend", DEVOPS "krakend-lua/proxy/backend", {NULL, NULL, NULL}, extra_scripts},
    {"modifier/lua-endpoint", DEVOPS "krakend-lua/router", {NULL, NULL, NULL}, extra_scripts},
    {"modifier/lua-proxy", DEVOPS "krakend-lua/proxy", {NULL, NULL, NULL}, extra_scripts},
    {"modifier/martian", DEVOPS "krakend-martian", {NULL, NULL, NULL}, extra_default},
    {"plugin/http-client", DEVOPS "krakend/transport/http/client/executor", {NULL, NULL, NULL}, extra_plugins},
    {"plugin/http-server", SERVICE "krakend/transport/http/server/handler", {NULL, NULL, NULL}, extra_plugins},
    {"plugin/middleware", NULL, {NULL, NULL, NULL}, extra_plugins},
    {"plugin/req-resp-modifier", DEVOPS "krakend/proxy/plugin", {NULL, NULL, NULL}, extra_plugins},
    {"qos/circuit-breaker", DEVOPS "krakend-circuitbreaker/gobreaker", {NULL, NULL, NULL}, extra_default},
    {"qos/http-cache", DEVOPS "krakend-httpcache", {NULL, NULL, NULL}, "answers are not kept, remove it"},
    {"security/bot-detector", SERVICE "krakend-botdetector", {NULL, NULL, NULL}, extra_default},
    {"security/cors", SERVICE "krakend-cors", {NULL, NULL, NULL}, extra_default},
    {"security/http", SERVICE "krakend-httpsecure", {NULL, NULL, NULL}, extra_default},
    {"telemetry/gelf",
     SERVICE "krakend-gelf",
     {NULL, NULL, NULL},
     "let the platform collect standard output, remove it"},
    {"telemetry/influx", "github_com/letgoapp/krakend-influx", {NULL, NULL, NULL}, extra_default},
    {"telemetry/logstash",
     SERVICE "krakend-logstash",
     {NULL, NULL, NULL},
     "let the platform collect standard output, remove it"},
    {"telemetry/metrics", SERVICE "krakend-metrics", {NULL, NULL, NULL}, extra_default},
    {"telemetry/opencensus", SERVICE "krakend-opencensus", {NULL, NULL, NULL}, extra_default},
    {"telemetry/opentelemetry", NULL, {NULL, NULL, NULL}, extra_default},
    {"validation/cel", DEVOPS "krakend-cel", {NULL, NULL, NULL}, extra_default},
    {"validation/json-schema", DEVOPS "krakend-jsonschema", {NULL, NULL, NULL}, extra_default},
    // What its Enterprise edition has.
    {"ai/llm", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"ai/mcp", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"async/kafka", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"auth/api-keys", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"auth/aws-sigv4", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"auth/basic", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"auth/gcp", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"auth/ntlm", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"backend/conditional", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"backend/grpc", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"backend/pubsub/publisher/kafka", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"backend/pubsub/subscriber/kafka", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"backend/soap", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"backend/static-filesystem", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"governance/processors", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"governance/quota", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"grpc", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"modifier/body-generator", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"modifier/jmespath", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"modifier/request-body-extractor", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"modifier/request-body-extractor/early", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"modifier/request-body-generator", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"modifier/response-body", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"modifier/response-body-generator", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"modifier/response-headers", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"qos/circuit-breaker/http", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"qos/ratelimit/router/redis", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"qos/ratelimit/service", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"qos/ratelimit/service/redis", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"qos/ratelimit/tiered", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"redis", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"security/policies", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"server/static-filesystem", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"server/virtualhost", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"telemetry/ganalytics", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"telemetry/instana", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"telemetry/moesif", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"telemetry/newrelic", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"telemetry/opentelemetry-security", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"validation/response-json-schema", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"websocket", NULL, {NULL, NULL, NULL}, extra_enterprise},
    {"workflow", NULL, {NULL, NULL, NULL}, extra_enterprise},
};

static const struct extra_namespace *extra_find(struct rm_str name)
{
    for (size_t i = 0; i < RM_COUNT(extra_known); i++) {
        const struct extra_namespace *space = &extra_known[i];
        if (rm_str_eq(name, rm_str_of(space->name)) ||
            (space->long_name && rm_str_eq(name, rm_str_of(space->long_name))))
            return space;
    }
    return NULL;
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
        const struct rm_fields *fields = level < RM_EXTRA_LEVELS ? known->fields[level] : NULL;
        bool is_there = level < RM_EXTRA_LEVELS ? fields != NULL : known->hint != NULL;
        if (!is_there || i-- > 0)
            continue;
        *space = (struct rm_extra_space){known->name, known->long_name, fields, known->hint};
        return true;
    }
    return false;
}

static void extra_unknown(struct rm_reader *r, const struct rm_path *path, const struct rm_value *value)
{
    const char *names[RM_COUNT(extra_known)];
    // Describes endpoints to people; nothing that runs reads it.
    if (rm_str_starts(path->name, RM_STR("documentation/"))) {
        rm_reader_warn(r, path, rm_doc_key_place(value), "ignored: documentation only");
        return;
    }
    for (size_t i = 0; i < RM_COUNT(extra_known); i++)
        names[i] = extra_known[i].name;
    rm_reader_unknown(r, path, rm_doc_key_place(value), "namespace", names, RM_COUNT(extra_known));
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
    if (!first)
        rm_reader_error(r, path, rm_doc_key_place(value), "not in this version of remora: %s", space->hint);
    else
        rm_reader_warn(r, path, rm_doc_key_place(value), "ignored here: it belongs to the extra_config of %s%s%s",
                       first, second ? " or " : "", second ? second : "");
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
        if (!space) {
            if (!rm_key_is_comment(member->key))
                extra_unknown(r, &at, member);
        } else if (is_long && rm_value_get(r->arena, object, rm_str_of(space->name))) {
            rm_reader_error(r, &at, rm_doc_key_place(member), "\"%s\" is given too: they are one namespace",
                            space->name);
        } else if (member->type == RM_NULL) {
            continue;
        } else if (!space->fields[level]) {
            extra_elsewhere(r, &at, member, space);
        } else if (rm_object_expect(r, &at, member)) {
            if (space->fields[level]->is_optional)
                *(bool *)(void *)((char *)owner + space->fields[level]->given) = true;
            rm_fields_read(r, space->fields[level], &at, member, owner);
        }
    }
}
