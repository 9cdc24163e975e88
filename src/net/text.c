// The character classes and lists of HTTP fields. Owns nothing.
// SPDX-License-Identifier: Apache-2.0
#include "net/text.h"

// RFC 9110 5.6.2: "!#$%&'*+-.^_`|~", digits and letters, one bit a character.
static const uint32_t text_token_bits[4] = {0x00000000, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff};

bool rm_text_is_token(struct rm_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x80 || !(text_token_bits[c >> 5] >> (c & 31) & 1))
            return false;
    }
    return s.n > 0;
}

bool rm_text_is_value(struct rm_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
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
