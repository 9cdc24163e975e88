// The character classes and lists of HTTP fields. Owns nothing.
// SPDX-License-Identifier: Apache-2.0
#include "net/text.h"

// Sets of characters, one bit each; bytes above 0x7f are in none.
struct text_set {
    uint32_t bits[8];
};
static const struct text_set text_token = {{0x00000000, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff}}; // RFC 9110 5.6.2
static const struct text_set text_host = {{0x00000000, 0x07ff6000, 0x87fffffe, 0x07fffffe}};  // A-Z a-z 0-9 - . _ :

static bool text_is_of(const struct text_set *set, struct rm_str s)
{
    uint32_t all = 1;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        all &= set->bits[c >> 5] >> (c & 31);
    }
    return s.n > 0 && (all & 1);
}

bool rm_text_is_token(struct rm_str s)
{
    return text_is_of(&text_token, s);
}

bool rm_text_is_host(struct rm_str s)
{
    return text_is_of(&text_host, s);
}

static bool text_is_value_byte(unsigned char c)
{
    return (c >= 0x20 || c == '\t') && c != 0x7f;
}

bool rm_text_is_value(struct rm_str s)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones * 0x80;
    size_t i = 0;
    // Eight at a time: a byte below 0x20, or 0x7f, leaves its high bit set. A tab does too: then each one is looked at.
    for (; i + 8 <= s.n; i += 8) {
        uint64_t eight;
        memcpy(&eight, s.p + i, 8);
        uint64_t low = (eight - ones * 0x20) & ~eight, del = eight ^ (ones * 0x7f);
        if (((low | ((del - ones) & ~del)) & highs) == 0)
            continue;
        for (size_t j = 0; j < 8; j++) {
            if (!text_is_value_byte((unsigned char)s.p[i + j]))
                return false;
        }
    }
    for (; i < s.n; i++) {
        if (!text_is_value_byte((unsigned char)s.p[i]))
            return false;
    }
    return true;
}

static bool text_is_space(char c)
{
    return c == ' ' || c == '\t';
}

struct rm_str rm_text_trim(struct rm_str s)
{
    while (s.n > 0 && text_is_space(s.p[0]))
        s = rm_str_sub(s, 1, s.n);
    while (s.n > 0 && text_is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool rm_text_next_member(struct rm_str *rest, struct rm_str *member)
{
    while (rest->n > 0) {
        const char *comma = memchr(rest->p, ',', rest->n);
        size_t n = comma ? (size_t)(comma - rest->p) : rest->n;
        struct rm_str item = rm_text_trim(rm_str_sub(*rest, 0, n));
        *rest = rm_str_sub(*rest, comma ? n + 1 : n, rest->n);
        if (item.n > 0) {
            *member = item;
            return true;
        }
    }
    return false;
}
