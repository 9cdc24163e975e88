// The yaml codec, by libyaml. In: the first document of a stream, with the scalars of YAML 1.2's core schema; anchors are refused, so that
// a small document stays small. Out: block style, numbers as numbers, and quotes around what YAML 1.1 or 1.2 might take for something
// else than text. Nothing recurses.
// SPDX-License-Identifier: Apache-2.0
#include "codec/codecs.h"
#include "codec/twins.h"

#include <remora/scalar.h>

#include <yaml.h>

#define YAML_TAG "tag:yaml.org,2002:"

// A list or object that is open.
struct yaml_frame {
    struct yaml_frame *up;
    struct rm_value *node;
    struct rm_str key;
    bool has_key;
};

struct yaml_reader {
    struct rm_arena *arena;
    const struct rm_decode_in *in;
    struct rm_err *err;
    struct yaml_frame *top, *spare;
    struct rm_value *root;
    uint32_t depth, nodes;
};

static int yaml_fail(const struct yaml_reader *y, const yaml_event_t *event, const char *what)
{
    return rm_fail(y->err, RM_EDECODE, "%s in line %zu column %zu", what, event->start_mark.line + 1,
                   event->start_mark.column + 1);
}

static struct rm_str yaml_text(const yaml_char_t *text)
{
    return rm_str_of((const char *)text);
}

// ---- placing a value -----------------------------------------------------------------------------------------------

static int yaml_count(struct yaml_reader *y)
{
    if (y->nodes++ >= y->in->limits.max_nodes)
        return rm_fail(y->err, RM_ETOOBIG, "more than %u values", y->in->limits.max_nodes);
    return RM_OK;
}

static void yaml_put(struct yaml_reader *y, struct rm_value *value)
{
    struct yaml_frame *frame = y->top;
    if (!frame) {
        y->root = value;
        return;
    }
    // Names are made unique when the object ends; a list's item has none.
    rm_twins_put(frame->node, frame->has_key ? frame->key : (struct rm_str){NULL, 0}, value);
    frame->has_key = false;
}

static bool yaml_wants_key(const struct yaml_reader *y)
{
    return y->top && y->top->node->type == RM_OBJECT && !y->top->has_key;
}

// ---- events --------------------------------------------------------------------------------------------------------

static const char *yaml_resolve(struct yaml_reader *y, const yaml_event_t *event, struct rm_str text,
                                enum rm_type *type, struct rm_str *raw)
{
    struct rm_str tag = yaml_text(event->data.scalar.tag);
    *type = RM_STRING;
    *raw = text;
    if (tag.n == 0 && event->data.scalar.plain_implicit)
        return rm_yaml_resolve(y->arena, text, type, raw);
    if (tag.n == 0 || rm_str_eq(tag, RM_STR("!")))
        return NULL;
    if (!rm_str_starts(tag, RM_STR(YAML_TAG)))
        return "has a tag that is not YAML's own";
    return rm_yaml_tagged(y->arena, rm_str_sub(tag, strlen(YAML_TAG), tag.n), text, type, raw);
}

static int yaml_scalar(struct yaml_reader *y, const yaml_event_t *event)
{
    struct rm_str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    if (event->data.scalar.anchor)
        return yaml_fail(y, event, "an anchor");
    text = rm_arena_dup(y->arena, text);
    if (yaml_wants_key(y)) {
        y->top->key = text;
        y->top->has_key = true;
        return RM_OK;
    }
    enum rm_type type;
    struct rm_str raw;
    const char *why = yaml_resolve(y, event, text, &type, &raw);
    if (why)
        return rm_fail(y->err, RM_EDECODE, "the value in line %zu column %zu %s", event->start_mark.line + 1,
                       event->start_mark.column + 1, why);
    int rc = yaml_count(y);
    if (rc != RM_OK)
        return rc;
    yaml_put(y, type == RM_NUMBER   ? rm_value_number(y->arena, raw)
                : type == RM_STRING ? rm_value_string(y->arena, raw)
                                    : rm_value_new(y->arena, type));
    return RM_OK;
}

static int yaml_open(struct yaml_reader *y, const yaml_event_t *event, enum rm_type type, const yaml_char_t *anchor,
                     const yaml_char_t *tag_text)
{
    struct rm_str tag = yaml_text(tag_text);
    struct rm_str own = type == RM_OBJECT ? RM_STR(YAML_TAG "map") : RM_STR(YAML_TAG "seq");
    if (anchor)
        return yaml_fail(y, event, "an anchor");
    if (tag.n > 0 && !rm_str_eq(tag, own) && !rm_str_eq(tag, RM_STR("!")))
        return yaml_fail(y, event, "a list or an object with a tag that is not its own");
    if (yaml_wants_key(y))
        return yaml_fail(y, event, "a list or an object as a key");
    if (y->depth++ >= y->in->limits.max_depth)
        return rm_fail(y->err, RM_ETOOBIG, "more than %u levels", y->in->limits.max_depth);
    int rc = yaml_count(y);
    if (rc != RM_OK)
        return rc;
    struct yaml_frame *frame = y->spare ? y->spare : RM_NEW(y->arena, struct yaml_frame);
    y->spare = frame == y->spare ? frame->up : y->spare;
    *frame = (struct yaml_frame){.node = rm_value_new(y->arena, type)};
    yaml_put(y, frame->node);
    frame->up = y->top;
    y->top = frame;
    return RM_OK;
}

