// Looking names up, on the discovery thread: names to addresses (/etc/hosts first, then DNS) and SRV records. What providers share.
// SPDX-License-Identifier: Apache-2.0
#ifndef SD_RESOLVE_H
#define SD_RESOLVE_H

#include "base/list.h"
#include "sd/dns_answer.h"

#include <remora/base.h>
#include <remora/loop.h>

struct rm_resolve_conf {
    const char *servers; // "127.0.0.1:53,[::1]:53"; NULL: the servers of resolv.conf. Kept, not copied
    uint64_t timeout_us; // how long a server may take at the first try; doubled with each further one
    int tries;           // of each server
    uint64_t min_ttl_us, max_ttl_us;
    uint64_t files_us;       // how often resolv.conf and /etc/hosts are looked at; 0: once
    const char *resolv_conf; // NULL: /etc/resolv.conf. Kept, not copied
};
#define RM_RESOLVE_DEFAULTS                                                                                            \
    ((struct rm_resolve_conf){.timeout_us = 2000000,                                                                   \
                              .tries = 3,                                                                              \
                              .min_ttl_us = 1000000,                                                                   \
                              .max_ttl_us = 3600000000,                                                                \
                              .files_us = 5000000})

// Before any provider opens; for every resolver made afterwards.
void rm_resolve_setup(const struct rm_resolve_conf *);

// One resolver a loop, counted: its sockets and its servers' state are shared by all providers of that loop.
struct rm_resolver;
int rm_resolver_acquire(struct rm_resolver **out, struct rm_loop *, struct rm_err *err) RM_MUST_CHECK;
uint64_t rm_resolver_ttl_us(const struct rm_resolver *, uint32_t ttl_s); // a record's TTL within the bounds
void rm_resolver_release(struct rm_resolver *); // no look-up may run, no watch be there; NULL is fine

// Told when /etc/hosts or resolv.conf has another content: time to ask anew. Belongs to the caller, zeroed with `changed` set.
struct rm_resolve_watch {
    void (*changed)(struct rm_resolve_watch *); // from a timer; may start and cancel look-ups
    struct rm_list link;                        // the resolver's
};
void rm_resolve_watch_add(struct rm_resolver *, struct rm_resolve_watch *);
void rm_resolve_watch_del(struct rm_resolve_watch *); // no-op when not added

struct rm_resolved {
    struct rm_str text; // IPv4 or IPv6 literal
    bool is_v6;
};

enum rm_lookup_result {
    RM_LOOKUP_FOUND,
    RM_LOOKUP_NXDOMAIN,    // there is no such name
    RM_LOOKUP_NODATA,      // the name has no record of this type
    RM_LOOKUP_SERVFAIL,    // the server could not tell
    RM_LOOKUP_REFUSED,     // it did not want to
    RM_LOOKUP_TIMEOUT,     // it said nothing
    RM_LOOKUP_UNREACHABLE, // nobody listens, or no route
    RM_LOOKUP_INVALID,     // what it said makes no sense, or no record can be used
    RM_LOOKUP_RESULTS,
};
const char *rm_lookup_result_name(enum rm_lookup_result); // "nxdomain", for metrics and logs

// One look-up of one name, again and again. Belongs to the caller; zeroed, with `done` set, before the first start.
struct rm_lookup {
    void (*done)(struct rm_lookup *); // from the loop's ready queue, never from inside rm_lookup_start()
    // The answer, until the next start, local or cancel.
    enum rm_lookup_result result;
    struct rm_err err; // RM_OK; RM_ENOHOST: no such name, or nothing behind it; another: nobody could tell. Says whom it asked
    const struct rm_resolved *addresses; // IPv4 first, then sorted, so that a server that rotates them changes nothing; no duplicates
    size_t n;
    struct rm_dns_answer srv; // of rm_lookup_srv()
    uint64_t ttl_us;          // within the bounds; after a failure: how long to wait before the first new try
    // The resolver's.
    struct rm_arena arena;
    struct rm_resolver *resolver;
    const char *name;
    bool is_srv;
    struct resolve_query *query; // with DNS
    struct rm_list link;
    struct rm_timer late; // a query that the library loses
    struct rm_task ready;
};

// Only what needs no server: /etc/hosts, and localhost (RFC 6761 6.3), which is the loopback addresses whatever that file says
// or lacks. True: the answer is in `lookup`; done is not called.
bool rm_lookup_local(struct rm_resolver *, struct rm_lookup *, struct rm_str name);
void rm_lookup_start(struct rm_resolver *, struct rm_lookup *, struct rm_str name); // done follows
// The SRV records of an absolute name, with or without its last dot: no search domain is tried, no file read. done follows.
void rm_lookup_srv(struct rm_resolver *, struct rm_lookup *, struct rm_str name);
void rm_lookup_cancel(struct rm_lookup *); // done will not run; the answer is forgotten. No-op when there is nothing

#endif
