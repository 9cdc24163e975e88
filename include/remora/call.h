// One unit of waiting. A call is started once; then it is done once, or cancelled. Its frame lies in the request's arena, so it
// cannot outlive the request. One thread, no locks. Implemented in src/loop/call.c.
// SPDX-License-Identifier: Apache-2.0
#ifndef REMORA_CALL_H
#define REMORA_CALL_H

#include <remora/base.h>
#include <remora/loop.h>

// The rules (DESIGN §3), asserted:
//  1. started once; then exactly one rm_call_done() or one rm_call_cancel().
//  2. rm_call_done() never runs the callback at once: it queues the call, the loop's ready queue runs it.
//  3. completion goes up, cancellation goes down, only between parent and child; after cancel returns nothing more arrives.
struct rm_call;

struct rm_call_ops {
    const char *name;                 // "http", "all", "seq", "race", "backend", "endpoint": for traces
    void (*start)(struct rm_call *);  // begin; later, or at once, exactly one rm_call_done()
    void (*cancel)(struct rm_call *); // undo start: cancel children, stop timers; must not call rm_call_done()
};

enum rm_call_state { RM_CALL_NEW, RM_CALL_RUNNING, RM_CALL_READY, RM_CALL_OVER };

struct rm_call {
    const struct rm_call_ops *ops;
    struct rm_loop *loop;
    struct rm_arena *arena;            // the request's
    struct rm_call *up;                // the call that waits for this one; NULL at the root
    void (*on_done)(struct rm_call *); // the waiter's next step; runs from the ready queue
    enum rm_call_state state;
    struct rm_err err;                 // err.code == RM_OK on success
    struct rm_task ready;              // the loop's
};

void rm_call_init(struct rm_call *, const struct rm_call_ops *, struct rm_loop *, struct rm_arena *, struct rm_call *up,
                  void (*on_done)(struct rm_call *));
void rm_call_start(struct rm_call *);
void rm_call_done(struct rm_call *);   // c->err is set (RM_OK is the default)
void rm_call_cancel(struct rm_call *); // safe in any state, also NEW and OVER; on_done will not run afterwards

#endif
