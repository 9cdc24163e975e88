// The timers of one loop, real or virtual: a binary heap ordered by due time, then by the order of starting.
// SPDX-License-Identifier: Apache-2.0
#ifndef LOOP_TIMER_H
#define LOOP_TIMER_H

#include <remora/loop.h>

struct rm_timer_node;

struct rm_timers {
    struct rm_arena *arena; // for the heap's array
    struct rm_timer_node *heap;
    size_t n, cap;
    uint64_t started; // numbers the starts
};

void rm_timers_init(struct rm_timers *, struct rm_arena *);
// O(log n). A due time before now_us counts as now_us: a timer that keeps starting itself "at once" cannot keep others back.
void rm_timers_start(struct rm_timers *, struct rm_timer *, uint64_t due_us, uint64_t now_us);
void rm_timers_stop(struct rm_timers *, struct rm_timer *); // O(log n); no-op when stopped
// When the next one is due; UINT64_MAX: none.
uint64_t rm_timers_next_us(const struct rm_timers *);
// Fires what is due. What is started meanwhile waits for the next call, even when it is due at once.
void rm_timers_fire(struct rm_timers *, uint64_t now_us);

#endif