static void yaml_close(struct yaml_reader *y)
{
    struct yaml_frame *frame = y->top;
    struct rm_value *node = frame->node;
    if (node->type == RM_OBJECT && node->n > 1) { // of equal names the last one counts, as in JSON
        struct rm_value *unique = rm_value_new(y->arena, RM_OBJECT);
        rm_value_merge(y->arena, unique, node);
        node->n = unique->n;
        node->first = unique->first;
        node->last = unique->last;
    }
    y->depth--;
    y->top = frame->up;
    frame->up = y->spare;
    y->spare = frame;
}

// *is_over: the document has ended.
static int yaml_event(struct yaml_reader *y, const yaml_event_t *event, bool *is_over)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return yaml_scalar(y, event);
    case YAML_SEQUENCE_START_EVENT:
        return yaml_open(y, event, RM_ARRAY, event->data.sequence_start.anchor, event->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return yaml_open(y, event, RM_OBJECT, event->data.mapping_start.anchor, event->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        yaml_close(y);
        return RM_OK;
    case YAML_ALIAS_EVENT:
        return yaml_fail(y, event, "an alias");
    case YAML_DOCUMENT_END_EVENT:
    case YAML_STREAM_END_EVENT:
        *is_over = true;
        return RM_OK;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_START_EVENT:
        break;
    }
    return RM_OK;
}

static int yaml_read(struct yaml_reader *y, yaml_parser_t *parser)
{
    bool is_over = false;
    while (!is_over) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            if (parser->error == YAML_MEMORY_ERROR)
                return rm_fail(y->err, RM_EMEMORY, "no memory is left for the YAML reader");
            return rm_fail(y->err, RM_EDECODE, "not YAML: %s in line %zu column %zu",
                           parser->problem ? parser->problem : "nothing that is known", parser->problem_mark.line + 1,
                           parser->problem_mark.column + 1);
        }
        int rc = yaml_event(y, &event, &is_over);
        yaml_event_delete(&event);
        if (rc != RM_OK)
            return rc;
    }
    if (!y->root)
        return rm_fail(y->err, RM_EDECODE, "not YAML: there is no document");
    return RM_OK;
}

// JSON is YAML, but not to libyaml, which has its own mind about tabs and about surrogates.
static bool yaml_is_json(struct rm_arena *arena, const struct rm_decode_in *in, struct rm_value **root)
{
    size_t used = 0, at = 0;
    while (at < in->body.n && memchr(" \t\r\n", in->body.p[at], 4))
        at++;
    if (at == in->body.n || (in->body.p[at] != '{' && in->body.p[at] != '['))
        return false;
    return rm_json_parse(arena, in->body, in->open_depth, &in->limits, root, &used, NULL) == RM_OK &&
           used == in->body.n;
}

static int yaml_decode(struct rm_arena *arena, const struct rm_decode_in *in, struct rm_value **out, struct rm_err *err)
{
    struct yaml_reader y = {.arena = arena, .in = in, .err = err};
    yaml_parser_t parser;
    if (yaml_is_json(arena, in, &y.root))
        return rm_codec_root(arena, in, y.root, out, err);
    if (!yaml_parser_initialize(&parser))
        return rm_fail(err, RM_EMEMORY, "no memory is left for the YAML reader");
    yaml_parser_set_input_string(&parser, (const unsigned char *)in->body.p, in->body.n);
    int rc = yaml_read(&y, &parser);
    yaml_parser_delete(&parser);
    return rc != RM_OK ? rc : rm_codec_root(arena, in, y.root, out, err);
}

// ---- output --------------------------------------------------------------------------------------------------------

struct yaml_writer {
    struct rm_arena *arena;
    struct rm_buf *out;
    yaml_emitter_t emitter;
    int rc; // of the buffer
};

static int yaml_flush(void *self, unsigned char *text, size_t n)
{
    struct yaml_writer *w = self;
    w->rc = rm_buf_append(w->out, (struct rm_str){(const char *)text, n});
    return w->rc == RM_OK;
}

// ---- texts of the output -------------------------------------------------------------------------------------------------------

static bool yaml_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// Whatever reads it may know YAML 1.1: its booleans, its numbers with ':' and '_', its dates.
static bool yaml_must_quote(struct rm_arena *arena, struct rm_str text)
{
    static const char *const words[] = {"y", "n", "yes", "no", "on", "off"};
    enum rm_type type;
    struct rm_str raw;
    if (rm_yaml_resolve(arena, text, &type, &raw) || type != RM_STRING || rm_str_eq(text, RM_STR("<<")) ||
        rm_str_eq(text, RM_STR("=")))
        return true;
    for (size_t i = 0; i < RM_COUNT(words); i++) {
        if (rm_str_eq_nocase(text, rm_str_of(words[i])))
            return true;
    }
    size_t sign = text.p[0] == '+' || text.p[0] == '-' || text.p[0] == '.';
    if (sign < text.n && yaml_is_digit(text.p[sign]))
        return true;
    for (size_t i = 0; i < text.n; i++) {
        if ((unsigned char)text.p[i] < 0x20)
            return true;
    }
    return false;
}

