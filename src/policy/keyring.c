// One source's keys between the thread that fetches them and those that use them (keyring.h).
// SPDX-License-Identifier: Apache-2.0
#include "policy/keyring.h"

#include "base/list.h"
#include "loop/thread.h"

struct rm_keyring {
    bool is_open; // by the thread that makes plans
    _Atomic uint32_t plans;
    _Atomic uint64_t rests_until_us;
    struct rm_lock lock; // of what follows
    struct rm_keys *keys;
    struct rm_list waiting; // struct keyring_wait
    struct rm_loop *loop;   // of who fetches; NULL: nobody
    void (*asked)(void *);
    void *arg;
    struct rm_msg
        kick; // to that loop. Whoever sends it has a request of a plan that has this ring, so it arrives before that is given back
    bool is_kicked;
};

struct keyring_wait {
    struct rm_call call; // first
    struct rm_keyring *ring;
    struct rm_list link; // in `waiting`, or alone
    struct rm_msg msg;   // back to the worker
};

// ---- keys ------------------------------------------------------------------------------------------------------------

void rm_keys_unref(struct rm_keys *keys)
{
    if (!keys || atomic_fetch_sub_explicit(&keys->refs, 1, memory_order_acq_rel) > 1)
        return;
    struct rm_arena arena = keys->arena;
    rm_arena_fini(&arena);
}

static void keyring_set(struct rm_keyring *ring, struct rm_keys *keys)
{
    rm_lock_take(&ring->lock);
    struct rm_keys *before = ring->keys;
    ring->keys = keys;
    rm_lock_give(&ring->lock);
    rm_keys_unref(before);
}

static void keyring_leave(void *arg)
{
    struct rm_keyring *ring = arg;
    if (atomic_fetch_sub_explicit(&ring->plans, 1, memory_order_acq_rel) == 1)
        keyring_set(ring, NULL);
}

struct rm_keyring *rm_keyring_open(struct rm_arena *plan, struct rm_policy_cells *cells, struct rm_str key)
{
    struct rm_keyring *ring = rm_policy_cell(cells, plan, key, sizeof(*ring));
    if (!ring->is_open) {
        rm_lock_init(&ring->lock);
        rm_list_init(&ring->waiting);
    }
    ring->is_open = true;
    atomic_fetch_add_explicit(&ring->plans, 1, memory_order_acq_rel);
    rm_arena_defer(plan, keyring_leave, ring);
    return ring;
}

struct rm_keys *rm_keyring_get(struct rm_keyring *ring)
{
    rm_lock_take(&ring->lock);
    struct rm_keys *keys = ring->keys;
    if (keys)
        atomic_fetch_add_explicit(&keys->refs, 1, memory_order_relaxed);
    rm_lock_give(&ring->lock);
    return keys;
}

// ---- waiting ---------------------------------------------------------------------------------------------------------

bool rm_keyring_may_wait(struct rm_keyring *ring, uint64_t now_us)
{
    return now_us >= atomic_load_explicit(&ring->rests_until_us, memory_order_relaxed);
}

static void keyring_kicked(struct rm_msg *msg) // who fetches
{
    struct rm_keyring *ring = rm_container_of(msg, struct rm_keyring, kick);
    rm_lock_take(&ring->lock);
    ring->is_kicked = false;
    void (*asked)(void *) = ring->loop ? ring->asked : NULL;
    void *arg = ring->arg;
    rm_lock_give(&ring->lock);
    if (asked)
        asked(arg);
}

static void wait_start(struct rm_call *call)
{
    struct keyring_wait *wait = (struct keyring_wait *)call;
    struct rm_keyring *ring = wait->ring;
    rm_lock_take(&ring->lock);
    bool nobody = !ring->loop;
    if (!nobody)
        rm_list_push_back(&ring->waiting, &wait->link);
    if (!nobody && !ring->is_kicked) {
        ring->is_kicked = true;
        ring->kick.deliver = keyring_kicked;
        rm_loop_post(ring->loop, &ring->kick);
    }
    rm_lock_give(&ring->lock);
    if (nobody)
        rm_call_done(call);
}

static void wait_over(struct rm_msg *msg) // the worker
{
    struct keyring_wait *wait = rm_container_of(msg, struct keyring_wait, msg);
    rm_call_done(&wait->call);
}

static void wait_cancel(struct rm_call *call)
{
    struct keyring_wait *wait = (struct keyring_wait *)call;
    rm_lock_take(&wait->ring->lock);
    rm_list_remove(&wait->link);
    rm_lock_give(&wait->ring->lock);
    (void)rm_loop_take_back(call->loop, &wait->msg); // it may be on its way
}

static const struct rm_call_ops wait_ops = {"keys", wait_start, wait_cancel};

struct rm_call *rm_keyring_wait(struct rm_keyring *ring, struct rm_loop *loop, struct rm_arena *arena,
                                struct rm_call *up, void (*on_done)(struct rm_call *))
{
    struct keyring_wait *wait = RM_NEW(arena, struct keyring_wait);
    rm_call_init(&wait->call, &wait_ops, loop, arena, up, on_done);
    wait->ring = ring;
    wait->msg.deliver = wait_over;
    rm_list_init(&wait->link);
    return &wait->call;
}

// ---- who fetches -----------------------------------------------------------------------------------------------------

void rm_keyring_serve(struct rm_keyring *ring, struct rm_loop *loop, void (*asked)(void *), void *arg)
{
    rm_lock_take(&ring->lock);
    ring->loop = asked ? loop : NULL;
    ring->asked = asked;
    ring->arg = arg;
    rm_lock_give(&ring->lock);
}

int rm_keyring_put(struct rm_keyring *ring, struct rm_str text, uint32_t *n_keys, struct rm_err *err)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_keys *keys = RM_NEW(&arena, struct rm_keys);
    int code = rm_jwk_set_read(&arena, text, &keys->set, err);
    if (code == RM_OK && keys->set.n == 0)
        code = keys->set.n_left_out > 0
                   ? rm_fail(err, RM_EDECODE, "no key that can be used (left out: %s)", keys->set.left_out.text)
                   : rm_fail(err, RM_EDECODE, "no key in it");
    if (code != RM_OK) {
        rm_arena_fini(&arena);
        return code;
    }
    *n_keys = keys->set.n;
    keys->arena = arena;
    atomic_init(&keys->refs, 1);
    keyring_set(ring, keys);
    return RM_OK;
}

void rm_keyring_settle(struct rm_keyring *ring, uint64_t until_us)
{
    atomic_store_explicit(&ring->rests_until_us, until_us, memory_order_relaxed);
    rm_keyring_wake(ring);
}

void rm_keyring_wake(struct rm_keyring *ring)
{
    rm_lock_take(&ring->lock);
    while (!rm_list_empty(&ring->waiting)) {
        struct keyring_wait *wait = rm_container_of(ring->waiting.next, struct keyring_wait, link);
        rm_list_remove(&wait->link);
        rm_loop_post(wait->call.loop, &wait->msg); // in the lock: who cancels finds it in the list, or on its way
    }
    rm_lock_give(&ring->lock);
}
