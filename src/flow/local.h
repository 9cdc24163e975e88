// What one worker has of a plan (flow.h). Its thread only.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_LOCAL_H
#define FLOW_LOCAL_H

#include "flow/counts.h"
#include "flow/flow.h"
#include "pool/view.h"

// Lines about calls of one view's hosts that failed.
struct rm_flow_lines {
    uint64_t since_us;
    uint32_t n, unlogged;
};

// The memory of a flow and of what was made for it, given back when the last of them has gone.
struct rm_flow_batch {
    struct rm_arena arena; // holds this struct
    uint32_t uses;
};

// What this worker's flows share while it stays the same from one plan to the next.
struct rm_flow_view {
    struct rm_pool_view pool;
    struct rm_flow_lines lines;
    struct rm_flow_batch *batch;
    uint32_t uses; // flows that have it
};
struct rm_flow_transport {
    const struct rm_transport_ops *ops;
    void *self;
    struct rm_flow_batch *batch;
    uint32_t uses;
};

struct rm_flow {
    struct rm_flow_batch *batch;
    struct rm_plan *plan;                                 // a reference
    struct rm_flow_view **views;                          // one for each of the plan's views
    struct rm_flow_transport **transports; // one for each of the plan's transports
    struct rm_counts_table counts;
};

#endif
