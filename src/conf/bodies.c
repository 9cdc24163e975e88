// extra_config["validation/json-schema"] of endpoints: a JSON Schema, compiled where it stands. The rows are draft-07's keywords: what they
// may hold, in schemas within schemas too, is said by the compiler (value/json_schema.c).
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#include "base/map.h"
#include "value/json_schema.h"

#define KEY(key, text)                                                                                                 \
    {                                                                                                                  \
        .name = key, .type = RM_FIELD_ANY, .offset = RM_NOWHERE, .doc = text                                           \
    }

static const struct rm_field bodies_rows[] = {
    KEY("type", "null, boolean, integer, number, string, array or object, or a list of them"),
    KEY("enum", "the values that are allowed"),
    KEY("const", "the only value that is allowed"),
    KEY("properties", "a schema for each of these members"),
    KEY("required", "the members that must be there"),
    KEY("additionalProperties", "a schema for all other members; false: there may be none"),
    KEY("patternProperties", "a schema for members whose names fit a regular expression"),
    KEY("propertyNames", "a schema for the names"),
    KEY("minProperties", "how many members there are at least"),
    KEY("maxProperties", "how many members there are at most"),
    KEY("dependencies", "members, or a schema, that must be there with a member"),
    KEY("items", "a schema for all items, or a list for the first ones"),
    KEY("additionalItems", "a schema for items behind that list"),
    KEY("contains", "a schema that one item fits at least"),
    KEY("minItems", "how many items there are at least"),
    KEY("maxItems", "how many items there are at most"),
    KEY("uniqueItems", "true: no item is there twice"),
    KEY("minimum", "the least number"),
    KEY("exclusiveMinimum", "a number that is too small"),
    KEY("maximum", "the greatest number"),
    KEY("exclusiveMaximum", "a number that is too great"),
    KEY("multipleOf", "a number above 0, of 18 digits at most"),
    KEY("minLength", "of a string, in characters"),
    KEY("maxLength", "of a string, in characters"),
    KEY("pattern", "a regular expression for strings"),
    KEY("format",
        "date, time, date-time, email, idn-email, hostname, ipv4, ipv6, uri, uri-reference, iri, iri-reference, "
        "uri-template, uuid, regex, json-pointer or relative-json-pointer"),
    KEY("allOf", "schemas that all fit"),
    KEY("anyOf", "schemas of which one fits at least"),
    KEY("oneOf", "schemas of which exactly one fits"),
    KEY("not", "a schema that does not fit"),
    KEY("if", "a schema that decides between `then` and `else`"),
    KEY("then", "what must fit where `if` does"),
    KEY("else", "what must fit where `if` does not"),
    KEY("definitions", "schemas for references"),
    KEY("$ref", "a place in this schema, \"#/definitions/name\""),
    KEY("$id", "a name for references"),
    KEY("$schema", "draft-07, 06 or 04"),
    KEY("title", "means nothing"),
    KEY("description", "means nothing"),
    KEY("default", "means nothing"),
    KEY("examples", "means nothing"),
    KEY("readOnly", "means nothing"),
    KEY("writeOnly", "means nothing"),
    KEY("contentEncoding", "means nothing"),
    KEY("contentMediaType", "means nothing"),
};

struct bodies_reader {
    struct rm_reader *r;
    const struct rm_path *path;
    const struct rm_value *root;
};

static bool bodies_is_of_root(const struct rm_value *root, const struct rm_value *value)
{
    const struct rm_value *member = root->first;
    while (member && member != value)
        member = member->next;
    return member != NULL;
}

// A keyword of the root is the table's to say.
static void bodies_unknown(void *arg, const struct rm_value *where, struct rm_str name, const char *kind)
{
    const struct bodies_reader *b = arg;
    const char *names[RM_COUNT(bodies_rows)];
    const struct rm_path at = {.up = b->path, .name = name};
    bool is_keyword = kind[0] == 'k';
    if (!is_keyword) {
        (b->r->strict ? rm_reader_error : rm_reader_warn)(b->r, b->path, rm_doc_place(where),
                                                          "unknown format %s, which fits all, as in KrakenD",
                                                          rm_text_quote(b->r->found->arena, name));
        return;
    }
    for (size_t i = 0; i < RM_COUNT(bodies_rows); i++)
        names[i] = bodies_rows[i].name;
    if (!bodies_is_of_root(b->root, where))
        rm_reader_unknown(b->r, &at, rm_doc_key_place(where), "keyword of a JSON Schema", names, RM_COUNT(names));
}

static void bodies_finish(struct rm_reader *r, const struct rm_path *path, struct rm_value *object, void *base)
{
    struct rm_conf_endpoint *endpoint = base;
    struct bodies_reader reader = {r, path, object};
    struct rm_schema_report report = {.unknown = bodies_unknown, .arg = &reader};
    struct rm_err err;
    endpoint->schema_value = object;
    if (rm_schema_compile(r->arena, object, &endpoint->schema, &report, &err) == RM_OK)
        return;
    endpoint->schema = NULL;
    rm_reader_error(r, path, rm_doc_place(report.where), "%s", err.text);
}

const struct rm_fields rm_bodies_fields = {.v = bodies_rows,
                                           .n = RM_COUNT(bodies_rows),
                                           .what = "keyword of a JSON Schema",
                                           .is_optional = true,
                                           .given = offsetof(struct rm_conf_endpoint, has_schema),
                                           .finish = bodies_finish};

void rm_bodies_check(struct rm_reader *r, const struct rm_path *extra, const struct rm_conf_endpoint *endpoint)
{
    const struct rm_path path = {.up = extra, .name = RM_STR("validation/json-schema")};
    if (!endpoint->schema)
        return;
    if (rm_str_eq(endpoint->output_encoding, RM_STR("no-op")))
        rm_reader_error(r, &path, rm_doc_place(endpoint->schema_value),
                        "not with the output_encoding no-op: it passes bodies through as they come");
    else if (endpoint->method == RM_GET)
        rm_reader_warn(r, &path, rm_doc_place(endpoint->schema_value),
                       "a GET without a body is refused, as in KrakenD: is \"method\" missing?");
}
