// A world: a plan with all that belongs to it in the whole process: router, proxies, TLS towards clients, the cache entries of its sources. Counted; a
// reload makes another one beside it. Immutable once workers have it.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_WORLD_H
#define FRONT_WORLD_H

#include "front/client_ip.h"
#include "front/route.h"
#include "pool/cache.h"

struct rm_world {
    _Atomic uint32_t refs;
    uint64_t serial;          // of the process's worlds, from 1
    struct rm_plan *plan;     // a reference
    struct rm_router *router; // owned
    struct rm_proxies proxies;
    struct rm_tls *tls; // towards clients (tls.h), for connections that begin; a reference. NULL: plain HTTP
    struct rm_arena arena; // of these
    struct rm_cache_entry *
        *entries; // of the plan's sources, acquired by who made the world and released by it after `gone`
    // The last reference has gone; on the thread that had it, as the last thing. NULL: nobody wants to know.
    void (*gone)(struct rm_world *);
    struct rm_msg told; // the admin pages': on its way to discovery's report, once
    void *report;
};

// Takes the plan over, also when it fails. One reference is the caller's, whose struct it is.
int rm_world_init(struct rm_world *, struct rm_plan *, bool debug_endpoint, struct rm_err *err) RM_MUST_CHECK;
void rm_world_fini(struct rm_world *); // without references; router and plan
struct rm_world *rm_world_ref(struct rm_world *);
void rm_world_unref(struct rm_world *); // NULL is fine

#endif
