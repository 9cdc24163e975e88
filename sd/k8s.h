// What the Kubernetes provider is told before it opens. rm_sd_kubernetes itself is declared in registry.h.
// SPDX-License-Identifier: Apache-2.0
#ifndef SD_K8S_H
#define SD_K8S_H

#include "sd/k8s_store.h"

// extra_config.remora.kubernetes. Texts are kept, not copied; "" stands for what a pod has.
struct rm_k8s_conf {
    struct rm_str api_server; // "https://10.96.0.1:443"; KUBERNETES_SERVICE_HOST and _PORT
    struct rm_str token_file,
        ca_file; // those of /var/run/secrets/kubernetes.io/serviceaccount; never sent in plain text unless named
    struct rm_str namespace_; // that directory's namespace file, then POD_NAMESPACE, then "default"
    struct rm_str zone;       // topology.kubernetes.io/zone of our node; "": unknown
    struct rm_str node;       // our node's name; REMORA_NODE
    enum rm_k8s_addresses addresses;
};
// Before any provider opens, once; without it the pod's.
void rm_k8s_setup(const struct rm_k8s_conf *);

#endif
