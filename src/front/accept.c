// Accepting, remora's own: the listeners are shared by the workers, the place under the connection limit is taken before the
// connection. Never spins: without room or descriptors it stops listening for a while. A kept connection stays with its worker, so
// they are shared out when they come: by number, as the kernel would give most of them to whoever is awake.
// SPDX-License-Identifier: Apache-2.0
#include "front/accept.h"
#include "base/clock.h"
#include "front/mhd.h"
#include "front/relay.h"
#include <remora/log.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define ACCEPT_RETRY_US (100 * RM_MS)
#define ACCEPT_AT_ONCE 16 // then what is already connected gets its turn
#define ACCEPT_AHEAD 1    // so many connections more than another worker has, and it still listens

static bool accept_reserve(struct rm_front *front)
{
    if (atomic_fetch_add(&front->shared->connections, 1) >= front->accept.limit) {
        atomic_fetch_sub(&front->shared->connections, 1);
        return false;
    }
    if (front->accept.turn)
        atomic_fetch_add(&front->accept.turn->conns, 1);
    return true;
}

void rm_accept_give_back(struct rm_front *front)
{
    atomic_fetch_sub(&front->shared->connections, 1);
    if (front->accept.turn)
        atomic_fetch_sub(&front->accept.turn->conns, 1);
}

static void accept_pause(struct rm_front *front)
{
    struct rm_accept *a = &front->accept;
    for (size_t i = 0; i < a->n; i++)
        rm_fd_del(&a->listeners[i].watch);
    a->paused = true;
    rm_timer_start(front->loop, &a->retry, rm_loop_now_us(front->loop) + ACCEPT_RETRY_US);
}

static void accept_listen(struct rm_front *front)
{
    struct rm_accept *a = &front->accept;
    for (size_t i = 0; i < a->n; i++) {
        struct rm_fd *watch = &a->listeners[i].watch;
        if (!watch->loop && rm_fd_add(front->loop, watch, NULL) != RM_OK) {
            accept_pause(front);
            return;
        }
    }
    a->paused = false;
    rm_timer_stop(&a->retry);
}

// ---- whose turn it is ------------------------------------------------------------------------------------------------

static bool accept_is_due(const struct rm_front_shared *shared, const struct rm_turn *turn)
{
    uint32_t own = atomic_load(&turn->conns);
    for (uint32_t i = 0; i < shared->n_workers; i++) {
        const struct rm_turn *other = &shared->turns[i];
        if (other != turn && atomic_load(&other->open) && own > atomic_load(&other->conns) + ACCEPT_AHEAD)
            return false;
    }
    return true;
}

// Who waits and has no more than the others now.
static void accept_tell(const struct rm_front *front)
{
    const struct rm_front_shared *shared = front->shared;
    for (uint32_t i = 0; i < shared->n_workers; i++) {
        struct rm_turn *turn = &shared->turns[i];
        if (atomic_load(&turn->waits) && accept_is_due(shared, turn) && atomic_exchange(&turn->waits, false))
            rm_loop_post(turn->loop, &turn->tell);
    }
}

static void accept_go_on(struct rm_front *front)
{
    front->accept.waiting = false;
    if (!front->accept.stopped)
        accept_listen(front);
}

static void accept_told(struct rm_msg *msg)
{
    accept_go_on(rm_container_of(msg, struct rm_turn, tell)->front);
}

// Looked at again after it is said that it waits: another worker may just have looked.
static void accept_wait(struct rm_front *front)
{
    struct rm_accept *a = &front->accept;
    for (size_t i = 0; i < a->n; i++)
        rm_fd_del(&a->listeners[i].watch);
    a->waiting = true;
    atomic_store(&a->turn->waits, true);
    rm_accept_resume(front);
}

static void accept_take_part(struct rm_front *front)
{
    struct rm_front_shared *shared = front->shared;
    if (shared->n_workers <= 1)
        return;
    uint32_t index = atomic_fetch_add(&shared->n_turns, 1);
    RM_ASSERT(shared->turns && index < shared->n_workers);
    struct rm_turn *turn = &shared->turns[index];
    turn->loop = front->loop;
    turn->front = front;
    turn->tell.deliver = accept_told;
    front->accept.turn = turn;
    atomic_store(&turn->open, true);
}

// Nobody tells it any more: whoever has just decided to is waited for, as the loop may be gone the next moment.
static void accept_leave(struct rm_front *front)
{
    struct rm_accept *a = &front->accept;
    atomic_store(&a->turn->open, false);
    bool told = a->waiting && !atomic_exchange(&a->turn->waits, false);
    while (told && !rm_loop_take_back(front->loop, &a->turn->tell))
        sched_yield();
    a->waiting = false;
    accept_tell(front);
}

