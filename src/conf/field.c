// The reader that field tables drive: names to members, weak typing, defaults, ranges, and what is said when a value does not fit.
// SPDX-License-Identifier: Apache-2.0
#include "conf/field.h"

#include "conf/unit.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

bool rm_key_is_comment(struct rm_str key)
{
    return key.n > 0 && strchr("@$_#", key.p[0]) != NULL && key.p[0] != '\0';
}

bool rm_value_is_off(const struct rm_value *value)
{
    uint64_t n;
    switch ((enum rm_type)value->type) {
    case RM_NULL:
    case RM_FALSE:
        return true;
    case RM_TRUE:
        return false;
    case RM_NUMBER:
        return !rm_whole_parse(value->raw, &n) && n == 0;
    case RM_STRING:
        return value->raw.n == 0;
    case RM_ARRAY:
    case RM_OBJECT:
        return value->n == 0;
    }
    return false;
}

// ---- what is said --------------------------------------------------------------------------------------------------

static void field_wrong(struct rm_reader *r, const struct rm_path *path, const struct rm_value *value,
                        const char *allowed)
{
    const char *hint = "";
    if (value->type == RM_NUMBER && strncmp(allowed, "a string", 8) == 0)
        hint = ": put it in quotes";
    rm_reader_error(r, path, rm_doc_place(value), "found %s, allowed is %s%s",
                    rm_value_describe(r->found->arena, value), allowed, hint);
}

// The same for a field, which may be lenient.
static void field_misfit(struct rm_reader *r, const struct rm_field *field, const struct rm_path *path,
                         const struct rm_value *value, const char *allowed)
{
    if (field->lenient)
        rm_reader_warn(r, path, rm_doc_place(value), "found %s, which is ignored, as in KrakenD: allowed is %s",
                       rm_value_describe(r->found->arena, value), allowed);
    else
        field_wrong(r, path, value, allowed);
}

bool rm_object_expect(struct rm_reader *r, const struct rm_path *path, const struct rm_value *value)
{
    if (value->type != RM_OBJECT)
        field_wrong(r, path, value, "an object");
    return value->type == RM_OBJECT;
}

static bool field_is_printable(struct rm_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
            return false;
    }
    return true;
}

bool rm_string_expect(struct rm_reader *r, const struct rm_path *path, const struct rm_value *value, struct rm_str *out)
{
    if (value->type != RM_STRING) {
        field_wrong(r, path, value, "a string");
        return false;
    }
    struct rm_str text = rm_value_text(r->arena, value);
    if (!field_is_printable(text)) {
        rm_reader_error(r, path, rm_doc_place(value), "%s has control characters",
                        rm_value_describe(r->found->arena, value));
        return false;
    }
    *out = text;
    return true;
}

bool rm_strings_expect(struct rm_reader *r, const struct rm_path *path, const struct rm_value *value,
                       struct rm_strs *out)
{
    struct rm_strs list = {NULL, 0};
    bool fits = true;
    if (value->type == RM_STRING) {
        list.v = RM_NEW(r->arena, struct rm_str);
        list.n = 1;
        fits = rm_string_expect(r, path, value, list.v);
    } else if (value->type == RM_ARRAY) {
        list.v = RM_NEW_ARRAY(r->arena, struct rm_str, value->n > 0 ? value->n : 1);
        size_t index = 0;
        for (const struct rm_value *item = value->first; item; item = item->next, index++) {
            struct rm_path at = {.up = path, .index = index};
            fits &= rm_string_expect(r, &at, item, &list.v[index]);
        }
        list.n = value->n;
    } else {
        field_wrong(r, path, value, "a list of strings");
        fits = false;
    }
    if (fits)
        *out = list;
    return fits;
}

// ---- values --------------------------------------------------------------------------------------------------------

// A number of one of the three kinds, from text. NULL or why not.
static const char *field_number(enum rm_field_type type, struct rm_str text, uint64_t *n)
{
    if (type == RM_FIELD_DURATION)
        return rm_duration_parse(text, n);
    if (type == RM_FIELD_SIZE || type == RM_FIELD_SIZE32)
        return rm_size_parse(text, n);
    return rm_whole_parse(text, n);
}

