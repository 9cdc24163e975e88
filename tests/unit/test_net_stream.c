// Streams through the engine: backpressure both ways, bounded memory, early answers, gzip.
// SPDX-License-Identifier: Apache-2.0
#include "net_rig.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

static struct rig rig;

#define SEND(text)                                                                                                     \
    {                                                                                                                  \
        BACKEND_SEND, text, sizeof(text) - 1                                                                           \
    }
#define OK "HTTP/1.1 200 OK\r\n"
#define MIB ((size_t)1 << 20)

static const struct backend_step answers_ok[] = {
    {BACKEND_REQUEST, 0, 0}, SEND(OK "Content-Length: 2\r\n\r\nok"), {BACKEND_AGAIN, 0, 0}};

static int set_up(void **state)
{
    (void)state;
    rig_set_up(&rig, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_tear_down(&rig);
    return 0;
}

static void begin(const struct backend_step *script)
{
    backend_script(&rig.backend, script);
    rig_open(&rig);
}

static struct rig_call *watched;

static bool watched_is_stuck(struct rig *r)
{
    (void)r;
    return watched->again_at > 0 && watched->got >= watched->again_at;
}

static bool watched_is_told(struct rig *r)
{
    (void)r;
    return watched->told > 0;
}

static bool watched_starves(struct rig *r)
{
    (void)r;
    return watched->starved > 0;
}

// The program's own heap: what grows with a stream shows here, whatever the sanitizers add.
static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

// ---- downwards ---------------------------------------------------------------------------------------------------------

static void a_stream_and_its_head(void **state)
{
    (void)state;
    static const struct backend_step script[] = {{BACKEND_REQUEST, 0, 0},
                                                 SEND(OK "Content-Length: 100000\r\nX: y\r\n\r\n"),
                                                 {BACKEND_FILL, 0, 100000},
                                                 {BACKEND_AGAIN, 0, 0}};
    begin(script);
    for (int i = 0; i < 2; i++) {
        struct rig_call *call = rig_call(&rig, "GET", "/");
        rig_stream(call);
        call->x->max_body = 10; // of collected bodies only
        assert_int_equal(rig_do(call), RM_OK);
        assert_int_equal(call->got, 100000);
        assert_int_equal(call->x->answer_length, 100000);
        assert_int_equal(call->x->body_out.n, 0);
        assert_string_equal(rig_answer_field(call, "x"), "y");
    }
    assert_int_equal(rig.backend.accepted, 1);
}

static void a_stream_of_chunks_with_trailers(void **state)
{
    (void)state;
    static const struct backend_step script[] = {{BACKEND_REQUEST, 0, 0},
                                                 SEND(OK "Transfer-Encoding: chunked\r\n\r\n"),
                                                 {BACKEND_CHUNKS, 0, 256 << 10},
                                                 SEND("0\r\nSum: 1\r\n\r\n"),
                                                 {BACKEND_AGAIN, 0, 0}};
    begin(script);
    struct rig_call *call = rig_call(&rig, "GET", "/");
    rig_stream(call);
    assert_int_equal(rig_do(call), RM_OK);
    assert_int_equal(call->got, 256 << 10);
    assert_int_equal(call->x->trailers.n, 1);
}

// ---- read by its owner, where the engine lets it -----------------------------------------------------------------------

static bool reads_itself(void)
{
    return rig.net->read != NULL;
}

static void a_body_is_read_by_its_owner(void **state)
{
    (void)state;
    static const struct backend_step script[] = {{BACKEND_REQUEST, 0, 0},
                                                 SEND(OK "Content-Length: 1000003\r\n\r\nabc"),
                                                 {BACKEND_FILL, 0, 1000000},
                                                 {BACKEND_AGAIN, 0, 0}};
    begin(script);
    static const size_t sizes[] = {1000, 65536, 2000000};
    for (size_t i = 0; i < RM_COUNT(sizes); i++) {
        struct rig_call *call = rig_call(&rig, "GET", "/");
        rig_reads(call, sizes[i]);
        assert_int_equal(rig_do(call), RM_OK);
        assert_int_equal(call->got, 1000003);
        assert_memory_equal(call->first, "abc", 3);
        assert_int_equal(call->told > 0, reads_itself());
    }
    assert_int_equal(rig.backend.accepted, 1); // each left the connection clean
}

// What is behind the body is no part of it, and the connection is not used again.
static void a_body_that_is_read_has_an_end(void **state)
{
    (void)state;
    static const struct backend_step script[] = {{BACKEND_REQUEST, 0, 0},
                                                 SEND(OK "Content-Length: 200000\r\n\r\n"),
                                                 {BACKEND_FILL, 0, 200000},
                                                 SEND("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen"),
                                                 {BACKEND_AGAIN, 0, 0}};
    begin(script);
    for (unsigned i = 0; i < 3; i++) {
        struct rig_call *call = rig_call(&rig, "GET", "/");
        rig_reads(call, 1 << 20);
        assert_int_equal(rig_do(call), RM_OK);
        assert_int_equal(call->got, 200000);
        rig_turns(&rig, 20);
        assert_int_equal(rig.backend.accepted, i + 1);
    }
}

static void a_body_that_is_read_is_cut(void **state)
{
    (void)state;
    static const struct backend_step script[] = {{BACKEND_REQUEST, 0, 0},
                                                 SEND(OK "Content-Length: 200000\r\n\r\n"),
                                                 {BACKEND_FILL, 0, 150000},
                                                 {BACKEND_CLOSE, 0, 0}};
    begin(script);
    struct rig_call *call = rig_call(&rig, "GET", "/");
    rig_reads(call, 65536);
    assert_int_equal(rig_do(call), RM_ERESET);
    assert_int_equal(call->got, 150000);
}

// Who does not read is told nothing more, and stops the backend; a deadline and a cancellation still come through.
static void a_reader_that_does_not_read(void **state)
{
    (void)state;
    if (!reads_itself())
        return;
    static const struct backend_step script[] = {{BACKEND_REQUEST, 0, 0},
                                                 SEND(OK "Content-Length: 67108864\r\n\r\n"),
                                                 {BACKEND_FILL, 0, 64 << 20},
                                                 {BACKEND_AGAIN, 0, 0}};
    begin(script);
    struct rig_call *call = rig_call(&rig, "GET", "/");
    rig_reads(call, 1 << 20);
    call->read_later = true;
    rig_start(call);
    watched = call;
    rig_run_until(&rig, watched_is_told);
    rig_turns(&rig, 50);
    assert_true(call->told < 100);
    assert_true(call->got < 64 << 10);
    assert_false(call->done);
    rig_read_on(call);
    rig_run(&rig);
    assert_int_equal(call->code, RM_OK);
    assert_int_equal(call->got, 64 << 20);

    call = rig_call(&rig, "GET", "/");
    rig_reads(call, 1 << 20);
    call->read_later = true;
    rig_deadline(call, 50 * RM_MS);
    assert_int_equal(rig_do(call), RM_ETIMEOUT);

    call = rig_call(&rig, "GET", "/");
    rig_reads(call, 1 << 20);
    call->read_later = true;
    rig_start(call);
    rig_turns(&rig, 20);
    rig_cancel(call);
    assert_int_equal(rig.net->read(rig.engine, call->x, call->first, sizeof(call->first)), 0);
}

// For each way of framing: the sink stops taking, the backend is stopped by that, everything arrives after all.
static void a_slow_sink_stops_the_backend(void **state)
{
    (void)state;
    static const struct backend_step length[] = {{BACKEND_REQUEST, 0, 0},
                                                 SEND(OK "Content-Length: 67108864\r\n\r\n"),
                                                 {BACKEND_FILL, 0, 64 << 20},
                                                 {BACKEND_AGAIN, 0, 0}};
    static const struct backend_step chunked[] = {{BACKEND_REQUEST, 0, 0},
                                                  SEND(OK "Transfer-Encoding: chunked\r\n\r\n"),
                                                  {BACKEND_CHUNKS, 0, 64 << 20},
                                                  SEND("0\r\nT: u\r\n\r\n"),
                                                  {BACKEND_AGAIN, 0, 0}};
    static const struct backend_step closing[] = {
        {BACKEND_REQUEST, 0, 0}, SEND(OK "\r\n"), {BACKEND_FILL, 0, 64 << 20}, {BACKEND_CLOSE, 0, 0}};
    static const struct backend_step *const scripts[] = {length, chunked, closing};
    for (size_t i = 0; i < RM_COUNT(scripts); i++) {
        if (i > 0)
            rig_set_up(&rig, NULL);
        begin(scripts[i]);
        watched = rig_call(&rig, "GET", "/");
        rig_stream(watched);
        watched->again_at = MIB;
        rig_start(watched);
        for (int stop = 0; stop < 5; stop++) {
            rig_run_until(&rig, watched_is_stuck);
            // The sockets take a little more for as long as the kernel likes; then nothing moves, nothing spins.
            uint64_t sent, turns, got = watched->got;
            do {
                sent = rig.backend.sent;
                turns = rig.turns;
                rig_turns(&rig, 20);
                assert_int_equal(watched->got, got);
            } while (rig.backend.sent != sent);
            assert_true(rig.turns - turns < 10);
            assert_true(got <= watched->again_at + (16 << 10));
            assert_true(sent < 32 * MIB); // what sockets hold
            watched->again_at += MIB;
            rig_resume(watched);
        }
        watched->again_at = 0;
        rig_resume(watched);
        rig_run(&rig);
        assert_int_equal(watched->code, RM_OK);
        assert_int_equal(watched->got, 64 << 20);
        assert_int_equal(watched->x->trailers.n, i == 1);
        if (i + 1 < RM_COUNT(scripts))
            rig_tear_down(&rig);
    }
}

static void resume_too_early_and_too_often(void **state)
{
    (void)state;
    static const struct backend_step script[] = {{BACKEND_REQUEST, 0, 0},
                                                 SEND(OK "Content-Length: 3000000\r\n\r\n"),
                                                 {BACKEND_FILL, 0, 3000000},
                                                 {BACKEND_AGAIN, 0, 0}};
    begin(script);
    watched = rig_call(&rig, "GET", "/");
    rig_stream(watched);
    watched->again_at = 100000;
    rig_start(watched);
    rig_resume(watched);
    rig_resume(watched);
    rig_run_until(&rig, watched_is_stuck);
    rig_resume(watched); // it is still not taken
    rig_turns(&rig, 2);
    assert_false(watched->done);
    watched->again_at = 0;
    rig_resume(watched);
    rig_resume(watched);
    rig_run(&rig);
    assert_int_equal(watched->code, RM_OK);
    assert_int_equal(watched->got, 3000000);
    rig_resume(watched); // it is over
    rig_turns(&rig, 1);
}

// The owner asks to go on from inside the very callback that says "later".
static int resume_inside(struct rm_exchange *x, struct rm_str data)
{
    struct rig_call *call = x->owner;
    if (++call->chunks % 2) {
        rig_resume(call);
        return RM_AGAIN;
    }
    call->got += data.n;
    return RM_OK;
}

static void resume_inside_the_callback(void **state)
{
    (void)state;
    static const struct backend_step script[] = {{BACKEND_REQUEST, 0, 0},
                                                 SEND(OK "Content-Length: 1000000\r\n\r\n"),
                                                 {BACKEND_FILL, 0, 1000000},
                                                 {BACKEND_AGAIN, 0, 0}};
    begin(script);
    struct rig_call *call = rig_call(&rig, "GET", "/");
    rig_stream(call);
    call->sink.chunk = resume_inside;
    assert_int_equal(rig_do(call), RM_OK);
    assert_int_equal(call->got, 1000000);
}

static void a_paused_stream_keeps_its_deadline(void **state)
{
    (void)state;
    static const struct backend_step script[] = {{BACKEND_REQUEST, 0, 0},
                                                 SEND(OK "Content-Length: 3000000\r\n\r\n"),
                                                 {BACKEND_FILL, 0, 3000000},
                                                 {BACKEND_AGAIN, 0, 0}};
    begin(script);
    struct rig_call *call = rig_call(&rig, "GET", "/");
    rig_stream(call);
    call->again_at = 100000;
    rig_deadline(call, 40 * RM_MS);
    assert_int_equal(rig_do(call), RM_ETIMEOUT);
    assert_int_equal(call->x->status, 200);
}

static void a_paused_stream_can_be_cancelled(void **state)
{
    (void)state;
    static const struct backend_step script[] = {{BACKEND_REQUEST, 0, 0},
                                                 SEND(OK "Content-Length: 3000000\r\n\r\n"),
                                                 {BACKEND_FILL, 0, 3000000},
                                                 {BACKEND_AGAIN, 0, 0}};
    begin(script);
    watched = rig_call(&rig, "GET", "/");
    rig_stream(watched);
    watched->again_at = 100000;
    rig_start(watched);
    rig_run_until(&rig, watched_is_stuck);
    rig_resume(watched);
    rig_cancel(watched); // with the resume still waiting
    uint64_t got = watched->got;
    rig_turns(&rig, 5);
    assert_int_equal(watched->got, got);
    assert_int_equal(rig.backend.open, 0);
}

static void a_sink_that_fails(void **state)
{
    (void)state;
    static const struct backend_step script[] = {{BACKEND_REQUEST, 0, 0},
                                                 SEND(OK "Content-Length: 3000000\r\n\r\n"),
                                                 {BACKEND_FILL, 0, 3000000},
                                                 {BACKEND_AGAIN, 0, 0}};
    begin(script);
    struct rig_call *call = rig_call(&rig, "GET", "/");
    rig_stream(call);
    call->fail_with = RM_EMEMORY;
    assert_int_equal(rig_do(call), RM_EMEMORY);
    assert_int_equal(call->got, 0);
}

static void a_stream_that_is_cut(void **state)
{
    (void)state;
    static const struct backend_step length[] = {{BACKEND_REQUEST, 0, 0},
                                                 SEND(OK "Content-Length: 300000\r\n\r\n"),
                                                 {BACKEND_FILL, 0, 299999},
                                                 {BACKEND_CLOSE, 0, 0}};
    static const struct backend_step chunked[] = {{BACKEND_REQUEST, 0, 0},
                                                  SEND(OK "Transfer-Encoding: chunked\r\n\r\n"),
                                                  {BACKEND_CHUNKS, 0, 128 << 10},
                                                  {BACKEND_CLOSE, 0, 0}};
    backend_script(&rig.backend, length);
    begin(chunked);
    for (int i = 0; i < 2; i++) {
        struct rig_call *call = rig_call(&rig, "GET", "/");
        rig_stream(call);
        assert_int_equal(rig_do(call), RM_ERESET);
        assert_int_equal(call->got, i ? 128 << 10 : 299999);
        assert_int_equal(call->x->status, 200);
    }
}

static void an_unwanted_body(void **state)
{
    (void)state;
    static const struct backend_step small[] = {{BACKEND_REQUEST, 0, 0},
                                                SEND(OK "Content-Length: 100000\r\n\r\n"),
                                                {BACKEND_FILL, 0, 100000},
                                                {BACKEND_AGAIN, 0, 0}};
    static const struct backend_step announced[] = {
        {BACKEND_REQUEST, 0, 0}, SEND(OK "Content-Length: 2000000\r\n\r\n"), {BACKEND_END, 0, 0}};
    static const struct backend_step endless[] = {{BACKEND_REQUEST, 0, 0},
                                                  SEND(OK "Transfer-Encoding: chunked\r\n\r\n"),
                                                  {BACKEND_CHUNKS, 0, 64 << 20},
                                                  {BACKEND_AGAIN, 0, 0}};
    static const struct backend_step stuck[] = {
        {BACKEND_REQUEST, 0, 0}, SEND(OK "Content-Length: 100000\r\n\r\nx"), {BACKEND_END, 0, 0}};
    static const struct backend_step *const scripts[] = {small, announced, endless, stuck};
    for (size_t i = 0; i < RM_COUNT(scripts); i++) {
        if (i > 0)
            rig_set_up(&rig, NULL);
        backend_script(&rig.backend, scripts[i]);
        begin(answers_ok);
        struct rig_call *call = rig_call(&rig, "GET", "/");
        rig_stream(call);
        call->refuses_body = true;
        if (i == 3)
            rig_deadline(call, 30 * RM_MS); // the head is what was wanted
        assert_int_equal(rig_do(call), RM_OK);
        assert_int_equal(call->x->status, 200);
        assert_int_equal(call->chunks, 0);
        assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
        assert_int_equal(rig.backend.accepted, i == 0 ? 1 : 2);
        if (i + 1 < RM_COUNT(scripts))
            rig_tear_down(&rig);
    }
}

static void a_gibibyte_down_in_bounded_memory(void **state)
{
    (void)state;
    static const struct backend_step script[] = {{BACKEND_REQUEST, 0, 0},
                                                 SEND(OK "Transfer-Encoding: chunked\r\n\r\n"),
                                                 {BACKEND_CHUNKS, 0, (size_t)1 << 30},
                                                 SEND("0\r\n\r\n"),
                                                 {BACKEND_AGAIN, 0, 0}};
    begin(script);
    struct rig_call *call = rig_call(&rig, "GET", "/");
    rig_stream(call);
    call->again_at = 512 * MIB; // a pause in the middle
    watched = call;
    rig_start(call);
    rig_run_until(&rig, watched_is_stuck);
    size_t middle = heap_bytes();
    call->again_at = 0;
    rig_resume(call);
    rig_run(&rig);
    assert_int_equal(call->code, RM_OK);
    assert_int_equal(call->got, (size_t)1 << 30);
    assert_true(heap_bytes() <= middle + 64 * 1024);
    assert_true(rig.arena.bytes < 100 * 1024);
}

// ---- upwards -----------------------------------------------------------------------------------------------------------

static void a_slow_source(void **state)
{
    (void)state;
    begin(answers_ok);
    for (int chunked = 0; chunked < 2; chunked++) {
        watched = rig_call(&rig, "POST", "/");
        rig_feed_from(watched, 300000, chunked);
        watched->hold_at = 1; // the first byte alone, then in steps
        rig_start(watched);
        for (int i = 0; i < 10; i++) {
            watched->starved = 0;
            rig_run_until(&rig, watched_starves);
            uint64_t turns = rig.turns;
            rig_turns(&rig, 10);
            assert_true(rig.turns - turns < 10);
            assert_int_equal(watched->given, watched->hold_at);
            assert_false(watched->done);
            watched->hold_at += 7000;
            rig_body_ready(watched);
        }
        watched->hold_at = 0;
        rig_body_ready(watched);
        rig_run(&rig);
        assert_int_equal(watched->code, RM_OK);
        assert_int_equal(rig.backend.body_n, 300000);
        assert_int_equal(rig.backend.body_chunked, chunked);
        for (size_t i = 0; i < rig.backend.body.n; i++)
            assert_int_equal(rig.backend.body.p[i], 'y');
    }
    assert_int_equal(rig.backend.accepted, 1);
}

static void a_source_that_has_nothing_at_first(void **state)
{
    (void)state;
    begin(answers_ok);
    watched = rig_call(&rig, "PUT", "/");
    rig_feed_from(watched, 100, true);
    watched->left = 0;
    watched->hold_at = 1;
    watched->given = 1; // starves at once
    rig_start(watched);
    rig_run_until(&rig, watched_starves);
    assert_int_equal(rig.backend.requests, 0);
    watched->hold_at = 0;
    watched->left = 100;
    rig_body_ready(watched);
    rig_run(&rig);
    assert_int_equal(watched->code, RM_OK);
    assert_int_equal(rig.backend.body_n, 100);
}

static bool backend_lost_one(struct rig *r)
{
    return r->backend.peer_closed > 0;
}

// The client's body broke: the backend must not see a good end.
static void a_source_that_breaks(void **state)
{
    (void)state;
    for (int chunked = 0; chunked < 2; chunked++) {
        if (chunked)
            rig_set_up(&rig, NULL);
        begin(answers_ok);
        struct rig_call *call = rig_call(&rig, "POST", "/");
        rig_feed_from(call, 100000, chunked);
        call->left = 50000;
        call->source_fails = RM_ECANCEL;
        assert_int_equal(rig_do(call), RM_ECANCEL);
        rig_run_until(&rig, backend_lost_one);
        assert_int_equal(rig.backend.requests, 0);
        assert_false(rig.backend.body_whole);
        assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
        if (!chunked)
            rig_tear_down(&rig);
    }
}

static void a_source_that_ends_early(void **state)
{
    (void)state;
    begin(answers_ok);
    struct rig_call *call = rig_call(&rig, "POST", "/");
    rig_feed_from(call, 100000, false);
    call->left = 50000;
    assert_int_equal(rig_do(call), RM_EREQUEST);
    rig_run_until(&rig, backend_lost_one);
    assert_int_equal(rig.backend.requests, 0);
}

// The backend answers without reading the body: the answer counts, the rest of the body is not waited for.
static void an_early_answer(void **state)
{
    (void)state;
    static const struct backend_step refuses[] = {
        {BACKEND_HEAD, 0, 0}, SEND("HTTP/1.1 413 No\r\nContent-Length: 3\r\n\r\nbig"), {BACKEND_END, 0, 0}};
    static const struct backend_step closes[] = {
        {BACKEND_HEAD, 0, 0},
        SEND("HTTP/1.1 403 No\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig"),
        {BACKEND_SHUT, 0, 0},
        {BACKEND_END, 0, 0}};
    static const struct backend_step accepts[] = {
        {BACKEND_HEAD, 0, 0}, SEND(OK "Content-Length: 3\r\n\r\nbig"), {BACKEND_END, 0, 0}};
    static const struct backend_step chunks[] = {
        {BACKEND_HEAD, 0, 0}, SEND(OK "Transfer-Encoding: chunked\r\n\r\n3\r\nbig\r\n0\r\n\r\n"), {BACKEND_END, 0, 0}};
    static const struct backend_step *const scripts[] = {refuses, closes, accepts, chunks};
    for (size_t i = 0; i < 2 * RM_COUNT(scripts); i++) {
        if (i > 0)
            rig_set_up(&rig, NULL);
        backend_script(&rig.backend, scripts[i / 2]);
        begin(answers_ok);
        watched = rig_call(&rig, "POST", "/");
        rig_feed_from(watched, (uint64_t)1 << 40, true);
        watched->hold_at = i % 2 ? 1000 : 0; // waits for its source, or has more than the socket takes
        assert_int_equal(rig_do(watched), RM_OK);
        assert_string_equal(rig_body(watched), "big");
        assert_true(watched->given < 64 * MIB);
        assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
        assert_int_equal(rig.backend.accepted, 2);
        if (i + 1 < 2 * RM_COUNT(scripts))
            rig_tear_down(&rig);
    }
}

static void a_slow_backend_stops_the_source(void **state)
{
    (void)state;
    static const struct backend_step script[] = {{BACKEND_HEAD, 0, 0},
                                                 {BACKEND_HOLD, 0, 0},
                                                 {BACKEND_TAKE, 0, 64 << 20},
                                                 SEND(OK "Content-Length: 0\r\n\r\n"),
                                                 {BACKEND_AGAIN, 0, 0}};
    begin(script);
    watched = rig_call(&rig, "POST", "/");
    rig_feed_from(watched, 64 << 20, false);
    rig_start(watched);
    // The sockets take a little more for as long as the kernel likes; then nothing moves, nothing spins.
    uint64_t given, turns;
    do {
        given = watched->given;
        turns = rig.turns;
        rig_turns(&rig, 20);
    } while (given == 0 || watched->given != given);
    assert_true(given < 32 * MIB);
    assert_true(rig.turns - turns < 10);
    backend_go(&rig.backend);
    rig_run(&rig);
    assert_int_equal(watched->code, RM_OK);
}

static void a_gibibyte_up_in_bounded_memory(void **state)
{
    (void)state;
    begin(answers_ok);
    watched = rig_call(&rig, "POST", "/");
    rig_feed_from(watched, (uint64_t)1 << 30, true);
    watched->hold_at = 512 * MIB;
    rig_start(watched);
    rig_run_until(&rig, watched_starves);
    size_t middle = heap_bytes();
    watched->hold_at = 0;
    rig_body_ready(watched);
    rig_run(&rig);
    assert_int_equal(watched->code, RM_OK);
    assert_int_equal(rig.backend.body_n, (uint64_t)1 << 30);
    assert_true(heap_bytes() <= middle + 64 * 1024);
    assert_true(rig.arena.bytes < 100 * 1024);
}

// ---- both ways -----------------------------------------------------------------------------------------------------------

// An echo that answers while it still reads: both directions at once, both with pauses.
static void both_ways_at_once(void **state)
{
    (void)state;
    static const struct backend_step script[] = {{BACKEND_HEAD, 0, 0},
                                                 SEND(OK "Transfer-Encoding: chunked\r\n\r\n"),
                                                 {BACKEND_CHUNKS, 0, 4 << 20},
                                                 {BACKEND_TAKE, 0, 2 << 20},
                                                 SEND("0\r\n\r\n"),
                                                 {BACKEND_AGAIN, 0, 0}};
    begin(script);
    watched = rig_call(&rig, "POST", "/");
    rig_feed_from(watched, 2 << 20, false);
    rig_stream(watched);
    watched->hold_at = MIB;
    watched->again_at = MIB;
    rig_start(watched);
    rig_run_until(&rig, watched_is_stuck);
    rig_run_until(&rig, watched_starves);
    watched->hold_at = 0;
    rig_body_ready(watched);
    rig_turns(&rig, 5);
    assert_false(watched->done);
    assert_true(watched->got <= MIB + 16384);
    watched->again_at = 0;
    rig_resume(watched);
    rig_run(&rig);
    assert_int_equal(watched->code, RM_OK);
    assert_int_equal(watched->got, 4 << 20);
    assert_int_equal(watched->given, 2 << 20);
}

// ---- gzip ------------------------------------------------------------------------------------------------------------------

struct zipped {
    char *p;
    size_t n;
};

static struct zipped zip(const char *text, size_t n)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&z, n) + 64;
    struct zipped out = {malloc(room), 0};
    z.next_in = (unsigned char *)(uintptr_t)text;
    z.avail_in = (unsigned)n;
    z.next_out = (unsigned char *)out.p;
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.n = z.total_out;
    deflateEnd(&z);
    return out;
}

