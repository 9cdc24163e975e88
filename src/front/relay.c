// Relays: handshake, bytes up (to libmicrohttpd) and down (to the client), ends. Owns the client's descriptor and one end of the pair.
// A direction that cannot go on stops reading, so nothing piles up beyond the kernel's buffers and one record.
// SPDX-License-Identifier: Apache-2.0
#include "front/relay.h"
#include "base/clock.h"
#include "front/conn.h"
#include "front/linger.h"
#include "front/mhd.h"
#include "front/tls.h"
#include <remora/log.h>

#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define RELAY_PIECE ((size_t)16 << 10) // a record; of front->piece
#define RELAY_LOG_US (10 * RM_SEC)     // at most one line of failed handshakes in this time

struct rm_relay {
    struct rm_list link; // front->relays, or front->spare_relays
    struct rm_front *front;
    struct ssl_st *tls;
    struct rm_conn *conn;       // NULL during the handshake, and after libmicrohttpd has closed
    struct rm_fd outer, inner;  // the client's, our end of the pair; inner.fd -1 during the handshake
    struct rm_buf up, down;     // rest of a piece that could not be handed on
    struct rm_timer timer;      // ends the handshake; after libmicrohttpd's end, a client that takes nothing
    struct sockaddr_storage peer;
    uint64_t deadline_us; // of the handshake and the first request
    uint64_t received;
    bool established;
    bool up_over;   // nothing more comes from the client, and libmicrohttpd has been told
    bool down_over; // nothing more comes from libmicrohttpd, and the client has been told
    bool hung_up;   // the client's end has been seen
    bool broken;    // the session cannot be used any more
    bool lingers;
};

// ---- ends ------------------------------------------------------------------------------------------------------------

static void relay_end(struct rm_relay *r)
{
    struct rm_front *front = r->front;
    RM_ASSERT(!r->conn);
    rm_list_remove(&r->link);
    rm_timer_stop(&r->timer);
    rm_fd_del(&r->outer);
    if (r->inner.fd >= 0) {
        rm_fd_del(&r->inner);
        close(r->inner.fd);
    }
    rm_tls_close(r->tls);
    bool lingers = r->lingers && !front->freeing && rm_linger_start(front, r->outer.fd);
    close(r->outer.fd);
    rm_buf_free(&r->up);
    rm_buf_free(&r->down);
    rm_list_push_front(&front->spare_relays, &r->link);
    if (!lingers)
        rm_front_left(front);
}

// The client is gone, or is to be: libmicrohttpd finds its end closed, and says so by closing it.
static void relay_break(struct rm_relay *r)
{
    r->broken = r->up_over = r->down_over = true;
    rm_fd_del(&r->outer);
    if (!r->conn)
        return;
    shutdown(r->inner.fd, SHUT_RDWR);
    rm_fd_del(&r->inner);
    rm_conn_hung_up(r->conn);
}

void rm_relay_cut(struct rm_relay *r)
{
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    if (connect(r->outer.fd, &none, sizeof(none)) != 0)
        shutdown(r->outer.fd, SHUT_RDWR);
    relay_break(r);
}

static void relay_failed(struct rm_relay *r, const struct rm_err *err)
{
    struct rm_front *front = r->front;
    atomic_fetch_add_explicit(&front->shared->tls_failed, 1, memory_order_relaxed);
    rm_log(RM_DEBUG, "TLS handshake failed error=\"%s\"", err->text);
    uint64_t now = rm_loop_now_us(front->loop);
    front->tls_complaints++;
    if (front->tls_logged_us != 0 && now - front->tls_logged_us < RELAY_LOG_US)
        return;
    rm_log(RM_INFO, "TLS handshakes failed count=%llu last=\"%s\"", (unsigned long long)front->tls_complaints,
           err->text);
    front->tls_logged_us = now;
    front->tls_complaints = 0;
}

// ---- bytes -----------------------------------------------------------------------------------------------------------

