// extra_config.remora at the three levels: what KrakenD has no name for.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"
#include "conf/unit.h"

#define LATER(key)                                                                                                     \
    {                                                                                                                  \
        .name = (key), .type = RM_FIELD_LATER, .offset = RM_NOWHERE, .doc = "not in this version"                      \
    }

// A key that stands at the wrong one is told where it belongs.
static const struct rm_fields *const own_levels[] = {&rm_own_fields, &rm_own_endpoint_fields, &rm_own_backend_fields,
                                                     NULL};

static const struct rm_field own_rows[] = {
    {.name = "workers",
     .type = RM_FIELD_U32,
     .offset = offsetof(struct rm_conf, workers),
     .max = 1024,
     .doc = "threads that serve requests; 0: by the CPU quota"},
    {.name = "limits",
     .type = RM_FIELD_NESTED,
     .offset = RM_NOWHERE,
     .nested = &rm_limits_fields,
     .doc = "what a client or a backend may cost"},
    {.name = "discovery",
     .type = RM_FIELD_NESTED,
     .offset = RM_NOWHERE,
     .nested = &rm_discovery_fields,
     .doc = "hosts that discovery can no longer confirm"},
    {.name = "admin",
     .type = RM_FIELD_NESTED,
     .offset = RM_NOWHERE,
     .nested = &rm_admin_fields,
     .doc = "what remora shows of itself"},
    {.name = "probes",
     .type = RM_FIELD_NESTED,
     .offset = RM_NOWHERE,
     .nested = &rm_probes_fields,
     .doc = "health and metrics alone, for a cluster"},
    {.name = "drain",
     .type = RM_FIELD_NESTED,
     .offset = RM_NOWHERE,
     .nested = &rm_drain_fields,
     .doc = "what the first SIGTERM means"},
    {.name = "kubernetes",
     .type = RM_FIELD_NESTED,
     .offset = RM_NOWHERE,
     .nested = &rm_kubernetes_fields,
     .doc = "how sd: kubernetes reaches the API server, and where this pod is"},
    {.name = "dns",
     .type = RM_FIELD_NESTED,
     .offset = RM_NOWHERE,
     .nested = &rm_dns_fields,
     .doc = "how names are looked up, by sd: dns and for the names of hosts"},
};
const struct rm_fields rm_own_fields = {
    .v = own_rows, .n = RM_COUNT(own_rows), .what = "key of remora at the service", .levels = own_levels};

#define AT_ENDPOINT(member) offsetof(struct rm_conf_endpoint, member)
static const char *const own_merges[] = {"last", "first", "deep", "append"}; // enum rm_conf_merge
static const char *const own_statuses[] = {"krakend", "honest"};            // false, true

static void own_soft_deadline(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    const struct rm_conf_endpoint *endpoint = base;
    if (endpoint->soft_deadline_us > 0 && endpoint->soft_deadline_us >= endpoint->timeout_us)
        rm_reader_error(r, path, rm_doc_place(value), "%s is not before the endpoint's timeout, %s",
                        rm_duration_format(r->found->arena, endpoint->soft_deadline_us).p,
                        rm_duration_format(r->found->arena, endpoint->timeout_us).p);
}

static const struct rm_field own_endpoint_rows[] = {
    {.name = "merge",
     .type = RM_FIELD_CHOICE,
     .offset = AT_ENDPOINT(merge),
     .choices = own_merges,
     .n_choices = RM_COUNT(own_merges),
     .fallback = "last",
     .doc = "of a name that several answers have: the last backend's value, the first's, deep: objects are merged, append: and lists "
            "joined"},
    {.name = "status",
     .type = RM_FIELD_CHOICE,
     .offset = AT_ENDPOINT(status),
     .choices = own_statuses,
     .n_choices = RM_COUNT(own_statuses),
     .fallback = "krakend",
     .doc = "of a failure: krakend: 500; honest: 504 for a timeout, 503 without a host or room, a backend's own 4xx, else 502"},
    {.name = "soft_deadline",
     .type = RM_FIELD_DURATION,
     .offset = AT_ENDPOINT(soft_deadline_us),
     .zero_is_unset = true,
     .min = 1000,
     .read = own_soft_deadline,
     .doc = "after it the answers that are there, and all required ones, are enough"},
};
const struct rm_fields rm_own_endpoint_fields = {.v = own_endpoint_rows,
                                                 .n = RM_COUNT(own_endpoint_rows),
                                                 .what = "key of remora at an endpoint",
                                                 .levels = own_levels};

void rm_own_endpoint_check(struct rm_reader *r, const struct rm_path *extra, struct rm_value *object,
                           const struct rm_conf_endpoint *endpoint)
{
    struct rm_path own = {.up = extra, .name = RM_STR("remora")}, merge = {.up = &own, .name = RM_STR("merge")},
                   soft = {.up = &own, .name = RM_STR("soft_deadline")};
    struct rm_value *config = rm_value_get(r->arena, object, extra->name);
    struct rm_value *ours = config ? rm_value_get(r->arena, config, own.name) : NULL;
    if (endpoint->n_backends < 2 && endpoint->merge != RM_CONF_LAST)
        rm_reader_warn(r, &merge, rm_doc_key_place(rm_value_get(r->arena, ours, merge.name)),
                       "no effect: there is one answer");
    if ((endpoint->n_backends < 2 || endpoint->sequential) && endpoint->soft_deadline_us > 0)
        rm_reader_warn(r, &soft, rm_doc_key_place(rm_value_get(r->arena, ours, soft.name)),
                       "no effect: it is for backends that are asked at once");
    for (size_t i = 0; i < endpoint->n_backends; i++) {
        const struct rm_conf_backend *backend = &endpoint->backends[i];
        struct rm_path at = {.up = extra->up, .name = RM_STR("backend")}, one = {.up = &at, .index = i};
        if (backend->required && backend->return_error_details.n > 0)
            rm_reader_error(r, &one, backend->place,
                            "a required backend's failure is the endpoint's: return_error_details would make data of it");
    }
}