// An answer of `n` gzip bytes; headers: more lines. The caller frees it.
static char *gzip_answer(const char *headers, const char *body, size_t n, size_t *answer_n)
{
    char *answer = malloc(n + 512);
    int head = snprintf(answer, 512, OK "Content-Length: %zu\r\n%s\r\n", n, headers);
    memcpy(answer + head, body, n);
    *answer_n = (size_t)head + n;
    return answer;
}

static struct rig_call *get_gzip(enum rm_gzip mode, const char *headers, const char *body, size_t n, bool streams,
                                 void (*change)(struct rig_call *))
{
    size_t answer_n;
    char *answer = gzip_answer(headers, body, n, &answer_n);
    struct backend_step script[] = {{BACKEND_REQUEST, 0, 0}, {BACKEND_SEND, answer, answer_n}, {BACKEND_AGAIN, 0, 0}};
    rig_tear_down(&rig);
    rig_set_up(&rig, NULL);
    begin(script);
    struct rig_call *call = rig_call(&rig, "GET", "/");
    call->x->gzip = mode;
    if (streams)
        rig_stream(call);
    if (change)
        change(call);
    (void)rig_do(call);
    free(answer);
    return call;
}

static void gzip_is_asked_for_and_taken_off(void **state)
{
    (void)state;
    struct zipped z = zip("{\"a\":1}", 7);
    struct rig_call *call = get_gzip(RM_GZIP_ASK, "Content-Encoding: gzip\r\nX: y\r\n", z.p, z.n, false, NULL);
    assert_int_equal(call->code, RM_OK);
    assert_string_equal(rig_body(call), "{\"a\":1}");
    assert_string_equal(backend_field(&rig.backend, "accept-encoding"), "gzip");
    assert_null(rig_answer_field(call, "content-encoding"));
    assert_null(rig_answer_field(call, "content-length"));
    assert_string_equal(rig_answer_field(call, "x"), "y");
    assert_int_equal(call->x->answer_length, -1);

    call = get_gzip(RM_GZIP_ASK, "Content-Encoding: X-GZIP\r\n", z.p, z.n, true, NULL);
    assert_int_equal(call->code, RM_OK);
    assert_int_equal(call->got, 7);
    assert_memory_equal(call->first, "{\"a\":1}", 7);

    call = get_gzip(RM_GZIP_DECODE, "Content-Encoding: gzip\r\n", z.p, z.n, false, NULL);
    assert_string_equal(rig_body(call), "{\"a\":1}");
    assert_null(backend_field(&rig.backend, "accept-encoding"));
    free(z.p);
}

