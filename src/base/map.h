// A string map with stable order, in an arena: for load time (names to indexes), never on the request path.
// SPDX-License-Identifier: Apache-2.0
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <remora/base.h>

struct rm_map {
    struct rm_arena *arena;
    struct rm_map_entry *slots; // open addressing
    size_t n, cap;
};

void rm_map_init(struct rm_map *, struct rm_arena *);
// The entry's value place; inserted with NULL when the name is new. Valid until the next insertion. The key is kept, not copied.
void **rm_map_put(struct rm_map *, struct rm_str key);
void *rm_map_get(const struct rm_map *, struct rm_str key); // NULL: none

// The name of `names` (n of them) nearest to `name` by edit distance, at most a third of its length away; NULL: none is near.
const char *rm_nearest(struct rm_str name, const char *const *names, size_t n);

#endif
