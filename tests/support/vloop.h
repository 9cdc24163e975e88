// A loop of virtual time for tests: loop.h's functions without epoll, one thread, no waiting. Link vloop.c into the test
// beside layer `loop`: it takes the place of loop.c. Descriptors are not for it: rm_fd_*() abort.
// SPDX-License-Identifier: Apache-2.0
#ifndef SUPPORT_VLOOP_H
#define SUPPORT_VLOOP_H

#include <remora/loop.h>

// Time starts here, not at 0, so that a forgotten start time shows.
#define RM_VLOOP_START_US UINT64_C(1000000000)

// Runs turns until nothing is ready, posted or started, or rm_loop_stop(). When nothing is ready the clock jumps to the next
// timer, or by what a hook asks for.
void rm_vloop_run(struct rm_loop *);
// The same, but not beyond this time; the clock stands there afterwards unless it was stopped.
void rm_vloop_run_until(struct rm_loop *, uint64_t until_us);
// One turn without moving the clock: inbox, due timers, ready queue, hooks.
void rm_vloop_turn(struct rm_loop *);

#endif