static void what_is_not_plain_gzip_is_passed_as_it_is(void **state)
{
    (void)state;
    static const char *const headers[] = {"Content-Encoding: br\r\n", "Content-Encoding: gzip, gzip\r\n", "",
                                          "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n",
                                          "Content-Encoding: deflate\r\n"};
    struct zipped z = zip("hello", 5);
    for (size_t i = 0; i < RM_COUNT(headers); i++) {
        struct rig_call *call = get_gzip(RM_GZIP_ASK, headers[i], z.p, z.n, false, NULL);
        assert_int_equal(call->code, RM_OK);
        assert_int_equal(call->x->body_out.n, z.n);
        assert_int_equal(call->x->answer_length, z.n);
        assert_non_null(rig_answer_field(call, "content-length"));
    }
    struct rig_call *call = get_gzip(RM_GZIP_OFF, "Content-Encoding: gzip\r\n", z.p, z.n, false, NULL);
    assert_int_equal(call->x->body_out.n, z.n);
    assert_non_null(rig_answer_field(call, "content-encoding"));
    call = get_gzip(RM_GZIP_ASK, "Content-Encoding: gzip\r\n", "", 0, false, NULL); // empty
    assert_int_equal(call->code, RM_OK);
    assert_int_equal(call->x->body_out.n, 0);
    free(z.p);
}

