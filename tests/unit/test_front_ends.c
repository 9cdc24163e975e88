// The front end over real sockets: clients that hang up or stall, deadlines, draining and stopping.
// SPDX-License-Identifier: Apache-2.0
#include "front_rig.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

// ---- hang-ups ----------------------------------------------------------------------------------------------------------

static void front_notices_hang_ups(void **state)
{
    (void)state;
    front_start(1);
    static const char *const texts[] = {
        GET("/never"),
        "POST /never HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc",
        GET("/stream/never"),
        GET("/stream/say?hold=1"),
        GET("/stream/say?hold=1&length=1"),
        "POST /stream/slow HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\na",
        "POST /stream/slow HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\na",
        GET("/never") GET("/hello"), // with another request behind it
    };
    unsigned n = 0;
    for (size_t i = 0; i < 3 * RM_COUNT(texts); i++) {
        int fd = raw_connect(t.port);
        raw_send(fd, texts[i / 3]);
        n++;
        wait_for(fake_counts.started == n);
        if (i % 3 == 1)
            shutdown(fd, SHUT_WR);
        if (i % 3 == 2) {
            struct linger now = {.l_onoff = 1}; // a reset
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        }
        if (i % 3 != 1)
            close(fd);
        wait_for(fake_counts.cancelled == n);
        wait_for(t.shared.connections == 0);
        if (i % 3 == 1)
            close(fd);
    }
    assert_int_equal(fake_counts.ended, 0);
    // Half a hang-up does not lose an answer that needs no waiting.
    int fd = raw_connect(t.port);
    raw_send(fd, GET("/nope"));
    shutdown(fd, SHUT_WR);
    front_expect_on(fd, "", 404, NULL);
    close(fd);
    // Nor one that is on its way.
    fd = raw_connect(t.port);
    raw_send(fd, GET("/say?body=3000000"));
    wait_for(fake_counts.ended == 1);
    shutdown(fd, SHUT_WR);
    struct raw_answer a;
    raw_read(fd, false, &a);
    assert_int_equal(a.body_n, 3000000);
    raw_free(&a);
    close(fd);
}

static void front_hang_up_in_a_body(void **state)
{
    (void)state;
    front_start(1);
    int fd = raw_connect(t.port);
    raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc");
    wait_for(t.budget.used > 0);
    close(fd);
    wait_for(t.shared.connections == 0);
    assert_int_equal(fake_counts.started, 0);
    // In the middle of what comes down, much of it unread.
    fd = raw_connect(t.port);
    raw_send(fd, GET("/stream/say?body=60000000"));
    wait_for(fake_counts.refused_chunks > 0);
    close(fd);
    wait_for(fake_counts.cancelled == 1);
    wait_for(t.shared.connections == 0);
}

// What comes together with the end of the connection: no more can come, and nobody waits for it.
static void front_hang_up_with_the_last_bytes(void **state)
{
    (void)state;
    t.plan->conf->limits.head_timeout_us = t.plan->conf->limits.body_timeout_us = 600 * RM_SEC;
    t.plan->conf->limits.idle_timeout_us = 600 * RM_SEC;
    front_start(1);
    static const char *const texts[] = {
        "",
        "GET /hel",
        "GET /hello HTTP/1.1\r\nHost",
        GET("/hello") "GET /he",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
        "POST /nope HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
        "POST /stream/count HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
    };
    for (size_t i = 0; i < RM_COUNT(texts); i++) {
        int fd = raw_connect(t.port);
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on)); // one segment
        raw_send(fd, texts[i]);
        shutdown(fd, SHUT_WR);
        while (!raw_ends(fd)) // an answer to what was whole may come first
            continue;
        close(fd);
        wait_for(t.shared.connections == 0);
    }
}

// ---- time --------------------------------------------------------------------------------------------------------------

static void front_slow_heads(void **state)
{
    (void)state;
    t.plan->conf->limits.head_timeout_us = 200 * RM_MS;
    front_start(1);
    int fd = raw_connect(t.port);
    front_expect_on(fd, GET("/hello"), 200, NULL); // it is kept from here on
    int silent = raw_connect(t.port), slow = raw_connect(t.port), line = raw_connect(t.port);
    raw_send(slow, "GET /hel");
    raw_send(line, "GET /hello HTTP/1.1\r\nHo");
    assert_true(raw_ends(silent)); // nothing was asked
    front_expect_on(slow, "", 408, "");
    assert_true(raw_ends(slow));
    front_expect_on(line, "", 408, "");
    assert_true(raw_ends(line));
    assert_true(raw_is_open(fd));
    front_expect_on(fd, "GET /hell", 408, ""); // the second request of a kept connection
    assert_true(raw_ends(fd));
    int drip = raw_connect(t.port); // a byte now and then does not help
    while (raw_try_send(drip, "G", 1) && raw_is_open(drip))
        poll(NULL, 0, 10);
    front_expect_on(drip, "", 408, NULL);
    close(fd);
    close(silent);
    close(slow);
    close(line);
    close(drip);
}

