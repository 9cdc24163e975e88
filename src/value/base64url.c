// Four characters are three bytes; two or three at the end are one or two. Pure.
// SPDX-License-Identifier: Apache-2.0
#include "value/base64url.h"

// -1: not of the alphabet.
static int base64url_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

int rm_base64url_decode(struct rm_arena *arena, struct rm_str text, struct rm_str *out)
{
    char *bytes = rm_arena_alloc(arena, text.n / 4 * 3 + 3);
    size_t n = 0;
    uint32_t bits = 0, held = 0; // `held` bits at the end of `bits` wait for their byte
    for (size_t i = 0; i < text.n; i++) {
        int digit = base64url_digit(text.p[i]);
        if (digit < 0)
            return RM_EDECODE;
        bits = (bits << 6 | (uint32_t)digit) & 0xFFF;
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes[n++] = (char)(bits >> held);
        }
    }
    if (text.n % 4 == 1 || (bits & ((1U << held) - 1)) != 0)
        return RM_EDECODE;
    *out = (struct rm_str){bytes, n};
    return RM_OK;
}
