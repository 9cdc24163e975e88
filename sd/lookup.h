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
// `list` lies in the look-up's arena; sorts it, each address once.
void rm_lookup_take(struct rm_lookup *, const struct rm_lookup_context *, struct rm_resolved *list, size_t n,
                    uint64_t ttl_s);
void rm_lookup_take_srv(struct rm_lookup *, const struct rm_lookup_context *, struct rm_str message);

struct rm_str rm_name_without_dot(struct rm_str); // the one that makes a name absolute
bool rm_name_is_localhost(struct rm_str);         // RFC 6761 6.3; without its last dot

#endif
