// Sockets between libcurl and epoll. Owns the table and the registrations, never a descriptor: a connection that must end is shut
// down, which libcurl notices, and closed by libcurl.
// SPDX-License-Identifier: Apache-2.0
#include "net/links.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINK_DRAIN_TIMES 16

static void link_end(struct rm_idle_one *one);

void rm_links_init(struct rm_links *table, struct rm_loop *loop, struct rm_peers *peers)
{
    *table = (struct rm_links){.loop = loop, .peers = peers};
    rm_arena_init(&table->arena, NULL);
    rm_idle_init(&table->idle, loop, link_end);
}

void rm_links_fini(struct rm_links *table)
{
    RM_ASSERT(table->n == 0);
    rm_idle_fini(&table->idle);
    rm_arena_fini(&table->arena);
}

// ---- idle connections ------------------------------------------------------------------------------------------------

// Nothing has come, no end either.
static bool link_is_quiet(const struct rm_link *link)
{
    char byte;
    return recv(link->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

// Ends an idle connection. What has arrived is read away, so that libcurl's own look at it sees the end.
static void link_end(struct rm_idle_one *one)
{
    struct rm_link *link = rm_container_of(one, struct rm_link, idle);
    char away[4096];
    link->dead = true;
    rm_fd_del(&link->watch);
    (void)shutdown(link->fd, SHUT_RDWR);
    for (int i = 0; i < LINK_DRAIN_TIMES; i++) {
        if (recv(link->fd, away, sizeof(away), MSG_DONTWAIT) <= 0)
            break;
    }
}

void rm_link_release(struct rm_link *link, bool clean)
{
    link->user = NULL;
    if (link->dead || link->want_in || link->want_out)
        return; // libcurl is closing it
    if (clean)
        rm_idle_add(&link->table->idle, &link->idle, link->peer);
    else
        link_end(&link->idle);
}

void rm_link_take(struct rm_link *link, void *user)
{
    rm_idle_remove(&link->table->idle, &link->idle);
    link->user = user;
}

void rm_link_check(struct rm_link *link)
{
    if (!link_is_quiet(link))
        link->dead = true;
}

struct rm_link *rm_link_of_port(const struct rm_links *table, const struct rm_peer *peer, uint32_t port)
{
    struct rm_link *link = table->by_port[port % RM_LINK_BUCKETS];
    while (link && (link->port != port || link->peer != peer))
        link = link->next_port;
    return link;
}

// ---- events ----------------------------------------------------------------------------------------------------------

static void link_on_event(struct rm_fd *watch, uint32_t happened)
{
    struct rm_link *link = rm_container_of(watch, struct rm_link, watch);
    // An error is told by the call that runs into it.
    bool in = link->want_in && (happened & (EPOLLIN | EPOLLERR | EPOLLHUP));
    bool out = link->want_out && (happened & (EPOLLOUT | EPOLLERR | EPOLLHUP));
    if (in || out) {
        link->table->on_ready(link, in, out);
        return;
    }
    // Nobody waits. A paused transfer comes back by rm_link_want(); an idle connection has ended, unless the event is an old one
    // of the same epoll_wait() whose bytes libcurl has read meanwhile.
    if (!link->idle.rests) {
        rm_fd_del(watch);
    } else if (!link_is_quiet(link)) {
        rm_idle_remove(&link->table->idle, &link->idle);
        link_end(&link->idle);
    }
}

int rm_link_want(struct rm_link *link, bool in, bool out, struct rm_err *err)
{
    link->want_in = in;
    link->want_out = out;
    if (!in && !out) {
        // Writable is what an idle socket always is. Readable is what it becomes when it ends.
        if (link->watch.loop && (link->watch.events & EPOLLOUT))
            rm_fd_mod(&link->watch, EPOLLIN);
        return RM_OK;
    }
    uint32_t events = (in ? (uint32_t)EPOLLIN : 0) | (out ? (uint32_t)EPOLLOUT : 0);
    if (link->watch.loop) {
        rm_fd_mod(&link->watch, events);
        return RM_OK;
    }
    link->watch.events = events;
    return rm_fd_add(link->table->loop, &link->watch, err);
}

// ---- the table -------------------------------------------------------------------------------------------------------

static void link_enter_port(struct rm_link *link, uint32_t port)
{
    struct rm_link **bucket = &link->table->by_port[port % RM_LINK_BUCKETS];
    link->port = port;
    link->next_port = *bucket;
    *bucket = link;
}

struct rm_link *rm_link_new(struct rm_links *table, int fd, struct rm_peer *peer, void *user, uint32_t port)
{
    RM_ASSERT(!rm_link_of_fd(table, fd));
    int watched = port > 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (watched < 0)
        return NULL;
    struct rm_link *link = table->unused;
    if (link)
        table->unused = link->next_fd;
    else
        link = rm_arena_alloc(&table->arena, sizeof(*link));
    *link = (struct rm_link){.watch = {.fd = watched, .on_event = link_on_event},
                             .table = table,
                             .peer = rm_peer_ref(table->peers, peer),
                             .user = user,
                             .fd = fd,
                             .copy = port == 0};
    struct rm_link **bucket = &table->by_fd[(uint32_t)fd % RM_LINK_BUCKETS];
    link->next_fd = *bucket;
    *bucket = link;
    table->n++;
    if (port > 0)
        link_enter_port(link, port);
    return link;
}

struct rm_link *rm_link_of_fd(const struct rm_links *table, int fd)
{
    struct rm_link *link = table->by_fd[(uint32_t)fd % RM_LINK_BUCKETS];
    while (link && link->fd != fd)
        link = link->next_fd;
    return link;
}

int rm_link_set_port(struct rm_link *link, uint32_t port, struct rm_err *err)
{
    if (link->port > 0 || port == 0)
        return RM_OK;
    bool watched = link->watch.loop != NULL;
    rm_fd_del(&link->watch);
    close(link->watch.fd);
    link->copy = false;
    link->watch.fd = link->fd;
    link_enter_port(link, port);
    return watched ? rm_fd_add(link->table->loop, &link->watch, err) : RM_OK;
}

void rm_link_forget(struct rm_link *link)
{
    struct rm_links *table = link->table;
    rm_idle_remove(&table->idle, &link->idle);
    rm_fd_del(&link->watch);
    if (link->copy)
        close(link->watch.fd);
    struct rm_link **at = &table->by_fd[(uint32_t)link->fd % RM_LINK_BUCKETS];
    while (*at != link)
        at = &(*at)->next_fd;
    *at = link->next_fd;
    if (link->port > 0) {
        at = &table->by_port[link->port % RM_LINK_BUCKETS];
        while (*at != link)
            at = &(*at)->next_port;
        *at = link->next_port;
    }
    rm_peer_unref(table->peers, link->peer);
    link->next_fd = table->unused;
    table->unused = link;
    table->n--;
}
