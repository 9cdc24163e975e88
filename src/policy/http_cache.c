// One cached exchange: looks the answer up, asks where there is none that is fresh, with its validators where there is a stale one, and
// stores what comes. Owns the exchange that asks.
// SPDX-License-Identifier: Apache-2.0
#include "policy/http_cache.h"

#include "base/clock.h"

#include <inttypes.h>

#define CACHE_PIECE_BYTES ((size_t)16 << 10) // of a stored body, at a time, to who streams it

struct cached {
    struct rm_exchange x; // first
    const struct rm_http_cache *cache;
    const struct rm_transport_ops *ops; // of who asks
    void *transport;
    struct rm_exchange *inner; // NULL: nobody was asked
    struct rm_str key;
    struct rm_http_item *stored; // a reference, until the arena ends
    uint64_t asked_us;
    bool may_store;   // what comes
    bool revalidates; // with the stored one's validators
    bool passes;      // the answer that comes is what the client gets: its head was told
    struct rm_freshness freshness;
    struct rm_buf copy; // of a streamed body
    // A stored answer to who streams.
    struct rm_task turn;
    bool head_told;
    size_t told;
};

static struct cached *cached_of(struct rm_exchange *x)
{
    return (struct cached *)x;
}

static void cached_unref(void *arg)
{
    rm_http_item_unref(arg);
}

static void cached_free_body(void *arg)
{
    rm_buf_free(arg);
}

static int64_t cached_age_s(const struct cached *c, const struct rm_http_item *item)
{
    uint64_t now_us = rm_loop_now_us(c->x.call.loop);
    return item->freshness.age_s + (int64_t)((now_us > item->stored_us ? now_us - item->stored_us : 0) / RM_SEC);
}

// Decoded or as it came: answers of their own.
static struct rm_str cached_key(const struct cached *c, enum rm_gzip gzip)
{
    const struct rm_exchange *x = &c->x;
    return rm_arena_printf(x->call.arena, "%d %.*s %.*s", (int)gzip, (int)c->cache->scope.n, c->cache->scope.p,
                           (int)x->target.n, x->target.p);
}

// What is stored of this target has changed (RFC 9111 4.4).
static void cached_invalidate(const struct cached *c)
{
    static const enum rm_gzip all[] = {RM_GZIP_OFF, RM_GZIP_ASK, RM_GZIP_DECODE};
    for (size_t i = 0; i < RM_COUNT(all); i++)
        rm_http_store_drop(c->cache->store, cached_key(c, all[i]));
}

// ---- a stored answer -------------------------------------------------------------------------------------------------

static void cached_turn(struct rm_task *task)
{
    struct cached *c = rm_container_of(task, struct cached, turn);
    struct rm_exchange *x = &c->x;
    struct rm_str body = c->stored->body;
    if (!c->head_told) {
        c->head_told = true;
        if (!x->sink->head(x))
            c->told = body.n;
    }
    while (c->told < body.n) {
        size_t end = body.n - c->told < CACHE_PIECE_BYTES ? body.n : c->told + CACHE_PIECE_BYTES;
        int code = x->sink->chunk(x, rm_str_sub(body, c->told, end));
        if (code == RM_AGAIN)
            return; // until resume()
        if (code != RM_OK) {
            rm_fail(&x->call.err, code, "the answer cannot be taken");
            break;
        }
        c->told = end;
    }
    rm_call_done(&x->call);
}

static void cached_serve(struct cached *c)
{
    struct rm_exchange *x = &c->x;
    struct rm_http_item *item = c->stored;
    x->status = item->status;
    x->answer = (struct rm_headers){0};
    for (uint32_t i = 0; i < item->headers.n; i++)
        if (!rm_str_eq_nocase(item->headers.v[i].name, RM_STR("age")))
            rm_headers_add(x->call.arena, &x->answer, item->headers.v[i].name, item->headers.v[i].value);
    rm_headers_add(x->call.arena, &x->answer, RM_STR("Age"),
                   rm_arena_printf(x->call.arena, "%" PRId64, cached_age_s(c, item)));
    x->answer_length = (int64_t)item->body.n;
    if (x->sink) {
        c->turn.run = cached_turn;
        rm_task_queue(x->call.loop, &c->turn);
        return;
    }
    // A copy: who has an exchange may give its body back early.
    rm_buf_init(&x->body_out, x->max_body, x->budget);
    rm_arena_defer(x->call.arena, cached_free_body, &x->body_out);
    int code = rm_buf_append(&x->body_out, item->body);
    if (code != RM_OK)
        rm_fail(&x->call.err, code, "no room left for an answer of %zu bytes", item->body.n);
    rm_call_done(&x->call);
}

// ---- an answer that comes --------------------------------------------------------------------------------------------

static int64_t cached_delay_s(const struct cached *c)
{
    return (int64_t)((rm_loop_now_us(c->x.call.loop) - c->asked_us) / RM_SEC);
}

// A failure that the stored answer may stand in for.
static bool cached_may_stand_in(const struct cached *c)
{
    const struct rm_http_item *item = c->stored;
    return item && !c->passes && cached_age_s(c, item) < item->freshness.lifetime_s + item->freshness.stale_if_error_s;
}

