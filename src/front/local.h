// What one worker's front end has (front.h). Its thread only, but for `shared`'s counters.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_LOCAL_H
#define FRONT_LOCAL_H

#include "base/list.h"
#include "flow/shadow.h"
#include "front/accept.h"
#include "front/front.h"
#include "front/serving.h"

struct rm_front {
    struct rm_arena arena; // of connections and settings; lives as long as the front end
    struct rm_loop *loop;
    struct rm_serving *serving;          // the newest
    const struct rm_conf_limits *limits; // its own
    struct rm_block_cache *blocks;       // of requests' arenas
    struct rm_shadows shadows;
    struct rm_front_shared *shared;
    struct rm_mhd *mhd;
    size_t pool_bytes; // of a connection's head, in libmicrohttpd
    struct rm_accept accept;
    struct rm_list conns;     // open ones
    struct rm_list spare;     // structs of closed ones, for reuse
    struct rm_list lingering; // linger.h
    struct rm_list spare_lingers;
    struct rm_tls *tls;     // the newest world's; NULL: clients speak plain HTTP, to the end
    struct rm_list relays;  // relay.h
    struct rm_list spare_relays;
    char *piece;            // relay.c's, for bytes on their way
    uint64_t tls_logged_us, tls_complaints;
    bool heard; // a connection's watch has reported in this turn
    bool draining, freeing;
    bool says_close;                    // as draining does, but it accepts
    struct rm_front_activity *activity; // NULL: nobody wants to know
    struct rm_task drained_task;
    void (*drained)(void *);
    void *drained_arg;
};

void rm_front_count(struct rm_front *, bool begins); // a request
// A connection or a lingering descriptor is gone: accepting may go on, a drain may be over.
void rm_front_left(struct rm_front *);

#endif
