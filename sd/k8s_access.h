// How to reach the API server and what we are in the cluster: from the configuration, else from what Kubernetes puts into a pod.
// SPDX-License-Identifier: Apache-2.0
#ifndef SD_K8S_ACCESS_H
#define SD_K8S_ACCESS_H

#include "sd/api_http.h"
#include "sd/k8s.h"

struct rm_k8s_access {
    struct rm_arena arena;
    struct rm_api_target server; // without the token
    const char *token_file;      // NULL: no token is sent
    struct rm_str namespace_;    // of hosts that name none
    struct rm_str zone, node;    // our own; "": unknown
};
// RM_ECONF: there is no API server to ask; fini all the same. Reads the environment and the pod's namespace file.
int rm_k8s_access_init(struct rm_k8s_access *, const struct rm_k8s_conf *, struct rm_err *err) RM_MUST_CHECK;
void rm_k8s_access_fini(struct rm_k8s_access *);
// For struct rm_api_client: `arg` is the access. Reads the token file each time, so that a rotated token is used by the next request.
int rm_k8s_access_where(void *arg, struct rm_arena *, struct rm_api_target *out, struct rm_err *err) RM_MUST_CHECK;

#endif
