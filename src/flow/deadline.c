// Deadlines of call groups: a timer, and a task behind what is ready already. Owned by the frame that it lies in.
// SPDX-License-Identifier: Apache-2.0
#include "flow/deadline.h"

static void deadline_task(struct rm_task *task)
{
    struct rm_deadline *deadline = rm_container_of(task, struct rm_deadline, task);
    deadline->passed(deadline);
}

static void deadline_fire(struct rm_timer *timer)
{
    struct rm_deadline *deadline = rm_container_of(timer, struct rm_deadline, timer);
    rm_task_queue(deadline->loop, &deadline->task);
}

void rm_deadline_start(struct rm_deadline *deadline, struct rm_loop *loop, uint64_t at_us,
                       void (*passed)(struct rm_deadline *))
{
    *deadline = (struct rm_deadline){
        .passed = passed, .loop = loop, .timer = {.fire = deadline_fire}, .task = {.run = deadline_task}};
    rm_timer_start(loop, &deadline->timer, at_us);
}

void rm_deadline_stop(struct rm_deadline *deadline)
{
    if (!deadline->loop)
        return;
    rm_timer_stop(&deadline->timer);
    rm_task_cancel(deadline->loop, &deadline->task);
}
