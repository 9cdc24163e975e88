// The parts of the engine of our own: an exchange's slot, and what its files ask of each other. For h1*.c only.
// SPDX-License-Identifier: Apache-2.0
#ifndef NET_H1_H
#define NET_H1_H

#include "net/carry.h"
#include "net/wire.h"

#define H1_RECV_BYTES ((size_t)16 << 10)
#define H1_TURN_BYTES ((size_t)256 << 10) // in one go, before others get their turn

struct rm_h1 {
    struct rm_loop *loop;
    struct rm_arena arena; // slots, and the texts of conf
    struct rm_transport_conf conf;
    struct rm_trust trust;
    struct rm_peers peers;
    struct rm_wires wires;
    struct rm_h1_slot *spare;
    uint32_t n_busy;
    struct rm_list starting; // slots whose request has not begun
    struct rm_timer start;
    struct rm_buf out; // the request that is being written
    bool out_taken;
    char in[H1_RECV_BYTES];
};

// Why the connection is of no use any more.
enum h1_gone { H1_HERE, H1_ENDED, H1_RESET };

// What an exchange needs beyond its frame. It lies here and not in the request's arena: an exchange that is cancelled from its own
// callback leaves a few instructions to run.
struct rm_h1_slot {
    struct rm_carry carry;
    struct rm_h1 *h1;
    struct rm_h1_slot *next; // in spare
    struct rm_list in_starting;
    struct rm_peer *peer;
    struct rm_wire *wire;
    // Of the request: what the socket has not taken yet.
    struct rm_buf rest;
    size_t rest_at;
    struct rm_str body; // of x->body
    bool has_source;    // x->source has more
    bool deaf;          // the other side takes no more; it may still have answered
    // Of the answer.
    struct rm_buf held; // came too early: a piece of a line, or what a paused owner has not taken
    size_t looked_at;   // of it, for the end of a line
    uint64_t body_got;  // bytes given on, when the head says how many there are
    bool begun;         // a byte of it has come
    bool retried;
    bool busy; // in rm_h1_send() or rm_h1_recv(): a cancellation leaves the rest to them
    enum h1_gone gone;
};

struct h1_exchange {
    struct rm_exchange x; // first
    struct rm_h1_slot *slot;
};

// The functions that say false have given the slot back: it must not be used afterwards.
bool rm_h1_recv(struct rm_h1_slot *); // what has come, until the answer is whole, its owner pauses, or there is no more
int64_t rm_h1_read(struct rm_h1_slot *, char *to, size_t n); // the owner reads by itself; the slot may be given back
bool rm_h1_send(struct rm_h1_slot *, struct rm_buf *out); // what is in `out` (NULL: in slot->rest) and what follows it
bool rm_h1_send_more(struct rm_h1_slot *);                // the same, if something waits that can go on now
void rm_h1_begin(struct rm_h1_slot *);                    // the request, on a connection that can be used
// All is out, so that the connection may serve another.
bool rm_h1_has_sent_all(const struct rm_h1_slot *);

void rm_h1_over(struct rm_h1_slot *); // nothing more comes, or is wanted: the end of the exchange, or another try
void rm_h1_finish(struct rm_h1_slot *,
                  int code); // gives the slot back and tells the caller; code: RM_OK, or what is in x->call.err
void rm_h1_release(struct rm_h1_slot *, bool keep); // gives the slot back; keep: its connection too

#endif
