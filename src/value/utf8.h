// UTF-8, one sequence at a time (RFC 3629: no surrogates, nothing overlong, nothing above U+10FFFF). Pure functions.
// SPDX-License-Identifier: Apache-2.0
#ifndef VALUE_UTF8_H
#define VALUE_UTF8_H

#include <remora/base.h>

#define RM_UTF8_REPLACEMENT "\xEF\xBF\xBD" // U+FFFD, for each byte that belongs to no sequence

// The bytes of the sequence at p (1 to 4); 0 when there is no valid one. p must be before end.
static inline size_t rm_utf8_size(const char *p, const char *end)
{
    const unsigned char *s = (const unsigned char *)p;
    size_t left = (size_t)(end - p);
    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xC2 || left < 2 || (s[1] & 0xC0) != 0x80)
        return 0;
    if (s[0] < 0xE0)
        return 2;
    if (left < 3 || (s[2] & 0xC0) != 0x80)
        return 0;
    if (s[0] < 0xF0) {
        bool overlong = s[0] == 0xE0 && s[1] < 0xA0;
        bool surrogate = s[0] == 0xED && s[1] > 0x9F;
        return overlong || surrogate ? 0 : 3;
    }
    if (left < 4 || (s[3] & 0xC0) != 0x80 || s[0] > 0xF4)
        return 0;
    bool overlong = s[0] == 0xF0 && s[1] < 0x90;
    bool too_high = s[0] == 0xF4 && s[1] > 0x8F;
    return overlong || too_high ? 0 : 4;
}

// Writes a code point (a scalar value, never a surrogate) and gives its size; out has room for 4.
static inline size_t rm_utf8_put(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

#endif
