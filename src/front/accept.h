// Accepting: takes connections off the shared listeners while there is room, one at a time and in turn with the other workers: who has
// more than another does not listen until that one has caught up.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_ACCEPT_H
#define FRONT_ACCEPT_H

#include <remora/loop.h>

struct rm_front;

#define RM_ACCEPT_LISTENERS 4

struct rm_listener {
    struct rm_front *front;
    struct rm_fd watch;
};

// A worker among those that share the listeners. The memory is the process's, for as long as a worker lives.
struct rm_turn {
    _Atomic uint32_t conns; // its connections
    _Atomic bool open;      // it takes part
    _Atomic bool waits;     // until it is told; who takes this back tells it
    struct rm_loop *loop;
    struct rm_msg tell;     // tells it
    struct rm_front *front; // its own thread's
};

struct rm_accept {
    struct rm_turn *turn; // NULL: nobody else accepts
    bool waiting;         // for its turn
    struct rm_listener listeners[RM_ACCEPT_LISTENERS];
    size_t n;
    uint32_t limit;        // of connections, over all workers
    struct rm_timer retry; // runs while accepting is paused: no room, or no descriptor left
    bool paused, stopped;
};

int rm_accept_start(struct rm_front *, struct rm_err *err) RM_MUST_CHECK;
void rm_accept_resume(struct rm_front *);    // a connection of this worker has closed; no-op unless paused
void rm_accept_stop(struct rm_front *);      // idempotent
void rm_accept_queue(struct rm_front *);     // takes all that have connected already
void rm_accept_give_back(struct rm_front *); // the place of one connection

#endif
