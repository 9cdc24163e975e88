// Passive health: what calls say of a host, and when it is left alone for a while. Works on cells; no time of its own, no threads.
//
// A host is taken out at once when it cannot be reached, and after `eject_after` failures in a row otherwise; for a time that doubles
// with each ejection until a call succeeds. When the time is over one call tries it. The last host of a tier is never taken out, unless
// a later tier has one: that is what later tiers are for. For what it answers a host is taken out only while at most
// `eject_max_percent` of its tier (one at least) are out: perhaps the calls are to blame. That share does not keep in what cannot be
// reached, as its calls end at the others anyway; but as soon as a host does well again while more than the share is out, all of them
// are tried, so that a network that comes back does not leave one host with everybody's calls. Where a host would have to go and may
// not, the one that is out longest is tried early.
// SPDX-License-Identifier: Apache-2.0
#ifndef POOL_HEALTH_H
#define POOL_HEALTH_H

#include "pool/balance.h"
#include "pool/cell.h"

enum rm_outcome {
    RM_OUTCOME_NONE,        // says nothing: cancelled, or remora's own fault
    RM_OUTCOME_GOOD,        // an answer below 500
    RM_OUTCOME_BAD,         // 5xx, a timeout, a reset, a broken answer
    RM_OUTCOME_UNREACHABLE, // refused, no route, no connection in time, no TLS
};

enum rm_health_change { RM_HEALTH_SAME, RM_HEALTH_OUT, RM_HEALTH_BACK };

// May this call have the host? `tried_until_us` (in and out): 0 where the host is in; else this call is a trial, and it is what
// rm_health_report() wants. False: it is out, or another call tries it already.
bool rm_health_claim(const struct rm_balance *, struct rm_host_cell *, uint64_t now_us, uint64_t *tried_until_us);

// Host `host` of the list did this. `random`: a generator's state, for the jitter.
enum rm_health_change rm_health_report(const struct rm_balance *, const struct rm_snapshot *, uint32_t host,
                                       uint64_t tried_until_us, enum rm_outcome, uint64_t now_us, uint64_t *random);

#endif
