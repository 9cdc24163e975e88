// Comparing hosts and lists of hosts. The list itself is in <remora/sd.h>.
// SPDX-License-Identifier: Apache-2.0
#ifndef POOL_SNAPSHOT_H
#define POOL_SNAPSHOT_H

#include <remora/sd.h>

// The same place: name, address and port. Weight, state and the rest may differ.
bool rm_host_same(const struct rm_host *a, const struct rm_host *b);
// The same hosts with all their members in the same order; the serial does not matter.
bool rm_snapshot_equal(const struct rm_snapshot *a, const struct rm_snapshot *b);

// For each host of `list` the place of the same host in `old` (may be NULL), each used once, or RM_NOWHERE_IN_LIST. Linear, whatever
// the order.
#define RM_NOWHERE_IN_LIST UINT32_MAX
uint32_t *rm_snapshot_match(struct rm_arena *, const struct rm_snapshot *list, const struct rm_snapshot *old);

// For cell.c: takes a reference to the cells and makes room for one pointer a host, to be filled before anybody else sees the list.
struct rm_host_cell **rm_snapshot_set_cells(struct rm_snapshot *, struct rm_cells *);

uint64_t rm_host_hash(const struct rm_host *); // of what makes it the same

#endif
