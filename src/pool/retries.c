// The retry budget. The worker's share is a sliding window of two slots, the process's part a leaky bucket as GCRA: the time at which
// the bucket would be empty.
// SPDX-License-Identifier: Apache-2.0
#include "pool/retries.h"

#define RETRY_INTERVAL_US (UINT64_C(1000000) / RM_RETRIES_PER_SECOND)
#define RETRY_BURST_US (2 * UINT64_C(1000000))

void rm_retries_turn(struct rm_retries *retries, uint64_t now_us)
{
    bool follows = now_us < retries->slot_end_us + RM_RETRIES_SLOT_US;
    retries->calls[1] = follows ? retries->calls[0] : 0;
    retries->retries[1] = follows ? retries->retries[0] : 0;
    retries->calls[0] = retries->retries[0] = 0;
    retries->slot_end_us = now_us + RM_RETRIES_SLOT_US;
}

static bool bucket_take(_Atomic uint64_t *due, uint64_t now_us)
{
    uint64_t seen = atomic_load_explicit(due, memory_order_relaxed), next;
    do {
        next = (seen > now_us ? seen : now_us) + RETRY_INTERVAL_US;
        if (next > now_us + RETRY_BURST_US)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(due, &seen, next, memory_order_relaxed, memory_order_relaxed));
    return true;
}

bool rm_retries_take(struct rm_retries *retries, struct rm_cells *cells, uint32_t percent, uint64_t now_us)
{
    if (now_us >= retries->slot_end_us)
        rm_retries_turn(retries, now_us);
    uint64_t calls = (uint64_t)retries->calls[0] + retries->calls[1];
    uint64_t used = (uint64_t)retries->retries[0] + retries->retries[1];
    if ((used + 1) * 100 <= calls * percent) {
        retries->retries[0]++;
        return true;
    }
    return bucket_take(&cells->retries_due_us, now_us);
}
