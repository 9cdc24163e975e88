// Exchanges over real sockets: what goes out byte for byte, what comes back, and that connections are kept.
// SPDX-License-Identifier: Apache-2.0
#include "net_rig.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static struct rig rig;

#define SEND(text)                                                                                                     \
    {                                                                                                                  \
        BACKEND_SEND, text, 0                                                                                          \
    }
#define OK_BODY(n, body) SEND("HTTP/1.1 200 OK\r\nContent-Length: " #n "\r\n\r\n" body)

static const struct backend_step answers_hello[] = {
    {BACKEND_REQUEST, 0, 0}, OK_BODY(5, "hello"), {BACKEND_AGAIN, 0, 0}};
static const struct backend_step answers_head[] = {
    {BACKEND_REQUEST, 0, 0}, SEND("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), {BACKEND_AGAIN, 0, 0}};

// Calls of the loop's interface that cost an epoll_ctl.
static unsigned fd_adds, fd_mods, fd_dels;
int __real_rm_fd_add(struct rm_loop *, struct rm_fd *, struct rm_err *);
void __real_rm_fd_mod(struct rm_fd *, uint32_t);
void __real_rm_fd_del(struct rm_fd *);
int __wrap_rm_fd_add(struct rm_loop *, struct rm_fd *, struct rm_err *);
void __wrap_rm_fd_mod(struct rm_fd *, uint32_t);
void __wrap_rm_fd_del(struct rm_fd *);

int __wrap_rm_fd_add(struct rm_loop *loop, struct rm_fd *fd, struct rm_err *err)
{
    fd_adds++;
    return __real_rm_fd_add(loop, fd, err);
}
void __wrap_rm_fd_mod(struct rm_fd *fd, uint32_t events)
{
    fd_mods += fd->events != events;
    __real_rm_fd_mod(fd, events);
}
void __wrap_rm_fd_del(struct rm_fd *fd)
{
    fd_dels += fd->loop != NULL;
    __real_rm_fd_del(fd);
}

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

static char *host_and_port(void)
{
    static char text[64];
    (void)snprintf(text, sizeof(text), "backend.example:%u", rig.backend.port);
    return text;
}

// ---- what goes out ---------------------------------------------------------------------------------------------------

static void a_plain_get(void **state)
{
    (void)state;
    begin(answers_hello);
    struct rig_call *call = rig_get(&rig, "/a/../b?q=1&r={x}|%2f");
    assert_int_equal(call->code, RM_OK);
    assert_int_equal(call->x->status, 200);
    assert_string_equal(rig_body(call), "hello");
    assert_int_equal(call->x->answer_length, 5);
    assert_true(call->x->sent);
    // Nothing but what the caller gave, and Host.
    char expected[256];
    (void)snprintf(expected, sizeof(expected), "GET /a/../b?q=1&r={x}|%%2f HTTP/1.1\r\nHost: %s\r\n\r\n",
                   host_and_port());
    assert_int_equal(rig.backend.head.n, strlen(expected));
    assert_memory_equal(rig.backend.head.p, expected, strlen(expected));
}

static void headers_go_out_as_they_are(void **state)
{
    (void)state;
    begin(answers_hello);
    struct rig_call *call = rig_call(&rig, "GET", "/");
    rig_header(call, "X-One", "  a: b; c ");
    rig_header(call, "x-two", "");
    rig_header(call, "X-Blank", " \t ");
    rig_header(call, "X-Same", "1");
    rig_header(call, "X-Same", "2");
    rig_header(call, "User-Agent", "ua");
    rig_header(call, "Accept", "text/x");
    rig_header(call, "Authorization", "Bearer t");
    rig_header(call, "Cookie", "c=1");
    rig_header(call, "X-Utf", "caf\xc3\xa9 \xff");
    // The transport's own, and those of one connection: left out.
    rig_header(call, "Host", "evil.example");
    rig_header(call, "Content-Length", "17");
    rig_header(call, "Transfer-Encoding", "chunked");
    rig_header(call, "Connection", "close");
    rig_header(call, "Expect", "100-continue");
    rig_header(call, "Upgrade", "h2c");
    assert_int_equal(rig_do(call), RM_OK);
    assert_string_equal(backend_field(&rig.backend, "X-One"), "a: b; c");
    assert_string_equal(backend_field(&rig.backend, "x-two"), "");
    assert_string_equal(backend_field(&rig.backend, "x-blank"), "");
    assert_int_equal(backend_count_field(&rig.backend, "X-Same"), 2);
    assert_string_equal(backend_field(&rig.backend, "User-Agent"), "ua");
    assert_string_equal(backend_field(&rig.backend, "Accept"), "text/x");
    assert_string_equal(backend_field(&rig.backend, "Authorization"), "Bearer t");
    assert_string_equal(backend_field(&rig.backend, "Cookie"), "c=1");
    assert_string_equal(backend_field(&rig.backend, "X-Utf"), "caf\xc3\xa9 \xff");
    assert_string_equal(backend_field(&rig.backend, "Host"), host_and_port());
    assert_int_equal(backend_count_field(&rig.backend, "Host"), 1);
    assert_null(backend_field(&rig.backend, "Content-Length"));
    assert_null(backend_field(&rig.backend, "Transfer-Encoding"));
    assert_null(backend_field(&rig.backend, "Connection"));
    assert_null(backend_field(&rig.backend, "Expect"));
    assert_null(backend_field(&rig.backend, "Upgrade"));
}

static void the_environment_is_not_asked(void **state)
{
    (void)state;
    // A proxy that nobody listens at.
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    assert_int_equal(setenv("ALL_PROXY", "socks5h://127.0.0.1:1", 1), 0);
    begin(answers_hello);
    assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

static void nothing_of_the_exchange_before_is_left(void **state)
{
    (void)state;
    begin(answers_hello);
    struct rig_call *call = rig_call(&rig, "POST", "/one");
    rig_header(call, "X-One", "1");
    call->x->body = RM_STR("secret");
    call->x->has_body = true;
    assert_int_equal(rig_do(call), RM_OK);
    call = rig_get(&rig, "/two");
    assert_int_equal(call->code, RM_OK);
    assert_true(backend_line_is(&rig.backend, "GET /two HTTP/1.1"));
    assert_null(backend_field(&rig.backend, "X-One"));
    assert_null(backend_field(&rig.backend, "Content-Length"));
    assert_int_equal(rig.backend.body_n, 0);
    assert_int_equal(rig.backend.accepted, 1);
}

static void bodies_go_with_every_method(void **state)
{
    (void)state;
    static const char *const methods[] = {"POST", "GET", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"};
    begin(answers_hello);
    for (size_t i = 0; i < RM_COUNT(methods); i++) {
        for (int kind = 0; kind < 5; kind++) {
            struct rig_call *call = rig_call(&rig, methods[i], "/b");
            bool always = i == 0 || i == 2 || i == 3;
            switch (kind) {
            case 0:
                call->x->body = RM_STR("{\"a\":1}");
                call->x->has_body = true;
                break;
            case 1:
                call->x->has_body = true;
                break;
            case 2:
                rig_feed_from(call, 100000, false);
                break;
            case 3:
                rig_feed_from(call, 100000, true);
                break;
            default:
                break; // no body at all
            }
            assert_int_equal(rig_do(call), RM_OK);
            char line[64];
            (void)snprintf(line, sizeof(line), "%s /b HTTP/1.1", methods[i]);
            assert_true(backend_line_is(&rig.backend, line));
            const char *length = backend_field(&rig.backend, "content-length");
            const char *expected = kind == 0                            ? "7"
                                   : kind == 1 || (kind == 4 && always) ? "0"
                                   : kind == 2                          ? "100000"
                                                                        : NULL;
            if (expected) {
                assert_non_null(length);
                assert_string_equal(length, expected);
            } else {
                assert_null(length);
            }
            assert_int_equal(rig.backend.body_chunked, kind == 3);
            assert_int_equal(rig.backend.body_n, kind == 0 ? 7 : kind == 2 || kind == 3 ? 100000 : 0);
            assert_null(backend_field(&rig.backend, "content-type"));
            assert_null(backend_field(&rig.backend, "expect"));
            assert_null(backend_field(&rig.backend, "accept"));
        }
    }
    assert_int_equal(rig.backend.accepted, 1);
    assert_int_equal(rig.backend.requests, 5 * RM_COUNT(methods));
}

static void a_large_buffered_body(void **state)
{
    (void)state;
    begin(answers_hello);
    size_t n = 3 << 20; // above what libcurl would put 'Expect' on
    char *body = malloc(n);
    memset(body, 'b', n);
    struct rig_call *call = rig_call(&rig, "POST", "/");
    call->x->body = (struct rm_str){body, n};
    call->x->has_body = true;
    rig_header(call, "Content-Type", "a/b");
    assert_int_equal(rig_do(call), RM_OK);
    assert_int_equal(rig.backend.body_n, n);
    assert_null(backend_field(&rig.backend, "expect"));
    assert_string_equal(backend_field(&rig.backend, "content-type"), "a/b");
    free(body);
}

static void an_empty_source(void **state)
{
    (void)state;
    begin(answers_hello);
    struct rig_call *call = rig_call(&rig, "POST", "/");
    rig_feed_from(call, 0, false);
    assert_int_equal(rig_do(call), RM_OK);
    assert_string_equal(backend_field(&rig.backend, "content-length"), "0");
    call = rig_call(&rig, "POST", "/");
    rig_feed_from(call, 0, true);
    assert_int_equal(rig_do(call), RM_OK);
    assert_true(rig.backend.body_chunked);
    assert_true(rig.backend.body_whole);
    assert_int_equal(rig.backend.body_n, 0);
}

static void head_has_no_body(void **state)
{
    (void)state;
    begin(answers_head);
    for (int i = 0; i < 3; i++) {
        struct rig_call *call = rig_call(&rig, "HEAD", "/h");
        assert_int_equal(rig_do(call), RM_OK);
        assert_true(backend_line_is(&rig.backend, "HEAD /h HTTP/1.1"));
        assert_int_equal(call->x->body_out.n, 0);
        assert_int_equal(call->x->answer_length, 0);
        assert_string_equal(rig_answer_field(call, "content-length"), "5");
    }
    assert_int_equal(rig.backend.accepted, 1);
}

static void what_cannot_be_sent_is_refused_before_a_connection(void **state)
{
    (void)state;
    begin(answers_hello);
    struct rig_call *call = rig_call(&rig, "GET", "/");
    rig_header(call, "X", "a\r\nY: b");
    assert_int_equal(rig_do(call), RM_EREQUEST);
    assert_false(call->x->sent);
    call = rig_call(&rig, "GET", "/a b");
    assert_int_equal(rig_do(call), RM_EREQUEST);
    rig.host.name = RM_STR("256.256.256.256.:::"); // passes for characters, not for libcurl
    call = rig_call(&rig, "GET", "/");
    assert_int_equal(rig_do(call), RM_EREQUEST);
    assert_int_equal(rig.backend.accepted, 0);
}

static void the_name_is_sent_and_the_address_is_used(void **state)
{
    (void)state;
    static const struct {
        const char *name, *host;
    } rows[] = {{"svc.ns", "svc.ns"}, {"under_score", "under_score"}, {"127.0.0.9", "127.0.0.9"}, {"::1", "[::1]"}};
    begin(answers_hello);
    for (size_t i = 0; i < RM_COUNT(rows); i++) {
        rig.host.name = rm_str_of(rows[i].name);
        struct rig_call *call = rig_get(&rig, "/");
        assert_int_equal(call->code, RM_OK);
        char expected[64];
        (void)snprintf(expected, sizeof(expected), "%s:%u", rows[i].host, rig.backend.port);
        assert_string_equal(backend_field(&rig.backend, "host"), expected);
    }
    assert_int_equal(rig.backend.accepted, RM_COUNT(rows)); // never shared between names
}

// ---- what comes back -------------------------------------------------------------------------------------------------

static void answer_headers(void **state)
{
    (void)state;
    static const struct backend_step script[] = {{BACKEND_REQUEST, 0, 0},
                                                 SEND("HTTP/1.1 201 Made\r\nContent-Length: 2\r\nX-A: 1\r\nX-A: "
                                                      "2\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 3\r\n"
                                                      "Keep-Alive: timeout=5\r\nSet-Cookie: a=b\r\nX-Empty:\r\n\r\nok"),
                                                 {BACKEND_AGAIN, 0, 0}};
    begin(script);
    struct rig_call *call = rig_get(&rig, "/");
    assert_int_equal(call->code, RM_OK);
    assert_int_equal(call->x->status, 201);
    assert_string_equal(rig_answer_field(call, "set-cookie"), "a=b");
    assert_string_equal(rig_answer_field(call, "x-empty"), "");
    assert_null(rig_answer_field(call, "connection"));
    assert_null(rig_answer_field(call, "keep-alive"));
    assert_null(rig_answer_field(call, "x-mine"));
    assert_int_equal(call->x->answer.n, 5);
}

static void chunks_and_trailers(void **state)
{
    (void)state;
    static const struct backend_step script[] = {
        {BACKEND_REQUEST, 0, 0},
        SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Sum\r\n\r\n3\r\nabc\r\n"),
        SEND("A;ext=1\r\n0123456789\r\n0\r\nSum: 42\r\nContent-Length: 3\r\nX-T:\r\n\r\n"),
        {BACKEND_AGAIN, 0, 0}};
    begin(script);
    for (int i = 0; i < 3; i++) {
        struct rig_call *call = rig_get(&rig, "/");
        assert_int_equal(call->code, RM_OK);
        assert_string_equal(rig_body(call), "abc0123456789");
        assert_int_equal(call->x->answer_length, -1);
        assert_int_equal(call->x->trailers.n, 2);
        assert_true(rm_str_eq(call->x->trailers.v[0].value, RM_STR("42")));
        assert_null(rig_answer_field(call, "transfer-encoding"));
        assert_null(rig_answer_field(call, "trailer"));
    }
    assert_int_equal(rig.backend.accepted, 1);
}

static void close_delimited(void **state)
{
    (void)state;
    static const struct backend_step modern[] = {
        {BACKEND_REQUEST, 0, 0}, SEND("HTTP/1.1 200 OK\r\n\r\nall of it"), {BACKEND_CLOSE, 0, 0}};
    static const struct backend_step old[] = {
        {BACKEND_REQUEST, 0, 0}, SEND("HTTP/1.0 200 OK\r\n\r\nold"), {BACKEND_CLOSE, 0, 0}};
    static const struct backend_step none[] = {
        {BACKEND_REQUEST, 0, 0}, SEND("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"), {BACKEND_CLOSE, 0, 0}};
    backend_script(&rig.backend, modern);
    backend_script(&rig.backend, old);
    begin(none);
    struct rig_call *call = rig_get(&rig, "/");
    assert_int_equal(call->code, RM_OK);
    assert_string_equal(rig_body(call), "all of it");
    assert_int_equal(call->x->answer_length, -1);
    assert_string_equal(rig_body(rig_get(&rig, "/")), "old");
    call = rig_get(&rig, "/");
    assert_int_equal(call->code, RM_OK);
    assert_int_equal(call->x->body_out.n, 0);
}

static void answers_without_a_body(void **state)
{
    (void)state;
    static const struct backend_step script[] = {
        {BACKEND_REQUEST, 0, 0}, SEND("HTTP/1.1 204 No Content\r\n\r\n"),
        {BACKEND_REQUEST, 0, 0}, SEND("HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\nETag: x\r\n\r\n"),
        {BACKEND_REQUEST, 0, 0}, SEND("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        {BACKEND_REQUEST, 0, 0}, SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        {BACKEND_AGAIN, 0, 0}};
    static const int statuses[] = {204, 304, 200, 200};
    begin(script);
    for (size_t i = 0; i < 2 * RM_COUNT(statuses); i++) {
        struct rig_call *call = rig_get(&rig, "/");
        assert_int_equal(call->code, RM_OK);
        assert_int_equal(call->x->status, statuses[i % 4]);
        assert_int_equal(call->x->body_out.n, 0);
    }
    assert_int_equal(rig.backend.accepted, 1);
}

static void interim_answers_are_swallowed(void **state)
{
    (void)state;
    static const struct backend_step script[] = {
        {BACKEND_HEAD, 0, 0},
        SEND("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\nX-Early: 1\r\n\r\n"),
        SEND("HTTP/1.1 102 Processing\r\n\r\n"),
        OK_BODY(5, "final"),
        {BACKEND_AGAIN, 0, 0}};
    begin(script);
    for (int i = 0; i < 2; i++) {
        struct rig_call *call = rig_get(&rig, "/");
        assert_int_equal(call->code, RM_OK);
        assert_int_equal(call->x->status, 200);
        assert_string_equal(rig_body(call), "final");
        assert_int_equal(call->x->answer.n, 1);
    }
    assert_int_equal(rig.backend.accepted, 1);
}

static void one_byte_at_a_time(void **state)
{
    (void)state;
    static const char answer[] =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n5\r\nhello\r\n0\r\nT: u\r\n\r\n";
    static struct backend_step script[2 * sizeof(answer) + 2];
    size_t n = 0;
    script[n++] = (struct backend_step){BACKEND_REQUEST, NULL, 0};
    for (size_t i = 0; i < sizeof(answer) - 1; i++) {
        script[n++] = (struct backend_step){BACKEND_SEND, answer + i, 1};
        script[n++] = (struct backend_step){BACKEND_HOLD, NULL, 0};
    }
    script[n] = (struct backend_step){BACKEND_AGAIN, NULL, 0};
    begin(script);
    struct rig_call *call = rig_call(&rig, "GET", "/");
    rig_start(call);
    while (!call->done) {
        rig_turns(&rig, 0);
        backend_go(&rig.backend);
    }
    assert_int_equal(call->code, RM_OK);
    assert_string_equal(rig_body(call), "hello");
    assert_int_equal(call->x->trailers.n, 1);
}

// ---- connections -----------------------------------------------------------------------------------------------------

static void one_connection_and_one_registration_for_many_exchanges(void **state)
{
    (void)state;
    begin(answers_hello);
    assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
    fd_adds = fd_mods = fd_dels = 0;
    for (int i = 0; i < 200; i++)
        assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
    assert_int_equal(rig.backend.accepted, 1);
    assert_int_equal(rig.backend.requests, 201);
    assert_int_equal(fd_adds, 0);
    assert_int_equal(fd_dels, 0);
    assert_int_equal(fd_mods, 0);
}

static bool backend_is_quit(struct rig *r)
{
    return r->backend.open == 0;
}

static void without_keep_alive_each_has_its_own(void **state)
{
    (void)state;
    rig.conf.keep_alive = false;
    begin(answers_hello);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
        assert_string_equal(backend_field(&rig.backend, "connection"), "close");
    }
    assert_int_equal(rig.backend.accepted, 3);
    rig_run_until(&rig, backend_is_quit);
}

static void connection_close_is_obeyed(void **state)
{
    (void)state;
    static const struct backend_step script[] = {
        {BACKEND_REQUEST, 0, 0},
        SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"),
        {BACKEND_END, 0, 0}};
    begin(script);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
    assert_int_equal(rig.backend.accepted, 3);
    rig_run_until(&rig, backend_is_quit);
}

static bool all_hold(struct rig *r)
{
    return r->backend.holding == r->running;
}

static void idle_connections_are_limited_for_a_host(void **state)
{
    (void)state;
    static const struct backend_step script[] = {
        {BACKEND_REQUEST, 0, 0}, {BACKEND_HOLD, 0, 0}, OK_BODY(2, "ok"), {BACKEND_AGAIN, 0, 0}};
    rig.conf.max_idle_per_host = 3;
    begin(script);
    for (int i = 0; i < 10; i++)
        rig_start(rig_call(&rig, "GET", "/"));
    rig_run_until(&rig, all_hold);
    assert_int_equal(rig.backend.accepted, 10);
    backend_go(&rig.backend);
    rig_run(&rig);
    rig_turns(&rig, 5);
    assert_int_equal(rig.backend.peer_closed, 7);
    // The three that were kept are used again.
    for (int i = 0; i < 3; i++)
        rig_start(rig_call(&rig, "GET", "/"));
    rig_run_until(&rig, all_hold);
    backend_go(&rig.backend);
    rig_run(&rig);
    assert_int_equal(rig.backend.accepted, 10);
}

static void idle_connections_are_limited_over_all_hosts(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    rig.conf.max_idle = 2;
    begin(answers_hello);
    for (size_t i = 0; i < RM_COUNT(names); i++) {
        rig.host.name = rm_str_of(names[i]);
        assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
    }
    rig_turns(&rig, 5);
    assert_int_equal(rig.backend.peer_closed, 3);
    for (size_t i = 3; i < RM_COUNT(names); i++) { // the last two are still there
        rig.host.name = rm_str_of(names[i]);
        assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
    }
    assert_int_equal(rig.backend.accepted, 5);
}

static bool peer_has_closed(struct rig *r)
{
    return r->backend.peer_closed == r->backend.accepted;
}

static void idle_connections_end_after_their_time(void **state)
{
    (void)state;
    rig.conf.idle_timeout_us = 30 * RM_MS;
    begin(answers_hello);
    assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
    rig_run_until(&rig, peer_has_closed);
    assert_int_equal(rig_get(&rig, "/")->code, RM_OK);
    assert_int_equal(rig.backend.accepted, 2);
}

static void a_host_that_is_left_keeps_no_connection(void **state)
{
    (void)state;
    static const struct backend_step script[] = {
        {BACKEND_REQUEST, 0, 0}, {BACKEND_HOLD, 0, 0}, OK_BODY(2, "ok"), {BACKEND_AGAIN, 0, 0}};
    begin(script);
    rig.net->leave(rig.engine, &rig.host); // never seen
    // One rests, one is in use.
    for (int i = 0; i < 2; i++)
        rig_start(rig_call(&rig, "GET", "/"));
    rig_run_until(&rig, all_hold);
    backend_go(&rig.backend);
    rig_run(&rig);
    struct rig_call *running = rig_call(&rig, "GET", "/");
    rig_start(running);
    rig_run_until(&rig, all_hold);
    rig.net->leave(rig.engine, &rig.host);
    rig_turns(&rig, 5);
    assert_int_equal(rig.backend.peer_closed, 1);
    backend_go(&rig.backend);
    rig_run(&rig);
    assert_int_equal(running->code, RM_OK);
    rig_run_until(&rig, peer_has_closed);
    // It comes back, and is a host as before.
    for (int i = 0; i < 2; i++) {
        rig_start(rig_call(&rig, "GET", "/"));
        rig_run_until(&rig, all_hold);
        backend_go(&rig.backend);
        rig_run(&rig);
    }
    assert_int_equal(rig.backend.accepted, 3);
    assert_int_equal(rig.backend.peer_closed, 2);
}

static void a_thousand_exchanges_at_once(void **state)
{
    (void)state;
    enum { N = 1000 };
    static const struct backend_step script[] = {
        {BACKEND_REQUEST, 0, 0}, {BACKEND_HOLD, 0, 0}, OK_BODY(5, "hello"), {BACKEND_AGAIN, 0, 0}};
    static struct rig_call *calls[N];
    rig.conf.max_idle_per_host = 0;
    begin(script);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < N; i++) {
            calls[i] = rig_call(&rig, i % 2 ? "GET" : "POST", "/");
            rig_start(calls[i]);
        }
        rig_run_until(&rig, all_hold);
        backend_go(&rig.backend);
        rig_run(&rig);
        for (int i = 0; i < N; i++) {
            assert_int_equal(calls[i]->code, RM_OK);
            assert_string_equal(rig_body(calls[i]), "hello");
        }
    }
    assert_int_equal(rig.backend.accepted, N);
    assert_int_equal(rig.backend.requests, 2 * N);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_plain_get, set_up, tear_down),
        cmocka_unit_test_setup_teardown(headers_go_out_as_they_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_environment_is_not_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_of_the_exchange_before_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bodies_go_with_every_method, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_large_buffered_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_source, set_up, tear_down),
        cmocka_unit_test_setup_teardown(head_has_no_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_sent_is_refused_before_a_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_name_is_sent_and_the_address_is_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answer_headers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(chunks_and_trailers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(close_delimited, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_without_a_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(interim_answers_are_swallowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_byte_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_connection_and_one_registration_for_many_exchanges, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_keep_alive_each_has_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(connection_close_is_obeyed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(idle_connections_are_limited_for_a_host, set_up, tear_down),
        cmocka_unit_test_setup_teardown(idle_connections_are_limited_over_all_hosts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(idle_connections_end_after_their_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_host_that_is_left_keeps_no_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_thousand_exchanges_at_once, set_up, tear_down),
    };
    return rig_run_tests(tests, NULL, NULL);
}
