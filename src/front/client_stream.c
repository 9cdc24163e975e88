// Streaming: flow's way back to the client, the client's body on its way to flow. Bounded both ways; what does not fit waits at its
// source.
// SPDX-License-Identifier: Apache-2.0
#include "front/client_stream.h"
#include "base/clock.h"
#include "front/mhd.h"

#define STREAM_UP_HIGH ((size_t)256 << 10) // an upload is suspended at this much
#define STREAM_UP_LOW ((size_t)64 << 10)   // and goes on at this
#define STREAM_EARLY ((size_t)64 << 10)    // of an answer that comes while the upload runs
#define STREAM_DOWN_HIGH ((size_t)128 << 10)
#define STREAM_DOWN_LOW ((size_t)32 << 10)
#define STREAM_BLOCK ((size_t)64 << 10)      // what libmicrohttpd is given at a time
#define STREAM_SMALL_BLOCK ((size_t)4 << 10) // the same when the process's budget is used up
#define STREAM_CHUNK_MAX ((size_t)4 << 20)   // far more than a transport gives at a time
#define STREAM_RETRY_US (10 * RM_MS)

static struct rm_client *stream_client(struct rm_request *rq)
{
    return (struct rm_client *)rq;
}

// ---- up --------------------------------------------------------------------------------------------------------------

static int64_t upload_read(struct rm_body_source *source, char *to, size_t n)
{
    struct rm_client *c = rm_container_of(source, struct rm_client, up.source);
    if (c->state == RM_CLIENT_DISCARD || c->state == RM_CLIENT_DEAD)
        return RM_AGAIN; // forwarding has stopped: the answer is there already
    size_t taken = rm_spool_take(&c->up.spool, to, n);
    if (c->state == RM_CLIENT_UPLOAD && c->conn->suspended && rm_spool_size(&c->up.spool) <= STREAM_UP_LOW) {
        rm_conn_enter(c->conn, RM_CONN_BODY);
        rm_mhd_resume(c->conn);
    }
    if (taken > 0)
        return (int64_t)taken;
    if (c->up.ended)
        return 0;
    c->up.waiting = true;
    return RM_AGAIN;
}

void rm_upload_init(struct rm_client *c, int64_t length)
{
    c->up.source = (struct rm_body_source){upload_read, length};
    c->rq.source = &c->up.source;
    rm_buf_init(&c->up.spool.buf, STREAM_UP_HIGH, c->serving->plan->budget);
}

static void upload_tell(struct rm_client *c)
{
    if (!c->up.waiting || c->over)
        return;
    c->up.waiting = false;
    rm_request_body_ready(&c->rq);
}

int rm_upload_put(struct rm_client *c, struct rm_str data, size_t *taken)
{
    while (*taken < data.n) {
        size_t size = rm_spool_size(&c->up.spool), left = data.n - *taken;
        size_t part = left < STREAM_UP_HIGH - size ? left : STREAM_UP_HIGH - size;
        if (part == 0)
            return RM_AGAIN;
        int code = rm_spool_put(&c->up.spool, rm_str_sub(data, *taken, *taken + part));
        if (code != RM_OK)
            return size > 0 ? RM_AGAIN : code; // no memory: what is here makes room when it has gone
        *taken += part;
        upload_tell(c);
    }
    return RM_OK;
}

void rm_upload_end(struct rm_client *c)
{
    c->up.ended = true;
    upload_tell(c);
}

// ---- down ------------------------------------------------------------------------------------------------------------

static void download_resume(struct rm_task *task)
{
    struct rm_client *c = rm_container_of(task, struct rm_client, down.resume);
    if (c->over || !c->down.waiting)
        return;
    c->down.waiting = false;
    rm_request_writable(&c->rq);
}

static void download_wants_more(struct rm_client *c)
{
    if (!c->down.resume.queued)
        rm_task_queue(c->rq.loop, &c->down.resume);
}

static void download_retry(struct rm_timer *timer)
{
    download_wants_more(rm_container_of(timer, struct rm_client, down.retry));
}

void rm_download_init(struct rm_client *c, bool until_close)
{
    c->down.until_close = until_close;
    c->down.resume.run = download_resume;
    c->down.retry.fire = download_retry;
    rm_buf_init(&c->down.spool.buf, STREAM_CHUNK_MAX, c->serving->plan->budget);
}

// The block is libmicrohttpd's memory, but a body's all the same. With chunks it uses the connection's and none of it.
size_t rm_download_block(struct rm_client *c)
{
    if (c->rq.reply.length < 0 && !c->down.until_close)
        return 1;
    int64_t length = c->rq.reply.length;
    size_t block = length >= 0 && length < (int64_t)STREAM_BLOCK ? (size_t)length : STREAM_BLOCK;
    if (!rm_budget_charge(c->serving->plan->budget, block))
        return STREAM_SMALL_BLOCK;
    c->down.block = block;
    return block > 0 ? block : 1;
}

void rm_download_stop(struct rm_client *c)
{
    rm_budget_release(c->serving->plan->budget, c->down.block);
    rm_timer_stop(&c->down.retry);
    rm_task_cancel(c->rq.loop, &c->down.resume);
}

// From the backend's connection into the block. With its last byte flow's exchange is over, but flow knows it only in the next round of
// this turn, and libmicrohttpd ends the request as soon as it has that byte: so it is asked to come again.
static int64_t download_fill(struct rm_client *c, char *to, size_t n)
{
    if (c->down.filled > 0 && !c->over) // libmicrohttpd may call twice in one run
        return RM_READ_ONCE_MORE;
    if (c->down.filled > 0) {
        size_t filled = c->down.filled;
        c->down.filled = 0;
        return (int64_t)filled;
    }
    int64_t got = rm_request_read(&c->rq, to, n);
    if (got == RM_AGAIN) {
        c->down.readable = false;
        return 0;
    }
    if (got > 0 && c->sent + (uint64_t)got < (uint64_t)c->rq.reply.length)
        return got;
    c->down.filled = (size_t)got;
    return RM_READ_ONCE_MORE;
}

