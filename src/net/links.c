// Sockets between libcurl and epoll. Owns the table and the registrations, never a descriptor: a connection that must end is shut
// down, which libcurl notices, and closed by libcurl.
// SPDX-License-Identifier: Apache-2.0
#include "net/links.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define CONN_DRAIN_TIMES 16

static void conns_on_timer(struct rm_timer *timer);

void rm_links_init(struct rm_links *table, struct rm_loop *loop, struct rm_peers *peers)
{
    *table = (struct rm_links){.loop = loop, .peers = peers, .timer = {.fire = conns_on_timer}};
    rm_arena_init(&table->arena, NULL);
    rm_list_init(&table->idle);
}

void rm_links_fini(struct rm_links *table)
{
    RM_ASSERT(table->n == 0 && rm_list_empty(&table->idle));
    rm_timer_stop(&table->timer);
    rm_arena_fini(&table->arena);
}

// ---- idle connections ------------------------------------------------------------------------------------------------

static void conns_arm(struct rm_links *table)
{
    if (rm_list_empty(&table->idle) || table->idle_timeout_us == 0) {
        rm_timer_stop(&table->timer);
        return;
    }
    if (table->timer.slot)
        return; // it may fire for one that is in use again; that is cheaper than moving it with every exchange
    const struct rm_link *oldest = rm_container_of(table->idle.next, struct rm_link, in_idle);
    rm_timer_start(table->loop, &table->timer, oldest->idle_us + table->idle_timeout_us);
}

static void conn_leave_idle(struct rm_link *conn)
{
    if (!conn->idle)
        return;
    conn->idle = false;
    rm_list_remove(&conn->in_idle);
    conn->table->n_idle--;
    conn->peer->n_idle--;
}

// Ends an idle connection. What has arrived is read away, so that libcurl's own look at it sees the end.
static void conn_kill(struct rm_link *conn)
{
    char away[4096];
    conn_leave_idle(conn);
    conn->dead = true;
    rm_fd_del(&conn->watch);
    (void)shutdown(conn->watch.fd, SHUT_RDWR);
    for (int i = 0; i < CONN_DRAIN_TIMES; i++) {
        if (recv(conn->watch.fd, away, sizeof(away), MSG_DONTWAIT) <= 0)
            break;
    }
}

static void conns_on_timer(struct rm_timer *timer)
{
    struct rm_links *table = rm_container_of(timer, struct rm_links, timer);
    uint64_t now_us = rm_loop_now_us(table->loop);
    while (!rm_list_empty(&table->idle)) {
        struct rm_link *oldest = rm_container_of(table->idle.next, struct rm_link, in_idle);
        if (now_us - oldest->idle_us < table->idle_timeout_us)
            break;
        conn_kill(oldest);
    }
    conns_arm(table);
}

void rm_link_release(struct rm_link *conn)
{
    struct rm_links *table = conn->table;
    conn->user = NULL;
    if (conn->dead || conn->want_in || conn->want_out)
        return; // libcurl is closing it
    conn->idle = true;
    conn->idle_us = rm_loop_now_us(table->loop);
    rm_list_push_back(&table->idle, &conn->in_idle);
    table->n_idle++;
    conn->peer->n_idle++;
    if (table->max_idle_per_peer > 0 && conn->peer->n_idle > table->max_idle_per_peer)
        conn_kill(conn);
    else if (table->max_idle > 0 && table->n_idle > table->max_idle)
        conn_kill(rm_container_of(table->idle.next, struct rm_link, in_idle));
    conns_arm(table);
}

void rm_link_take(struct rm_link *conn, void *user)
{
    conn_leave_idle(conn);
    conn->user = user;
}

struct rm_link *rm_link_claim(struct rm_links *table, const struct rm_peer *peer, uint32_t port, void *user)
{
    struct rm_link *conn = table->by_port[port % RM_CONN_BUCKETS];
    while (conn && (conn->port != port || conn->peer != peer || conn->user))
        conn = conn->next_port;
    if (!conn)
        return NULL;
    char byte;
    ssize_t n = recv(conn->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n >= 0 || errno != EAGAIN)
        conn->dead = true;
    rm_link_take(conn, user);
    return conn;
}

