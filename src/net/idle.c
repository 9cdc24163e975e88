// Resting connections, in the order in which they began to rest, overall and for each peer. Owns the timer; the connections are the
// engine's.
// SPDX-License-Identifier: Apache-2.0
#include "net/idle.h"

static void idle_arm(struct rm_idle *idle)
{
    if (rm_list_empty(&idle->all) || idle->timeout_us == 0) {
        rm_timer_stop(&idle->timer);
        return;
    }
    if (idle->timer.slot)
        return; // it may fire for one that is in use again; that is cheaper than moving it with every exchange
    const struct rm_idle_one *oldest = rm_container_of(idle->all.next, struct rm_idle_one, in_all);
    rm_timer_start(idle->loop, &idle->timer, oldest->since_us + idle->timeout_us);
}

static void idle_on_timer(struct rm_timer *timer)
{
    struct rm_idle *idle = rm_container_of(timer, struct rm_idle, timer);
    uint64_t now_us = rm_loop_now_us(idle->loop);
    while (!rm_list_empty(&idle->all)) {
        struct rm_idle_one *oldest = rm_container_of(idle->all.next, struct rm_idle_one, in_all);
        if (now_us - oldest->since_us < idle->timeout_us)
            break;
        rm_idle_remove(idle, oldest);
        idle->kill(oldest);
    }
    idle_arm(idle);
}

void rm_idle_init(struct rm_idle *idle, struct rm_loop *loop, void (*kill)(struct rm_idle_one *))
{
    *idle = (struct rm_idle){.loop = loop, .timer = {.fire = idle_on_timer}, .kill = kill};
    rm_list_init(&idle->all);
}

void rm_idle_limit(struct rm_idle *idle, const struct rm_transport_conf *conf)
{
    idle->max = conf->max_idle;
    idle->max_per_peer = conf->max_idle_per_host;
    idle->timeout_us = conf->idle_timeout_us;
}

void rm_idle_fini(struct rm_idle *idle)
{
    RM_ASSERT(rm_list_empty(&idle->all));
    rm_timer_stop(&idle->timer);
}

void rm_idle_add(struct rm_idle *idle, struct rm_idle_one *one, struct rm_peer *peer)
{
    RM_ASSERT(!one->rests);
    one->rests = true;
    one->peer = peer;
    one->since_us = rm_loop_now_us(idle->loop);
    rm_list_push_back(&idle->all, &one->in_all);
    rm_list_push_back(&peer->idle, &one->in_peer);
    idle->n++;
    peer->n_idle++;
    struct rm_idle_one *one_too_many = NULL;
    if (peer->left || (idle->max_per_peer > 0 && peer->n_idle > idle->max_per_peer))
        one_too_many = one;
    else if (idle->max > 0 && idle->n > idle->max)
        one_too_many = rm_container_of(idle->all.next, struct rm_idle_one, in_all);
    if (one_too_many) {
        rm_idle_remove(idle, one_too_many);
        idle->kill(one_too_many);
    }
    idle_arm(idle);
}

void rm_idle_remove(struct rm_idle *idle, struct rm_idle_one *one)
{
    if (!one->rests)
        return;
    one->rests = false;
    rm_list_remove(&one->in_all);
    rm_list_remove(&one->in_peer);
    idle->n--;
    one->peer->n_idle--;
}

void rm_idle_leave(struct rm_idle *idle, struct rm_peers *peers, const struct rm_host *host)
{
    struct rm_peer *peer = rm_peer_find(peers, host);
    if (!peer)
        return;
    struct rm_idle_one *one;
    rm_peer_ref(peers, peer);
    peer->left = true;
    while ((one = rm_idle_newest(peer)) != NULL) {
        rm_idle_remove(idle, one);
        idle->kill(one);
    }
    rm_peer_unref(peers, peer);
}

struct rm_idle_one *rm_idle_newest(const struct rm_peer *peer)
{
    return rm_list_empty(&peer->idle) ? NULL : rm_container_of(peer->idle.prev, struct rm_idle_one, in_peer);
}
