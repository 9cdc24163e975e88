// One worker's share of a plan: its views of the sources and its transports (flow.h). Owns both together with the flows before and after.
// SPDX-License-Identifier: Apache-2.0
#include "flow/local.h"

#include "pool/source.h"

static struct rm_flow_batch *batch_ref(struct rm_flow_batch *batch)
{
    batch->uses++;
    return batch;
}

static void batch_unref(struct rm_flow_batch *batch)
{
    if (--batch->uses > 0)
        return;
    struct rm_arena arena = batch->arena;
    rm_arena_fini(&arena);
}

// ---- transports ------------------------------------------------------------------------------------------------------

static int flow_open_transport(struct rm_flow *flow, uint32_t i, struct rm_loop *loop, const struct rm_flow *before,
                               struct rm_err *err)
{
    const struct rm_plan_transport *wanted = flow->plan->transports[i];
    struct rm_flow_transport *t = NULL;
    for (uint32_t k = 0; before && !t && k < before->plan->n_transports; k++)
        if (rm_plan_transport_same(before->plan->transports[k], wanted))
            t = before->transports[k];
    if (!t) {
        t = RM_NEW(&flow->batch->arena, struct rm_flow_transport);
        t->ops = wanted->ops;
        int rc = t->ops->open(&t->self, &wanted->conf, loop, err);
        if (rc != RM_OK)
            return rc;
        t->batch = batch_ref(flow->batch);
    }
    t->uses++;
    flow->transports[i] = t;
    return RM_OK;
}

static void flow_close_transport(struct rm_flow_transport *t)
{
    if (!t || --t->uses > 0)
        return;
    t->ops->close(t->self);
    batch_unref(t->batch);
}

// ---- views -----------------------------------------------------------------------------------------------------------

static void flow_leave(struct rm_pool_view *view, const struct rm_host *host)
{
    struct rm_flow *flow = view->owner; // the newest that has it
    for (uint32_t i = 0; flow && i < flow->plan->n_transports; i++)
        flow->transports[i]->ops->leave(flow->transports[i]->self, host);
}

static struct rm_flow_view *flow_find_view(const struct rm_flow *before, const struct rm_plan *plan,
                                           const struct rm_plan_view *view)
{
    for (uint32_t i = 0; before && i < before->plan->n_views; i++) {
        const struct rm_plan_view *old = &before->plan->views[i];
        if (rm_source_same(&before->plan->sources[old->source], &plan->sources[view->source]) &&
            rm_balance_same(&old->balance, &view->balance))
            return before->views[i];
    }
    return NULL;
}

static struct rm_flow_view *flow_new_view(struct rm_flow *flow, const struct rm_plan_view *plan_view,
                                          struct rm_cache *cache, struct rm_loop *loop)
{
    struct rm_flow_view *view = RM_NEW(&flow->batch->arena, struct rm_flow_view);
    view->batch = batch_ref(flow->batch);
    rm_pool_view_init(&view->pool, &plan_view->balance);
    view->pool.leave = flow_leave;
    rm_cache_subscribe(cache, &flow->plan->sources[plan_view->source], &view->pool.sub, loop);
    return view;
}

static void flow_drop_view(struct rm_flow_view *view, const struct rm_flow *flow)
{
    if (view->pool.owner == flow)
        view->pool.owner = NULL;
    if (--view->uses > 0)
        return;
    rm_cache_unsubscribe(&view->pool.sub);
    rm_pool_view_fini(&view->pool);
    batch_unref(view->batch);
}

// ---- flow.h ----------------------------------------------------------------------------------------------------------

int rm_flow_new(struct rm_flow **out, struct rm_loop *loop, struct rm_plan *plan, struct rm_cache *cache,
                const struct rm_flow *before, struct rm_err *err)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_flow_batch *batch = RM_NEW(&arena, struct rm_flow_batch);
    struct rm_flow *flow = RM_NEW(&arena, struct rm_flow);
    batch->arena = arena;
    flow->batch = batch_ref(batch);
    flow->plan = plan;
    flow->transports = RM_NEW_ARRAY(&batch->arena, struct rm_flow_transport *, plan->n_transports);
    for (uint32_t i = 0; i < plan->n_transports; i++) {
        int rc = flow_open_transport(flow, i, loop, before, err);
        if (rc != RM_OK) {
            for (uint32_t k = 0; k < i; k++)
                flow_close_transport(flow->transports[k]);
            batch_unref(batch);
            return rc;
        }
    }
    flow->plan = rm_plan_ref(plan);
    flow->views = RM_NEW_ARRAY(&batch->arena, struct rm_flow_view *, plan->n_views);
    for (uint32_t i = 0; i < plan->n_views; i++) {
        flow->views[i] = flow_find_view(before, plan, &plan->views[i]);
        if (!flow->views[i])
            flow->views[i] = flow_new_view(flow, &plan->views[i], cache, loop);
        flow->views[i]->uses++;
        flow->views[i]->pool.owner = flow;
    }
    rm_counts_init(&flow->counts, plan, before ? &before->counts : NULL);
    *out = flow;
    return RM_OK;
}

void rm_flow_free(struct rm_flow *flow)
{
    if (!flow)
        return;
    for (uint32_t i = 0; i < flow->plan->n_views; i++)
        flow_drop_view(flow->views[i], flow);
    for (uint32_t i = 0; i < flow->plan->n_transports; i++)
        flow_close_transport(flow->transports[i]);
    rm_counts_fini(&flow->counts);
    rm_plan_unref(flow->plan);
    batch_unref(flow->batch);
}

struct rm_plan *rm_flow_plan(struct rm_flow *flow)
{
    return flow->plan;
}

const struct rm_pool_view *rm_flow_view(const struct rm_flow *flow, uint32_t view)
{
    RM_ASSERT(view < flow->plan->n_views);
    return &flow->views[view]->pool;
}

// ---- counts ----------------------------------------------------------------------------------------------------------

const struct rm_counts_table *rm_flow_counts(const struct rm_flow *flow)
{
    return &flow->counts;
}

void rm_flow_count_begin(struct rm_flow *flow, const struct rm_endpoint *endpoint)
{
    rm_counts_at(&flow->counts, rm_counts_of_endpoint(flow->plan, endpoint))->in_flight++;
}

void rm_flow_count_end(struct rm_flow *flow, const struct rm_endpoint *endpoint, const struct rm_ended *ended)
{
    struct rm_counts *counts = rm_counts_at(&flow->counts, rm_counts_of_endpoint(flow->plan, endpoint));
    int class = ended->status / 100;
    if (ended->begun)
        counts->in_flight--;
    counts->by_class[class < RM_COUNTS_CLASSES ? class : 0]++;
    counts->cancelled += ended->cancelled;
    counts->incomplete += ended->incomplete;
    if (ended->code != RM_OK)
        counts->failed[-ended->code]++;
    counts->sent_bytes += ended->sent_bytes;
    counts->received_bytes += ended->received_bytes;
    rm_counts_took(counts, ended->took_us);
}