static void relay_keep(struct rm_buf *rest, const char *from, size_t n)
{
    int code = rm_buf_append(rest, (struct rm_str){from, n}); // one piece: no cap, no budget
    RM_ASSERT(code == RM_OK);
}

static void relay_drop(struct rm_buf *rest, size_t n)
{
    memmove(rest->p, rest->p + n, rest->n - n);
    rest->n -= n;
    if (rest->n == 0)
        rm_buf_free(rest); // a connection that rests costs nothing
}

// To libmicrohttpd. False: it takes no more now, or never again.
static bool relay_hand_up(struct rm_relay *r, const char *from, size_t n, size_t *taken)
{
    *taken = 0;
    while (*taken < n) {
        ssize_t sent = send(r->inner.fd, from + *taken, n - *taken, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno != EAGAIN) { // it has closed: what the client sends is for nobody
            r->up_over = true;
            *taken = n;
        }
        if (sent < 0)
            return false;
        *taken += (size_t)sent;
    }
    return true;
}

static void relay_told_up(struct rm_relay *r, size_t n)
{
    if (n == 0)
        return;
    r->received += n;
    if (r->conn)
        rm_conn_heard(r->conn);
    rm_mhd_wake(r->front->mhd);
}

static void relay_up(struct rm_relay *r)
{
    char *piece = r->front->piece;
    size_t taken;
    if (r->up.n > 0) {
        relay_hand_up(r, r->up.p, r->up.n, &taken);
        relay_told_up(r, taken);
        relay_drop(&r->up, taken);
    }
    while (!r->up_over && r->up.n == 0) {
        int64_t got = rm_tls_read(r->tls, piece, RELAY_PIECE);
        if (got == RM_AGAIN)
            return;
        if (got < 0) { // half an end counts as one (conn.c)
            r->up_over = true;
            shutdown(r->inner.fd, SHUT_WR);
            if (r->conn)
                rm_conn_hung_up(r->conn);
            rm_mhd_wake(r->front->mhd);
            return;
        }
        if (!relay_hand_up(r, piece, (size_t)got, &taken) && taken < (size_t)got)
            relay_keep(&r->up, piece + taken, (size_t)got - taken);
        relay_told_up(r, taken);
        if (!rm_tls_has_more(r->tls))
            return; // the descriptor tells of the rest
    }
}

// To the client. False: it takes no more now; or the session is over, and the relay broken.
static bool relay_hand_down(struct rm_relay *r, const char *from, size_t n, size_t *taken)
{
    *taken = 0;
    while (*taken < n) {
        int64_t sent = rm_tls_write(r->tls, from + *taken, n - *taken);
        if (sent < 0 && sent != RM_AGAIN)
            relay_break(r);
        if (sent < 0)
            return false;
        *taken += (size_t)sent;
    }
    return true;
}

// After libmicrohttpd's end a client may take its time as long as it takes something.
static void relay_be_patient(struct rm_relay *r)
{
    if (!r->conn)
        rm_timer_start(r->front->loop, &r->timer,
                       rm_loop_now_us(r->front->loop) + r->front->limits->body_timeout_us);
}

static void relay_down(struct rm_relay *r)
{
    char *piece = r->front->piece;
    size_t taken;
    if (r->down.n > 0 && !r->broken) {
        relay_hand_down(r, r->down.p, r->down.n, &taken);
        relay_drop(&r->down, taken);
        if (taken > 0)
            relay_be_patient(r);
    }
    while (!r->down_over && r->down.n == 0) {
        ssize_t got = recv(r->inner.fd, piece, RELAY_PIECE, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) { // it leaves, and may have left bytes unread (ECONNRESET)
            r->down_over = true;
            rm_tls_say_end(r->tls);
            shutdown(r->outer.fd, SHUT_WR);
            return;
        }
        if (!relay_hand_down(r, piece, (size_t)got, &taken) && !r->broken)
            relay_keep(&r->down, piece + taken, (size_t)got - taken);
        if ((size_t)got < RELAY_PIECE && r->conn)
            return; // else all is there: to its end
    }
}