static void own_response_headers(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    static const char *const others[] = {"connection", "content-encoding", "content-length", "content-type", "date", "keep-alive",
                                         "te", "trailer", "transfer-encoding", "upgrade", "x-krakend", "x-krakend-completed"};
    struct rm_strs *names = &((struct rm_conf_backend *)base)->response_headers;
    rm_header_names_check(r, path, value, names, NULL);
    for (size_t i = 0; i < names->n; i++)
        for (size_t k = 0; k < RM_COUNT(others); k++)
            if (rm_str_eq_nocase(names->v[i], rm_str_of(others[k])))
                rm_reader_error(r, path, rm_doc_place(value), "%s is of one connection or one body, or remora's own",
                                rm_text_quote(r->found->arena, names->v[i]));
}

static void own_transport(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    const struct rm_conf_backend *backend = base;
    if (backend->transport.n > 0 && !rm_str_eq(backend->transport, RM_STR("curl")))
        rm_reader_error(r, path, rm_doc_place(value),
                        "the transport %s is not in this version of remora, allowed is curl",
                        rm_text_quote(r->found->arena, backend->transport));
}

#define BALANCE(member) offsetof(struct rm_conf_backend, balance.member)
static const char *const own_balancers[] = {"round_robin", "least_request", "random", "hash"}; // enum rm_conf_balancer
static const char *const own_zones[] = {"hints", "prefer", "off"};                             // enum rm_conf_zone

static const struct rm_field own_backend_rows[] = {
    {.name = "timeout",
     .type = RM_FIELD_DURATION,
     .offset = offsetof(struct rm_conf_backend, timeout_us),
     .doc = "time for one call of this backend; without it the endpoint's"},
    {.name = "transport",
     .type = RM_FIELD_STRING,
     .offset = offsetof(struct rm_conf_backend, transport),
     .read = own_transport,
     .doc = "curl: libcurl carries the whole exchange; without it remora's own HTTP/1.1 over libcurl's connections"},
    {.name = "balancer",
     .type = RM_FIELD_CHOICE,
     .offset = BALANCE(balancer),
     .choices = own_balancers,
     .n_choices = RM_COUNT(own_balancers),
     .doc = "which host a call gets: round_robin, least_request, random or hash"},
    {.name = "hash_on",
     .type = RM_FIELD_STRING,
     .offset = BALANCE(hash_on_text),
     .doc = "what balancer hash looks at: header:NAME, param:NAME or client_ip"},
    {.name = "zone",
     .type = RM_FIELD_CHOICE,
     .offset = BALANCE(zone),
     .choices = own_zones,
     .n_choices = RM_COUNT(own_zones),
     .doc = "hosts near by first: hints (of the source), prefer (those, else our zone's), off"},
    {.name = "zone_min_percent",
     .type = RM_FIELD_U32,
     .offset = BALANCE(zone_min_percent),
     .fallback = "20",
     .max = 100,
     .doc = "zone prefer: share of the hosts that our zone must have"},
    {.name = "subset",
     .type = RM_FIELD_U32,
     .offset = BALANCE(subset),
     .max = 100000,
     .doc = "use so many hosts; 0: all"},
    {.name = "retry",
     .type = RM_FIELD_SWITCH,
     .offset = BALANCE(retries),
     .nested = &rm_retry_fields,
     .doc = "ask another host when one fails"},
    {.name = "eject",
     .type = RM_FIELD_SWITCH,
     .offset = BALANCE(ejects),
     .nested = &rm_eject_fields,
     .doc = "leave hosts that fail alone for a while"},
    {.name = "required",
     .type = RM_FIELD_BOOL,
     .offset = offsetof(struct rm_conf_backend, required),
     .doc = "without its answer the endpoint fails"},
    {.name = "when",
     .type = RM_FIELD_NESTED,
     .offset = RM_NOWHERE,
     .nested = &rm_when_fields,
     .doc = "the backend is asked only if this is so"},
    LATER("redirect"),
    LATER("tls"),
    {.name = "response_headers",
     .type = RM_FIELD_STRINGS,
     .offset = offsetof(struct rm_conf_backend, response_headers),
     .read = own_response_headers,
     .doc = "headers of this backend's answer that the client gets with the merged one"},
    LATER("kafka"),
    {.name = "lambda",
     .type = RM_FIELD_NESTED,
     .offset = RM_NOWHERE,
     .nested = &rm_lambda_own_fields,
     .doc = "what the answers of backend/lambda mean"},
};
const struct rm_fields rm_own_backend_fields = {
    .v = own_backend_rows, .n = RM_COUNT(own_backend_rows), .what = "key of remora at a backend", .levels = own_levels};
