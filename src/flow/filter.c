// Compiled name lists: a hash and a length are compared before any text is. Owns nothing.
// SPDX-License-Identifier: Apache-2.0
#include "flow/filter.h"

struct rm_filter_name {
    uint32_t hash;
    struct rm_str text;
};

// FNV-1a. Lists are short and the configuration's own, so nobody gains by collisions.
static uint32_t filter_hash(struct rm_str name, bool fold)
{
    uint32_t hash = UINT32_C(2166136261);
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (fold && c >= 'A' && c <= 'Z')
            c |= 0x20;
        hash = (hash ^ c) * UINT32_C(16777619);
    }
    return hash;
}

void rm_filter_compile(struct rm_filter *filter, struct rm_arena *arena, const struct rm_str *names, size_t n, bool all,
                       bool fold)
{
    struct rm_filter_name *compiled = RM_NEW_ARRAY(arena, struct rm_filter_name, n);
    for (size_t i = 0; i < n; i++)
        compiled[i] = (struct rm_filter_name){filter_hash(names[i], fold), rm_arena_dup(arena, names[i])};
    *filter = (struct rm_filter){.all = all, .fold = fold, .names = compiled, .n = (uint32_t)n};
}

bool rm_filter_passes(const struct rm_filter *filter, struct rm_str name)
{
    if (filter->all)
        return true;
    uint32_t hash = filter_hash(name, filter->fold);
    for (uint32_t i = 0; i < filter->n; i++) {
        const struct rm_filter_name *known = &filter->names[i];
        if (known->hash == hash && known->text.n == name.n &&
            (filter->fold ? rm_str_eq_nocase(known->text, name) : rm_str_eq(known->text, name)))
            return true;
    }
    return false;
}
