// Checks a value against a compiled schema. Recursive, with a depth of its own: a value inside a value, and a schema on a schema's value,
// are one each. Every look costs a step of the matcher's.
// SPDX-License-Identifier: Apache-2.0
#include "value/json_program.h"

#include "value/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK_DEPTH 400    // frames: a worker's stack has 1 MiB
#define CHECK_LOOK 4       // steps of a look at a value: as dear as four items of a pattern
#define CHECK_NAME_MOST 40 // bytes of a member's name in a message

// Where in the document, from the inside out.
struct check_at {
    const struct check_at *up; // NULL: the root
    struct rm_str key;         // p NULL: the item number `index`
    uint32_t index;
};

struct check {
    struct rm_arena *arena;
    struct rm_matcher *matcher;
    struct rm_err *err; // what does not fit first
    uint32_t quiet;     // within what need not fit
    uint32_t depth;
    bool is_over; // RM_ETOOBIG: nothing more is worth a look
};

static bool check_value(struct check *, const struct rm_schema *, struct rm_value *, const struct check_at *);

// ---- what is said ------------------------------------------------------------------------------------------------------

static size_t check_put(char *to, size_t room, struct rm_str text)
{
    size_t n = 0;
    for (; n < text.n && n < room && n < CHECK_NAME_MOST; n++)
        to[n] = (unsigned char)text.p[n] < 0x20 || text.p[n] == 0x7f ? '?' : text.p[n];
    while (n > 0 && n < text.n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
        n--; // no half a character
    return n;
}

// "(root).a.0"; of a long one the end is cut.
static size_t check_path(char *to, size_t room, const struct check_at *at)
{
    if (!at)
        return check_put(to, room, RM_STR("(root)"));
    char index[16];
    struct rm_str name = at->key;
    if (!name.p)
        name = (struct rm_str){index, (size_t)snprintf(index, sizeof index, "%" PRIu32, at->index)};
    size_t n = check_path(to, room, at->up);
    n += check_put(to + n, room - n, RM_STR("."));
    return n + check_put(to + n, room - n, name);
}

RM_PRINTF(3, 4) static bool check_say(struct check *c, const struct check_at *at, const char *fmt, ...)
{
    if (c->quiet > 0 || c->err->code != RM_OK)
        return false;
    char path[80], text[160];
    size_t n = check_path(path, sizeof path, at);
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    rm_fail(c->err, RM_EDENIED, "%.*s: %s", (int)n, path, text);
    return false;
}

static bool check_say_name(struct check *c, const struct check_at *at, const char *before, struct rm_str name,
                           const char *behind)
{
    char text[CHECK_NAME_MOST];
    size_t n = check_put(text, sizeof text, name);
    return check_say(c, at, "%s%.*s%s", before, (int)n, text, behind);
}

static bool check_spend(struct check *c, uint64_t steps)
{
    c->is_over = c->is_over || !rm_matcher_spend(c->matcher, steps);
    return !c->is_over;
}

static bool check_matches(struct check *c, const struct rm_regex *regex, struct rm_str text)
{
    int rc = c->is_over ? 0 : rm_regex_match(regex, c->matcher, text, NULL);
    c->is_over = c->is_over || rc < 0;
    return rc == 1;
}

// ---- equal values ------------------------------------------------------------------------------------------------------

static bool check_same(struct check *c, struct rm_value *a, struct rm_value *b);

static bool check_same_members(struct check *c, struct rm_value *a, struct rm_value *b)
{
    for (struct rm_value *member = a->first; member; member = member->next) {
        if (!check_spend(c, 1 + b->n))
            return false;
        struct rm_value *other = rm_value_get(c->arena, b, member->key);
        if (!other || !check_same(c, member, other))
            return false;
    }
    return true;
}

static bool check_same(struct check *c, struct rm_value *a, struct rm_value *b)
{
    if (!check_spend(c, CHECK_LOOK + a->raw.n / 16) || a->type != b->type)
        return false;
    struct rm_number one, two;
    switch ((enum rm_type)a->type) {
    case RM_NULL:
    case RM_FALSE:
    case RM_TRUE:
        return true;
    case RM_NUMBER:
        one = rm_number_of(c->arena, a->raw);
        two = rm_number_of(c->arena, b->raw);
        return rm_number_cmp(&one, &two) == 0;
    case RM_STRING:
        return rm_str_eq(rm_value_text(c->arena, a), rm_value_text(c->arena, b));
    case RM_ARRAY:
        if (a->n != b->n)
            return false;
        for (struct rm_value *x = a->first, *y = b->first; x; x = x->next, y = y->next) {
            if (!check_same(c, x, y))
                return false;
        }
        return true;
    case RM_OBJECT:
        return a->n == b->n && check_same_members(c, a, b);
    }
    return false;
}

// The same for equal values.
static uint64_t check_hash(struct check *c, struct rm_value *v)
{
    uint64_t seed = rm_names_seed(), hash = v->type;
    struct rm_number n;
    if (!check_spend(c, CHECK_LOOK + v->raw.n / 16))
        return 0;
    switch ((enum rm_type)v->type) {
    case RM_NULL:
    case RM_FALSE:
    case RM_TRUE:
        break;
    case RM_NUMBER:
        n = rm_number_of(c->arena, v->raw);
        hash = rm_names_mix(rm_names_hash(seed, n.digits), (uint64_t)n.point ^ (n.negative ? seed : 0));
        break;
    case RM_STRING:
        hash = rm_names_hash(seed, rm_value_text(c->arena, v));
        break;
    case RM_ARRAY:
        for (struct rm_value *item = v->first; item; item = item->next)
            hash = rm_names_mix(hash ^ seed, check_hash(c, item) + 1);
        break;
    case RM_OBJECT: // in any order
        for (struct rm_value *member = v->first; member; member = member->next)
            hash += rm_names_mix(rm_names_hash(seed, member->key), check_hash(c, member) ^ seed);
        break;
    }
    return rm_names_mix(hash ^ seed, (uint64_t)v->type + 1);
}

struct check_item {
    uint64_t hash;
    struct rm_value *v;
};

static int check_item_cmp(const void *a, const void *b)
{
    uint64_t one = ((const struct check_item *)a)->hash, two = ((const struct check_item *)b)->hash;
    return one < two ? -1 : one > two;
}

static bool check_unique(struct check *c, struct rm_value *v)
{
    struct check_item *items = RM_NEW_ARRAY(c->arena, struct check_item, v->n + 1);
    uint32_t n = 0;
    for (struct rm_value *item = v->first; item; item = item->next)
        items[n++] = (struct check_item){check_hash(c, item), item};
    if (!check_spend(c, 16 * (uint64_t)n))
        return false;
    qsort(items, n, sizeof(*items), check_item_cmp);
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = i + 1; k < n && items[k].hash == items[i].hash; k++) {
            if (check_same(c, items[i].v, items[k].v) || c->is_over)
                return false;
        }
    }
    return true;
}

