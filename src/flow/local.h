// What one worker has of a plan (flow.h). Its thread only.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_LOCAL_H
#define FLOW_LOCAL_H

#include "flow/flow.h"
#include "pool/view.h"

// Lines about calls of one view's hosts that failed.
struct rm_flow_lines {
    uint64_t since_us;
    uint32_t n, unlogged;
};

struct rm_flow {
    struct rm_plan *plan;                 // a reference
    struct rm_pool_view *views;           // one for each of the plan's views
    struct rm_flow_lines *lines;          // the same
    void *transports[RM_PLAN_TRANSPORTS]; // those of the plan, opened
    struct rm_block_cache *blocks;
    struct rm_arena arena; // of the views
};

#endif
