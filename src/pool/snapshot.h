// Comparing hosts and lists of hosts. The list itself is in <remora/sd.h>.
// SPDX-License-Identifier: Apache-2.0
#ifndef POOL_SNAPSHOT_H
#define POOL_SNAPSHOT_H

#include <remora/sd.h>

// The same place: name, address and port. Weight, state and the rest may differ.
bool rm_host_same(const struct rm_host *a, const struct rm_host *b);
// The same hosts with all their members in the same order; the serial does not matter.
bool rm_snapshot_equal(const struct rm_snapshot *a, const struct rm_snapshot *b);

#endif