// ---- events ----------------------------------------------------------------------------------------------------------

static void conn_on_event(struct rm_fd *watch, uint32_t happened)
{
    struct rm_link *conn = rm_container_of(watch, struct rm_link, watch);
    // An error is told by the call that runs into it.
    bool in = conn->want_in && (happened & (EPOLLIN | EPOLLERR | EPOLLHUP));
    bool out = conn->want_out && (happened & (EPOLLOUT | EPOLLERR | EPOLLHUP));
    if (in || out) {
        conn->table->on_ready(conn, in, out);
        return;
    }
    // Nobody waits: a paused transfer comes back by rm_link_want(), an idle connection never.
    rm_fd_del(watch);
    if (conn->idle)
        conn_kill(conn);
}

int rm_link_want(struct rm_link *conn, bool in, bool out, struct rm_err *err)
{
    conn->want_in = in;
    conn->want_out = out;
    if (!in && !out) {
        // Writable is what an idle socket always is. Readable is what it becomes when it ends.
        if (conn->watch.loop && (conn->watch.events & EPOLLOUT))
            rm_fd_mod(&conn->watch, EPOLLIN);
        return RM_OK;
    }
    uint32_t events = (in ? (uint32_t)EPOLLIN : 0) | (out ? (uint32_t)EPOLLOUT : 0);
    if (conn->watch.loop) {
        rm_fd_mod(&conn->watch, events);
        return RM_OK;
    }
    conn->watch.events = events;
    return rm_fd_add(conn->table->loop, &conn->watch, err);
}

// ---- the table -------------------------------------------------------------------------------------------------------

struct rm_link *rm_link_new(struct rm_links *table, int fd, struct rm_peer *peer, void *user)
{
    RM_ASSERT(!rm_link_of_fd(table, fd));
    struct rm_link *conn = table->unused;
    if (conn)
        table->unused = conn->next_fd;
    else
        conn = rm_arena_alloc(&table->arena, sizeof(*conn));
    *conn = (struct rm_link){.watch = {.fd = fd, .on_event = conn_on_event},
                             .table = table,
                             .peer = rm_peer_ref(table->peers, peer),
                             .user = user};
    struct rm_link **bucket = &table->by_fd[(uint32_t)fd % RM_CONN_BUCKETS];
    conn->next_fd = *bucket;
    *bucket = conn;
    table->n++;
    return conn;
}

struct rm_link *rm_link_of_fd(const struct rm_links *table, int fd)
{
    struct rm_link *conn = table->by_fd[(uint32_t)fd % RM_CONN_BUCKETS];
    while (conn && conn->watch.fd != fd)
        conn = conn->next_fd;
    return conn;
}

void rm_link_set_port(struct rm_link *conn, uint32_t port)
{
    if (conn->port > 0 || port == 0)
        return;
    struct rm_link **bucket = &conn->table->by_port[port % RM_CONN_BUCKETS];
    conn->port = port;
    conn->next_port = *bucket;
    *bucket = conn;
}

void rm_link_forget(struct rm_link *conn)
{
    struct rm_links *table = conn->table;
    conn_leave_idle(conn);
    rm_fd_del(&conn->watch);
    struct rm_link **at = &table->by_fd[(uint32_t)conn->watch.fd % RM_CONN_BUCKETS];
    while (*at != conn)
        at = &(*at)->next_fd;
    *at = conn->next_fd;
    if (conn->port > 0) {
        at = &table->by_port[conn->port % RM_CONN_BUCKETS];
        while (*at != conn)
            at = &(*at)->next_port;
        *at = conn->next_port;
    }
    rm_peer_unref(table->peers, conn->peer);
    conn->next_fd = table->unused;
    table->unused = conn;
    table->n--;
}
