// flatmap_filter: deletes, moves and joins by dotted paths that enter lists too ("*" is every name or index, "0" the first item). An item
// keeps the index that it came with until the filter is over, and what a deletion or a move has emptied is null (krakend-behaviour.md
// §7.8). Its recursion is as deep as the configuration's paths. What the paths may be is checked by conf/flatmap.c.
// SPDX-License-Identifier: Apache-2.0
#include <remora/step.h>

#include "step/paths.h"

enum flatmap_kind { FLATMAP_DEL, FLATMAP_MOVE, FLATMAP_APPEND };

struct flatmap_path {
    size_t n;
    struct rm_str *names;
};

struct flatmap_op {
    enum flatmap_kind kind;
    size_t n_args;
    struct flatmap_path *args;
    size_t
        anchor; // a move to a shallower place: that much of the source's path is the destination's, wildcards included
};

struct flatmap {
    size_t n;
    struct flatmap_op *ops;
};

// Lists whose items' keys are their indexes for now, and what has been emptied.
struct flatmap_touched {
    struct rm_value *node;
    struct flatmap_touched *next;
};

struct flatmap_run {
    struct rm_arena *arena;
    struct flatmap_touched *touched;
};

// ---- children by name or index -------------------------------------------------------------------------------------

static bool flatmap_is_wild(struct rm_str name)
{
    return name.n == 1 && name.p[0] == '*';
}

static void flatmap_touch(struct flatmap_run *run, struct rm_value *node)
{
    struct flatmap_touched *touched = RM_NEW(run->arena, struct flatmap_touched);
    *touched = (struct flatmap_touched){node, run->touched};
    run->touched = touched;
}

// True: there are children.
static bool flatmap_enter(struct flatmap_run *run, struct rm_value *node)
{
    rm_value_open(run->arena, node);
    return node->first != NULL;
}

static bool flatmap_has_labels(const struct rm_value *list)
{
    return list->first && list->first->key.p;
}

// Before a list changes: from now on an item is found by the index that it has now.
static void flatmap_label(struct flatmap_run *run, struct rm_value *node)
{
    if (node->type != RM_ARRAY || flatmap_has_labels(node))
        return;
    flatmap_touch(run, node);
    uint32_t index = 0;
    for (struct rm_value *item = node->first; item; item = item->next)
        item->key = rm_arena_printf(run->arena, "%u", index++);
}

// As an index is written: no sign, no leading zero.
static bool flatmap_index(struct rm_str name, uint32_t *index)
{
    *index = 0;
    if (name.n == 0 || name.n > 9 || (name.n > 1 && name.p[0] == '0'))
        return false;
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] < '0' || name.p[i] > '9')
            return false;
        *index = *index * 10 + (uint32_t)(name.p[i] - '0');
    }
    return true;
}

// The child of that name, which may be NULL; *before is the one ahead of it.
static struct rm_value *flatmap_find(struct flatmap_run *run, struct rm_value *node, struct rm_str name,
                                     struct rm_value **before)
{
    struct rm_value *child = flatmap_enter(run, node) ? node->first : NULL;
    *before = NULL;
    if (node->type == RM_ARRAY && !flatmap_has_labels(node)) {
        uint32_t index;
        if (!flatmap_index(name, &index) || index >= node->n)
            return NULL;
        for (; index > 0; index--) {
            *before = child;
            child = child->next;
        }
        return child;
    }
    while (child && !rm_str_eq(child->key, name)) {
        *before = child;
        child = child->next;
    }
    return child;
}

// Takes a child out.
static void flatmap_take(struct flatmap_run *run, struct rm_value *node, struct rm_value *child,
                         struct rm_value *before)
{
    flatmap_label(run, node);
    if (before)
        before->next = child->next;
    else
        node->first = child->next;
    if (node->last == child)
        node->last = before;
    child->next = NULL;
    if (--node->n == 0 && node->type == RM_OBJECT)
        flatmap_touch(run, node);
}

// Takes all children out; they stay linked.
static struct rm_value *flatmap_take_all(struct flatmap_run *run, struct rm_value *node)
{
    struct rm_value *list = node->first;
    flatmap_touch(run, node);
    node->first = node->last = NULL;
    node->n = 0;
    return list;
}

