// Compiles a JSON Schema. One row a keyword; a program's node a schema; references are filled in at the end, and what would go round for ever
// is found then.
// SPDX-License-Identifier: Apache-2.0
#include "value/json_program.h"

#include "base/map.h"
#include "base/pct.h"

#include <inttypes.h>
#include <stdlib.h>

const char *const schema_types[SCHEMA_TYPES] = {"null", "boolean", "integer", "number", "string", "array", "object"};

struct schema_build {
    struct rm_arena *arena;
    struct rm_value *root;
    struct rm_schema *newest;
    struct rm_schema_report *report;
    struct rm_err *err;
};

struct schema_keyword {
    const char *name;
    int (*build)(struct schema_build *, const struct schema_keyword *, struct rm_schema *, struct rm_value *value);
    size_t offset; // of what it fills
};

static int schema_fail(struct schema_build *b, const struct rm_value *where, const char *text)
{
    b->report->where = where;
    return rm_fail(b->err, RM_ECONF, "%s", text);
}

static int schema_node(struct schema_build *, struct rm_value *value, const struct rm_schema **out);

static void *schema_at(struct rm_schema *s, const struct schema_keyword *k)
{
    return (char *)s + k->offset;
}

// ---- keywords by what they hold ---------------------------------------------------------------------------------------

static int schema_one(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s, struct rm_value *v)
{
    const struct rm_schema *one = NULL;
    int rc = schema_node(b, v, &one);
    memcpy(schema_at(s, k), &one, sizeof(one));
    return rc;
}

static int schema_some(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s, struct rm_value *v)
{
    struct schema_list *list = schema_at(s, k);
    if (v->type != RM_ARRAY || v->n == 0)
        return schema_fail(b, v, "allowed is a list of schemas, one at least");
    list->v = RM_NEW_ARRAY(b->arena, const struct rm_schema *, v->n);
    int rc = RM_OK;
    for (struct rm_value *item = v->first; item && rc == RM_OK; item = item->next)
        rc = schema_node(b, item, &list->v[list->n++]);
    return rc;
}

static int schema_items(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s, struct rm_value *v)
{
    static const struct schema_keyword list = {.offset = offsetof(struct rm_schema, item_list)};
    if (v->type == RM_ARRAY && v->n == 0)
        return RM_OK;
    return v->type == RM_ARRAY ? schema_some(b, &list, s, v) : schema_one(b, k, s, v);
}

static int schema_count(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s, struct rm_value *v)
{
    uint64_t n = 0;
    struct rm_number number = {0};
    if (v->type == RM_NUMBER)
        number = rm_number_of(b->arena, v->raw);
    if (v->type != RM_NUMBER || number.negative || !rm_number_is_integer(&number) || number.point > 15)
        return schema_fail(b, v, "allowed is a whole number, 0 or more");
    for (int64_t i = 0; i < number.point; i++)
        n = n * 10 + (i < (int64_t)number.digits.n ? (uint64_t)(number.digits.p[i] - '0') : 0);
    memcpy(schema_at(s, k), &n, sizeof(n));
    return RM_OK;
}

static int schema_bound(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s, struct rm_value *v)
{
    struct schema_bound *bound = schema_at(s, k);
    if (v->type != RM_NUMBER)
        return schema_fail(b, v, "allowed is a number");
    *bound = (struct schema_bound){v->raw, rm_number_of(b->arena, v->raw)};
    return RM_OK;
}

// Of draft-04 it says what minimum and maximum mean: schema_bounds().
static int schema_exclusive(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s,
                            struct rm_value *v)
{
    return v->type == RM_TRUE || v->type == RM_FALSE ? RM_OK : schema_bound(b, k, s, v);
}

static int schema_multiple(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s,
                           struct rm_value *v)
{
    int rc = schema_bound(b, k, s, v);
    if (rc == RM_OK && (s->multiple.n.negative || s->multiple.n.digits.n == 0))
        rc = schema_fail(b, v, "allowed is a number above 0");
    if (rc == RM_OK && s->multiple.n.digits.n > 18)
        rc = schema_fail(b, v, "more than 18 digits");
    return rc;
}

