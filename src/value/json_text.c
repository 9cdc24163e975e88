// Decoding, escaping and mending of string content. The source text given has passed the scanner: escapes are well formed.
// SPDX-License-Identifier: Apache-2.0
#include "value/json_text.h"

#include <remora/value.h>

#include "value/json_scan.h"
#include "value/utf8.h"

// One step through source text: a run that is copied as it is, or one unit (an escape, a surrogate pair, an invalid byte).
struct text_unit {
    struct rm_str copy; // the run; empty when `code` holds instead
    uint32_t code;      // what an escape means
    bool broken;        // invalid UTF-8 or a lone surrogate: U+FFFD
    const char *next;
};

static uint32_t text_simple_escape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return (unsigned char)c; // quote, backslash, slash
    }
}

static struct text_unit text_escape(const char *p, const char *end)
{
    if (p[1] != 'u')
        return (struct text_unit){.code = text_simple_escape(p[1]), .next = p + 2};
    struct text_unit unit = {.code = (uint32_t)rm_json_hex4(p + 2, end), .next = p + 6};
    if (unit.code < 0xD800 || unit.code > 0xDFFF)
        return unit;
    int low = end - p >= 12 && p[6] == '\\' && p[7] == 'u' ? rm_json_hex4(p + 8, end) : -1;
    if (unit.code < 0xDC00 && low >= 0xDC00 && low <= 0xDFFF) {
        unit.code = 0x10000 + ((unit.code - 0xD800) << 10) + ((uint32_t)low - 0xDC00);
        unit.next = p + 12;
    } else {
        unit.broken = true;
    }
    return unit;
}

// `escapes`: a backslash begins one. Else it is an ordinary character, as quotes and controls are in any case here.
static struct text_unit text_next(const char *p, const char *end, bool escapes)
{
    if (*p == '\\' && escapes)
        return text_escape(p, end);
    const char *q = p;
    while (q < end && !(*q == '\\' && escapes)) {
        size_t size = rm_utf8_size(q, end);
        if (size == 0)
            break;
        q += size;
        q = rm_json_plain(q, end);
    }
    if (q == p)
        return (struct text_unit){.broken = true, .next = p + 1};
    return (struct text_unit){.copy = {p, (size_t)(q - p)}, .next = q};
}

// Into out; NULL: counts only.
static size_t text_decode(struct rm_str raw, bool escapes, char *out)
{
    size_t n = 0;
    const char *end = raw.p + raw.n;
    for (const char *p = raw.p; p < end;) {
        struct text_unit unit = text_next(p, end, escapes);
        char small[4];
        if (unit.broken)
            unit.copy = RM_STR(RM_UTF8_REPLACEMENT);
        else if (unit.copy.n == 0)
            unit.copy = (struct rm_str){small, rm_utf8_put(unit.code, small)};
        if (out)
            memcpy(out + n, unit.copy.p, unit.copy.n);
        n += unit.copy.n;
        p = unit.next;
    }
    return n;
}

size_t rm_json_decode(struct rm_str raw, char *out)
{
    return text_decode(raw, true, out);
}

static bool text_is_utf8(struct rm_str text)
{
    const char *end = text.p + text.n;
    for (const char *p = text.p; p < end;) {
        size_t size = rm_utf8_size(p, end);
        if (size == 0)
            return false;
        p = rm_json_plain(p + size, end);
    }
    return true;
}

struct rm_str rm_json_text(struct rm_arena *arena, struct rm_str raw, unsigned flags)
{
    bool plain = (flags & RM_V_PLAIN) != 0;
    if (raw.n == 0)
        return raw;
    if ((flags & (RM_V_PLAIN | RM_V_ESCAPED | RM_V_REWRITE)) == 0 || (plain && text_is_utf8(raw)))
        return raw;
    // A replacement is longer than what it replaces: only then the size is counted before.
    bool broken = plain || (flags & RM_V_REWRITE) != 0;
    char *text = rm_arena_alloc(arena, broken ? text_decode(raw, !plain, NULL) : raw.n);
    return (struct rm_str){text, text_decode(raw, !plain, text)};
}

int rm_json_mend(struct rm_buf *out, struct rm_str raw)
{
    if (raw.n == 0)
        return RM_OK;
    const char *end = raw.p + raw.n;
    for (const char *p = raw.p; p < end;) {
        struct text_unit unit = text_next(p, end, true);
        struct rm_str as_is = {p, (size_t)(unit.next - p)};
        int rc = rm_buf_append(out, unit.broken ? RM_STR(RM_UTF8_REPLACEMENT) : as_is);
        if (rc < 0)
            return rc;
        p = unit.next;
    }
    return RM_OK;
}

// The escape of quote, backslash or a control character.
static struct rm_str text_escaped(char c, char out[6])
{
    static const char hex[] = "0123456789abcdef";
    static const char letters[] = "btn?fr"; // from \b = 8 on; \v has none
    out[0] = '\\';
    if (c == '"' || c == '\\') {
        out[1] = c;
        return (struct rm_str){out, 2};
    }
    if (c >= '\b' && c <= '\r' && c != '\v') {
        out[1] = letters[c - '\b'];
        return (struct rm_str){out, 2};
    }
    out[1] = 'u';
    out[2] = out[3] = '0';
    out[4] = hex[(unsigned char)c >> 4];
    out[5] = hex[(unsigned char)c & 15];
    return (struct rm_str){out, 6};
}

int rm_json_escape(struct rm_buf *out, struct rm_str text)
{
    if (text.n == 0)
        return RM_OK;
    int rc = rm_buf_reserve(out, text.n); // at least
    const char *end = text.p + text.n;
    const char *p = text.p;
    while (rc == RM_OK && p < end) {
        // The longest run that needs no change.
        const char *q = rm_json_plain(p, end);
        size_t size = 0;
        while (q < end && (unsigned char)*q >= 0x80 && (size = rm_utf8_size(q, end)) > 0)
            q = rm_json_plain(q + size, end);
        rc = rm_buf_append(out, (struct rm_str){p, (size_t)(q - p)});
        if (rc < 0 || q == end)
            break;
        char small[6];
        bool broken = (unsigned char)*q >= 0x80;
        rc = rm_buf_append(out, broken ? RM_STR(RM_UTF8_REPLACEMENT) : text_escaped(*q, small));
        p = q + 1;
    }
    return rc;
}
