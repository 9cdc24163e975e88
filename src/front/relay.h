// A connection's TLS: the handshake, then plain bytes to and from libmicrohttpd over a pair of sockets, of which it has the other end as
// if that were the client's. So limits, deadlines and refusals stand once, for both kinds of listeners. SSL never meets libmicrohttpd.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_RELAY_H
#define FRONT_RELAY_H

#include "front/local.h"

struct rm_relay;
struct rm_conn;
struct sockaddr;

// Takes the descriptor and its place under the connection limit. False: it is closed and the place given back.
bool rm_relay_start(struct rm_front *, int fd, const struct sockaddr *peer, unsigned peer_size);
void rm_relay_hurry(struct rm_front *, uint64_t due_us); // handshakes that are not over by then end
void rm_relay_end_all(struct rm_front *); // after the daemon's end: what can be sent at once is

// ---- for conn.c, of the connection that runs over it -------------------------------------------------------------------

int rm_relay_fd(const struct rm_relay *);            // the client's descriptor: to measure, not to read
uint64_t rm_relay_received(const struct rm_relay *); // bytes of requests
void rm_relay_cut(struct rm_relay *);                // the client sees a reset
// libmicrohttpd closes its end next. What it has written still goes out, and `lingers` reads the client's bytes away after that.
void rm_relay_left(struct rm_relay *, bool lingers);

#endif
