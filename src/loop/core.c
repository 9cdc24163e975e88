// The part of a loop that does not touch the operating system: timers, ready queue, hooks and the order in which they
// take turns. Owns no memory but the timers' array.
// SPDX-License-Identifier: Apache-2.0
#include "loop/core.h"

// A turn's bounds. Real work settles in a few rounds and some hundred tasks; more than this means that something feeds
// itself, and descriptors and timers must get their turn.
#define SETTLE_ROUNDS 16
#define SETTLE_TASKS 4096

static struct rm_core *core_of(struct rm_loop *loop)
{
    return (struct rm_core *)loop;
}

void rm_core_init(struct rm_core *core)
{
    rm_timers_init(&core->timers, &core->arena);
    core->ready.prev = core->ready.next = &core->ready;
}

void rm_core_fini(const struct rm_core *core)
{
    RM_ASSERT(core->timers.n == 0);
    RM_ASSERT(core->ready.next == &core->ready);
    RM_ASSERT(core->hooks == NULL);
}

static bool core_is_ready(const struct rm_core *core)
{
    return core->ready.next != &core->ready;
}

static void task_unlink(struct rm_task *task)
{
    task->prev->next = task->next;
    task->next->prev = task->prev;
    task->prev = task->next = NULL;
    task->queued = false;
}

void rm_core_settle(struct rm_core *core)
{
    int tasks = SETTLE_TASKS;
    for (int round = 0; round < SETTLE_ROUNDS; round++) {
        for (; core_is_ready(core) && tasks > 0; tasks--) {
            struct rm_task *task = core->ready.next;
            task_unlink(task);
            task->run(task);
        }
        for (struct rm_hook *hook = core->hooks; hook; hook = core->next_hook) {
            core->next_hook = hook->next;
            hook->turn(hook);
        }
        core->next_hook = NULL;
        if (!core_is_ready(core) || tasks == 0)
            break;
    }
}

uint64_t rm_core_wait_us(struct rm_core *core, uint64_t now_us)
{
    if (core_is_ready(core))
        return 0;
    uint64_t due_us = rm_timers_next_us(&core->timers);
    uint64_t wait_us = due_us == UINT64_MAX ? UINT64_MAX : due_us <= now_us ? 0 : due_us - now_us;
    for (struct rm_hook *hook = core->hooks; hook && wait_us > 0; hook = hook->next) {
        int64_t most = hook->wait_us ? hook->wait_us(hook) : -1;
        if (most >= 0 && (uint64_t)most < wait_us)
            wait_us = (uint64_t)most;
    }
    return wait_us;
}

// ---- loop.h ----------------------------------------------------------------------------------------------------------

uint64_t rm_loop_now_us(const struct rm_loop *loop)
{
    return ((const struct rm_core *)loop)->now_us;
}

void rm_timer_start(struct rm_loop *loop, struct rm_timer *timer, uint64_t due_us)
{
    RM_ASSERT(timer->fire && (timer->slot == 0 || timer->loop == loop));
    timer->loop = loop;
    rm_timers_start(&core_of(loop)->timers, timer, due_us, core_of(loop)->now_us);
}

void rm_timer_stop(struct rm_timer *timer)
{
    if (timer->slot)
        rm_timers_stop(&core_of(timer->loop)->timers, timer);
}

void rm_task_queue(struct rm_loop *loop, struct rm_task *task)
{
    struct rm_task *head = &core_of(loop)->ready;
    RM_ASSERT(task->run && !task->queued);
    task->queued = true;
    task->next = head;
    task->prev = head->prev;
    head->prev->next = task;
    head->prev = task;
}

void rm_task_cancel(struct rm_loop *loop, struct rm_task *task)
{
    (void)loop;
    if (task->queued)
        task_unlink(task);
}

void rm_hook_add(struct rm_loop *loop, struct rm_hook *hook)
{
    struct rm_hook **end = &core_of(loop)->hooks;
    while (*end) {
        RM_ASSERT(*end != hook);
        end = &(*end)->next;
    }
    hook->next = NULL;
    *end = hook;
}

void rm_hook_del(struct rm_loop *loop, struct rm_hook *hook)
{
    struct rm_core *core = core_of(loop);
    struct rm_hook **at = &core->hooks;
    while (*at && *at != hook)
        at = &(*at)->next;
    RM_ASSERT(*at == hook);
    *at = hook->next;
    if (core->next_hook == hook)
        core->next_hook = hook->next;
}
