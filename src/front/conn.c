// A client connection: deadlines, hang-ups, ends. Structs are reused within the front end's arena; see conn.h for who closes what.
// SPDX-License-Identifier: Apache-2.0
#include "front/conn.h"
#include "base/clock.h"
#include "front/client.h"
#include "front/linger.h"
#include "front/relay.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define CONN_FIRST_LOOK RM_SEC  // how soon an answer under way is looked at for the first time
#define CONN_LAST_WORDS (10 * RM_MS) // after the client's end: by then what came before it has been read

static void conn_fire(struct rm_timer *timer);
static void conn_happened(struct rm_fd *watch, uint32_t happened);

static void conn_name_peer(struct rm_conn *c, const struct sockaddr *peer)
{
    const void *address = NULL;
    int family = peer->sa_family;
    if (family == AF_INET) {
        address = &((const struct sockaddr_in *)(const void *)peer)->sin_addr;
    } else if (family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
        address = v6;
        if (IN6_IS_ADDR_V4MAPPED(v6)) { // an IPv4 client of a listener for both
            family = AF_INET;
            address = v6->s6_addr + 12;
        }
    }
    c->peer[0] = '\0';
    if (address && !inet_ntop(family, address, c->peer, sizeof(c->peer)))
        c->peer[0] = '\0';
    c->peer_trusted = rm_proxies_trust(&c->front->serving->world->proxies, rm_str_of(c->peer));
}

struct rm_conn *rm_conn_new(struct rm_front *front, int fd, const struct sockaddr *peer)
{
    struct rm_conn *c;
    if (rm_list_empty(&front->spare)) {
        c = RM_NEW(&front->arena, struct rm_conn);
    } else {
        c = rm_container_of(front->spare.next, struct rm_conn, link);
        rm_list_remove(&c->link);
        memset(c, 0, sizeof(*c));
    }
    c->front = front;
    c->fd = fd;
    c->timer.fire = conn_fire;
    c->watch = (struct rm_fd){.fd = fd, .events = EPOLLIN | EPOLLRDHUP | EPOLLET, .on_event = conn_happened};
    c->fresh = true;
    conn_name_peer(c, peer);
    rm_list_push_back(&front->conns, &c->link);
    return c;
}

void rm_conn_open(struct rm_conn *c)
{
    // Without the watch a hang-up is found when the answer is sent: a loss, but no error.
    if (!c->relay && rm_fd_add(c->front->loop, &c->watch, NULL) != RM_OK)
        c->watch.loop = NULL;
    rm_conn_enter(c, RM_CONN_IDLE);
}

void rm_conn_close(struct rm_conn *c)
{
    struct rm_front *front = c->front;
    RM_ASSERT(!c->client);
    rm_fd_del(&c->watch);
    rm_timer_stop(&c->timer);
    rm_list_remove(&c->link);
    rm_list_push_front(&front->spare, &c->link);
    if (c->relay) // keeps the place under the limit
        rm_relay_left(c->relay, c->linger);
    else if (!c->linger || front->freeing || !rm_linger_start(front, c->fd))
        rm_front_left(front);
}

// ---- deadlines -------------------------------------------------------------------------------------------------------

void rm_conn_expire_at(struct rm_conn *c, uint64_t due_us)
{
    c->deadline_us = due_us;
    if (due_us != RM_CONN_NEVER && (c->timer.slot == 0 || due_us < c->timer.due_us))
        rm_timer_start(c->front->loop, &c->timer, due_us);
}

static uint64_t conn_idle_us(const struct rm_conn *c)
{
    const struct rm_conf_limits *limits = c->front->limits;
    uint64_t idle_us = c->fresh ? limits->head_timeout_us : limits->idle_timeout_us;
    return c->front->draining && idle_us > RM_CONN_DRAIN_QUIET ? RM_CONN_DRAIN_QUIET : idle_us;
}

// libmicrohttpd misses an end that comes together with bytes: it would wait for the rest until the phase's time is over.
static void conn_expect_no_more(struct rm_conn *c)
{
    if (c->gone && c->phase <= RM_CONN_BODY)
        rm_conn_expire_at(c, rm_loop_now_us(c->front->loop) + CONN_LAST_WORDS);
}

void rm_conn_enter(struct rm_conn *c, enum rm_conn_phase phase)
{
    const struct rm_conf_limits *limits = c->front->limits;
    uint64_t now = rm_loop_now_us(c->front->loop);
    c->phase = phase;
    switch (phase) {
    case RM_CONN_IDLE:
        // A new connection is given no longer for its first request than a request may take: it was opened for one.
        if (c->waiting)
            rm_conn_enter(c, RM_CONN_HEAD);
        else
            rm_conn_expire_at(c, now + conn_idle_us(c));
        break;
    case RM_CONN_HEAD:
        c->waiting = false;
        // The time since accept counts: see above.
        rm_conn_expire_at(c, c->fresh ? c->deadline_us : now + limits->head_timeout_us);
        break;
    case RM_CONN_BODY:
        c->fresh = c->waiting = false; // what came while an upload was held back is of this request
        rm_conn_expire_at(c, now + limits->body_timeout_us);
        break;
    case RM_CONN_WORKING:
        c->fresh = false;
        rm_conn_expire_at(c, RM_CONN_NEVER);
        break;
    case RM_CONN_SENDING:
        c->measured = false;
        rm_conn_expire_at(
            c, now + (CONN_FIRST_LOOK < limits->body_timeout_us ? CONN_FIRST_LOOK : limits->body_timeout_us));
        break;
    }
    conn_expect_no_more(c);
}

