// All backends of an endpoint at once. Waits for each of them, or until the group's deadline, when those that are missing become
// timeouts; then merges in declared order (krakend-behaviour.md §3). After the soft deadline what is there is enough, if required ones are.
// SPDX-License-Identifier: Apache-2.0
#include "flow/backend.h"
#include "flow/deadline.h"
#include "flow/local.h"
#include "flow/merge.h"

struct all_call {
    struct rm_part part; // first
    struct rm_ask *asks;
    struct rm_deadline deadline, soft;
    bool is_late; // the soft one has passed
    uint32_t n, live;
    struct rm_slot *slots[];
};

static void all_slot_done(struct rm_call *);
static void all_expired(struct rm_deadline *);
static void all_soft_expired(struct rm_deadline *);

static void all_start(struct rm_call *call)
{
    struct all_call *all = (struct all_call *)call;
    struct rm_request *rq = all->part.rq;
    rm_deadline_start(&all->deadline, call->loop, all->part.deadline_us, all_expired);
    uint64_t soft_us = rq->endpoint->conf->soft_deadline_us;
    if (soft_us > 0)
        rm_deadline_start(&all->soft, call->loop, rm_loop_now_us(call->loop) + soft_us, all_soft_expired);
    all->live = all->n;
    for (uint32_t i = 0; i < all->n; i++) {
        all->slots[i] =
            rm_slot_new(rq, &rq->endpoint->backends[i], &all->asks[i], all->part.deadline_us, call, all_slot_done);
        rm_slot_start(all->slots[i]);
    }
}

static void all_cancel(struct rm_call *call)
{
    struct all_call *all = (struct all_call *)call;
    rm_deadline_stop(&all->deadline);
    rm_deadline_stop(&all->soft);
    for (uint32_t i = 0; i < all->n; i++)
        rm_call_cancel(&all->slots[i]->part.call);
}

static void all_end(struct all_call *all)
{
    rm_deadline_stop(&all->deadline);
    rm_deadline_stop(&all->soft);
    rm_merge(all->slots, all->n, all->n, all->part.rq->flow->plan->conf->router.return_error_msg, &all->part);
    rm_call_done(&all->part.call);
}

// What is missing becomes timeouts.
static void all_cut(struct all_call *all)
{
    for (uint32_t i = 0; i < all->n; i++) {
        if (all->slots[i]->part.call.state == RM_CALL_OVER)
            continue;
        rm_slot_expire(all->slots[i]);
        rm_slot_log(all->slots[i]);
    }
    all_end(all);
}

// Whether the client can be answered without those that still run.
static bool all_has_enough(const struct all_call *all)
{
    bool any = false;
    for (uint32_t i = 0; i < all->n; i++) {
        const struct rm_part *part = &all->slots[i]->part;
        bool over = part->call.state == RM_CALL_OVER;
        if (!over && all->slots[i]->backend->conf->required)
            return false;
        any = any || (over && part->answered);
    }
    return any;
}

static void all_slot_done(struct rm_call *call)
{
    struct all_call *all = (struct all_call *)call->up;
    rm_slot_log((struct rm_slot *)call);
    if (--all->live == 0)
        all_end(all);
    else if (all->is_late && all_has_enough(all))
        all_cut(all);
}

static void all_expired(struct rm_deadline *deadline)
{
    all_cut(rm_container_of(deadline, struct all_call, deadline));
}

static void all_soft_expired(struct rm_deadline *deadline)
{
    struct all_call *all = rm_container_of(deadline, struct all_call, soft);
    all->is_late = true;
    if (all_has_enough(all))
        all_cut(all);
}

static const struct rm_call_ops all_ops = {"all", all_start, all_cancel};

struct rm_part *rm_all_new(struct rm_request *rq, struct rm_ask *asks, uint64_t deadline_us, struct rm_call *up,
                           void (*on_done)(struct rm_call *))
{
    uint32_t n = rq->endpoint->n_backends;
    struct all_call *all = rm_arena_zalloc(&rq->arena, sizeof(*all) + rm_mul_size(n, sizeof(struct rm_slot *)));
    rm_call_init(&all->part.call, &all_ops, rq->loop, &rq->arena, up, on_done);
    all->part.rq = rq;
    all->part.deadline_us = deadline_us;
    all->asks = asks;
    all->n = n;
    return &all->part;
}
