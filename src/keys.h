// Fetches the keys of each jwk_url on the discovery loop: at once, every cache_duration, and when a token names one that is not known. What
// comes goes into the source's ring (policy/keyring.h); a bad answer leaves the keys that are there. Main's loop makes and frees it.
// SPDX-License-Identifier: Apache-2.0
#ifndef KEYS_H
#define KEYS_H

#include "flow/plan.h"
#include <remora/loop.h>

struct rm_key_fetches;

struct rm_key_fetches *rm_key_fetches_new(struct rm_loop *discovery);
void rm_key_fetches_free(struct rm_key_fetches *); // every source is given back; NULL is fine

// The discovery loop, or none runs. Counted; the first begins to fetch. The ring stays until it is given back.
int rm_key_fetches_acquire(struct rm_key_fetches *, const struct rm_plan_keys *, struct rm_err *err) RM_MUST_CHECK;
void rm_key_fetches_release(struct rm_key_fetches *, const struct rm_plan_keys *);

#endif
