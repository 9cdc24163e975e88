// extra_config.remora.kubernetes of the service: how the API server is reached, and where this pod is. Opens no file.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#define AT(member) offsetof(struct rm_conf, member)

static const char *const addresses_names[] = {
    [RM_CONF_BOTH] = "both", [RM_CONF_IPV4] = "ipv4", [RM_CONF_IPV6] = "ipv6"};

static void kubernetes_server(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    const struct rm_conf *conf = base;
    struct rm_str text = conf->kubernetes.api_server;
    struct rm_strs one = {.v = &text, .n = 1};
    if (value->type == RM_STRING && text.n > 0)
        rm_hosts_read(r, path, value, true, &one); // http or https, a name or an address, no credentials, no query
}

// RFC 1123 2.1 as Kubernetes has it: what a namespace's name may be.
static void kubernetes_namespace(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    struct rm_str name = ((struct rm_conf *)base)->kubernetes.namespace_;
    bool fits = name.n <= 63;
    for (size_t i = 0; i < name.n; i++)
        fits = fits && ((name.p[i] >= 'a' && name.p[i] <= 'z') || (name.p[i] >= '0' && name.p[i] <= '9') ||
                        (name.p[i] == '-' && i > 0 && i + 1 < name.n));
    if (value->type == RM_STRING && !fits)
        rm_reader_error(r, path, rm_doc_place(value), "%s is no namespace: at most 63 of a-z, 0-9 and -",
                        rm_text_quote(r->found->arena, name));
}

static const struct rm_field kubernetes_rows[] = {
    {.name = "api_server",
     .type = RM_FIELD_STRING,
     .offset = AT(kubernetes.api_server),
     .read = kubernetes_server,
     .doc = "URL of the API server; without it what a pod's environment says"},
    {.name = "token_file",
     .type = RM_FIELD_STRING,
     .offset = AT(kubernetes.token_file),
     .doc = "file with the bearer token, read for each request; without it the ServiceAccount's, towards https only"},
    {.name = "ca_file",
     .type = RM_FIELD_STRING,
     .offset = AT(kubernetes.ca_file),
     .doc = "PEM file of the authority behind the API server's certificate; without it the ServiceAccount's"},
    {.name = "namespace",
     .type = RM_FIELD_STRING,
     .offset = AT(kubernetes.namespace_),
     .read = kubernetes_namespace,
     .doc = "of Services that are named without one; without it the pod's"},
    {.name = "zone", .type = RM_FIELD_STRING, .offset = AT(zone), .doc = "zone of this pod's node; REMORA_ZONE"},
    {.name = "node",
     .type = RM_FIELD_STRING,
     .offset = AT(kubernetes.node),
     .doc = "name of this pod's node; REMORA_NODE"},
    {.name = "addresses",
     .type = RM_FIELD_CHOICE,
     .offset = AT(kubernetes.addresses),
     .choices = addresses_names,
     .n_choices = RM_COUNT(addresses_names),
     .fallback = "both",
     .doc = "which addresses of pods are used: ipv4, ipv6 or both (one a pod)"},
};
const struct rm_fields rm_kubernetes_fields = {
    .v = kubernetes_rows, .n = RM_COUNT(kubernetes_rows), .what = "key of remora.kubernetes"};
