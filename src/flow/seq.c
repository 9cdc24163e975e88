// The backends of an endpoint one after the other; fields of earlier answers fill later targets. Stops at the first failure, the
// first incomplete answer, and the group's deadline; the later backend wins the merge (krakend-behaviour.md §4).
// SPDX-License-Identifier: Apache-2.0
#include "flow/backend.h"
#include "flow/deadline.h"
#include "flow/local.h"
#include "flow/merge.h"
#include "flow/status.h"

struct seq_call {
    struct rm_part part; // first
    struct rm_ask *asks;
    struct rm_deadline deadline;
    struct rm_value **answers; // of the backends before
    uint32_t n, asked;         // slots[asked - 1] is the newest
    struct rm_slot *slots[];
};

static void seq_next(struct seq_call *);
static void seq_expired(struct rm_deadline *);

static void seq_start(struct rm_call *call)
{
    struct seq_call *seq = (struct seq_call *)call;
    rm_deadline_start(&seq->deadline, call->loop, seq->part.deadline_us, seq_expired);
    seq_next(seq);
}

static void seq_cancel(struct rm_call *call)
{
    struct seq_call *seq = (struct seq_call *)call;
    rm_deadline_stop(&seq->deadline);
    rm_call_cancel(&seq->slots[seq->asked - 1]->part.call);
}

static void seq_end(struct seq_call *seq)
{
    struct rm_part *part = &seq->part;
    rm_deadline_stop(&seq->deadline);
    rm_merge(seq->slots, seq->asked, seq->n, part->rq->flow->plan->conf->router.return_error_msg, part);
    if (!part->answered) { // the first one's failure is the whole's: with its own status and body
        const struct rm_part *first = &seq->slots[0]->part;
        part->call.err = first->call.err;
        part->has_own = first->has_own;
        part->own_body = first->own_body;
        part->own_type = first->own_type;
        part->reasons = (struct rm_str){NULL, 0};
    }
    rm_call_done(&part->call);
}

// The newest slot is over.
static void seq_take(struct seq_call *seq)
{
    const struct rm_slot *slot = seq->slots[seq->asked - 1];
    rm_slot_log(slot);
    seq->answers[seq->asked - 1] = slot->part.data;
    if (slot->part.call.err.code != RM_OK || !slot->part.complete || seq->asked == seq->n)
        seq_end(seq);
    else
        seq_next(seq);
}

static void seq_slot_done(struct rm_call *call)
{
    seq_take((struct seq_call *)call->up);
}

// What keeps backend i from being asked: its target cannot be built, or the time is over.
static int seq_refuse(const struct seq_call *seq, uint32_t i, struct rm_err *err)
{
    struct rm_request *rq = seq->part.rq;
    const struct rm_backend *backend = &rq->endpoint->backends[i];
    if (rm_loop_now_us(rq->loop) >= seq->part.deadline_us) {
        return rm_fail(err, RM_ETIMEOUT, "not asked: the deadline of the endpoint has passed");
    }
    if (!backend->url.wants_answers)
        return RM_OK;
    struct rm_url_in in = {.params = rq->params,
                           .query = rq->query,
                           .claims = rq->visit ? rq->visit->claims : NULL,
                           .answers = seq->answers};
    return rm_url_build(&backend->url, &rq->arena, &in, &seq->asks[i].target, err);
}

static void seq_next(struct seq_call *seq)
{
    struct rm_request *rq = seq->part.rq;
    uint32_t i = seq->asked++;
    seq->asks[i].answers = seq->answers;
    struct rm_slot *slot = rm_slot_new(rq, &rq->endpoint->backends[i], &seq->asks[i], seq->part.deadline_us,
                                       &seq->part.call, seq_slot_done);
    seq->slots[i] = slot;
    struct rm_err err;
    if (seq_refuse(seq, i, &err) == RM_OK) {
        rm_slot_start(slot);
        return;
    }
    rm_call_cancel(&slot->part.call); // it never starts: over, with this failure
    slot->started_us = rm_loop_now_us(rq->loop);
    slot->part.call.err = err;
    seq_take(seq);
}

static void seq_expired(struct rm_deadline *deadline)
{
    struct seq_call *seq = rm_container_of(deadline, struct seq_call, deadline);
    rm_slot_expire(seq->slots[seq->asked - 1]);
    seq_take(seq);
}

static const struct rm_call_ops seq_ops = {"seq", seq_start, seq_cancel};

struct rm_part *rm_seq_new(struct rm_request *rq, struct rm_ask *asks, uint64_t deadline_us, struct rm_call *up,
                           void (*on_done)(struct rm_call *))
{
    uint32_t n = rq->endpoint->n_backends;
    struct seq_call *seq = rm_arena_zalloc(&rq->arena, sizeof(*seq) + rm_mul_size(n, sizeof(struct rm_slot *)));
    rm_call_init(&seq->part.call, &seq_ops, rq->loop, &rq->arena, up, on_done);
    seq->part.rq = rq;
    seq->part.deadline_us = deadline_us;
    seq->asks = asks;
    seq->answers = RM_NEW_ARRAY(&rq->arena, struct rm_value *, n);
    seq->n = n;
    return &seq->part;
}
