// Buckets of clients, as many as there are, in the memory of a fixed number of them: one table for all client limits of the process.
// A client whose bucket is full is forgotten when another needs its place; with more clients in debt at once than there are places, the one
// that owes least is.
// SPDX-License-Identifier: Apache-2.0
#ifndef POLICY_CLIENTS_H
#define POLICY_CLIENTS_H

#include "policy/rate.h"

#define RM_CLIENTS_PLACES (UINT32_C(1) << 16) // 1 MiB, of which only what was used is in memory

struct rm_clients; // a cell

size_t rm_clients_size(void);
// Once, at load, before any worker has it: what hashes are made with, so that nobody outside knows whose place is whose.
void rm_clients_seed(struct rm_clients *);
// As rm_bucket_take() on the bucket of this client of this limit. Any thread.
bool rm_clients_take(struct rm_clients *, uint64_t limit, struct rm_str client, const struct rm_rate *, uint64_t now_us,
                     uint64_t *wait_us);

#endif
