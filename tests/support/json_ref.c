// See json_ref.h. Written to be obviously right, not fast: recursion, one character at a time, quadratic duplicates.
// SPDX-License-Identifier: Apache-2.0
#include "json_ref.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
    char *p;
    size_t n, cap;
};

struct ref {
    const char *text;
    size_t n, at;
    unsigned depth, max_depth, nodes, max_nodes;
};

static void add(struct text *t, const char *p, size_t n)
{
    if (t->n + n + 1 > t->cap) {
        t->cap = (t->n + n + 1) * 2;
        t->p = realloc(t->p, t->cap);
        if (!t->p)
            abort();
    }
    memcpy(t->p + t->n, p, n);
    t->n += n;
    t->p[t->n] = '\0';
}

// A code point as UTF-8.
static void add_code(struct text *t, uint32_t c)
{
    char s[4];
    if (c < 0x80) {
        s[0] = (char)c;
        add(t, s, 1);
    } else if (c < 0x800) {
        s[0] = (char)(0xC0 + c / 64);
        s[1] = (char)(0x80 + c % 64);
        add(t, s, 2);
    } else if (c < 0x10000) {
        s[0] = (char)(0xE0 + c / 4096);
        s[1] = (char)(0x80 + c / 64 % 64);
        s[2] = (char)(0x80 + c % 64);
        add(t, s, 3);
    } else {
        s[0] = (char)(0xF0 + c / 262144);
        s[1] = (char)(0x80 + c / 4096 % 64);
        s[2] = (char)(0x80 + c / 64 % 64);
        s[3] = (char)(0x80 + c % 64);
        add(t, s, 4);
    }
}

// The character at the current byte, or -1 at the end.
static int peek(const struct ref *r)
{
    return r->at < r->n ? (unsigned char)r->text[r->at] : -1;
}

static void space(struct ref *r)
{
    while (peek(r) == ' ' || peek(r) == '\t' || peek(r) == '\r' || peek(r) == '\n')
        r->at++;
}

static bool word(struct ref *r, const char *want)
{
    size_t n = strlen(want);
    if (r->n - r->at < n || memcmp(r->text + r->at, want, n) != 0)
        return false;
    r->at += n;
    return true;
}

static bool digits(struct ref *r)
{
    size_t from = r->at;
    while (peek(r) >= '0' && peek(r) <= '9')
        r->at++;
    return r->at > from;
}

static bool number(struct ref *r, struct text *out)
{
    size_t from = r->at;
    if (peek(r) == '-')
        r->at++;
    size_t whole = r->at;
    if (!digits(r) || (r->text[whole] == '0' && r->at - whole > 1))
        return false;
    if (peek(r) == '.') {
        r->at++;
        if (!digits(r))
            return false;
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        r->at++;
        if (peek(r) == '+' || peek(r) == '-')
            r->at++;
        if (!digits(r))
            return false;
    }
    add(out, r->text + from, r->at - from);
    return true;
}

// XXXX behind \u, at the current byte.
static bool hex(struct ref *r, uint32_t *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++) {
        int c = peek(r);
        const char *all = "0123456789abcdef0123456789ABCDEF";
        const char *found = c > 0 ? strchr(all, c) : NULL;
        if (!found)
            return false;
        *code = *code * 16 + (uint32_t)((found - all) % 16);
        r->at++;
    }
    return true;
}

// A character of several bytes. What is not one takes a byte and is U+FFFD.
static uint32_t wide(struct ref *r)
{
    uint32_t lead = (uint32_t)peek(r);
    size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    uint32_t code = more == 3 ? lead - 0xF0 : more == 2 ? lead - 0xE0 : lead - 0xC0;
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    bool good = more > 0 && r->n - r->at > more;
    for (size_t i = 1; good && i <= more; i++) {
        unsigned char c = (unsigned char)r->text[r->at + i];
        good = c >= 0x80 && c <= 0xBF;
        code = code * 64 + (c - 0x80U);
    }
    if (!good || code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
        r->at++;
        return 0xFFFD;
    }
    r->at += more + 1;
    return code;
}