// ---- by type -----------------------------------------------------------------------------------------------------------

static bool check_number(struct check *c, const struct rm_schema *s, const struct rm_value *v,
                         const struct check_at *at)
{
    struct rm_number n = rm_number_of(c->arena, v->raw);
    const struct {
        const struct schema_bound *bound;
        bool fits;
        const char *words;
    } bounds[] = {
        {&s->minimum, rm_number_cmp(&n, &s->minimum.n) >= 0, "Must be greater than or equal to "},
        {&s->above, rm_number_cmp(&n, &s->above.n) > 0, "Must be greater than "},
        {&s->maximum, rm_number_cmp(&n, &s->maximum.n) <= 0, "Must be less than or equal to "},
        {&s->below, rm_number_cmp(&n, &s->below.n) < 0, "Must be less than "},
        {&s->multiple, s->multiple.text.n == 0 || rm_number_is_multiple(&n, &s->multiple.n), "Must be a multiple of "},
    };
    if (!check_spend(c, v->raw.n / 16))
        return false;
    for (size_t i = 0; i < RM_COUNT(bounds); i++) {
        if (bounds[i].bound->text.n > 0 && !bounds[i].fits)
            return check_say_name(c, at, bounds[i].words, bounds[i].bound->text, "");
    }
    return true;
}

