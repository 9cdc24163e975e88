// Base64 with padding (base64.h).
// SPDX-License-Identifier: Apache-2.0
#include "value/base64.h"

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at ? (int)(at - digits) : -1;
}

int rm_base64_decode(struct rm_arena *arena, struct rm_str in, struct rm_str *out)
{
    size_t pads = in.n >= 4 && in.p[in.n - 1] == '=' ? 1 + (in.p[in.n - 2] == '=') : 0;
    char *text = rm_arena_alloc(arena, in.n + 1);
    uint32_t bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < in.n - pads; i++) {
        int digit = base64_digit(in.p[i]);
        if (digit < 0)
            return RM_EDECODE;
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 > 0)
            text[n++] = (char)(bits >> (6 - 2 * (i % 4)));
    }
    *out = (struct rm_str){text, n};
    return in.n % 4 == 0 ? RM_OK : RM_EDECODE;
}
