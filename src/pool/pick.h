// The balancer of one list: smooth weighted round robin over the hosts that may be used now. Pure: no time, no threads,
// no network. Flow uses view.h; this header is for the view and for tests.
// SPDX-License-Identifier: Apache-2.0
#ifndef POOL_PICK_H
#define POOL_PICK_H

#include <remora/base.h>
#include <remora/sd.h>

// Where the balancer stands in one snapshot. Usable are the ready hosts of the lowest priority that has any; where
// there is no ready host at all, the terminating ones, by the same rule. A host that is listed twice counts twice.
struct rm_picker_slot {
    uint32_t host;   // index in the snapshot
    uint32_t weight; // as balanced: 1 each where all of the tier have 0
    int64_t current; // the algorithm's running credit
};
struct rm_picker {
    const struct rm_snapshot *list; // borrowed
    struct rm_picker_slot *slots;
    uint32_t n;
    uint32_t next; // equal weights: the slot whose turn it is
    bool equal;    // smooth weighted round robin is plain round robin then, without a scan
};

// `start`: any number; it says where the first round begins (random in production, so that workers and pods do not
// march in step). `old` (may be NULL): the balancer of the list before: hosts that stay (same name, address and port)
// keep their credit, and the round goes on where it stood.
void rm_picker_init(struct rm_picker *, struct rm_arena *, const struct rm_snapshot *, const struct rm_picker *old,
                    uint32_t start);

// The next host, NULL when there is none. A host equal to one of `avoid` is taken only when there is no other.
const struct rm_host *rm_picker_next(struct rm_picker *, const struct rm_host *const *avoid, size_t n_avoid);

#endif
