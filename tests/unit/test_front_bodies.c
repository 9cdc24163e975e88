// The front end over real sockets: bodies of requests, kept and streamed, and streamed answers.
// SPDX-License-Identifier: Apache-2.0
#include "front_rig.h"

// ---- bodies ------------------------------------------------------------------------------------------------------------

static void front_continues(void **state)
{
    (void)state;
    front_start(1);
    int fd = raw_connect(t.port);
    raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    char text[64] = "";
    assert_int_equal(recv(fd, text, 25, MSG_WAITALL), 25);
    assert_string_equal(text, "HTTP/1.1 100 Continue\r\n\r\n");
    front_expect_on(fd, "body", 200, "body");
    // Refused before the client was asked for its body.
    front_expect_on(fd, "POST /nope HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n", 404, NULL);
    close(fd);
    fd = raw_connect(t.port);
    front_expect_on(fd, "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 40000000\r\n\r\n", 413,
                    NULL);
    assert_true(raw_ends(fd));
    close(fd);
}

static void front_limits_bodies(void **state)
{
    (void)state;
    t.plan->conf->limits.client_body_bytes = 100000;
    front_start(1);
    struct raw_answer a;
    int fd = raw_connect(t.port);
    raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 100001\r\n\r\n");
    front_send_chunks(fd, 1, 100000);
    raw_read(fd, false, &a); // all of it was read away: the answer is not lost to a reset
    assert_int_equal(a.status, 413);
    raw_free(&a);
    assert_true(raw_ends(fd));
    close(fd);
    // The length is not said: the rest is thrown away, and the connection stays.
    fd = raw_connect(t.port);
    raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    front_send_chunks(fd, 20, 10000);
    front_expect_on(fd, "0\r\n\r\n", 413, NULL);
    front_expect_on(fd, GET("/hello"), 200, NULL);
    raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    front_send_chunks(fd, 10, 10000); // just fits
    raw_send(fd, "0\r\n\r\n");
    raw_read(fd, false, &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body_n, 100000);
    raw_free(&a);
    // Without end: answered while it is sent.
    raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    front_send_chunks(fd, 130, 10000);
    raw_read(fd, false, &a);
    assert_int_equal(a.status, 413);
    assert_string_equal(raw_header(&a, "connection"), "close");
    raw_free(&a);
    close(fd);
    // For a route that takes none.
    fd = raw_connect(t.port);
    raw_send(fd, "POST /nope HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    front_send_chunks(fd, 20, 10000);
    front_expect_on(fd, "0\r\n\r\n", 404, NULL);
    front_expect_on(fd, "POST /nope HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nabcde", 404, NULL);
    front_expect_on(fd, GET("/hello"), 200, NULL);
    close(fd);
}

static void front_limits_memory(void **state)
{
    (void)state;
    t.budget.limit = 300000;
    front_start(1);
    int first = raw_connect(t.port), second = raw_connect(t.port);
    raw_send(first, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    front_send_chunks(first, 20, 10000);
    wait_for(t.budget.used > 200000);
    raw_send(second, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    front_send_chunks(second, 20, 10000);
    front_expect_on(second, "0\r\n\r\n", 503, NULL); // the newest is refused
    front_expect_on(second, GET("/hello"), 200, NULL);
    struct raw_answer a;
    raw_send(first, "0\r\n\r\n");
    raw_read(first, false, &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body_n, 200000);
    raw_free(&a);
    close(first);
    close(second);
    wait_for(t.budget.used == 0);
}

static void front_limits_memory_of_uploads(void **state)
{
    (void)state;
    t.budget.limit = 100000;
    front_start(1);
    int fd = raw_connect(t.port);
    // Enough is here to make room: it waits.
    raw_send(fd, "POST /stream/slow HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    front_send_chunks(fd, 30, 10000);
    wait_for(t.budget.used > 50000); // it cannot double once more
    fake_flow_release();
    front_expect_on(fd, "0\r\n\r\n", 200, "300000");
    // Nothing can be kept.
    wait_for(t.budget.used == 0);
    struct rm_buf other = {.max = SIZE_MAX, .budget = &t.budget};
    assert_int_equal(rm_buf_reserve(&other, 100000), RM_OK);
    raw_send(fd, "POST /stream/count HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    front_send_chunks(fd, 3, 10000);
    front_expect_on(fd, "0\r\n\r\n", 503, NULL);
    rm_buf_free(&other);
    front_expect_on(fd, GET("/hello"), 200, NULL);
    close(fd);
}

// ---- streams -----------------------------------------------------------------------------------------------------------

static void front_streams_down(void **state)
{
    (void)state;
    front_start(1);
    int fd = raw_connect(t.port);
    static const size_t sizes[] = {0, 1, 16384, 16385, 1000000};
    for (size_t i = 0; i < 4 * RM_COUNT(sizes); i++) {
        size_t n = sizes[i / 4];
        char text[128];
        struct raw_answer a;
        snprintf(text, sizeof(text), "GET /stream/say?body=%zu&length=%zu&pause=%zu&trailer=1 HTTP/1.1\r\n" HOST "\r\n",
                 n, i % 2, i / 2 % 2);
        raw_send(fd, text);
        raw_read(fd, false, &a);
        assert_int_equal(a.status, 200);
        assert_int_equal(a.body_n, n);
        assert_false(a.broken);
        assert_int_equal(a.chunked, i % 2 == 0);
        assert_string_equal(a.trailers, i % 2 ? "" : "X-Sum: 42\r\n");
        raw_free(&a);
    }
    assert_int_equal(t.shared.connections, 1);
    close(fd);
}

// The body goes from flow into libmicrohttpd's block by reads, with pauses, from less than a block to many.
static void front_reads_a_stream(void **state)
{
    (void)state;
    front_start(1);
    int fd = raw_connect(t.port);
    static const size_t sizes[] = {1, 100, 101, 4096, 65536, 65636, 65637, 200000, 1000000};
    for (size_t i = 0; i < 2 * RM_COUNT(sizes); i++) {
        char text[128];
        struct raw_answer a;
        snprintf(text, sizeof(text), "GET /stream/say?read=1&body=%zu&length=1&pause=%zu HTTP/1.1\r\n" HOST "\r\n",
                 sizes[i / 2], i % 2);
        raw_send(fd, text);
        raw_read(fd, false, &a);
        assert_int_equal(a.status, 200);
        assert_int_equal(a.body_n, sizes[i / 2]);
        for (size_t at = 0; at < a.body_n; at++)
            assert_int_equal(a.body[at], 'a' + at % 26);
        raw_free(&a);
    }
    assert_true(fake_counts.reads > 0);
    assert_int_equal(t.shared.connections, 1);
    assert_int_equal(fake_counts.cancelled, 0);
    close(fd);
}

// A client that does not read: nothing is read for it beyond a block and what the kernel holds.
static void front_reads_no_more_than_goes_out(void **state)
{
    (void)state;
    front_start(1);
    int fd = raw_connect(t.port);
    raw_send(fd, GET("/stream/say?read=1&body=60000000&length=1"));
    unsigned before;
    do {
        before = fake_counts.reads;
        poll(NULL, 0, 50);
    } while (before == 0 || fake_counts.reads != before);
    assert_true(before < 60000000 / 65536 / 2);
    assert_true(t.budget.used < 200000);
    front_expect(GET("/hello"), 200, NULL);
    struct raw_answer a;
    raw_read(fd, false, &a);
    assert_int_equal(a.body_n, 60000000);
    raw_free(&a);
    close(fd);
}

static void front_cuts(void **state)
{
    (void)state;
    front_start(1);
    int older = raw_connect(t.port); // libmicrohttpd looks after the oldest connection by itself, and only that one
    front_expect_on(older, GET("/hello"), 200, NULL);
    static const char *const texts[] = {
        "GET /stream/say?body=100000&cut=50000 HTTP/1.1\r\n" HOST "\r\n",
        "GET /stream/say?body=100000&cut=50000&length=1 HTTP/1.1\r\n" HOST "\r\n",
        "GET /stream/say?body=100000&cut=50000 HTTP/1.0\r\n" HOST "\r\n",
        "GET /stream/say?body=100000&cut=50000&pause=1 HTTP/1.0\r\n" HOST "\r\n",
        "GET /stream/say?body=100000&cut=50000&length=1 HTTP/1.0\r\n" HOST "\r\n",
        "GET /stream/say?body=100000&cut=50000&length=1&read=1 HTTP/1.1\r\n" HOST "\r\n",
        "GET /stream/say?body=100000&cut=99999&length=1&read=1&pause=1 HTTP/1.1\r\n" HOST "\r\n",
        "GET /stream/say?body=100000&cut=50000&length=1&read=1 HTTP/1.0\r\n" HOST "\r\n",
        "GET /stream/say?body=100000&cut=0 HTTP/1.1\r\n" HOST "\r\n",
        "GET /stream/say?body=100000&cut=0 HTTP/1.0\r\n" HOST "\r\n",
    };
    for (size_t i = 0; i < RM_COUNT(texts); i++) {
        struct raw_answer a = front_ask(texts[i]);
        if (!a.broken)
            fail_msg("%s: not broken after %zu bytes", texts[i], a.body_n);
        assert_int_equal(a.status, strstr(texts[i], "HTTP/1.0") ? a.status : 200); // a reset may overtake the bytes
        raw_free(&a);
        wait_for(t.shared.connections == 1);
    }
    static const char *const whole[] = {
        "GET /stream/say?body=100000 HTTP/1.0\r\n\r\n",
        "GET /stream/say?body=100000&pause=1 HTTP/1.0\r\n\r\n",
        "GET /stream/say?body=0&pause=1 HTTP/1.0\r\n\r\n",
        "GET /stream/say?body=100000&length=1&pause=1 HTTP/1.0\r\n\r\n",
        "GET /stream/say?body=100000&length=1&pause=1&read=1 HTTP/1.0\r\n\r\n",
    };
    for (size_t i = 0; i < RM_COUNT(whole); i++) {
        struct raw_answer a = front_ask(whole[i]);
        assert_int_equal(a.body_n, i == 2 ? 0 : 100000);
        assert_false(a.broken);
        raw_free(&a);
        wait_for(t.shared.connections == 1);
    }
    front_expect_on(older, GET("/hello"), 200, NULL);
    close(older);
}

static void front_holds_back_a_stream(void **state)
{
    (void)state;
    front_start(1);
    int fd = raw_connect(t.port);
    raw_send(fd, GET("/stream/say?body=60000000&length=1"));
    wait_for(fake_counts.refused_chunks > 0);
    assert_true(t.budget.used < 1 << 20);
    front_expect(GET("/hello"), 200, NULL);
    struct raw_answer a;
    raw_read(fd, false, &a);
    assert_int_equal(a.body_n, 60000000);
    assert_false(a.broken);
    raw_free(&a);
    front_expect_on(fd, GET("/hello"), 200, NULL);
    close(fd);
}

static void front_streams_without_budget(void **state)
{
    (void)state;
    t.budget.limit = 20000; // one block of the fake's, and not always that
    front_start(1);
    struct raw_answer a = front_ask(GET("/stream/say?body=300000&length=1"));
    assert_int_equal(a.body_n, 300000);
    raw_free(&a);
}

static void front_waits_for_budget(void **state)
{
    (void)state;
    t.budget.limit = 100;
    front_start(1);
    int fd = raw_connect(t.port);
    raw_send(fd, GET("/stream/say?body=300000"));
    wait_for(fake_counts.refused_chunks > 2); // asks again by and by
    close(fd);
    wait_for(fake_counts.cancelled == 1);
}

static void front_streams_up(void **state)
{
    (void)state;
    front_start(1);
    int fd = raw_connect(t.port);
    front_expect_on(fd, GET("/stream/count"), 200, "0");
    front_expect_on(fd, "POST /stream/count HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 200, "0");
    raw_send(fd, "POST /stream/count HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    front_send_chunks(fd, 400, 100000);
    front_expect_on(fd, "0\r\nX: y\r\n\r\n", 200, "40000000"); // more than a kept body may have
    raw_send(fd, "POST /stream/count HTTP/1.1\r\n" HOST "Content-Length: 5000045\r\n\r\n");
    front_send_chunks(fd, 5, 1000000); // the length counts the chunks' own lines: they are content here
    front_expect_on(fd, "", 200, "5000045");
    front_expect_on(fd, GET("/hello"), 200, NULL);
    close(fd);
}

static void front_holds_back_an_upload(void **state)
{
    (void)state;
    t.plan->conf->limits.head_timeout_us = 100 * RM_MS;
    front_start(1);
    int fd = raw_connect(t.port);
    raw_send(fd, "POST /stream/slow HTTP/1.1\r\n" HOST "Content-Length: 30000000\r\n\r\n");
    size_t sent = 0;
    static const char block[65536];
    // Until nothing more is taken for a while: it stands in the kernel's buffers and in the spool.
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        if (poll(&wait, 1, 300) == 0)
            break;
        ssize_t n = send(fd, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL);
        assert_true(n > 0);
        sent += (size_t)n;
        assert_true(sent < 30000000);
    }
    assert_in_range(t.budget.used, 256 << 10, 320 << 10);
    front_expect(GET("/hello"), 200, NULL);
    fake_flow_release();
    while (sent < 30000000) {
        size_t n = 30000000 - sent < sizeof(block) ? 30000000 - sent : sizeof(block);
        raw_send_bytes(fd, block, n);
        sent += n;
    }
    front_expect_on(fd, "", 200, "30000000");
    poll(NULL, 0, 300); // longer than the rest of a head may take: nothing of one has come
    assert_true(raw_is_open(fd));
    front_expect_on(fd, GET("/hello"), 200, NULL);
    close(fd);
}

// With large heads allowed, libmicrohttpd hands over more at a time than is kept.
static void front_streams_up_in_large_pieces(void **state)
{
    (void)state;
    t.plan->conf->limits.head_bytes = 2 << 20;
    front_start(1);
    int fd = raw_connect(t.port);
    raw_send(fd, "POST /stream/count HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    front_send_chunks(fd, 20, 3000000);
    front_expect_on(fd, "0\r\n\r\n", 200, "60000000");
    raw_send(fd, "POST /stream/slow HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    front_send_chunks(fd, 1, 1000000);
    fake_flow_release();
    front_send_chunks(fd, 19, 1000000);
    front_expect_on(fd, "0\r\n\r\n", 200, "20000000");
    close(fd);
}

// A backend that answers while it reads: what fits is kept until the upload has ended; the rest of a longer upload is not sent on.
static void front_echoes(void **state)
{
    (void)state;
    front_start(1);
    struct raw_answer a;
    int fd = raw_connect(t.port);
    raw_send(fd, "POST /stream/echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    front_send_chunks(fd, 6, 10000);
    raw_send(fd, "0\r\n\r\n");
    raw_read(fd, false, &a);
    assert_int_equal(a.body_n, 60000);
    assert_false(a.broken);
    raw_free(&a);
    raw_send(fd, "POST /stream/echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    front_send_chunks(fd, 50, 10000);
    raw_send(fd, "0\r\n\r\n");
    wait_for(fake_counts.refused_chunks > 0);
    char head[16] = "";
    assert_int_equal(recv(fd, head, 15, MSG_WAITALL), 15);
    assert_string_equal(head, "HTTP/1.1 200 OK");
    close(fd); // its end never comes: that is the endpoint's timeout
    wait_for(fake_counts.cancelled == 1);
}

static void front_early_answer(void **state)
{
    (void)state;
    front_start(1);
    int fd = raw_connect(t.port);
    struct raw_answer a;
    // The rest of the upload is read away, then the answer comes, and the connection stays.
    raw_send(fd, "POST /stream/early?body=1000&status=403 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    front_send_chunks(fd, 1, 1000);
    wait_for(fake_counts.ended == 1);
    front_send_chunks(fd, 50, 10000);
    raw_send(fd, "0\r\n\r\n");
    raw_read(fd, false, &a);
    assert_int_equal(a.status, 403);
    assert_int_equal(a.body_n, 1000);
    raw_free(&a);
    front_expect_on(fd, GET("/hello"), 200, NULL);
    // More than is kept of an early answer.
    raw_send(fd, "POST /stream/early?body=500000&length=1 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    front_send_chunks(fd, 1, 1000);
    wait_for(fake_counts.refused_chunks > 0);
    front_send_chunks(fd, 50, 10000);
    raw_send(fd, "0\r\n\r\n");
    raw_read(fd, false, &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body_n, 500000);
    assert_false(a.broken);
    raw_free(&a);
    front_expect_on(fd, GET("/hello"), 200, NULL);
    // An upload without end: the connection ends.
    raw_send(fd, "POST /stream/early?status=403 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    front_send_chunks(fd, 1000, 100000);
    close(fd);
    wait_for(t.shared.connections == 0);
    // An answer that has begun when the upload ends.
    fd = raw_connect(t.port);
    raw_send(fd, "POST /stream/early?body=60000&pause=1 HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
    raw_read(fd, false, &a);
    assert_int_equal(a.body_n, 60000);
    raw_free(&a);
    close(fd);
    // One that breaks while the upload is held back.
    unsigned over = fake_counts.ended;
    fd = raw_connect(t.port);
    raw_send(fd,
             "POST /stream/early?body=60000&cut=59999&pause=1 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    front_send_chunks(fd, 100, 100000);
    wait_for(fake_counts.ended == over + 1);
    assert_true(raw_ends(fd));
    close(fd);
    // One that breaks before its answer could go out.
    fd = raw_connect(t.port);
    raw_send(fd, "POST /stream/early?body=10&cut=5 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    assert_true(raw_ends(fd));
    close(fd);
}

int main(void)
{
    rm_log_setup(RM_ERROR, RM_STR(""), false, RM_LOG_DEFAULT);
    const struct CMUnitTest tests[] = {
        FRONT_TEST(front_continues),
        FRONT_TEST(front_limits_bodies),
        FRONT_TEST(front_limits_memory),
        FRONT_TEST(front_limits_memory_of_uploads),
        FRONT_TEST(front_streams_down),
        FRONT_TEST(front_reads_a_stream),
        FRONT_TEST(front_reads_no_more_than_goes_out),
        FRONT_TEST(front_cuts),
        FRONT_TEST(front_holds_back_a_stream),
        FRONT_TEST(front_streams_without_budget),
        FRONT_TEST(front_waits_for_budget),
        FRONT_TEST(front_streams_up),
        FRONT_TEST(front_holds_back_an_upload),
        FRONT_TEST(front_streams_up_in_large_pieces),
        FRONT_TEST(front_echoes),
        FRONT_TEST(front_early_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
