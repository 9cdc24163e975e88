// A backend's place in an endpoint: which call fills it, its time, its end by the clock, and the line in the log when it failed.
// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"
#include "flow/backend.h"
#include "flow/local.h"
#include "flow/status.h"
#include "flow/trace.h"

#include <remora/log.h>

#include <inttypes.h>
#include <stdio.h>

#define SLOT_LINES 10 // a second, for the hosts of one backend, on each worker

void rm_slot_init(struct rm_slot *slot, const struct rm_call_ops *ops, struct rm_request *rq,
                  const struct rm_backend *backend, struct rm_ask *ask, uint64_t deadline_us, struct rm_call *up,
                  void (*on_done)(struct rm_call *))
{
    rm_call_init(&slot->part.call, ops, rq->loop, &rq->arena, up, on_done);
    slot->part.rq = rq;
    slot->part.deadline_us = deadline_us;
    slot->backend = backend;
    slot->ask = ask;
}

struct rm_slot *rm_slot_new(struct rm_request *rq, const struct rm_backend *backend, struct rm_ask *ask,
                            uint64_t deadline_us, struct rm_call *up, void (*on_done)(struct rm_call *))
{
    return rq->endpoint->calls > 1 ? rm_race_new(rq, backend, ask, deadline_us, up, on_done)
                                   : rm_backend_new(rq, backend, ask, deadline_us, NULL, up, on_done);
}

void rm_slot_start(struct rm_slot *slot)
{
    uint64_t now_us = rm_loop_now_us(slot->part.call.loop);
    uint64_t own_us = slot->backend->timeout_us;
    slot->started_us = now_us;
    if (own_us > 0 && now_us + own_us < slot->part.deadline_us)
        slot->part.deadline_us = now_us + own_us;
    rm_call_start(&slot->part.call);
}

void rm_slot_expire(struct rm_slot *slot)
{
    struct rm_call *call = &slot->part.call;
    bool there = call->state == RM_CALL_READY;
    rm_call_cancel(call);
    if (there)
        return;
    struct rm_err err;
    rm_fail(&err, RM_ETIMEOUT, "no answer before the deadline of the endpoint");
    slot->detail = rm_arena_dup(call->arena, rm_str_of(err.text));
    call->err = rm_status_public(&err);
}

// A backend that is down at a thousand calls a second does not flood the log; at DEBUG every failure has its line.
static bool slot_may_log(struct rm_flow_lines *lines, uint64_t now_us)
{
    if (lines->n == 0 || now_us - lines->since_us >= RM_SEC) {
        lines->since_us = now_us;
        lines->n = 0;
    }
    if (lines->n >= SLOT_LINES && !rm_log_on(RM_DEBUG)) {
        lines->unlogged++;
        return false;
    }
    lines->n++;
    return true;
}

void rm_slot_log(const struct rm_slot *slot)
{
    const struct rm_err *err = &slot->part.call.err;
    if (err->code == RM_OK || !rm_log_on(RM_WARNING))
        return;
    uint64_t now_us = rm_loop_now_us(slot->part.call.loop);
    struct rm_flow_lines *lines = &slot->part.rq->flow->views[slot->backend->view]->lines;
    if (!slot_may_log(lines, now_us))
        return;
    char unlogged[32] = "";
    if (lines->unlogged > 0)
        snprintf(unlogged, sizeof(unlogged), " unlogged=%" PRIu32, lines->unlogged);
    lines->unlogged = 0;
    const struct rm_endpoint *endpoint = slot->part.rq->endpoint;
    uint64_t took_us = now_us - slot->started_us;
    struct rm_str path = endpoint->conf->path;
    struct rm_str where = slot->where.n ? slot->where : RM_STR("-");
    struct rm_str trace = rm_trace_id(&slot->part.rq->headers);
    struct rm_str text = slot->detail.n ? slot->detail : rm_str_of(err->text);
    rm_log(RM_WARNING,
           "backend failed endpoint=\"%s %.*s\" backend=%u host=%.*s error=%s ms=%" PRIu64 " text=\"%.*s\"%s%s%.*s",
           rm_method_names[endpoint->conf->method], (int)path.n, path.p, slot->backend->index, (int)where.n, where.p,
           rm_code_name(err->code), took_us / 1000, (int)text.n, text.p, unlogged,
           trace.n > 0 ? " trace_id=" : "", (int)trace.n, trace.p);
}