static int schema_regex(struct schema_build *b, const struct rm_value *where, struct rm_str text,
                        const struct rm_regex **out)
{
    struct rm_err why;
    if (rm_regex_compile(b->arena, text, out, &why) == RM_OK)
        return RM_OK;
    b->report->where = where;
    return rm_fail(b->err, RM_ECONF, "no regular expression: %s", why.text);
}

static int schema_pattern(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s,
                          struct rm_value *v)
{
    (void)k;
    if (v->type != RM_STRING)
        return schema_fail(b, v, "allowed is a regular expression");
    s->pattern_text = rm_value_text(b->arena, v);
    return schema_regex(b, v, s->pattern_text, &s->pattern);
}

static int schema_format(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s,
                         struct rm_value *v)
{
    (void)k;
    if (v->type != RM_STRING)
        return schema_fail(b, v, "allowed is the name of a format");
    struct rm_str name = rm_value_text(b->arena, v);
    s->format = rm_format_find(name);
    if (!s->format) {
        b->report->unknown(b->report->arg, v, name, "format");
        return RM_OK;
    }
    return s->format->pattern ? schema_regex(b, v, rm_str_of(s->format->pattern), &s->format_pattern) : RM_OK;
}

static int schema_type(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s, struct rm_value *v)
{
    (void)k;
    bool is_list = v->type == RM_ARRAY;
    for (struct rm_value *item = is_list ? v->first : v; item; item = is_list ? item->next : NULL) {
        struct rm_str name = item->type == RM_STRING ? rm_value_text(b->arena, item) : RM_STR("");
        uint32_t type = 0;
        while (type < SCHEMA_TYPES && !rm_str_eq(name, rm_str_of(schema_types[type])))
            type++;
        if (type == SCHEMA_TYPES)
            return schema_fail(b, item,
                               "allowed is null, boolean, integer, number, string, array, object or a list of them");
        s->types |= 1U << type;
    }
    return s->types > 0 ? RM_OK : schema_fail(b, v, "no type at all");
}

static int schema_enum(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s, struct rm_value *v)
{
    if (v->type != RM_ARRAY || v->n == 0)
        return schema_fail(b, v, "allowed is a list of values, one at least");
    memcpy(schema_at(s, k), &v, sizeof(struct rm_value *));
    return RM_OK;
}

static int schema_const(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s, struct rm_value *v)
{
    (void)b;
    memcpy(schema_at(s, k), &v, sizeof(struct rm_value *));
    return RM_OK;
}

static int schema_bool(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s, struct rm_value *v)
{
    if (v->type != RM_TRUE && v->type != RM_FALSE)
        return schema_fail(b, v, "allowed is true or false");
    *(bool *)schema_at(s, k) = v->type == RM_TRUE;
    return RM_OK;
}

static int schema_strings(struct schema_build *b, const struct rm_value *v)
{
    if (v->type != RM_ARRAY)
        return schema_fail(b, v, "allowed is a list of names");
    for (const struct rm_value *item = v->first; item; item = item->next) {
        if (item->type != RM_STRING)
            return schema_fail(b, item, "allowed is a name");
    }
    return RM_OK;
}

// properties, required and dependencies are looked at together: schema_names().
static int schema_required(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s,
                           struct rm_value *v)
{
    (void)k, (void)s;
    return schema_strings(b, v);
}

static int schema_members(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s,
                          struct rm_value *v)
{
    (void)k, (void)s;
    return v->type == RM_OBJECT ? RM_OK : schema_fail(b, v, "allowed is an object");
}

static int schema_patterns(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s,
                           struct rm_value *v)
{
    (void)k;
    if (v->type != RM_OBJECT)
        return schema_fail(b, v, "allowed is an object of schemas");
    s->patterns = RM_NEW_ARRAY(b->arena, struct schema_pattern, v->n + 1);
    int rc = RM_OK;
    for (struct rm_value *member = v->first; member && rc == RM_OK; member = member->next) {
        struct schema_pattern *pattern = &s->patterns[s->n_patterns++];
        pattern->text = member->key;
        rc = schema_regex(b, member, member->key, &pattern->regex);
        if (rc == RM_OK)
            rc = schema_node(b, member, &pattern->schema);
    }
    return rc;
}

