// Asks every loop of the process for its part of a report: a message there, what its thread fills in, a message back. One round at a
// time; who asks while one runs gets the next, so that an answer is never older than its question. A loop that does not answer within
// RM_GATHER_WAIT_US is missing from the round: the round ends without it. All of it on main's loop but `fill`.
// SPDX-License-Identifier: Apache-2.0
#ifndef ADMIN_GATHER_H
#define ADMIN_GATHER_H

#include "base/list.h"
#include <remora/loop.h>

#define RM_GATHER_WAIT_US UINT64_C(500000)

// One loop that is asked. Belongs to whoever adds it, with what `fill` fills beside it; while `is_away` main does not touch that.
struct rm_member {
    struct rm_loop *loop;
    // On its loop's thread: a pulse is all that is asked for (no more than that it turns), or everything.
    void (*fill)(struct rm_member *, bool everything);
    void (*clear)(struct rm_member *); // on main's, when a round is over: gives back what fill has made, if anything; may be NULL
    const char *name;                  // "worker-0"
    // gather's own.
    struct rm_gather *gather;
    struct rm_msg msg;
    bool is_away, is_in, everything; // asked and not back yet; back in this round
    uint64_t asked_us, round;
    struct rm_list link;
};

// Who asks. Zeroed, with `done` set.
struct rm_ask_all {
    void (*done)(struct rm_ask_all *); // once, never from inside rm_gather_start(); members with is_in are filled, until it returns
    bool everything;
    struct rm_list link;
    bool is_waiting;
};

struct rm_gather {
    struct rm_loop *loop;
    struct rm_list members, waiting, asking;
    struct rm_timer deadline;
    struct rm_task begin;
    uint64_t round;
    bool is_running;
};

void rm_gather_init(struct rm_gather *, struct rm_loop *main_loop);
void rm_gather_fini(struct rm_gather *); // nobody asks any more and no loop runs; clears all members
void rm_gather_add(struct rm_gather *, struct rm_member *);
void rm_gather_remove(struct rm_gather *, struct rm_member *); // its loop runs no more; no-op when it is not in
void rm_gather_start(struct rm_gather *, struct rm_ask_all *);
void rm_gather_cancel(struct rm_gather *, struct rm_ask_all *);
// How long the member has not answered a question, in microseconds; 0: it has.
uint64_t rm_member_silent_us(const struct rm_member *);

#endif
