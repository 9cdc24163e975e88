// Names to addresses, on the discovery thread: /etc/hosts first, then DNS with its TTL. What providers share.
// SPDX-License-Identifier: Apache-2.0
#ifndef SD_RESOLVE_H
#define SD_RESOLVE_H

#include <remora/base.h>
#include <remora/loop.h>

struct rm_resolve_conf {
    const char *servers; // "127.0.0.1:53,[::1]:53"; NULL: the servers of resolv.conf. Kept, not copied
    uint64_t timeout_us; // how long a server may take at the first try
    int tries;           // of each server
    uint64_t min_ttl_us, max_ttl_us;
};
#define RM_RESOLVE_DEFAULTS                                                                                            \
    ((struct rm_resolve_conf){.timeout_us = 2000000, .tries = 3, .min_ttl_us = 1000000, .max_ttl_us = 3600000000})

// Before any provider opens; for every resolver made afterwards.
void rm_resolve_setup(const struct rm_resolve_conf *);

// One resolver a loop, counted: its sockets and its servers' state are shared by all providers of that loop.
struct rm_resolver;
int rm_resolver_acquire(struct rm_resolver **out, struct rm_loop *, struct rm_err *err) RM_MUST_CHECK;
void rm_resolver_release(struct rm_resolver *); // no look-up may run; NULL is fine

struct rm_resolved {
    struct rm_str text; // IPv4 or IPv6 literal
    bool is_v6;
};

// One look-up of one name, again and again. Belongs to the caller; zeroed, with `done` set, before the first start.
struct rm_lookup {
    void (*done)(struct rm_lookup *); // from the loop's ready queue, never from inside rm_lookup_start()
    // The answer, until the next start, local or cancel.
    struct rm_err err; // RM_OK; RM_ENOHOST: there is no such name, or it has no address; another: nobody could tell
    const struct rm_resolved *addresses; // sorted, so that a server that rotates them changes nothing; no duplicates
    size_t n;
    uint64_t ttl_us; // within the bounds; the lower bound for a failure
    // The resolver's.
    struct rm_arena arena;
    struct rm_resolver *resolver;
    struct resolve_query *query; // with DNS
    struct rm_task ready;
};

// Only what needs no server: /etc/hosts, and localhost (RFC 6761 6.3), which is the loopback addresses whatever that file says
// or lacks. True: the answer is in `lookup`; done is not called.
bool rm_lookup_local(struct rm_resolver *, struct rm_lookup *, struct rm_str name);
void rm_lookup_start(struct rm_resolver *, struct rm_lookup *, struct rm_str name); // done follows
void rm_lookup_cancel(struct rm_lookup *); // done will not run; the answer is forgotten. No-op when there is nothing

#endif
