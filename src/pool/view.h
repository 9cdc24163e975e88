// One worker's view of one source: the newest list that has reached this worker, and where its balancer stands.
// One thread, no locks, no atomics on the request path.
//
//   at start:    rm_pool_view_init(&v); rm_cache_subscribe(cache, source, &v.sub, loop); it has a list if the source
//   has per request: host = rm_pool_pick(&v, NULL, 0, &pick), the exchange, rm_pool_release(&pick) at the end:
//   rm_cache_unsubscribe(&v.sub); rm_pool_view_fini(&v)
//
// Tests without a cache: rm_pool_view_init(&v); rm_pool_view_set(&v, rm_snapshot_new(hosts, n)).
// SPDX-License-Identifier: Apache-2.0
#ifndef POOL_VIEW_H
#define POOL_VIEW_H

#include "pool/cache.h"
#include <remora/sd.h>

struct rm_pool_list; // a snapshot with the balancer's state for it, counted by this worker alone

struct rm_pool_view {
    struct rm_cache_sub sub;
    struct rm_pool_list *list; // NULL until the source has been answered
};

void rm_pool_view_init(struct rm_pool_view *);
void rm_pool_view_set(struct rm_pool_view *, struct rm_snapshot *); // gives the reference away; what sub.update does
void rm_pool_view_fini(struct rm_pool_view *); // hosts picked before stay valid until they are released

// A host in use. The host and its texts stay valid until rm_pool_release(), whatever lists come meanwhile.
struct rm_pick {
    const struct rm_host *host;
    struct rm_pool_list *list;
};

// NULL (RM_ENOHOST): no answer yet, or no host in it; *out is zeroed then. `avoid` (may be NULL): hosts that were tried
// already; one of them is given only when there is no other.
const struct rm_host *rm_pool_pick(struct rm_pool_view *, const struct rm_host *const *avoid, size_t n_avoid,
                                   struct rm_pick *out);
// When the exchange is over or cancelled, on the same worker, also after the view has gone. No-op on a zeroed or
// released pick, so that it may be deferred in the request's arena as well.
void rm_pool_release(struct rm_pick *);

// ---- looking at it -------------------------------------------------------------------------------------------------

// What this worker knows of one host of its newest list; the status page adds up the workers'. Valid until the next list.
struct rm_host_look {
    const struct rm_host *host;
    uint32_t in_flight; // picked and not released
    uint64_t picked;    // since the host is known to this worker
    // Of all workers.
    uint64_t failures;         // calls that counted against it
    uint64_t ejections;        // how often it was taken out
    uint64_t ejected_until_us; // CLOCK_MONOTONIC; in the past or 0: it is in
};
// Fills at most `max` and returns how many; on the worker's thread.
size_t rm_pool_view_look(const struct rm_pool_view *, struct rm_host_look *out, size_t max);

#endif
