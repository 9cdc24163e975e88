// One worker: a thread with its loop, its flow and its front end. Share-nothing: what workers have in common is in rm_worker_conf.
// main starts as many as it likes, drains or stops them, and joins them.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_WORKER_H
#define FRONT_WORKER_H

#include "front/front.h"

struct rm_worker;

struct rm_worker_conf {
    struct rm_world *world;         // the first; the worker takes a reference of its own
    struct rm_cache *cache;         // outlives the worker
    struct rm_front_shared *shared; // outlives the worker
    uint32_t index;                 // from 0; names the thread
    void (*ended)(
        void *arg); // may be NULL: called on the worker's thread as the last thing it does (drained or stopped)
    void *arg;
};

// Makes the thread and waits until loop, flow and front end stand: on RM_OK it accepts. On failure there is no thread and *out is untouched.
int rm_worker_start(struct rm_worker **out, const struct rm_worker_conf *, struct rm_err *err) RM_MUST_CHECK;
// Any thread; both may be said more than once and after the worker has ended by itself.
void rm_worker_drain(
    struct rm_worker *); // accepts no more, answers what runs, ends by itself when no connection is left
void rm_worker_say_close(struct rm_worker *); // serves on, and every answer says Connection: close
void rm_worker_stop(struct rm_worker *);      // cancels what runs and ends at once

// Another world, from the worker's next request on. Belongs to the caller until `done` has run; zeroed with `world` (which outlives
// it), `back` and `done` set.
struct rm_worker_change {
    struct rm_world *world;
    struct rm_loop *back;                    // where
    void (*done)(struct rm_worker_change *); // `err` says whether it serves it
    struct rm_err err;
    struct rm_msg msg;
    struct rm_worker *worker;
};
void rm_worker_change(struct rm_worker *, struct rm_worker_change *); // any thread
// After the worker has ended: true where it has not answered, and never will.
bool rm_worker_take_back(struct rm_worker *, struct rm_worker_change *);

// Any thread, until it is joined.
const struct rm_front_activity *rm_worker_activity(const struct rm_worker *);
// For messages to it, until it is joined. What its thread does then may use the flow.
struct rm_loop *rm_worker_loop(struct rm_worker *);
struct rm_world *rm_worker_world(struct rm_worker *); // the worker's thread: the newest, and the flow of it
struct rm_flow *rm_worker_flow(struct rm_worker *);
// Waits for the end of the thread and frees the worker. Not from a worker's thread.
void rm_worker_join(struct rm_worker *);

#endif
