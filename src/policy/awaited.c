// One value between the thread that fetches it and those that use it (awaited.h).
// SPDX-License-Identifier: Apache-2.0
#include "policy/awaited.h"

#include "base/list.h"
#include "loop/thread.h"

struct rm_awaited {
    bool is_open; // by the thread that makes plans
    _Atomic uint32_t plans;
    _Atomic uint64_t rests_until_us;
    struct rm_lock lock; // of what follows
    struct rm_awaited_value *value;
    struct rm_list waiting; // struct awaited_wait
    struct rm_loop *loop;   // of who fetches; NULL: nobody
    void (*asked)(void *);
    void *arg;
    struct rm_msg
        kick; // to that loop. Whoever sends it has a request of a plan that has this, so it arrives before that is given back
    bool is_kicked;
};

struct awaited_wait {
    struct rm_call call; // first
    struct rm_awaited *to;
    struct rm_list link; // in `waiting`, or alone
    struct rm_msg msg;   // back to the worker
};

// ---- values ------------------------------------------------------------------------------------------------------------

void rm_awaited_unref(struct rm_awaited_value *value)
{
    if (!value || atomic_fetch_sub_explicit(&value->refs, 1, memory_order_acq_rel) > 1)
        return;
    struct rm_arena arena = value->arena;
    rm_arena_fini(&arena);
}

static void awaited_put(struct rm_awaited *to, struct rm_awaited_value *value)
{
    rm_lock_take(&to->lock);
    struct rm_awaited_value *before = to->value;
    to->value = value;
    rm_lock_give(&to->lock);
    rm_awaited_unref(before);
}

static void awaited_leave(void *arg)
{
    struct rm_awaited *to = arg;
    if (atomic_fetch_sub_explicit(&to->plans, 1, memory_order_acq_rel) == 1)
        awaited_put(to, NULL);
}

struct rm_awaited *rm_awaited_open(struct rm_arena *plan, struct rm_policy_cells *cells, struct rm_str key)
{
    struct rm_awaited *to = rm_policy_cell(cells, plan, key, sizeof(*to));
    if (!to->is_open) {
        rm_lock_init(&to->lock);
        rm_list_init(&to->waiting);
    }
    to->is_open = true;
    atomic_fetch_add_explicit(&to->plans, 1, memory_order_acq_rel);
    rm_arena_defer(plan, awaited_leave, to);
    return to;
}

struct rm_awaited_value *rm_awaited_get(struct rm_awaited *to)
{
    rm_lock_take(&to->lock);
    struct rm_awaited_value *value = to->value;
    if (value)
        atomic_fetch_add_explicit(&value->refs, 1, memory_order_relaxed);
    rm_lock_give(&to->lock);
    return value;
}

// ---- waiting ---------------------------------------------------------------------------------------------------------

bool rm_awaited_may_wait(struct rm_awaited *to, uint64_t now_us)
{
    return now_us >= atomic_load_explicit(&to->rests_until_us, memory_order_relaxed);
}

static void awaited_kicked(struct rm_msg *msg) // who fetches
{
    struct rm_awaited *to = rm_container_of(msg, struct rm_awaited, kick);
    rm_lock_take(&to->lock);
    to->is_kicked = false;
    void (*asked)(void *) = to->loop ? to->asked : NULL;
    void *arg = to->arg;
    rm_lock_give(&to->lock);
    if (asked)
        asked(arg);
}

static void wait_start(struct rm_call *call)
{
    struct awaited_wait *wait = (struct awaited_wait *)call;
    struct rm_awaited *to = wait->to;
    rm_lock_take(&to->lock);
    bool nobody = !to->loop;
    if (!nobody)
        rm_list_push_back(&to->waiting, &wait->link);
    if (!nobody && !to->is_kicked) {
        to->is_kicked = true;
        to->kick.deliver = awaited_kicked;
        rm_loop_post(to->loop, &to->kick);
    }
    rm_lock_give(&to->lock);
    if (nobody)
        rm_call_done(call);
}

static void wait_over(struct rm_msg *msg) // the worker
{
    struct awaited_wait *wait = rm_container_of(msg, struct awaited_wait, msg);
    rm_call_done(&wait->call);
}

static void wait_cancel(struct rm_call *call)
{
    struct awaited_wait *wait = (struct awaited_wait *)call;
    rm_lock_take(&wait->to->lock);
    rm_list_remove(&wait->link);
    rm_lock_give(&wait->to->lock);
    (void)rm_loop_take_back(call->loop, &wait->msg); // it may be on its way
}

static const struct rm_call_ops wait_ops = {"awaited", wait_start, wait_cancel};

struct rm_call *rm_awaited_wait(struct rm_awaited *to, struct rm_loop *loop, struct rm_arena *arena, struct rm_call *up,
                                void (*on_done)(struct rm_call *))
{
    struct awaited_wait *wait = RM_NEW(arena, struct awaited_wait);
    rm_call_init(&wait->call, &wait_ops, loop, arena, up, on_done);
    wait->to = to;
    wait->msg.deliver = wait_over;
    rm_list_init(&wait->link);
    return &wait->call;
}

// ---- who fetches -----------------------------------------------------------------------------------------------------

void rm_awaited_serve(struct rm_awaited *to, struct rm_loop *loop, void (*asked)(void *), void *arg)
{
    rm_lock_take(&to->lock);
    to->loop = asked ? loop : NULL;
    to->asked = asked;
    to->arg = arg;
    rm_lock_give(&to->lock);
}

void rm_awaited_set(struct rm_awaited *to, struct rm_awaited_value *value)
{
    atomic_init(&value->refs, 1);
    awaited_put(to, value);
}

void rm_awaited_settle(struct rm_awaited *to, uint64_t until_us)
{
    atomic_store_explicit(&to->rests_until_us, until_us, memory_order_relaxed);
    rm_awaited_wake(to);
}

void rm_awaited_wake(struct rm_awaited *to)
{
    rm_lock_take(&to->lock);
    while (!rm_list_empty(&to->waiting)) {
        struct awaited_wait *wait = rm_container_of(to->waiting.next, struct awaited_wait, link);
        rm_list_remove(&wait->link);
        rm_loop_post(wait->call.loop, &wait->msg); // in the lock: who cancels finds it in the list, or on its way
    }
    rm_lock_give(&to->lock);
}
