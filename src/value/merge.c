// Merging objects by a rule. The deep ones keep what is still to be merged in a list instead of recursing. Owns nothing.
// SPDX-License-Identifier: Apache-2.0
#include "value/names.h"

struct merge_pair { // of objects; src's members are still to be set into dst
    struct rm_value *dst, *src;
    struct merge_pair *next;
};

struct merge_work {
    struct rm_arena *arena;
    enum rm_merge_rule rule;
    struct merge_pair *left;
};

static void merge_push(struct merge_work *work, struct rm_value *dst, struct rm_value *src)
{
    struct merge_pair *pair = rm_arena_alloc(work->arena, sizeof(*pair));
    *pair = (struct merge_pair){dst, src, work->left};
    work->left = pair;
}

static void merge_clash(void *arg, struct rm_value *old, struct rm_value *newcomer)
{
    struct merge_work *work = arg;
    if (work->rule == RM_MERGE_FIRST)
        return;
    if (old->type == RM_OBJECT && newcomer->type == RM_OBJECT) {
        merge_push(work, old, newcomer);
        return;
    }
    if (work->rule != RM_MERGE_APPEND || old->type != RM_ARRAY || newcomer->type != RM_ARRAY) {
        rm_names_replace(old, newcomer);
        return;
    }
    rm_value_open(work->arena, old);
    rm_value_open(work->arena, newcomer);
    if (!newcomer->first)
        return;
    if (old->last)
        old->last->next = newcomer->first;
    else
        old->first = newcomer->first;
    old->last = newcomer->last;
    old->n += newcomer->n;
}

void rm_value_merge_by(struct rm_arena *arena, enum rm_merge_rule rule, struct rm_value *dst, struct rm_value *src)
{
    RM_ASSERT(dst->type == RM_OBJECT && src->type == RM_OBJECT && dst != src);
    struct merge_work work = {.arena = arena, .rule = rule};
    merge_push(&work, dst, src);
    while (work.left) {
        struct merge_pair *pair = work.left;
        work.left = pair->next;
        rm_value_open(arena, pair->dst);
        rm_value_open(arena, pair->src);
        struct rm_value *list = pair->src->first;
        uint32_t n = pair->src->n;
        pair->src->first = pair->src->last = NULL;
        pair->src->n = 0;
        rm_names_put_all(arena, pair->dst, list, n, rule == RM_MERGE_LAST ? NULL : merge_clash, &work);
    }
}

void rm_value_merge(struct rm_arena *arena, struct rm_value *dst, struct rm_value *src)
{
    rm_value_merge_by(arena, RM_MERGE_LAST, dst, src);
}
