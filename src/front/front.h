// The front end: connections in, requests parsed, guarded and routed, replies out. One per worker, on its thread.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_FRONT_H
#define FRONT_FRONT_H

#include "flow/flow.h"
#include "front/page.h"
#include "front/world.h"
#include <remora/loop.h>

struct rm_front;

// What a front end does, for other threads: written by its own alone.
struct rm_front_activity {
    _Atomic uint32_t running;   // requests from their first line to the last byte of the answer
    _Atomic uint64_t active_us; // when one began or ended; CLOCK_MONOTONIC
};
struct rm_turn;

// Shared by all workers of a process; made by main before they start; immutable but for the counters.
struct rm_front_shared {
    const struct rm_pages *pages; // not NULL: these are served, and no endpoint
    const int *listeners;         // non-blocking, listening, shared by the workers (EPOLLEXCLUSIVE)
    size_t n_listeners;
    uint32_t max_connections;     // over all workers
    _Atomic uint32_t connections; // open now
    _Atomic uint32_t stopped;     // workers that accept no more; the last one closes the listeners' queues
    uint32_t n_workers;
    struct rm_turn *turns; // accept.h: one for each worker, zeroed; NULL where there is one
    _Atomic uint32_t n_turns;
    _Atomic uint64_t tls_accepted, tls_failed; // handshakes
};

// Starts to accept at once. `flow` is NULL where pages are served; it is taken over when it goes well. The limits are those of the first
// world in what a connection is made with (head_bytes, connections).
int rm_front_new(struct rm_front **out, struct rm_loop *, struct rm_world *, struct rm_flow *, struct rm_front_shared *,
                 struct rm_err *err) RM_MUST_CHECK;
// From the next request on; what runs goes on with the world that it began with. The flow is taken over, NULL as above.
void rm_front_change(struct rm_front *, struct rm_world *, struct rm_flow *);
struct rm_world *rm_front_world(const struct rm_front *); // the newest
struct rm_flow *rm_front_flow(const struct rm_front *);
void rm_front_tell(struct rm_front *, struct rm_front_activity *); // from now on; outlives it
void rm_front_say_close(struct rm_front *); // it serves on, and every answer says Connection: close
// Takes what has connected already and accepts no more; answers what runs, and what is asked within the next second on a connection that
// rests, with Connection: close; closes the others. `drained` is called (once, from the loop) when no connection is left.
void rm_front_drain(struct rm_front *, void (*drained)(void *), void *arg);
// Cancels what still runs, closes all connections and frees. With or without a drain before.
void rm_front_free(struct rm_front *);

// front/listen.c: opens the listeners for an address ("" all: v6 with v4, falling back to v4; "localhost" is not accepted) and a port. fds must hold 2.
int rm_listen(struct rm_str ip, uint16_t port, int backlog, int fds[2], size_t *n, struct rm_err *err) RM_MUST_CHECK;

#endif
