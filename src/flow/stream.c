// No-op requests: the backend's head, chunks and trailers to the client, the client's body to the backend, backpressure both ways
// (krakend-behaviour.md §6.6). What fails before the head is sent is a plain 500; after it, a broken answer. Owns no bytes but those of a
// short answer.
// SPDX-License-Identifier: Apache-2.0
#include "flow/stream.h"

#include "flow/backend.h"
#include "flow/deadline.h"
#include "flow/endpoint.h"
#include "flow/local.h"
#include "flow/reply.h"

// An answer that says it has at most this many bytes is sent when it is whole: that costs the client nothing that it could notice, saves
// the front end a second round, and lets a backend that breaks off be answered with a clean 500.
#define STREAM_WHOLE_BYTES (16 << 10)

struct rm_stream {
    struct rm_part part; // first
    struct rm_slot *slot;
    struct rm_deadline deadline;
    bool head_sent;
    bool collects; // the answer is short: head and body go out together
};

static void stream_slot_done(struct rm_call *);
static void stream_expired(struct rm_deadline *);

static void stream_start(struct rm_call *call)
{
    struct rm_stream *stream = (struct rm_stream *)call;
    struct rm_request *rq = stream->part.rq;
    struct rm_ask *ask = NULL;
    if (rm_endpoint_asks(rq, &ask, &call->err) != RM_OK) {
        rm_call_done(call);
        return;
    }
    uint64_t deadline_us = rm_loop_now_us(rq->loop) + rq->endpoint->group_us;
    rm_deadline_start(&stream->deadline, rq->loop, deadline_us, stream_expired);
    stream->slot = rm_backend_new(rq, rq->endpoint->backends, ask, deadline_us, stream, call, stream_slot_done);
    rm_slot_start(stream->slot);
}

static void stream_cancel(struct rm_call *call)
{
    struct rm_stream *stream = (struct rm_stream *)call;
    rm_deadline_stop(&stream->deadline);
    rm_call_cancel(&stream->slot->part.call);
}

static void stream_slot_done(struct rm_call *call)
{
    struct rm_stream *stream = (struct rm_stream *)call->up;
    rm_deadline_stop(&stream->deadline);
    rm_slot_log(stream->slot);
    stream->part.call.err = call->err;
    rm_call_done(&stream->part.call);
}

static void stream_expired(struct rm_deadline *deadline)
{
    struct rm_stream *stream = rm_container_of(deadline, struct rm_stream, deadline);
    rm_slot_expire(stream->slot);
    stream_slot_done(&stream->slot->part.call);
}

static void stream_over(struct rm_call *call)
{
    struct rm_stream *stream = (struct rm_stream *)call;
    struct rm_request *rq = stream->part.rq;
    rq->err = call->err;
    if (!stream->head_sent) {
        if (!stream->collects || call->err.code != RM_OK) {
            rm_buf_free(&rq->reply.body);
            rq->reply = (struct rm_reply){0};
            rm_reply_failed(&stream->part);
        }
        rq->out->whole(rq);
    } else if (call->err.code != RM_OK) {
        rq->out->cut(rq);
    } else {
        rq->out->end(rq);
    }
}

static const struct rm_call_ops stream_ops = {"stream", stream_start, stream_cancel};

struct rm_call *rm_stream_new(struct rm_request *rq)
{
    struct rm_stream *stream = RM_NEW(&rq->arena, struct rm_stream);
    rm_call_init(&stream->part.call, &stream_ops, rq->loop, &rq->arena, NULL, stream_over);
    stream->part.rq = rq;
    return &stream->part.call;
}

bool rm_stream_head(struct rm_stream *stream, const struct rm_exchange *x)
{
    struct rm_request *rq = stream->part.rq;
    rm_reply_head(rq, x);
    stream->collects = x->answer_length >= 0 && x->answer_length <= STREAM_WHOLE_BYTES;
    if (stream->collects) {
        rm_buf_init(&rq->reply.body, (size_t)x->answer_length, rq->flow->plan->budget);
    } else {
        stream->head_sent = true;
        rq->out->head(rq);
    }
    return true;
}

int rm_stream_chunk(struct rm_stream *stream, struct rm_str data)
{
    struct rm_request *rq = stream->part.rq;
    return stream->collects ? rm_buf_append(&rq->reply.body, data) : rq->out->chunk(rq, data);
}

bool rm_stream_readable(struct rm_stream *stream)
{
    struct rm_request *rq = stream->part.rq;
    return !stream->collects && rq->out->readable && rq->out->readable(rq);
}

void rm_stream_end(struct rm_stream *stream, const struct rm_exchange *x)
{
    stream->part.rq->reply.trailers = x->trailers;
}

// The exchange that runs, if any: between two of them (a redirect) there is nobody to tell.
static struct rm_exchange *stream_exchange(struct rm_call *root)
{
    const struct rm_stream *stream = (const struct rm_stream *)root;
    return root->state == RM_CALL_RUNNING && stream->slot ? rm_backend_exchange(stream->slot) : NULL;
}

void rm_stream_writable(struct rm_call *root)
{
    struct rm_exchange *x = stream_exchange(root);
    if (x)
        x->transport->resume(x->self, x);
}

int64_t rm_stream_read(struct rm_call *root, char *to, size_t n)
{
    const struct rm_stream *stream = (const struct rm_stream *)root;
    return stream_exchange(root) ? rm_backend_pull(stream->slot, to, n) : 0;
}

void rm_stream_body_ready(struct rm_call *root)
{
    struct rm_exchange *x = stream_exchange(root);
    if (x && x->source)
        x->transport->body_ready(x->self, x);
}
