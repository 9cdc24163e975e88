// extra_config.remora at the three levels: what KrakenD has no name for.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#define LATER(key)                                                                                                     \
    {                                                                                                                  \
        .name = (key), .type = RM_FIELD_LATER, .offset = RM_NOWHERE, .doc = "not in this version"                      \
    }

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
    LATER("admin"),
    LATER("probes"),
    LATER("drain"),
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
const struct rm_fields rm_own_fields = {.v = own_rows, .n = RM_COUNT(own_rows), .what = "key of remora at the service"};

static const struct rm_field own_endpoint_rows[] = {
    LATER("merge"),
    LATER("status"),
    LATER("soft_deadline"),
    LATER("wildcard"),
};
const struct rm_fields rm_own_endpoint_fields = {
    .v = own_endpoint_rows, .n = RM_COUNT(own_endpoint_rows), .what = "key of remora at an endpoint"};

static void own_transport(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    (void)base;
    if (value->type == RM_STRING && !rm_str_eq(value->raw, RM_STR("curl")))
        rm_reader_error(r, path, rm_doc_place(value),
                        "the transport %s is not in this version of remora, allowed is curl",
                        rm_text_quote(r->found->arena, value->raw));
}

static const struct rm_field own_backend_rows[] = {
    {.name = "timeout",
     .type = RM_FIELD_DURATION,
     .offset = offsetof(struct rm_conf_backend, timeout_us),
     .doc = "time for one call of this backend; without it the endpoint's"},
    {.name = "transport", .type = RM_FIELD_STRING, .offset = RM_NOWHERE, .read = own_transport, .doc = "curl"},
    LATER("balancer"),
    LATER("hash_on"),
    LATER("zone"),
    LATER("subset"),
    LATER("retry"),
    LATER("eject"),
    LATER("required"),
    LATER("when"),
    LATER("redirect"),
    LATER("tls"),
    LATER("response_headers"),
    LATER("kafka"),
    LATER("lambda"),
};
const struct rm_fields rm_own_backend_fields = {
    .v = own_backend_rows, .n = RM_COUNT(own_backend_rows), .what = "key of remora at a backend"};