static struct rm_str field_choices(struct rm_arena *arena, const struct rm_field *field)
{
    struct rm_str text = RM_STR("");
    for (size_t i = 0; i < field->n_choices; i++)
        text = rm_arena_printf(arena, "%.*s%s%s", (int)text.n, text.p, i > 0 ? ", " : "one of ", field->choices[i]);
    return text;
}

struct rm_str rm_field_allowed(struct rm_arena *arena, const struct rm_field *field)
{
    switch (field->type) {
    case RM_FIELD_DURATION:
        if (field->max > 0)
            return rm_arena_printf(arena, "a duration from %s to %s", rm_duration_format(arena, field->min).p,
                                   rm_duration_format(arena, field->max).p);
        return RM_STR("a duration, a string such as \"500ms\"");
    case RM_FIELD_SIZE:
    case RM_FIELD_SIZE32:
        return rm_arena_printf(arena, "a size from %s to %s", rm_size_format(arena, field->min).p,
                               rm_size_format(arena, field->max).p);
    case RM_FIELD_U16:
    case RM_FIELD_U32:
        return rm_arena_printf(arena, "a whole number from %" PRIu64 " to %" PRIu64, field->min, field->max);
    case RM_FIELD_DECIMAL:
        return RM_STR("a number from 0 on");
    case RM_FIELD_BOOL:
        return RM_STR("true or false");
    case RM_FIELD_CHOICE:
        return field_choices(arena, field);
    case RM_FIELD_STRING:
    case RM_FIELD_STEP_STRING:
        return RM_STR("a string");
    case RM_FIELD_STRINGS:
    case RM_FIELD_STEP_STRINGS:
        return RM_STR("a list of strings");
    case RM_FIELD_STEP_NAMES:
        return RM_STR("an object of strings");
    case RM_FIELD_OBJECT:
    case RM_FIELD_NESTED:
        return RM_STR("an object");
    case RM_FIELD_SWITCH:
        return RM_STR("an object, true or false");
    case RM_FIELD_LISTEN:
        return RM_STR("ADDRESS:PORT, or false");
    case RM_FIELD_ANY:
    case RM_FIELD_CUSTOM:
    case RM_FIELD_LATER:
        break;
    }
    return RM_STR("");
}

static void field_store_number(const struct rm_field *field, char *to, uint64_t n)
{
    if (field->type == RM_FIELD_U16) {
        uint16_t v = (uint16_t)n;
        memcpy(to, &v, sizeof(v));
    } else if (field->type == RM_FIELD_U32 || field->type == RM_FIELD_SIZE32) {
        uint32_t v = (uint32_t)n;
        memcpy(to, &v, sizeof(v));
    } else if (field->type == RM_FIELD_SIZE) {
        size_t v = (size_t)n;
        memcpy(to, &v, sizeof(v));
    } else {
        memcpy(to, &n, sizeof(n));
    }
}

static void field_take_number(struct rm_reader *r, const struct rm_field *field, const struct rm_path *path,
                              const struct rm_value *value, bool weak, char *to)
{
    uint64_t n = 0;
    bool is_duration = field->type == RM_FIELD_DURATION;
    bool is_size = field->type == RM_FIELD_SIZE || field->type == RM_FIELD_SIZE32;
    const char *why = NULL;
    struct rm_arena *arena = r->found->arena;
    if (value->type == RM_STRING && (is_duration || is_size || weak)) {
        why = field_number(field->type, rm_value_text(arena, value), &n);
    } else if (value->type == RM_NUMBER) {
        why = rm_whole_parse(value->raw, &n);
        if (is_duration && (why || n > 0)) {
            rm_reader_error(
                r, path, rm_doc_place(value), "found %s, which has no unit: a duration is a string such as \"%.*sms\"",
                rm_value_describe(arena, value), (int)(value->raw.n < 20 ? value->raw.n : 20), value->raw.p);
            return;
        }
    } else {
        field_wrong(r, path, value, rm_field_allowed(arena, field).p);
        return;
    }
    if (why) {
        rm_reader_error(r, path, rm_doc_place(value), "%s %s", rm_value_describe(arena, value), why);
        return;
    }
    if (n == 0 && field->zero_is_unset)
        return;
    if (n < field->min || (field->max > 0 && n > field->max)) {
        field_wrong(r, path, value, rm_field_allowed(arena, field).p);
        return;
    }
    if (to)
        field_store_number(field, to, n);
}