// The kernel's counts: bytes that came, and bytes that the client's side has acknowledged. 0 where it does not say.
static void conn_count(const struct rm_conn *c, uint64_t *received, uint64_t *acked)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    if (getsockopt(c->relay ? rm_relay_fd(c->relay) : c->fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        info = (struct tcp_info){0};
    *received = c->relay ? rm_relay_received(c->relay) : info.tcpi_bytes_received;
    *acked = info.tcpi_bytes_acked;
}

static void conn_look_at_sending(struct rm_conn *c)
{
    uint64_t received, acked;
    conn_count(c, &received, &acked);
    uint64_t wait_us = c->front->limits->body_timeout_us;
    if (c->measured && acked == c->acked) {
        rm_conn_reset(c);
        return;
    }
    if (!c->measured && wait_us > 2 * CONN_FIRST_LOOK)
        wait_us -= CONN_FIRST_LOOK;
    c->measured = true;
    c->acked = acked;
    rm_conn_expire_at(c, rm_loop_now_us(c->front->loop) + wait_us);
}

// The watch tells of a first byte, but not surely: libmicrohttpd may have read it away before the kernel reports it here.
static bool conn_has_asked(const struct rm_conn *c)
{
    uint64_t received, acked;
    conn_count(c, &received, &acked);
    return received > 0;
}

static void conn_fire(struct rm_timer *timer)
{
    struct rm_conn *c = rm_container_of(timer, struct rm_conn, timer);
    if (c->deadline_us > rm_loop_now_us(c->front->loop)) {
        rm_conn_expire_at(c, c->deadline_us);
        return;
    }
    c->deadline_us = RM_CONN_NEVER;
    if (c->gone && c->phase <= RM_CONN_BODY) {
        rm_conn_shut(c);
        return;
    }
    switch (c->phase) {
    case RM_CONN_IDLE:
        if (c->fresh && conn_has_asked(c))
            rm_conn_answer(c, 408);
        rm_conn_shut(c);
        break;
    case RM_CONN_HEAD:
    case RM_CONN_BODY:
        if (c->client && !rm_client_expired(c->client))
            break;
        rm_conn_answer(c, 408);
        rm_conn_shut(c);
        break;
    case RM_CONN_SENDING:
        conn_look_at_sending(c);
        break;
    case RM_CONN_WORKING:
        break;
    }
}

// ---- hang-up ---------------------------------------------------------------------------------------------------------

// Half a hang-up counts: who has closed its sending side while it waits is gone, as in KrakenD.
void rm_conn_hung_up(struct rm_conn *c)
{
    c->gone = true;
    if (c->client)
        rm_client_gone(c->client);
    conn_expect_no_more(c);
}

static void conn_happened(struct rm_fd *watch, uint32_t happened)
{
    struct rm_conn *c = rm_container_of(watch, struct rm_conn, watch);
    c->front->heard = true;
    if (happened & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        rm_conn_hung_up(c);
    else
        rm_conn_heard(c);
}

void rm_conn_heard(struct rm_conn *c)
{
    if (c->phase == RM_CONN_IDLE)
        rm_conn_enter(c, RM_CONN_HEAD);
    else if (c->phase == RM_CONN_WORKING || c->phase == RM_CONN_SENDING)
        c->waiting = true;
}

// ---- ends ------------------------------------------------------------------------------------------------------------

void rm_conn_shut(struct rm_conn *c)
{
    shutdown(c->fd, SHUT_RDWR);
}

void rm_conn_reset(struct rm_conn *c)
{
    if (c->relay) {
        rm_relay_cut(c->relay);
        return;
    }
    // Where the end of an answer is the end of the connection, only a reset tells that it was cut.
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    if (connect(c->fd, &none, sizeof(none)) != 0)
        rm_conn_shut(c);
}

static const char *conn_reason(int status)
{
    switch (status) {
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 503:
        return "Service Unavailable";
    default:
        return ""; // may be left out (RFC 9112 4)
    }
}

void rm_conn_answer(struct rm_conn *c, int status)
{
    char date[64] = "";
    time_t now = time(NULL);
    struct tm tm;
    if (gmtime_r(&now, &tm))
        strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    char text[256];
    int n = snprintf(text, sizeof(text), "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                     status, conn_reason(status), date);
    RM_ASSERT(n > 0 && (size_t)n < sizeof(text));
    // It fits an empty send buffer; a client that has filled it gets no answer.
    ssize_t sent = send(c->fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent;
}
