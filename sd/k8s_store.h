// The EndpointSlices of one watch, and the hosts that they make together. Pure: no time, no network, no log.
// The rules are those of kube-proxy where it has one.
// SPDX-License-Identifier: Apache-2.0
#ifndef SD_K8S_STORE_H
#define SD_K8S_STORE_H

#include "sd/k8s_slice.h"
#include <remora/sd.h>

struct rm_k8s_store {
    struct rm_list slices; // by namespace and name, each once
};
void rm_k8s_store_init(struct rm_k8s_store *);
void rm_k8s_store_free(struct rm_k8s_store *); // every slice; empty afterwards
// Takes the slice. Gives back the one of the same namespace and name that it replaces, which is the caller's then, or NULL.
struct rm_k8s_slice *rm_k8s_store_put(struct rm_k8s_store *, struct rm_k8s_slice *) RM_MUST_CHECK;
// Takes out the one of this namespace and name, for the caller, or NULL.
struct rm_k8s_slice *rm_k8s_store_take(struct rm_k8s_store *, struct rm_str namespace_,
                                       struct rm_str name) RM_MUST_CHECK;

// Which addresses count; a pod that has both families is one host all the same.
enum rm_k8s_addresses { RM_K8S_BOTH, RM_K8S_ONLY_IPV4, RM_K8S_ONLY_IPV6 };

struct rm_k8s_want {
    struct rm_str service;
    struct rm_str port;      // its name, or ""
    uint16_t port_number;    // the pods' number, or 0. Neither: the only port that there is
    struct rm_str scheme;    // fixed by the configuration, or ""
    struct rm_str fallback;  // scheme where the slice has no appProtocol either
    struct rm_str host_name; // for Host and TLS
    enum rm_k8s_addresses addresses;
    struct rm_str zone, node; // our own; "": unknown
};

struct rm_k8s_found {
    struct rm_host *hosts; // in the arena, as are copies of texts that are not the slices' own; sorted by address
    size_t n;
    size_t n_slices;     // of the service
    size_t n_endpoints;  // in them, whatever their state
    size_t n_no_port;    // slices with endpoints and without the port that is wanted
    bool is_fqdn;        // there is a slice of names (deprecated), which is not used
    struct rm_str ports; // "http=8080 admin=9000": what the slices have, for a message
};
// The hosts point into the slices and `want`: rm_snapshot_new() copies them.
void rm_k8s_store_find(const struct rm_k8s_store *, struct rm_arena *, const struct rm_k8s_want *,
                       struct rm_k8s_found *out);

#endif
