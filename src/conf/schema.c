// `keys --format schema`: the configuration as a JSON Schema (draft-07) for editors, from the field tables that read it. As strict as
// `check --strict`, and stricter where that only warns; `read` functions, which see several keys at once, are not in it.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#define SCHEMA_COMMENT "^[@$_#]" // rm_key_is_comment()

static struct rm_value *schema_fields(struct rm_arena *arena, const struct rm_fields *fields);

static void schema_set(struct rm_arena *arena, struct rm_value *object, const char *name, struct rm_value *member)
{
    rm_value_set(arena, object, rm_str_of(name), member);
}

static void schema_text(struct rm_arena *arena, struct rm_value *object, const char *name, const char *text)
{
    schema_set(arena, object, name, rm_value_string(arena, rm_str_of(text)));
}

static struct rm_value *schema_typed(struct rm_arena *arena, const char *type)
{
    struct rm_value *schema = rm_value_new(arena, RM_OBJECT);
    schema_text(arena, schema, "type", type);
    return schema;
}

static struct rm_value *schema_pattern(struct rm_arena *arena, const char *pattern)
{
    struct rm_value *schema = schema_typed(arena, "string");
    schema_text(arena, schema, "pattern", pattern);
    return schema;
}

static struct rm_value *schema_any_of(struct rm_arena *arena, struct rm_value *a, struct rm_value *b)
{
    struct rm_value *schema = rm_value_new(arena, RM_OBJECT), *list = rm_value_new(arena, RM_ARRAY);
    rm_value_append(list, a);
    rm_value_append(list, b);
    schema_set(arena, schema, "anyOf", list);
    return schema;
}

// As a whole number or a text of one; bounds count for the number.
static struct rm_value *schema_number(struct rm_arena *arena, const struct rm_field *field, const char *text)
{
    struct rm_value *number = schema_typed(arena, "integer");
    schema_set(arena, number, "minimum", rm_value_integer(arena, field->zero_is_unset ? 0 : (int64_t)field->min));
    if (field->max > 0)
        schema_set(arena, number, "maximum", rm_value_integer(arena, (int64_t)field->max));
    return text ? schema_any_of(arena, number, schema_pattern(arena, text)) : number;
}

static struct rm_value *schema_duration(struct rm_arena *arena)
{
    struct rm_value *zero = rm_value_new(arena, RM_OBJECT);
    schema_set(arena, zero, "const", rm_value_integer(arena, 0));
    return schema_any_of(
        arena, schema_pattern(arena, "^[+]?(0|(([0-9]+([.][0-9]*)?|[.][0-9]+)(ns|us|\xc2\xb5s|\xce\xbcs|ms|s|m|h))+)$"),
        zero);
}

static struct rm_value *schema_strings(struct rm_arena *arena)
{
    struct rm_value *list = schema_typed(arena, "array");
    schema_set(arena, list, "items", schema_typed(arena, "string"));
    return schema_any_of(arena, list, schema_typed(arena, "string"));
}

// The names as they are, for completion; or in other letters, as far as they are taken.
static struct rm_value *schema_choice(struct rm_arena *arena, const struct rm_field *field)
{
    struct rm_value *exact = rm_value_new(arena, RM_OBJECT), *list = rm_value_new(arena, RM_ARRAY);
    struct rm_str pattern = RM_STR("^(");
    for (size_t i = 0; i < field->n_choices; i++) {
        rm_value_append(list, rm_value_string(arena, rm_str_of(field->choices[i])));
        for (const char *p = field->choices[i]; *p; p++) {
            char lower = (char)(*p | 0x20);
            if (!field->lenient && lower >= 'a' && lower <= 'z')
                pattern = rm_arena_printf(arena, "%.*s[%c%c]", (int)pattern.n, pattern.p, lower & ~0x20, lower);
            else
                pattern = rm_arena_printf(arena, "%.*s%c", (int)pattern.n, pattern.p, *p);
        }
        pattern = rm_arena_printf(arena, "%.*s|", (int)pattern.n, pattern.p); // the last: nothing
    }
    schema_set(arena, exact, "enum", list);
    return schema_any_of(arena, exact,
                         schema_pattern(arena, rm_arena_printf(arena, "%.*s)$", (int)pattern.n, pattern.p).p));
}

