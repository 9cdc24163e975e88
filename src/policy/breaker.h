// KrakenD's circuit breaker of a backend (qos/circuit-breaker), by gobreaker's rules: closed until more than max_errors calls have failed in
// a row, open for `timeout`, then half open: one call at a time is let through, and how it ends decides.
// SPDX-License-Identifier: Apache-2.0
#ifndef POLICY_BREAKER_H
#define POLICY_BREAKER_H

#include "policy/cell.h"
#include <remora/policy.h>

#define RM_BREAKER_MOST_ERRORS 1000000

enum rm_breaker_state { RM_BREAKER_CLOSED, RM_BREAKER_OPEN, RM_BREAKER_HALF_OPEN };
extern const char *const rm_breaker_state_names[3];

struct rm_breaker_conf {
    uint64_t interval_ms; // after which failures are forgotten while it is closed; 0: never
    uint64_t timeout_ms;
    uint32_t max_errors; // to RM_BREAKER_MOST_ERRORS
    struct rm_str log;   // what a change is logged as; empty: it is not
};

extern const struct rm_admission_ops rm_admission_breaker;

void *rm_breaker_new(struct rm_arena *plan, struct rm_policy_cells *, struct rm_str key,
                     const struct rm_breaker_conf *);
enum rm_breaker_state rm_breaker_state(const void *self, uint64_t now_us); // any thread

#endif
