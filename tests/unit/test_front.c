// The front end over real sockets, driven by raw bytes; behind it a flow without backends (fake_flow.h). Workers run on their own
// threads, as in production.
// SPDX-License-Identifier: Apache-2.0
#include "fake_flow.h"
#include "fake_plan.h"
#include "front/worker.h"
#include "raw_client.h"

#include "base/clock.h"
#include <remora/log.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define HOST "Host: test\r\n"
#define GET(target) "GET " target " HTTP/1.1\r\n" HOST "\r\n"

static struct {
    struct rm_arena arena;
    struct rm_budget budget;
    struct rm_plan *plan;
    struct rm_router *router;
    struct rm_front_shared shared;
    int listeners[2];
    uint16_t port;
    struct rm_worker *workers[4];
    uint32_t n_workers;
    atomic_uint ended;
} t;

// Waits for what another thread brings about.
#define wait_for(condition)                                                                                            \
    do {                                                                                                               \
        uint64_t until = rm_clock_us() + 20 * RM_SEC;                                                                  \
        while (!(condition) && rm_clock_us() < until)                                                                  \
            poll(NULL, 0, 1);                                                                                          \
        assert_true(condition);                                                                                        \
    } while (0)

static int setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    memset(&t, 0, sizeof(t));
    fake_flow_reset();
    rm_arena_init(&t.arena, NULL);
    t.budget.limit = 48 << 20;
    t.plan = fake_plan_new(&t.arena, fake_endpoints, &t.budget);
    t.plan->conf->router.disable_access_log = true;
    t.shared.max_connections = 4096;
    return 0;
}

static void ended(void *arg)
{
    (void)arg;
    atomic_fetch_add(&t.ended, 1);
}

static void start(uint32_t n)
{
    struct rm_err err;
    assert_int_equal(rm_router_new(&t.router, t.plan, false, &err), RM_OK);
    assert_int_equal(rm_listen(RM_STR("127.0.0.1"), 0, 1024, t.listeners, &t.shared.n_listeners, &err), RM_OK);
    struct sockaddr_in at;
    socklen_t size = sizeof(at);
    assert_int_equal(getsockname(t.listeners[0], (struct sockaddr *)&at, &size), 0);
    t.port = ntohs(at.sin_port);
    t.shared.router = t.router;
    t.shared.listeners = t.listeners;
    t.shared.n_workers = n;
    for (uint32_t i = 0; i < n; i++) {
        struct rm_worker_conf conf = {.plan = t.plan, .shared = &t.shared, .index = i, .ended = ended};
        if (rm_worker_start(&t.workers[i], &conf, &err) != RM_OK)
            fail_msg("%s", err.text);
        t.n_workers++;
    }
}

// Every request has ended once, every connection has given its place back, every byte of a body is paid back.
static int teardown(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < t.n_workers; i++)
        rm_worker_stop(t.workers[i]);
    for (uint32_t i = 0; i < t.n_workers; i++)
        rm_worker_join(t.workers[i]);
    for (size_t i = 0; i < t.shared.n_listeners; i++)
        close(t.listeners[i]);
    rm_router_free(t.router);
    rm_arena_fini(&t.arena);
    bool clean = t.ended == t.n_workers && t.shared.connections == 0 && t.budget.used == 0 &&
                 fake_counts.running == 0 && fake_counts.started == fake_counts.ended + fake_counts.cancelled;
    if (!clean)
        fprintf(stderr, "left behind: connections=%u budget=%zu running=%u started=%u ended=%u cancelled=%u\n",
                t.shared.connections, t.budget.used, fake_counts.running, fake_counts.started, fake_counts.ended,
                fake_counts.cancelled);
    return clean ? 0 : -1;
}

// One request on a connection of its own.
static struct raw_answer ask(const char *text)
{
    struct raw_answer a;
    int fd = raw_connect(t.port);
    raw_send(fd, text);
    raw_read(fd, strncmp(text, "HEAD ", 5) == 0, &a);
    close(fd);
    return a;
}

static void expect_on(int fd, const char *text, int status, const char *body)
{
    struct raw_answer a;
    raw_send(fd, text);
    raw_read(fd, false, &a);
    if (a.status != status || a.broken || (body && strcmp(a.body, body) != 0))
        fail_msg("%s: %d %s", text, a.status, a.body);
    raw_free(&a);
}

