// flatmap_filter: a list of {type, args}. Says what KrakenD would crash on, leave out in silence or do elsewhere than it is told; what the
// operations do is in step/flatmap.c.
// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"
#include "conf/load.h"

struct flatmap_op {
    struct rm_str type;
    struct rm_value *args;
};

// A path, cut into names as it is looked at.
struct flatmap_path {
    const struct rm_value *value;
    struct rm_str text;
    size_t n; // names
};

static const char *const flatmap_types[] = {"del", "move", "append"};

static const struct rm_field flatmap_rows[] = {
    {.name = "type",
     .type = RM_FIELD_STRING,
     .offset = offsetof(struct flatmap_op, type),
     .doc = "del, move or append"},
    {.name = "args",
     .type = RM_FIELD_ANY,
     .offset = offsetof(struct flatmap_op, args),
     .doc = "dotted paths: those to delete, or a source and a destination"},
};
static const struct rm_fields flatmap_fields = {
    .v = flatmap_rows, .n = RM_COUNT(flatmap_rows), .what = "key of an operation of flatmap_filter"};

static struct rm_str flatmap_name(const struct flatmap_path *path, size_t i)
{
    size_t from = 0, to = 0;
    for (size_t dots = 0; to < path->text.n; to++) {
        if (path->text.p[to] != '.')
            continue;
        if (dots++ == i)
            break;
        from = to + 1;
    }
    return rm_str_sub(path->text, from, to);
}

static bool flatmap_is_wild(const struct flatmap_path *path, size_t i)
{
    return rm_str_eq(flatmap_name(path, i), RM_STR("*"));
}

// How many names the two begin with in common.
static size_t flatmap_common(const struct flatmap_path *a, const struct flatmap_path *b)
{
    size_t i = 0;
    while (i < a->n && i < b->n && rm_str_eq(flatmap_name(a, i), flatmap_name(b, i)))
        i++;
    return i;
}

static void flatmap_check_move(struct rm_reader *r, const struct rm_path *args, const struct flatmap_path *from,
                               const struct flatmap_path *to)
{
    const struct rm_path first = {.up = args, .index = 0}, second = {.up = args, .index = 1};
    struct rm_place place = rm_doc_place(to->value);
    size_t common = flatmap_common(from, to);
    if (flatmap_is_wild(from, from->n - 1))
        rm_reader_error(r, &first, rm_doc_place(from->value), "the last name of what is moved cannot be *");
    if (flatmap_is_wild(to, to->n - 1))
        rm_reader_error(r, &second, place, "the last name of where it goes cannot be *");
    // Deeper, the names from the source's last one on are made; as deep, there is only a new last name.
    if (to->n >= from->n && common + 1 < from->n)
        rm_reader_warn(
            r, &second, place,
            "what is moved stays in the object that it is in, as in KrakenD: only what stands behind the first "
            "%zu names counts",
            from->n - 1);
    for (size_t i = 0; i + 1 < to->n; i++) {
        if (flatmap_is_wild(to, i) && i >= (to->n >= from->n ? from->n - 1 : common)) {
            rm_reader_error(
                r, &second, place,
                "a * stands for what the same * of the source is: all names up to it must be the same in both");
            break;
        }
    }
}

static void flatmap_check_append(struct rm_reader *r, const struct rm_path *args, const struct flatmap_path *from,
                                 const struct flatmap_path *to)
{
    const struct rm_path second = {.up = args, .index = 1};
    size_t inside = 0;
    while (inside < from->n && inside < to->n &&
           (flatmap_is_wild(from, inside) || rm_str_eq(flatmap_name(from, inside), flatmap_name(to, inside))))
        inside++;
    if (inside == from->n)
        rm_reader_error(r, &second, rm_doc_place(to->value), "a list cannot be appended to itself or to what is in it");
    for (size_t i = 0; i < to->n; i++) {
        if (flatmap_is_wild(to, i)) {
            rm_reader_error(r, &second, rm_doc_place(to->value), "append adds to one list: there can be no * here");
            break;
        }
    }
}

