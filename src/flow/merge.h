// Folds the answers of an endpoint's backends into one, in declared order whatever order they came in, by the endpoint's rule. Pure but
// for the arena.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_MERGE_H
#define FLOW_MERGE_H

#include "flow/part.h"

// `slots` are the backends that were asked, n of n_backends; each is over. Fills out's results: answered when one of them is; complete
// when every backend of the endpoint answered, none failed, and each answer was complete and not null (KrakenD §3.4); data of the
// later backend wins, top level only, where the endpoint has no other rule; `fails` when a required backend has none. The slots' data
// are used up. `with_reasons`: fill out->reasons.
void rm_merge(struct rm_slot *const *slots, uint32_t n, uint32_t n_backends, bool with_reasons, struct rm_part *out);

#endif
