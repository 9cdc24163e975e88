// The virtual-time loop. Shares timers, ready queue and hooks with the real one (src/loop/core.c).
// SPDX-License-Identifier: Apache-2.0
#include "vloop.h"

#include "loop/core.h"
#include "loop/inbox.h"

struct rm_loop {
    struct rm_core core; // first: core.h
    struct rm_msgs posted, taken;
    bool stop;
};

int rm_loop_new(struct rm_loop **out, struct rm_err *err)
{
    (void)err;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_loop *loop = RM_NEW(&arena, struct rm_loop);
    loop->core.arena = arena;
    rm_core_init(&loop->core);
    loop->core.now_us = RM_VLOOP_START_US;
    rm_msgs_init(&loop->posted);
    rm_msgs_init(&loop->taken);
    *out = loop;
    return RM_OK;
}

void rm_loop_free(struct rm_loop *loop)
{
    if (!loop)
        return;
    rm_core_fini(&loop->core);
    struct rm_arena arena = loop->core.arena;
    rm_arena_fini(&arena);
}

void rm_vloop_turn(struct rm_loop *loop)
{
    rm_msgs_move(&loop->taken, &loop->posted);
    for (struct rm_msg *msg = rm_msgs_pop(&loop->taken); msg; msg = rm_msgs_pop(&loop->taken))
        msg->deliver(msg);
    rm_timers_fire(&loop->core.timers, loop->core.now_us);
    rm_core_settle(&loop->core);
}

void rm_vloop_run_until(struct rm_loop *loop, uint64_t until_us)
{
    RM_ASSERT(until_us >= loop->core.now_us);
    while (!loop->stop) {
        rm_vloop_turn(loop);
        if (loop->posted.first)
            continue;
        uint64_t wait_us = rm_core_wait_us(&loop->core, loop->core.now_us);
        if (wait_us == UINT64_MAX || wait_us > until_us - loop->core.now_us) {
            if (until_us != UINT64_MAX)
                loop->core.now_us = until_us;
            break;
        }
        loop->core.now_us += wait_us;
    }
    loop->stop = false;
}

void rm_vloop_run(struct rm_loop *loop)
{
    rm_vloop_run_until(loop, UINT64_MAX);
}

void rm_loop_run(struct rm_loop *loop)
{
    rm_vloop_run(loop);
}

void rm_loop_stop(struct rm_loop *loop)
{
    loop->stop = true;
}

void rm_loop_post(struct rm_loop *loop, struct rm_msg *msg)
{
    RM_ASSERT(msg->deliver);
    rm_msgs_push(&loop->posted, msg);
}

bool rm_loop_take_back(struct rm_loop *loop, struct rm_msg *msg)
{
    return rm_msgs_remove(&loop->taken, msg) || rm_msgs_remove(&loop->posted, msg);
}

int rm_fd_add(struct rm_loop *loop, struct rm_fd *watch, struct rm_err *err)
{
    (void)loop, (void)watch, (void)err;
    rm_panic(__FILE__, __LINE__, "no descriptors in virtual time");
}

void rm_fd_mod(struct rm_fd *watch, uint32_t events)
{
    (void)watch, (void)events;
    rm_panic(__FILE__, __LINE__, "no descriptors in virtual time");
}

void rm_fd_del(struct rm_fd *watch)
{
    RM_ASSERT(watch->loop == NULL);
}
