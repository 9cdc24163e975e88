// One backend call: a host, an exchange, the redirects on that host, and what the answer is worth. Owns its exchange and the host
// that it picked, which it gives back when it is over or cancelled.
// SPDX-License-Identifier: Apache-2.0
#include "flow/backend.h"
#include "flow/head.h"
#include "flow/local.h"
#include "flow/status.h"
#include "flow/stream.h"

#include "net/redirect.h"

struct backend_call {
    struct rm_slot slot; // first
    struct rm_stream *stream;
    struct rm_pick pick;
    struct rm_exchange *x; // the newest one
    uint32_t hops;
    bool is_redirect; // x's answer, when it streams: decided with its head
    // What is sent; a redirect changes it.
    struct rm_str method, target;
    struct rm_headers headers;
    bool sends_body; // the client's
    bool says_empty; // if there is none: Content-Length: 0, without which some servers answer 411 (RFC 9110 8.6)
    struct rm_redirect next;
};

static void backend_exchange_done(struct rm_call *);

// ---- answers that are not collected --------------------------------------------------------------------------------

static bool backend_drop_head(struct rm_exchange *x)
{
    (void)x;
    return false; // no chunk comes then
}

static const struct rm_answer_sink backend_drop = {.head = backend_drop_head};

// 1: b->next is to be asked. 0: the answer is final. RM_EREDIRECT: it may not be followed.
static int backend_redirect(struct backend_call *b, const struct rm_exchange *x, struct rm_err *err)
{
    struct rm_redirect_in in = {
        .method = b->method,
        .target = b->target,
        .host = b->pick.host,
        .has_body = b->sends_body,
        .send_body_on_redirect = b->slot.backend->conf->send_body_on_redirect && !b->slot.part.rq->source,
        .status = x->status,
        .location = rm_headers_find(&x->answer, RM_STR("location")),
    };
    int rc = rm_redirect_next(b->slot.part.call.arena, &in, &b->next, err);
    if (rc == 1 && ++b->hops > RM_REDIRECTS_MOST)
        return rm_fail(err, RM_EREDIRECT, "more than %d redirects", RM_REDIRECTS_MOST);
    return rc;
}

static bool backend_stream_head(struct rm_exchange *x)
{
    struct backend_call *b = x->owner;
    int rc = backend_redirect(b, x, &b->slot.part.call.err);
    b->is_redirect = rc == 1;
    return rc == 0 && rm_stream_head(b->stream, x);
}

static int backend_stream_chunk(struct rm_exchange *x, struct rm_str data)
{
    struct backend_call *b = x->owner;
    return rm_stream_chunk(b->stream, data);
}

static const struct rm_answer_sink backend_stream = {backend_stream_head, backend_stream_chunk};

// ---- the call ------------------------------------------------------------------------------------------------------

static void backend_ask(struct backend_call *b)
{
    struct rm_part *part = &b->slot.part;
    const struct rm_request *rq = part->rq;
    const struct rm_flow *flow = rq->flow;
    const struct rm_conf_limits *limits = &flow->plan->conf->limits;
    struct rm_exchange *x = rm_exchange_new(flow->transport, flow->transport_self, part->call.loop, part->call.arena,
                                            &part->call, backend_exchange_done);
    x->host = b->pick.host;
    x->method = b->method;
    x->target = b->target;
    x->headers = b->headers;
    x->has_body = b->sends_body || b->says_empty;
    if (b->sends_body) {
        x->body = rq->body;
        x->source = rq->source;
    }
    x->deadline_us = part->deadline_us;
    x->gzip = b->slot.ask->gzip;
    x->max_body = limits->backend_body_bytes;
    x->max_head = limits->backend_head_bytes;
    x->budget = flow->plan->budget;
    x->owner = b;
    if (b->stream)
        x->sink = &backend_stream;
    else if (!b->slot.backend->decoder)
        x->sink = &backend_drop;
    b->x = x;
    struct rm_fetch *fetch = RM_NEW(part->call.arena, struct rm_fetch);
    *fetch = (struct rm_fetch){x, b->slot.ask->fetches};
    b->slot.ask->fetches = fetch;
    rm_call_start(&x->call);
}