// Under an object in place of what has that name, at the end of a list. Anything else that stands there becomes an object.
static void flatmap_put(struct flatmap_run *run, struct rm_value *node, struct rm_str name, struct rm_value *child)
{
    rm_value_open(run->arena, node);
    if (node->type == RM_ARRAY) {
        flatmap_label(run, node);
        rm_value_append(node, child);
        child->key = name;
        return;
    }
    if (node->type != RM_OBJECT) {
        node->type = RM_OBJECT;
        node->flags = 0;
        node->raw = (struct rm_str){NULL, 0};
    }
    rm_value_set(run->arena, node, name, child);
}

static struct rm_value *flatmap_walk(struct flatmap_run *run, struct rm_value *node, const struct flatmap_path *path)
{
    struct rm_value *before;
    for (size_t i = 0; node && i < path->n; i++)
        node = flatmap_find(run, node, path->names[i], &before);
    return node;
}

// ---- del -----------------------------------------------------------------------------------------------------------

static void flatmap_del(struct flatmap_run *run, struct rm_value *node, const struct rm_str *names, size_t n)
{
    if (!flatmap_enter(run, node))
        return;
    if (flatmap_is_wild(names[0])) {
        if (n == 1)
            flatmap_take_all(run, node);
        for (struct rm_value *child = node->first; child; child = child->next)
            flatmap_del(run, child, names + 1, n - 1);
        return;
    }
    struct rm_value *before, *child = flatmap_find(run, node, names[0], &before);
    if (child && n == 1)
        flatmap_take(run, node, child, before);
    else if (child)
        flatmap_del(run, child, names + 1, n - 1);
}

// ---- move ----------------------------------------------------------------------------------------------------------

// Something that the source's path leads to.
struct flatmap_match {
    struct rm_value *parent, *child;
    struct rm_value *anchor; // the last node that the source and the destination have in common
    struct flatmap_match *next;
};

struct flatmap_matches {
    const struct flatmap_op *op;
    struct flatmap_match *first, **end;
};

static void flatmap_collect(struct flatmap_run *run, struct flatmap_matches *matches, struct rm_value *node,
                            size_t depth, struct rm_value *anchor)
{
    const struct flatmap_path *from = &matches->op->args[0];
    struct rm_str name = from->names[depth];
    if (depth == matches->op->anchor)
        anchor = node;
    if (!flatmap_enter(run, node))
        return;
    if (flatmap_is_wild(name)) {
        for (struct rm_value *child = node->first; child && depth + 1 < from->n; child = child->next)
            flatmap_collect(run, matches, child, depth + 1, anchor);
        return;
    }
    struct rm_value *before, *child = flatmap_find(run, node, name, &before);
    if (child && depth + 1 < from->n) {
        flatmap_collect(run, matches, child, depth + 1, anchor);
    } else if (child) {
        struct flatmap_match *match = RM_NEW(run->arena, struct flatmap_match);
        *match = (struct flatmap_match){.parent = node, .child = child, .anchor = anchor};
        *matches->end = match;
        matches->end = &match->next;
    }
}

// Source and destination are equally deep: a new name at the same place, whatever names the destination has before it.
static void flatmap_rename(struct flatmap_run *run, const struct flatmap_match *match, struct rm_str name)
{
    struct rm_value *before, *old = flatmap_find(run, match->parent, name, &before);
    if (old == match->child)
        return;
    if (match->parent->type == RM_ARRAY)
        flatmap_label(run, match->parent);
    else if (old)
        flatmap_take(run, match->parent, old, before);
    match->child->key = name;
}

// The destination is deeper: new objects below the source's parent.
static void flatmap_embed(struct flatmap_run *run, const struct flatmap_match *match, const struct flatmap_op *op)
{
    const struct flatmap_path *to = &op->args[1];
    struct rm_value *node = match->parent, *before;
    for (size_t i = op->args[0].n - 1; i + 1 < to->n; i++) {
        struct rm_value *child = flatmap_find(run, node, to->names[i], &before);
        if (!child) {
            child = rm_value_new(run->arena, RM_OBJECT);
            flatmap_put(run, node, to->names[i], child);
        }
        node = child;
    }
    flatmap_put(run, node, to->names[to->n - 1], match->child);
}