// Compiled whether something refers to them or not: what is wrong in them is said.
static int schema_definitions(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s,
                              struct rm_value *v)
{
    (void)k, (void)s;
    const struct rm_schema *unused;
    int rc = v->type == RM_OBJECT ? RM_OK : schema_fail(b, v, "allowed is an object of schemas");
    for (struct rm_value *member = v->first; member && rc == RM_OK; member = member->next)
        rc = schema_node(b, member, &unused);
    return rc;
}

static int schema_ref(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s, struct rm_value *v)
{
    (void)k;
    if (v->type != RM_STRING)
        return schema_fail(b, v, "allowed is a reference such as \"#/definitions/name\"");
    s->ref_text = rm_arena_dup(b->arena, rm_value_text(b->arena, v));
    return RM_OK;
}

// Below the root only "#name": what changes the base of references is more than a configuration needs.
static int schema_id(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s, struct rm_value *v)
{
    (void)k;
    struct rm_str id = v->type == RM_STRING ? rm_value_text(b->arena, v) : RM_STR("");
    if (v->type != RM_STRING || (s->from != b->root && (id.n == 0 || id.p[0] != '#')))
        return schema_fail(b, v, "allowed below the root is \"#name\"");
    return RM_OK;
}

static int schema_draft(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s, struct rm_value *v)
{
    (void)k, (void)s;
    struct rm_str text = v->type == RM_STRING ? rm_value_text(b->arena, v) : RM_STR("");
    static const char *const known[] = {"draft-04", "draft-06", "draft-07"};
    for (size_t i = 0; i < RM_COUNT(known); i++) {
        struct rm_str url = rm_arena_printf(b->arena, "http://json-schema.org/%s/schema", known[i]);
        if (rm_str_starts(text, url))
            return RM_OK;
    }
    return schema_fail(b, v, "known are http://json-schema.org/draft-07/schema#, draft-06 and draft-04");
}

static int schema_note(struct schema_build *b, const struct schema_keyword *k, struct rm_schema *s, struct rm_value *v)
{
    (void)b, (void)k, (void)s, (void)v;
    return RM_OK;
}

#define AT(member) offsetof(struct rm_schema, member)

static const struct schema_keyword schema_keywords[] = {
    {"$comment", schema_note, 0},
    {"$id", schema_id, 0},
    {"$ref", schema_ref, 0},
    {"$schema", schema_draft, 0},
    {"additionalItems", schema_one, AT(more_items)},
    {"additionalProperties", schema_one, AT(other_members)},
    {"allOf", schema_some, AT(all_of)},
    {"anyOf", schema_some, AT(any_of)},
    {"const", schema_const, AT(constant)},
    {"contains", schema_one, AT(contains)},
    {"contentEncoding", schema_note, 0},
    {"contentMediaType", schema_note, 0},
    {"default", schema_note, 0},
    {"definitions", schema_definitions, 0},
    {"dependencies", schema_members, 0},
    {"description", schema_note, 0},
    {"else", schema_one, AT(otherwise)},
    {"enum", schema_enum, AT(choices)},
    {"examples", schema_note, 0},
    {"exclusiveMaximum", schema_exclusive, AT(below)},
    {"exclusiveMinimum", schema_exclusive, AT(above)},
    {"format", schema_format, 0},
    {"if", schema_one, AT(if_)},
    {"items", schema_items, AT(items)},
    {"maxItems", schema_count, AT(max_items)},
    {"maxLength", schema_count, AT(max_length)},
    {"maxProperties", schema_count, AT(max_members)},
    {"maximum", schema_bound, AT(maximum)},
    {"minItems", schema_count, AT(min_items)},
    {"minLength", schema_count, AT(min_length)},
    {"minProperties", schema_count, AT(min_members)},
    {"minimum", schema_bound, AT(minimum)},
    {"multipleOf", schema_multiple, AT(multiple)},
    {"not", schema_one, AT(not_)},
    {"oneOf", schema_some, AT(one_of)},
    {"pattern", schema_pattern, 0},
    {"patternProperties", schema_patterns, 0},
    {"properties", schema_members, 0},
    {"propertyNames", schema_one, AT(member_names)},
    {"readOnly", schema_note, 0},
    {"required", schema_required, 0},
    {"then", schema_one, AT(then)},
    {"title", schema_note, 0},
    {"type", schema_type, 0},
    {"uniqueItems", schema_bool, AT(is_unique)},
    {"writeOnly", schema_note, 0},
};

