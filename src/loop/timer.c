// The heap of timers. Owns its array; a timer's `slot` is its place + 1. Knows no clock: the caller says what time it is.
// SPDX-License-Identifier: Apache-2.0
#include "loop/timer.h"

struct rm_timer_node {
    uint64_t due_us;
    uint64_t order; // equal due times fire in the order of starting
    struct rm_timer *timer;
};

void rm_timers_init(struct rm_timers *timers, struct rm_arena *arena)
{
    *timers = (struct rm_timers){.arena = arena};
}

static bool node_before(const struct rm_timer_node *a, const struct rm_timer_node *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void node_place(struct rm_timers *timers, size_t at, struct rm_timer_node node)
{
    timers->heap[at] = node;
    node.timer->slot = at + 1;
}

// Moves the node towards the root, or else towards the leaves, to where it belongs.
static void node_settle(struct rm_timers *timers, size_t at, struct rm_timer_node node)
{
    while (at > 0) {
        size_t up = (at - 1) / 2;
        if (!node_before(&node, &timers->heap[up]))
            break;
        node_place(timers, at, timers->heap[up]);
        at = up;
    }
    for (;;) {
        size_t down = 2 * at + 1;
        if (down >= timers->n)
            break;
        if (down + 1 < timers->n && node_before(&timers->heap[down + 1], &timers->heap[down]))
            down++;
        if (!node_before(&timers->heap[down], &node))
            break;
        node_place(timers, at, timers->heap[down]);
        at = down;
    }
    node_place(timers, at, node);
}

void rm_timers_start(struct rm_timers *timers, struct rm_timer *timer, uint64_t due_us, uint64_t now_us)
{
    timer->due_us = due_us < now_us ? now_us : due_us;
    struct rm_timer_node node = {timer->due_us, timers->started++, timer};
    if (timer->slot) {
        node_settle(timers, timer->slot - 1, node);
        return;
    }
    if (timers->n == timers->cap) {
        size_t cap = timers->cap ? 2 * timers->cap : 32;
        struct rm_timer_node *heap = rm_arena_alloc(timers->arena, rm_mul_size(cap, sizeof(*heap)));
        if (timers->n)
            memcpy(heap, timers->heap, timers->n * sizeof(*heap));
        timers->heap = heap;
        timers->cap = cap;
    }
    timers->n++;
    node_settle(timers, timers->n - 1, node);
}

void rm_timers_stop(struct rm_timers *timers, struct rm_timer *timer)
{
    if (!timer->slot)
        return;
    size_t at = timer->slot - 1;
    RM_ASSERT(at < timers->n && timers->heap[at].timer == timer);
    timer->slot = 0;
    timers->n--;
    if (at < timers->n)
        node_settle(timers, at, timers->heap[timers->n]);
}

uint64_t rm_timers_next_us(const struct rm_timers *timers)
{
    return timers->n ? timers->heap[0].due_us : UINT64_MAX;
}

void rm_timers_fire(struct rm_timers *timers, uint64_t now_us)
{
    uint64_t first_new = timers->started;
    while (timers->n && timers->heap[0].due_us <= now_us && timers->heap[0].order < first_new) {
        struct rm_timer *timer = timers->heap[0].timer;
        rm_timers_stop(timers, timer);
        timer->fire(timer);
    }
}