static void field_take_decimal(struct rm_reader *r, const struct rm_field *field, const struct rm_path *path,
                               const struct rm_value *value, char *to)
{
    char text[64];
    if (value->type != RM_NUMBER || value->raw.n >= sizeof(text) || value->raw.p[0] == '-') {
        field_wrong(r, path, value, rm_field_allowed(r->found->arena, field).p);
        return;
    }
    memcpy(text, value->raw.p, value->raw.n);
    text[value->raw.n] = '\0';
    double n = strtod(text, NULL);
    if (!isfinite(n))
        field_wrong(r, path, value, rm_field_allowed(r->found->arena, field).p);
    else
        memcpy(to, &n, sizeof(n));
}

// What Go's strconv.ParseBool takes.
static int field_bool_of(struct rm_str text)
{
    static const char *const words[2][6] = {{"0", "f", "F", "false", "False", "FALSE"},
                                            {"1", "t", "T", "true", "True", "TRUE"}};
    for (int is_true = 0; is_true < 2; is_true++) {
        for (size_t i = 0; i < 6; i++) {
            if (rm_str_eq(text, rm_str_of(words[is_true][i])))
                return is_true;
        }
    }
    return -1;
}

static void field_take_bool(struct rm_reader *r, const struct rm_field *field, const struct rm_path *path,
                            const struct rm_value *value, bool weak, char *to)
{
    int is_true = value->type == RM_TRUE ? 1 : value->type == RM_FALSE ? 0 : -1;
    if (weak && value->type == RM_STRING)
        is_true = field_bool_of(rm_value_text(r->found->arena, value));
    else if (weak && value->type == RM_NUMBER)
        is_true = field_bool_of(value->raw);
    if (is_true < 0)
        field_misfit(r, field, path, value, rm_field_allowed(r->found->arena, field).p);
    else if (to)
        *(bool *)(void *)to = is_true != 0;
}

static void field_take_choice(struct rm_reader *r, const struct rm_field *field, const struct rm_path *path,
                              const struct rm_value *value, char *to)
{
    struct rm_str text = value->type == RM_STRING ? rm_value_text(r->arena, value) : RM_STR("");
    for (size_t n = 0; n < field->n_choices; n++) {
        struct rm_str choice_text = rm_str_of(field->choices[n]);
        bool same = field->lenient ? rm_str_eq(text, choice_text) : rm_str_eq_nocase(text, choice_text);
        if (value->type == RM_STRING && same) {
            int choice = (int)n;
            if (to)
                memcpy(to, &choice, sizeof(choice));
            return;
        }
    }
    if (value->type == RM_STRING && text.n == 0)
        return; // as in KrakenD: not set
    field_misfit(r, field, path, value, rm_field_allowed(r->found->arena, field).p);
}

// A list of strings as a value, for a step: a plain string becomes a list of one.
static void field_take_step(struct rm_reader *r, const struct rm_field *field, const struct rm_path *path,
                            struct rm_value *value, char *to)
{
    struct rm_value *taken = value;
    struct rm_strs list;
    if (field->type == RM_FIELD_STEP_STRING) {
        struct rm_str text;
        if (!rm_string_expect(r, path, value, &text))
            return;
        taken = text.n > 0 ? value : NULL;
    } else if (field->type == RM_FIELD_STEP_STRINGS) {
        if (!rm_strings_expect(r, path, value, &list))
            return;
        taken = rm_value_new(r->arena, RM_ARRAY);
        for (size_t i = 0; i < list.n; i++)
            rm_value_append(taken, rm_value_string(r->arena, list.v[i]));
        if (list.n == 0 || (value->type == RM_STRING && list.v[0].n == 0))
            taken = NULL; // [""] is a list: what it does not name must not pass because it names nothing
    } else {
        if (!rm_object_expect(r, path, value))
            return;
        for (const struct rm_value *member = value->first; member; member = member->next) {
            struct rm_path at = {.up = path, .name = member->key};
            struct rm_str text;
            if (!rm_string_expect(r, &at, member, &text))
                return;
        }
        taken = value->n > 0 ? value : NULL;
    }
    memcpy(to, &taken, sizeof(taken));
}

