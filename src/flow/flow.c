// One worker's share of a plan: its views of the sources, its transport, its block cache (flow.h).
// SPDX-License-Identifier: Apache-2.0
#include "flow/local.h"

// What the worker keeps of finished requests' arenas.
#define FLOW_KEEP_BYTES ((size_t)1 << 20)

int rm_flow_new(struct rm_flow **out, struct rm_loop *loop, struct rm_plan *plan, struct rm_cache *cache,
                struct rm_err *err)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_flow *flow = RM_NEW(&arena, struct rm_flow);
    void *transport_self = NULL;
    int rc = plan->transport_ops->open(&transport_self, &plan->transport, loop, err);
    if (rc != RM_OK) {
        rm_arena_fini(&arena);
        return rc;
    }
    flow->plan = rm_plan_ref(plan);
    flow->transport = plan->transport_ops;
    flow->transport_self = transport_self;
    flow->blocks = rm_block_cache_new(FLOW_KEEP_BYTES);
    flow->views = RM_NEW_ARRAY(&arena, struct rm_pool_view, plan->n_views);
    for (uint32_t i = 0; i < plan->n_views; i++) {
        rm_pool_view_init(&flow->views[i], &plan->views[i].balance);
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
    flow->transport->close(flow->transport_self);
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
