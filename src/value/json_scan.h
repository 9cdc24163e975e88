// JSON's tokens (RFC 8259): white space, numbers and strings are validated and stepped over, never copied. The parser's hot
// path, so most of it is inline. Nothing reads at or behind `end`.
// SPDX-License-Identifier: Apache-2.0
#ifndef VALUE_JSON_SCAN_H
#define VALUE_JSON_SCAN_H

#include <remora/base.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct rm_json_fault {
    const char *at;   // the byte that is wrong
    const char *what; // why; a literal
};

// Fills the fault; NULL, so that a scanner may return it.
static inline const char *rm_json_wrong(struct rm_json_fault *fault, const char *at, const char *what)
{
    *fault = (struct rm_json_fault){at, what};
    return NULL;
}

static inline uint64_t rm_json_load64(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

static inline const char *rm_json_space(const char *p, const char *end)
{
    if (p < end && (unsigned char)*p > ' ')
        return p;
    // Indentation comes in long runs.
    while (end - p >= 8 && rm_json_load64(p) == UINT64_C(0x2020202020202020))
        p += 8;
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

// The first byte that is not plain string content (printable ASCII but quote and backslash), or end.
static inline const char *rm_json_plain(const char *p, const char *end)
{
#ifdef __SSE2__
    while (end - p >= 16) {
        __m128i text = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i quote = _mm_cmpeq_epi8(text, _mm_set1_epi8('"'));
        __m128i backslash = _mm_cmpeq_epi8(text, _mm_set1_epi8('\\'));
        __m128i other = _mm_cmplt_epi8(text, _mm_set1_epi8(' ')); // signed: controls, and bytes from 0x80 on
        unsigned found = (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), other));
        if (found != 0)
            return p + __builtin_ctz(found);
        p += 16;
    }
#else
    // A byte's high bit is set in each term where the byte is the one looked for; a borrow may add false ones above it.
    const uint64_t ones = UINT64_C(0x0101010101010101);
    while (end - p >= 8) {
        uint64_t text = rm_json_load64(p);
        uint64_t quote = text ^ ones * '"', backslash = text ^ ones * '\\';
        uint64_t found = ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | (text - ones * ' ') | text;
        if ((found & ones * 0x80) != 0)
            break;
        p += 8;
    }
#endif
    while (p < end && *p != '"' && *p != '\\' && (signed char)*p >= ' ')
        p++;
    return p;
}

// The value of four hexadecimal digits at p, or -1.
int rm_json_hex4(const char *p, const char *end);

// p is behind the opening quote. The closing quote; NULL: fault is filled. RM_V_ESCAPED and RM_V_REWRITE are added to *flags.
const char *rm_json_string_rest(const char *p, const char *end, unsigned *flags, struct rm_json_fault *fault);
static inline const char *rm_json_string(const char *p, const char *end, unsigned *flags, struct rm_json_fault *fault)
{
    p = rm_json_plain(p, end);
    if (p < end && *p == '"')
        return p;
    return rm_json_string_rest(p, end, flags, fault);
}

static inline bool rm_json_digit(const char *p, const char *end)
{
    return p < end && (unsigned char)(*p - '0') < 10;
}

// p is at '-' or a digit. The end of the number; NULL: fault is filled.
static inline const char *rm_json_number(const char *p, const char *end, struct rm_json_fault *fault)
{
    p += *p == '-';
    if (!rm_json_digit(p, end))
        return rm_json_wrong(fault, p, "a number without digits");
    if (*p == '0') {
        p++;
        if (rm_json_digit(p, end))
            return rm_json_wrong(fault, p, "a number with a leading zero");
    } else {
        do {
            p++;
        } while (rm_json_digit(p, end));
    }
    if (p < end && *p == '.') {
        p++;
        if (!rm_json_digit(p, end))
            return rm_json_wrong(fault, p, "a number without digits behind its point");
        do {
            p++;
        } while (rm_json_digit(p, end));
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p < end && (*p == '+' || *p == '-');
        if (!rm_json_digit(p, end))
            return rm_json_wrong(fault, p, "a number without digits in its exponent");
        do {
            p++;
        } while (rm_json_digit(p, end));
    }
    return p;
}

#endif
