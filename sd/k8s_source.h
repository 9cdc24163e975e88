// What a backend's host says where discovery is "kubernetes": "cart", "cart:http", "cart.shop:8080", "https://cart.shop.svc.cluster.local".
// SPDX-License-Identifier: Apache-2.0
#ifndef SD_K8S_SOURCE_H
#define SD_K8S_SOURCE_H

#include <remora/sd.h>

struct rm_k8s_source {
    struct rm_str scheme; // "http", "https"; "": none is written
    struct rm_str name;   // without scheme and port, as written
    struct rm_str service;
    struct rm_str namespace_; // "": our own
    struct rm_str port;       // a port's name, or ""
    uint16_t port_number;     // or 0
};
// RM_ECONF. Slices of the source's text.
int rm_k8s_source_parse(const struct rm_source *, struct rm_k8s_source *out, struct rm_err *err) RM_MUST_CHECK;

#endif