static const struct schema_keyword *schema_keyword(struct rm_str name)
{
    for (size_t i = 0; i < RM_COUNT(schema_keywords); i++) {
        if (rm_str_eq(name, rm_str_of(schema_keywords[i].name)))
            return &schema_keywords[i];
    }
    return NULL;
}

bool rm_schema_is_keyword(struct rm_str name)
{
    return schema_keyword(name) != NULL;
}

// ---- what several keywords say together -------------------------------------------------------------------------------

static void schema_bounds(struct schema_build *b, struct rm_schema *s, struct rm_value *v)
{
    const struct rm_value *above = rm_value_get(b->arena, v, RM_STR("exclusiveMinimum"));
    const struct rm_value *below = rm_value_get(b->arena, v, RM_STR("exclusiveMaximum"));
    if (above && above->type == RM_TRUE) {
        s->above = s->minimum;
        s->minimum = (struct schema_bound){0};
    }
    if (below && below->type == RM_TRUE) {
        s->below = s->maximum;
        s->maximum = (struct schema_bound){0};
    }
}

static int schema_name_cmp(const void *a, const void *b)
{
    return rm_str_cmp(((const struct schema_name *)a)->name, ((const struct schema_name *)b)->name);
}

// The entry of a name; s->names has room for all.
static struct schema_name *schema_name(struct rm_schema *s, struct rm_map *map, struct rm_str name)
{
    void **place = rm_map_put(map, name);
    if (!*place) {
        *place = &s->names[s->n_names++];
        s->names[s->n_names - 1].name = name;
    }
    return *place;
}

static int schema_dependency(struct schema_build *b, struct schema_name *name, struct rm_value *v)
{
    if (v->type != RM_ARRAY)
        return schema_node(b, v, &name->whole);
    int rc = schema_strings(b, v);
    name->needs = RM_NEW_ARRAY(b->arena, struct rm_str, v->n + 1);
    for (struct rm_value *item = v->first; item && rc == RM_OK; item = item->next)
        name->needs[name->n_needs++] = rm_value_text(b->arena, item);
    return rc;
}

static int schema_names(struct schema_build *b, struct rm_schema *s, struct rm_value *v)
{
    struct rm_value *properties = rm_value_get(b->arena, v, RM_STR("properties"));
    struct rm_value *required = rm_value_get(b->arena, v, RM_STR("required"));
    struct rm_value *dependencies = rm_value_get(b->arena, v, RM_STR("dependencies"));
    uint32_t most =
        1 + (properties ? properties->n : 0) + (required ? required->n : 0) + (dependencies ? dependencies->n : 0);
    struct rm_map map;
    rm_map_init(&map, b->arena);
    s->names = RM_NEW_ARRAY(b->arena, struct schema_name, most);
    int rc = RM_OK;
    for (struct rm_value *m = properties ? properties->first : NULL; m && rc == RM_OK; m = m->next)
        rc = schema_node(b, m, &schema_name(s, &map, m->key)->schema);
    for (struct rm_value *m = dependencies ? dependencies->first : NULL; m && rc == RM_OK; m = m->next)
        rc = schema_dependency(b, schema_name(s, &map, m->key), m);
    for (struct rm_value *m = required ? required->first : NULL; m && rc == RM_OK; m = m->next) {
        struct schema_name *name = schema_name(s, &map, rm_value_text(b->arena, m));
        s->n_required += !name->is_required;
        name->is_required = true;
    }
    qsort(s->names, s->n_names, sizeof(*s->names), schema_name_cmp);
    return rc;
}

