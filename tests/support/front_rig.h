// What the front end's tests share: workers over a flow without backends (fake_flow.h), with a plan that a test may change before
// they start, and clients that speak raw bytes. Workers run on their own threads, as in production.
// SPDX-License-Identifier: Apache-2.0
#ifndef SUPPORT_FRONT_RIG_H
#define SUPPORT_FRONT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fake_flow.h"
#include "fake_plan.h"
#include "front/worker.h"
#include "raw_client.h"

#include <poll.h>
#include <remora/log.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: test\r\n"
#define GET(target) "GET " target " HTTP/1.1\r\n" HOST "\r\n"

struct front_rig {
    struct rm_arena arena;
    struct rm_budget budget;
    struct rm_plan *plan;
    struct rm_world world;
    struct rm_front_shared shared;
    struct rm_str listen_ip;
    int listeners[2];
    uint16_t port;
    struct rm_worker *workers[4];
    uint32_t n_workers;
    atomic_uint ended; // workers
};
extern struct front_rig t;

int front_setup(void **state);
void front_start(uint32_t n_workers);
// Fails where a request has not ended once, a connection keeps its place, or a byte of a body is not paid back.
int front_teardown(void **state);
#define FRONT_TEST(name) cmocka_unit_test_setup_teardown(name, front_setup, front_teardown)

// Waits for what another thread brings about.
#define wait_for(condition)                                                                                            \
    do {                                                                                                               \
        uint64_t until = rm_clock_us() + 20 * RM_SEC;                                                                  \
        while (!(condition) && rm_clock_us() < until)                                                                  \
            poll(NULL, 0, 1);                                                                                          \
        assert_true(condition);                                                                                        \
    } while (0)

struct raw_answer front_ask(const char *text); // one request on a connection of its own
// Sends `text` and wants this answer, whole; `body` NULL: whatever it is.
void front_expect_on(int fd, const char *text, int status, const char *body);
void front_expect(const char *text, int status, const char *body); // on a connection of its own
void front_send_chunks(int fd, size_t n, size_t size);             // as many as are taken

#endif
