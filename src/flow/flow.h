// What one worker needs to answer requests of a plan: its transports, its view of each host pool. Made, used and freed on the worker's
// thread. The cache entries of the plan's sources are acquired before, elsewhere, and released after.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include "flow/counts.h"
#include "flow/plan.h"
#include "pool/view.h"
#include <remora/loop.h>

struct rm_flow;

// Subscribes to the plan's sources in the cache: views fill when messages arrive; until then calls answer "no hosts available". The
// reference to the plan is taken. `before`: this worker's flow of the plan before, NULL for the first. What both plans say alike is
// shared with it: views with their balancers and counts, transports with their connections.
int rm_flow_new(struct rm_flow **out, struct rm_loop *, struct rm_plan *, struct rm_cache *, const struct rm_flow *before,
                struct rm_err *err) RM_MUST_CHECK;
void rm_flow_free(struct rm_flow *); // no request of its own may run
struct rm_plan *rm_flow_plan(struct rm_flow *);
// This worker's one of the plan's view number `view`.
const struct rm_pool_view *rm_flow_view(const struct rm_flow *, uint32_t view);

const struct rm_counts_table *rm_flow_counts(const struct rm_flow *);

// How a client's request ended, for the counts.
struct rm_ended {
    int status; // 0: the client heard of none
    int code;   // the first failure
    bool begun; // rm_flow_count_begin() was said
    bool cancelled, incomplete;
    uint64_t sent_bytes, received_bytes, took_us;
};
void rm_flow_count_begin(struct rm_flow *, const struct rm_endpoint *);
void rm_flow_count_end(struct rm_flow *, const struct rm_endpoint *, const struct rm_ended *); // NULL: no endpoint's

#endif
