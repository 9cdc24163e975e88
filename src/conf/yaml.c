// YAML into a document: libyaml's events, with anchors, aliases, merges (<<) and the core schema of YAML 1.2 for scalars.
// Of two files that know libyaml the one for configurations. Nothing recurses deeper than RM_DOC_DEPTH.
// SPDX-License-Identifier: Apache-2.0
#include "conf/doc_build.h"

#include <remora/scalar.h>

#include <yaml.h>

#define YAML_TAG "tag:yaml.org,2002:"

// One list or object that is open.
struct yaml_frame {
    struct rm_value *node;
    struct rm_doc_names names;
    struct rm_value *merges; // what << brought: list of objects; NULL: nothing
    struct rm_str key;
    struct rm_place key_place;
    bool has_key, key_is_merge;
};

struct yaml_reader {
    struct rm_doc *doc;
    struct rm_err *err;
    struct rm_map anchors;
    struct yaml_frame *frames; // RM_DOC_DEPTH of them
    size_t depth;
    bool has_document;
};

static struct rm_place yaml_place(yaml_mark_t mark)
{
    return (struct rm_place){(uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

static struct rm_str yaml_text(const yaml_char_t *text)
{
    return rm_str_of((const char *)text);
}

// ---- what libyaml refuses ------------------------------------------------------------------------------------------

static int yaml_refused(struct yaml_reader *y, const yaml_parser_t *parser)
{
    struct rm_doc *doc = y->doc;
    const char *problem = parser->problem ? parser->problem : "not YAML";
    if (parser->error == YAML_MEMORY_ERROR)
        return rm_doc_fail(doc, (struct rm_place){0, 0}, y->err, "out of memory");
    if (parser->error == YAML_READER_ERROR) {
        struct rm_place place = rm_doc_place_at(doc->text, parser->problem_offset);
        return rm_doc_fail(doc, place, y->err, "%s (character U+%04X)", problem, (unsigned)parser->problem_value);
    }
    struct rm_place place = yaml_place(parser->problem_mark);
    if (rm_str_starts(rm_doc_text_at(doc->text, place), RM_STR("\t")))
        return rm_doc_fail(doc, place, y->err, "a tab: YAML is indented with spaces only");
    if (!parser->context)
        return rm_doc_fail(doc, place, y->err, "%s", problem);
    struct rm_place context = yaml_place(parser->context_mark);
    return rm_doc_fail(doc, place, y->err, "%s, %s of line %u column %u", problem, parser->context, context.line,
                       context.column);
}

// ---- placing a finished value --------------------------------------------------------------------------------------

static int yaml_put(struct yaml_reader *y, struct rm_value *value)
{
    if (y->depth == 0) {
        y->doc->root = value;
        return RM_OK;
    }
    struct yaml_frame *frame = &y->frames[y->depth - 1];
    if (frame->node->type == RM_ARRAY) {
        rm_value_append(frame->node, value);
        return RM_OK;
    }
    RM_ASSERT(frame->has_key);
    frame->has_key = false;
    if (!frame->key_is_merge)
        return rm_doc_put(y->doc, &frame->names, frame->node, frame->key, frame->key_place, value, y->err);
    if (frame->merges)
        return rm_doc_fail(y->doc, frame->key_place, y->err, "a second << in one object: give the first one a list");
    frame->merges = value;
    return RM_OK;
}

// A copy of what an anchor names, each value at the place where it was written.
static int yaml_copy(struct yaml_reader *y, const struct rm_value *from, size_t depth, struct rm_value **out)
{
    if (depth > RM_DOC_DEPTH)
        return rm_doc_fail(y->doc, rm_doc_place(from), y->err, "more than %d levels, those that aliases bring counted",
                           RM_DOC_DEPTH);
    int rc = rm_doc_add(y->doc, (enum rm_type)from->type, from->raw, rm_doc_place(from), out, y->err);
    struct rm_doc_names names = {.map.n = 0};
    for (const struct rm_value *child = from->first; child && rc == RM_OK; child = child->next) {
        struct rm_value *copy;
        rc = yaml_copy(y, child, depth + 1, &copy);
        if (rc == RM_OK && from->type == RM_ARRAY)
            rm_value_append(*out, copy);
        else if (rc == RM_OK)
            rc = rm_doc_put(y->doc, &names, *out, child->key, rm_doc_key_place(child), copy, y->err);
    }
    return rc;
}

// An object's own keys win over what << brings, and earlier sources over later ones. Copies: an anchor may stand on the source.
static int yaml_merge_one(struct yaml_reader *y, struct yaml_frame *frame, const struct rm_value *from)
{
    if (from->type != RM_OBJECT)
        return rm_doc_fail(y->doc, rm_doc_place(from), y->err, "<< takes an object or a list of objects");
    for (const struct rm_value *member = from->first; member; member = member->next) {
        struct rm_value *copy;
        if (rm_doc_find(&frame->names, frame->node, member->key))
            continue;
        int rc = yaml_copy(y, member, y->depth, &copy);
        if (rc == RM_OK)
            rc = rm_doc_put(y->doc, &frame->names, frame->node, member->key, rm_doc_key_place(member), copy, y->err);
        if (rc < 0)
            return rc;
    }
    return RM_OK;
}

static int yaml_merge(struct yaml_reader *y, struct yaml_frame *frame)
{
    if (frame->merges->type != RM_ARRAY)
        return yaml_merge_one(y, frame, frame->merges);
    int rc = RM_OK;
    for (const struct rm_value *from = frame->merges->first; from && rc == RM_OK; from = from->next)
        rc = yaml_merge_one(y, frame, from);
    return rc;
}

// ---- events --------------------------------------------------------------------------------------------------------

// An object waits for a key: any scalar will do.
static bool yaml_is_key(struct yaml_reader *y)
{
    const struct yaml_frame *frame = y->depth > 0 ? &y->frames[y->depth - 1] : NULL;
    return frame && frame->node->type == RM_OBJECT && !frame->has_key;
}

static int yaml_take_key(struct yaml_reader *y, struct rm_str key, struct rm_place place, bool is_merge)
{
    struct yaml_frame *frame = &y->frames[y->depth - 1];
    frame->key = key;
    frame->key_place = place;
    frame->key_is_merge = is_merge;
    frame->has_key = true;
    return RM_OK;
}

static void yaml_anchor(struct yaml_reader *y, const yaml_char_t *anchor, struct rm_value *value)
{
    if (anchor)
        *rm_map_put(&y->anchors, rm_arena_dup(&y->doc->arena, yaml_text(anchor))) = value;
}

static int yaml_scalar(struct yaml_reader *y, const yaml_event_t *event)
{
    struct rm_doc *doc = y->doc;
    struct rm_place place = yaml_place(event->start_mark);
    struct rm_str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    struct rm_str tag = yaml_text(event->data.scalar.tag);
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && event->data.scalar.plain_implicit;
    text = rm_arena_dup(&doc->arena, text);

    enum rm_type type = RM_STRING;
    struct rm_str raw = text;
    const char *why = NULL;
    if (rm_str_eq(tag, RM_STR("!"))) {
        // Text, whatever it looks like.
    } else if (tag.n > 0) {
        if (!rm_str_starts(tag, RM_STR(YAML_TAG)))
            why = "is no tag of YAML's own";
        else
            why = rm_yaml_tagged(&doc->arena, rm_str_sub(tag, strlen(YAML_TAG), tag.n), text, &type, &raw);
        if (why)
            return rm_doc_fail(doc, place, y->err, "the tag \"%.*s\" %s", (int)(tag.n < 60 ? tag.n : 60), tag.p, why);
    } else if (plain && (why = rm_yaml_resolve(&doc->arena, text, &type, &raw))) {
        return rm_doc_fail(doc, place, y->err, "%.*s %s", (int)(text.n < 60 ? text.n : 60), text.p, why);
    }
    if (yaml_is_key(y)) {
        if (event->data.scalar.anchor) { // an alias may name a key's text
            struct rm_value *value;
            int rc = rm_doc_add(doc, RM_STRING, text, place, &value, y->err);
            if (rc < 0)
                return rc;
            yaml_anchor(y, event->data.scalar.anchor, value);
        }
        return yaml_take_key(y, text, place, plain && tag.n == 0 && rm_str_eq(text, RM_STR("<<")));
    }
    struct rm_value *value;
    int rc = rm_doc_add(doc, type, type == RM_STRING || type == RM_NUMBER ? raw : RM_STR(""), place, &value, y->err);
    if (rc < 0)
        return rc;
    yaml_anchor(y, event->data.scalar.anchor, value);
    return yaml_put(y, value);
}

static int yaml_alias(struct yaml_reader *y, const yaml_event_t *event)
{
    struct rm_place place = yaml_place(event->start_mark);
    struct rm_str name = yaml_text(event->data.alias.anchor);
    const struct rm_value *named = rm_map_get(&y->anchors, name);
    if (!named)
        return rm_doc_fail(y->doc, place, y->err, "the alias *%.*s has no anchor before it",
                           (int)(name.n < 60 ? name.n : 60), name.p);
    for (size_t i = 0; i < y->depth; i++) {
        if (y->frames[i].node == named)
            return rm_doc_fail(y->doc, place, y->err, "the alias *%.*s is inside its own anchor",
                               (int)(name.n < 60 ? name.n : 60), name.p);
    }
    if (yaml_is_key(y)) {
        if (named->type != RM_STRING && named->type != RM_NUMBER)
            return rm_doc_fail(y->doc, place, y->err, "the alias *%.*s is a key, but names no text",
                               (int)(name.n < 60 ? name.n : 60), name.p);
        return yaml_take_key(y, named->raw, place, false);
    }
    struct rm_value *copy;
    int rc = yaml_copy(y, named, y->depth, &copy);
    if (rc < 0)
        y->doc->failed = place; // over a limit, and this is what brought it there
    return rc < 0 ? rc : yaml_put(y, copy);
}

static int yaml_open(struct yaml_reader *y, enum rm_type type, const yaml_event_t *event, const yaml_char_t *tag_text,
                     const yaml_char_t *anchor)
{
    struct rm_place place = yaml_place(event->start_mark);
    struct rm_str tag = yaml_text(tag_text);
    const char *own = type == RM_OBJECT ? YAML_TAG "map" : YAML_TAG "seq";
    if (tag.n > 0 && !rm_str_eq(tag, rm_str_of(own)) && !rm_str_eq(tag, RM_STR("!")))
        return rm_doc_fail(y->doc, place, y->err, "the tag \"%.*s\" is not known here", (int)(tag.n < 60 ? tag.n : 60),
                           tag.p);
    if (yaml_is_key(y))
        return rm_doc_fail(y->doc, place, y->err, "a list or an object cannot be a key");
    if (y->depth >= RM_DOC_DEPTH)
        return rm_doc_fail(y->doc, place, y->err, "more than %d levels", RM_DOC_DEPTH);
    struct rm_value *node;
    int rc = rm_doc_add(y->doc, type, RM_STR(""), place, &node, y->err);
    if (rc < 0)
        return rc;
    yaml_anchor(y, anchor, node);
    y->frames[y->depth++] = (struct yaml_frame){.node = node};
    return RM_OK;
}

static int yaml_close(struct yaml_reader *y)
{
    struct yaml_frame *frame = &y->frames[y->depth - 1];
    int rc = frame->merges ? yaml_merge(y, frame) : RM_OK;
    y->depth--;
    return rc < 0 ? rc : yaml_put(y, frame->node);
}

static int yaml_event(struct yaml_reader *y, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (y->has_document)
            return rm_doc_fail(y->doc, yaml_place(event->start_mark), y->err, "a second document begins here");
        y->has_document = true;
        return RM_OK;
    case YAML_SCALAR_EVENT:
        return yaml_scalar(y, event);
    case YAML_ALIAS_EVENT:
        return yaml_alias(y, event);
    case YAML_SEQUENCE_START_EVENT:
        return yaml_open(y, RM_ARRAY, event, event->data.sequence_start.tag, event->data.sequence_start.anchor);
    case YAML_MAPPING_START_EVENT:
        return yaml_open(y, RM_OBJECT, event, event->data.mapping_start.tag, event->data.mapping_start.anchor);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return yaml_close(y);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return RM_OK;
}

int rm_yaml_read(struct rm_doc *doc, struct rm_err *err)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return rm_doc_fail(doc, (struct rm_place){0, 0}, err, "out of memory");
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)doc->text.p, doc->text.n);

    struct yaml_reader y = {.doc = doc, .err = err};
    y.frames = RM_NEW_ARRAY(&doc->arena, struct yaml_frame, RM_DOC_DEPTH);
    rm_map_init(&y.anchors, &doc->arena);
    int rc = RM_OK;
    bool ended = false;
    while (rc == RM_OK && !ended) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            rc = yaml_refused(&y, &parser);
            break;
        }
        ended = event.type == YAML_STREAM_END_EVENT;
        rc = yaml_event(&y, &event);
        yaml_event_delete(&event);
    }
    if (rc == RM_OK && !doc->root)
        rc = rm_doc_fail(doc, (struct rm_place){1, 1}, err, "the file is empty");
    yaml_parser_delete(&parser);
    return rc;
}
