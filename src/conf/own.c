// extra_config.remora at the three levels: what KrakenD has no name for.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

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

static const struct rm_field own_endpoint_rows[] = {
    LATER("merge"),
    LATER("status"),
    LATER("soft_deadline"),
    LATER("wildcard"),
};
const struct rm_fields rm_own_endpoint_fields = {.v = own_endpoint_rows,
                                                 .n = RM_COUNT(own_endpoint_rows),
                                                 .what = "key of remora at an endpoint",
                                                 .levels = own_levels};

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
    LATER("required"),
    LATER("when"),
    LATER("redirect"),
    LATER("tls"),
    LATER("response_headers"),
    LATER("kafka"),
    LATER("lambda"),
};
const struct rm_fields rm_own_backend_fields = {
    .v = own_backend_rows, .n = RM_COUNT(own_backend_rows), .what = "key of remora at a backend", .levels = own_levels};
