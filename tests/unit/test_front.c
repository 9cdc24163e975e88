// The front end over real sockets: connections, requests and refusals, whole answers.
// SPDX-License-Identifier: Apache-2.0
#include "front/accept.h"
#include "front_rig.h"

#include <netinet/in.h>
#include <sys/resource.h>

// ---- connections -------------------------------------------------------------------------------------------------------

static void front_keeps_connections(void **state)
{
    (void)state;
    front_start(1);
    int fd = raw_connect(t.port);
    for (int i = 0; i < 100; i++)
        front_expect_on(fd, GET("/hello"), 200, "{\"hello\":true}");
    for (int i = 0; i < 20; i++) {
        front_expect_on(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbody", 200, "body");
        front_expect_on(fd, GET("/nope"), 404, "404 page not found");
        front_expect_on(fd, GET("/stream/say?body=5"), 200, "\0\0\0\0\0");
        front_expect_on(
            fd, "POST /stream/count HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200,
            "3");
        front_expect_on(fd, "PUT /hello HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbody", 405, NULL);
    }
    assert_int_equal(t.shared.connections, 1);
    assert_int_equal(fake_counts.ended, 160);
    close(fd);
    wait_for(t.shared.connections == 0);
}

static void front_pipelines(void **state)
{
    (void)state;
    front_start(1);
    int fd = raw_connect(t.port);
    char text[4096] = "";
    for (int i = 0; i < 30; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "GET /u/%d%s HTTP/1.1\r\n" HOST "\r\n", i,
                 i % 3 ? "" : "/nope");
    raw_send(fd, text);
    for (int i = 0; i < 30; i++) {
        struct raw_answer a;
        char body[64];
        snprintf(body, sizeof(body), "%d||test|127.0.0.1", i);
        raw_read(fd, false, &a);
        assert_int_equal(a.status, i % 3 ? 200 : 404);
        if (i % 3)
            assert_string_equal(a.body, body);
        raw_free(&a);
    }
    assert_true(raw_is_open(fd));
    assert_int_equal(t.shared.connections, 1);
    // A slow one holds the others up, and nothing is lost.
    raw_send(fd, GET("/wait?ms=30") GET("/hello") "POST /echo HTTP/1.1\r\n" HOST
                                                  "Content-Length: 2\r\n\r\nab" GET("/hello"));
    const char *bodies[] = {"{\"hello\":true}", "{\"hello\":true}", "ab", "{\"hello\":true}"};
    for (size_t i = 0; i < RM_COUNT(bodies); i++) {
        struct raw_answer a;
        raw_read(fd, false, &a);
        assert_string_equal(a.body, bodies[i]);
        raw_free(&a);
    }
    close(fd);
}

static void front_sends_bodies_in_parts(void **state)
{
    (void)state;
    front_start(1);
    int fd = raw_connect(t.port);
    for (size_t parts = 1; parts <= RM_REFS; parts++) {
        for (size_t size = 1; size <= 200000; size = size * 50 + 1) {
            char text[200];
            snprintf(text, sizeof(text), "GET /say?parts=%zu&body=%zu HTTP/1.1\r\n" HOST "\r\n", parts, size);
            raw_send(fd, text);
            struct raw_answer a;
            raw_read(fd, false, &a);
            assert_int_equal(a.status, 200);
            assert_int_equal(a.body_n, parts * (size + 1) + 1);
            for (size_t i = 0; i < a.body_n; i++)
                assert_int_equal(a.body[i] == 'b', i % (size + 1) != 0);
            raw_free(&a);
        }
    }
    assert_int_equal(t.shared.connections, 1);
    close(fd);
}

static void front_byte_by_byte(void **state)
{
    (void)state;
    front_start(1);
    int fd = raw_connect(t.port);
    const char *text =
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nX: y\r\n\r\n";
    for (size_t i = 0; i < strlen(text); i++)
        raw_send_bytes(fd, text + i, 1);
    struct raw_answer a;
    raw_read(fd, false, &a);
    assert_string_equal(a.body, "abc");
    raw_free(&a);
    front_expect_on(fd, GET("/hello"), 200, NULL);
    close(fd);
}

static void front_http_1_0(void **state)
{
    (void)state;
    front_start(1);
    int fd = raw_connect(t.port);
    front_expect_on(fd, "GET /hello HTTP/1.0\r\n\r\n", 200, "{\"hello\":true}");
    assert_true(raw_ends(fd));
    close(fd);
    fd = raw_connect(t.port);
    for (int i = 0; i < 3; i++)
        front_expect_on(fd, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, NULL);
    front_expect_on(fd, "GET /hello HTTP/1.1\r\nConnection: close\r\n" HOST "\r\n", 200, NULL);
    assert_true(raw_ends(fd));
    close(fd);
}

// Kept connections are shared out by number, in whatever order the workers wake. A worker that leaves is not waited for.
static void front_shares_connections(void **state)
{
    (void)state;
    enum { FIRST = 40, ALL = 100 };
    int fds[ALL];
    front_start(4);
    for (int i = 0; i < FIRST; i++)
        fds[i] = raw_connect(t.port);
    wait_for(t.shared.connections == FIRST);
    for (uint32_t i = 0; i < 4; i++)
        assert_in_range(t.shared.turns[i].conns, FIRST / 4 - 2, FIRST / 4 + 2);
    for (int i = 0; i < FIRST; i += 2)
        close(fds[i]);
    wait_for(t.shared.connections == FIRST / 2);
    for (int i = FIRST; i < ALL; i++)
        fds[i] = raw_connect(t.port);
    wait_for(t.shared.connections == FIRST / 2 + ALL - FIRST);
    for (uint32_t i = 0; i < 4; i++)
        assert_in_range(t.shared.turns[i].conns, (FIRST / 2 + ALL - FIRST) / 4 - 2, (FIRST / 2 + ALL - FIRST) / 4 + 2);
    for (int i = 1; i < ALL; i += i < FIRST ? 2 : 1) {
        front_expect_on(fds[i], GET("/hello"), 200, NULL);
        close(fds[i]);
    }
    wait_for(t.shared.connections == 0);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(t.shared.turns[i].conns, 0);
    rm_worker_drain(t.workers[0]);
    wait_for(t.ended == 1);
    for (int i = 0; i < FIRST; i++)
        fds[i] = raw_connect(t.port);
    wait_for(t.shared.connections == FIRST);
    for (int i = 0; i < FIRST; i++)
        close(fds[i]);
}

static void front_limits_connections(void **state)
{
    (void)state;
    t.shared.max_connections = 2;
    front_start(1);
    int a = raw_connect(t.port), b = raw_connect(t.port);
    front_expect_on(a, GET("/hello"), 200, NULL);
    front_expect_on(b, GET("/hello"), 200, NULL);
    int c = raw_connect(t.port); // stands in the kernel's queue
    raw_send(c, GET("/hello"));
    front_expect_on(a, GET("/hello"), 200, NULL);
    assert_true(raw_is_open(c));
    close(a);
    struct raw_answer answer;
    raw_read(c, false, &answer);
    assert_int_equal(answer.status, 200);
    raw_free(&answer);
    assert_int_equal(t.shared.connections, 2);
    close(b);
    close(c);
}

static void front_limits_descriptors(void **state)
{
    (void)state;
    struct rlimit all;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
    struct rlimit few = {.rlim_cur = 40, .rlim_max = all.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    front_start(1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
    int fds[40];
    for (size_t i = 0; i < RM_COUNT(fds); i++)
        fds[i] = raw_connect(t.port);
    wait_for(t.shared.connections == 32); // four fifths
    front_expect_on(fds[0], GET("/hello"), 200, NULL);
    assert_int_equal(t.shared.connections, 32);
    for (size_t i = 0; i < RM_COUNT(fds); i++) // the others get their turn
        close(fds[i]);
    front_expect(GET("/hello"), 200, NULL);
}

static void front_both_families(void **state)
{
    (void)state;
    t.listen_ip = RM_STR("");
    front_start(1);
    front_expect(GET("/u/7"), 200, "7||test|127.0.0.1"); // not ::ffff:127.0.0.1
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(t.port), .sin6_addr = in6addr_loopback};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        front_expect_on(fd, GET("/u/7"), 200, "7||test|::1");
    close(fd);
}

// accept() fails: the connection waits in the kernel's queue until there are descriptors again.
static void front_without_descriptors(void **state)
{
    (void)state;
    front_start(1);
    int fds[3];
    for (size_t i = 0; i < RM_COUNT(fds); i++)
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
    struct rlimit all;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
    struct rlimit none = {.rlim_cur = (rlim_t)fds[2], .rlim_max = all.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(t.port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (size_t i = 0; i < RM_COUNT(fds); i++) {
        assert_int_equal(connect(fds[i], (struct sockaddr *)&to, sizeof(to)), 0);
        raw_send(fds[i], GET("/hello"));
    }
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    poll(NULL, 0, 300);
    getrusage(RUSAGE_SELF, &after);
    assert_int_equal(t.shared.connections, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
    for (size_t i = 0; i < RM_COUNT(fds); i++) {
        front_expect_on(fds[i], "", 200, "{\"hello\":true}");
        close(fds[i]);
    }
    // It did not spin meanwhile.
    assert_true(after.ru_nvcsw + after.ru_nivcsw - before.ru_nvcsw - before.ru_nivcsw < 1000);
    assert_true((after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 + after.ru_utime.tv_usec -
                    before.ru_utime.tv_usec <
                150000);
}

static void front_four_workers(void **state)
{
    (void)state;
    front_start(4);
    int fds[64];
    for (size_t i = 0; i < RM_COUNT(fds); i++)
        fds[i] = raw_connect(t.port);
    for (int k = 0; k < 3; k++) {
        for (size_t i = 0; i < RM_COUNT(fds); i++)
            raw_send(fds[i], GET("/wait?ms=5"));
        for (size_t i = 0; i < RM_COUNT(fds); i++) {
            struct raw_answer a;
            raw_read(fds[i], false, &a);
            assert_int_equal(a.status, 200);
            raw_free(&a);
        }
    }
    assert_int_equal(t.shared.connections, 64);
    for (size_t i = 0; i < RM_COUNT(fds); i++)
        close(fds[i]);
    wait_for(t.shared.connections == 0);
}

// ---- requests ----------------------------------------------------------------------------------------------------------

static void front_passes_the_request(void **state)
{
    (void)state;
    front_start(1);
    front_expect(GET("/u/a%20b?x=%zz&y=+"), 200, "a b|x=%zz&y=+|test|127.0.0.1");
    front_expect("GET http://other:81/u/7?q HTTP/1.1\r\n" HOST "\r\n", 200, "7|q|other:81|127.0.0.1");
    front_expect("GET /u/7 HTTP/1.1\r\n" HOST "X-Forwarded-For: 1.2.3.4, 203.0.113.7\r\n\r\n", 200,
                 "7||test|203.0.113.7");
    front_expect("GET /u/7 HTTP/1.1\r\n" HOST
                 "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x\r\n\r\n",
                 200, "7||test|127.0.0.1");
    front_expect("\r\nGET /hello HTTP/1.1\r\n" HOST "\r\n", 200, NULL); // an empty line before it (RFC 9112 2.2)
    front_expect("POST /echo HTTP/1.1\r\n" HOST "\r\n", 200, "no body");
    front_expect("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 200, "");
    front_expect("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "");
}

static void front_refuses(void **state)
{
    (void)state;
    front_start(1);
    int innocent = raw_connect(t.port);
    static const struct {
        int status;
        const char *text;
    } cases[] = {
        {400, "GET /hello HTTP/1.1\r\n\r\n"},
        {400, "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
        {400, "GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n"},
        {400, "GET /hello HTTP/1.1\r\nHost: a/b\r\n\r\n"},
        {400, "GET /hello#x HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET /hel lo HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET /u/%0d%0a HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET /u/%zz HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET hello HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET /hello HTTP/1.1\r\n" HOST "X: a\x01\r\n\r\n"},
        {400, "GET /hello HTTP/1.1\r\n" HOST "X : a\r\n\r\n"},
        {400, "GET /hello HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n"},
        {400, "GET /hello HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n"},
        {400, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"},
        {400, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\na"},
        {400, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {501, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
        {400, "POST /echo HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {400, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\n"},
        {417, "POST /echo HTTP/1.1\r\n" HOST "Expect: x\r\nContent-Length: 1\r\n\r\na"},
        {405, "CONNECT test:80 HTTP/1.1\r\nHost: test:80\r\n\r\n"},
        {400, "GET * HTTP/1.1\r\n" HOST "\r\n"},
        {505, "GET /hello HTTP/2.0\r\n" HOST "\r\n"},
        {505, "GET /hello HTTP/1.2\r\n" HOST "\r\n"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        int fd = raw_connect(t.port);
        struct raw_answer a;
        raw_send(fd, cases[i].text);
        raw_send(fd, GET("/hello")); // must not be taken for a request
        raw_read(fd, false, &a);
        if (a.status != cases[i].status || strcmp(raw_header(&a, "connection"), "close") != 0)
            fail_msg("%s: %d\n%s", cases[i].text, a.status, a.head);
        raw_free(&a);
        if (!raw_ends(fd))
            fail_msg("%s: the connection stays", cases[i].text);
        close(fd);
        front_expect_on(innocent, GET("/hello"), 200, NULL);
    }
    assert_int_equal(fake_counts.started, RM_COUNT(cases)); // the innocent's
    struct raw_answer a = front_ask("CONNECT test:80 HTTP/1.1\r\nHost: test:80\r\n\r\n");
    assert_string_equal(raw_header(&a, "allow"), "DELETE, GET, PATCH, POST, PUT");
    raw_free(&a);
    close(innocent);
}

static void front_limits_heads(void **state)
{
    (void)state;
    front_start(1);
    char text[32768];
    snprintf(text, sizeof(text), "GET /u/%07000d HTTP/1.1\r\n" HOST "\r\n", 1);
    struct raw_answer a = front_ask(text);
    assert_int_equal(a.status, 200);
    raw_free(&a);
    snprintf(text, sizeof(text), "GET /u/%09000d HTTP/1.1\r\n" HOST "\r\n", 1);
    a = front_ask(text);
    assert_int_equal(a.status, 414);
    raw_free(&a);
    snprintf(text, sizeof(text), "GET /hello HTTP/1.1\r\n" HOST "X: %09000d\r\n\r\n", 1);
    a = front_ask(text);
    assert_int_equal(a.status, 431);
    raw_free(&a);
    snprintf(text, sizeof(text), "GET /u/%030000d HTTP/1.1\r\n" HOST "\r\n", 1);
    a = front_ask(text);
    assert_int_equal(a.status, 414);
    raw_free(&a);
    for (int n = 99; n <= 100; n++) { // and Host
        size_t at = (size_t)snprintf(text, sizeof(text), "GET /hello HTTP/1.1\r\n" HOST);
        for (int i = 0; i < n; i++)
            at += (size_t)snprintf(text + at, sizeof(text) - at, "X-%d: %d\r\n", i, i);
        snprintf(text + at, sizeof(text) - at, "\r\n");
        a = front_ask(text);
        assert_int_equal(a.status, n == 99 ? 200 : 431);
        raw_free(&a);
    }
}

static void front_routes(void **state)
{
    (void)state;
    t.plan->conf->echo_endpoint = t.plan->conf->debug_endpoint = true;
    front_start(1);
    struct raw_answer a = front_ask(GET("/nope"));
    assert_int_equal(a.status, 404);
    assert_string_equal(raw_header(&a, "x-krakend"), "Version 0.1.0");
    assert_string_equal(raw_header(&a, "x-krakend-completed"), "false");
    assert_string_equal(raw_header(&a, "content-type"), "text/plain");
    raw_free(&a);
    a = front_ask("HEAD /echo HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(a.status, 405);
    assert_string_equal(raw_header(&a, "allow"), "POST");
    raw_free(&a);
    a = front_ask(GET("/hello/?a=b"));
    assert_int_equal(a.status, 301);
    assert_string_equal(raw_header(&a, "location"), "/hello?a=b");
    assert_string_equal(raw_header(&a, "x-krakend"), "");
    raw_free(&a);
    a = front_ask("POST /ECHO HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\na");
    assert_int_equal(a.status, 307);
    assert_string_equal(raw_header(&a, "location"), "/echo");
    raw_free(&a);
    front_expect(GET("/u/a%252f"), 400, "error: encoded url params");
    front_expect("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 200, "");
    a = front_ask(GET("/__health"));
    assert_int_equal(a.status, 200);
    assert_true(rm_str_starts(rm_str_of(a.body), RM_STR("{\"agents\":{},\"now\":\"")));
    assert_non_null(strstr(a.body, "\"status\":\"ok\"}"));
    assert_string_equal(raw_header(&a, "content-type"), "application/json; charset=utf-8");
    raw_free(&a);
    front_expect("DELETE /__debug/x HTTP/1.1\r\n" HOST "\r\n", 200, "{\"message\":\"pong\"}");
    front_expect(
        "POST /__echo/a%20b?q=1&q=2&r HTTP/1.1\r\n" HOST "content-type: text/plain\r\nContent-Length: 4\r\n\r\nping",
        200,
        "{\"req_uri\":\"/__echo/a%20b?q=1&q=2&r\",\"req_uri_details\":{\"user\":\"\",\"host\":\"test\",\"path\":\"/"
        "__echo/a "
        "b\",\"query\":\"q=1&q=2&r\",\"fragment\":\"\"},\"req_method\":\"POST\",\"req_querystring\":{"
        "\"q\":["
        "\"1\",\"2\"],\"r\":[\"\"]},\"req_body\":\"ping\",\"req_headers\":{\"Content-Type\":[\"text/"
        "plain\"],\"Content-Length\":[\"4\"]}}");
}

// What the log says on standard error while `text` is answered.
static void logged(const char *text, char *log, size_t size)
{
    int pipes[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(pipes), 0);
    dup2(pipes[1], STDERR_FILENO);
    rm_log_setup(RM_DEBUG, RM_STR(""), false, RM_LOG_DEFAULT);
    struct raw_answer a = front_ask(text);
    raw_free(&a);
    wait_for(t.shared.connections == 0); // the line is written before the connection closes
    rm_log_setup(RM_ERROR, RM_STR(""), false, RM_LOG_DEFAULT);
    dup2(saved, STDERR_FILENO);
    close(pipes[1]);
    close(saved);
    ssize_t n = read(pipes[0], log, size - 1);
    log[n > 0 ? n : 0] = '\0';
    close(pipes[0]);
}

static void front_logs(void **state)
{
    (void)state;
    struct rm_str skipped[] = {RM_STR("/hello")};
    t.plan->conf->router.disable_access_log = false;
    t.plan->conf->router.logger_skip_paths = (struct rm_strs){skipped, 1};
    t.plan->conf->debug_endpoint = true;
    front_start(1);
    char log[4096];
    logged("GET /u/a%20b?token=secret HTTP/1.1\r\n" HOST "X-Real-IP: 203.0.113.7\r\n\r\n", log, sizeof(log));
    assert_non_null(strstr(log, " INFO request method=GET path=/u/a%20b status=200 duration_ms="));
    assert_non_null(strstr(log, " bytes=33 client=203.0.113.7\n"));
    assert_null(strstr(log, "secret"));
    logged(GET("/nope"), log, sizeof(log));
    assert_non_null(strstr(log, "path=/nope status=404"));
    assert_non_null(strstr(log, " bytes=18 client=127.0.0.1\n"));
    logged(GET("/say?error=1&status=500&body=0"), log, sizeof(log));
    assert_non_null(strstr(log, "path=/say status=500"));
    assert_non_null(strstr(log, " bytes=0 client=127.0.0.1 error=timeout\n"));
    logged(GET("/stream/say?body=100000&cut=50000"), log, sizeof(log));
    assert_non_null(strstr(log, "path=/stream/say status=200"));
    assert_non_null(strstr(log, " cut=true\n"));
    logged("GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n", log, sizeof(log));
    assert_non_null(strstr(log, "path=- status=400"));
    logged(GET("/hello"), log, sizeof(log));
    assert_string_equal(log, "");
    logged("GET /__debug/x HTTP/1.1\r\n" HOST "Authorization: secret\r\n\r\n", log, sizeof(log));
    assert_non_null(
        strstr(log, " DEBUG debug endpoint method=GET path=/__debug/x client=127.0.0.1 headers=Host,Authorization\n"));
    assert_null(strstr(log, "secret"));
}

// Query arguments take of the connection's memory, too: at the limit there is still an answer.
static void front_limits_arguments(void **state)
{
    (void)state;
    front_start(1);
    for (int headers = 0; headers < 100; headers += 33) {
        for (int n = 0; n < 280; n++) {
            char text[8192];
            int at = snprintf(
                text, sizeof(text), "GET /%s?%.*s HTTP/1.1\r\n" HOST, n % 2 ? "nope" : "hello", n,
                "&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&"
                "&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&"
                "&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&");
            for (int i = 0; i < headers; i++)
                at += snprintf(text + at, sizeof(text) - (size_t)at, "X%d: %040d\r\n", i, i);
            snprintf(text + at, sizeof(text) - (size_t)at, "\r\n");
            struct raw_answer a = front_ask(text);
            int expected = n % 2 ? 404 : 200;
            if (a.status != expected && a.status != 502 && a.status != 431 && a.status != 414)
                fail_msg("%d headers, %d arguments: %d", headers, n, a.status);
            if (n + headers < 140)
                assert_int_equal(a.status, expected);
            raw_free(&a);
        }
    }
}

static void front_error_bodies(void **state)
{
    (void)state;
    struct rm_value *body = rm_value_new(&t.arena, RM_OBJECT);
    rm_value_set(&t.arena, body, RM_STR("error"), rm_value_string(&t.arena, RM_STR("no such thing")));
    t.plan->conf->router.error_body_404 = t.plan->conf->router.error_body_405 = body;
    front_start(1);
    struct raw_answer a = front_ask(GET("/nope"));
    assert_int_equal(a.status, 404);
    assert_string_equal(a.body, "{\"error\":\"no such thing\"}");
    assert_string_equal(raw_header(&a, "content-type"), "application/json; charset=utf-8");
    raw_free(&a);
    a = front_ask(GET("/echo"));
    assert_int_equal(a.status, 405);
    assert_string_equal(a.body, "{\"error\":\"no such thing\"}");
    assert_string_equal(raw_header(&a, "allow"), "POST");
    raw_free(&a);
}

// ---- answers -----------------------------------------------------------------------------------------------------------

static void front_answers(void **state)
{
    (void)state;
    front_start(1);
    struct raw_answer a = front_ask(GET("/hello"));
    assert_int_equal(a.status, 200);
    assert_string_equal(raw_header(&a, "content-type"), "text/x-fake");
    assert_string_equal(raw_header(&a, "content-length"), "14");
    assert_true(strlen(raw_header(&a, "date")) > 20);
    assert_string_equal(raw_header(&a, "connection"), ""); // not flow's to say
    assert_null(strstr(a.head, "X-Empty"));
    raw_free(&a);
    int fd = raw_connect(t.port);
    front_expect_on(fd, GET("/say?status=204&body=3"), 204, "");
    front_expect_on(fd, GET("/say?status=304&body=3"), 304, "");
    front_expect_on(fd, GET("/stream/say?status=204"), 204, "");
    front_expect_on(fd, GET("/stream/say?status=304&length=1"), 304, "");
    front_expect_on(fd, GET("/say?status=500&body=0"), 500, "");
    front_expect_on(fd, GET("/say?status=599"), 599, "bbb");
    front_expect_on(fd, GET("/say?status=101"), 502, NULL);
    front_expect_on(fd, GET("/stream/say?status=101"), 502, NULL);
    raw_send(fd, GET("/say?body=3000000"));
    raw_read(fd, false, &a);
    assert_int_equal(a.body_n, 3000000);
    assert_false(a.broken);
    raw_free(&a);
    close(fd);
}

static void front_answers_with_long_heads(void **state)
{
    (void)state;
    front_start(1);
    int fd = raw_connect(t.port);
    // Around the place where it stops to fit, too.
    for (size_t n = 1000; n <= 20000; n += n < 14900 || n > 15700 ? 500 : 20) {
        char text[128];
        struct raw_answer a;
        snprintf(text, sizeof(text), "GET /%s?head=%zu HTTP/1.1\r\n" HOST "\r\n", n % 40 ? "say" : "stream/say", n);
        raw_send(fd, text);
        raw_read(fd, false, &a); // an answer, whatever its size
        assert_int_equal(a.status, n < 15000 ? 200 : n > 16000 ? 502 : a.status == 200 ? 200 : 502);
        if (a.status == 200)
            assert_int_equal(strlen(raw_header(&a, "x-long")), n);
        raw_free(&a);
    }
    // A long head of the request leaves less room.
    char text[9000];
    snprintf(text, sizeof(text), "GET /say?head=7500 HTTP/1.1\r\n" HOST "X: %07000d\r\n\r\n", 1);
    front_expect_on(fd, text, 200, "bbb");
    snprintf(text, sizeof(text), "GET /say?head=9000 HTTP/1.1\r\n" HOST "X: %07000d\r\n\r\n", 1);
    front_expect_on(fd, text, 502, NULL);
    close(fd);
}

int main(void)
{
    rm_log_setup(RM_ERROR, RM_STR(""), false, RM_LOG_DEFAULT);
    const struct CMUnitTest tests[] = {
        FRONT_TEST(front_keeps_connections),
        FRONT_TEST(front_pipelines),
        FRONT_TEST(front_sends_bodies_in_parts),
        FRONT_TEST(front_byte_by_byte),
        FRONT_TEST(front_http_1_0),
        FRONT_TEST(front_shares_connections),
        FRONT_TEST(front_limits_connections),
        FRONT_TEST(front_limits_descriptors),
        FRONT_TEST(front_both_families),
        FRONT_TEST(front_without_descriptors),
        FRONT_TEST(front_four_workers),
        FRONT_TEST(front_passes_the_request),
        FRONT_TEST(front_refuses),
        FRONT_TEST(front_limits_heads),
        FRONT_TEST(front_routes),
        FRONT_TEST(front_logs),
        FRONT_TEST(front_limits_arguments),
        FRONT_TEST(front_error_bodies),
        FRONT_TEST(front_answers),
        FRONT_TEST(front_answers_with_long_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
