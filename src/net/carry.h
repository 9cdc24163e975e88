// One exchange while an engine carries it: its times, the body's source, the answer, pausing and going on. What every engine has to
// do in the same way, free of any library's types.
// SPDX-License-Identifier: Apache-2.0
#ifndef NET_CARRY_H
#define NET_CARRY_H

#include "net/answer.h"

enum { RM_CARRY_RECV = 1, RM_CARRY_SEND = 2 };

// What the engine does next: go on, wait until go_on() says so, or end the exchange (rm_carry_verdict()).
enum rm_carry_step { RM_CARRY_ON, RM_CARRY_WAIT, RM_CARRY_STOP };

struct rm_carry {
    struct rm_loop *loop;
    struct rm_exchange *x; // NULL: nobody waits any more
    struct rm_answer answer;
    struct rm_err err;                     // the first failure found here; it says more than an engine's own
    struct rm_timer timer;                 // the deadline, or the head's or the connection's time when that ends first
    bool begun;                            // there has been a connection
    struct rm_timer pace;                  // the next slice of what would keep the loop too long
    struct rm_task wake;                   // resume and body_ready
    uint64_t head_timeout_us, head_due_us; // 0: none; not running yet
    int64_t source_read;
    unsigned paused, asked; // RM_CARRY_*: stopped here; to go on
    unsigned breath;        // to go on by itself, when the pace timer fires
    // The engine's, set once. Both are called by the loop, never from inside another function of this file.
    void (*go_on)(struct rm_carry *, unsigned what); // RM_CARRY_*; no longer in `paused`
    void (*timeout)(struct rm_carry *);              // the time is over; rm_carry_timeout() says what it means
};

void rm_carry_init(struct rm_carry *, struct rm_loop *, void (*go_on)(struct rm_carry *, unsigned),
                   void (*timeout)(struct rm_carry *));
// Begins with x: its results are reset, the deadline runs. `decode`: a gzip answer is to be inflated.
void rm_carry_start(struct rm_carry *, struct rm_exchange *x, bool decode, uint64_t head_timeout_us);
void rm_carry_end(struct rm_carry *); // stops everything and lets x go

// Stops until the next turn of the loop, so that others get theirs.
void rm_carry_breathe(struct rm_carry *, unsigned what);

// The head of the request is about to go out (again, on another connection). x->sent is the engine's to set.
void rm_carry_request(struct rm_carry *);
// Up to n bytes of the source; *got 0 with RM_CARRY_ON is the end. RM_CARRY_STOP also when the whole answer is there already.
enum rm_carry_step rm_carry_read(struct rm_carry *, char *to, size_t n, size_t *got);
// A line of the head; body bytes with their chunk framing, which come again after RM_CARRY_WAIT.
enum rm_carry_step rm_carry_line(struct rm_carry *, struct rm_str line);
enum rm_carry_step rm_carry_body(struct rm_carry *, struct rm_str data);

// The whole answer is there, and only the request's body, which waits for its source, keeps the exchange from its end.
bool rm_carry_is_idle(const struct rm_carry *);

// Decides at the end. `whole`: the engine saw the end that the framing announced. True: x->call.err and *code are set; false: the engine
// has to say what went wrong.
bool rm_carry_verdict(struct rm_carry *, bool whole, int *code);
// The same after timeout(); `sent`: something of the request has left.
int rm_carry_timeout(struct rm_carry *, bool sent);

// For rm_transport_ops.resume and .body_ready: go_on() follows later in this turn.
void rm_carry_ask(struct rm_carry *, unsigned what);

#endif
