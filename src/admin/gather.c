// Rounds of questions to the loops. Owns the state of the round; the parts are the members'.
// SPDX-License-Identifier: Apache-2.0
#include "admin/gather.h"

#define FOR_MEMBERS(member, gather)                                                                                    \
    for (struct rm_list *node_ = (gather)->members.next;                                                               \
         node_ != &(gather)->members &&                                                                                \
         ((member) = rm_container_of(node_, struct rm_member, link), true);                                            \
         node_ = node_->next)

static void gather_post(struct rm_member *);
static void gather_check(struct rm_gather *);

// ---- the way there and back ----------------------------------------------------------------------------------------------

static void member_clear(struct rm_member *m)
{
    if (m->is_in && m->clear)
        m->clear(m);
    m->is_in = false;
}

static void member_back(struct rm_msg *msg)
{
    struct rm_member *m = rm_container_of(msg, struct rm_member, msg);
    m->is_away = false;
    m->is_in = true;
    if (m->gather->is_running && m->round == m->gather->round) {
        gather_check(m->gather);
        return;
    }
    member_clear(m); // too late for its round
    if (m->gather->is_running)
        gather_post(m);
}

static void member_asked(struct rm_msg *msg)
{
    struct rm_member *m = rm_container_of(msg, struct rm_member, msg);
    m->fill(m, m->everything);
    m->msg.deliver = member_back;
    rm_loop_post(m->gather->loop, msg);
}

static void gather_post(struct rm_member *m)
{
    bool everything = false;
    RM_LIST_FOR (node, &m->gather->asking)
        everything |= rm_container_of(node, struct rm_ask_all, link)->everything;
    m->everything = everything;
    m->is_away = true;
    m->is_in = false;
    m->round = m->gather->round;
    m->asked_us = rm_loop_now_us(m->gather->loop);
    m->msg.deliver = member_asked;
    rm_loop_post(m->loop, &m->msg);
}

uint64_t rm_member_silent_us(const struct rm_member *m)
{
    return m->is_away ? rm_loop_now_us(m->gather->loop) - m->asked_us : 0;
}

// ---- rounds ----------------------------------------------------------------------------------------------------------

static void gather_end(struct rm_gather *g)
{
    struct rm_member *m;
    rm_timer_stop(&g->deadline);
    while (!rm_list_empty(&g->asking)) {
        struct rm_ask_all *ask = rm_container_of(g->asking.next, struct rm_ask_all, link);
        rm_list_remove(&ask->link);
        ask->is_waiting = false;
        ask->done(ask);
    }
    g->is_running = false;
    FOR_MEMBERS (m, g)
        member_clear(m);
    if (!rm_list_empty(&g->waiting))
        rm_task_queue(g->loop, &g->begin);
}

static void gather_check(struct rm_gather *g)
{
    struct rm_member *m;
    FOR_MEMBERS (m, g)
        if (!m->is_in)
            return;
    gather_end(g);
}

static void gather_deadline(struct rm_timer *timer)
{
    gather_end(rm_container_of(timer, struct rm_gather, deadline));
}

static void gather_begin(struct rm_task *task)
{
    struct rm_gather *g = rm_container_of(task, struct rm_gather, begin);
    struct rm_member *m;
    g->is_running = true;
    g->round++;
    while (!rm_list_empty(&g->waiting)) {
        struct rm_list *node = g->waiting.next;
        rm_list_remove(node);
        rm_list_push_back(&g->asking, node);
    }
    FOR_MEMBERS (m, g)
        if (!m->is_away)
            gather_post(m);
    rm_timer_start(g->loop, &g->deadline, rm_loop_now_us(g->loop) + RM_GATHER_WAIT_US);
    gather_check(g);
}

void rm_gather_start(struct rm_gather *g, struct rm_ask_all *ask)
{
    RM_ASSERT(ask->done && !ask->is_waiting);
    ask->is_waiting = true;
    rm_list_push_back(&g->waiting, &ask->link);
    if (!g->is_running && !g->begin.queued)
        rm_task_queue(g->loop, &g->begin);
}

void rm_gather_cancel(struct rm_gather *g, struct rm_ask_all *ask)
{
    (void)g; // a round that nobody waits for ends by itself
    if (ask->is_waiting)
        rm_list_remove(&ask->link);
    ask->is_waiting = false;
}

// ---- members -----------------------------------------------------------------------------------------------------------

void rm_gather_init(struct rm_gather *g, struct rm_loop *loop)
{
    *g = (struct rm_gather){.loop = loop, .deadline.fire = gather_deadline, .begin.run = gather_begin};
    rm_list_init(&g->members);
    rm_list_init(&g->waiting);
    rm_list_init(&g->asking);
}

void rm_gather_add(struct rm_gather *g, struct rm_member *m)
{
    RM_ASSERT(m->loop && m->fill && m->name && !m->gather);
    m->gather = g;
    rm_list_push_back(&g->members, &m->link);
}

void rm_gather_remove(struct rm_gather *g, struct rm_member *m)
{
    if (m->gather != g)
        return;
    if (m->is_away) { // it lies in the inbox of a loop that has ended
        bool was_there = rm_loop_take_back(m->loop, &m->msg);
        RM_ASSERT(was_there);
        m->is_away = false;
    }
    member_clear(m);
    rm_list_remove(&m->link);
    m->gather = NULL;
    if (g->is_running)
        gather_check(g);
}

void rm_gather_fini(struct rm_gather *g)
{
    RM_ASSERT(rm_list_empty(&g->waiting) && rm_list_empty(&g->asking));
    rm_timer_stop(&g->deadline);
    rm_task_cancel(g->loop, &g->begin);
    while (!rm_list_empty(&g->members)) {
        struct rm_member *m = rm_container_of(g->members.next, struct rm_member, link);
        m->is_in = true; // its answer may lie in main's inbox
        member_clear(m);
        rm_list_remove(&m->link);
    }
}
