// The real loop: epoll, one thread. Owns the epoll descriptor, the inbox and the table of watched descriptors; never closes a
// descriptor that it watches.
// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"
#include "loop/core.h"
#include "loop/inbox.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

// Woken later than this, the loop looks at its descriptors once more before a timer fires.
#define LOOP_LATE_US (20 * RM_MS)
#define LOOP_EVENTS_FIRST 64
#define LOOP_EVENTS_MOST 1024

// Who watches a descriptor. An event carries number and generation: one that was collected for a descriptor deleted
// meanwhile finds nobody, or a younger generation, and is dropped without looking at the deleted struct.
struct fd_slot {
    struct rm_fd *watch; // NULL: nobody
    uint32_t generation;
};

struct rm_loop {
    struct rm_core core; // first: core.h
    int epoll;
    struct rm_inbox inbox;
    struct rm_fd wake;
    atomic_bool stop;
    struct fd_slot *slots; // by descriptor number
    size_t n_slots;
    struct epoll_event *events;
    size_t n_events;
    size_t n_watched;
};

static void loop_on_wake(struct rm_fd *wake, uint32_t happened)
{
    (void)happened;
    rm_inbox_deliver(&wake->loop->inbox);
}

int rm_loop_new(struct rm_loop **out, struct rm_err *err)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_loop *loop = RM_NEW(&arena, struct rm_loop);
    loop->core.arena = arena;
    rm_core_init(&loop->core);
    loop->core.now_us = rm_clock_us();
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0) {
        int code = rm_fail(err, RM_ESYS, "epoll_create1: %s", strerror(errno));
        rm_arena_fini(&arena);
        return code;
    }
    loop->n_events = LOOP_EVENTS_FIRST;
    loop->events = RM_NEW_ARRAY(&loop->core.arena, struct epoll_event, loop->n_events);
    int code = rm_inbox_init(&loop->inbox, err);
    if (code == RM_OK) {
        loop->wake = (struct rm_fd){.fd = loop->inbox.wake, .events = EPOLLIN, .on_event = loop_on_wake};
        code = rm_fd_add(loop, &loop->wake, err);
        if (code != RM_OK)
            rm_inbox_fini(&loop->inbox);
    }
    if (code != RM_OK) {
        close(loop->epoll);
        arena = loop->core.arena;
        rm_arena_fini(&arena);
        return code;
    }
    *out = loop;
    return RM_OK;
}

void rm_loop_free(struct rm_loop *loop)
{
    if (!loop)
        return;
    rm_core_fini(&loop->core);
    rm_fd_del(&loop->wake);
    RM_ASSERT(loop->n_watched == 0);
    rm_inbox_fini(&loop->inbox);
    close(loop->epoll);
    struct rm_arena arena = loop->core.arena;
    rm_arena_fini(&arena);
}

// ---- descriptors -----------------------------------------------------------------------------------------------------

static struct fd_slot *loop_slot(struct rm_loop *loop, int fd)
{
    RM_ASSERT(fd >= 0);
    if ((size_t)fd >= loop->n_slots) {
        size_t n = loop->n_slots ? loop->n_slots : 64;
        while (n <= (size_t)fd)
            n *= 2;
        struct fd_slot *slots = RM_NEW_ARRAY(&loop->core.arena, struct fd_slot, n);
        if (loop->n_slots)
            memcpy(slots, loop->slots, loop->n_slots * sizeof(*slots));
        loop->slots = slots;
        loop->n_slots = n;
    }
    return &loop->slots[fd];
}

int rm_fd_add(struct rm_loop *loop, struct rm_fd *watch, struct rm_err *err)
{
    RM_ASSERT(watch->loop == NULL && watch->on_event);
    struct fd_slot *slot = loop_slot(loop, watch->fd);
    RM_ASSERT(slot->watch == NULL); // else it was closed without rm_fd_del()
    struct epoll_event event = {.events = watch->events};
    event.data.u64 = (uint64_t)(slot->generation + 1) << 32 | (uint32_t)watch->fd;
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, watch->fd, &event) != 0)
        return rm_fail(err, RM_ESYS, "cannot watch descriptor %d: %s", watch->fd, strerror(errno));
    slot->generation++;
    slot->watch = watch;
    watch->loop = loop;
    loop->n_watched++;
    return RM_OK;
}

