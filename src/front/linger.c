// Lingering connections: copies of descriptors that libmicrohttpd has closed, read until the client closes too. Bounded in time
// and bytes; each keeps its place under the connection limit.
// SPDX-License-Identifier: Apache-2.0
#include "front/linger.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_US (2 * RM_SEC)
#define LINGER_BYTES ((size_t)1 << 20)

struct linger_fd {
    struct rm_list link; // front->lingering
    struct rm_front *front;
    struct rm_fd watch;
    struct rm_timer timer;
    size_t bytes;
};

static void linger_end(struct linger_fd *l)
{
    struct rm_front *front = l->front;
    rm_list_remove(&l->link);
    rm_fd_del(&l->watch);
    rm_timer_stop(&l->timer);
    close(l->watch.fd);
    rm_list_push_front(&front->spare_lingers, &l->link);
    rm_front_left(front);
}

static void linger_fire(struct rm_timer *timer)
{
    linger_end(rm_container_of(timer, struct linger_fd, timer));
}

static void linger_happened(struct rm_fd *watch, uint32_t happened)
{
    (void)happened;
    struct linger_fd *l = rm_container_of(watch, struct linger_fd, watch);
    char waste[16384];
    ssize_t n = recv(watch->fd, waste, sizeof(waste), MSG_DONTWAIT);
    if (n > 0)
        l->bytes += (size_t)n;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || l->bytes > LINGER_BYTES)
        linger_end(l);
}

bool rm_linger_start(struct rm_front *front, int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return false;
    struct linger_fd *l;
    if (rm_list_empty(&front->spare_lingers)) {
        l = RM_NEW(&front->arena, struct linger_fd);
    } else {
        l = rm_container_of(front->spare_lingers.next, struct linger_fd, link);
        rm_list_remove(&l->link);
        memset(l, 0, sizeof(*l));
    }
    l->front = front;
    l->timer.fire = linger_fire;
    l->watch = (struct rm_fd){.fd = copy, .events = EPOLLIN, .on_event = linger_happened};
    if (rm_fd_add(front->loop, &l->watch, NULL) != RM_OK) {
        close(copy);
        rm_list_push_front(&front->spare_lingers, &l->link);
        return false;
    }
    rm_timer_start(front->loop, &l->timer, rm_loop_now_us(front->loop) + LINGER_US);
    rm_list_push_back(&front->lingering, &l->link);
    return true;
}

void rm_linger_end_all(struct rm_front *front)
{
    while (!rm_list_empty(&front->lingering))
        linger_end(rm_container_of(front->lingering.next, struct linger_fd, link));
}
