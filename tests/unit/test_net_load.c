// Many exchanges against backends in a process of their own, so that answers come while libcurl is still at work: each gets its own
// answer, however often others are cancelled, cut or out of time; at the end nothing is left.
// SPDX-License-Identifier: Apache-2.0
#include "net_rig.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AT_ONCE = 48, ROUNDS = 20000 };

static struct rig rig;
static pid_t child;
static uint32_t seed;

static uint32_t chance(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

// ---- the backend: answers with the number in the request's target --------------------------------------------------------

struct echo {
    struct rm_fd watch;
    struct rm_loop *loop;
    uint64_t requests;
    size_t n;
    char in[8192];
};

static void echo_end(struct echo *echo)
{
    rm_fd_del(&echo->watch);
    close(echo->watch.fd);
    free(echo);
}

// How this request is treated: by its number, so that both sides know.
static void echo_answer(struct echo *echo, const char *number)
{
    char text[512];
    int n = 0;
    switch (number[strlen(number) - 1] - '0') {
    case 0:
        n = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n0\r\n\r\n",
                     strlen(number), number);
        break;
    case 1: // closes after a good answer
        n = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
                     strlen(number), number);
        break;
    case 2: // with bytes that nobody asked for behind it
        n = snprintf(text, sizeof(text),
                     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n0\r\n\r\nHTTP/1.1 200 "
                     "OK\r\nContent-Length: 4\r\n\r\nevil",
                     strlen(number), number);
        break;
    case 3: // says that it keeps the connection, and does not
        n = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(number), number);
        break;
    case 4: // never
        return;
    default:
        n = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(number), number);
        break;
    }
    if (write(echo->watch.fd, text, (size_t)n) < 0 && errno != EPIPE && errno != ECONNRESET)
        _exit(3);
}

static void echo_on_event(struct rm_fd *watch, uint32_t happened)
{
    struct echo *echo = rm_container_of(watch, struct echo, watch);
    (void)happened;
    ssize_t got = read(watch->fd, echo->in + echo->n, sizeof(echo->in) - 1 - echo->n);
    if (got <= 0) {
        echo_end(echo);
        return;
    }
    echo->n += (size_t)got;
    echo->in[echo->n] = '\0';
    char *end;
    while ((end = strstr(echo->in, "\r\n\r\n")) != NULL) {
        char *body = strcasestr(echo->in, "content-length: ");
        size_t body_n = body && body < end ? strtoul(body + 16, NULL, 10) : 0;
        size_t whole = (size_t)(end - echo->in) + 4 + body_n;
        if (echo->n < whole)
            return;
        char number[32] = "";
        (void)sscanf(echo->in, "%*s /%31[0-9]", number);
        echo_answer(echo, number);
        if (number[strlen(number) - 1] == '3') {
            echo_end(echo);
            return;
        }
        memmove(echo->in, echo->in + whole, echo->n - whole + 1);
        echo->n -= whole;
    }
}

static void echo_on_accept(struct rm_fd *listener, uint32_t happened)
{
    (void)happened;
    for (;;) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        struct echo *echo = calloc(1, sizeof(*echo));
        RM_ASSERT(echo);
        echo->watch = (struct rm_fd){.fd = fd, .events = EPOLLIN, .on_event = echo_on_event};
        RM_ASSERT(rm_fd_add(listener->loop, &echo->watch, NULL) == RM_OK);
    }
}

static void echo_main(int fd)
{
    struct rm_loop *loop;
    struct rm_fd listener = {.fd = fd, .events = EPOLLIN, .on_event = echo_on_accept};
    (void)signal(SIGPIPE, SIG_IGN);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    RM_ASSERT(rm_loop_new(&loop, NULL) == RM_OK && rm_fd_add(loop, &listener, NULL) == RM_OK);
    rm_loop_run(loop);
    _exit(0);
}

static int set_up(void **state)
{
    (void)state;
    rig_set_up(&rig, NULL);
    // The rig's own listener is served by the child; the rig never looks at it.
    rm_fd_del(&rig.backend.listener);
    child = fork();
    if (child == 0)
        echo_main(rig.backend.listener.fd);
    assert_true(child > 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    int status;
    rig_tear_down(&rig);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return 0;
}

// ---- the exchanges -------------------------------------------------------------------------------------------------------

struct one {
    struct rm_arena arena;
    struct rm_exchange *x;
    struct rm_timer cancel;
    unsigned number;
    bool may_fail;
    char target[32];
};

static struct one ones[AT_ONCE];
static unsigned started, ended, good;
static struct rm_block_cache *cache;

static void one_start(struct one *);

static void one_over(struct one *one)
{
    rm_timer_stop(&one->cancel);
    rm_arena_fini(&one->arena);
    rig.running--;
    ended++;
    if (started < ROUNDS)
        one_start(one);
}

static void one_on_done(struct rm_call *call)
{
    struct rm_exchange *x = rm_container_of(call, struct rm_exchange, call);
    struct one *one = x->owner;
    char body[32] = "";
    if (call->err.code == RM_OK) {
        memcpy(body, x->body_out.p, x->body_out.n < sizeof(body) ? x->body_out.n : sizeof(body) - 1);
        if (strcmp(body, one->target + 1) != 0)
            fail_msg("%s got the answer of %s", one->target, body);
        good++;
    } else if (!one->may_fail) {
        fail_msg("%s: %s", one->target, call->err.text);
    }
    one_over(one);
}

static void one_on_cancel(struct rm_timer *timer)
{
    struct one *one = rm_container_of(timer, struct one, cancel);
    rm_call_cancel(&one->x->call);
    one_over(one);
}

static void one_start(struct one *one)
{
    uint64_t now_us = rm_loop_now_us(rig.loop);
    one->number = started++;
    unsigned kind = one->number % 10;
    (void)snprintf(one->target, sizeof(one->target), "/%u", one->number);
    rm_arena_init(&one->arena, cache);
    struct rm_exchange *x = rm_exchange_new(rig.net, rig.engine, rig.loop, &one->arena, NULL, one_on_done);
    one->x = x;
    one->cancel.fire = one_on_cancel;
    x->owner = one;
    x->host = &rig.host;
    x->method = chance(2) ? RM_STR("GET") : RM_STR("POST");
    if (rm_str_eq(x->method, RM_STR("POST"))) {
        x->body = RM_STR("some body");
        x->has_body = true;
    }
    x->target = rm_str_of(one->target);
    x->deadline_us = now_us + (kind == 4 ? 1000 + chance(3000) : 60 * RM_SEC);
    x->max_body = 1000;
    rig.running++;
    // A POST that meets a connection which was just closed fails, as it should.
    one->may_fail = kind == 4 || rm_str_eq(x->method, RM_STR("POST"));
    rm_call_start(&x->call);
    if (chance(20) == 0)
        rm_timer_start(rig.loop, &one->cancel, now_us + chance(300));
}

static bool all_over(struct rig *r)
{
    (void)r;
    return ended == ROUNDS;
}

static void each_gets_its_own_answer(void **state)
{
    (void)state;
    seed = 4711;
    started = ended = good = 0;
    cache = rm_block_cache_new(1 << 20);
    rig.conf.max_idle_per_host = AT_ONCE / 2;
    rig_open(&rig);
    for (int i = 0; i < AT_ONCE; i++)
        one_start(&ones[i]);
    rig_run_until(&rig, all_over);
    assert_int_equal(rig.running, 0);
    assert_true(good > ROUNDS * 6 / 10);
    rm_block_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_gets_its_own_answer, set_up, tear_down),
    };
    return rig_run_tests(tests, NULL, NULL);
}
