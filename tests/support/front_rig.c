// What the front end's tests share; see the header.
// SPDX-License-Identifier: Apache-2.0
#include "front_rig.h"

#include "front/accept.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>

struct front_rig t;

int front_setup(void **state)
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
    t.listen_ip = RM_STR("127.0.0.1");
    return 0;
}

static void ended(void *arg)
{
    (void)arg;
    atomic_fetch_add(&t.ended, 1);
}

void front_start(uint32_t n)
{
    struct rm_err err;
    assert_int_equal(rm_world_init(&t.world, rm_plan_ref(t.plan), false, &err), RM_OK);
    assert_int_equal(rm_listen(t.listen_ip, 0, 1024, t.listeners, &t.shared.n_listeners, &err), RM_OK);
    struct sockaddr_in6 at; // the port is at the same place in both families
    socklen_t size = sizeof(at);
    assert_int_equal(getsockname(t.listeners[0], (struct sockaddr *)&at, &size), 0);
    t.port = ntohs(at.sin6_port);
    t.shared.listeners = t.listeners;
    t.shared.n_workers = n;
    t.shared.turns = RM_NEW_ARRAY(&t.arena, struct rm_turn, n);
    for (uint32_t i = 0; i < n; i++) {
        struct rm_worker_conf conf = {.world = &t.world, .shared = &t.shared, .index = i, .ended = ended};
        if (rm_worker_start(&t.workers[i], &conf, &err) != RM_OK)
            fail_msg("%s", err.text);
        t.n_workers++;
    }
}

// Every request has ended once, every connection has given its place back, every byte of a body is paid back.
int front_teardown(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < t.n_workers; i++)
        rm_worker_stop(t.workers[i]);
    for (uint32_t i = 0; i < t.n_workers; i++)
        rm_worker_join(t.workers[i]);
    for (size_t i = 0; i < t.shared.n_listeners; i++)
        close(t.listeners[i]);
    if (t.world.plan)
        rm_world_fini(&t.world);
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
struct raw_answer front_ask(const char *text)
{
    struct raw_answer a;
    int fd = raw_connect(t.port);
    raw_send(fd, text);
    raw_read(fd, strncmp(text, "HEAD ", 5) == 0, &a);
    close(fd);
    return a;
}

void front_expect_on(int fd, const char *text, int status, const char *body)
{
    struct raw_answer a;
    raw_send(fd, text);
    raw_read(fd, false, &a);
    if (a.status != status || a.broken || (body && strcmp(a.body, body) != 0))
        fail_msg("%s: %d %s", text, a.status, a.body);
    raw_free(&a);
}

void front_expect(const char *text, int status, const char *body)
{
    int fd = raw_connect(t.port);
    front_expect_on(fd, text, status, body);
    close(fd);
}

void front_send_chunks(int fd, size_t n, size_t size)
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
