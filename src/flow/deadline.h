// A moment by which something must be over. When it passes, what came in the same turn is looked at first: an answer that is
// there beats its deadline.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_DEADLINE_H
#define FLOW_DEADLINE_H

#include <remora/loop.h>

struct rm_deadline {
    void (*passed)(struct rm_deadline *); // from the ready queue
    struct rm_loop *loop;
    struct rm_timer timer;
    struct rm_task task;
};

void rm_deadline_start(struct rm_deadline *, struct rm_loop *, uint64_t at_us, void (*passed)(struct rm_deadline *));
void rm_deadline_stop(struct rm_deadline *); // no-op when it was never started or has passed

#endif
