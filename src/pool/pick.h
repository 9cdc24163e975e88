// The balancer of one list: which host the next call gets. No time of its own, no threads, no network. Flow uses view.h; this header
// is for the view and for tests.
//
// Hosts stand in levels, and a level is used when no host of those before it is usable: ready before terminating, then by priority
// (RFC 2782), hosts with a weight before those with 0, hinted ones or those of our zone before others (balance.h), the subset before
// the rest. Usable is what passive health has not taken out and the call has not tried.
// SPDX-License-Identifier: Apache-2.0
#ifndef POOL_PICK_H
#define POOL_PICK_H

#include "pool/balance.h"
#include "pool/cell.h"

// What one worker knows of a host, for as long as lists of its view have it.
struct rm_seat {
    uint32_t lists;
    uint32_t in_flight;
    uint64_t picked;
    struct rm_seat *next; // of the view's unused ones
};

struct rm_picker_slot {
    uint32_t host;   // index in the snapshot
    uint32_t weight; // as balanced: at least 1
    int64_t current; // round robin: the running credit
    uint64_t key;    // hash: the host's; random, least request: weights up to and with this one
};
struct rm_picker_level {
    uint32_t from, n; // slots
    uint32_t next;    // round robin with equal weights: the slot whose turn it is
    bool equal;
    uint64_t total; // of weights
};
struct rm_picker {
    const struct rm_snapshot *list; // borrowed, with cells
    const struct rm_balance *balance;
    struct rm_seat *const *seats; // one for each host; NULL: nobody is in flight
    struct rm_picker_slot *slots;
    uint32_t n;
    struct rm_picker_level *levels;
    uint32_t n_levels;
    uint64_t *random; // a generator's state
};

// `old` (may be NULL): the balancer of the list before, and `match` from rm_snapshot_match(): hosts that stay keep their credit, and
// the round goes on where it stood. A round begins at a random place, so that workers and pods do not march in step.
void rm_picker_init(struct rm_picker *, struct rm_arena *, const struct rm_snapshot *, const struct rm_balance *,
                    struct rm_seat *const *seats, uint64_t *random, const struct rm_picker *old, const uint32_t *match);

// tier.c: fills slots and levels from list and balance.
void rm_picker_sort(struct rm_picker *, struct rm_arena *);

// What a call wants. `avoid`: hosts that it has tried; one of them is given only when there is no other. `hash` 0: none, chance takes
// its place.
struct rm_pick_ask {
    uint64_t now_us;
    uint64_t hash;
    const struct rm_host *const *avoid;
    size_t n_avoid;
};

#define RM_NO_SLOT UINT32_MAX
// The slot of the next host, RM_NO_SLOT when there is none. `tried_until_us`: for rm_health_report(). A host that is out is given only
// when there is no other.
uint32_t rm_picker_next(struct rm_picker *, const struct rm_pick_ask *, uint64_t *tried_until_us);

#endif