void rm_fd_mod(struct rm_fd *watch, uint32_t events)
{
    RM_ASSERT(watch->loop);
    // Setting an edge or a one-shot watch again is how it is armed; else nothing would change.
    if (events == watch->events && !(events & (EPOLLET | EPOLLONESHOT)))
        return;
    struct fd_slot *slot = loop_slot(watch->loop, watch->fd);
    RM_ASSERT(slot->watch == watch);
    struct epoll_event event = {.events = events};
    event.data.u64 = (uint64_t)slot->generation << 32 | (uint32_t)watch->fd;
    RM_ASSERT(epoll_ctl(watch->loop->epoll, EPOLL_CTL_MOD, watch->fd, &event) == 0);
    watch->events = events;
}

void rm_fd_del(struct rm_fd *watch)
{
    struct rm_loop *loop = watch->loop;
    if (!loop)
        return;
    struct fd_slot *slot = loop_slot(loop, watch->fd);
    RM_ASSERT(slot->watch == watch);
    RM_ASSERT(epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL) == 0);
    slot->watch = NULL;
    watch->loop = NULL;
    loop->n_watched--;
}

// ---- turns -----------------------------------------------------------------------------------------------------------

// Waits, reads the clock and runs what happened, the inbox first.
static void loop_poll(struct rm_loop *loop, int wait_ms)
{
    int n = epoll_wait(loop->epoll, loop->events, (int)loop->n_events, wait_ms);
    RM_ASSERT(n >= 0 || errno == EINTR);
    loop->core.now_us = rm_clock_us();
    rm_inbox_deliver(&loop->inbox);
    for (int i = 0; i < n; i++) {
        uint64_t key = loop->events[i].data.u64;
        const struct fd_slot *slot = &loop->slots[(uint32_t)key];
        struct rm_fd *watch = slot->watch;
        if (!watch || slot->generation != (uint32_t)(key >> 32))
            continue;
        // What an earlier callback stopped watching for is of no interest any more.
        uint32_t happened = loop->events[i].events & (watch->events | EPOLLERR | EPOLLHUP);
        if (happened)
            watch->on_event(watch, happened);
    }
    if (n == (int)loop->n_events && loop->n_events < LOOP_EVENTS_MOST) {
        loop->n_events *= 2;
        loop->events = RM_NEW_ARRAY(&loop->core.arena, struct epoll_event, loop->n_events);
    }
}

static int loop_wait_ms(struct rm_loop *loop)
{
    uint64_t wait_us = rm_core_wait_us(&loop->core, rm_clock_us());
    if (wait_us == UINT64_MAX)
        return -1;
    uint64_t wait_ms = wait_us / 1000 + (wait_us % 1000 != 0);
    return wait_ms < INT32_MAX ? (int)wait_ms : INT32_MAX;
}

void rm_loop_run(struct rm_loop *loop)
{
    while (!atomic_load(&loop->stop)) {
        loop_poll(loop, loop_wait_ms(loop));
        uint64_t due_us = rm_timers_next_us(&loop->core.timers);
        if (due_us < loop->core.now_us && loop->core.now_us - due_us > LOOP_LATE_US)
            loop_poll(loop, 0);
        rm_timers_fire(&loop->core.timers, loop->core.now_us);
        rm_core_settle(&loop->core);
    }
    atomic_store(&loop->stop, false); // it may run again
}

void rm_loop_stop(struct rm_loop *loop)
{
    atomic_store(&loop->stop, true);
    rm_inbox_wake(&loop->inbox);
}

void rm_loop_post(struct rm_loop *loop, struct rm_msg *msg)
{
    rm_inbox_post(&loop->inbox, msg);
}

bool rm_loop_take_back(struct rm_loop *loop, struct rm_msg *msg)
{
    return rm_inbox_take_back(&loop->inbox, msg);
}