static bool check_string(struct check *c, const struct rm_schema *s, struct rm_str text, const struct check_at *at)
{
    uint64_t length = 0; // in code points
    if (!check_spend(c, 1 + text.n / 16))
        return false;
    for (size_t i = 0; (s->min_length > 0 || s->max_length < UINT64_MAX) && i < text.n; i++)
        length += ((unsigned char)text.p[i] & 0xc0) != 0x80;
    if (length < s->min_length)
        return check_say(c, at, "String length must be greater than or equal to %" PRIu64, s->min_length);
    if (length > s->max_length)
        return check_say(c, at, "String length must be less than or equal to %" PRIu64, s->max_length);
    if (s->pattern && !check_matches(c, s->pattern, text))
        return check_say_name(c, at, "Does not match pattern '", s->pattern_text, "'");
    if (s->format && ((s->format_pattern && !check_matches(c, s->format_pattern, text)) ||
                      (s->format->fits && (!check_spend(c, text.n) || !s->format->fits(c->arena, text)))))
        return check_say(c, at, "Does not match format '%s'", s->format->name);
    return !c->is_over;
}

static bool check_contains(struct check *c, const struct rm_schema *s, struct rm_value *v, const struct check_at *at)
{
    bool found = false;
    c->quiet++;
    for (struct rm_value *item = v->first; item && !found && !c->is_over; item = item->next)
        found = check_value(c, s->contains, item, at);
    c->quiet--;
    return found || check_say(c, at, "At least one of the items must match");
}

static bool check_array(struct check *c, const struct rm_schema *s, struct rm_value *v, const struct check_at *at)
{
    if (v->n < s->min_items)
        return check_say(c, at, "Array must have at least %" PRIu64 " items", s->min_items);
    if (v->n > s->max_items)
        return check_say(c, at, "Array must have at most %" PRIu64 " items", s->max_items);
    uint32_t index = 0;
    for (struct rm_value *item = v->first; item; item = item->next, index++) {
        const struct check_at inner = {.up = at, .index = index};
        const struct rm_schema *of = s->items;
        if (s->item_list.n > 0)
            of = index < s->item_list.n ? s->item_list.v[index] : s->more_items;
        if (of && of->is_false && of == s->more_items)
            return check_say(c, at, "No additional items allowed on array");
        if (of && !check_value(c, of, item, &inner))
            return false;
    }
    if (s->is_unique && !check_unique(c, v))
        return check_say(c, at, "array items must be unique");
    return !s->contains || check_contains(c, s, v, at);
}

