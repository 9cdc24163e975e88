// What the admin listeners have (admin.h). Main's thread only.
// SPDX-License-Identifier: Apache-2.0
#ifndef ADMIN_LOCAL_H
#define ADMIN_LOCAL_H

#include "admin/admin.h"
#include "admin/health.h"
#include "admin/reload.h"
#include "admin/report.h"

struct rm_admin_page; // page.c

// A number that only grows, whatever hosts go and loops do not answer meanwhile.
struct rm_admin_count {
    uint64_t seen, carried; // at the last scrape, and of what has gone since
};

struct rm_admin_counts { // of a source
    struct rm_admin_count requests, failures, ejections;
};

// Counts by the plan's places (flow/counts.h), over all workers.
struct rm_admin_totals {
    struct rm_counts *v;
    bool are_known; // all workers have told of this plan once: nothing is shown before, as counters must not fall
};

// A listener and its pages.
struct rm_admin_site {
    struct rm_pages pages;
    struct rm_front_shared shared;
    struct rm_front *front; // NULL: there is none
    int fds[2];
};

struct rm_admin {
    struct rm_arena arena; // holds this struct
    struct rm_loop *loop;
    struct rm_world *world; // the newest; a reference
    const struct rm_plan *plan;
    const struct rm_reload_status *reload;
    const struct rm_front_shared *clients;
    struct rm_health health;
    struct rm_gather gather;
    struct rm_discovery_report discovery;
    struct rm_worker_report **workers; // NULL: it does not run
    uint32_t n_workers;
    struct rm_arena of_world;       // of the counts
    struct rm_admin_counts *counts; // of the plan's sources
    struct rm_admin_totals *totals; // of the plan's endpoints and backends
    struct rm_admin_site admin, probes;
};

// page.c: the pages of a listener; `all`: the admin one's.
struct rm_pages rm_admin_pages(struct rm_admin *, bool all);

// The sum for one of the plan's sources, from what is in.
void rm_admin_sum(const struct rm_admin *, uint32_t source, struct rm_arena *, struct rm_source_sum *out);
// The members that are asked, in order; NULL ends them.
const struct rm_member *rm_admin_member(const struct rm_admin *, uint32_t i);
struct rm_str rm_admin_source_name(const struct rm_admin *, uint32_t source);

// "ready", "terminating" or "ejected": until a call to it has gone well.
struct rm_str rm_admin_host_state(const struct rm_host_sum *);

// A member has answered this round, and of the newest world.
bool rm_admin_is_in(const struct rm_admin *, const struct rm_member *);
// Brings the totals up to date. They stand still while a worker's part is missing: counters must not fall.
void rm_admin_take_counts(const struct rm_admin *);

// Texts, appended. While a round's askers are told.
void rm_admin_write_hosts(const struct rm_admin *, struct rm_arena *, struct rm_buf *out);   // hosts.c: JSON
void rm_admin_write_reload(const struct rm_admin *, struct rm_arena *, struct rm_buf *out);  // reload.c: JSON
void rm_admin_write_metrics(const struct rm_admin *, struct rm_arena *, struct rm_buf *out); // metrics.c
struct rm_metrics;
void rm_admin_write_traffic(const struct rm_admin *, struct rm_arena *, struct rm_metrics *); // traffic.c: a part of metrics
void rm_admin_write_stats(const struct rm_admin *, struct rm_arena *, struct rm_buf *out);   // stats.c: JSON

#endif
