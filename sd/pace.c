// Waiting times. Pure but for the kernel's random numbers.
// SPDX-License-Identifier: Apache-2.0
#include "sd/pace.h"

#include "base/clock.h"

#include <sys/random.h>

#define PACE_RETRY_MAX_US (30 * RM_SEC)
#define PACE_EARLY_MAX_US (5 * RM_SEC)

static uint64_t earlier(uint64_t wait_us)
{
    uint16_t random = 0;
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
        random = 0;
    uint64_t most_us = wait_us / 10 < PACE_EARLY_MAX_US ? wait_us / 10 : PACE_EARLY_MAX_US;
    return wait_us - most_us * random / UINT16_MAX;
}

uint64_t rm_pace_refresh_us(uint64_t ttl_us)
{
    return earlier(ttl_us);
}

uint64_t rm_pace_retry_us(uint64_t first_us, uint32_t failures)
{
    uint64_t wait_us = first_us;
    for (uint32_t i = 1; i < failures && wait_us < PACE_RETRY_MAX_US; i++)
        wait_us *= 2;
    return earlier(wait_us < PACE_RETRY_MAX_US ? wait_us : PACE_RETRY_MAX_US);
}
