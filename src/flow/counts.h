// What a worker counts of each endpoint and each backend of the plan: plain numbers at the place that the plan gives them, without a lock
// and without a look-up by name on the request path. A reload hands them on by name: what stays goes on counting.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_COUNTS_H
#define FLOW_COUNTS_H

#include "flow/plan.h"

// Upper bounds (inclusive) of the latency buckets, from half a millisecond to 10 s; one more for whatever took longer.
#define RM_LATENCY_BOUNDS 14
extern const uint32_t rm_latency_bounds_us[RM_LATENCY_BOUNDS];

#define RM_COUNTS_CODES (1 - RM_EDENIED)
#define RM_COUNTS_CLASSES 6

// Of requests to an endpoint, or of calls of a backend (a call's retries and redirects are inside it). uint64_t only: they are summed as an
// array.
struct rm_counts {
    uint64_t by_class[RM_COUNTS_CLASSES]; // by status / 100; [0]: over without a status (no answer, or nobody to tell)
    uint64_t failed[RM_COUNTS_CODES];     // by -code, why it failed: [-RM_ETIMEOUT] are the timeouts
    uint64_t cancelled;                   // endpoint: the client went away; backend: nobody wanted the answer any more
    uint64_t incomplete;                  // endpoint: answered without X-Krakend-Completed: true
    uint64_t retries;                     // backend: attempts after the first
    uint64_t dropped;                     // a shadow backend: calls that were not made
    uint64_t in_flight;                   // now
    uint64_t sent_bytes, received_bytes;  // of bodies, seen from remora: to the client or the backend, and from it
    uint64_t latency[RM_LATENCY_BOUNDS + 1]; // each bucket on its own; their sum is the number of those that are over
    uint64_t latency_sum_us;
};
#define RM_COUNTS_NUMBERS (sizeof(struct rm_counts) / sizeof(uint64_t))

struct rm_counts_cell;
struct rm_counts_batch;

// The endpoints in the order of the plan, then all backends in the order of their endpoints, then one for what no endpoint answers.
struct rm_counts_table {
    struct rm_counts_batch *batch;
    struct rm_counts_cell **cells;
    uint32_t n;
};

uint32_t rm_counts_size(const struct rm_plan *);
uint32_t rm_counts_of_endpoint(const struct rm_plan *, const struct rm_endpoint *); // NULL: what no endpoint answers
uint32_t rm_counts_of_backend(const struct rm_endpoint *, uint32_t backend);

// With the cells of `before` (NULL: none) for the endpoints and backends of the same name; both may count on from then. Worker's thread.
void rm_counts_init(struct rm_counts_table *, const struct rm_plan *, const struct rm_counts_table *before);
void rm_counts_fini(struct rm_counts_table *);
struct rm_counts *rm_counts_at(const struct rm_counts_table *, uint32_t i);

void rm_counts_add(struct rm_counts *sum, const struct rm_counts *);
void rm_counts_took(struct rm_counts *, uint64_t us);
uint64_t rm_counts_over(const struct rm_counts *); // how many are over
// The latency that a share of them did not exceed, in seconds, by Prometheus's rule (linear within a bucket; the last bound for what lies
// above it). NAN: none is over.
double rm_counts_quantile(const struct rm_counts *, double share);

#endif