// ---- nodes -------------------------------------------------------------------------------------------------------------

static int schema_fill(struct schema_build *b, struct rm_schema *s, struct rm_value *v)
{
    bool is_ref = rm_value_get(b->arena, v, RM_STR("$ref")) != NULL; // beside it nothing counts but definitions
    for (struct rm_value *member = v->first; member; member = member->next) {
        const struct schema_keyword *k = schema_keyword(member->key);
        if (is_ref && k && k->build != schema_ref && k->build != schema_definitions)
            continue;
        int rc = k ? k->build(b, k, s, member) : RM_OK;
        if (rc != RM_OK)
            return rc;
        if (!k && (member->key.n == 0 || !strchr("$@_#", member->key.p[0])) &&
            !rm_str_starts(member->key, RM_STR("x-")))
            b->report->unknown(b->report->arg, member, member->key, "keyword");
    }
    if (is_ref)
        return RM_OK;
    schema_bounds(b, s, v);
    return schema_names(b, s, v);
}

static int schema_node(struct schema_build *b, struct rm_value *v, const struct rm_schema **out)
{
    if (v->type != RM_OBJECT && v->type != RM_TRUE && v->type != RM_FALSE)
        return schema_fail(b, v, "allowed is a schema: an object, true or false");
    struct rm_schema *s = RM_NEW(b->arena, struct rm_schema);
    s->from = v;
    s->is_false = v->type == RM_FALSE;
    s->max_length = s->max_items = s->max_members = UINT64_MAX;
    s->next = b->newest;
    b->newest = s;
    *out = s;
    return v->type == RM_OBJECT ? schema_fill(b, s, v) : RM_OK;
}

// ---- references --------------------------------------------------------------------------------------------------------

// One step of a JSON pointer (RFC 6901) that is a fragment; NULL: there is no such place.
static struct rm_value *schema_step(struct rm_arena *arena, struct rm_value *at, struct rm_str token)
{
    struct rm_str plain;
    if (rm_pct_decode(arena, token, false, &plain) != RM_OK)
        return NULL;
    char *name = rm_arena_alloc(arena, plain.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < plain.n; i++) {
        bool tilde = plain.p[i] == '~' && i + 1 < plain.n && (plain.p[i + 1] == '0' || plain.p[i + 1] == '1');
        name[n++] = tilde ? (plain.p[i + 1] == '0' ? '~' : '/') : plain.p[i];
        i += tilde;
    }
    if (at->type == RM_OBJECT)
        return rm_value_get(arena, at, (struct rm_str){name, n});
    uint64_t index = 0;
    for (size_t i = 0; i < n; i++)
        index =
            name[i] >= '0' && name[i] <= '9' && index < 1000000 ? index * 10 + (uint64_t)(name[i] - '0') : UINT32_MAX;
    struct rm_value *item = at->type == RM_ARRAY && n > 0 ? at->first : NULL;
    while (item && index-- > 0)
        item = item->next;
    return item;
}

static struct rm_value *schema_named(struct schema_build *b, struct rm_str fragment)
{
    for (struct rm_schema *s = b->newest; s; s = s->next) {
        if (s->from->type != RM_OBJECT)
            continue;
        struct rm_value *value = (struct rm_value *)(uintptr_t)s->from;
        const struct rm_value *id = rm_value_get(b->arena, value, RM_STR("$id"));
        if (id && id->type == RM_STRING && rm_str_eq(rm_value_text(b->arena, id), fragment))
            return value;
    }
    return NULL;
}

