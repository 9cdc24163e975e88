// Members of one name: found by sorting where there are many. See twins.h.
// SPDX-License-Identifier: Apache-2.0
#include "codec/twins.h"

#include <stdlib.h>

#define TWINS_FEW 8 // comparing each with each is cheaper

struct twins_member {
    struct rm_value *value, *first; // first: of the same name, NULL: it is that
    uint32_t order;
};

void rm_twins_put(struct rm_value *object, struct rm_str name, struct rm_value *member)
{
    member->key = name;
    member->next = NULL;
    if (object->last)
        object->last->next = member;
    else
        object->first = member;
    object->last = member;
    object->n++;
}

static int twins_compare(const void *a, const void *b)
{
    const struct twins_member *const *one = a, *const *other = b;
    int order = rm_str_cmp((*one)->value->key, (*other)->value->key);
    return order != 0 ? order : (*one)->order < (*other)->order ? -1 : 1;
}

static void twins_find(struct rm_arena *arena, struct twins_member *members, uint32_t n)
{
    struct twins_member **sorted = RM_NEW_ARRAY(arena, struct twins_member *, n);
    for (uint32_t i = 0; i < n; i++)
        sorted[i] = &members[i];
    qsort(sorted, n, sizeof(*sorted), twins_compare);
    for (uint32_t i = 1, first = 0; i < n; i++) {
        if (rm_str_eq(sorted[i]->value->key, sorted[first]->value->key))
            sorted[i]->first = sorted[first]->value;
        else
            first = i;
    }
}

static bool twins_maybe(const struct rm_value *object)
{
    if (object->n > TWINS_FEW)
        return true;
    for (const struct rm_value *member = object->first; member; member = member->next) {
        for (const struct rm_value *other = object->first; other != member; other = other->next) {
            if (rm_str_eq(member->key, other->key))
                return true;
        }
    }
    return false;
}

void rm_twins_join(struct rm_arena *arena, struct rm_value *object,
                   void (*join)(struct rm_arena *, struct rm_value *first, struct rm_value *twin))
{
    if (!twins_maybe(object))
        return;
    uint32_t n = 0;
    struct twins_member *members = RM_NEW_ARRAY(arena, struct twins_member, object->n);
    for (struct rm_value *member = object->first; member; member = member->next, n++)
        members[n] = (struct twins_member){.value = member, .order = n};
    twins_find(arena, members, n);
    object->first = object->last = NULL;
    object->n = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (members[i].first)
            join(arena, members[i].first, members[i].value);
        else
            rm_twins_put(object, members[i].value->key, members[i].value);
    }
}

void rm_twins_last(struct rm_arena *arena, struct rm_value *first, struct rm_value *twin)
{
    (void)arena;
    first->raw = twin->raw;
}
