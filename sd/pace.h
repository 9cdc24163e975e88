// When to ask again: a little before what is known grows old, and more and more seldom while nobody answers. With chance in both, so
// that a thousand sidecars that started together do not ask together.
// SPDX-License-Identifier: Apache-2.0
#ifndef SD_PACE_H
#define SD_PACE_H

#include <stdint.h>

uint64_t rm_pace_refresh_us(uint64_t ttl_us); // up to a tenth, and up to 5 s, before the TTL is over
// After so many failures in a row (1 or more): from `first_us` on, doubled up to half a minute, and up to a tenth less.
uint64_t rm_pace_retry_us(uint64_t first_us, uint32_t failures);

#endif
