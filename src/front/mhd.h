// libmicrohttpd behind plain types: connections in, calls of client.h out. mhd.c is the only file that knows the library.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_MHD_H
#define FRONT_MHD_H

#include "front/conn.h"

struct rm_mhd;

// The memory that a connection's head may take there: request line, headers and the answer's head.
size_t rm_mhd_pool_bytes(const struct rm_conf_limits *);

int rm_mhd_new(struct rm_mhd **out, struct rm_front *, struct rm_err *err) RM_MUST_CHECK;
void rm_mhd_free(struct rm_mhd *); // nothing may be suspended; closes all connections
// Gives the descriptor away in any case. False: there is no connection; `conn` has been closed.
bool rm_mhd_add(struct rm_mhd *, struct rm_conn *, const struct sockaddr *peer, unsigned peer_size);
// A suspended connection's handler is called again, within this turn of the loop.
void rm_mhd_resume(struct rm_conn *);
void rm_mhd_wake(struct rm_mhd *); // something has come for it: it runs within this turn of the loop
void rm_mhd_run(struct rm_mhd *); // at once; not from within its calls

#endif
