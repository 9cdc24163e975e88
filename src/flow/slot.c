// A backend's place in an endpoint: which call fills it, its time, its end by the clock, and the line in the log when it failed.
// SPDX-License-Identifier: Apache-2.0
#include "flow/backend.h"
#include "flow/local.h"
#include "flow/status.h"

#include <remora/log.h>

#include <inttypes.h>

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
    uint64_t own_us = slot->backend->conf->timeout_us;
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

void rm_slot_log(const struct rm_slot *slot)
{
    const struct rm_err *err = &slot->part.call.err;
    if (err->code == RM_OK || !rm_log_on(RM_WARNING))
        return;
    const struct rm_endpoint *endpoint = slot->part.rq->endpoint;
    uint64_t took_us = rm_loop_now_us(slot->part.call.loop) - slot->started_us;
    struct rm_str path = endpoint->conf->path;
    struct rm_str where = slot->where.n ? slot->where : RM_STR("-");
    struct rm_str text = slot->detail.n ? slot->detail : rm_str_of(err->text);
    rm_log(RM_WARNING, "backend failed endpoint=\"%s %.*s\" backend=%u host=%.*s error=%s ms=%" PRIu64 " text=\"%.*s\"",
           rm_method_names[endpoint->conf->method], (int)path.n, path.p, slot->backend->index, (int)where.n, where.p,
           rm_code_name(err->code), took_us / 1000, (int)text.n, text.p);
}
