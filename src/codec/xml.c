// The xml codec's input: elements become members, attributes members with a '-' before their names, repeated elements lists, and texts
// strings (krakend-behaviour.md §6). Names are without their prefixes; every value is a string.
// SPDX-License-Identifier: Apache-2.0
#include "codec/codecs.h"
#include "codec/markup.h"
#include "codec/twins.h"

static const struct rm_str xml_text_name = {"#text", 5};

// An element that is open.
struct xml_frame {
    struct xml_frame *up;
    struct rm_value *node; // becomes the value; its members are not unique yet
    bool has_alone, has_beside;
    struct rm_str alone;  // the last text with no attribute or element before it
    struct rm_str beside; // the last one behind an attribute or element
};

struct xml_reader {
    struct rm_arena *arena;
    struct xml_frame *top, *spare;
    struct rm_value *root; // with the element as its only member
};

// An attribute's last value counts (two prefixes may bring one name); elements become a list in the first one's place.
static void xml_join(struct rm_arena *arena, struct rm_value *first, struct rm_value *twin)
{
    if (first->key.p[0] == '-') {
        rm_twins_last(arena, first, twin);
        return;
    }
    if (first->type != RM_ARRAY) {
        struct rm_value *item = rm_arena_alloc(arena, sizeof(*item));
        *item = *first;
        *first = (struct rm_value){.type = RM_ARRAY, .key = item->key, .next = item->next};
        rm_value_append(first, item);
    }
    rm_value_append(first, twin);
}

// ---- events --------------------------------------------------------------------------------------------------------

static int xml_start(void *self, struct rm_str name, const struct rm_markup_attr *attrs, size_t n, struct rm_err *err)
{
    struct xml_reader *reader = self;
    struct xml_frame *frame = reader->spare ? reader->spare : RM_NEW(reader->arena, struct xml_frame);
    (void)err;
    reader->spare = frame == reader->spare ? frame->up : reader->spare;
    *frame = (struct xml_frame){.up = reader->top, .node = rm_value_new(reader->arena, RM_OBJECT)};
    frame->node->key = rm_markup_local(name); // until it is put somewhere
    for (size_t i = 0; i < n; i++) {
        struct rm_str local = rm_markup_local(attrs[i].name);
        struct rm_str key = rm_arena_printf(reader->arena, "-%.*s", (int)local.n, local.p);
        rm_twins_put(frame->node, key, rm_value_string(reader->arena, attrs[i].value));
    }
    reader->top = frame;
    return RM_OK;
}

static struct rm_str xml_trim(struct rm_str text)
{
    static const char space[] = "\t\r\b\n "; // KrakenD's
    size_t from = 0, to = text.n;
    while (from < to && text.p[from] != '\0' && strchr(space, text.p[from]))
        from++;
    while (to > from && text.p[to - 1] != '\0' && strchr(space, text.p[to - 1]))
        to--;
    return rm_str_sub(text, from, to);
}

static int xml_text(void *self, struct rm_str text, struct rm_err *err)
{
    struct xml_reader *reader = self;
    struct xml_frame *frame = reader->top;
    (void)err;
    text = xml_trim(text);
    if (text.n == 0 || !frame)
        return RM_OK;
    text = rm_arena_dup(reader->arena, text);
    if (frame->node->n > 0) {
        frame->beside = text;
        frame->has_beside = true;
    } else {
        frame->alone = text;
        frame->has_alone = true;
    }
    return RM_OK;
}

static int xml_end(void *self, struct rm_err *err)
{
    struct xml_reader *reader = self;
    struct xml_frame *frame = reader->top;
    struct rm_value *node = frame->node;
    struct rm_str name = node->key;
    (void)err;
    if (node->n == 0) {
        node = rm_value_string(reader->arena, frame->alone);
    } else {
        rm_twins_join(reader->arena, node, xml_join);
        if (frame->has_alone || frame->has_beside)
            rm_twins_put(node, xml_text_name,
                         rm_value_string(reader->arena, frame->has_alone ? frame->alone : frame->beside));
    }
    reader->top = frame->up;
    rm_twins_put(reader->top ? reader->top->node : reader->root, name, node);
    frame->up = reader->spare;
    reader->spare = frame;
    return RM_OK;
}

static int xml_decode(struct rm_arena *arena, const struct rm_decode_in *in, struct rm_value **out, struct rm_err *err)
{
    static const struct rm_markup_sink sink = {xml_start, xml_text, xml_end};
    struct xml_reader reader = {.arena = arena, .root = rm_value_new(arena, RM_OBJECT)};
    int rc = rm_markup_read(arena, in, &sink, &reader, err);
    if (rc != RM_OK)
        return rc;
    // KrakenD's: what is in a collection is an object all the same.
    *out = in->is_collection ? rm_codec_wrap(arena, RM_STR("collection"), reader.root) : reader.root;
    return RM_OK;
}

const struct rm_codec_ops rm_codec_xml = {
    .name = "xml", .content_type = "application/xml", .decode = xml_decode, .encode = rm_xml_encode};