// The destination is shallower. Where it is not there, the deepest object that is there takes the value. Of those that go to one name the
// last counts; they come in the order of their anchors, so that no place is looked up, or filled, twice.
static void flatmap_promote(struct flatmap_run *run, const struct flatmap_match *match, const struct flatmap_op *op)
{
    const struct flatmap_path *to = &op->args[1];
    struct rm_value *node = NULL, *anchor = NULL, *before;
    for (; match; match = match->next) {
        if (match->anchor != anchor) {
            node = anchor = match->anchor;
            for (size_t i = op->anchor; i + 1 < to->n; i++) {
                struct rm_value *child = flatmap_find(run, node, to->names[i], &before);
                if (!child)
                    break;
                node = child;
            }
        }
        if (node->type == RM_ARRAY || !match->next || match->next->anchor != anchor)
            flatmap_put(run, node, to->names[to->n - 1], match->child);
    }
}

static void flatmap_move(struct flatmap_run *run, struct rm_value *root, const struct flatmap_op *op)
{
    struct flatmap_matches matches = {.op = op, .end = &matches.first};
    const struct flatmap_path *from = &op->args[0], *to = &op->args[1];
    flatmap_collect(run, &matches, root, 0, root);
    for (const struct flatmap_match *match = matches.first; match; match = match->next) {
        struct rm_value *before;
        if (from->n == to->n) {
            flatmap_rename(run, match, to->names[to->n - 1]);
            continue;
        }
        flatmap_find(run, match->parent, from->names[from->n - 1], &before);
        flatmap_take(run, match->parent, match->child, before);
    }
    if (from->n > to->n)
        flatmap_promote(run, matches.first, op);
    for (const struct flatmap_match *match = matches.first; match && from->n < to->n; match = match->next)
        flatmap_embed(run, match, op);
}

// ---- append --------------------------------------------------------------------------------------------------------

// Takes out what the path leads to; with a wildcard a list of it, null where one has no such member. NULL: nothing.
static struct rm_value *flatmap_gather(struct flatmap_run *run, struct rm_value *node, const struct rm_str *names,
                                       size_t n)
{
    if (!flatmap_enter(run, node))
        return NULL;
    if (!flatmap_is_wild(names[0])) {
        struct rm_value *before, *child = flatmap_find(run, node, names[0], &before);
        if (child && n > 1)
            return flatmap_gather(run, child, names + 1, n - 1);
        if (child)
            flatmap_take(run, node, child, before);
        return child;
    }
    struct rm_value *list = rm_value_new(run->arena, RM_ARRAY);
    struct rm_value *next, *child = n == 1 ? flatmap_take_all(run, node) : node->first;
    for (; child; child = next) {
        next = child->next;
        struct rm_value *item = n == 1 ? child : flatmap_gather(run, child, names + 1, n - 1);
        rm_value_append(list, item ? item : rm_value_new(run->arena, RM_NULL));
    }
    return list;
}

static bool flatmap_has_wild(const struct flatmap_path *path)
{
    for (size_t i = 0; i < path->n; i++) {
        if (flatmap_is_wild(path->names[i]))
            return true;
    }
    return false;
}

// Both must be lists, or nothing happens.
static void flatmap_append(struct flatmap_run *run, struct rm_value *root, const struct flatmap_op *op)
{
    const struct flatmap_path *from = &op->args[0];
    struct rm_value *to = flatmap_walk(run, root, &op->args[1]);
    if (!to || to->type != RM_ARRAY)
        return;
    if (!flatmap_has_wild(from)) {
        const struct rm_value *list = flatmap_walk(run, root, from);
        if (!list || list->type != RM_ARRAY)
            return;
    }
    struct rm_value *list = flatmap_gather(run, root, from->names, from->n);
    to = flatmap_walk(run, root, &op->args[1]); // it may have been in what is now out
    if (!list || !to || to->type != RM_ARRAY)
        return;
    flatmap_enter(run, list);
    flatmap_enter(run, to);
    bool has_labels = flatmap_has_labels(to);
    uint32_t index = to->n, last;
    if (has_labels && flatmap_index(to->last->key, &last) && last >= index)
        index = last + 1;
    struct rm_value *next, *item = list->first;
    list->first = list->last = NULL;
    list->n = 0;
    for (; item; item = next) {
        next = item->next;
        rm_value_append(to, item);
        if (has_labels)
            item->key = rm_arena_printf(run->arena, "%u", index++);
    }
}

// ---- the step ------------------------------------------------------------------------------------------------------

