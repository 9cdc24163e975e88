// Member names: duplicates while reading, and many at once into an object. Lists and tables lie in the arena given.
// SPDX-License-Identifier: Apache-2.0
#include "value/names.h"

#include <sys/auxv.h>

uint64_t rm_names_seed(void)
{
    // The kernel's 16 random bytes for this process: the same whenever they are asked for, so threads may race here.
    static _Atomic uint64_t names_seed;
    uint64_t seed = atomic_load_explicit(&names_seed, memory_order_relaxed);
    if (seed == 0) {
        const void *random = (const void *)getauxval(AT_RANDOM); // NOLINT: the kernel gives an address as a number
        seed = (uint64_t)(uintptr_t)&names_seed;
        if (random)
            memcpy(&seed, random, sizeof(seed));
        seed |= 1;
        atomic_store_explicit(&names_seed, seed, memory_order_relaxed);
    }
    return seed;
}

// ---- duplicates ----------------------------------------------------------------------------------------------------

static bool names_table_put(uint64_t *table, size_t cap, uint64_t hash)
{
    size_t at = (size_t)hash & (cap - 1);
    while (table[at] != 0) {
        if (table[at] == hash)
            return true;
        at = (at + 1) & (cap - 1);
    }
    table[at] = hash;
    return false;
}

static bool names_table_add(struct rm_names *names, const struct rm_names_object *object, uint64_t hash)
{
    if (names->table_n >= names->table_cap / 2) {
        size_t cap = names->table_cap > 0 ? rm_mul_size(names->table_cap, 2) : (size_t)8 * RM_NAMES_LIST;
        uint64_t *table = RM_NEW_ARRAY(names->scratch, uint64_t, cap);
        for (size_t i = 0; i < names->table_cap; i++) {
            if (names->table[i] != 0)
                names_table_put(table, cap, names->table[i]);
        }
        names->table = table;
        names->table_cap = cap;
    }
    hash ^= object->serial * UINT64_C(0xD6E8FEB86659FD93); // one object's names are not another's
    if (names_table_put(names->table, names->table_cap, hash != 0 ? hash : 1))
        return true;
    names->table_n++;
    return false;
}

bool rm_names_add_slow(struct rm_names *names, struct rm_names_object *object, uint64_t hash)
{
    if (object->serial != 0)
        return names_table_add(names, object, hash);
    uint64_t *list = names->list + object->base;
    for (uint32_t i = 0; i < object->n; i++) {
        if (list[i] == hash)
            return true;
    }
    if (object->n == RM_NAMES_LIST) {
        object->serial = ++names->large;
        for (uint32_t i = 0; i < object->n; i++)
            names_table_add(names, object, list[i]);
        return names_table_add(names, object, hash);
    }
    if (object->base + object->n == names->cap) {
        size_t cap = rm_mul_size(names->cap, 2);
        uint64_t *larger = rm_arena_alloc(names->scratch, rm_mul_size(cap, sizeof(*larger)));
        memcpy(larger, names->list, names->cap * sizeof(*larger));
        names->list = larger;
        names->cap = cap;
        list = larger + object->base;
    }
    object->bloom |= UINT64_C(1) << (hash >> 58);
    list[object->n++] = hash;
    return false;
}

// ---- merge ---------------------------------------------------------------------------------------------------------

struct names_slot {
    uint64_t hash;
    struct rm_value *member; // NULL: free
};

struct names_index {
    struct names_slot *slots;
    size_t mask;
    uint64_t seed;
};

// The slot of that name, or the free one where it belongs.
static struct names_slot *names_index_find(const struct names_index *index, struct rm_str name, uint64_t hash)
{
    size_t at = (size_t)hash & index->mask;
    while (index->slots[at].member && !(index->slots[at].hash == hash && rm_str_eq(index->slots[at].member->key, name)))
        at = (at + 1) & index->mask;
    return &index->slots[at];
}

static void names_append(struct rm_value *dst, struct rm_value *member)
{
    member->next = NULL;
    if (dst->last)
        dst->last->next = member;
    else
        dst->first = member;
    dst->last = member;
    dst->n++;
}

void rm_names_replace(struct rm_value *to, const struct rm_value *from)
{
    struct rm_value *next = to->next;
    struct rm_str key = to->key;
    *to = *from;
    to->next = next;
    to->key = key;
}

static struct rm_value *names_scan(const struct rm_value *object, struct rm_str name)
{
    struct rm_value *member = object->first;
    while (member && !rm_str_eq(member->key, name))
        member = member->next;
    return member;
}

void rm_names_put_all(struct rm_arena *arena, struct rm_value *dst, struct rm_value *list, uint32_t n,
                      rm_names_clash clash, void *arg)
{
    size_t total = (size_t)dst->n + n;
    bool small = n <= 4 || total <= 12; // looking through all is cheaper than an index
    struct names_index index = {.seed = rm_names_seed()};
    if (!small) {
        size_t cap = 32;
        while (cap < 2 * total)
            cap *= 2;
        index.slots = RM_NEW_ARRAY(arena, struct names_slot, cap);
        index.mask = cap - 1;
        for (struct rm_value *member = dst->first; member; member = member->next) {
            uint64_t hash = rm_names_hash(index.seed, member->key);
            *names_index_find(&index, member->key, hash) = (struct names_slot){hash, member};
        }
    }
    while (list) {
        struct rm_value *member = list;
        list = list->next;
        struct rm_value *old;
        if (small) {
            old = names_scan(dst, member->key);
        } else {
            uint64_t hash = rm_names_hash(index.seed, member->key);
            struct names_slot *slot = names_index_find(&index, member->key, hash);
            old = slot->member;
            if (!old)
                *slot = (struct names_slot){hash, member};
        }
        if (!old)
            names_append(dst, member);
        else if (clash)
            clash(arg, old, member);
        else
            rm_names_replace(old, member);
    }
}
