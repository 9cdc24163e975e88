// The gate before an endpoint. What is decided at once costs no call; a refusal, or a check that waits, becomes one (rq->gate), so that
// nothing is answered from inside rm_request_start(). Owns its frame through the request's arena.
// SPDX-License-Identifier: Apache-2.0
#include "flow/gate.h"

#include "flow/deadline.h"
#include "flow/local.h"
#include "flow/part.h"
#include "flow/reply.h"
#include "flow/status.h"
#include "flow/visit.h"

struct gate_call {
    struct rm_call call; // first. err: why a check could not be asked
    struct rm_request *rq;
    struct rm_call *wait;
    struct rm_deadline deadline; // while it waits
    uint32_t at;                 // the check that has the word
    int said;                    // what it said
};

static void gate_waited(struct rm_call *);
static void gate_expired(struct rm_deadline *);

// From check *at on; *at is the one that does not say RM_OK.
static int gate_ask(const struct rm_checks *checks, struct rm_visit *visit, uint32_t *at)
{
    int said = RM_OK;
    while (*at < checks->n && (said = checks->v[*at].ops->apply(checks->v[*at].self, visit)) == RM_OK)
        ++*at;
    return said;
}

static void gate_refuse(struct rm_request *rq, const struct rm_err *err)
{
    const struct rm_refusal *refusal = &rq->visit->refusal;
    if (refusal->status > 0) {
        rm_visit_refuse(rq, refusal);
        return;
    }
    rq->err = refusal->err.code != RM_OK ? refusal->err : *err;
    struct rm_part part = {.rq = rq};
    part.call.err = rm_status_public(&rq->err);
    rm_reply_failed(&part);
}

// ---- the call ------------------------------------------------------------------------------------------------------

static void gate_wait(struct gate_call *gate)
{
    struct rm_request *rq = gate->rq;
    const struct rm_checkpoint *check = &rq->endpoint->checks->v[gate->at];
    RM_ASSERT(check->ops->wait);
    rm_deadline_start(&gate->deadline, rq->loop, rm_loop_now_us(rq->loop) + rq->endpoint->deadline_us, gate_expired);
    gate->wait = check->ops->wait(check->self, rq->visit, &gate->call, gate_waited);
    rm_call_start(gate->wait);
}

static void gate_start(struct rm_call *call)
{
    struct gate_call *gate = (struct gate_call *)call;
    if (gate->said == RM_AGAIN)
        gate_wait(gate);
    else
        rm_call_done(call);
}

static void gate_cancel(struct rm_call *call)
{
    struct gate_call *gate = (struct gate_call *)call;
    rm_deadline_stop(&gate->deadline);
    if (gate->wait)
        rm_call_cancel(gate->wait);
}

static void gate_waited(struct rm_call *call)
{
    struct gate_call *gate = (struct gate_call *)call->up;
    struct rm_request *rq = gate->rq;
    uint32_t waited = gate->at;
    rm_deadline_stop(&gate->deadline);
    gate->said = gate_ask(rq->endpoint->checks, rm_visit_of(rq), &gate->at);
    if (gate->said == RM_AGAIN && gate->at != waited) {
        gate_wait(gate);
        return;
    }
    if (gate->said == RM_AGAIN) {
        gate->call.err = call->err;
        if (call->err.code == RM_OK)
            (void)rm_fail(&gate->call.err, RM_ESYS, "%s waits for ever", rq->endpoint->checks->v[waited].ops->name);
    }
    rm_call_done(&gate->call);
}

static void gate_expired(struct rm_deadline *deadline)
{
    struct gate_call *gate = rm_container_of(deadline, struct gate_call, deadline);
    rm_call_cancel(gate->wait);
    (void)rm_fail(&gate->call.err, RM_ETIMEOUT, "%s: no answer before the deadline of the endpoint",
                  gate->rq->endpoint->checks->v[gate->at].ops->name);
    rm_call_done(&gate->call);
}

static void gate_over(struct rm_call *call)
{
    struct gate_call *gate = (struct gate_call *)call;
    struct rm_request *rq = gate->rq;
    rq->gate = NULL;
    if (gate->said == RM_OK) {
        rm_request_go(rq);
        return;
    }
    gate_refuse(rq, &call->err);
    rq->out->whole(rq);
}

static const struct rm_call_ops gate_ops = {"gate", gate_start, gate_cancel};

bool rm_gate_endpoint(struct rm_request *rq)
{
    uint32_t at = 0;
    int said = gate_ask(rq->endpoint->checks, rm_visit_of(rq), &at);
    if (said == RM_OK)
        return true;
    struct gate_call *gate = RM_NEW(&rq->arena, struct gate_call);
    rm_call_init(&gate->call, &gate_ops, rq->loop, &rq->arena, NULL, gate_over);
    gate->rq = rq;
    gate->at = at;
    gate->said = said;
    rq->gate = &gate->call;
    rm_call_start(rq->gate);
    return false;
}
