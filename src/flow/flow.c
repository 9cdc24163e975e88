// One worker's share of a plan: its views of the sources, its transports, its block cache (flow.h).
// SPDX-License-Identifier: Apache-2.0
#include "flow/local.h"

// What the worker keeps of finished requests' arenas.
#define FLOW_KEEP_BYTES ((size_t)1 << 20)

static void flow_close_transports(struct rm_flow *flow, const struct rm_plan *plan, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        plan->transports[i]->close(flow->transports[i]);
}

static void flow_leave(struct rm_pool_view *view, const struct rm_host *host)
{
    struct rm_flow *flow = view->owner;
    for (uint32_t i = 0; i < flow->plan->n_transports; i++)
        flow->plan->transports[i]->leave(flow->transports[i], host);
}

int rm_flow_new(struct rm_flow **out, struct rm_loop *loop, struct rm_plan *plan, struct rm_cache *cache,
                struct rm_err *err)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_flow *flow = RM_NEW(&arena, struct rm_flow);
    for (uint32_t i = 0; i < plan->n_transports; i++) {
        int rc = plan->transports[i]->open(&flow->transports[i], &plan->transport, loop, err);
        if (rc != RM_OK) {
            flow_close_transports(flow, plan, i);
            rm_arena_fini(&arena);
            return rc;
        }
    }
    flow->plan = rm_plan_ref(plan);
    flow->blocks = rm_block_cache_new(FLOW_KEEP_BYTES);
    flow->views = RM_NEW_ARRAY(&arena, struct rm_pool_view, plan->n_views);
    flow->lines = RM_NEW_ARRAY(&arena, struct rm_flow_lines, plan->n_views);
    for (uint32_t i = 0; i < plan->n_views; i++) {
        rm_pool_view_init(&flow->views[i], &plan->views[i].balance);
        flow->views[i].leave = flow_leave;
        flow->views[i].owner = flow;
        rm_cache_subscribe(cache, &plan->sources[plan->views[i].source], &flow->views[i].sub, loop);
    }
    flow->arena = arena;
    *out = flow;
    return RM_OK;
}

void rm_flow_free(struct rm_flow *flow)
{
    if (!flow)
        return;
    for (uint32_t i = 0; i < flow->plan->n_views; i++) {
        rm_cache_unsubscribe(&flow->views[i].sub);
        rm_pool_view_fini(&flow->views[i]);
    }
    flow_close_transports(flow, flow->plan, flow->plan->n_transports);
    rm_block_cache_free(flow->blocks);
    rm_plan_unref(flow->plan);
    struct rm_arena arena = flow->arena;
    rm_arena_fini(&arena);
}

struct rm_plan *rm_flow_plan(struct rm_flow *flow)
{
    return flow->plan;
}

struct rm_block_cache *rm_flow_blocks(struct rm_flow *flow)
{
    return flow->blocks;
}

const struct rm_pool_view *rm_flow_view(const struct rm_flow *flow, uint32_t view)
{
    RM_ASSERT(view < flow->plan->n_views);
    return &flow->views[view];
}
