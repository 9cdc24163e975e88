// Percent-coding and the walk over a query's pairs. Pure functions; what they make lies in the caller's arena.
// SPDX-License-Identifier: Apache-2.0
#include "base/pct.h"

static int pct_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

int rm_pct_decode(struct rm_arena *arena, struct rm_str in, bool plus, struct rm_str *out)
{
    bool coded = false;
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] == '\0')
            return RM_EREQUEST;
        coded |= in.p[i] == '%' || (plus && in.p[i] == '+');
    }
    if (!coded) {
        *out = in;
        return RM_OK;
    }
    char *text = rm_arena_alloc(arena, in.n);
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        if (c == '%') {
            int high = i + 2 < in.n ? pct_hex(in.p[i + 1]) : -1;
            int low = i + 2 < in.n ? pct_hex(in.p[i + 2]) : -1;
            if (high < 0 || low < 0 || high + low == 0)
                return RM_EREQUEST;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        text[n++] = c;
    }
    *out = (struct rm_str){text, n};
    return RM_OK;
}

static bool pct_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

static bool pct_segment(unsigned char c)
{
    return pct_unreserved(c) || (c != '\0' && strchr("!$&'()*+,;=:@", c) != NULL);
}

static struct rm_str pct_encode(struct rm_arena *arena, struct rm_str in, bool (*kept)(unsigned char))
{
    static const char hex[] = "0123456789ABCDEF";
    size_t coded = 0;
    for (size_t i = 0; i < in.n; i++)
        coded += !kept((unsigned char)in.p[i]);
    if (coded == 0)
        return in;
    char *text = rm_arena_alloc(arena, in.n + 2 * coded);
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        unsigned char c = (unsigned char)in.p[i];
        if (kept(c)) {
            text[n++] = (char)c;
        } else {
            text[n++] = '%';
            text[n++] = hex[c >> 4];
            text[n++] = hex[c & 15];
        }
    }
    return (struct rm_str){text, n};
}

struct rm_str rm_pct_encode_segment(struct rm_arena *arena, struct rm_str in)
{
    return pct_encode(arena, in, pct_segment);
}

struct rm_str rm_pct_encode_query(struct rm_arena *arena, struct rm_str in)
{
    return pct_encode(arena, in, pct_unreserved);
}

bool rm_query_next(struct rm_str *rest, struct rm_query_pair *out)
{
    while (rest->n > 0 && rest->p[0] == '&')
        *rest = rm_str_sub(*rest, 1, rest->n);
    if (rest->n == 0)
        return false;
    const char *amp = memchr(rest->p, '&', rest->n);
    size_t end = amp ? (size_t)(amp - rest->p) : rest->n;
    out->pair = rm_str_sub(*rest, 0, end);
    *rest = rm_str_sub(*rest, end, rest->n);
    const char *equals = memchr(out->pair.p, '=', end);
    size_t key_end = equals ? (size_t)(equals - out->pair.p) : end;
    out->key = rm_str_sub(out->pair, 0, key_end);
    out->value = rm_str_sub(out->pair, equals ? key_end + 1 : end, end);
    return true;
}