static void expect(const char *text, int status, const char *body)
{
    int fd = raw_connect(t.port);
    expect_on(fd, text, status, body);
    close(fd);
}

// ---- connections -------------------------------------------------------------------------------------------------------

static void front_keeps_connections(void **state)
{
    (void)state;
    start(1);
    int fd = raw_connect(t.port);
    for (int i = 0; i < 100; i++)
        expect_on(fd, GET("/hello"), 200, "{\"hello\":true}");
    for (int i = 0; i < 20; i++) {
        expect_on(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbody", 200, "body");
        expect_on(fd, GET("/nope"), 404, "404 page not found");
        expect_on(fd, GET("/stream/say?body=5"), 200, "\0\0\0\0\0");
        expect_on(fd, "POST /stream/count HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                  200, "3");
        expect_on(fd, "PUT /hello HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbody", 405, NULL);
    }
    assert_int_equal(t.shared.connections, 1);
    assert_int_equal(fake_counts.ended, 160);
    close(fd);
    wait_for(t.shared.connections == 0);
}

static void front_pipelines(void **state)
{
    (void)state;
    start(1);
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

static void front_byte_by_byte(void **state)
{
    (void)state;
    start(1);
    int fd = raw_connect(t.port);
    const char *text =
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nX: y\r\n\r\n";
    for (size_t i = 0; i < strlen(text); i++)
        raw_send_bytes(fd, text + i, 1);
    struct raw_answer a;
    raw_read(fd, false, &a);
    assert_string_equal(a.body, "abc");
    raw_free(&a);
    expect_on(fd, GET("/hello"), 200, NULL);
    close(fd);
}

static void front_http_1_0(void **state)
{
    (void)state;
    start(1);
    int fd = raw_connect(t.port);
    expect_on(fd, "GET /hello HTTP/1.0\r\n\r\n", 200, "{\"hello\":true}");
    assert_true(raw_ends(fd));
    close(fd);
    fd = raw_connect(t.port);
    for (int i = 0; i < 3; i++)
        expect_on(fd, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, NULL);
    expect_on(fd, "GET /hello HTTP/1.1\r\nConnection: close\r\n" HOST "\r\n", 200, NULL);
    assert_true(raw_ends(fd));
    close(fd);
}

static void front_limits_connections(void **state)
{
    (void)state;
    t.shared.max_connections = 2;
    start(1);
    int a = raw_connect(t.port), b = raw_connect(t.port);
    expect_on(a, GET("/hello"), 200, NULL);
    expect_on(b, GET("/hello"), 200, NULL);
    int c = raw_connect(t.port); // stands in the kernel's queue
    raw_send(c, GET("/hello"));
    expect_on(a, GET("/hello"), 200, NULL);
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

// accept() fails: the connection waits in the kernel's queue until there are descriptors again.
static void front_without_descriptors(void **state)
{
    (void)state;
    start(1);
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
        expect_on(fds[i], "", 200, "{\"hello\":true}");
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
    start(4);
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
    start(1);
    expect(GET("/u/a%20b?x=%zz&y=+"), 200, "a b|x=%zz&y=+|test|127.0.0.1");
    expect("GET http://other:81/u/7?q HTTP/1.1\r\n" HOST "\r\n", 200, "7|q|other:81|127.0.0.1");
    expect("GET /u/7 HTTP/1.1\r\n" HOST "X-Forwarded-For: 1.2.3.4, 203.0.113.7\r\n\r\n", 200, "7||test|203.0.113.7");
    expect("GET /u/7 HTTP/1.1\r\n" HOST
           "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x\r\n\r\n",
           200, "7||test|127.0.0.1");
    expect("\r\nGET /hello HTTP/1.1\r\n" HOST "\r\n", 200, NULL); // an empty line before it (RFC 9112 2.2)
    expect("POST /echo HTTP/1.1\r\n" HOST "\r\n", 200, "no body");
    expect("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 200, "");
    expect("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "");
}

static void front_refuses(void **state)
{
    (void)state;
    start(1);
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
        expect_on(innocent, GET("/hello"), 200, NULL);
    }
    assert_int_equal(fake_counts.started, RM_COUNT(cases)); // the innocent's
    struct raw_answer a = ask("CONNECT test:80 HTTP/1.1\r\nHost: test:80\r\n\r\n");
    assert_string_equal(raw_header(&a, "allow"), "DELETE, GET, PATCH, POST, PUT");
    raw_free(&a);
    close(innocent);
}

static void front_limits_heads(void **state)
{
    (void)state;
    start(1);
    char text[32768];
    snprintf(text, sizeof(text), "GET /u/%07000d HTTP/1.1\r\n" HOST "\r\n", 1);
    struct raw_answer a = ask(text);
    assert_int_equal(a.status, 200);
    raw_free(&a);
    snprintf(text, sizeof(text), "GET /u/%09000d HTTP/1.1\r\n" HOST "\r\n", 1);
    a = ask(text);
    assert_int_equal(a.status, 414);
    raw_free(&a);
    snprintf(text, sizeof(text), "GET /hello HTTP/1.1\r\n" HOST "X: %09000d\r\n\r\n", 1);
    a = ask(text);
    assert_int_equal(a.status, 431);
    raw_free(&a);
    snprintf(text, sizeof(text), "GET /u/%030000d HTTP/1.1\r\n" HOST "\r\n", 1);
    a = ask(text);
    assert_int_equal(a.status, 414);
    raw_free(&a);
    for (int n = 99; n <= 100; n++) { // and Host
        size_t at = (size_t)snprintf(text, sizeof(text), "GET /hello HTTP/1.1\r\n" HOST);
        for (int i = 0; i < n; i++)
            at += (size_t)snprintf(text + at, sizeof(text) - at, "X-%d: %d\r\n", i, i);
        snprintf(text + at, sizeof(text) - at, "\r\n");
        a = ask(text);
        assert_int_equal(a.status, n == 99 ? 200 : 431);
        raw_free(&a);
    }
}

static void front_routes(void **state)
{
    (void)state;
    t.plan->conf->echo_endpoint = t.plan->conf->debug_endpoint = true;
    start(1);
    struct raw_answer a = ask(GET("/nope"));
    assert_int_equal(a.status, 404);
    assert_string_equal(raw_header(&a, "x-krakend"), "Version 0.1.0");
    assert_string_equal(raw_header(&a, "x-krakend-completed"), "false");
    assert_string_equal(raw_header(&a, "content-type"), "text/plain");
    raw_free(&a);
    a = ask("HEAD /echo HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(a.status, 405);
    assert_string_equal(raw_header(&a, "allow"), "POST");
    raw_free(&a);
    a = ask(GET("/hello/?a=b"));
    assert_int_equal(a.status, 301);
    assert_string_equal(raw_header(&a, "location"), "/hello?a=b");
    assert_string_equal(raw_header(&a, "x-krakend"), "");
    raw_free(&a);
    a = ask("POST /ECHO HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\na");
    assert_int_equal(a.status, 307);
    assert_string_equal(raw_header(&a, "location"), "/echo");
    raw_free(&a);
    expect(GET("/u/a%252f"), 400, "error: encoded url params");
    expect("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 200, "");
    a = ask(GET("/__health"));
    assert_int_equal(a.status, 200);
    assert_true(rm_str_starts(rm_str_of(a.body), RM_STR("{\"agents\":{},\"now\":\"")));
    assert_non_null(strstr(a.body, "\"status\":\"ok\"}"));
    assert_string_equal(raw_header(&a, "content-type"), "application/json; charset=utf-8");
    raw_free(&a);
    expect("DELETE /__debug/x HTTP/1.1\r\n" HOST "\r\n", 200, "{\"message\":\"pong\"}");
    expect("POST /__echo/a%20b?q=1&q=2&r HTTP/1.1\r\n" HOST "content-type: text/plain\r\nContent-Length: 4\r\n\r\nping",
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
    rm_log_setup(RM_INFO, RM_STR(""), false);
    struct raw_answer a = ask(text);
    raw_free(&a);
    wait_for(t.shared.connections == 0); // the line is written before the connection closes
    rm_log_setup(RM_ERROR, RM_STR(""), false);
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
    start(1);
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
}

// Query arguments take of the connection's memory, too: at the limit there is still an answer.
static void front_limits_arguments(void **state)
{
    (void)state;
    start(1);
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
            struct raw_answer a = ask(text);
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
    start(1);
    struct raw_answer a = ask(GET("/nope"));
    assert_int_equal(a.status, 404);
    assert_string_equal(a.body, "{\"error\":\"no such thing\"}");
    assert_string_equal(raw_header(&a, "content-type"), "application/json; charset=utf-8");
    raw_free(&a);
    a = ask(GET("/echo"));
    assert_int_equal(a.status, 405);
    assert_string_equal(a.body, "{\"error\":\"no such thing\"}");
    assert_string_equal(raw_header(&a, "allow"), "POST");
    raw_free(&a);
}

// ---- bodies ------------------------------------------------------------------------------------------------------------

static void front_continues(void **state)
{
    (void)state;
    start(1);
    int fd = raw_connect(t.port);
    raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    char text[64] = "";
    assert_int_equal(recv(fd, text, 25, MSG_WAITALL), 25);
    assert_string_equal(text, "HTTP/1.1 100 Continue\r\n\r\n");
    expect_on(fd, "body", 200, "body");
    // Refused before the client was asked for its body.
    expect_on(fd, "POST /nope HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n", 404, NULL);
    close(fd);
    fd = raw_connect(t.port);
    expect_on(fd, "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 40000000\r\n\r\n", 413, NULL);
    assert_true(raw_ends(fd));
    close(fd);
}

static void send_chunks(int fd, size_t n, size_t size)
{
    char *chunk = malloc(size + 32);
    assert_non_null(chunk);
    int head = snprintf(chunk, 32, "%zx\r\n", size);
    memset(chunk + head, 'c', size);
    memcpy(chunk + (size_t)head + size, "\r\n", 2);
    for (size_t i = 0; i < n && raw_try_send(fd, chunk, (size_t)head + size + 2); i++)
        continue;
    free(chunk);
}

static void front_limits_bodies(void **state)
{
    (void)state;
    t.plan->conf->limits.client_body_bytes = 100000;
    start(1);
    struct raw_answer a;
    int fd = raw_connect(t.port);
    raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 100001\r\n\r\n");
    send_chunks(fd, 1, 100000);
    raw_read(fd, false, &a); // all of it was read away: the answer is not lost to a reset
    assert_int_equal(a.status, 413);
    raw_free(&a);
    assert_true(raw_ends(fd));
    close(fd);
    // The length is not said: the rest is thrown away, and the connection stays.
    fd = raw_connect(t.port);
    raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    send_chunks(fd, 20, 10000);
    expect_on(fd, "0\r\n\r\n", 413, NULL);
    expect_on(fd, GET("/hello"), 200, NULL);
    raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    send_chunks(fd, 10, 10000); // just fits
    raw_send(fd, "0\r\n\r\n");
    raw_read(fd, false, &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body_n, 100000);
    raw_free(&a);
    // Without end: answered while it is sent.
    raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    send_chunks(fd, 130, 10000);
    raw_read(fd, false, &a);
    assert_int_equal(a.status, 413);
    assert_string_equal(raw_header(&a, "connection"), "close");
    raw_free(&a);
    close(fd);
    // For a route that takes none.
    fd = raw_connect(t.port);
    raw_send(fd, "POST /nope HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    send_chunks(fd, 20, 10000);
    expect_on(fd, "0\r\n\r\n", 404, NULL);
    expect_on(fd, "POST /nope HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nabcde", 404, NULL);
    expect_on(fd, GET("/hello"), 200, NULL);
    close(fd);
}

static void front_limits_memory(void **state)
{
    (void)state;
    t.budget.limit = 300000;
    start(1);
    int first = raw_connect(t.port), second = raw_connect(t.port);
    raw_send(first, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    send_chunks(first, 20, 10000);
    wait_for(t.budget.used > 200000);
    raw_send(second, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    send_chunks(second, 20, 10000);
    expect_on(second, "0\r\n\r\n", 503, NULL); // the newest is refused
    expect_on(second, GET("/hello"), 200, NULL);
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

// ---- answers -----------------------------------------------------------------------------------------------------------

static void front_answers(void **state)
{
    (void)state;
    start(1);
    struct raw_answer a = ask(GET("/hello"));
    assert_int_equal(a.status, 200);
    assert_string_equal(raw_header(&a, "content-type"), "text/x-fake");
    assert_string_equal(raw_header(&a, "content-length"), "14");
    assert_true(strlen(raw_header(&a, "date")) > 20);
    assert_string_equal(raw_header(&a, "connection"), ""); // not flow's to say
    assert_null(strstr(a.head, "X-Empty"));
    raw_free(&a);
    int fd = raw_connect(t.port);
    expect_on(fd, GET("/say?status=204&body=3"), 204, "");
    expect_on(fd, GET("/say?status=304&body=3"), 304, "");
    expect_on(fd, GET("/stream/say?status=204"), 204, "");
    expect_on(fd, GET("/stream/say?status=304&length=1"), 304, "");
    expect_on(fd, GET("/say?status=500&body=0"), 500, "");
    expect_on(fd, GET("/say?status=599"), 599, "bbb");
    expect_on(fd, GET("/say?status=101"), 502, NULL);
    expect_on(fd, GET("/stream/say?status=101"), 502, NULL);
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
    start(1);
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
    expect_on(fd, text, 200, "bbb");
    snprintf(text, sizeof(text), "GET /say?head=9000 HTTP/1.1\r\n" HOST "X: %07000d\r\n\r\n", 1);
    expect_on(fd, text, 502, NULL);
    close(fd);
}

// ---- streams -----------------------------------------------------------------------------------------------------------

static void front_streams_down(void **state)
{
    (void)state;
    start(1);
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

static void front_cuts(void **state)
{
    (void)state;
    start(1);
    int older = raw_connect(t.port); // libmicrohttpd looks after the oldest connection by itself, and only that one
    expect_on(older, GET("/hello"), 200, NULL);
    static const char *const texts[] = {
        "GET /stream/say?body=100000&cut=50000 HTTP/1.1\r\n" HOST "\r\n",
        "GET /stream/say?body=100000&cut=50000&length=1 HTTP/1.1\r\n" HOST "\r\n",
        "GET /stream/say?body=100000&cut=50000 HTTP/1.0\r\n" HOST "\r\n",
        "GET /stream/say?body=100000&cut=50000&pause=1 HTTP/1.0\r\n" HOST "\r\n",
        "GET /stream/say?body=100000&cut=50000&length=1 HTTP/1.0\r\n" HOST "\r\n",
        "GET /stream/say?body=100000&cut=0 HTTP/1.1\r\n" HOST "\r\n",
        "GET /stream/say?body=100000&cut=0 HTTP/1.0\r\n" HOST "\r\n",
    };
    for (size_t i = 0; i < RM_COUNT(texts); i++) {
        struct raw_answer a = ask(texts[i]);
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
    };
    for (size_t i = 0; i < RM_COUNT(whole); i++) {
        struct raw_answer a = ask(whole[i]);
        assert_int_equal(a.body_n, i == 2 ? 0 : 100000);
        assert_false(a.broken);
        raw_free(&a);
        wait_for(t.shared.connections == 1);
    }
    expect_on(older, GET("/hello"), 200, NULL);
    close(older);
}

static void front_holds_back_a_stream(void **state)
{
    (void)state;
    start(1);
    int fd = raw_connect(t.port);
    raw_send(fd, GET("/stream/say?body=60000000&length=1"));
    wait_for(fake_counts.refused_chunks > 0);
    assert_true(t.budget.used < 1 << 20);
    expect(GET("/hello"), 200, NULL);
    struct raw_answer a;
    raw_read(fd, false, &a);
    assert_int_equal(a.body_n, 60000000);
    assert_false(a.broken);
    raw_free(&a);
    expect_on(fd, GET("/hello"), 200, NULL);
    close(fd);
}

static void front_streams_without_budget(void **state)
{
    (void)state;
    t.budget.limit = 20000; // one block of the fake's, and not always that
    start(1);
    struct raw_answer a = ask(GET("/stream/say?body=300000&length=1"));
    assert_int_equal(a.body_n, 300000);
    raw_free(&a);
}

static void front_waits_for_budget(void **state)
{
    (void)state;
    t.budget.limit = 100;
    start(1);
    int fd = raw_connect(t.port);
    raw_send(fd, GET("/stream/say?body=300000"));
    wait_for(fake_counts.refused_chunks > 2); // asks again by and by
    close(fd);
    wait_for(fake_counts.cancelled == 1);
}

static void front_streams_up(void **state)
{
    (void)state;
    start(1);
    int fd = raw_connect(t.port);
    expect_on(fd, GET("/stream/count"), 200, "0");
    expect_on(fd, "POST /stream/count HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 200, "0");
    raw_send(fd, "POST /stream/count HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    send_chunks(fd, 400, 100000);
    expect_on(fd, "0\r\nX: y\r\n\r\n", 200, "40000000"); // more than a kept body may have
    raw_send(fd, "POST /stream/count HTTP/1.1\r\n" HOST "Content-Length: 5000045\r\n\r\n");
    send_chunks(fd, 5, 1000000); // the length counts the chunks' own lines: they are content here
    expect_on(fd, "", 200, "5000045");
    expect_on(fd, GET("/hello"), 200, NULL);
    close(fd);
}

static void front_holds_back_an_upload(void **state)
{
    (void)state;
    start(1);
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
    expect(GET("/hello"), 200, NULL);
    fake_flow_release();
    while (sent < 30000000) {
        size_t n = 30000000 - sent < sizeof(block) ? 30000000 - sent : sizeof(block);
        raw_send_bytes(fd, block, n);
        sent += n;
    }
    expect_on(fd, "", 200, "30000000");
    expect_on(fd, GET("/hello"), 200, NULL);
    close(fd);
}

// With large heads allowed, libmicrohttpd hands over more at a time than is kept.
static void front_streams_up_in_large_pieces(void **state)
{
    (void)state;
    t.plan->conf->limits.head_bytes = 2 << 20;
    start(1);
    int fd = raw_connect(t.port);
    raw_send(fd, "POST /stream/count HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    send_chunks(fd, 20, 3000000);
    expect_on(fd, "0\r\n\r\n", 200, "60000000");
    raw_send(fd, "POST /stream/slow HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    send_chunks(fd, 1, 1000000);
    fake_flow_release();
    send_chunks(fd, 19, 1000000);
    expect_on(fd, "0\r\n\r\n", 200, "20000000");
    close(fd);
}

static void front_early_answer(void **state)
{
    (void)state;
    start(1);
    int fd = raw_connect(t.port);
    struct raw_answer a;
    // The rest of the upload is read away, then the answer comes, and the connection stays.
    raw_send(fd, "POST /stream/early?body=1000&status=403 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    send_chunks(fd, 1, 1000);
    wait_for(fake_counts.ended == 1);
    send_chunks(fd, 50, 10000);
    raw_send(fd, "0\r\n\r\n");
    raw_read(fd, false, &a);
    assert_int_equal(a.status, 403);
    assert_int_equal(a.body_n, 1000);
    raw_free(&a);
    expect_on(fd, GET("/hello"), 200, NULL);
    // More than is kept of an early answer.
    raw_send(fd, "POST /stream/early?body=500000&length=1 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    send_chunks(fd, 1, 1000);
    wait_for(fake_counts.refused_chunks > 0);
    send_chunks(fd, 50, 10000);
    raw_send(fd, "0\r\n\r\n");
    raw_read(fd, false, &a);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body_n, 500000);
    assert_false(a.broken);
    raw_free(&a);
    expect_on(fd, GET("/hello"), 200, NULL);
    // An upload without end: the connection ends.
    raw_send(fd, "POST /stream/early?status=403 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    send_chunks(fd, 1000, 100000);
    close(fd);
    wait_for(t.shared.connections == 0);
    // One that breaks before its answer could go out.
    fd = raw_connect(t.port);
    raw_send(fd, "POST /stream/early?body=10&cut=5 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    assert_true(raw_ends(fd));
    close(fd);
}

// ---- hang-ups ----------------------------------------------------------------------------------------------------------

static void front_notices_hang_ups(void **state)
{
    (void)state;
    start(1);
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
    expect_on(fd, "", 404, NULL);
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
    start(1);
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
    start(1);
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
    start(1);
    int fd = raw_connect(t.port);
    expect_on(fd, GET("/hello"), 200, NULL); // it is kept from here on
    int silent = raw_connect(t.port), slow = raw_connect(t.port), line = raw_connect(t.port);
    raw_send(slow, "GET /hel");
    raw_send(line, "GET /hello HTTP/1.1\r\nHo");
    assert_true(raw_ends(silent)); // nothing was asked
    expect_on(slow, "", 408, "");
    assert_true(raw_ends(slow));
    expect_on(line, "", 408, "");
    assert_true(raw_ends(line));
    assert_true(raw_is_open(fd));
    expect_on(fd, "GET /hell", 408, ""); // the second request of a kept connection
    assert_true(raw_ends(fd));
    int drip = raw_connect(t.port); // a byte now and then does not help
    while (raw_try_send(drip, "G", 1) && raw_is_open(drip))
        poll(NULL, 0, 10);
    expect_on(drip, "", 408, NULL);
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
    start(1);
    static const char *const texts[] = {
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\n",
        "POST /nope HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
        "POST /stream/count HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    };
    for (size_t i = 0; i < RM_COUNT(texts); i++) {
        int fd = raw_connect(t.port);
        expect_on(fd, texts[i], 408, "");
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
    expect_on(fd, "", 200, "xxxxxxxxxx");
    expect_on(fd, GET("/wait?ms=500"), 200, NULL);
    expect_on(fd, GET("/stream/say?body=3000000&pause=1"), 200, NULL);
    close(fd);
}

static void front_idle(void **state)
{
    (void)state;
    t.plan->conf->limits.idle_timeout_us = 200 * RM_MS;
    start(1);
    int fd = raw_connect(t.port);
    for (int i = 0; i < 5; i++) {
        expect_on(fd, GET("/hello"), 200, NULL);
        poll(NULL, 0, 50);
    }
    expect_on(fd, GET("/wait?ms=400"), 200, NULL);
    assert_true(raw_ends(fd));
    close(fd);
}

static void front_stalled_readers(void **state)
{
    (void)state;
    t.plan->conf->limits.body_timeout_us = 300 * RM_MS;
    start(1);
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
    start(2);
    int idle = raw_connect(t.port), running = raw_connect(t.port), streaming = raw_connect(t.port);
    int beginning = raw_connect(t.port), uploading = raw_connect(t.port), resting = raw_connect(t.port);
    expect_on(idle, GET("/hello"), 200, NULL);
    expect_on(resting, GET("/hello"), 200, NULL);
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
    start(1);
    rm_worker_drain(t.workers[0]);
    wait_for(t.ended == 1);
    rm_worker_drain(t.workers[0]);
    rm_worker_stop(t.workers[0]);
}

static void front_stops_at_once(void **state)
{
    (void)state;
    start(2);
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
        start(2);
        int fds[20];
        for (size_t i = 0; i < RM_COUNT(fds); i++) {
            fds[i] = raw_connect(t.port);
            for (int k = 0; k < 10; k++)
                raw_try_send(fds[i], GET("/wait?ms=1") GET("/stream/say?body=100000&pause=1"),
                             sizeof(GET("/wait?ms=1") GET("/stream/say?body=100000&pause=1")) - 1);
        }
        wait_for(fake_counts.ended > (unsigned)round);
        assert_int_equal(teardown(state), 0);
        for (size_t i = 0; i < RM_COUNT(fds); i++)
            close(fds[i]);
        setup(state);
    }
    start(1);
}

int main(void)
{
    rm_log_setup(RM_ERROR, RM_STR(""), false);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(front_keeps_connections),
        TEST(front_pipelines),
        TEST(front_byte_by_byte),
        TEST(front_http_1_0),
        TEST(front_limits_connections),
        TEST(front_without_descriptors),
        TEST(front_four_workers),
        TEST(front_passes_the_request),
        TEST(front_refuses),
        TEST(front_limits_heads),
        TEST(front_routes),
        TEST(front_limits_arguments),
        TEST(front_error_bodies),
        TEST(front_logs),
        TEST(front_continues),
        TEST(front_limits_bodies),
        TEST(front_limits_memory),
        TEST(front_answers),
        TEST(front_answers_with_long_heads),
        TEST(front_streams_down),
        TEST(front_cuts),
        TEST(front_holds_back_a_stream),
        TEST(front_streams_without_budget),
        TEST(front_waits_for_budget),
        TEST(front_streams_up),
        TEST(front_holds_back_an_upload),
        TEST(front_streams_up_in_large_pieces),
        TEST(front_early_answer),
        TEST(front_notices_hang_ups),
        TEST(front_hang_up_in_a_body),
        TEST(front_hang_up_with_the_last_bytes),
        TEST(front_slow_heads),
        TEST(front_slow_bodies),
        TEST(front_idle),
        TEST(front_stalled_readers),
        TEST(front_drains),
        TEST(front_drains_when_empty),
        TEST(front_stops_at_once),
        TEST(front_stops_under_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