// Level-triggered, so what cannot be handed on is not asked for; and a descriptor of which nothing is wanted is not watched at all, as the
// kernel would tell of its other end's close for ever.
static bool relay_expect(struct rm_relay *r, struct rm_fd *watch, uint32_t events)
{
    if (events == 0) {
        rm_fd_del(watch);
    } else if (!watch->loop) {
        watch->events = events;
        return rm_fd_add(r->front->loop, watch, NULL) == RM_OK;
    } else if (watch->events != events) {
        rm_fd_mod(watch, events);
    }
    return true;
}

static void relay_watch(struct rm_relay *r)
{
    bool reads_up = !r->up_over && r->up.n == 0, reads_down = !r->down_over && r->down.n == 0;
    uint32_t outer = (reads_up ? EPOLLIN : 0u) | (r->hung_up ? 0u : EPOLLRDHUP) | (r->down.n ? EPOLLOUT : 0u);
    uint32_t inner = (reads_down ? EPOLLIN : 0u) | (r->up.n && !r->up_over ? EPOLLOUT : 0u);
    if (!relay_expect(r, &r->outer, outer) || !relay_expect(r, &r->inner, inner))
        relay_break(r);
}

static void relay_move(struct rm_relay *r)
{
    if (!r->broken)
        relay_up(r);
    if (!r->broken)
        relay_down(r);
    if (!r->broken)
        relay_watch(r);
    if (r->down_over && !r->conn)
        relay_end(r);
}

static void relay_inner_happened(struct rm_fd *watch, uint32_t happened)
{
    (void)happened;
    relay_move(rm_container_of(watch, struct rm_relay, inner));
}

// ---- the handshake ---------------------------------------------------------------------------------------------------

// libmicrohttpd gets its end. False: the relay is over.
static bool relay_open(struct rm_relay *r)
{
    struct rm_front *front = r->front;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
        rm_log(RM_WARNING, "no pair of sockets for a TLS connection error=\"%s\"", strerror(errno));
        relay_end(r);
        return false;
    }
    r->inner = (struct rm_fd){.fd = pair[0], .events = EPOLLIN, .on_event = relay_inner_happened};
    if (rm_fd_add(front->loop, &r->inner, NULL) != RM_OK) {
        close(pair[1]);
        relay_end(r);
        return false;
    }
    rm_timer_stop(&r->timer);
    struct rm_conn *c = rm_conn_new(front, pair[1], (const struct sockaddr *)&r->peer);
    c->relay = r;
    r->conn = c;
    // Not the client's address: libmicrohttpd would set options of TCP.
    const struct sockaddr none = {.sa_family = AF_UNIX};
    if (!rm_mhd_add(front->mhd, c, &none, sizeof(none.sa_family))) {
        relay_end(r); // rm_conn_close() has said that it is not there any more
        return false;
    }
    rm_conn_expire_at(c, r->deadline_us);
    return true;
}

