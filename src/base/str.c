// Borrowed text: comparison only. Owns nothing and allocates nothing.
// SPDX-License-Identifier: Apache-2.0
#include <remora/base.h>

struct rm_str rm_str_of(const char *z)
{
    if (!z)
        return (struct rm_str){NULL, 0};
    return (struct rm_str){z, strlen(z)};
}

bool rm_str_eq(struct rm_str a, struct rm_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static unsigned char str_lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool rm_str_eq_nocase(struct rm_str a, struct rm_str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++) {
        if (str_lower(a.p[i]) != str_lower(b.p[i]))
            return false;
    }
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
