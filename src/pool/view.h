// One worker's view of one source with one balance: the newest list that has reached this worker, where its balancer stands, what runs
// on each host, and the retry budget. One thread, no locks; atomics only where a host fails or has failed (health.h).
//
//   at start:    rm_pool_view_init(&v, &balance); rm_cache_subscribe(cache, source, &v.sub, loop); it has a list if the source has
//   per request: host = rm_pool_pick(&v, &ask, &pick), the exchange, rm_pool_report(&pick, …), rm_pool_release(&pick)
//   at the end:  rm_cache_unsubscribe(&v.sub); rm_pool_view_fini(&v)
//
// Tests without a cache: rm_pool_view_init(&v, &balance); rm_pool_view_set(&v, rm_snapshot_new(hosts, n)).
// SPDX-License-Identifier: Apache-2.0
#ifndef POOL_VIEW_H
#define POOL_VIEW_H

#include "pool/cache.h"
#include "pool/health.h"
#include "pool/pick.h"
#include "pool/retries.h"
#include <remora/sd.h>

struct rm_pool_list;   // a snapshot with the balancer's state for it, counted by this worker alone
struct rm_pool_common; // what the lists of a view share

struct rm_pool_view {
    struct rm_cache_sub sub;
    struct rm_pool_list *list; // NULL until the source has been answered
    struct rm_pool_common *common;
    struct rm_retries retries;
    uint64_t picked; // calls ever, over all lists
    // Set by the owner after init; NULL: nobody wants to know. This host was in use and is not, by the list that has just come: it
    // is not there any more, or it ends. Picks of it go on.
    void (*leave)(struct rm_pool_view *, const struct rm_host *);
    void *owner;
};

void rm_pool_view_init(struct rm_pool_view *, const struct rm_balance *); // copied
void rm_pool_view_set(struct rm_pool_view *, struct rm_snapshot *); // gives the reference away; what sub.update does
void rm_pool_view_fini(struct rm_pool_view *); // hosts picked before stay valid until they are released

// A host in use. The host and its texts stay valid until rm_pool_release(), whatever lists come meanwhile.
struct rm_pick {
    const struct rm_host *host;
    struct rm_pool_list *list;
    struct rm_seat *seat; // NULL once it was reported
    uint64_t tried_until_us;
    bool alone; // the list has no other host
};

// NULL (RM_ENOHOST): no answer yet, or no host in it; *out is zeroed then. Where ask->avoid is empty it is a call's first attempt.
const struct rm_host *rm_pool_pick(struct rm_pool_view *, const struct rm_pick_ask *ask, struct rm_pick *out);
// In the same turn: it is not asked after all, and does not count as a call.
void rm_pool_unpick(struct rm_pool_view *, struct rm_pick *);
// What came of it: it runs no more. Once, before the release; a call that says nothing need not. OUT, BACK: it has changed the host's
// state, for the one log line of that. Same worker, also after the view has gone.
enum rm_health_change rm_pool_report(struct rm_pick *, enum rm_outcome, uint64_t now_us);
// May a call be asked once more? Charges the retry budget (retries.h).
bool rm_pool_retry(struct rm_pool_view *, uint32_t percent, uint64_t now_us);
// When the exchange is over or cancelled, on the same worker, also after the view has gone. No-op on a zeroed or
// released pick, so that it may be deferred in the request's arena as well.
void rm_pool_release(struct rm_pick *);

// ---- looking at it -------------------------------------------------------------------------------------------------

// The newest list, a reference of its own; NULL: none has come.
struct rm_snapshot *rm_pool_view_list(const struct rm_pool_view *);

// What this worker knows of one host of its newest list; the status page adds up the workers'. Valid until the next list.
struct rm_host_look {
    const struct rm_host *host;
    uint32_t in_flight; // picked and not released
    uint64_t picked;    // since the host is known to this worker
    // Of all workers.
    uint64_t failures;         // calls that counted against it
    uint64_t ejections;        // how often it was taken out
    uint64_t ejected_until_us; // CLOCK_MONOTONIC; 0: it is in; in the past: the next call tries it
};
// Fills at most `max` and returns how many; on the worker's thread.
size_t rm_pool_view_look(const struct rm_pool_view *, struct rm_host_look *out, size_t max);

#endif
