// Fetches what a plan needs from elsewhere, on the discovery loop: the keys of a jwk_url and the tokens of auth/client-credentials. At once, before
// it is over, and when a request waits for it. What comes goes into the awaited value (policy/awaited.h); a bad answer leaves what is there.
// SPDX-License-Identifier: Apache-2.0
#ifndef FETCH_H
#define FETCH_H

#include "flow/plan.h"
#include <remora/loop.h>

struct rm_fetches;

// Main's loop makes and frees it.
struct rm_fetches *rm_fetches_new(struct rm_loop *discovery);
void rm_fetches_free(struct rm_fetches *); // everything is given back; NULL is fine

// The discovery loop, or none runs. Counted; the first begins to fetch. The value stays until it is given back.
int rm_fetches_acquire(struct rm_fetches *, const struct rm_plan_fetch *, struct rm_err *err) RM_MUST_CHECK;
void rm_fetches_release(struct rm_fetches *, const struct rm_plan_fetch *);

#endif
