// The xml codec's output: members become elements in the order of their names, those with a '-' before their names attributes, #text the
// text, lists repeated elements (krakend-behaviour.md §2.4). What XML does not let stand in a name becomes '_', in a text U+FFFD.
// SPDX-License-Identifier: Apache-2.0
#include "codec/codecs.h"

#include <stdlib.h>

// An element that is open: the members of an object, or the items of a list, which have no element of their own.
struct xml_frame {
    struct xml_frame *up;
    struct rm_str name;
    bool is_list;
    struct rm_value **members; // sorted; of a list NULL
    struct rm_value *item;     // the next one of a list
    uint32_t n, at;
};

struct xml_writer {
    struct rm_arena *arena;
    struct rm_buf *out;
    struct xml_frame *top, *spare;
    int rc; // of the buffer; what comes after a failure is not written
};

// ---- texts ---------------------------------------------------------------------------------------------------------

static void xml_put(struct xml_writer *w, struct rm_str text)
{
    if (w->rc == RM_OK)
        w->rc = rm_buf_append(w->out, text);
}

static struct rm_str xml_escape_of(char c, bool is_attribute)
{
    switch (c) {
    case '&':
        return RM_STR("&amp;");
    case '<':
        return RM_STR("&lt;");
    case '>':
        return RM_STR("&gt;");
    case '\r':
        return RM_STR("&#13;");
    case '"':
        return is_attribute ? RM_STR("&quot;") : RM_STR("");
    case '\t':
        return is_attribute ? RM_STR("&#9;") : RM_STR("");
    case '\n':
        return is_attribute ? RM_STR("&#10;") : RM_STR("");
    default:
        return (unsigned char)c < 0x20 ? RM_STR("\xEF\xBF\xBD") : RM_STR("");
    }
}

// `text` is valid UTF-8.
static void xml_put_text(struct xml_writer *w, struct rm_str text, bool is_attribute)
{
    size_t from = 0, i = 0;
    while (i < text.n) {
        struct rm_str escape = xml_escape_of(text.p[i], is_attribute);
        size_t n = 1;
        // U+FFFE and U+FFFF are no characters of XML.
        if (i + 3 <= text.n && text.p[i] == '\xEF' && text.p[i + 1] == '\xBF' && (text.p[i + 2] & '\xFE') == '\xBE') {
            escape = RM_STR("\xEF\xBF\xBD");
            n = 3;
        }
        if (escape.n > 0) {
            xml_put(w, rm_str_sub(text, from, i));
            xml_put(w, escape);
            from = i + n;
        }
        i += n;
    }
    xml_put(w, rm_str_sub(text, from, text.n));
}

// The text of a scalar; strings that came in invalid are valid here.
static struct rm_str xml_scalar(struct xml_writer *w, const struct rm_value *v)
{
    switch ((enum rm_type)v->type) {
    case RM_FALSE:
        return RM_STR("false");
    case RM_TRUE:
        return RM_STR("true");
    case RM_NUMBER:
        return v->raw;
    case RM_STRING:
        return rm_value_text(w->arena, v);
    case RM_NULL:
    case RM_ARRAY:
    case RM_OBJECT:
        break;
    }
    return RM_STR("");
}

static bool xml_is_name_char(unsigned char c, bool is_first)
{
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
    return is_letter || (!is_first && ((c >= '0' && c <= '9') || c == '-' || c == '.'));
}

// Letters beyond ASCII are let through; which of them XML has as letters is not looked up. No ':', as there would be no namespace.
static struct rm_str xml_name(struct xml_writer *w, struct rm_str name)
{
    bool fits = name.n > 0 && xml_is_name_char((unsigned char)name.p[0], true);
    for (size_t i = 1; i < name.n && fits; i++)
        fits = xml_is_name_char((unsigned char)name.p[i], false);
    if (fits)
        return name;
    char *mended = rm_arena_alloc(w->arena, name.n + 1);
    size_t n = 0;
    if (name.n == 0 ||
        (!xml_is_name_char((unsigned char)name.p[0], true) && xml_is_name_char((unsigned char)name.p[0], false)))
        mended[n++] = '_'; // "1st" is "_1st"
    for (size_t i = 0; i < name.n; i++, n++)
        mended[n] = xml_is_name_char((unsigned char)name.p[i], n == 0) ? name.p[i] : '_';
    return (struct rm_str){mended, n};
}

// ---- elements ------------------------------------------------------------------------------------------------------

static bool xml_is_attribute(const struct rm_value *member)
{
    return member->key.n > 1 && member->key.p[0] == '-' && member->type != RM_ARRAY && member->type != RM_OBJECT;
}

static bool xml_is_text(const struct rm_value *member)
{
    return rm_str_eq(member->key, RM_STR("#text")) && member->type != RM_ARRAY && member->type != RM_OBJECT;
}

