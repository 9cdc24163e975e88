// Connections that rest between two exchanges: how many may, and for how long. Both engines keep theirs here; it never touches a
// descriptor, but says which one has to end.
// SPDX-License-Identifier: Apache-2.0
#ifndef NET_IDLE_H
#define NET_IDLE_H

#include "net/peers.h"

#include <remora/loop.h>
#include <remora/transport.h>

// Part of a connection; zero-initialised is not resting.
struct rm_idle_one {
    struct rm_list in_all, in_peer;
    struct rm_peer *peer;
    uint64_t since_us;
    bool rests;
};

struct rm_idle {
    struct rm_loop *loop;
    struct rm_list all; // longest first
    uint32_t n;
    uint32_t max, max_per_peer; // 0: no limit
    uint64_t timeout_us;        // 0: no limit
    struct rm_timer timer;
    void (*kill)(struct rm_idle_one *); // the engine's: ends the connection, which rests no more
};

void rm_idle_init(struct rm_idle *, struct rm_loop *, void (*kill)(struct rm_idle_one *));
void rm_idle_limit(struct rm_idle *, const struct rm_transport_conf *);
void rm_idle_fini(struct rm_idle *); // nothing rests any more

// Begins to rest. Over a limit one is killed: this one, or the one that has rested longest. So is one of a peer that was left.
void rm_idle_add(struct rm_idle *, struct rm_idle_one *, struct rm_peer *);
void rm_idle_remove(struct rm_idle *, struct rm_idle_one *); // no-op when it does not rest
// rm_transport_ops.leave: every one of this host, if there is any, is killed.
void rm_idle_leave(struct rm_idle *, struct rm_peers *, const struct rm_host *);
// The one of this peer that was in use last, so that those which are not needed reach their time. NULL: none.
struct rm_idle_one *rm_idle_newest(const struct rm_peer *);

#endif