// Also notes for the log where it was, unless all went well.
static void backend_release(struct backend_call *b, bool note)
{
    if (note && b->pick.host)
        b->slot.where = rm_arena_printf(b->slot.part.call.arena, "%.*s:%u", (int)b->pick.host->address.n,
                                        b->pick.host->address.p, b->pick.host->port);
    rm_pool_release(&b->pick);
}

static void backend_start(struct rm_call *call)
{
    struct backend_call *b = (struct backend_call *)call;
    const struct rm_backend *backend = b->slot.backend;
    const struct rm_request *rq = b->slot.part.rq;
    const struct rm_host *host = rm_pool_pick(&rq->flow->views[backend->source], NULL, 0, &b->pick);
    if (!host) {
        struct rm_err err;
        rm_fail(&err, RM_ENOHOST, "no hosts available");
        call->err = err;
        rm_call_done(call);
        return;
    }
    b->method = backend->method;
    b->target = b->slot.ask->target;
    if (host->base_path.n > 0)
        b->target = rm_arena_printf(call->arena, "%.*s%.*s", (int)host->base_path.n, host->base_path.p,
                                    (int)b->target.n, b->target.p);
    b->headers = b->slot.ask->headers;
    enum rm_method method = backend->conf->method;
    b->sends_body = rq->source || rq->body.n > 0;
    b->says_empty = method == RM_POST || method == RM_PUT || method == RM_PATCH;
    backend_ask(b);
}

static void backend_cancel(struct rm_call *call)
{
    struct backend_call *b = (struct backend_call *)call;
    rm_call_cancel(&b->x->call);
    backend_release(b, true);
}

static void backend_over(struct backend_call *b)
{
    backend_release(b, b->slot.part.call.err.code != RM_OK);
    rm_call_done(&b->slot.part.call);
}

static void backend_follow(struct backend_call *b)
{
    struct rm_arena *arena = b->slot.part.call.arena;
    b->says_empty = b->says_empty && rm_str_eq(b->method, b->next.method);
    if (b->sends_body && !b->next.keep_body) {
        struct rm_headers without;
        rm_head_without_content(arena, &b->headers, &without);
        b->headers = without;
    }
    b->sends_body = b->next.keep_body;
    b->method = b->next.method;
    b->target = b->next.target;
    backend_ask(b);
}

static void backend_exchange_done(struct rm_call *call)
{
    struct backend_call *b = (struct backend_call *)call->up;
    struct rm_exchange *x = (struct rm_exchange *)call;
    struct rm_part *part = &b->slot.part;
    if (call->err.code != RM_OK && part->call.err.code == RM_OK) {
        b->slot.detail = rm_arena_dup(call->arena, rm_str_of(call->err.text));
        part->call.err = rm_status_public(&call->err);
    }
    if (part->call.err.code != RM_OK) {
        backend_over(b);
        return;
    }
    int rc = b->stream ? b->is_redirect : backend_redirect(b, x, &part->call.err);
    if (rc == 1) {
        backend_follow(b);
        return;
    }
    if (rc == 0 && b->stream)
        rm_stream_end(b->stream, x);
    else if (rc == 0)
        rm_answer_take(b->slot.backend, x, part);
    backend_over(b);
}

static const struct rm_call_ops backend_ops = {"backend", backend_start, backend_cancel};

struct rm_slot *rm_backend_new(struct rm_request *rq, const struct rm_backend *backend, struct rm_ask *ask,
                               uint64_t deadline_us, struct rm_stream *stream, struct rm_call *up,
                               void (*on_done)(struct rm_call *))
{
    struct backend_call *b = RM_NEW(&rq->arena, struct backend_call);
    rm_slot_init(&b->slot, &backend_ops, rq, backend, ask, deadline_us, up, on_done);
    b->stream = stream;
    return &b->slot;
}

struct rm_exchange *rm_backend_exchange(struct rm_slot *slot)
{
    struct backend_call *b = (struct backend_call *)slot;
    return b->x && b->x->call.state == RM_CALL_RUNNING ? b->x : NULL;
}
