// Connections made by libcurl, used without it where that is possible. Owns the multi handle, the registrations and, for plain text, a
// copy of each descriptor: libcurl's own is closed with its handle, which would cost 10 KiB a connection.
// SPDX-License-Identifier: Apache-2.0
#include "net/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

// In one turn of the loop. A handle costs 10 KiB until its connection is made, so that a thousand at once would leave 10 MiB behind.
#define WIRE_STARTS_MOST 64
#define WIRE_EVENTS ((uint32_t)EPOLLIN | (uint32_t)EPOLLOUT | (uint32_t)EPOLLRDHUP | (uint32_t)EPOLLET)

static void wire_on_event(struct rm_fd *watch, uint32_t happened);

// ---- what libcurl asks for while it makes a connection -----------------------------------------------------------------

// It closes a descriptor that did not connect without a word, and the number may belong to another thread the next moment: a copy is
// watched.
static void wire_drop_copy(struct rm_wire *wire)
{
    rm_fd_del(&wire->watch);
    if (wire->watch.fd >= 0 && wire->watch.fd != wire->fd)
        close(wire->watch.fd);
    wire->watch.fd = -1;
}

static int wire_on_socket(void *slot, int family, int type, int protocol)
{
    struct rm_wire *wire = slot;
    wire_drop_copy(wire);
    int fd = socket(family, type | SOCK_CLOEXEC, protocol);
    int copy = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (copy < 0) {
        rm_fail(&wire->err, RM_ESYS, "socket: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    wire->fd = fd;
    wire->watch.fd = copy;
    return fd;
}

static void wires_on_close(void *arg, int fd)
{
    (void)arg;
    close(fd);
}

static void wires_on_want(void *arg, int fd, void *slot, bool in, bool out)
{
    struct rm_wires *wires = arg;
    struct rm_wire *wire = slot;
    if (!wire || wire->open || wire->fd != fd || wire->err.code != RM_OK)
        return; // it ends, or has ended: that is told by other means
    uint32_t events = (in ? (uint32_t)EPOLLIN : 0) | (out ? (uint32_t)EPOLLOUT : 0);
    if (wire->watch.loop) {
        rm_fd_mod(&wire->watch, events);
        return;
    }
    wire->watch.events = events;
    if (rm_fd_add(wires->loop, &wire->watch, &wire->err) != RM_OK) {
        wire->next = wires->broken;
        wires->broken = wire;
    }
}

static void wires_on_wait(void *arg, int64_t wait_ms)
{
    struct rm_wires *wires = arg;
    rm_timer_stop(&wires->timer);
    if (wait_ms >= 0)
        rm_timer_start(wires->loop, &wires->timer, rm_loop_now_us(wires->loop) + (uint64_t)wait_ms * 1000);
}

static const struct rm_curl_events wire_events = {
    .open = wire_on_socket,
    .close = wires_on_close,
    .want = wires_on_want,
    .timer = wires_on_wait,
};

// ---- making them -----------------------------------------------------------------------------------------------------

static void wire_drop_easy(struct rm_wire *wire)
{
    if (!wire->easy)
        return;
    rm_multi_remove(wire->wires->multi, wire->easy);
    rm_easy_free(wire->easy);
    wire->easy = NULL;
    wire->fd = -1;
}

// From libcurl's hands into ours.
static int wire_take_over(struct rm_wire *wire)
{
    wire->open = true;
    if (wire->peer->tls) {
        wire_drop_copy(wire); // one descriptor is enough: this one libcurl closes when we say so
        wire->watch.fd = wire->fd;
    } else {
        wire_drop_easy(wire);
    }
    if (wire->watch.loop) {
        rm_fd_mod(&wire->watch, WIRE_EVENTS);
        return RM_OK;
    }
    wire->watch.events = WIRE_EVENTS;
    return rm_fd_add(wire->wires->loop, &wire->watch, &wire->err);
}

static void wire_made(struct rm_wire *wire, int result)
{
    struct rm_err err;
    if (wire->err.code == RM_OK && result != 0)
        (void)rm_easy_explain(wire->easy, result, &wire->err);
    else if (wire->err.code == RM_OK)
        (void)wire_take_over(wire);
    err = wire->err;
    wire->wires->on_open(wire, err.code != RM_OK ? &err : NULL);
}

// After every call into libcurl.
static void wires_settle(struct rm_wires *wires)
{
    struct rm_wire *wire;
    int result = 0;
    do {
        wire = wires->broken;
        if (wire)
            wires->broken = wire->next;
        else
            wire = rm_multi_next_done(wires->multi, &result);
        if (wire)
            wire_made(wire, result);
    } while (wire);
}

static void wires_on_timer(struct rm_timer *timer)
{
    struct rm_wires *wires = rm_container_of(timer, struct rm_wires, timer);
    rm_multi_on_timer(wires->multi);
    wires_settle(wires);
}

static void wires_start(struct rm_wires *wires)
{
    for (int i = 0; i < WIRE_STARTS_MOST && !rm_list_empty(&wires->waiting); i++) {
        struct rm_wire *wire = rm_container_of(wires->waiting.next, struct rm_wire, in_waiting);
        rm_list_remove(&wire->in_waiting);
        wire->easy = rm_easy_new_dial(wires->multi, wires->conf, wires->trust, wire->peer, wire);
        rm_multi_add(wires->multi, wire->easy);
    }
    if (!rm_list_empty(&wires->waiting))
        rm_timer_start(wires->loop, &wires->pace, rm_loop_now_us(wires->loop));
    rm_multi_on_timer(wires->multi);
    wires_settle(wires);
}

static void wires_on_kick(struct rm_task *task)
{
    wires_start(rm_container_of(task, struct rm_wires, kick));
}

static void wires_on_pace(struct rm_timer *timer)
{
    wires_start(rm_container_of(timer, struct rm_wires, pace));
}

static void wire_end_rest(struct rm_idle_one *one)
{
    rm_wire_close(rm_container_of(one, struct rm_wire, idle));
}

void rm_wires_init(struct rm_wires *wires, struct rm_loop *loop, struct rm_peers *peers,
                   const struct rm_transport_conf *conf, const struct rm_trust *trust)
{
    *wires = (struct rm_wires){.loop = loop,
                               .peers = peers,
                               .conf = conf,
                               .trust = trust,
                               .timer = {.fire = wires_on_timer},
                               .pace = {.fire = wires_on_pace},
                               .kick = {.run = wires_on_kick}};
    rm_arena_init(&wires->arena, NULL);
    rm_list_init(&wires->waiting);
    rm_idle_init(&wires->idle, loop, wire_end_rest);
    rm_idle_limit(&wires->idle, conf);
    wires->multi = rm_multi_new(&wire_events, wires);
}

void rm_wires_fini(struct rm_wires *wires)
{
    while (!rm_list_empty(&wires->idle.all))
        rm_wire_close(rm_container_of(wires->idle.all.next, struct rm_wire, idle.in_all));
    RM_ASSERT(wires->n == 0);
    rm_idle_fini(&wires->idle);
    rm_multi_free(wires->multi);
    rm_timer_stop(&wires->timer);
    rm_timer_stop(&wires->pace);
    rm_task_cancel(wires->loop, &wires->kick);
    rm_arena_fini(&wires->arena);
}

struct rm_wire *rm_wire_dial(struct rm_wires *wires, struct rm_peer *peer, void *user, struct rm_err *err)
{
    if (!peer->url && !rm_curl_make_peer(peer)) {
        rm_fail(err, RM_EREQUEST, "malformed host name");
        return NULL;
    }
    struct rm_wire *wire = wires->spare;
    if (wire)
        wires->spare = wire->next;
    else
        wire = rm_arena_alloc(&wires->arena, sizeof(*wire));
    *wire = (struct rm_wire){.watch = {.fd = -1, .on_event = wire_on_event},
                             .wires = wires,
                             .peer = rm_peer_ref(wires->peers, peer),
                             .user = user,
                             .fd = -1};
    wires->n++;
    rm_list_init(&wire->in_waiting);
    rm_list_push_back(&wires->waiting, &wire->in_waiting);
    if (!wires->kick.queued && !wires->pace.slot)
        rm_task_queue(wires->loop, &wires->kick);
    return wire;
}

void rm_wire_close(struct rm_wire *wire)
{
    struct rm_wires *wires = wire->wires;
    rm_idle_remove(&wires->idle, &wire->idle);
    for (struct rm_wire **at = &wires->broken; *at; at = &(*at)->next) {
        if (*at == wire) {
            *at = wire->next;
            break;
        }
    }
    rm_list_remove(&wire->in_waiting);
    wire_drop_copy(wire);
    wire_drop_easy(wire);
    rm_peer_unref(wires->peers, wire->peer);
    wire->next = wires->spare;
    wires->spare = wire;
    wires->n--;
}

// ---- resting ---------------------------------------------------------------------------------------------------------

// All that had come was read, and no event has told of more.
static bool wire_is_empty(const struct rm_wire *wire)
{
    return wire->easy ? wire->drained : !wire->readable;
}

// Nothing has come, no end either. With TLS what came may be for libcurl alone: session tickets.
static bool wire_is_quiet(struct rm_wire *wire)
{
    char byte;
    if (wire->drained && recv(wire->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN) {
        wire->readable = false;
        return true;
    }
    wire->readable = true;
    return rm_wire_recv(wire, &byte, 1) == RM_AGAIN;
}

struct rm_wire *rm_wire_take(struct rm_wires *wires, struct rm_peer *peer, void *user, bool look)
{
    struct rm_idle_one *one;
    while ((one = rm_idle_newest(peer)) != NULL) {
        struct rm_wire *wire = rm_container_of(one, struct rm_wire, idle);
        rm_idle_remove(&wires->idle, one);
        wire->user = user;
        if ((!look && wire_is_empty(wire)) || wire_is_quiet(wire))
            return wire;
        rm_wire_close(wire);
    }
    return NULL;
}

void rm_wire_keep(struct rm_wire *wire)
{
    wire->user = NULL;
    wire->used = true;
    rm_idle_add(&wire->wires->idle, &wire->idle, wire->peer);
}

// ---- bytes -----------------------------------------------------------------------------------------------------------

static void wire_on_event(struct rm_fd *watch, uint32_t happened)
{
    struct rm_wire *wire = rm_container_of(watch, struct rm_wire, watch);
    bool end = happened & (EPOLLERR | EPOLLHUP | EPOLLRDHUP);
    bool in = end || (happened & EPOLLIN);
    bool out = happened & (EPOLLOUT | EPOLLERR | EPOLLHUP);
    if (!wire->open) {
        struct rm_wires *wires = wire->wires;
        rm_multi_on_ready(wires->multi, wire->fd, in, out);
        wires_settle(wires);
        return;
    }
    if (wire->idle.rests) {
        if (in && !wire_is_quiet(wire))
            rm_wire_close(wire);
        return;
    }
    wire->readable = wire->readable || in;
    wire->writable = wire->writable || out;
    wire->ending = wire->ending || end;
    wire->wires->on_ready(wire);
}

int64_t rm_wire_recv(struct rm_wire *wire, char *to, size_t n)
{
    if (wire->easy) {
        int64_t got = rm_easy_recv(wire->easy, to, n);
        wire->readable = got != RM_AGAIN; // libcurl may hold more than the descriptor shows
        wire->drained = got == RM_AGAIN || (got > 0 && (size_t)got < n && (size_t)got < RM_EASY_RECV_MOST);
        return got;
    }
    ssize_t got;
    do {
        got = recv(wire->watch.fd, to, n, 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN) {
        wire->readable = false;
        return RM_AGAIN;
    }
    if (got < 0)
        return RM_ERESET;
    // Less than there was room for: the socket is empty, and the next byte raises a new edge. Unless an end waits behind it, whose edge
    // is gone already.
    if ((size_t)got < n && got > 0)
        wire->readable = wire->ending;
    return got;
}

int64_t rm_wire_send(struct rm_wire *wire, const struct iovec *pieces, size_t n)
{
    if (wire->easy) {
        int64_t sent = rm_easy_send(wire->easy, (struct rm_str){pieces[0].iov_base, pieces[0].iov_len});
        if (sent == RM_AGAIN)
            wire->writable = false;
        return sent;
    }
    struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)pieces, .msg_iovlen = n};
    ssize_t sent;
    do {
        sent = n == 1 ? send(wire->watch.fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL)
                      : sendmsg(wire->watch.fd, &msg, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return sent;
    if (errno != EAGAIN)
        return RM_ERESET;
    wire->writable = false;
    return RM_AGAIN;
}