static bool cached_is_confirmed(const struct cached *c)
{
    return c->revalidates && c->inner->status == 304;
}

static void cached_take_head(struct cached *c)
{
    struct rm_exchange *x = &c->x, *inner = c->inner;
    x->status = inner->status;
    x->answer = inner->answer;
    x->answer_length = inner->answer_length;
    c->may_store =
        c->may_store && rm_cache_may_store(x->status, &x->headers, &x->answer, rm_clock_wall_us() / (int64_t)RM_SEC,
                                           cached_delay_s(c), &c->freshness);
}

static void cached_store(struct cached *c, struct rm_str body)
{
    const struct rm_exchange *x = &c->x;
    struct rm_http_item item = {.status = x->status,
                                .headers = x->answer,
                                .body = body,
                                .freshness = c->freshness,
                                .stored_us = rm_loop_now_us(x->call.loop)};
    if (c->may_store && x->trailers.n == 0)
        rm_http_store_put(c->cache->store, &c->cache->limits, c->key, &x->headers, &item);
}

// RFC 9111 3.2: what the 304 says replaces what is stored, but not what belongs to the bytes that are.
static bool cached_is_of_body(struct rm_str name)
{
    return rm_str_eq_nocase(name, RM_STR("content-length")) || rm_str_eq_nocase(name, RM_STR("content-encoding")) ||
           rm_str_eq_nocase(name, RM_STR("content-range")) || rm_str_eq_nocase(name, RM_STR("content-type"));
}

static void cached_confirm(struct cached *c)
{
    struct rm_exchange *x = &c->x;
    const struct rm_headers *said = &c->inner->answer;
    struct rm_http_item item = *c->stored;
    item.headers = (struct rm_headers){0};
    for (uint32_t i = 0; i < c->stored->headers.n; i++) {
        const struct rm_header *old = &c->stored->headers.v[i];
        if (cached_is_of_body(old->name) || !rm_headers_find(said, old->name))
            rm_headers_add(x->call.arena, &item.headers, old->name, old->value);
    }
    for (uint32_t i = 0; i < said->n; i++)
        if (!cached_is_of_body(said->v[i].name))
            rm_headers_add(x->call.arena, &item.headers, said->v[i].name, said->v[i].value);
    item.stored_us = rm_loop_now_us(x->call.loop);
    if (rm_cache_may_store(item.status, &x->headers, &item.headers, rm_clock_wall_us() / (int64_t)RM_SEC,
                           cached_delay_s(c), &item.freshness)) {
        rm_http_store_put(c->cache->store, &c->cache->limits, c->key, &x->headers, &item);
        struct rm_http_item *newer = rm_http_store_get(c->cache->store, c->key, &x->headers);
        if (newer) {
            rm_arena_defer(x->call.arena, cached_unref, newer);
            c->stored = newer;
        }
    } else {
        rm_http_store_drop(c->cache->store, c->key);
    }
    x->sent = c->inner->sent;
    cached_serve(c);
}

static bool cached_head(struct rm_exchange *inner)
{
    struct cached *c = inner->owner;
    struct rm_exchange *x = &c->x;
    if (cached_is_confirmed(c) || (inner->status >= 500 && cached_may_stand_in(c)))
        return false; // what is stored is told when this is over
    c->passes = true;
    cached_take_head(c);
    bool wanted = x->sink->head(x);
    c->may_store = c->may_store && wanted;
    if (c->may_store) {
        rm_buf_init(&c->copy, c->cache->limits.bytes / 8, x->budget);
        rm_arena_defer(x->call.arena, cached_free_body, &c->copy);
    }
    return wanted;
}

static int cached_chunk(struct rm_exchange *inner, struct rm_str data)
{
    struct cached *c = inner->owner;
    int code = c->x.sink->chunk(&c->x, data);
    if (code == RM_OK && c->may_store && rm_buf_append(&c->copy, data) != RM_OK) {
        c->may_store = false;
        rm_buf_free(&c->copy);
    }
    return code;
}

static const struct rm_answer_sink cached_sink = {.head = cached_head, .chunk = cached_chunk};

static bool cached_is_unsafe(struct rm_str method)
{
    static const struct rm_str safe[] = {{"GET", 3}, {"HEAD", 4}, {"OPTIONS", 7}, {"TRACE", 5}};
    for (size_t i = 0; i < RM_COUNT(safe); i++)
        if (rm_str_eq(method, safe[i]))
            return false;
    return true;
}

static void cached_done(struct rm_call *call)
{
    struct cached *c = (struct cached *)call->up;
    struct rm_exchange *x = &c->x, *inner = c->inner;
    x->sent = inner->sent;
    bool failed = call->err.code != RM_OK || inner->status >= 500;
    if (failed && cached_may_stand_in(c)) {
        cached_serve(c);
        return;
    }
    if (call->err.code == RM_OK && cached_is_confirmed(c)) {
        cached_confirm(c);
        return;
    }
    x->call.err = call->err;
    x->trailers = inner->trailers;
    if (!c->passes)
        cached_take_head(c);
    if (!x->sink) {
        x->body_out = inner->body_out;
        rm_buf_init(&inner->body_out, 0, NULL);
        rm_arena_defer(x->call.arena, cached_free_body, &x->body_out);
    }
    if (call->err.code == RM_OK)
        cached_store(c, x->sink ? rm_buf_str(&c->copy) : rm_buf_str(&x->body_out));
    if (call->err.code == RM_OK && cached_is_unsafe(x->method) && inner->status >= 200 && inner->status < 400)
        cached_invalidate(c);
    rm_call_done(&x->call);
}

