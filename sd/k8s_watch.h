// One list and watch: the EndpointSlices of some services of one namespace, kept the same as the API server's. It asks, falls back,
// asks again; it never gives up and never forgets what it has because somebody else does not answer. Owns its store and its call.
// SPDX-License-Identifier: Apache-2.0
#ifndef SD_K8S_WATCH_H
#define SD_K8S_WATCH_H

#include "sd/api_http.h"
#include "sd/k8s_event.h"
#include "sd/k8s_store.h"

struct rm_k8s_times {
    uint64_t stall_us;            // a list without any progress
    uint64_t head_us;             // a watch that is not answered: it may wait in the server's queue
    uint64_t idle_us;             // a watch without event or bookmark: there is a bookmark every minute
    uint64_t first_us, most_us;   // back-off: doubled from the one to the other, of which a random share is waited
    uint64_t healthy_us;          // a watch that lived so long begins the back-off anew
    uint64_t short_us;            // one that ended sooner is not opened again at once
    uint64_t least_s, longest_s;  // what the server is asked for, at random
    uint64_t quiet_us, gather_us; // changes wait for the next one this long, and that long in all (k8s_namespace.c)
};
#define RM_K8S_TIMES                                                                                                   \
    ((struct rm_k8s_times){.stall_us = 15000000,                                                                       \
                           .head_us = 30000000,                                                                        \
                           .idle_us = 150000000,                                                                       \
                           .first_us = 800000,                                                                         \
                           .most_us = 30000000,                                                                        \
                           .healthy_us = 30000000,                                                                     \
                           .short_us = 1000000,                                                                        \
                           .least_s = 300,                                                                             \
                           .longest_s = 600,                                                                           \
                           .quiet_us = 15000,                                                                          \
                           .gather_us = 50000})

// Why a watch had to be opened again.
enum rm_k8s_reason {
    RM_K8S_END,     // the server's timeoutSeconds
    RM_K8S_CUT,     // the connection broke, or did not come about
    RM_K8S_IDLE,    // nothing came any more
    RM_K8S_GONE,    // 410: the version is too old
    RM_K8S_FUTURE,  // the version is not known yet: the server's store is an older one
    RM_K8S_REFUSED, // another status
    RM_K8S_BROKEN,  // not what an API server sends
    RM_K8S_REASONS
};
extern const char *const rm_k8s_reason_names[RM_K8S_REASONS];

struct rm_k8s_watch;
struct rm_k8s_watch_owner {
    void (*changed)(struct rm_k8s_watch_owner *, struct rm_str service); // one slice of it
    void (*synced)(struct rm_k8s_watch_owner *); // a whole list took the place of what was there
    void (*confirmed)(
        struct rm_k8s_watch_owner *); // a bookmark, or a watch that is open again: what is there is still so
    void (*failed)(struct rm_k8s_watch_owner *, const struct rm_err *); // an attempt; another one follows
};

// `services`: names that need no encoding (DNS labels), at least one; the texts are copied.
struct rm_k8s_watch *rm_k8s_watch_new(struct rm_loop *, struct rm_api *, const struct rm_k8s_times *,
                                      struct rm_str namespace_, const struct rm_str *services, size_t n_services,
                                      struct rm_k8s_watch_owner *);
void rm_k8s_watch_free(struct rm_k8s_watch *); // ends its call at once; NULL is fine. Not from inside changed()

// What it has; NULL before the first whole list.
const struct rm_k8s_store *rm_k8s_watch_store(const struct rm_k8s_watch *);

struct rm_k8s_counts {
    uint64_t lists;  // whole ones
    uint64_t events; // taken, bookmarks too
    uint64_t reopened[RM_K8S_REASONS];
    uint64_t heard_us; // the last list, event or bookmark, by the loop's clock; 0: never
};
const struct rm_k8s_counts *rm_k8s_watch_counts(const struct rm_k8s_watch *);

#endif
