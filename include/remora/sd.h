// Service discovery: a provider finds the hosts of one source and publishes whole lists; it never touches a request.
// Every provider runs on the one discovery thread. sd/README.md says in one page how to write one.
// SPDX-License-Identifier: Apache-2.0
#ifndef REMORA_SD_H
#define REMORA_SD_H

#include <remora/base.h>
#include <remora/loop.h>

enum rm_host_state { RM_HOST_READY, RM_HOST_TERMINATING };

// One place that answers. Copied whole by rm_snapshot_new().
struct rm_host {
    struct rm_str scheme;  // "http" or "https"
    struct rm_str address; // resolved: IPv4 or IPv6 literal without brackets
    struct rm_str name;    // for Host and TLS; an IP literal when the configuration has one
    struct rm_str base_path; // prefix of every path ("" or "/base"), only with disable_host_sanitize
    uint16_t port;
    uint32_t weight;   // 1 when the source has no weights; 0 is usable where all of a tier have 0 (RFC 2782)
    uint16_t priority; // lower first; the next tier is used when no host of this one is usable
    struct rm_str zone; // "" when unknown
    enum rm_host_state state;
    bool hinted; // the source says that this host is for us (Kubernetes' topology hints); means nothing where no host of a list has it
};

struct rm_cells;
struct rm_host_cell;

// An immutable list, counted (atomic): shared by the discovery thread and the workers.
struct rm_snapshot {
    _Atomic uint32_t refs;
    uint32_t n;
    uint64_t serial; // grows with each publication of a source
    // What the pool knows of these hosts (pool/cell.h), one for each; NULL until it is published.
    struct rm_cells *cells;
    struct rm_host_cell *const *cell;
    struct rm_host host[];
};
struct rm_snapshot *rm_snapshot_new(const struct rm_host *hosts, size_t n); // one reference; copies all text
struct rm_snapshot *rm_snapshot_ref(struct rm_snapshot *);
void rm_snapshot_unref(struct rm_snapshot *); // NULL is fine

// What to find: the discovery part of a backend. Equal sources (all members equal) share one cache entry and one provider.
struct rm_source {
    struct rm_str provider;      // the backend's "sd": "static", …
    const struct rm_str *hosts;  // the backend's "host", sanitised unless disable_host_sanitize
    size_t n_hosts;
    struct rm_str scheme; // "sd_scheme"
    uint64_t refresh_us;  // "dns_cache_ttl"; 0: the provider's default
};

// The pool's side. Valid until close() returns.
struct rm_sd_sink {
    void (*publish)(struct rm_sd_sink *, struct rm_snapshot *);    // gives the reference away; an empty list is an answer
    void (*failed)(struct rm_sd_sink *, const struct rm_err *err); // the pool keeps its last good list
};

// One more number of a provider, for metrics and the status page: a name by Prometheus's rules without prefix ("relists_total",
// "last_event_age_seconds"), and at most one label ("reason", "gone"); label NULL: none.
struct rm_sd_number {
    const char *name, *label, *label_value; // constants
    double value;
};

struct rm_sd_ops {
    const char *name; // value of the backend's "sd" key
    // At load, any thread, no I/O: is this source well formed for this provider? NULL: every source is.
    int (*check)(const struct rm_source *, struct rm_err *err);
    // Discovery thread. `source` and its texts outlive the provider. The first answer may come before open returns.
    int (*open)(void **self, const struct rm_source *, struct rm_loop *, struct rm_sd_sink *, struct rm_err *err);
    // Discovery thread. Stops timers, sockets and callbacks; publishes nothing afterwards.
    void (*close)(void *self);
    // Discovery thread. Fills at most `max` numbers and returns how many; NULL: this provider counts nothing.
    size_t (*numbers)(const void *self, struct rm_sd_number *out, size_t max);
};

extern const struct rm_sd_ops *const rm_sd_providers[]; // sd/registry.c; NULL ends it
const struct rm_sd_ops *rm_sd_find(struct rm_str name);  // NULL: no such provider

#endif
