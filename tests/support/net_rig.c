// The rig of net's tests. Owns loop, engine and backend.
// SPDX-License-Identifier: Apache-2.0
#include "net_rig.h"

#include "base/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define RIG_GUARD_US (60 * RM_SEC)

const struct rm_transport_ops *rig_net = &rm_transport_h1;

static void rig_on_turn(struct rm_hook *hook)
{
    struct rig *rig = rm_container_of(hook, struct rig, hook);
    rig->turns++;
    if (rig->until && rig->until(rig))
        rm_loop_stop(rig->loop);
}

static void rig_on_guard(struct rm_timer *timer)
{
    struct rig *rig = rm_container_of(timer, struct rig, guard);
    rm_loop_stop(rig->loop);
}

void rig_set_up(struct rig *rig, const struct backend_tls *tls)
{
    *rig = (struct rig){.net = rig_net, .hook = {.turn = rig_on_turn}, .guard = {.fire = rig_on_guard}};
    (void)signal(SIGPIPE, SIG_IGN); // as main does
    rm_arena_init(&rig->arena, NULL);
    assert_int_equal(rm_loop_new(&rig->loop, NULL), RM_OK);
    rm_hook_add(rig->loop, &rig->hook);
    backend_start(&rig->backend, rig->loop, tls);
    rig->conf = (struct rm_transport_conf){
        .idle_timeout_us = 60 * RM_SEC, .max_idle_per_host = 250, .keep_alive = true, .tcp_keep_alive_us = 15 * RM_SEC};
    rig->host = (struct rm_host){.scheme = tls ? RM_STR("https") : RM_STR("http"),
                                 .address = RM_STR("127.0.0.1"),
                                 .name = RM_STR("backend.example"),
                                 .port = rig->backend.port,
                                 .weight = 1};
}

void rig_open(struct rig *rig)
{
    struct rm_err err;
    if (rig->net->open(&rig->engine, &rig->conf, rig->loop, &err) != RM_OK)
        fail_msg("open: %s", err.text);
}

void rig_tear_down(struct rig *rig)
{
    while (rig->calls) // what a failed test left running
        rig_cancel(rig->calls);
    if (rig->engine)
        rig->net->close(rig->engine);
    backend_stop(&rig->backend);
    rm_hook_del(rig->loop, &rig->hook);
    rm_loop_free(rig->loop);
    rm_arena_fini(&rig->arena);
}

void rig_run_until(struct rig *rig, bool (*until)(struct rig *))
{
    rig->until = until;
    rm_timer_start(rig->loop, &rig->guard, rm_clock_us() + RIG_GUARD_US);
    if (!until(rig))
        rm_loop_run(rig->loop);
    rig->until = NULL;
    if (rig->guard.slot == 0)
        fail_msg("what was waited for did not happen");
    rm_timer_stop(&rig->guard);
}

static bool rig_is_over(struct rig *rig)
{
    return rig->running == 0;
}

void rig_run(struct rig *rig)
{
    rig_run_until(rig, rig_is_over);
}

void rig_turns(struct rig *rig, unsigned ms)
{
    rig->until = NULL;
    rm_timer_start(rig->loop, &rig->guard, rm_clock_us() + ms * RM_MS);
    rm_loop_run(rig->loop);
}

// ---- sink and source -------------------------------------------------------------------------------------------------

static bool rig_on_head(struct rm_exchange *x)
{
    struct rig_call *call = x->owner;
    call->heads++;
    assert_true(x->status >= 200);
    if (call->on_head)
        call->on_head(call);
    return !call->refuses_body;
}

static int rig_on_chunk(struct rm_exchange *x, struct rm_str data)
{
    struct rig_call *call = x->owner;
    assert_false(call->done);
    assert_int_equal(call->heads, 1);
    if (call->fail_with)
        return call->fail_with;
    if (call->again_at > 0 && call->got >= call->again_at)
        return RM_AGAIN;
    call->chunks++;
    if (call->got < sizeof(call->first)) {
        size_t room = sizeof(call->first) - (size_t)call->got;
        memcpy(call->first + call->got, data.p, data.n < room ? data.n : room);
    }
    call->got += data.n;
    if (call->on_chunk)
        call->on_chunk(call);
    return RM_OK;
}

static bool rig_on_readable(struct rm_exchange *x)
{
    struct rig_call *call = x->owner;
    assert_false(call->done);
    assert_int_equal(call->heads, 1);
    call->told++;
    if (call->reads && !call->read_later && !call->read.queued)
        rm_task_queue(call->rig->loop, &call->read);
    return call->reads;
}

