// Connections for an engine that speaks HTTP itself. libcurl makes them: TCP and its time, TLS, the name in the certificate. Then plain
// text goes over a descriptor of our own, without libcurl, and TLS through it. Each is registered once, edge-triggered, and watched
// while it rests: what ends, or speaks unasked, is closed at once. Free of libcurl's types.
// SPDX-License-Identifier: Apache-2.0
#ifndef NET_WIRE_H
#define NET_WIRE_H

#include "net/curl.h"
#include "net/idle.h"

struct rm_wire;
struct iovec;

struct rm_wires {
    struct rm_loop *loop;
    const struct rm_transport_conf *conf;
    const struct rm_trust *trust;
    struct rm_peers *peers; // each connection counts its peer
    struct rm_multi *multi;
    struct rm_idle idle;
    struct rm_arena arena;
    struct rm_wire *spare, *broken;
    struct rm_list waiting; // not begun yet
    struct rm_timer timer;  // libcurl's
    struct rm_timer pace;   // the next of those that wait
    struct rm_task kick;
    uint32_t n;
    // Set by the engine; both may close the wire, and must when `err` is not NULL.
    void (*on_open)(struct rm_wire *, struct rm_err *err); // it can be used, or never will be
    void (*on_ready)(struct rm_wire *);                    // `readable` or `writable` became true
};

struct rm_wire {
    struct rm_fd watch;
    struct rm_wires *wires;
    struct rm_peer *peer;
    void *user;           // the engine's; NULL while it rests
    struct rm_easy *easy; // while it is made, and for TLS
    struct rm_wire *next; // in spare or broken
    struct rm_list in_waiting;
    struct rm_idle_one idle;
    struct rm_err err; // of the making; says more than libcurl
    int fd;            // libcurl's; -1: none
    bool open;
    bool used;     // it has rested once: the other side may have ended it
    bool readable; // worth a try
    bool writable;
    bool ending;  // the other side has said that it ends
    bool drained; // TLS: nothing is left of the last record, so that the socket alone tells whether more has come
};

void rm_wires_init(struct rm_wires *, struct rm_loop *, struct rm_peers *, const struct rm_transport_conf *,
                   const struct rm_trust *);
void rm_wires_fini(struct rm_wires *); // resting ones are closed; no other is left

// A resting one, quiet as far as the loop's events tell (look: up to this moment): what came while nobody had asked would become somebody's
// answer. NULL: none.
struct rm_wire *rm_wire_take(struct rm_wires *, struct rm_peer *, void *user, bool look);
// A new one; on_open() follows in a later step of the loop, unless it is closed before.
struct rm_wire *rm_wire_dial(struct rm_wires *, struct rm_peer *, void *user, struct rm_err *err);
void rm_wire_keep(struct rm_wire *);  // rests from now on, or is closed if there are too many
void rm_wire_close(struct rm_wire *); // in any state; must not be used afterwards

// > 0 bytes, 0 the end, RM_AGAIN (on_ready() follows), RM_ERESET.
int64_t rm_wire_recv(struct rm_wire *, char *to, size_t n);
// > 0 bytes, RM_AGAIN, RM_ERESET. With TLS only the first piece is taken, and after RM_AGAIN the same one must come again.
int64_t rm_wire_send(struct rm_wire *, const struct iovec *pieces, size_t n);

#endif
