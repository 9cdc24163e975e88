// Cells: what must be one number in the whole process (a rate's bucket, a breaker's state), whatever number of workers and plans: small
// structs of atomics, found at load by a key, handed on to the next plan that names it, given back when no plan does.
// SPDX-License-Identifier: Apache-2.0
#ifndef POLICY_CELL_H
#define POLICY_CELL_H

#include <remora/base.h>

struct rm_policy_cells;

// Of one thread, where plans are made; outlives them. Plans may be freed on another.
struct rm_policy_cells *rm_policy_cells_new(void);
void rm_policy_cells_free(struct rm_policy_cells *); // NULL is fine; no plan has any of them

// The cell of this key, zeroed where no plan has had it; counted by `plan`'s memory. `cells` NULL: one of that plan's own. Of one key all
// cells have one size.
void *rm_policy_cell(struct rm_policy_cells *cells, struct rm_arena *plan, struct rm_str key, size_t size);

#endif