// Off, which says that it is not wanted.
static struct rm_value *schema_off(struct rm_arena *arena)
{
    struct rm_value *schema = rm_value_new(arena, RM_OBJECT), *list = rm_value_new(arena, RM_ARRAY);
    rm_value_append(list, rm_value_new(arena, RM_FALSE));
    rm_value_append(list, rm_value_integer(arena, 0));
    rm_value_append(list, rm_value_string(arena, RM_STR("")));
    rm_value_append(list, rm_value_new(arena, RM_ARRAY));
    rm_value_append(list, rm_value_new(arena, RM_OBJECT));
    schema_set(arena, schema, "enum", list);
    return schema;
}

static struct rm_value *schema_value(struct rm_arena *arena, const struct rm_field *field, bool weak)
{
    struct rm_value *schema;
    switch (field->type) {
    case RM_FIELD_STRING:
    case RM_FIELD_STEP_STRING:
        return schema_typed(arena, "string");
    case RM_FIELD_BOOL:
        schema = schema_typed(arena, "boolean");
        return weak ? schema_any_of(arena, schema,
                                    schema_pattern(arena, "^([01tTfF]|true|false|True|False|TRUE|FALSE)$"))
                    : schema;
    case RM_FIELD_U16:
    case RM_FIELD_U32:
        return schema_number(arena, field, weak ? "^[+]?[0-9]+([.][0-9]+)?([eE][+]?[0-9]+)?$" : NULL);
    case RM_FIELD_SIZE:
    case RM_FIELD_SIZE32:
        return schema_number(arena, field, "^[0-9]+(B|[KMG]iB?)?$");
    case RM_FIELD_DURATION:
        return schema_duration(arena);
    case RM_FIELD_DECIMAL:
        schema = schema_typed(arena, "number");
        schema_set(arena, schema, "minimum", rm_value_integer(arena, 0));
        return schema;
    case RM_FIELD_STRINGS:
    case RM_FIELD_STEP_STRINGS:
        return schema_strings(arena);
    case RM_FIELD_CHOICE:
        return schema_choice(arena, field);
    case RM_FIELD_OBJECT:
        return schema_typed(arena, "object");
    case RM_FIELD_STEP_NAMES:
        schema = schema_typed(arena, "object");
        schema_set(arena, schema, "additionalProperties", schema_typed(arena, "string"));
        return schema;
    case RM_FIELD_LISTEN:
        schema = rm_value_new(arena, RM_OBJECT);
        schema_set(arena, schema, "const", rm_value_new(arena, RM_FALSE));
        return schema_any_of(arena, schema_typed(arena, "string"), schema);
    case RM_FIELD_NESTED:
        return schema_fields(arena, field->nested);
    case RM_FIELD_SWITCH:
        return schema_any_of(arena, schema_fields(arena, field->nested), schema_typed(arena, "boolean"));
    case RM_FIELD_LATER:
        return schema_off(arena);
    case RM_FIELD_ANY:
    case RM_FIELD_CUSTOM:
        break;
    }
    return rm_value_new(arena, RM_OBJECT); // read() alone knows
}

static struct rm_value *schema_default(struct rm_arena *arena, const struct rm_field *field)
{
    struct rm_str text = rm_str_of(field->fallback);
    if (field->type == RM_FIELD_U16 || field->type == RM_FIELD_U32 || field->type == RM_FIELD_DECIMAL)
        return rm_value_number(arena, text);
    if (field->type == RM_FIELD_BOOL)
        return rm_value_new(arena, rm_str_eq(text, RM_STR("true")) ? RM_TRUE : RM_FALSE);
    return rm_value_string(arena, text);
}