void *rm_field_nested_base(const struct rm_field *field, const void *base)
{
    bool own = field->type == RM_FIELD_NESTED && field->offset != RM_NOWHERE;
    return (char *)(uintptr_t)base + (own ? field->offset : 0);
}

static void field_take_switch(struct rm_reader *r, const struct rm_field *field, const struct rm_path *path,
                              struct rm_value *value, char *on, void *base)
{
    if (value->type == RM_OBJECT)
        rm_fields_read(r, field->nested, path, value, base);
    else if (value->type != RM_TRUE && value->type != RM_FALSE)
        field_wrong(r, path, value, rm_field_allowed(r->found->arena, field).p);
    *(bool *)(void *)on = value->type != RM_FALSE;
}

static void field_take(struct rm_reader *r, const struct rm_field *field, const struct rm_path *path,
                       struct rm_value *value, bool weak, void *base)
{
    struct rm_str text;
    struct rm_strs list;
    char *to = field->offset == RM_NOWHERE ? NULL : (char *)base + field->offset;
    switch (field->type) {
    case RM_FIELD_STRING:
        if (rm_string_expect(r, path, value, &text) && to && (text.n > 0 || !field->zero_is_unset))
            memcpy(to, &text, sizeof(text));
        break;
    case RM_FIELD_BOOL:
        field_take_bool(r, field, path, value, weak, to);
        break;
    case RM_FIELD_U16:
    case RM_FIELD_U32:
    case RM_FIELD_SIZE:
    case RM_FIELD_SIZE32:
    case RM_FIELD_DURATION:
        field_take_number(r, field, path, value, weak, to);
        break;
    case RM_FIELD_STRINGS:
        if (rm_strings_expect(r, path, value, &list) && to)
            memcpy(to, &list, sizeof(list));
        break;
    case RM_FIELD_DECIMAL:
        field_take_decimal(r, field, path, value, to);
        break;
    case RM_FIELD_CHOICE:
        field_take_choice(r, field, path, value, to);
        break;
    case RM_FIELD_OBJECT:
        if (rm_object_expect(r, path, value) && to)
            memcpy(to, &value, sizeof(struct rm_value *));
        break;
    case RM_FIELD_ANY:
        if (to)
            memcpy(to, &value, sizeof(struct rm_value *));
        break;
    case RM_FIELD_STEP_STRING:
    case RM_FIELD_STEP_STRINGS:
    case RM_FIELD_STEP_NAMES:
        field_take_step(r, field, path, value, to);
        break;
    case RM_FIELD_LISTEN:
        rm_listen_take(r, path, value, to);
        break;
    case RM_FIELD_LATER:
        if (!rm_value_is_off(value))
            rm_reader_error(r, path, rm_doc_key_place(value), "not in this version of remora%s%s",
                            field->note ? ": " : "", field->note ? field->note : "");
        break;
    case RM_FIELD_NESTED:
        if (rm_object_expect(r, path, value))
            rm_fields_read(r, field->nested, path, value, rm_field_nested_base(field, base));
        break;
    case RM_FIELD_SWITCH:
        field_take_switch(r, field, path, value, to, base);
        break;
    case RM_FIELD_CUSTOM:
        break;
    }
    if (field->type != RM_FIELD_LATER && field->note && !rm_value_is_off(value))
        rm_reader_warn(r, path, rm_doc_key_place(value), "no effect: %s", field->note);
    if (field->read)
        field->read(r, path, value, base);
}

// ---- tables --------------------------------------------------------------------------------------------------------

