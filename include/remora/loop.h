// One thread's event loop: descriptors, timers, the ready queue, and an inbox that other threads may post to.
// Everything but rm_loop_post() and rm_loop_stop() is called on the loop's own thread. Implemented in src/loop.
// SPDX-License-Identifier: Apache-2.0
#ifndef REMORA_LOOP_H
#define REMORA_LOOP_H

#include <remora/base.h>

struct rm_loop;

// A turn: epoll_wait, read the clock once, the inbox, descriptors, timers, then { ready queue until empty; hooks in order of
// registration } until nothing is ready. When the loop wakes more than 20 ms late (CPU throttling), it makes one pass of epoll_wait(0)
// before any timer fires, so that an answer that is already there beats its deadline.
int rm_loop_new(struct rm_loop **out, struct rm_err *err) RM_MUST_CHECK;
void rm_loop_free(struct rm_loop *); // nothing may be registered any more
void rm_loop_run(struct rm_loop *);  // until rm_loop_stop()
void rm_loop_stop(struct rm_loop *); // any thread
uint64_t rm_loop_now_us(const struct rm_loop *); // CLOCK_MONOTONIC at the start of this turn

// A descriptor watched level-triggered unless EPOLLET is in events. The struct belongs to the caller and must stay until rm_fd_del(). Its own
// callback may delete it or any other; an event collected for a deleted one is dropped.
struct rm_fd {
    int fd;
    uint32_t events;                                     // EPOLL*
    void (*on_event)(struct rm_fd *, uint32_t happened); // EPOLL*
    struct rm_loop *loop; // the loop's, NULL while not added
};
int rm_fd_add(struct rm_loop *, struct rm_fd *, struct rm_err *err) RM_MUST_CHECK;
void rm_fd_mod(struct rm_fd *, uint32_t events);
void rm_fd_del(struct rm_fd *); // before close(fd); no-op when not added

// One-shot timer; starting it again moves it. Belongs to the caller. Zero-initialised with `fire` set is stopped.
struct rm_timer {
    uint64_t due_us;
    void (*fire)(struct rm_timer *);
    size_t slot; // the loop's: place in its heap + 1, 0 while stopped
    struct rm_loop *loop;
};
void rm_timer_start(struct rm_loop *, struct rm_timer *, uint64_t due_us); // absolute, rm_loop_now_us() + delay
void rm_timer_stop(struct rm_timer *);                                     // no-op when stopped

// Work for later in this turn (the ready queue). Belongs to the caller; queued at most once at a time.
struct rm_task {
    void (*run)(struct rm_task *);
    struct rm_task *prev, *next; // the loop's
    bool queued;
};
void rm_task_queue(struct rm_loop *, struct rm_task *);
void rm_task_cancel(struct rm_loop *, struct rm_task *); // no-op when not queued

// A message from another thread (or this one). The receiver's thread runs `deliver`, which owns the message.
struct rm_msg {
    void (*deliver)(struct rm_msg *);
    struct rm_msg *next;
};
void rm_loop_post(struct rm_loop *, struct rm_msg *); // any thread; the loop must outlive the post
// The receiver's thread, or when its loop runs no more: true when the message was posted and not delivered; it never will be then.
bool rm_loop_take_back(struct rm_loop *, struct rm_msg *);

// Work at the end of each turn: harvesting a multi handle, one MHD_run. `wait_us` (may be NULL) says how long the next epoll_wait
// may sleep for it: -1 no matter, 0 not at all.
struct rm_hook {
    void (*turn)(struct rm_hook *);
    int64_t (*wait_us)(struct rm_hook *);
    struct rm_hook *next;
};
void rm_hook_add(struct rm_loop *, struct rm_hook *);
void rm_hook_del(struct rm_loop *, struct rm_hook *);

#endif
