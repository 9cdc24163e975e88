// Strict JSON into a document: the value parser's tokens (RFC 8259), with a place for each value, and duplicate names, comments,
// trailing commas and trailing text as errors.
// SPDX-License-Identifier: Apache-2.0
#include "conf/doc_build.h"
#include "value/json_scan.h"
#include "value/json_text.h"

struct json_frame {
    struct rm_value *node;
    struct rm_doc_names names;
};

struct json_reader {
    struct rm_doc *doc;
    struct rm_err *err;
    const char *p, *end;
    // Places of a text without turning back: the offsets asked for only grow.
    const char *seen;
    struct rm_place place;
    struct json_frame *frames; // RM_DOC_DEPTH of them
    size_t depth;
};

static struct rm_place json_place(struct json_reader *j, const char *at)
{
    for (; j->seen < at; j->seen++) {
        unsigned char c = (unsigned char)*j->seen;
        bool ends = c == '\n' || (c == '\r' && (j->seen + 1 == j->end || j->seen[1] != '\n'));
        if (ends)
            j->place = (struct rm_place){j->place.line + 1, 1};
        else if ((c & 0xc0) != 0x80 && c != '\r')
            j->place.column++;
    }
    return j->place;
}

static int json_wrong(struct json_reader *j, const char *at, const char *what)
{
    return rm_doc_fail(j->doc, rm_doc_place_at(j->doc->text, (size_t)(at - j->doc->text.p)), j->err, "%s", what);
}

static int json_unexpected(struct json_reader *j, const char *wanted)
{
    if (j->p == j->end)
        return json_wrong(j, j->p, "the file ends too early: a bracket or brace is not closed");
    if (*j->p == '/' || *j->p == '#')
        return json_wrong(j, j->p, "JSON has no comments: give the key a name that begins with @, or write YAML");
    if (*j->p == '\'')
        return json_wrong(j, j->p, "JSON's quotes are double ones");
    return json_wrong(j, j->p, wanted);
}

static void json_space(struct json_reader *j)
{
    j->p = rm_json_space(j->p, j->end);
}

// p is at a quote; behind the closing one afterwards. Decoded text.
static int json_string(struct json_reader *j, struct rm_str *out)
{
    struct rm_json_fault fault;
    unsigned flags = 0;
    const char *start = j->p + 1;
    const char *quote = rm_json_string(start, j->end, &flags, &fault);
    if (!quote)
        return json_wrong(j, fault.at, fault.what);
    *out = rm_json_text(&j->doc->arena, (struct rm_str){start, (size_t)(quote - start)}, flags);
    j->p = quote + 1;
    return RM_OK;
}

static bool json_word(struct json_reader *j, struct rm_str word)
{
    if (!rm_str_starts((struct rm_str){j->p, (size_t)(j->end - j->p)}, word))
        return false;
    j->p += word.n;
    return true;
}

// One scalar, or the opening of a container, which becomes the innermost frame.
static int json_begin(struct json_reader *j, struct rm_value **out)
{
    struct rm_json_fault fault;
    struct rm_str text = {NULL, 0};
    enum rm_type type;
    if (j->p == j->end)
        return json_unexpected(j, "");
    const char *start = j->p;
    struct rm_place place = json_place(j, start);
    if (*start == '{' || *start == '[') {
        if (j->depth == RM_DOC_DEPTH)
            return rm_doc_fail(j->doc, place, j->err, "more than %d levels", RM_DOC_DEPTH);
        type = *start == '{' ? RM_OBJECT : RM_ARRAY;
        j->p++;
    } else if (*start == '"') {
        type = RM_STRING;
        int rc = json_string(j, &text);
        if (rc < 0)
            return rc;
    } else if (*start == '-' || rm_json_digit(start, j->end)) {
        type = RM_NUMBER;
        const char *end = rm_json_number(start, j->end, &fault);
        if (!end)
            return json_wrong(j, fault.at, fault.what);
        j->p = end;
        text = (struct rm_str){start, (size_t)(j->p - start)};
    } else if (json_word(j, RM_STR("true"))) {
        type = RM_TRUE;
    } else if (json_word(j, RM_STR("false"))) {
        type = RM_FALSE;
    } else if (json_word(j, RM_STR("null"))) {
        type = RM_NULL;
    } else {
        return json_unexpected(j, "no value begins like this: text stands in double quotes");
    }
    int rc = rm_doc_add(j->doc, type, text, place, out, j->err);
    if (rc == RM_OK && (type == RM_OBJECT || type == RM_ARRAY))
        j->frames[j->depth++] = (struct json_frame){.node = *out};
    return rc;
}

// The next member or item of the innermost container, p behind its opening or a comma.
static int json_child(struct json_reader *j, struct json_frame *frame)
{
    struct rm_value *value;
    struct rm_str key = {NULL, 0};
    struct rm_place key_place = {0, 0};
    bool is_object = frame->node->type == RM_OBJECT;
    if (frame->node->n > 0 && j->p < j->end && *j->p == (is_object ? '}' : ']'))
        return json_wrong(j, j->p, "a comma before the closing bracket: JSON has no trailing commas");
    if (is_object) {
        if (j->p == j->end || *j->p != '"')
            return json_unexpected(j, "a name in double quotes is missing");
        key_place = json_place(j, j->p);
        int rc = json_string(j, &key);
        if (rc < 0)
            return rc;
        json_space(j);
        if (j->p == j->end || *j->p != ':')
            return json_unexpected(j, "a name without ':' behind it");
        j->p++;
        json_space(j);
    }
    int rc = json_begin(j, &value);
    if (rc < 0)
        return rc;
    if (is_object)
        return rm_doc_put(j->doc, &frame->names, frame->node, key, key_place, value, j->err);
    rm_value_append(frame->node, value);
    return RM_OK;
}

int rm_json_read(struct rm_doc *doc, struct rm_err *err)
{
    struct json_reader j = {.doc = doc,
                            .err = err,
                            .p = doc->text.p,
                            .end = doc->text.p + doc->text.n,
                            .seen = doc->text.p,
                            .place = {1, 1}};
    j.frames = RM_NEW_ARRAY(&doc->arena, struct json_frame, RM_DOC_DEPTH);
    json_space(&j);
    int rc = json_begin(&j, &doc->root);
    while (rc == RM_OK && j.depth > 0) {
        struct json_frame *frame = &j.frames[j.depth - 1];
        char close = frame->node->type == RM_OBJECT ? '}' : ']';
        json_space(&j);
        if (j.p < j.end && *j.p == close) {
            j.p++;
            j.depth--;
        } else if (frame->node->n == 0) {
            rc = json_child(&j, frame);
        } else if (j.p < j.end && *j.p == ',') {
            j.p++;
            json_space(&j);
            rc = json_child(&j, frame);
        } else {
            rc = json_unexpected(&j, "a comma or the closing bracket is missing");
        }
    }
    if (rc < 0)
        return rc;
    json_space(&j);
    if (j.p < j.end)
        rc = json_unexpected(&j, "more text behind the configuration's end");
    return rc;
}