static bool yaml_emit_scalar(struct yaml_writer *w, struct rm_str text, yaml_scalar_style_t style)
{
    yaml_event_t event;
    return yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)(text.p ? text.p : ""), (int)text.n, 1,
                                        1, style) &&
           yaml_emitter_emit(&w->emitter, &event);
}

static bool yaml_emit_text(struct yaml_writer *w, struct rm_str text)
{
    return yaml_emit_scalar(
        w, text, yaml_must_quote(w->arena, text) ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE);
}

// ---- the tree of the output ------------------------------------------------------------------------------------------------------

// An array or object that is open.
struct yaml_open_node {
    struct yaml_open_node *up;
    bool is_object;
    struct rm_value *next; // child
};

static bool yaml_emit_value(struct yaml_writer *w, struct rm_value *v)
{
    yaml_event_t event;
    switch ((enum rm_type)v->type) {
    case RM_NULL:
        return yaml_emit_scalar(w, RM_STR("null"), YAML_PLAIN_SCALAR_STYLE);
    case RM_FALSE:
        return yaml_emit_scalar(w, RM_STR("false"), YAML_PLAIN_SCALAR_STYLE);
    case RM_TRUE:
        return yaml_emit_scalar(w, RM_STR("true"), YAML_PLAIN_SCALAR_STYLE);
    case RM_NUMBER:
        return yaml_emit_scalar(w, v->raw, YAML_PLAIN_SCALAR_STYLE);
    case RM_STRING:
        return yaml_emit_text(w, rm_value_text(w->arena, v));
    case RM_ARRAY:
        return yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE) &&
               yaml_emitter_emit(&w->emitter, &event);
    case RM_OBJECT:
        break;
    }
    return yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE) &&
           yaml_emitter_emit(&w->emitter, &event);
}

static bool yaml_emit_end(struct yaml_writer *w, bool is_object)
{
    yaml_event_t event;
    int rc = is_object ? yaml_mapping_end_event_initialize(&event) : yaml_sequence_end_event_initialize(&event);
    return rc && yaml_emitter_emit(&w->emitter, &event);
}

static bool yaml_emit_tree(struct yaml_writer *w, struct rm_value *v)
{
    struct yaml_open_node *top = NULL, *spare = NULL;
    for (;;) {
        if (v) {
            rm_value_open(w->arena, v);
            if (!yaml_emit_value(w, v))
                return false;
        }
        if (v && (v->type == RM_ARRAY || v->type == RM_OBJECT)) {
            struct yaml_open_node *frame = spare ? spare : RM_NEW(w->arena, struct yaml_open_node);
            spare = frame == spare ? frame->up : spare;
            *frame = (struct yaml_open_node){top, v->type == RM_OBJECT, v->first};
            top = frame;
        }
        if (!top)
            return true;
        v = top->next;
        if (v) {
            top->next = v->next;
            if (top->is_object && !yaml_emit_text(w, v->key))
                return false;
            continue;
        }
        if (!yaml_emit_end(w, top->is_object))
            return false;
        struct yaml_open_node *over = top;
        top = over->up;
        over->up = spare;
        spare = over;
    }
}

static bool yaml_emit_document(struct yaml_writer *w, struct rm_value *data)
{
    yaml_event_t event;
    return yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) && yaml_emitter_emit(&w->emitter, &event) &&
           yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1) &&
           yaml_emitter_emit(&w->emitter, &event) && yaml_emit_tree(w, data) &&
           yaml_document_end_event_initialize(&event, 1) && yaml_emitter_emit(&w->emitter, &event) &&
           yaml_stream_end_event_initialize(&event) && yaml_emitter_emit(&w->emitter, &event);
}

static int yaml_encode(struct rm_arena *scratch, struct rm_value *data, struct rm_buf *out, struct rm_refs *refs,
                       struct rm_err *err)
{
    struct yaml_writer w = {.arena = scratch, .out = out};
    (void)refs;
    if (!yaml_emitter_initialize(&w.emitter))
        return rm_codec_full(out, RM_EMEMORY, err);
    yaml_emitter_set_output(&w.emitter, yaml_flush, &w);
    yaml_emitter_set_unicode(&w.emitter, 1);
    yaml_emitter_set_width(&w.emitter, -1);
    bool done = yaml_emit_document(&w, data ? data : rm_value_new(scratch, RM_NULL));
    yaml_emitter_delete(&w.emitter);
    return done ? RM_OK : rm_codec_full(out, w.rc != RM_OK ? w.rc : RM_EMEMORY, err);
}

const struct rm_codec_ops rm_codec_yaml = {
    .name = "yaml", .content_type = "application/yaml; charset=utf-8", .decode = yaml_decode, .encode = yaml_encode};