// The paths, or NULL with a finding.
static struct flatmap_path *flatmap_paths(struct rm_reader *r, const struct rm_path *path, struct rm_value *args)
{
    struct flatmap_path *paths = RM_NEW_ARRAY(r->found->arena, struct flatmap_path, args->n);
    bool fits = true;
    size_t index = 0;
    for (const struct rm_value *arg = args->first; arg; arg = arg->next, index++) {
        struct rm_path at = {.up = path, .index = index};
        struct flatmap_path *to = &paths[index];
        to->value = arg;
        to->n = 1;
        if (!rm_string_expect(r, &at, arg, &to->text)) {
            fits = false;
        } else if (to->text.n == 0) {
            rm_reader_error(r, &at, rm_doc_place(arg), "an empty path names nothing");
            fits = false;
        }
        for (size_t i = 0; i < to->text.n; i++)
            to->n += to->text.p[i] == '.';
    }
    return fits ? paths : NULL;
}

// False: it is left out.
static bool flatmap_check_op(struct rm_reader *r, const struct rm_path *path, struct rm_value *object,
                             struct flatmap_op *out)
{
    struct flatmap_op op = {.args = NULL};
    const struct rm_path type = {.up = path, .name = RM_STR("type")}, args = {.up = path, .name = RM_STR("args")};
    rm_fields_read(r, &flatmap_fields, path, object, &op);
    const struct rm_value *type_value = rm_value_get(r->arena, object, type.name);
    if (!type_value || type_value->type == RM_NULL) {
        rm_reader_error(r, &type, rm_doc_place(object), "is missing: del, move or append");
        return false;
    }
    if (type_value->type != RM_STRING)
        return false;
    size_t kind = 0;
    while (kind < RM_COUNT(flatmap_types) && !rm_str_eq(op.type, rm_str_of(flatmap_types[kind])))
        kind++;
    if (kind == RM_COUNT(flatmap_types)) {
        const char *near = rm_nearest(op.type, flatmap_types, RM_COUNT(flatmap_types));
        (r->strict ? rm_reader_error
                   : rm_reader_warn)(r, &type, rm_doc_place(type_value),
                                     "unknown operation %s, which is left out: del, move and append are known%s%s%s",
                                     rm_text_quote(r->found->arena, op.type), near ? "; did you mean \"" : "",
                                     near ? near : "", near ? "\"?" : "");
        return false;
    }
    struct rm_place place = rm_doc_place(op.args ? op.args : object);
    const char *takes = kind == 0 ? "a list of paths" : "a list of two paths: from where, and where to";
    if (!op.args)
        rm_reader_error(r, &args, place, "is missing: %s takes %s", flatmap_types[kind], takes);
    else if (op.args->type != RM_ARRAY)
        rm_reader_error(r, &args, place, "found %s, %s takes %s", rm_value_describe(r->found->arena, op.args),
                        flatmap_types[kind], takes);
    else if (op.args->n < 1 || (kind > 0 && op.args->n != 2))
        rm_reader_error(r, &args, place, "found %u paths, %s takes %s", op.args->n, flatmap_types[kind], takes);
    else {
        const struct flatmap_path *paths = flatmap_paths(r, &args, op.args);
        if (paths && kind == 1)
            flatmap_check_move(r, &args, &paths[0], &paths[1]);
        else if (paths && kind == 2)
            flatmap_check_append(r, &args, &paths[0], &paths[1]);
    }
    *out = op;
    return true;
}

// What was understood of it: what else stands there is not in a dump.
static struct rm_value *flatmap_value(struct rm_arena *arena, const struct flatmap_op *op)
{
    struct rm_value *object = rm_value_new(arena, RM_OBJECT);
    rm_value_set(arena, object, RM_STR("type"), rm_value_string(arena, op->type));
    if (op->args)
        rm_value_set(arena, object, RM_STR("args"), rm_value_copy(arena, op->args));
    return object;
}

struct rm_value *rm_flatmap_check(struct rm_reader *r, const struct rm_path *path, struct rm_value *list)
{
    if (list->type != RM_ARRAY) {
        rm_reader_error(r, path, rm_doc_place(list), "found %s, allowed is a list of operations",
                        rm_value_describe(r->found->arena, list));
        return NULL;
    }
    struct rm_value *known = rm_value_new(r->arena, RM_ARRAY);
    size_t index = 0;
    for (struct rm_value *item = list->first; item; item = item->next, index++) {
        struct rm_path at = {.up = path, .index = index};
        struct flatmap_op op;
        if (rm_object_expect(r, &at, item) && flatmap_check_op(r, &at, item, &op))
            rm_value_append(known, flatmap_value(r->arena, &op));
    }
    return known->n > 0 ? known : NULL;
}
