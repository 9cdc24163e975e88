// Member names: their hash, the "was it there before?" of the validator, and the index that merges use.
// SPDX-License-Identifier: Apache-2.0
#ifndef VALUE_NAMES_H
#define VALUE_NAMES_H

#include <remora/value.h>

// ---- hash ----------------------------------------------------------------------------------------------------------

// A number of this process that peers do not know, so that they cannot prepare names that collide.
uint64_t rm_names_seed(void);

static inline uint64_t rm_names_mix(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    uint64_t x = (a ^ b << 1) * UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 29 ^ b) * UINT64_C(0xBF58476D1CE4E5B9);
    return x ^ x >> 32;
#endif
}

static inline uint64_t rm_names_hash(uint64_t seed, struct rm_str name)
{
    const char *p = name.p;
    size_t n = name.n;
    uint64_t hash = (seed << 32 | seed >> 32) ^ n * UINT64_C(0x9E3779B97F4A7C15);
    uint64_t word = 0;
    if (n >= 8) {
        for (; n > 8; p += 8, n -= 8) {
            memcpy(&word, p, 8);
            hash = rm_names_mix(word ^ seed, hash ^ UINT64_C(0xA0761D6478BD642F));
        }
        memcpy(&word, p + n - 8, 8); // overlaps what went before
    } else if (n >= 4) {
        uint32_t low, high;
        memcpy(&low, p, 4);
        memcpy(&high, p + n - 4, 4);
        word = (uint64_t)high << 32 | low;
    } else if (n > 0) {
        word = (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[n >> 1] << 8 | (unsigned char)p[n - 1];
    }
    return rm_names_mix(word ^ seed, hash ^ UINT64_C(0xE7037ED1A0B428DB));
}

// ---- duplicates ----------------------------------------------------------------------------------------------------

// The hashes of the objects that are being read. "Seen" may be wrong with probability 2^-64 a pair: the caller treats it as
// "maybe". Objects are kept in a list each, one behind the other as the objects are nested; large ones share one table.
#define RM_NAMES_LIST 32

struct rm_names {
    uint64_t *list;
    size_t cap;
    uint64_t *table; // open addressing; 0 is free
    size_t table_n, table_cap;
    uint32_t large; // objects in the table so far
    struct rm_arena *scratch;
};

struct rm_names_object {
    uint64_t bloom;  // one bit a name: most new names are known to be new without a look at the list
    size_t base;     // of its part of the list
    uint32_t n;      // in the list
    uint32_t serial; // of its part of the table; 0: still in the list
};

bool rm_names_add_slow(struct rm_names *, struct rm_names_object *, uint64_t hash);

// Adds a name to the innermost object; true: it was (perhaps) there.
static inline bool rm_names_add(struct rm_names *names, struct rm_names_object *object, uint64_t hash)
{
    uint64_t bit = UINT64_C(1) << (hash >> 58);
    size_t at = object->base + object->n;
    if ((object->bloom & bit) != 0 || object->n == RM_NAMES_LIST || at == names->cap)
        return rm_names_add_slow(names, object, hash);
    object->bloom |= bit;
    names->list[at] = hash;
    object->n++;
    return false;
}

// ---- merge ---------------------------------------------------------------------------------------------------------

// Sets the members of `list` (n of them, linked by next) into the opened object dst, in order: those with a new name behind the others; for
// a name that is there `clash` decides, NULL: rm_names_replace(). The nodes of list are used up. Linear in the sizes.
typedef void (*rm_names_clash)(void *arg, struct rm_value *old, struct rm_value *newcomer);
void rm_names_put_all(struct rm_arena *, struct rm_value *dst, struct rm_value *list, uint32_t n, rm_names_clash clash,
                      void *arg);
// The content of `from` in the place of `to`, which keeps its name and its neighbours.
void rm_names_replace(struct rm_value *to, const struct rm_value *from);

#endif
