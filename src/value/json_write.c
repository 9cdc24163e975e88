// The JSON writer: walks a tree with a stack of its own. Ranges, numbers and source strings are copied as they are; a range that
// needs rewriting is opened in the scratch arena and written as nodes.
// SPDX-License-Identifier: Apache-2.0
#include <remora/value.h>

#include "value/json_text.h"

#define WRITE_FRAMES 32

bool rm_refs_add(struct rm_refs *refs, const struct rm_buf *out, struct rm_str text)
{
    if (!refs || text.n < refs->least || refs->n == RM_REFS)
        return false;
    refs->v[refs->n].at = out->n;
    refs->v[refs->n++].text = text;
    refs->bytes += text.n;
    return true;
}

uint32_t rm_refs_parts(const struct rm_refs *refs, struct rm_str text, struct rm_str *parts)
{
    uint32_t n = 0;
    size_t from = 0;
    for (uint32_t i = 0; i < refs->n; i++) {
        if (refs->v[i].at > from)
            parts[n++] = rm_str_sub(text, from, refs->v[i].at);
        from = refs->v[i].at;
        if (refs->v[i].text.n > 0)
            parts[n++] = refs->v[i].text;
    }
    if (text.n > from)
        parts[n++] = rm_str_sub(text, from, text.n);
    return n;
}

struct write_frame {
    const struct rm_value *next; // the child to be written next
    bool object, started;
};

static int write_char(struct rm_buf *out, char c)
{
    if (out->n == out->cap) {
        int rc = rm_buf_reserve(out, 1);
        if (rc < 0)
            return rc;
    }
    out->p[out->n++] = c;
    return RM_OK;
}

static int write_string(struct rm_buf *out, const struct rm_value *v)
{
    int rc = rm_buf_reserve(out, v->raw.n + 2);
    if (rc < 0 && (v->flags & RM_V_REWRITE) == 0) // a mended string may be shorter than its source
        return rc;
    rc = write_char(out, '"');
    if (rc < 0)
        return rc;
    if ((v->flags & RM_V_PLAIN) != 0)
        rc = rm_json_escape(out, v->raw);
    else if ((v->flags & RM_V_REWRITE) != 0)
        rc = rm_json_mend(out, v->raw);
    else
        rc = rm_buf_append(out, v->raw);
    return rc < 0 ? rc : write_char(out, '"');
}

static int write_name(struct rm_buf *out, struct rm_str name)
{
    int rc = rm_buf_reserve(out, name.n + 3);
    if (rc < 0)
        return rc;
    out->p[out->n++] = '"';
    rc = rm_json_escape(out, name);
    if (rc < 0)
        return rc;
    rc = write_char(out, '"');
    return rc < 0 ? rc : write_char(out, ':');
}

static int write_scalar(struct rm_buf *out, const struct rm_value *v, struct rm_refs *refs)
{
    switch ((enum rm_type)v->type) {
    case RM_NULL:
        return rm_buf_append(out, RM_STR("null"));
    case RM_FALSE:
        return rm_buf_append(out, RM_STR("false"));
    case RM_TRUE:
        return rm_buf_append(out, RM_STR("true"));
    case RM_STRING:
        return write_string(out, v);
    case RM_NUMBER:
    case RM_ARRAY: // ranges
    case RM_OBJECT:
        if (rm_refs_add(refs, out, v->raw))
            return RM_OK;
        break;
    }
    return rm_buf_append(out, v->raw);
}

// What v takes as text, exact unless it holds what must be escaped, rewritten or written level by level: the buffer then grows
// once, to what is needed, and not by doubling.
static size_t write_size_of_one(const struct rm_value *v, const struct rm_refs *refs)
{
    if ((v->flags & RM_V_REWRITE) != 0 ||
        (refs && v->raw.n >= refs->least)) // about: the writer knows how many are left
        return 0;
    switch ((enum rm_type)v->type) {
    case RM_STRING:
        return v->raw.n + 2;
    case RM_NUMBER:
        return v->raw.n;
    case RM_ARRAY:
    case RM_OBJECT:
        return (v->flags & RM_V_RANGE) != 0 ? v->raw.n : 2;
    case RM_NULL:
    case RM_TRUE:
        return 4;
    case RM_FALSE:
        break;
    }
    return 5;
}

static size_t write_size(const struct rm_value *v, const struct rm_refs *refs)
{
    size_t n = write_size_of_one(v, refs);
    for (const struct rm_value *child = v->first; child; child = child->next)
        n += write_size_of_one(child, refs) + (child->next ? 1 : 0) + (v->type == RM_OBJECT ? child->key.n + 3 : 0);
    return n;
}

static const struct rm_value *write_reopen(struct rm_arena *scratch, const struct rm_value *range)
{
    const struct rm_json_limits none = {UINT32_MAX, UINT32_MAX};
    struct rm_value *opened = NULL;
    int rc = rm_json_parse(scratch, range->raw, UINT32_MAX, &none, &opened, NULL, NULL);
    RM_ASSERT(rc == RM_OK);
    return opened;
}

int rm_json_write(struct rm_arena *scratch, const struct rm_value *v, struct rm_buf *out)
{
    return rm_json_write_refs(scratch, v, out, NULL);
}

int rm_json_write_refs(struct rm_arena *scratch, const struct rm_value *v, struct rm_buf *out, struct rm_refs *refs)
{
    if (!v)
        return rm_buf_append(out, RM_STR("null"));
    int rc = rm_buf_reserve(out, write_size(v, refs));
    if (rc < 0)
        return rc;

    struct write_frame first[WRITE_FRAMES];
    struct write_frame *frames = first;
    size_t cap = WRITE_FRAMES, depth = 0;
    for (;;) {
        if ((v->flags & RM_V_RANGE) != 0 && (v->flags & RM_V_REWRITE) != 0)
            v = write_reopen(scratch, v);
        if (v->type < RM_ARRAY || (v->flags & RM_V_RANGE) != 0) {
            rc = write_scalar(out, v, refs);
        } else {
            if (depth == cap) {
                struct write_frame *larger = rm_arena_alloc(scratch, rm_mul_size(2 * cap, sizeof(*larger)));
                memcpy(larger, frames, cap * sizeof(*larger));
                frames = larger;
                cap *= 2;
            }
            frames[depth++] = (struct write_frame){.next = v->first, .object = v->type == RM_OBJECT};
            rc = write_char(out, v->type == RM_OBJECT ? '{' : '[');
        }
        while (rc == RM_OK && depth > 0 && !frames[depth - 1].next) {
            depth--;
            rc = write_char(out, frames[depth].object ? '}' : ']');
        }
        if (rc < 0 || depth == 0)
            return rc;

        struct write_frame *top = &frames[depth - 1];
        v = top->next;
        top->next = v->next;
        if (top->started)
            rc = write_char(out, ',');
        top->started = true;
        if (rc == RM_OK && top->object)
            rc = write_name(out, v->key);
        if (rc < 0)
            return rc;
    }
}