static void gzip_members_follow_each_other(void **state)
{
    (void)state;
    struct zipped a = zip("one ", 4), b = zip("two", 3);
    char both[256];
    memcpy(both, a.p, a.n);
    memcpy(both + a.n, b.p, b.n);
    struct rig_call *call = get_gzip(RM_GZIP_ASK, "Content-Encoding: gzip\r\n", both, a.n + b.n, false, NULL);
    assert_int_equal(call->code, RM_OK);
    assert_string_equal(rig_body(call), "one two");
    free(a.p);
    free(b.p);
}

static void broken_gzip(void **state)
{
    (void)state;
    struct zipped z = zip("some text that is long enough to be broken in the middle", 56);
    char broken[256];
    for (int kind = 0; kind < 6; kind++) {
        for (int streams = 0; streams < 2; streams++) {
            size_t n = z.n;
            memcpy(broken, z.p, n);
            if (kind == 0)
                broken[0] = 'x';
            else if (kind == 1)
                broken[n / 2] ^= 0x55;
            else if (kind == 2)
                n -= 9; // ends early
            else if (kind == 3)
                broken[n - 6] ^= 1; // checksum
            else if (kind == 4)
                memcpy(broken + n, "trailing", 8), n += 8;
            else
                n = 1;
            struct rig_call *call = get_gzip(RM_GZIP_ASK, "Content-Encoding: gzip\r\n", broken, n, streams, NULL);
            if (call->code != RM_EDECODE)
                fail_msg("kind %d: %s", kind, rm_code_name(call->code));
        }
    }
    free(z.p);
}