static const struct schema_name *check_name(const struct rm_schema *s, struct rm_str name)
{
    uint32_t from = 0, to = s->n_names;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        int cmp = rm_str_cmp(s->names[middle].name, name);
        if (cmp == 0)
            return &s->names[middle];
        if (cmp < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return NULL;
}

static bool check_dependency(struct check *c, const struct schema_name *name, struct rm_value *v,
                             const struct check_at *at)
{
    for (uint32_t i = 0; i < name->n_needs; i++) {
        if (!check_spend(c, 1 + v->n))
            return false;
        if (!rm_value_get(c->arena, v, name->needs[i]))
            return check_say_name(c, at, "Has a dependency on ", name->needs[i], "");
    }
    return !name->whole || check_value(c, name->whole, v, at);
}

static bool check_member(struct check *c, const struct rm_schema *s, const struct schema_name *name, struct rm_value *v,
                         const struct check_at *at)
{
    const struct check_at inner = {.up = at, .key = v->key.p ? v->key : RM_STR("")};
    bool is_known = name && name->schema;
    if (is_known && !check_value(c, name->schema, v, &inner))
        return false;
    for (uint32_t i = 0; i < s->n_patterns; i++) {
        if (!check_matches(c, s->patterns[i].regex, v->key))
            continue;
        is_known = true;
        if (!check_value(c, s->patterns[i].schema, v, &inner))
            return false;
    }
    if (is_known || !s->other_members)
        return !c->is_over;
    if (s->other_members->is_false)
        return check_say_name(c, at, "Additional property ", v->key, " is not allowed");
    return check_value(c, s->other_members, v, &inner);
}

static bool check_member_name(struct check *c, const struct rm_schema *s, struct rm_str name, const struct check_at *at)
{
    struct rm_value *text = rm_value_string(c->arena, name);
    c->quiet++;
    bool fits = check_value(c, s->member_names, text, at);
    c->quiet--;
    return fits || check_say_name(c, at, "Property name of \"", name, "\" does not match");
}

static bool check_object(struct check *c, const struct rm_schema *s, struct rm_value *v, const struct check_at *at)
{
    if (v->n < s->min_members)
        return check_say(c, at, "Must have at least %" PRIu64 " properties", s->min_members);
    if (v->n > s->max_members)
        return check_say(c, at, "Must have at most %" PRIu64 " properties", s->max_members);
    uint32_t required = 0; // names are unique, so that a number tells
    for (const struct rm_value *member = v->first; member && s->n_required > 0; member = member->next) {
        const struct schema_name *name = check_name(s, member->key);
        required += name && name->is_required;
    }
    for (uint32_t i = 0; required < s->n_required && i < s->n_names; i++) {
        if (!check_spend(c, 1 + v->n))
            return false;
        if (s->names[i].is_required && !rm_value_get(c->arena, v, s->names[i].name))
            return check_say_name(c, at, "", s->names[i].name, " is required");
    }
    if (!check_spend(c, v->n))
        return false;
    for (struct rm_value *member = v->first; member; member = member->next) {
        const struct schema_name *name = check_name(s, member->key);
        if (!check_spend(c, 1) || (s->member_names && !check_member_name(c, s, member->key, at)) ||
            !check_member(c, s, name, member, at) || (name && !check_dependency(c, name, v, at)))
            return false;
    }
    return true;
}

// ---- any value ---------------------------------------------------------------------------------------------------------

static uint32_t check_types(struct check *c, const struct rm_value *v)
{
    static const uint32_t types[] = {
        [RM_NULL] = 1 << SCHEMA_NULL,     [RM_FALSE] = 1 << SCHEMA_BOOLEAN, [RM_TRUE] = 1 << SCHEMA_BOOLEAN,
        [RM_NUMBER] = 1 << SCHEMA_NUMBER, [RM_STRING] = 1 << SCHEMA_STRING, [RM_ARRAY] = 1 << SCHEMA_ARRAY,
        [RM_OBJECT] = 1 << SCHEMA_OBJECT};
    if (v->type != RM_NUMBER)
        return types[v->type];
    struct rm_number n = rm_number_of(c->arena, v->raw);
    return rm_number_is_integer(&n) ? 1 << SCHEMA_NUMBER | 1 << SCHEMA_INTEGER : 1 << SCHEMA_NUMBER;
}

static bool check_type(struct check *c, const struct rm_schema *s, const struct rm_value *v, const struct check_at *at)
{
    char expected[80] = "";
    uint32_t types = check_types(c, v), given = 0;
    if (types & s->types)
        return true;
    for (uint32_t i = 0, n = 0; i < SCHEMA_TYPES; i++) {
        if (s->types & 1U << i)
            n += (uint32_t)snprintf(expected + n, sizeof expected - n, "%s%s", n > 0 ? "/" : "", schema_types[i]);
    }
    while (!(types & 1U << given))
        given++;
    return check_say(c, at, "Invalid type. Expected: %s, given: %s", expected, schema_types[given]);
}

static bool check_choices(struct check *c, const struct rm_schema *s, struct rm_value *v, const struct check_at *at)
{
    if (s->constant && !check_same(c, s->constant, v))
        return check_say(c, at, "does not match the constant");
    if (!s->choices)
        return true;
    for (struct rm_value *choice = s->choices->first; choice; choice = choice->next) {
        if (check_same(c, choice, v))
            return true;
    }
    return check_say(c, at, "must be one of the values that are allowed");
}

static bool check_quietly(struct check *c, const struct rm_schema *s, struct rm_value *v, const struct check_at *at)
{
    c->quiet++;
    bool fits = check_value(c, s, v, at);
    c->quiet--;
    return fits;
}

static uint32_t check_fitting(struct check *c, const struct schema_list *list, uint32_t enough, struct rm_value *v,
                              const struct check_at *at)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < list->n && n < enough && !c->is_over; i++)
        n += check_quietly(c, list->v[i], v, at);
    return n;
}