static int flatmap_open_op(struct flatmap_op *op, struct rm_arena *arena, struct rm_value *args)
{
    op->n_args = args->n;
    op->args = RM_NEW_ARRAY(arena, struct flatmap_path, args->n);
    struct flatmap_path *path = op->args;
    for (struct rm_value *arg = args->first; arg; arg = arg->next, path++) {
        path->n = rm_path_split(arena, rm_arena_dup(arena, rm_value_text(arena, arg)), &path->names);
        for (size_t i = 0; i < path->n; i++) {
            if (!path->names[i].p)
                path->names[i] = RM_STR(""); // a label is never NULL
        }
    }
    if (op->kind != FLATMAP_MOVE || op->args[0].n <= op->args[1].n)
        return RM_OK;
    for (size_t i = 0; i + 1 < op->args[1].n; i++) {
        if (flatmap_is_wild(op->args[1].names[i]))
            op->anchor = i + 1;
    }
    for (size_t i = 0; i < op->anchor; i++) {
        if (!rm_str_eq(op->args[0].names[i], op->args[1].names[i]))
            return RM_ECONF;
    }
    return RM_OK;
}

static int flatmap_open(void **self, struct rm_arena *arena, struct rm_value *conf, struct rm_err *err)
{
    static const char *const kinds[] = {"del", "move", "append"};
    rm_value_open(arena, conf);
    struct flatmap *flatmap = RM_NEW(arena, struct flatmap);
    flatmap->ops = RM_NEW_ARRAY(arena, struct flatmap_op, conf->n > 0 ? conf->n : 1);
    for (struct rm_value *item = conf->first; item; item = item->next) {
        struct rm_value *type = rm_value_get(arena, item, RM_STR("type"));
        struct rm_value *args = rm_value_get(arena, item, RM_STR("args"));
        struct rm_str name = type ? rm_value_text(arena, type) : RM_STR("");
        size_t kind = 0;
        while (kind < RM_COUNT(kinds) && !rm_str_eq(name, rm_str_of(kinds[kind])))
            kind++;
        if (kind == RM_COUNT(kinds))
            continue; // as in KrakenD, and conf/ has said so
        if (args)
            rm_value_open(arena, args);
        if (!args || args->type != RM_ARRAY || args->n < 1 || (kind != FLATMAP_DEL && args->n != 2))
            return rm_fail(err, RM_ECONF, "wrong args of %s", kinds[kind]);
        struct flatmap_op *op = &flatmap->ops[flatmap->n++];
        op->kind = (enum flatmap_kind)kind;
        if (flatmap_open_op(op, arena, args) != RM_OK)
            return rm_fail(err, RM_ECONF, "what stands before a * must be the same in both args of move");
    }
    if (flatmap->n > 0)
        *self = flatmap;
    return RM_OK;
}

// Indexes are no names any more, and what was emptied is null.
static void flatmap_close(struct flatmap_run *run)
{
    for (struct flatmap_touched *touched = run->touched; touched; touched = touched->next) {
        struct rm_value *node = touched->node;
        for (struct rm_value *item = node->first; item && node->type == RM_ARRAY; item = item->next)
            item->key = (struct rm_str){NULL, 0};
        if (node->n == 0 && (node->type == RM_ARRAY || node->type == RM_OBJECT))
            node->type = RM_NULL;
    }
}

static struct rm_value *flatmap_apply(const void *self, struct rm_arena *request, struct rm_value *data)
{
    const struct flatmap *flatmap = self;
    struct flatmap_run run = {.arena = request};
    if (!data)
        return NULL;
    for (size_t i = 0; i < flatmap->n; i++) {
        const struct flatmap_op *op = &flatmap->ops[i];
        switch (op->kind) {
        case FLATMAP_DEL:
            for (size_t k = 0; k < op->n_args; k++)
                flatmap_del(&run, data, op->args[k].names, op->args[k].n);
            break;
        case FLATMAP_MOVE:
            flatmap_move(&run, data, op);
            break;
        case FLATMAP_APPEND:
            flatmap_append(&run, data, op);
            break;
        }
    }
    flatmap_close(&run);
    return data->type == RM_NULL ? NULL : data;
}

// A wildcard is one level.
static uint32_t flatmap_depth(const void *self)
{
    const struct flatmap *flatmap = self;
    size_t deepest = 0;
    for (size_t i = 0; i < flatmap->n; i++) {
        const struct flatmap_op *op = &flatmap->ops[i];
        for (size_t k = 0; k < op->n_args; k++) {
            size_t depth = op->args[k].n + (op->kind == FLATMAP_APPEND);
            deepest = depth > deepest ? depth : deepest;
        }
    }
    return (uint32_t)deepest;
}

const struct rm_step_ops rm_step_flatmap = {"flatmap_filter", flatmap_open, flatmap_apply, flatmap_depth};