static void rig_read_all(struct rm_task *task)
{
    struct rig_call *call = rm_container_of(task, struct rig_call, read);
    char *to = malloc(call->read_bytes);
    int64_t n = 0;
    while (!call->done && (n = call->rig->net->read(call->rig->engine, call->x, to, call->read_bytes)) > 0) {
        if (call->got < sizeof(call->first)) {
            size_t room = sizeof(call->first) - (size_t)call->got;
            memcpy(call->first + call->got, to, (size_t)n < room ? (size_t)n : room);
        }
        call->got += (uint64_t)n;
    }
    free(to);
    assert_true(n == 0 || n == RM_AGAIN);
}

static int64_t rig_read(struct rm_body_source *source, char *to, size_t n)
{
    struct rig_call *call = rm_container_of(source, struct rig_call, source);
    assert_false(call->done);
    if (call->hold_at > 0 && call->given >= call->hold_at) {
        call->starved++;
        return RM_AGAIN;
    }
    if (call->left == 0)
        return call->source_fails;
    if (n > call->left)
        n = (size_t)call->left;
    if (call->hold_at > 0 && n > call->hold_at - call->given)
        n = (size_t)(call->hold_at - call->given);
    memset(to, 'y', n);
    call->left -= n;
    call->given += n;
    return (int64_t)n;
}

// ---- exchanges -------------------------------------------------------------------------------------------------------

static void rig_ends(struct rig_call *call)
{
    struct rig_call **at = &call->rig->calls;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    call->rig->running--;
}

static void rig_on_done(struct rm_call *c)
{
    struct rm_exchange *x = rm_container_of(c, struct rm_exchange, call);
    struct rig_call *call = x->owner;
    assert_false(call->done);
    call->done = true;
    call->code = c->err.code;
    call->err = c->err;
    rig_ends(call);
}

struct rig_call *rig_call(struct rig *rig, const char *method, const char *target)
{
    struct rig_call *call = RM_NEW(&rig->arena, struct rig_call);
    struct rm_exchange *x = rm_exchange_new(rig->net, rig->engine, rig->loop, &rig->arena, NULL, rig_on_done);
    call->rig = rig;
    call->x = x;
    call->sink = (struct rm_answer_sink){rig_on_head, rig_on_chunk, rig_on_readable};
    call->read.run = rig_read_all;
    x->host = &rig->host;
    x->method = rm_str_of(method);
    x->target = rm_str_of(target);
    x->deadline_us = rm_clock_us() + RIG_GUARD_US;
    x->max_body = 1 << 20;
    x->max_head = 64 << 10;
    x->owner = call;
    return call;
}

void rig_header(struct rig_call *call, const char *name, const char *value)
{
    rm_headers_add(&call->rig->arena, &call->x->headers, rm_str_of(name), rm_str_of(value));
}

void rig_stream(struct rig_call *call)
{
    call->streams = true;
    call->x->sink = &call->sink;
}

void rig_reads(struct rig_call *call, size_t bytes)
{
    rig_stream(call);
    call->reads = true;
    call->read_bytes = bytes;
}

void rig_read_on(struct rig_call *call)
{
    call->read_later = false;
    rig_read_all(&call->read);
}

void rig_feed_from(struct rig_call *call, uint64_t bytes, bool chunked)
{
    call->left = bytes;
    call->source = (struct rm_body_source){.read = rig_read, .length = chunked ? -1 : (int64_t)bytes};
    call->x->source = &call->source;
}

void rig_deadline(struct rig_call *call, uint64_t from_now_us)
{
    call->x->deadline_us = rm_clock_us() + from_now_us;
}

void rig_start(struct rig_call *call)
{
    call->next = call->rig->calls;
    call->rig->calls = call;
    call->rig->running++;
    rm_call_start(&call->x->call);
}

void rig_cancel(struct rig_call *call)
{
    rm_call_cancel(&call->x->call);
    rig_ends(call);
}

void rig_resume(struct rig_call *call)
{
    call->rig->net->resume(call->rig->engine, call->x);
}

void rig_body_ready(struct rig_call *call)
{
    call->rig->net->body_ready(call->rig->engine, call->x);
}

int rig_do(struct rig_call *call)
{
    rig_start(call);
    rig_run(call->rig);
    return call->code;
}

struct rig_call *rig_get(struct rig *rig, const char *target)
{
    struct rig_call *call = rig_call(rig, "GET", target);
    (void)rig_do(call);
    return call;
}

const char *rig_body(const struct rig_call *call)
{
    return rm_arena_cstr(&call->rig->arena, rm_buf_str(&call->x->body_out));
}

const char *rig_answer_field(const struct rig_call *call, const char *name)
{
    const struct rm_header *field = rm_headers_find(&call->x->answer, rm_str_of(name));
    return field ? rm_arena_cstr(&call->rig->arena, field->value) : NULL;
}
