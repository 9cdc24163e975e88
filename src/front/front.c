// The front end of one worker: made, drained, freed.
// SPDX-License-Identifier: Apache-2.0
#include "front/front.h"
#include "front/client.h"
#include "front/linger.h"
#include "front/mhd.h"
#include "front/relay.h"
#include "front/tls.h"

// What the worker keeps of finished requests' arenas.
#define FRONT_KEEP_BYTES ((size_t)1 << 20)

static bool front_is_empty(const struct rm_front *front)
{
    return rm_list_empty(&front->conns) && rm_list_empty(&front->relays) && rm_list_empty(&front->lingering);
}

static void front_tell_drained(struct rm_task *task)
{
    struct rm_front *front = rm_container_of(task, struct rm_front, drained_task);
    void (*drained)(void *) = front->drained;
    front->drained = NULL;
    if (drained)
        drained(front->drained_arg);
}

static void front_check_drained(struct rm_front *front)
{
    if (front->draining && front_is_empty(front) && !front->drained_task.queued)
        rm_task_queue(front->loop, &front->drained_task);
}

void rm_front_left(struct rm_front *front)
{
    rm_accept_give_back(front);
    if (front->freeing)
        return;
    rm_accept_resume(front);
    front_check_drained(front);
}

struct rm_world *rm_front_world(const struct rm_front *front)
{
    return front->serving->world;
}

struct rm_flow *rm_front_flow(const struct rm_front *front)
{
    return front->serving->flow;
}

void rm_front_change(struct rm_front *front, struct rm_world *world, struct rm_flow *flow)
{
    struct rm_serving *before = front->serving;
    front->serving = rm_serving_new(world, flow);
    front->limits = &world->plan->conf->limits;
    RM_ASSERT(!flow || !front->tls == !world->tls);
    if (front->tls) { // sessions that are there have their own reference
        rm_tls_unref(front->tls);
        front->tls = rm_tls_ref(world->tls);
    }
    RM_LIST_FOR (link, &front->conns) {
        struct rm_conn *c = rm_container_of(link, struct rm_conn, link);
        c->peer_trusted = rm_proxies_trust(&world->proxies, rm_str_of(c->peer));
    }
    rm_serving_unref(before);
}

int rm_front_new(struct rm_front **out, struct rm_loop *loop, struct rm_world *world, struct rm_flow *flow,
                 struct rm_front_shared *shared, struct rm_err *err)
{
    RM_ASSERT(flow || shared->pages);
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_front *front = RM_NEW(&arena, struct rm_front);
    front->arena = arena;
    front->loop = loop;
    front->limits = &world->plan->conf->limits;
    front->shared = shared;
    front->pool_bytes = rm_mhd_pool_bytes(front->limits);
    front->drained_task.run = front_tell_drained;
    rm_list_init(&front->conns);
    rm_list_init(&front->spare);
    rm_list_init(&front->lingering);
    rm_list_init(&front->spare_lingers);
    rm_list_init(&front->relays);
    rm_list_init(&front->spare_relays);
    front->tls = flow && world->tls ? rm_tls_ref(world->tls) : NULL;
    front->serving = rm_serving_new(world, flow);
    int code = rm_mhd_new(&front->mhd, front, err);
    if (code == RM_OK)
        code = rm_accept_start(front, err);
    if (code != RM_OK) {
        if (front->mhd)
            rm_mhd_free(front->mhd);
        front->serving->flow = NULL; // stays the caller's
        rm_serving_unref(front->serving);
        rm_tls_unref(front->tls);
        arena = front->arena;
        rm_arena_fini(&arena);
        return code;
    }
    front->blocks = rm_block_cache_new(FRONT_KEEP_BYTES);
    front->shadows = (struct rm_shadows){.blocks = front->blocks, .hold = rm_client_hold, .release = rm_client_release};
    rm_list_init(&front->shadows.running);
    *out = front;
    return RM_OK;
}

void rm_front_tell(struct rm_front *front, struct rm_front_activity *activity)
{
    front->activity = activity;
}

void rm_front_count(struct rm_front *front, bool begins)
{
    struct rm_front_activity *activity = front->activity;
    if (!activity)
        return;
    // One writer: no read-modify-write, so that it costs two plain stores.
    uint32_t running = atomic_load_explicit(&activity->running, memory_order_relaxed);
    atomic_store_explicit(&activity->active_us, rm_loop_now_us(front->loop), memory_order_relaxed);
    atomic_store_explicit(&activity->running, begins ? running + 1 : running - 1, memory_order_release);
}

void rm_front_say_close(struct rm_front *front)
{
    front->says_close = true;
}

void rm_front_drain(struct rm_front *front, void (*drained)(void *), void *arg)
{
    front->drained = drained;
    front->drained_arg = arg;
    if (!front->draining) {
        front->draining = true; // answers say Connection: close from now on
        rm_accept_queue(front); // who has connected is served
        rm_accept_stop(front);
        RM_LIST_FOR (link, &front->conns) {
            struct rm_conn *c = rm_container_of(link, struct rm_conn, link);
            if (c->phase == RM_CONN_IDLE)
                rm_conn_enter(c, RM_CONN_IDLE); // for a shorter time
        }
        rm_relay_hurry(front, rm_loop_now_us(front->loop) + RM_CONN_DRAIN_QUIET);
    }
    front_check_drained(front);
}

void rm_front_free(struct rm_front *front)
{
    if (!front)
        return;
    front->freeing = true;
    rm_accept_stop(front);
    rm_task_cancel(front->loop, &front->drained_task);
    bool killed = false;
    RM_LIST_FOR (link, &front->conns) {
        struct rm_conn *c = rm_container_of(link, struct rm_conn, link);
        if (!c->suspended)
            continue;
        rm_client_kill(c->client);
        killed = true;
    }
    if (killed)
        rm_mhd_run(front->mhd); // a suspended connection must not meet the daemon's end
    rm_mhd_free(front->mhd);
    rm_relay_end_all(front);
    rm_linger_end_all(front);
    rm_tls_unref(front->tls);
    RM_ASSERT(front_is_empty(front));
    rm_shadows_end(&front->shadows);
    rm_serving_unref(front->serving);
    rm_block_cache_free(front->blocks);
    struct rm_arena arena = front->arena; // front lies in it
    rm_arena_fini(&arena);
}