static struct rm_value *schema_field(struct rm_arena *arena, const struct rm_field *field, bool weak)
{
    struct rm_value *schema = schema_value(arena, field, weak);
    schema_text(arena, schema, "description",
                field->note ? rm_arena_printf(arena, "%s: %s", field->doc, field->note).p : field->doc);
    if (field->fallback)
        schema_set(arena, schema, "default", schema_default(arena, field));
    if (field->note && field->type != RM_FIELD_LATER)
        schema_set(arena, schema, "deprecated", rm_value_new(arena, RM_TRUE));
    return schema;
}

static struct rm_value *schema_object(struct rm_arena *arena, struct rm_value *properties, const char *pattern)
{
    struct rm_value *schema = schema_typed(arena, "object"), *free_names = rm_value_new(arena, RM_OBJECT);
    schema_set(arena, free_names, pattern, rm_value_new(arena, RM_OBJECT));
    schema_set(arena, schema, "properties", properties);
    schema_set(arena, schema, "patternProperties", free_names);
    schema_set(arena, schema, "additionalProperties", rm_value_new(arena, RM_FALSE));
    return schema;
}

static struct rm_value *schema_fields(struct rm_arena *arena, const struct rm_fields *fields)
{
    struct rm_value *properties = rm_value_new(arena, RM_OBJECT);
    for (size_t i = 0; i < fields->n; i++) {
        const struct rm_field *field = &fields->v[i];
        schema_set(arena, properties, field->name, schema_field(arena, field, fields->weak));
        if (field->old_name)
            schema_set(arena, properties, field->old_name, schema_field(arena, field, fields->weak));
    }
    return schema_object(arena, properties, SCHEMA_COMMENT);
}

// ---- the three levels ------------------------------------------------------------------------------------------------

static struct rm_value *schema_extra(struct rm_arena *arena, enum rm_extra_level level)
{
    struct rm_value *properties = rm_value_new(arena, RM_OBJECT);
    struct rm_extra_space space;
    for (size_t i = 0; rm_extra_space(level, i, &space); i++) {
        schema_set(arena, properties, space.name, schema_fields(arena, space.fields));
        if (space.long_name)
            schema_set(arena, properties, space.long_name, schema_fields(arena, space.fields));
    }
    return schema_object(arena, properties, SCHEMA_COMMENT "|^documentation/");
}

static struct rm_value *schema_level(struct rm_arena *arena, const struct rm_fields *fields, enum rm_extra_level level,
                                     const char *list, struct rm_value *item)
{
    struct rm_value *schema = schema_fields(arena, fields);
    struct rm_value *properties = rm_value_get(arena, schema, RM_STR("properties"));
    schema_set(arena, properties, "extra_config", schema_extra(arena, level));
    if (item) {
        struct rm_value *array = schema_typed(arena, "array");
        schema_set(arena, array, "items", item);
        schema_set(arena, properties, list, array);
    }
    return schema;
}

struct rm_str rm_conf_schema(struct rm_arena *arena)
{
    struct rm_value *backend = schema_level(arena, &rm_backend_fields, RM_EXTRA_BACKEND, NULL, NULL);
    struct rm_value *endpoint = schema_level(arena, &rm_endpoint_fields, RM_EXTRA_ENDPOINT, "backend", backend);
    struct rm_value *root = schema_level(arena, &rm_service_fields, RM_EXTRA_SERVICE, "endpoints", endpoint);
    struct rm_value *required = rm_value_new(arena, RM_ARRAY), *schema = rm_value_new(arena, RM_OBJECT);
    rm_value_append(required, rm_value_string(arena, RM_STR("version")));
    schema_text(arena, schema, "$schema", "http://json-schema.org/draft-07/schema#");
    schema_text(arena, schema, "title", "A configuration of remora");
    rm_value_merge(arena, schema, root);
    schema_set(arena, schema, "required", required);
    return rm_layout(arena, schema);
}
