// Cells: what the whole process knows of one host of a source, and of the source. Small atomics; every worker reads and writes them.
// They come with a list when the cache publishes it, so that a request looks nothing up, and go on for hosts that stay.
// SPDX-License-Identifier: Apache-2.0
#ifndef POOL_CELL_H
#define POOL_CELL_H

#include <remora/sd.h>

struct rm_host_cell {
    // 0: in use. In the future: out, or on trial. In the past: out, but the next call may try it.
    _Atomic uint64_t out_until_us;
    _Atomic uint32_t in_a_row;            // failures since the last success
    _Atomic uint32_t times;               // ejections since the last success: each doubles the time
    _Atomic uint64_t failed_us;           // last failure
    _Atomic uint64_t failures, ejections; // counted since the host came
    // The cells' own.
    _Atomic uint32_t lists; // snapshots that have it; at 0 it may become another host's
    struct rm_host_cell *next;
};

// Of one source, counted: the cache entry's, and one for each list.
struct rm_cells {
    _Atomic uint32_t refs;
    _Atomic uint64_t retries_due_us; // pool/retries.h
    struct rm_arena arena;           // holds this struct too
    struct rm_host_cell *all;        // the discovery thread's
};

struct rm_cells *rm_cells_new(void);
void rm_cells_unref(struct rm_cells *); // NULL is fine
// Gives a list that nobody else knows yet its cells. Hosts that `old` (may be NULL; of the same cells) has too keep theirs. One
// thread for all lists of a source.
void rm_cells_attach(struct rm_cells *, struct rm_snapshot *, const struct rm_snapshot *old);

static inline bool rm_cell_is_out(const struct rm_host_cell *cell, uint64_t now_us)
{
    return atomic_load_explicit(&cell->out_until_us, memory_order_relaxed) > now_us;
}

#endif