bool rm_field_is_scalar(const struct rm_field *field)
{
    return field->type <= RM_FIELD_DURATION || field->type == RM_FIELD_CHOICE || field->type == RM_FIELD_LISTEN;
}

void rm_fields_defaults(struct rm_reader *r, const struct rm_fields *fields, void *base)
{
    for (size_t i = 0; i < fields->n; i++) {
        const struct rm_field *field = &fields->v[i];
        if (field->nested)
            rm_fields_defaults(r, field->nested, rm_field_nested_base(field, base));
        if (field->type == RM_FIELD_SWITCH)
            *(bool *)(void *)((char *)base + field->offset) = true;
        if (!field->fallback || field->offset == RM_NOWHERE)
            continue;
        size_t before = r->found->n;
        struct rm_value text = {.type = RM_STRING, .flags = RM_V_PLAIN, .raw = rm_str_of(field->fallback)};
        struct rm_field plain = *field; // what the table says may be 0
        plain.zero_is_unset = false;
        plain.min = 0;
        plain.read = NULL;
        plain.note = NULL;
        RM_ASSERT(rm_field_is_scalar(field));
        field_take(r, &plain, NULL, &text, true, base);
        RM_ASSERT(r->found->n == before);
    }
}

static const struct rm_field *field_find(const struct rm_fields *fields, struct rm_str key, bool *is_old)
{
    for (size_t i = 0; i < fields->n; i++) {
        const struct rm_field *field = &fields->v[i];
        *is_old = field->old_name && rm_str_eq(key, rm_str_of(field->old_name));
        if (*is_old || rm_str_eq(key, rm_str_of(field->name)))
            return field;
    }
    return NULL;
}

static void field_unknown(struct rm_reader *r, const struct rm_fields *fields, const struct rm_path *path,
                          const struct rm_value *value)
{
    for (size_t i = 0; fields->levels && fields->levels[i]; i++) {
        bool is_old;
        if (!field_find(fields->levels[i], path->name, &is_old))
            continue;
        const char *belongs = fields->levels[i]->what;
        if (r->strict)
            rm_reader_error(r, path, rm_doc_key_place(value), "unknown %s: it is a %s", fields->what, belongs);
        else
            rm_reader_warn(r, path, rm_doc_key_place(value), "unknown %s, ignored: it is a %s", fields->what, belongs);
        return;
    }
    const char **names = RM_NEW_ARRAY(r->found->arena, const char *, fields->n + 1);
    for (size_t i = 0; i < fields->n; i++)
        names[i] = fields->v[i].name;
    struct rm_reader as = *r;
    as.strict |= fields->is_closed;
    rm_reader_unknown(&as, path, rm_doc_key_place(value), fields->what, names, fields->n);
}

void rm_fields_read(struct rm_reader *r, const struct rm_fields *fields, const struct rm_path *path,
                    struct rm_value *object, void *base)
{
    for (struct rm_value *member = object->first; member; member = member->next) {
        struct rm_path at = {.up = path, .name = member->key};
        bool is_old = false;
        const struct rm_field *field = field_find(fields, member->key, &is_old);
        if (!field) {
            if (!rm_key_is_comment(member->key))
                field_unknown(r, fields, &at, member);
            continue;
        }
        if (is_old) {
            rm_reader_warn(r, &at, rm_doc_key_place(member), "the old name of \"%s\": write that", field->name);
            if (rm_value_get(r->arena, object, rm_str_of(field->name))) {
                rm_reader_error(r, &at, rm_doc_key_place(member), "\"%s\" is given too, under its new name",
                                field->name);
                continue;
            }
        }
        if (member->type != RM_NULL)
            field_take(r, field, &at, member, fields->weak, base);
    }
    if (fields->finish)
        fields->finish(r, path, object, base);
}

bool rm_field_read_text(struct rm_reader *r, const struct rm_field *field, const struct rm_path *path,
                        struct rm_str text, void *base)
{
    size_t before = r->found->n_errors;
    field_take(r, field, path, rm_doc_text_value(&r->conf->doc, text), true, base);
    return r->found->n_errors == before;
}