// ---- connections -----------------------------------------------------------------------------------------------------

// One connection. False: there was none, or no more can be taken now.
static bool accept_one(struct rm_front *front, int listener)
{
    if (!accept_reserve(front)) {
        accept_pause(front);
        return false;
    }
    struct sockaddr_storage peer;
    socklen_t size = sizeof(peer);
    int fd = accept4(listener, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        int why = errno;
        rm_accept_give_back(front);
        // The rest are errors of a connection that came and went (accept(2)), or that another worker was faster.
        if (why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM) {
            rm_log(RM_WARNING, "accepting pauses error=\"%s\"", strerror(why));
            accept_pause(front);
        }
        return false;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    const struct sockaddr *from = (const struct sockaddr *)&peer;
    if (front->tls)
        return rm_relay_start(front, fd, from, (unsigned)size);
    return rm_mhd_add(front->mhd, rm_conn_new(front, fd, from), from, (unsigned)size);
}

static void accept_happened(struct rm_fd *watch, uint32_t happened)
{
    (void)happened;
    struct rm_listener *listener = rm_container_of(watch, struct rm_listener, watch);
    struct rm_front *front = listener->front;
    if (!front->accept.turn) {
        for (int i = 0; i < ACCEPT_AT_ONCE && accept_one(front, watch->fd); i++)
            continue;
        return;
    }
    if (!accept_one(front, watch->fd) || !watch->loop)
        return;
    accept_tell(front);
    if (!accept_is_due(front->shared, front->accept.turn)) {
        accept_wait(front);
        return;
    }
    // To the end of the line of those whom the kernel wakes.
    rm_fd_del(watch);
    if (rm_fd_add(front->loop, watch, NULL) != RM_OK)
        accept_pause(front);
}

static void accept_retry(struct rm_timer *timer)
{
    struct rm_front *front = rm_container_of(timer, struct rm_front, accept.retry);
    rm_accept_resume(front);
}

int rm_accept_start(struct rm_front *front, struct rm_err *err)
{
    struct rm_accept *a = &front->accept;
    const struct rm_front_shared *shared = front->shared;
    if (shared->n_listeners > RM_COUNT(a->listeners))
        return rm_fail(err, RM_ESYS, "%zu listeners are too many", shared->n_listeners);
    a->limit = shared->max_connections;
    struct rlimit files;
    // With TLS three descriptors, and its backend's: a connection whose relay gets none could only be dropped, without a word.
    rlim_t each = front->tls ? 4 : 1;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur / 5 * 4 / each < a->limit)
        a->limit = (uint32_t)(files.rlim_cur / 5 * 4 / each);
    a->retry.fire = accept_retry;
    a->n = shared->n_listeners;
    accept_take_part(front);
    for (size_t i = 0; i < a->n; i++) {
        uint32_t events = EPOLLIN | EPOLLEXCLUSIVE;
        a->listeners[i].front = front;
        a->listeners[i].watch =
            (struct rm_fd){.fd = shared->listeners[i], .events = events, .on_event = accept_happened};
        int code = rm_fd_add(front->loop, &a->listeners[i].watch, err);
        if (code) {
            rm_accept_stop(front);
            return code;
        }
    }
    return RM_OK;
}

void rm_accept_resume(struct rm_front *front)
{
    struct rm_accept *a = &front->accept;
    if (a->stopped)
        return;
    if (a->paused)
        accept_listen(front);
    else if (a->waiting && accept_is_due(front->shared, a->turn) && atomic_exchange(&a->turn->waits, false))
        accept_go_on(front);
}

void rm_accept_stop(struct rm_front *front)
{
    struct rm_accept *a = &front->accept;
    if (a->stopped)
        return;
    a->stopped = true;
    rm_timer_stop(&a->retry);
    for (size_t i = 0; i < a->n; i++)
        rm_fd_del(&a->listeners[i].watch);
    if (a->turn)
        accept_leave(front);
    if (atomic_fetch_add(&front->shared->stopped, 1) + 1 < front->shared->n_workers)
        return;
    // Nobody will accept any more: better refused by the kernel than left waiting until the process ends.
    for (size_t i = 0; i < a->n; i++)
        shutdown(a->listeners[i].watch.fd, SHUT_RDWR);
}

void rm_accept_queue(struct rm_front *front)
{
    struct rm_accept *a = &front->accept;
    for (size_t i = 0; i < a->n && !a->paused; i++)
        while (accept_one(front, a->listeners[i].watch.fd))
            continue;
}