static void relay_handshake(struct rm_relay *r)
{
    static const char plain[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
                                "Content-Length: 48\r\nConnection: close\r\n\r\n"
                                "Client sent an HTTP request to an HTTPS server.\n";
    struct rm_err err = {0};
    int code = rm_tls_handshake(r->tls, &err);
    if (code == RM_AGAIN) {
        if (!relay_expect(r, &r->outer, rm_tls_wants_write(r->tls) ? EPOLLOUT : EPOLLIN))
            relay_end(r);
        return;
    }
    if (code == RM_OK) {
        r->established = true;
        atomic_fetch_add_explicit(&r->front->shared->tls_accepted, 1, memory_order_relaxed);
        if (relay_open(r))
            relay_move(r); // a request may have come with the last of it
        return;
    }
    if (code == RM_EPROTO) {
        ssize_t sent = send(r->outer.fd, plain, sizeof(plain) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)sent;
    }
    // An alert or an answer is read by who still sends, too. A probe that only connects is no failure.
    r->lingers = code != RM_ERESET;
    if (r->lingers)
        shutdown(r->outer.fd, SHUT_WR);
    if (code != RM_ERESET)
        relay_failed(r, &err);
    relay_end(r);
}

static void relay_outer_happened(struct rm_fd *watch, uint32_t happened)
{
    struct rm_relay *r = rm_container_of(watch, struct rm_relay, outer);
    if (!r->established) {
        relay_handshake(r);
        return;
    }
    if (happened & (EPOLLHUP | EPOLLERR)) { // both directions are over, or it was reset
        relay_break(r);
    } else if ((happened & EPOLLRDHUP) && !r->hung_up) {
        r->hung_up = true; // what it has sent before may have to wait; that it is gone need not
        if (r->conn)
            rm_conn_hung_up(r->conn);
    }
    relay_move(r);
}

static void relay_fire(struct rm_timer *timer)
{
    struct rm_relay *r = rm_container_of(timer, struct rm_relay, timer);
    if (!r->established)
        relay_failed(r, &(struct rm_err){.code = RM_ETIMEOUT, .text = "not over in time"});
    relay_end(r);
}

// ---- life ------------------------------------------------------------------------------------------------------------

bool rm_relay_start(struct rm_front *front, int fd, const struct sockaddr *peer, unsigned peer_size)
{
    struct rm_relay *r;
    if (rm_list_empty(&front->spare_relays)) {
        r = RM_NEW(&front->arena, struct rm_relay);
    } else {
        r = rm_container_of(front->spare_relays.next, struct rm_relay, link);
        rm_list_remove(&r->link);
        memset(r, 0, sizeof(*r));
    }
    r->front = front;
    r->tls = rm_tls_open(front->tls, fd);
    r->outer = (struct rm_fd){.fd = fd, .events = EPOLLIN, .on_event = relay_outer_happened};
    r->inner.fd = -1;
    r->timer.fire = relay_fire;
    RM_ASSERT(peer_size <= sizeof(r->peer));
    memcpy(&r->peer, peer, peer_size);
    if (!front->piece)
        front->piece = rm_arena_alloc(&front->arena, RELAY_PIECE);
    rm_buf_init(&r->up, RELAY_PIECE, NULL);
    rm_buf_init(&r->down, RELAY_PIECE, NULL);
    rm_list_push_back(&front->relays, &r->link);
    if (!r->tls || rm_fd_add(front->loop, &r->outer, NULL) != RM_OK) {
        relay_end(r);
        return false;
    }
    r->deadline_us = rm_loop_now_us(front->loop) + front->limits->head_timeout_us;
    rm_timer_start(front->loop, &r->timer, r->deadline_us);
    return true;
}

int rm_relay_fd(const struct rm_relay *r)
{
    return r->outer.fd;
}

uint64_t rm_relay_received(const struct rm_relay *r)
{
    return r->received;
}

void rm_relay_left(struct rm_relay *r, bool lingers)
{
    r->conn = NULL;
    r->lingers = lingers;
    relay_be_patient(r);
    if (r->broken || r->down_over) // the pair tells no more
        rm_timer_start(r->front->loop, &r->timer, 0);
}

void rm_relay_hurry(struct rm_front *front, uint64_t due_us)
{
    RM_LIST_FOR (link, &front->relays) {
        struct rm_relay *r = rm_container_of(link, struct rm_relay, link);
        if (!r->established && due_us < r->deadline_us)
            rm_timer_start(front->loop, &r->timer, due_us);
    }
}

void rm_relay_end_all(struct rm_front *front)
{
    while (!rm_list_empty(&front->relays)) {
        struct rm_relay *r = rm_container_of(front->relays.next, struct rm_relay, link);
        if (r->established && !r->broken)
            relay_down(r);
        relay_end(r);
    }
}