static void a_bomb_goes_off_at_the_limit(void **state)
{
    (void)state;
    size_t n = 256 * MIB;
    char *zeros = calloc(1, n);
    struct zipped z = zip(zeros, n);
    free(zeros);
    assert_true(z.n < MIB);
    struct rig_call *call = get_gzip(RM_GZIP_ASK, "Content-Encoding: gzip\r\n", z.p, z.n, false, NULL);
    assert_int_equal(call->code, RM_ETOOBIG);
    assert_int_equal(call->x->body_out.cap, 0);
    free(z.p);
}

static unsigned long turns_at_start;

static void with_room(struct rig_call *call)
{
    call->x->max_body = 64 * MIB;
    turns_at_start = rig.turns;
}

// Dear to inflate: other work gets its turns in between.
static void inflating_is_done_in_slices(void **state)
{
    (void)state;
    size_t n = 32 * MIB;
    char *text = malloc(n);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('a' + i / 1000 % 26);
    struct zipped z = zip(text, n);
    struct rig_call *call = get_gzip(RM_GZIP_ASK, "Content-Encoding: gzip\r\n", z.p, z.n, false, with_room);
    assert_int_equal(call->code, RM_OK);
    assert_int_equal(call->x->body_out.n, n);
    assert_memory_equal(call->x->body_out.p, text, n);
    assert_true(rig.turns - turns_at_start > 32);
    free(text);
    free(z.p);
}

