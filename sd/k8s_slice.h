// One EndpointSlice, as far as discovery needs it. Made by k8s_event.c, kept by k8s_store.c; each in an arena of its own, so that
// slices come and go one by one. Absent conditions have their meaning already: ready and serving true, terminating false.
// SPDX-License-Identifier: Apache-2.0
#ifndef SD_K8S_SLICE_H
#define SD_K8S_SLICE_H

#include "base/list.h"
#include <remora/base.h>

struct rm_k8s_names {
    struct rm_str *v;
    size_t n;
};

struct rm_k8s_endpoint {
    struct rm_str address; // addresses[0]: all of them reach the same pod, and nobody uses the others
    struct rm_str uid;     // of the pod (targetRef.uid); "": unknown
    struct rm_str zone, node;
    struct rm_k8s_names hint_zones, hint_nodes; // whom it is meant for
    bool ready, serving, terminating;
};

struct rm_k8s_port {
    struct rm_str name; // may be ""
    struct rm_str app_protocol;
    uint16_t port; // of the pod; never 0
};

enum rm_k8s_family { RM_K8S_IPV4, RM_K8S_IPV6, RM_K8S_FQDN };

struct rm_k8s_slice {
    struct rm_arena arena; // holds this struct and its texts
    struct rm_list link;   // the store's
    struct rm_str namespace_, name;
    struct rm_str service; // label kubernetes.io/service-name; "": none
    enum rm_k8s_family family;
    struct rm_k8s_endpoint *endpoints;
    size_t n_endpoints;
    struct rm_k8s_port *ports; // TCP only
    size_t n_ports;
};

void rm_k8s_slice_free(struct rm_k8s_slice *); // NULL is fine

#endif
