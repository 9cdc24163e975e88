// What the loops report: discovery's entries, the workers' views of them. Filled on their threads (gather.h), read on main's while a
// round's askers are told.
// SPDX-License-Identifier: Apache-2.0
#ifndef ADMIN_REPORT_H
#define ADMIN_REPORT_H

#include "admin/gather.h"
#include "flow/plan.h"
#include "front/worker.h"

#define RM_REPORT_NUMBERS 64 // of a provider

// Of one source of the plan, by discovery.
struct rm_source_report {
    struct rm_cache_state state; // its list is a reference of ours
    struct rm_sd_number numbers[RM_REPORT_NUMBERS];
    size_t n_numbers;
};

struct rm_discovery_report {
    struct rm_member member; // first
    struct rm_world *world;  // the discovery thread's: what it reports of; a reference
    struct rm_world *filled; // what `sources` are of; a reference, until it is cleared
    struct rm_arena arena;
    struct rm_source_report *sources; // NULL: not filled
};

// Of one view of the plan, by a worker.
struct rm_view_report {
    struct rm_snapshot *list; // a reference
    struct rm_host_look *looks;
    size_t n;
    uint64_t picked;
};

struct rm_worker_report {
    struct rm_member member; // first
    struct rm_world *filled; // as above
    struct rm_worker *worker;
    char name[16];
    struct rm_arena arena;
    struct rm_view_report *views; // of the plan's; NULL: not filled
    struct rm_counts *counts;     // of its table
};

void rm_discovery_report_init(struct rm_discovery_report *, struct rm_world *, struct rm_loop *discovery);
// It reports of this world from now on; once for each world.
void rm_discovery_report_change(struct rm_discovery_report *, struct rm_world *);
void rm_discovery_report_fini(struct rm_discovery_report *); // no loop runs any more
void rm_worker_report_init(struct rm_worker_report *, struct rm_worker *, uint32_t index);

// ---- put together, on main's thread ----------------------------------------------------------------------------------

struct rm_host_sum {
    const struct rm_host *host;
    uint64_t in_flight, picked;                     // over the workers
    uint64_t failures, ejections, ejected_until_us; // the same for all of them; 0: it is in
};

struct rm_source_sum {
    const struct rm_source_report *discovery; // NULL: it did not answer
    struct rm_host_sum *hosts;                // of discovery's list, or of a worker's where it did not answer
    size_t n;
    uint64_t in_flight, picked;
};

// The sum of what is in of this world for its plan's source number `source`; in the arena.
void rm_report_sum(const struct rm_world *, const struct rm_discovery_report *,
                   const struct rm_worker_report *const *workers, size_t n_workers, uint32_t source, struct rm_arena *,
                   struct rm_source_sum *out);

#endif
