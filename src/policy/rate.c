// GCRA: a bucket is full at a moment; each token moves that moment on, and a call passes while it lies less than the capacity ahead.
// SPDX-License-Identifier: Apache-2.0
#include "policy/rate.h"

#define RATE_MOST_NS (UINT64_C(100) * 365 * 86400 * 1000000000)

static uint64_t rate_ns(double ns)
{
    return ns >= (double)RATE_MOST_NS ? RATE_MOST_NS : ns < 1 ? 1 : (uint64_t)(ns + 0.5);
}

struct rm_rate rm_rate_of(double max, uint64_t every_us, uint64_t capacity)
{
    if (!(max > 0))
        return (struct rm_rate){0};
    double token_ns = (double)every_us * 1e3 / max, tokens = (double)capacity;
    token_ns = token_ns < 1 ? 1 : token_ns;
    if (capacity == 0)
        tokens = (double)(uint64_t)(token_ns < 1e9 ? 1e9 / token_ns * (1 + 1e-12) : 1);
    token_ns = (double)rate_ns(token_ns); // a whole number of them, so that the last one passes, too
    return (struct rm_rate){.token_ns = rate_ns(token_ns), .burst_ns = rate_ns(token_ns * tokens)};
}

bool rm_bucket_take(struct rm_bucket *bucket, const struct rm_rate *rate, uint64_t now_us, uint64_t *wait_us)
{
    uint64_t now_ns = now_us * 1000, most_ns = now_ns + rate->burst_ns;
    uint64_t was = atomic_load_explicit(&bucket->full_at_ns, memory_order_relaxed);
    for (;;) {
        uint64_t next = (was < now_ns ? now_ns : was) + rate->token_ns;
        bool owes_too_much = was > most_ns; // by a plan before, with a slower rate: all that this one can owe
        if (!owes_too_much && next > most_ns) {
            if (wait_us)
                *wait_us = (next - most_ns + 999) / 1000;
            return false;
        }
        if (atomic_compare_exchange_weak_explicit(&bucket->full_at_ns, &was, owes_too_much ? most_ns : next,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            if (!owes_too_much)
                return true;
            was = most_ns;
        }
    }
}