// ---- the transport ---------------------------------------------------------------------------------------------------

static void cached_ask(struct cached *c)
{
    struct rm_exchange *x = &c->x;
    struct rm_exchange *inner = c->inner =
        rm_exchange_new(c->ops, c->transport, x->call.loop, x->call.arena, &x->call, cached_done);
    inner->host = x->host;
    inner->method = x->method;
    inner->target = x->target;
    inner->headers = x->headers;
    inner->body = x->body;
    inner->has_body = x->has_body;
    inner->source = x->source;
    inner->deadline_us = x->deadline_us;
    inner->connect_by_us = x->connect_by_us;
    inner->gzip = x->gzip;
    inner->max_body = x->max_body;
    inner->max_head = x->max_head;
    inner->budget = x->budget;
    inner->owner = c;
    inner->sink = x->sink ? &cached_sink : NULL;
    c->asked_us = rm_loop_now_us(x->call.loop);
    if (c->revalidates) {
        const struct rm_header *etag = rm_headers_find(&c->stored->headers, RM_STR("etag"));
        const struct rm_header *modified = rm_headers_find(&c->stored->headers, RM_STR("last-modified"));
        struct rm_headers with = {0};
        for (uint32_t i = 0; i < x->headers.n; i++)
            rm_headers_add(x->call.arena, &with, x->headers.v[i].name, x->headers.v[i].value);
        if (etag)
            rm_headers_add(x->call.arena, &with, RM_STR("If-None-Match"), etag->value);
        if (modified)
            rm_headers_add(x->call.arena, &with, RM_STR("If-Modified-Since"), modified->value);
        inner->headers = with;
    }
    rm_call_start(&inner->call);
}

static void cached_start(void *self, struct rm_exchange *x)
{
    struct cached *c = cached_of(x);
    struct rm_cache_control asked;
    (void)self;
    c->key = cached_key(c, x->gzip);
    if (!rm_str_eq(x->method, RM_STR("GET")) || x->has_body || rm_cache_must_bypass(&x->headers)) {
        cached_ask(c);
        return;
    }
    c->may_store = true;
    c->stored = rm_http_store_get(c->cache->store, c->key, &x->headers);
    if (c->stored) {
        rm_arena_defer(x->call.arena, cached_unref, c->stored);
        rm_cache_control_read(&x->headers, &asked);
        if (rm_cache_is_fresh(&asked, cached_age_s(c, c->stored), c->stored->freshness.lifetime_s)) {
            cached_serve(c);
            return;
        }
        c->revalidates = rm_headers_find(&c->stored->headers, RM_STR("etag")) ||
                         rm_headers_find(&c->stored->headers, RM_STR("last-modified"));
    }
    cached_ask(c);
}

static void cached_cancel(void *self, struct rm_exchange *x)
{
    struct cached *c = cached_of(x);
    (void)self;
    rm_task_cancel(x->call.loop, &c->turn);
    if (c->inner)
        rm_call_cancel(&c->inner->call);
}

static void cached_resume(void *self, struct rm_exchange *x)
{
    struct cached *c = cached_of(x);
    (void)self;
    if (c->head_told) {
        if (!c->turn.queued)
            rm_task_queue(x->call.loop, &c->turn);
    } else if (c->inner && c->inner->call.state == RM_CALL_RUNNING) {
        c->ops->resume(c->transport, c->inner);
    }
}

static void cached_body_ready(void *self, struct rm_exchange *x)
{
    struct cached *c = cached_of(x);
    (void)self;
    if (c->inner && c->inner->call.state == RM_CALL_RUNNING)
        c->ops->body_ready(c->transport, c->inner);
}

static const struct rm_transport_ops cached_ops = {
    .name = "cache",
    .exchange_size = sizeof(struct cached),
    .start = cached_start,
    .cancel = cached_cancel,
    .resume = cached_resume,
    .body_ready = cached_body_ready,
};

struct rm_exchange *rm_http_cache_exchange(const struct rm_http_cache *cache, const struct rm_transport_ops *ops,
                                           void *self, struct rm_loop *loop, struct rm_arena *arena, struct rm_call *up,
                                           void (*on_done)(struct rm_call *))
{
    struct rm_exchange *x = rm_exchange_new(&cached_ops, NULL, loop, arena, up, on_done);
    struct cached *c = cached_of(x);
    c->cache = cache;
    c->ops = ops;
    c->transport = self;
    return x;
}

bool rm_http_cache_hit(const struct rm_exchange *x)
{
    return x->transport == &cached_ops && !((const struct cached *)x)->inner;
}
