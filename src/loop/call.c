// A call's life: NEW, RUNNING, READY (done, its waiter queued), OVER. Owns the state and asserts every change of it; frames
// belong to the request's arena.
// SPDX-License-Identifier: Apache-2.0
#include <remora/call.h>

static void call_ready(struct rm_task *task)
{
    struct rm_call *call = rm_container_of(task, struct rm_call, ready);
    RM_ASSERT(call->state == RM_CALL_READY);
    call->state = RM_CALL_OVER;
    call->on_done(call);
}

void rm_call_init(struct rm_call *call, const struct rm_call_ops *ops, struct rm_loop *loop, struct rm_arena *arena,
                  struct rm_call *up, void (*on_done)(struct rm_call *))
{
    RM_ASSERT(ops && ops->start && ops->cancel && on_done);
    *call = (struct rm_call){
        .ops = ops, .loop = loop, .arena = arena, .up = up, .on_done = on_done, .ready = {.run = call_ready}};
}

void rm_call_start(struct rm_call *call)
{
    RM_ASSERT(call->state == RM_CALL_NEW);
    call->state = RM_CALL_RUNNING;
    call->ops->start(call);
}

void rm_call_done(struct rm_call *call)
{
    RM_ASSERT(call->state == RM_CALL_RUNNING);
    call->state = RM_CALL_READY;
    rm_task_queue(call->loop, &call->ready);
}

void rm_call_cancel(struct rm_call *call)
{
    enum rm_call_state was = call->state;
    call->state = RM_CALL_OVER; // a done from inside cancel() is caught by its assertion
    if (was == RM_CALL_RUNNING)
        call->ops->cancel(call);
    else if (was == RM_CALL_READY)
        rm_task_cancel(call->loop, &call->ready);
}
