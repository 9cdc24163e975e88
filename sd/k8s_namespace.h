// One namespace: whoever wants hosts of its services shares one list and watch, limited to those services. Owns the watches and
// gathers what changes shortly after each other.
// SPDX-License-Identifier: Apache-2.0
#ifndef SD_K8S_NAMESPACE_H
#define SD_K8S_NAMESPACE_H

#include "sd/k8s_watch.h"

// Belongs to who wants it. Zeroed, with service and functions set, before it joins.
struct rm_k8s_sub {
    struct rm_str service;
    void (*changed)(struct rm_k8s_sub *); // never from inside rm_k8s_namespace_join()
    void (*failed)(struct rm_k8s_sub *, const struct rm_err *);
    // The namespace's.
    struct rm_list link;
    struct rm_k8s_namespace *of; // NULL while not joined
    bool dirty;
};

struct rm_k8s_namespace;
struct rm_k8s_namespace *rm_k8s_namespace_new(struct rm_loop *, struct rm_api *, const struct rm_k8s_times *,
                                              struct rm_str name);
void rm_k8s_namespace_free(struct rm_k8s_namespace *); // nobody may be in it
struct rm_str rm_k8s_namespace_name(const struct rm_k8s_namespace *);

// Another set of services starts another list and watch beside the one in use, which ends when the new one has a whole list.
// Whoever joins or leaves in one turn of the loop makes one such change together.
void rm_k8s_namespace_join(struct rm_k8s_namespace *, struct rm_k8s_sub *);
void rm_k8s_namespace_leave(struct rm_k8s_sub *);
bool rm_k8s_namespace_is_empty(const struct rm_k8s_namespace *);

// The watch that covers this service and has a whole list; NULL: none yet.
const struct rm_k8s_watch *rm_k8s_namespace_watch(const struct rm_k8s_sub *);
// Of that one, or of the one that shall have it; NULL: none has begun.
const struct rm_k8s_counts *rm_k8s_namespace_counts(const struct rm_k8s_sub *);

#endif
