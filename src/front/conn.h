// A client connection: its deadlines, the watch for a client that hangs up, and the ways to end it. libmicrohttpd reads and writes
// the descriptor and closes it; what is here only shuts it down.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_CONN_H
#define FRONT_CONN_H

#include "base/clock.h"
#include "front/local.h"

struct rm_client;
struct rm_relay;
struct sockaddr;

enum rm_conn_phase {
    RM_CONN_IDLE,    // since accept or the last answer; nothing of a request is here
    RM_CONN_HEAD,    // a request has begun
    RM_CONN_BODY,    // its head is read, its body comes
    RM_CONN_WORKING, // it waits for flow
    RM_CONN_SENDING  // an answer goes out
};

#define RM_CONN_NEVER UINT64_MAX
#define RM_CONN_DRAIN_QUIET RM_SEC // while draining: who is about to ask once more still gets an answer, which says close

struct rm_conn {
    struct rm_list link; // front->conns, or front->spare
    struct rm_front *front;
    void *mhd; // libmicrohttpd's; NULL before it knows the connection
    int fd;                 // the client's, or the relay's other end
    struct rm_relay *relay; // NULL: no TLS
    struct rm_fd watch;     // none with a relay, which tells by itself
    struct rm_timer timer; // fires at the deadline, or earlier and is set anew: it is seldom moved
    uint64_t deadline_us;
    enum rm_conn_phase phase;
    bool fresh;               // no request has been read on it
    bool suspended;           // in libmicrohttpd
    bool gone;                // the client has hung up, or half so
    bool waiting;             // bytes came while a request ran: the next one's
    bool linger;              // refused with a body under way: read it away after closing
    bool measured;            // `acked` is of this answer
    uint64_t acked;           // TCP's count of bytes that the client has taken
    struct rm_client *client; // the request; NULL between requests
    bool peer_trusted;        // a proxy that may say who its client is
    char peer[48];            // the address in text
};

// Takes a slot of front->conns; `fd` stays the caller's until libmicrohttpd has it.
struct rm_conn *rm_conn_new(struct rm_front *, int fd, const struct sockaddr *peer);
void rm_conn_open(struct rm_conn *);  // libmicrohttpd has it: the clock of its first request starts
void rm_conn_close(struct rm_conn *); // libmicrohttpd closes the descriptor next, or never took it

void rm_conn_heard(struct rm_conn *);   // bytes are there
void rm_conn_hung_up(struct rm_conn *); // the client has closed, or one direction

// The deadline of a phase starts now; RM_CONN_WORKING has none of its own.
void rm_conn_enter(struct rm_conn *, enum rm_conn_phase);
void rm_conn_expire_at(struct rm_conn *, uint64_t due_us); // RM_CONN_NEVER: no deadline

void rm_conn_shut(struct rm_conn *);  // libmicrohttpd finds it closed
void rm_conn_reset(struct rm_conn *); // the same, and the client sees a reset, whatever was sent
// Sends an answer without a body past libmicrohttpd, which must have nothing of its own to send; the caller ends the connection.
void rm_conn_answer(struct rm_conn *, int status);

#endif