static struct rm_value *schema_target(struct schema_build *b, struct rm_str ref)
{
    const struct rm_value *id = rm_value_get(b->arena, b->root, RM_STR("$id"));
    struct rm_str base = id && id->type == RM_STRING ? rm_value_text(b->arena, id) : RM_STR("");
    const char *hash = ref.n > 0 ? memchr(ref.p, '#', ref.n) : NULL;
    size_t at = hash ? (size_t)(hash - ref.p) : ref.n;
    if (base.n > 0 && base.p[base.n - 1] == '#')
        base.n--;
    if (at > 0 && !rm_str_eq(rm_str_sub(ref, 0, at), base))
        return NULL;
    struct rm_str fragment = rm_str_sub(ref, at, ref.n);
    if (fragment.n > 1 && fragment.p[1] != '/')
        return schema_named(b, fragment);
    struct rm_value *value = b->root;
    for (size_t from = 1; value && from < fragment.n;) {
        const char *slash = memchr(fragment.p + from + 1, '/', fragment.n - from - 1);
        size_t end = slash ? (size_t)(slash - fragment.p) : fragment.n;
        value = schema_step(b->arena, value, rm_str_sub(fragment, from + 1, end));
        from = end;
    }
    return value;
}

static int schema_resolve(struct schema_build *b, struct rm_schema *s)
{
    const struct rm_value *where = rm_value_get(b->arena, (struct rm_value *)(uintptr_t)s->from, RM_STR("$ref"));
    struct rm_value *target = schema_target(b, s->ref_text);
    if (!target)
        return schema_fail(b, where, "there is nothing at this reference within the schema; others are not fetched");
    for (struct rm_schema *known = b->newest; known; known = known->next) {
        if (known->from == target) {
            s->ref = known;
            return RM_OK;
        }
    }
    return schema_node(b, target, &s->ref); // a place that no keyword makes one
}

// Those made meanwhile come before what is walked: once more, until there are none.
static int schema_resolve_all(struct schema_build *b)
{
    for (const struct rm_schema *until = NULL, *first; until != b->newest; until = first) {
        first = b->newest;
        for (struct rm_schema *s = b->newest; s != until; s = s->next) {
            int rc = s->ref_text.p ? schema_resolve(b, s) : RM_OK;
            if (rc != RM_OK)
                return rc;
        }
    }
    return RM_OK;
}

// ---- loops -------------------------------------------------------------------------------------------------------------

enum { SCHEMA_NEW, SCHEMA_OPEN, SCHEMA_DONE };

// Through what looks at the same value again. True: it comes back to where it was.
static bool schema_loops(const struct rm_schema *of);

static bool schema_list_loops(const struct schema_list *list)
{
    bool loops = false;
    for (uint32_t i = 0; i < list->n && !loops; i++)
        loops = schema_loops(list->v[i]);
    return loops;
}

static bool schema_loops(const struct rm_schema *of)
{
    struct rm_schema *s = (struct rm_schema *)(uintptr_t)of; // still being made
    if (!s || s->visit == SCHEMA_DONE)
        return false;
    if (s->visit == SCHEMA_OPEN)
        return true;
    s->visit = SCHEMA_OPEN;
    bool loops = schema_loops(s->ref) || schema_list_loops(&s->all_of) || schema_list_loops(&s->any_of) ||
                 schema_list_loops(&s->one_of) || schema_loops(s->not_) || schema_loops(s->if_) ||
                 schema_loops(s->then) || schema_loops(s->otherwise);
    for (uint32_t i = 0; i < s->n_names && !loops; i++)
        loops = schema_loops(s->names[i].whole);
    s->visit = SCHEMA_DONE;
    return loops;
}

int rm_schema_compile(struct rm_arena *arena, struct rm_value *root, const struct rm_schema **out,
                      struct rm_schema_report *report, struct rm_err *err)
{
    struct schema_build b = {.arena = arena, .root = root, .report = report, .err = err};
    int rc = schema_node(&b, root, out);
    if (rc == RM_OK)
        rc = schema_resolve_all(&b);
    for (struct rm_schema *s = b.newest; s && rc == RM_OK; s = s->next) {
        if (schema_loops(s))
            rc = schema_fail(&b, s->from, "it refers to itself without looking deeper: no check of it would end");
    }
    return rc;
}