static int xml_compare(const void *a, const void *b)
{
    const struct rm_value *const *one = a, *const *other = b;
    return rm_str_cmp((*one)->key, (*other)->key);
}

static struct xml_frame *xml_push(struct xml_writer *w, struct rm_str name)
{
    struct xml_frame *frame = w->spare ? w->spare : RM_NEW(w->arena, struct xml_frame);
    w->spare = frame == w->spare ? frame->up : w->spare;
    *frame = (struct xml_frame){.up = w->top, .name = name};
    w->top = frame;
    return frame;
}

static void xml_pop(struct xml_writer *w)
{
    struct xml_frame *frame = w->top;
    w->top = frame->up;
    frame->up = w->spare;
    w->spare = frame;
}

// "<name" and the attributes of an object; its members are left in a frame.
static void xml_begin_object(struct xml_writer *w, struct rm_str name, struct rm_value *object)
{
    struct xml_frame *frame = xml_push(w, name);
    frame->members = RM_NEW_ARRAY(w->arena, struct rm_value *, object->n > 0 ? object->n : 1);
    for (struct rm_value *member = object->first; member; member = member->next)
        frame->members[frame->n++] = member;
    qsort(frame->members, frame->n, sizeof(struct rm_value *), xml_compare);
    const struct rm_value *text = NULL;
    uint32_t elements = 0;
    for (uint32_t i = 0; i < frame->n; i++) {
        struct rm_value *member = frame->members[i];
        if (xml_is_attribute(member)) {
            xml_put(w, RM_STR(" "));
            xml_put(w, xml_name(w, rm_str_sub(member->key, 1, member->key.n)));
            xml_put(w, RM_STR("=\""));
            xml_put_text(w, xml_scalar(w, member), true);
            xml_put(w, RM_STR("\""));
        } else if (xml_is_text(member)) {
            text = member;
        } else {
            frame->members[elements++] = member;
        }
    }
    frame->n = elements;
    if (elements == 0 && (!text || xml_scalar(w, text).n == 0)) {
        xml_put(w, RM_STR("/>"));
        xml_pop(w);
        return;
    }
    xml_put(w, RM_STR(">"));
    if (text)
        xml_put_text(w, xml_scalar(w, text), false);
}

// One element, or the first part of it.
static void xml_begin(struct xml_writer *w, struct rm_str name, struct rm_value *v)
{
    rm_value_open(w->arena, v);
    if (v->type == RM_ARRAY && v->n > 0) {
        struct xml_frame *frame = xml_push(w, name);
        frame->is_list = true;
        frame->item = v->first;
        return;
    }
    xml_put(w, RM_STR("<"));
    xml_put(w, name);
    if (v->type == RM_OBJECT) {
        xml_begin_object(w, name, v);
        return;
    }
    struct rm_str text = xml_scalar(w, v);
    if (text.n == 0) {
        xml_put(w, RM_STR("/>"));
        return;
    }
    xml_put(w, RM_STR(">"));
    xml_put_text(w, text, false);
    xml_put(w, RM_STR("</"));
    xml_put(w, name);
    xml_put(w, RM_STR(">"));
}

static void xml_write(struct xml_writer *w, struct rm_str name, struct rm_value *v)
{
    xml_begin(w, name, v);
    while (w->top && w->rc == RM_OK) {
        struct xml_frame *frame = w->top;
        if (frame->is_list && frame->item) {
            struct rm_value *item = frame->item;
            frame->item = item->next;
            xml_begin(w, frame->name, item);
        } else if (!frame->is_list && frame->at < frame->n) {
            struct rm_value *member = frame->members[frame->at++];
            xml_begin(w, xml_name(w, member->key), member);
        } else {
            if (!frame->is_list) {
                xml_put(w, RM_STR("</"));
                xml_put(w, frame->name);
                xml_put(w, RM_STR(">"));
            }
            xml_pop(w);
        }
    }
}

int rm_xml_encode(struct rm_arena *scratch, struct rm_value *data, struct rm_buf *out, struct rm_refs *refs,
                  struct rm_err *err)
{
    struct xml_writer w = {.arena = scratch, .out = out};
    (void)refs;
    if (!data)
        data = rm_value_new(scratch, RM_OBJECT);
    rm_value_open(scratch, data);
    // An only member that can be the root is the root. (KrakenD writes a list of objects as several roots.)
    struct rm_value *only = data->n == 1 ? data->first : NULL;
    if (only && only->type != RM_ARRAY && !xml_is_attribute(only) && !xml_is_text(only))
        xml_write(&w, xml_name(&w, only->key), only);
    else
        xml_write(&w, RM_STR("doc"), data);
    return rm_codec_full(out, w.rc, err);
}