static bool check_combined(struct check *c, const struct rm_schema *s, struct rm_value *v, const struct check_at *at)
{
    for (uint32_t i = 0; i < s->all_of.n; i++) {
        if (!check_value(c, s->all_of.v[i], v, at))
            return check_say(c, at, "Must validate all the schemas (allOf)");
    }
    if (s->any_of.n > 0 && check_fitting(c, &s->any_of, 1, v, at) == 0)
        return check_say(c, at, "Must validate at least one schema (anyOf)");
    if (s->one_of.n > 0 && check_fitting(c, &s->one_of, 2, v, at) != 1)
        return check_say(c, at, "Must validate one and only one schema (oneOf)");
    if (s->not_ && check_quietly(c, s->not_, v, at))
        return check_say(c, at, "Must not validate the schema (not)");
    if (!s->if_)
        return true;
    const struct rm_schema *branch = check_quietly(c, s->if_, v, at) ? s->then : s->otherwise;
    return !branch || check_value(c, branch, v, at);
}

static bool check_by_type(struct check *c, const struct rm_schema *s, struct rm_value *v, const struct check_at *at)
{
    switch ((enum rm_type)v->type) {
    case RM_NUMBER:
        return check_number(c, s, v, at);
    case RM_STRING:
        return check_string(c, s, rm_value_text(c->arena, v), at);
    case RM_ARRAY:
        return check_array(c, s, v, at);
    case RM_OBJECT:
        return check_object(c, s, v, at);
    case RM_NULL:
    case RM_FALSE:
    case RM_TRUE:
        break;
    }
    return true;
}

static bool check_value(struct check *c, const struct rm_schema *s, struct rm_value *v, const struct check_at *at)
{
    while (s->ref && check_spend(c, 1))
        s = s->ref;
    if (s->is_false)
        return check_say(c, at, "False always fails validation");
    if (!check_spend(c, CHECK_LOOK) || c->depth == CHECK_DEPTH) {
        c->is_over = true;
        return false;
    }
    c->depth++;
    bool fits = (s->types == 0 || check_type(c, s, v, at)) && check_choices(c, s, v, at) &&
                check_combined(c, s, v, at) && check_by_type(c, s, v, at);
    c->depth--;
    return fits && !c->is_over;
}

int rm_schema_check(const struct rm_schema *schema, struct rm_arena *scratch, struct rm_matcher *matcher,
                    struct rm_value *document, struct rm_err *err)
{
    struct rm_err said = {.code = RM_OK};
    struct check c = {.arena = scratch, .matcher = matcher, .err = &said};
    bool fits = check_value(&c, schema, document, NULL);
    if (c.is_over)
        return rm_fail(err, RM_ETOOBIG, "the document takes too long to check, or is nested too deep");
    if (fits)
        return RM_OK;
    if (err)
        *err = said;
    return RM_EDENIED;
}