static void front_slow_bodies(void **state)
{
    (void)state;
    t.plan->conf->limits.body_timeout_us = 200 * RM_MS;
    front_start(1);
    static const char *const texts[] = {
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\n",
        "POST /nope HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
        "POST /stream/count HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    };
    for (size_t i = 0; i < RM_COUNT(texts); i++) {
        int fd = raw_connect(t.port);
        front_expect_on(fd, texts[i], 408, "");
        assert_true(raw_ends(fd));
        close(fd);
    }
    wait_for(fake_counts.cancelled == 1);
    // Progress is enough, and a backend's own time is not the client's.
    int fd = raw_connect(t.port);
    raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\n");
    for (int i = 0; i < 10; i++) {
        poll(NULL, 0, 50);
        raw_send(fd, "x");
    }
    front_expect_on(fd, "", 200, "xxxxxxxxxx");
    front_expect_on(fd, GET("/wait?ms=500"), 200, NULL);
    front_expect_on(fd, GET("/stream/say?body=3000000&pause=1"), 200, NULL);
    close(fd);
}

// After a refusal the client is given a moment to read it and to close, not more.
static void front_lingers(void **state)
{
    (void)state;
    front_start(1);
    int quiet = raw_connect(t.port), busy = raw_connect(t.port);
    raw_send(quiet, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 99999999\r\n\r\nabc");
    raw_send(busy, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 99999999\r\n\r\nabc");
    front_expect_on(quiet, "", 413, NULL);
    static const char block[65536];
    while (raw_try_send(busy, block, sizeof(block))) // until it is closed
        continue;
    wait_for(t.shared.connections == 0);
    close(quiet);
    close(busy);
}

static void front_idle(void **state)
{
    (void)state;
    t.plan->conf->limits.idle_timeout_us = 200 * RM_MS;
    front_start(1);
    int fd = raw_connect(t.port);
    for (int i = 0; i < 5; i++) {
        front_expect_on(fd, GET("/hello"), 200, NULL);
        poll(NULL, 0, 50);
    }
    front_expect_on(fd, GET("/wait?ms=400"), 200, NULL);
    assert_true(raw_ends(fd));
    close(fd);
}

static void front_stalled_readers(void **state)
{
    (void)state;
    t.plan->conf->limits.body_timeout_us = 300 * RM_MS;
    front_start(1);
    int whole = raw_connect(t.port), stream = raw_connect(t.port);
    raw_send(whole, GET("/say?body=30000000"));
    raw_send(stream, GET("/stream/say?body=30000000"));
    wait_for(fake_counts.started == 2);
    wait_for(t.shared.connections == 0); // nobody reads
    assert_int_equal(fake_counts.cancelled, 1);
    struct raw_answer a;
    raw_read(whole, false, &a);
    assert_true(a.broken);
    raw_free(&a);
    raw_read(stream, false, &a);
    assert_true(a.broken);
    raw_free(&a);
    close(whole);
    close(stream);
    // Reading slowly is fine.
    int fd = raw_connect(t.port);
    int small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    raw_send(fd, GET("/say?body=6000000"));
    char block[262144];
    size_t got = 0;
    uint64_t until = rm_clock_us() + 1200 * RM_MS;
    for (ssize_t n; rm_clock_us() < until; got += (size_t)n) {
        n = recv(fd, block, 65536, 0);
        assert_true(n > 0);
        poll(NULL, 0, 30);
    }
    assert_int_equal(t.shared.connections, 1);
    close(fd);
}

// ---- the end -----------------------------------------------------------------------------------------------------------

static void front_drains(void **state)
{
    (void)state;
    front_start(2);
    int idle = raw_connect(t.port), running = raw_connect(t.port), streaming = raw_connect(t.port);
    int beginning = raw_connect(t.port), uploading = raw_connect(t.port), resting = raw_connect(t.port);
    front_expect_on(idle, GET("/hello"), 200, NULL);
    front_expect_on(resting, GET("/hello"), 200, NULL);
    raw_send(running, GET("/wait?ms=300"));
    raw_send(streaming, GET("/stream/say?body=1000000&pause=1"));
    raw_send(beginning, "GET /hello HTTP/1.1\r\n");
    raw_send(uploading, "POST /stream/count HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\na");
    wait_for(fake_counts.started == 5);
    int queued = raw_connect(t.port);
    raw_send(queued, GET("/hello"));
    for (uint32_t i = 0; i < 2; i++) {
        rm_worker_drain(t.workers[i]);
        rm_worker_drain(t.workers[i]);
    }
    struct raw_answer first;
    raw_read(running, false, &first); // it has waited: the drain has begun
    assert_string_equal(raw_header(&first, "connection"), "close");
    raw_free(&first);
    assert_true(raw_ends(running));
    close(running);
    raw_send(resting, GET("/hello")); // asked just before the connection would have been closed
    raw_send(beginning, HOST "\r\n");
    raw_send(uploading, "bc");
    int fds[] = {streaming, beginning, uploading, queued, resting};
    for (size_t i = 0; i < RM_COUNT(fds); i++) {
        struct raw_answer a;
        raw_read(fds[i], false, &a);
        assert_int_equal(a.status, 200);
        assert_false(a.broken);
        if (fds[i] != streaming && fds[i] != queued) // their heads may have been out already
            assert_string_equal(raw_header(&a, "connection"), "close");
        raw_free(&a);
        assert_true(raw_ends(fds[i]));
        close(fds[i]);
    }
    assert_true(raw_ends(idle));
    close(idle);
    wait_for(t.ended == 2); // by themselves
    assert_int_equal(fake_counts.cancelled, 0);
}

static void front_drains_when_empty(void **state)
{
    (void)state;
    front_start(1);
    rm_worker_drain(t.workers[0]);
    wait_for(t.ended == 1);
    rm_worker_drain(t.workers[0]);
    rm_worker_stop(t.workers[0]);
}

static void front_stops_at_once(void **state)
{
    (void)state;
    front_start(2);
    static const char *const texts[] = {
        "",
        "GET /he",
        "GET /hello HTTP/1.1\r\nHost",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
        GET("/never"),
        GET("/stream/never"),
        GET("/stream/say?hold=1"),
        GET("/stream/say?body=60000000"),
        GET("/say?body=60000000"),
        "POST /stream/slow HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
        "POST /stream/early?status=403 HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
        "POST /nope HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 99999999\r\n\r\nabc", // lingers
    };
    int fds[RM_COUNT(texts)];
    for (size_t i = 0; i < RM_COUNT(texts); i++) {
        fds[i] = raw_connect(t.port);
        raw_send(fds[i], texts[i]);
    }
    wait_for(fake_counts.started == 7);
    for (uint32_t i = 0; i < 2; i++)
        rm_worker_stop(t.workers[i]);
    wait_for(t.ended == 2);
    for (size_t i = 0; i < RM_COUNT(texts); i++)
        close(fds[i]);
}

static void front_stops_under_load(void **state)
{
    for (int round = 0; round < 20; round++) {
        front_start(2);
        int fds[20];
        for (size_t i = 0; i < RM_COUNT(fds); i++) {
            fds[i] = raw_connect(t.port);
            for (int k = 0; k < 10; k++)
                raw_try_send(fds[i], GET("/wait?ms=1") GET("/stream/say?body=100000&pause=1"),
                             sizeof(GET("/wait?ms=1") GET("/stream/say?body=100000&pause=1")) - 1);
        }
        wait_for(fake_counts.ended > (unsigned)round);
        assert_int_equal(front_teardown(state), 0);
        for (size_t i = 0; i < RM_COUNT(fds); i++)
            close(fds[i]);
        front_setup(state);
    }
    front_start(1);
}

int main(void)
{
    rm_log_setup(RM_ERROR, RM_STR(""), false, RM_LOG_DEFAULT);
    const struct CMUnitTest tests[] = {
        FRONT_TEST(front_notices_hang_ups),
        FRONT_TEST(front_hang_up_in_a_body),
        FRONT_TEST(front_hang_up_with_the_last_bytes),
        FRONT_TEST(front_slow_heads),
        FRONT_TEST(front_slow_bodies),
        FRONT_TEST(front_lingers),
        FRONT_TEST(front_idle),
        FRONT_TEST(front_stalled_readers),
        FRONT_TEST(front_drains),
        FRONT_TEST(front_drains_when_empty),
        FRONT_TEST(front_stops_at_once),
        FRONT_TEST(front_stops_under_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