static int odd_sink(struct rm_exchange *x, struct rm_str data)
{
    struct rig_call *call = x->owner;
    if (++call->chunks % 3 == 0) {
        rig_resume(call);
        return RM_AGAIN;
    }
    for (size_t i = 0; i < data.n; i++)
        assert_int_equal(data.p[i], (char)('a' + (call->got + i) / 1000 % 26));
    call->got += data.n;
    return RM_OK;
}

static void with_odd_sink(struct rig_call *call)
{
    call->sink.chunk = odd_sink;
}

static void a_paused_gzip_stream_loses_and_doubles_nothing(void **state)
{
    (void)state;
    size_t n = 8 * MIB;
    char *text = malloc(n);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('a' + i / 1000 % 26);
    struct zipped z = zip(text, n);
    struct rig_call *call = get_gzip(RM_GZIP_ASK, "Content-Encoding: gzip\r\n", z.p, z.n, true, with_odd_sink);
    assert_int_equal(call->code, RM_OK);
    assert_int_equal(call->got, n);
    assert_true(rig.arena.bytes < 400 * 1024);
    free(text);
    free(z.p);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_stream_and_its_head),
        TEST(a_stream_of_chunks_with_trailers),
        TEST(a_body_is_read_by_its_owner),
        TEST(a_body_that_is_read_has_an_end),
        TEST(a_body_that_is_read_is_cut),
        TEST(a_reader_that_does_not_read),
        TEST(a_slow_sink_stops_the_backend),
        TEST(resume_too_early_and_too_often),
        TEST(resume_inside_the_callback),
        TEST(a_paused_stream_keeps_its_deadline),
        TEST(a_paused_stream_can_be_cancelled),
        TEST(a_sink_that_fails),
        TEST(a_stream_that_is_cut),
        TEST(an_unwanted_body),
        TEST(a_gibibyte_down_in_bounded_memory),
        TEST(a_slow_source),
        TEST(a_source_that_has_nothing_at_first),
        TEST(a_source_that_breaks),
        TEST(a_source_that_ends_early),
        TEST(an_early_answer),
        TEST(a_slow_backend_stops_the_source),
        TEST(a_gibibyte_up_in_bounded_memory),
        TEST(both_ways_at_once),
        TEST(gzip_is_asked_for_and_taken_off),
        TEST(what_is_not_plain_gzip_is_passed_as_it_is),
        TEST(gzip_members_follow_each_other),
        TEST(broken_gzip),
        TEST(a_bomb_goes_off_at_the_limit),
        TEST(inflating_is_done_in_slices),
        TEST(a_paused_gzip_stream_loses_and_doubles_nothing),
    };
    return rig_run_tests(tests, NULL, NULL);
}
