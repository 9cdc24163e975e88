// What the real loop and the tests' virtual loop have in common: the clock's reading, timers, the ready queue and the
// hooks. It is the first member of struct rm_loop in both, so that core.c implements loop.h's functions for them once.
// SPDX-License-Identifier: Apache-2.0
#ifndef LOOP_CORE_H
#define LOOP_CORE_H

#include "loop/timer.h"

struct rm_core {
    struct rm_arena arena; // the loop's lifetime
    uint64_t now_us;
    struct rm_timers timers;
    struct rm_task ready; // head of a ring
    struct rm_hook *hooks;
    struct rm_hook *next_hook; // while hooks run: the one after the running one
};

void rm_core_init(struct rm_core *);
// Nothing may be registered any more; the arena is the caller's to end.
void rm_core_fini(const struct rm_core *);

// { ready queue until empty; hooks } until nothing is ready. Bounded: what keeps itself busy gives way to descriptors after a
// while, and rm_core_wait_us() is 0 then.
void rm_core_settle(struct rm_core *);
// How long the next wait may be: 0 not at all, UINT64_MAX for ever. now_us is the current time, not that of the turn's start.
uint64_t rm_core_wait_us(struct rm_core *, uint64_t now_us);

#endif
