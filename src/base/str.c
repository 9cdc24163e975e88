// Borrowed text: comparison only. Owns nothing and allocates nothing.
// SPDX-License-Identifier: Apache-2.0
#include <remora/base.h>

struct rm_str rm_str_of(const char *z)
{
    if (!z)
        return (struct rm_str){NULL, 0};
    return (struct rm_str){z, strlen(z)};
}

// Eight bytes with their capitals made small.
static uint64_t str_lower8(const char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t text;
    memcpy(&text, p, sizeof(text));
    uint64_t low = text & ones * 0x7F; // what is added to one byte carries into no other
    uint64_t from_a = low + ones * (0x80 - 'A'), from_above_z = low + ones * (0x80 - 'Z' - 1);
    return text | (from_a & ~from_above_z & ~text & ones * 0x80) >> 2;
}

static unsigned char str_lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool rm_str_same_nocase(const char *a, const char *b, size_t n)
{
    if (n >= 8) {
        for (; n > 8; a += 8, b += 8, n -= 8)
            if (str_lower8(a) != str_lower8(b))
                return false;
        return str_lower8(a + n - 8) == str_lower8(b + n - 8); // overlaps what went before
    }
    for (size_t i = 0; i < n; i++)
        if (str_lower(a[i]) != str_lower(b[i]))
            return false;
    return true;
}

int rm_str_cmp(struct rm_str a, struct rm_str b)
{
    size_t both = a.n < b.n ? a.n : b.n;
    int order = both > 0 ? memcmp(a.p, b.p, both) : 0;
    if (order != 0)
        return order;
    return (a.n > b.n) - (a.n < b.n);
}

bool rm_str_starts(struct rm_str s, struct rm_str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}
