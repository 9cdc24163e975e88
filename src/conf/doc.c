// A configuration document: reads the file, checks its bytes, picks the reader by its name, and keeps each value's place.
// Owns the text and the tree; knows neither YAML nor JSON nor KrakenD's keys.
// SPDX-License-Identifier: Apache-2.0
#include "conf/doc_build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define DOC_MAX_BYTES ((size_t)8 << 20)
#define DOC_FEW_NAMES 16

// Every value of a document lies in one of these, so that its place is found without a look-up.
struct doc_value {
    struct rm_value value;
    struct rm_place place, key_place;
};

static const struct doc_value *doc_value_of(const struct rm_value *value)
{
    return (const struct doc_value *)(const void *)((const char *)value - offsetof(struct doc_value, value));
}

struct rm_place rm_doc_place(const struct rm_value *value)
{
    return doc_value_of(value)->place;
}

struct rm_place rm_doc_key_place(const struct rm_value *value)
{
    const struct doc_value *own = doc_value_of(value);
    return own->key_place.line > 0 ? own->key_place : own->place;
}

int rm_doc_fail(struct rm_doc *doc, struct rm_place place, struct rm_err *err, const char *fmt, ...)
{
    char text[sizeof(err->text)];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    doc->failed = place;
    return rm_fail(err, RM_ECONF, "%s", text);
}

// ---- building ------------------------------------------------------------------------------------------------------

static struct rm_value *doc_value_new(struct rm_doc *doc, enum rm_type type, struct rm_str text, struct rm_place place)
{
    struct doc_value *own = RM_NEW(&doc->arena, struct doc_value);
    own->value = (struct rm_value){.type = (uint8_t)type, .raw = text};
    if (type == RM_STRING)
        own->value.flags = RM_V_PLAIN;
    own->place = place;
    return &own->value;
}

int rm_doc_add(struct rm_doc *doc, enum rm_type type, struct rm_str text, struct rm_place place, struct rm_value **out,
               struct rm_err *err)
{
    if (doc->n_values >= RM_DOC_VALUES)
        return rm_doc_fail(doc, place, err, "more than %d values, those that aliases bring counted", RM_DOC_VALUES);
    doc->n_values++;
    *out = doc_value_new(doc, type, text, place);
    return RM_OK;
}

struct rm_value *rm_doc_text_value(struct rm_doc *doc, struct rm_str text)
{
    return doc_value_new(doc, RM_STRING, rm_arena_dup(&doc->arena, text), (struct rm_place){0, 0});
}

struct rm_value *rm_doc_find(struct rm_doc_names *names, const struct rm_value *object, struct rm_str key)
{
    if (object->n > DOC_FEW_NAMES)
        return rm_map_get(&names->map, key);
    for (struct rm_value *member = object->first; member; member = member->next) {
        if (rm_str_eq(member->key, key))
            return member;
    }
    return NULL;
}

int rm_doc_put(struct rm_doc *doc, struct rm_doc_names *names, struct rm_value *object, struct rm_str key,
               struct rm_place key_place, struct rm_value *value, struct rm_err *err)
{
    const struct rm_value *same = rm_doc_find(names, object, key);
    if (same) {
        struct rm_place first = rm_doc_key_place(same);
        return rm_doc_fail(doc, key_place, err, "the key \"%.*s\" is there twice, first in line %u column %u",
                           (int)(key.n < 60 ? key.n : 60), key.p, first.line, first.column);
    }
    ((struct doc_value *)(void *)value)->key_place = key_place;
    value->key = key;
    if (object->last) // rm_value_set() would search for the name again
        object->last->next = value;
    else
        object->first = value;
    object->last = value;
    object->n++;
    if (object->n == DOC_FEW_NAMES + 1) {
        rm_map_init(&names->map, &doc->arena);
        for (struct rm_value *member = object->first; member; member = member->next)
            *rm_map_put(&names->map, member->key) = member;
    } else if (object->n > DOC_FEW_NAMES) {
        *rm_map_put(&names->map, key) = value;
    }
    return RM_OK;
}

// ---- places --------------------------------------------------------------------------------------------------------

static bool doc_is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

struct rm_place rm_doc_place_at(struct rm_str text, size_t offset)
{
    struct rm_place place = {1, 1};
    for (size_t i = 0; i < offset && i < text.n; i++) {
        bool break_here = text.p[i] == '\n' || (text.p[i] == '\r' && (i + 1 == text.n || text.p[i + 1] != '\n'));
        if (break_here)
            place = (struct rm_place){place.line + 1, 1};
        else if (!doc_is_continuation(text.p[i]) && text.p[i] != '\r')
            place.column++;
    }
    return place;
}

struct rm_str rm_doc_text_at(struct rm_str text, struct rm_place place)
{
    size_t at = 0;
    for (uint32_t line = 1; line < place.line && at < text.n; at++)
        line += text.p[at] == '\n';
    for (uint32_t column = 1; at < text.n && text.p[at] != '\n'; at++) {
        if (!doc_is_continuation(text.p[at]) && column++ == place.column)
            break;
    }
    return rm_str_sub(text, at, text.n);
}

