// A string map for load time, and the nearest of some names for "did you mean". Everything lies in the arena given.
// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"

#define MAP_NAME_MAX 64 // longer names have no near one

struct rm_map_entry {
    struct rm_str key;
    void *value;
    bool used;
};

void rm_map_init(struct rm_map *map, struct rm_arena *arena)
{
    *map = (struct rm_map){.arena = arena};
}

// The key's entry, or the free one where it belongs. There is always a free one: the map is never more than three
// quarters full.
static struct rm_map_entry *map_find(struct rm_map_entry *slots, size_t cap, struct rm_str key)
{
    uint64_t hash = UINT64_C(14695981039346656037); // FNV-1a
    for (size_t i = 0; i < key.n; i++)
        hash = (hash ^ (unsigned char)key.p[i]) * UINT64_C(1099511628211);
    size_t at = (size_t)(hash ^ hash >> 32) & (cap - 1);
    while (slots[at].used && !rm_str_eq(slots[at].key, key))
        at = (at + 1) & (cap - 1);
    return &slots[at];
}

void **rm_map_put(struct rm_map *map, struct rm_str key)
{
    if (map->n + 1 > map->cap / 4 * 3) {
        size_t cap = map->cap > 0 ? rm_mul_size(map->cap, 2) : 16;
        struct rm_map_entry *slots = RM_NEW_ARRAY(map->arena, struct rm_map_entry, cap);
        for (size_t i = 0; i < map->cap; i++) {
            if (map->slots[i].used)
                *map_find(slots, cap, map->slots[i].key) = map->slots[i];
        }
        map->slots = slots;
        map->cap = cap;
    }
    struct rm_map_entry *entry = map_find(map->slots, map->cap, key);
    if (!entry->used) {
        *entry = (struct rm_map_entry){.key = key, .used = true};
        map->n++;
    }
    return &entry->value;
}

void *rm_map_get(const struct rm_map *map, struct rm_str key)
{
    if (map->n == 0)
        return NULL;
    return map_find(map->slots, map->cap, key)->value;
}

// Edits (insert, drop, change, swap of neighbours) that turn a into b.
static size_t map_distance(struct rm_str a, struct rm_str b)
{
    size_t rows[3][MAP_NAME_MAX + 1];
    size_t *older = rows[0], *old = rows[1], *now = rows[2];
    for (size_t j = 0; j <= b.n; j++)
        old[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t best = old[j - 1] + (a.p[i - 1] != b.p[j - 1]);
            if (old[j] + 1 < best)
                best = old[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            bool swapped = i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1];
            if (swapped && older[j - 2] + 1 < best)
                best = older[j - 2] + 1;
            now[j] = best;
        }
        size_t *spare = older;
        older = old;
        old = now;
        now = spare;
    }
    return old[b.n];
}

const char *rm_nearest(struct rm_str name, const char *const *names, size_t n)
{
    const char *nearest = NULL;
    size_t best = name.n / 3 + 1;
    if (name.n > MAP_NAME_MAX)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        struct rm_str known = rm_str_of(names[i]);
        if (known.n > MAP_NAME_MAX)
            continue;
        size_t distance = map_distance(name, known);
        if (distance < best) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}
