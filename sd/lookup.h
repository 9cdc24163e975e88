// What becomes of a look-up: its result in words, its TTL within bounds, the SRV records of a message. For resolve.c.
// SPDX-License-Identifier: Apache-2.0
#ifndef SD_LOOKUP_H
#define SD_LOOKUP_H

#include "sd/resolve.h"

struct rm_lookup_context {
    uint64_t min_ttl_us, max_ttl_us;
    char servers[100]; // for messages
};

uint64_t rm_lookup_ttl_us(const struct rm_lookup_context *, uint64_t ttl_s);
// `text` may be NULL: the result's own words.
void rm_lookup_fail(struct rm_lookup *, const struct rm_lookup_context *, enum rm_lookup_result, const char *text);
void rm_lookup_take_srv(struct rm_lookup *, const struct rm_lookup_context *, struct rm_str message);

#endif
