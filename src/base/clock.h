// Clocks. The loop reads the monotonic one once a turn; others ask the loop.
// SPDX-License-Identifier: Apache-2.0
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define RM_MS UINT64_C(1000)
#define RM_SEC UINT64_C(1000000)

uint64_t rm_clock_us(void);          // CLOCK_MONOTONIC
int64_t rm_clock_wall_us(void);      // CLOCK_REALTIME since 1970
// "2026-01-02T03:04:05.678Z" into out (at least 25 bytes)
void rm_clock_format(int64_t wall_us, char *out, unsigned long size);

#endif
