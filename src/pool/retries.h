// The retry budget: how many calls may be asked once more. A share of the calls of the last ten seconds, counted by this worker for
// itself, and beyond that a few a second of the whole process for each source, so that quiet services retry too.
// SPDX-License-Identifier: Apache-2.0
#ifndef POOL_RETRIES_H
#define POOL_RETRIES_H

#include "pool/cell.h"

#define RM_RETRIES_SLOT_US UINT64_C(5000000) // half of the window
#define RM_RETRIES_PER_SECOND 10             // of the process and source, whatever the calls; saved up for two seconds

// One worker's; zeroed.
struct rm_retries {
    uint64_t slot_end_us;
    uint32_t calls[2], retries[2]; // now, and the slot before
};

void rm_retries_turn(struct rm_retries *, uint64_t now_us);

// A first attempt.
static inline void rm_retries_count(struct rm_retries *retries, uint64_t now_us)
{
    if (now_us >= retries->slot_end_us)
        rm_retries_turn(retries, now_us);
    retries->calls[0]++;
}

// May a call be asked once more? Charges it.
bool rm_retries_take(struct rm_retries *, struct rm_cells *, uint32_t percent, uint64_t now_us);

#endif
