// A rate and its bucket: GCRA (ITU-T I.371), a token bucket that is one number: when it will be full again. Starts full, refills steadily,
// never holds more than its capacity (KrakenD's lets up to twice of that and one more through after a rest).
// SPDX-License-Identifier: Apache-2.0
#ifndef POLICY_RATE_H
#define POLICY_RATE_H

#include <remora/base.h>

struct rm_rate {
    uint64_t token_ns; // until one token has come back; 0: no limit
    uint64_t burst_ns; // of a full bucket: capacity times that
};

// `max` calls every `every_us`, `capacity` of them at once; 0: as many as come in a second, at least one. A rate so small that its bucket
// would take more than a hundred years is that.
struct rm_rate rm_rate_of(double max, uint64_t every_us, uint64_t capacity);

// In a cell. rm_loop_now_us() scale in nanoseconds; 0, as in the past: it is full.
struct rm_bucket {
    _Atomic uint64_t full_at_ns;
};

// Takes a token. False: there is none, and *wait_us (may be NULL) says when there will be. Any thread.
bool rm_bucket_take(struct rm_bucket *, const struct rm_rate *, uint64_t now_us, uint64_t *wait_us);

#endif
