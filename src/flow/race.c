// concurrent_calls: the same call several times at once, each to a host of its own choice. The first complete answer wins and the
// others are cancelled; without one the last incomplete answer counts, then the last failure (krakend-behaviour.md §5.7).
// SPDX-License-Identifier: Apache-2.0
#include "flow/backend.h"
#include "flow/deadline.h"
#include "flow/status.h"

struct race_call {
    struct rm_slot slot; // first
    struct rm_deadline deadline;
    uint32_t n, live;
    struct rm_slot *best; // the last incomplete answer, else the last failure
    struct rm_slot *copies[];
};

static void race_copy_done(struct rm_call *);
static void race_expired(struct rm_deadline *);

static void race_start(struct rm_call *call)
{
    struct race_call *race = (struct race_call *)call;
    struct rm_slot *slot = &race->slot;
    struct rm_request *rq = slot->part.rq;
    uint64_t at_us = slot->started_us + rq->endpoint->race_us;
    if (at_us < slot->part.deadline_us)
        slot->part.deadline_us = at_us;
    rm_deadline_start(&race->deadline, call->loop, slot->part.deadline_us, race_expired);
    race->live = race->n;
    for (uint32_t i = 0; i < race->n; i++) {
        race->copies[i] =
            rm_backend_new(rq, slot->backend, slot->ask, slot->part.deadline_us, NULL, call, race_copy_done);
        rm_call_start(&race->copies[i]->part.call);
    }
}

static void race_cancel(struct rm_call *call)
{
    struct race_call *race = (struct race_call *)call;
    rm_deadline_stop(&race->deadline);
    for (uint32_t i = 0; i < race->n; i++) {
        rm_call_cancel(&race->copies[i]->part.call);
        if (race->copies[i]->where.n > 0)
            race->slot.where = race->copies[i]->where;
    }
}

// Takes over what a copy brought, and ends.
static void race_end(struct race_call *race, const struct rm_slot *winner)
{
    race_cancel(&race->slot.part.call);
    struct rm_part *part = &race->slot.part;
    part->answered = winner->part.answered;
    part->complete = winner->part.complete;
    part->data = winner->part.data;
    part->passed = winner->part.passed;
    part->has_own = winner->part.has_own;
    part->own_body = winner->part.own_body;
    part->own_type = winner->part.own_type;
    part->call.err = winner->part.call.err;
    race->slot.where = winner->where;
    race->slot.detail = winner->detail;
    rm_call_done(&part->call);
}

static void race_note(struct race_call *race, struct rm_slot *copy)
{
    const struct rm_part *best = race->best ? &race->best->part : NULL;
    if (!best || (!best->complete && (copy->part.answered || !best->answered)))
        race->best = copy;
}

static void race_copy_done(struct rm_call *call)
{
    struct race_call *race = (struct race_call *)call->up;
    struct rm_slot *copy = (struct rm_slot *)call;
    race_note(race, copy);
    if (--race->live == 0 || (copy->part.answered && copy->part.complete))
        race_end(race, race->best);
}

static void race_expired(struct rm_deadline *deadline)
{
    struct race_call *race = rm_container_of(deadline, struct race_call, deadline);
    for (uint32_t i = 0; i < race->n; i++) {
        struct rm_slot *copy = race->copies[i];
        if (copy->part.call.state == RM_CALL_OVER)
            continue;
        rm_slot_expire(copy);
        race_note(race, copy);
    }
    race_end(race, race->best);
}

static const struct rm_call_ops race_ops = {"race", race_start, race_cancel};

struct rm_slot *rm_race_new(struct rm_request *rq, const struct rm_backend *backend, struct rm_ask *ask,
                            uint64_t deadline_us, struct rm_call *up, void (*on_done)(struct rm_call *))
{
    uint32_t n = rq->endpoint->calls;
    struct race_call *race = rm_arena_zalloc(&rq->arena, sizeof(*race) + rm_mul_size(n, sizeof(struct rm_slot *)));
    rm_slot_init(&race->slot, &race_ops, rq, backend, ask, deadline_us, up, on_done);
    race->n = n;
    return &race->slot;
}
