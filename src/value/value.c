// The value tree: making, opening, looking up, changing and copying nodes. All of them lie in the caller's arena.
// SPDX-License-Identifier: Apache-2.0
#include <remora/value.h>

#include "value/json_scan.h"
#include "value/json_text.h"
#include "value/names.h"

struct rm_value *rm_value_new(struct rm_arena *arena, enum rm_type type)
{
    RM_ASSERT(type != RM_NUMBER && type != RM_STRING);
    struct rm_value *v = RM_NEW(arena, struct rm_value);
    v->type = (uint8_t)type;
    return v;
}

struct rm_value *rm_value_string(struct rm_arena *arena, struct rm_str text)
{
    struct rm_value *v = RM_NEW(arena, struct rm_value);
    v->type = RM_STRING;
    v->flags = RM_V_PLAIN;
    v->raw = text;
    return v;
}

struct rm_value *rm_value_number(struct rm_arena *arena, struct rm_str text)
{
    struct rm_json_fault fault;
    bool begins = text.n > 0 && (text.p[0] == '-' || rm_json_digit(text.p, text.p + text.n));
    RM_ASSERT(begins && rm_json_number(text.p, text.p + text.n, &fault) == text.p + text.n);
    struct rm_value *v = RM_NEW(arena, struct rm_value);
    v->type = RM_NUMBER;
    v->raw = text;
    return v;
}

struct rm_value *rm_value_integer(struct rm_arena *arena, int64_t number)
{
    return rm_value_number(arena, rm_arena_printf(arena, "%lld", (long long)number));
}

void rm_value_open(struct rm_arena *arena, struct rm_value *v)
{
    if ((v->flags & RM_V_RANGE) == 0)
        return;
    const struct rm_json_limits none = {UINT32_MAX, UINT32_MAX};
    struct rm_value *opened = NULL;
    int rc = rm_json_parse(arena, v->raw, 1, &none, &opened, NULL, NULL);
    RM_ASSERT(rc == RM_OK && opened->type == v->type);
    v->flags = 0;
    v->raw = (struct rm_str){NULL, 0};
    v->n = opened->n;
    v->first = opened->first;
    v->last = opened->last;
}

struct rm_value *rm_value_get(struct rm_arena *arena, struct rm_value *object, struct rm_str name)
{
    if (object->type != RM_OBJECT)
        return NULL;
    rm_value_open(arena, object);
    struct rm_value *member = object->first;
    while (member && !rm_str_eq(member->key, name))
        member = member->next;
    return member;
}

// The place that points to the member of that name, or to the end of the list; *before is the member ahead of it.
static struct rm_value **value_place(struct rm_value *object, struct rm_str name, struct rm_value **before)
{
    struct rm_value **place = &object->first;
    *before = NULL;
    while (*place && !rm_str_eq((*place)->key, name)) {
        *before = *place;
        place = &(*place)->next;
    }
    return place;
}

void rm_value_set(struct rm_arena *arena, struct rm_value *object, struct rm_str name, struct rm_value *member)
{
    RM_ASSERT(object->type == RM_OBJECT);
    rm_value_open(arena, object);
    struct rm_value *before;
    struct rm_value **place = value_place(object, name, &before);
    struct rm_value *old = *place;
    if (old == member)
        return;
    member->key = name;
    member->next = old ? old->next : NULL;
    *place = member;
    if (!member->next)
        object->last = member;
    object->n += old == NULL;
}

bool rm_value_remove(struct rm_arena *arena, struct rm_value *object, struct rm_str name)
{
    if (object->type != RM_OBJECT)
        return false;
    rm_value_open(arena, object);
    struct rm_value *before;
    struct rm_value **place = value_place(object, name, &before);
    struct rm_value *old = *place;
    if (!old)
        return false;
    *place = old->next;
    if (object->last == old)
        object->last = before;
    object->n--;
    return true;
}

void rm_value_append(struct rm_value *array, struct rm_value *item)
{
    RM_ASSERT(array->type == RM_ARRAY && (array->flags & RM_V_RANGE) == 0);
    item->key = (struct rm_str){NULL, 0};
    item->next = NULL;
    if (array->last)
        array->last->next = item;
    else
        array->first = item;
    array->last = item;
    array->n++;
}

struct rm_value *rm_value_copy(struct rm_arena *arena, const struct rm_value *v)
{
    struct rm_value *root = rm_arena_alloc(arena, sizeof(*root));
    *root = *v;
    root->next = NULL;

    // Copies whose children are still the original's; linked through `last`, which is set right when its turn comes.
    struct rm_value *open = root->first ? root : NULL;
    if (open)
        open->last = NULL;
    while (open) {
        struct rm_value *parent = open;
        open = parent->last;
        struct rm_value **place = &parent->first;
        for (const struct rm_value *child = parent->first; child; child = child->next) {
            struct rm_value *copy = rm_arena_alloc(arena, sizeof(*copy));
            *copy = *child;
            *place = copy;
            place = &copy->next;
            parent->last = copy;
        }
        for (struct rm_value *child = parent->first; child; child = child->next) {
            if (child->first) {
                child->last = open;
                open = child;
            }
        }
    }
    return root;
}

struct rm_str rm_value_text(struct rm_arena *arena, const struct rm_value *string)
{
    if (string->type != RM_STRING)
        return (struct rm_str){NULL, 0};
    return rm_json_text(arena, string->raw, string->flags);
}

bool rm_value_is_empty_object(struct rm_arena *arena, struct rm_value *v)
{
    (void)arena;
    if (v->type != RM_OBJECT)
        return false;
    if ((v->flags & RM_V_RANGE) == 0)
        return v->n == 0;
    const char *end = v->raw.p + v->raw.n;
    return *rm_json_space(v->raw.p + 1, end) == '}';
}