// Decoded; at the opening quote.
static bool string(struct ref *r, struct text *out)
{
    add(out, "", 0);
    if (peek(r) != '"')
        return false;
    r->at++;
    for (;;) {
        int c = peek(r);
        if (c < 0x20)
            return false;
        if (c == '"') {
            r->at++;
            return true;
        }
        if (c != '\\') {
            if (c >= 0x80) {
                add_code(out, wide(r));
            } else {
                add_code(out, (uint32_t)c);
                r->at++;
            }
            continue;
        }
        r->at++;
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        c = peek(r);
        if (c == 'u') {
            uint32_t code, low;
            r->at++;
            if (!hex(r, &code))
                return false;
            if (code >= 0xD800 && code < 0xDC00 && word(r, "\\u")) {
                size_t back = r->at;
                if (!hex(r, &low))
                    return false;
                if (low >= 0xDC00 && low < 0xE000)
                    code = 0x10000 + (code - 0xD800) * 1024 + (low - 0xDC00);
                else
                    r->at = back - 2; // an escape of its own
            }
            add_code(out, code >= 0xD800 && code < 0xE000 ? 0xFFFD : code);
        } else {
            const char *found = c > 0 ? strchr(from, c) : NULL;
            if (!found)
                return false;
            add(out, &to[found - from], 1);
            r->at++;
        }
    }
}

static void add_string(struct text *out, const struct text *decoded)
{
    add(out, "\"", 1);
    for (size_t i = 0; i < decoded->n; i++) {
        unsigned char c = (unsigned char)decoded->p[i];
        char escape[8];
        if (c < 0x20 || c == '"' || c == '\\')
            add(out, escape, (size_t)snprintf(escape, sizeof(escape), "\\u%04x", c));
        else
            add(out, &decoded->p[i], 1);
    }
    add(out, "\"", 1);
}

static bool value(struct ref *r, struct text *out);

static bool array(struct ref *r, struct text *out)
{
    add(out, "[", 1);
    r->at++;
    space(r);
    for (bool first = true; peek(r) != ']' || !first; first = false) {
        if (!first)
            add(out, ",", 1);
        space(r);
        if (!value(r, out))
            return false;
        space(r);
        if (peek(r) == ']')
            break;
        if (peek(r) != ',')
            return false;
        r->at++;
    }
    r->at++;
    add(out, "]", 1);
    return true;
}

struct member {
    struct text name, value;
};

// Into *members; false: invalid.
static bool object_members(struct ref *r, struct member **members, size_t *n)
{
    r->at++;
    space(r);
    if (peek(r) == '}') {
        r->at++;
        return true;
    }
    for (;;) {
        struct member *more = realloc(*members, (*n + 1) * sizeof(*more));
        if (!more)
            abort();
        *members = more;
        struct member *m = &more[(*n)++];
        *m = (struct member){{NULL, 0, 0}, {NULL, 0, 0}};
        space(r);
        if (!string(r, &m->name))
            return false;
        space(r);
        if (peek(r) != ':')
            return false;
        r->at++;
        space(r);
        if (!value(r, &m->value))
            return false;
        for (size_t i = 0; i + 1 < *n; i++) {
            struct member *old = &more[i];
            if (old->name.n == m->name.n && memcmp(old->name.p, m->name.p, m->name.n) == 0) {
                free(old->value.p);
                free(m->name.p);
                old->value = m->value;
                --*n;
                break;
            }
        }
        space(r);
        int c = peek(r);
        r->at++;
        if (c == '}')
            return true;
        if (c != ',')
            return false;
    }
}

static bool object(struct ref *r, struct text *out)
{
    struct member *members = NULL;
    size_t n = 0;
    bool good = object_members(r, &members, &n);
    add(out, "{", 1);
    for (size_t i = 0; i < n; i++) {
        if (good) {
            if (i > 0)
                add(out, ",", 1);
            add_string(out, &members[i].name);
            add(out, ":", 1);
            add(out, members[i].value.p, members[i].value.n);
        }
        free(members[i].name.p);
        free(members[i].value.p);
    }
    free(members);
    add(out, "}", 1);
    return good;
}

static bool value(struct ref *r, struct text *out)
{
    if (++r->nodes > r->max_nodes)
        return false;
    int c = peek(r);
    if (c == '{' || c == '[') {
        if (++r->depth > r->max_depth)
            return false;
        bool good = c == '{' ? object(r, out) : array(r, out);
        r->depth--;
        return good;
    }
    if (c == '"') {
        struct text decoded = {NULL, 0, 0};
        bool good = string(r, &decoded);
        if (good)
            add_string(out, &decoded);
        free(decoded.p);
        return good;
    }
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        if (word(r, words[i])) {
            add(out, words[i], strlen(words[i]));
            return true;
        }
    }
    return (c == '-' || (c >= '0' && c <= '9')) && number(r, out);
}

char *json_ref(const char *text, size_t n, unsigned max_depth, unsigned max_nodes, size_t *used)
{
    struct ref r = {.text = text, .n = n, .max_depth = max_depth, .max_nodes = max_nodes};
    struct text out = {NULL, 0, 0};
    space(&r);
    if (!value(&r, &out)) {
        free(out.p);
        return NULL;
    }
    space(&r);
    if (used)
        *used = r.at;
    return out.p;
}