// ---- reading -------------------------------------------------------------------------------------------------------

// The offset of the first byte that is not UTF-8 (RFC 3629: no overlong forms, no surrogates), or the text's length.
static size_t doc_utf8_end(struct rm_str text)
{
    size_t i = 0;
    while (i < text.n) {
        unsigned char lead = (unsigned char)text.p[i];
        size_t more = lead < 0x80 ? 0 : lead >= 0xc2 && lead < 0xe0 ? 1 : (lead & 0xf0) == 0xe0 ? 2 : 3;
        if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || more >= text.n - i)
            return i;
        for (size_t k = 1; k <= more; k++) {
            if (!doc_is_continuation(text.p[i + k]))
                return i;
        }
        unsigned char second = more > 0 ? (unsigned char)text.p[i + 1] : 0;
        if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) || (lead == 0xf0 && second < 0x90) ||
            (lead == 0xf4 && second > 0x8f))
            return i;
        i += more + 1;
    }
    return i;
}

static bool doc_ends(struct rm_str file, struct rm_str suffix)
{
    return file.n >= suffix.n && rm_str_eq_nocase(rm_str_sub(file, file.n - suffix.n, file.n), suffix);
}

static int doc_read(struct rm_doc *doc, struct rm_err *err)
{
    struct rm_place start = {1, 1};
    if (rm_str_starts(doc->text, RM_STR("\xef\xbb\xbf")))
        return rm_doc_fail(doc, start, err, "the file begins with a byte order mark: save it as UTF-8 without one");
    if (rm_str_starts(doc->text, RM_STR("\xff\xfe")) || rm_str_starts(doc->text, RM_STR("\xfe\xff")))
        return rm_doc_fail(doc, start, err, "the file is UTF-16: save it as UTF-8");
    size_t end = doc_utf8_end(doc->text);
    if (end < doc->text.n)
        return rm_doc_fail(doc, rm_doc_place_at(doc->text, end), err, "byte 0x%02x is not UTF-8",
                           (unsigned char)doc->text.p[end]);
    if (doc_ends(doc->file, RM_STR(".toml")))
        return rm_doc_fail(doc, (struct rm_place){0, 0}, err,
                           "TOML is not read: write it as YAML (.yaml) or JSON (.json)");

    size_t blank = 0;
    while (blank < doc->text.n && strchr(" \t\r\n", doc->text.p[blank]) && doc->text.p[blank] != '\0')
        blank++;
    if (blank == doc->text.n)
        return rm_doc_fail(doc, start, err, "the file is empty");
    bool is_yaml = doc_ends(doc->file, RM_STR(".yaml")) || doc_ends(doc->file, RM_STR(".yml"));
    int rc = is_yaml ? rm_yaml_read(doc, err) : rm_json_read(doc, err);
    if (rc == RM_OK && doc->root->type != RM_OBJECT)
        rc = rm_doc_fail(doc, rm_doc_place(doc->root), err, "the file holds %s: a configuration is an object",
                         doc->root->type == RM_ARRAY ? "a list" : "a single value");
    return rc;
}

int rm_doc_parse(struct rm_doc *doc, struct rm_str file, struct rm_str text, struct rm_err *err)
{
    *doc = (struct rm_doc){.n_values = 0};
    rm_arena_init(&doc->arena, NULL);
    doc->file = rm_arena_dup(&doc->arena, file);
    if (text.n > DOC_MAX_BYTES)
        return rm_doc_fail(doc, (struct rm_place){0, 0}, err, "the file has more than %zu bytes", DOC_MAX_BYTES);
    doc->text = rm_arena_dup(&doc->arena, text);
    return doc_read(doc, err);
}

// The whole file, at most one byte more than may be.
static int doc_slurp(const char *path, struct rm_buf *buf)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = 1;
    int rc = 0;
    while (rc == 0 && n > 0 && buf->n < buf->max) {
        size_t room = buf->max - buf->n < 65536 ? buf->max - buf->n : 65536;
        if (rm_buf_reserve(buf, room) < 0) {
            rc = -ENOMEM;
            break;
        }
        n = read(fd, buf->p + buf->n, room);
        if (n > 0)
            buf->n += (size_t)n;
        else if (n < 0 && errno == EINTR)
            n = 1;
        else if (n < 0)
            rc = -errno;
    }
    close(fd);
    return rc;
}

int rm_doc_load(struct rm_doc *doc, const char *path, struct rm_err *err)
{
    struct rm_buf buf;
    rm_buf_init(&buf, DOC_MAX_BYTES + 1, NULL);
    int rc = doc_slurp(path, &buf);
    if (rc < 0) {
        int parsed = rm_doc_parse(doc, rm_str_of(path), RM_STR(""), err);
        RM_ASSERT(parsed < 0);
        rc = rm_doc_fail(doc, (struct rm_place){0, 0}, err, "cannot read the file: %s", strerror(-rc));
    } else {
        rc = rm_doc_parse(doc, rm_str_of(path), rm_buf_str(&buf), err);
    }
    rm_buf_free(&buf);
    return rc;
}

void rm_doc_free(struct rm_doc *doc)
{
    rm_arena_fini(&doc->arena);
}