static int64_t download_take(struct rm_client *c, char *to, size_t n)
{
    size_t taken = rm_spool_take(&c->down.spool, to, n);
    if (taken > 0 || !c->down.readable || (c->over && c->down.filled == 0))
        return (int64_t)taken;
    return download_fill(c, to, n);
}

int64_t rm_download_read(struct rm_client *c, char *to, size_t n)
{
    int64_t taken = c->state == RM_CLIENT_DEAD ? 0 : download_take(c, to, n);
    if (taken == RM_READ_ONCE_MORE)
        return taken;
    if (taken > 0) {
        if (c->down.waiting && rm_spool_size(&c->down.spool) <= STREAM_DOWN_LOW)
            download_wants_more(c);
        if (c->conn->phase != RM_CONN_SENDING)
            rm_conn_enter(c->conn, RM_CONN_SENDING);
        c->sent += (uint64_t)taken;
        return taken;
    }
    bool until_close = c->down.until_close && c->rq.reply.length < 0;
    if (c->state == RM_CLIENT_DEAD || c->down.cut) {
        if (until_close)
            rm_conn_reset(c->conn); // a plain close would look like the end of the answer
        else
            rm_conn_shut(c->conn);
        return RM_READ_CLOSED;
    }
    if (c->down.ended) {
        if (c->rq.reply.length < 0 && !until_close)
            return RM_READ_END;
        rm_conn_shut(c->conn); // the end of it, or less came than was said
        return RM_READ_CLOSED;
    }
    rm_conn_enter(c->conn, RM_CONN_WORKING);
    return RM_READ_WAIT;
}

// ---- flow's way back -------------------------------------------------------------------------------------------------

// The answer is there, whole or in part: an upload that still runs is of no use any more.
static void stream_ready(struct rm_client *c)
{
    if (c->state == RM_CLIENT_UPLOAD) {
        rm_client_discard(c);
    } else if (c->state == RM_CLIENT_RUNNING) {
        c->state = RM_CLIENT_READY;
        rm_client_wake(c);
    }
}

static void stream_whole(struct rm_request *rq)
{
    struct rm_client *c = stream_client(rq);
    c->over = true;
    stream_ready(c);
}

static void stream_head(struct rm_request *rq)
{
    struct rm_client *c = stream_client(rq);
    c->has_head = true;
    if (c->state == RM_CLIENT_RUNNING)
        stream_ready(c);
}

static bool stream_has_no_body(const struct rm_client *c)
{
    return c->rq.reply.status == 204 || c->rq.reply.status == 304;
}

static int stream_chunk(struct rm_request *rq, struct rm_str data)
{
    struct rm_client *c = stream_client(rq);
    struct rm_download *down = &c->down;
    if (stream_has_no_body(c))
        return RM_OK;
    size_t size = rm_spool_size(&down->spool);
    size_t limit = c->state == RM_CLIENT_UPLOAD || c->state == RM_CLIENT_DISCARD ? STREAM_EARLY : STREAM_DOWN_HIGH;
    int code = size > 0 && size + data.n > limit ? RM_AGAIN : rm_spool_put(&down->spool, data);
    if (code == RM_ETOOBIG)
        return code;
    if (code != RM_OK) {
        down->waiting = true;
        if (code == RM_EMEMORY && size == 0)
            rm_timer_start(rq->loop, &down->retry, rm_loop_now_us(rq->loop) + STREAM_RETRY_US);
        if (c->state == RM_CLIENT_UPLOAD)
            rm_client_discard(c);
        return RM_AGAIN;
    }
    if (c->state == RM_CLIENT_STREAMING)
        rm_client_wake(c);
    return RM_OK;
}

static bool stream_readable(struct rm_request *rq)
{
    struct rm_client *c = stream_client(rq);
    // What must be thrown away is, and a small block would make many small reads.
    if (c->state == RM_CLIENT_UPLOAD || c->state == RM_CLIENT_DISCARD || stream_has_no_body(c))
        return false;
    c->down.readable = true;
    if (c->state == RM_CLIENT_STREAMING)
        rm_client_wake(c);
    return true;
}

static void stream_end(struct rm_request *rq)
{
    struct rm_client *c = stream_client(rq);
    c->over = true;
    c->down.ended = true;
    if (c->state == RM_CLIENT_STREAMING)
        rm_client_wake(c);
    else
        stream_ready(c);
}

static void stream_cut(struct rm_request *rq)
{
    struct rm_client *c = stream_client(rq);
    c->over = true;
    c->down.cut = true;
    switch (c->state) {
    case RM_CLIENT_STREAMING:
        rm_client_wake(c);
        break;
    case RM_CLIENT_RUNNING:
    case RM_CLIENT_READY:
        stream_ready(c); // what there is of it goes out first, however early it broke
        break;
    case RM_CLIENT_NEW:
    case RM_CLIENT_BODY:
    case RM_CLIENT_UPLOAD:
    case RM_CLIENT_DISCARD:
    case RM_CLIENT_SENDING:
    case RM_CLIENT_DEAD:
        c->state = RM_CLIENT_DEAD; // no use in waiting for the upload
        if (c->conn->suspended)
            rm_client_wake(c);
        else
            rm_conn_reset(c->conn);
        break;
    }
}

const struct rm_reply_sink rm_client_sink = {.whole = stream_whole,
                                             .head = stream_head,
                                             .chunk = stream_chunk,
                                             .readable = stream_readable,
                                             .end = stream_end,
                                             .cut = stream_cut};
