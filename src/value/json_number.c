// See json_number.h.
// SPDX-License-Identifier: Apache-2.0
#include "value/json_number.h"

#define NUMBER_MOST_POINT INT64_C(1000000000000000)

static int64_t number_exponent(struct rm_str text)
{
    bool negative = text.n > 0 && text.p[0] == '-';
    int64_t n = 0;
    for (size_t i = text.n > 0 && (text.p[0] == '-' || text.p[0] == '+') ? 1 : 0; i < text.n; i++)
        n = n < NUMBER_MOST_POINT ? n * 10 + (text.p[i] - '0') : NUMBER_MOST_POINT;
    return negative ? -n : n;
}

struct rm_number rm_number_of(struct rm_arena *arena, struct rm_str text)
{
    struct rm_number n = {.negative = text.p[0] == '-'};
    size_t from = n.negative ? 1 : 0, end = from, dot = SIZE_MAX;
    while (end < text.n && text.p[end] != 'e' && text.p[end] != 'E') {
        if (text.p[end] == '.')
            dot = end;
        end++;
    }
    n.digits = rm_str_sub(text, from, end);
    n.point = (int64_t)((dot == SIZE_MAX ? end : dot) - from);
    if (dot != SIZE_MAX) {
        char *digits = rm_arena_alloc(arena, end - from);
        memcpy(digits, text.p + from, dot - from);
        memcpy(digits + (dot - from), text.p + dot + 1, end - dot - 1);
        n.digits = (struct rm_str){digits, end - from - 1};
    }
    if (end < text.n)
        n.point += number_exponent(rm_str_sub(text, end + 1, text.n));
    while (n.digits.n > 0 && n.digits.p[0] == '0') {
        n.digits = rm_str_sub(n.digits, 1, n.digits.n);
        n.point--;
    }
    while (n.digits.n > 0 && n.digits.p[n.digits.n - 1] == '0')
        n.digits.n--;
    if (n.digits.n == 0)
        n = (struct rm_number){0};
    return n;
}

static int number_sign(const struct rm_number *n)
{
    return n->digits.n == 0 ? 0 : n->negative ? -1 : 1;
}

int rm_number_cmp(const struct rm_number *a, const struct rm_number *b)
{
    int sign = number_sign(a), other = number_sign(b);
    if (sign != other || sign == 0)
        return sign - other;
    if (a->point != b->point)
        return a->point < b->point ? -sign : sign;
    return sign * rm_str_cmp(a->digits, b->digits); // what is longer is more, as nothing ends in a zero
}

bool rm_number_is_integer(const struct rm_number *n)
{
    return n->digits.n == 0 || n->point >= (int64_t)n->digits.n;
}

static uint64_t number_times(uint64_t a, uint64_t b, uint64_t m)
{
    return (uint64_t)((unsigned __int128)a * b % m);
}

bool rm_number_is_multiple(const struct rm_number *n, const struct rm_number *m)
{
    if (n->digits.n == 0)
        return true;
    uint64_t of = 0, rest = 0, ten = 10;
    for (size_t i = 0; i < m->digits.n; i++)
        of = of * 10 + (uint64_t)(m->digits.p[i] - '0');
    int64_t shift = (n->point - (int64_t)n->digits.n) - (m->point - (int64_t)m->digits.n);
    if (shift < 0)
        return false; // it has digits behind the last one of m
    for (size_t i = 0; i < n->digits.n; i++)
        rest = (number_times(rest, 10, of) + (uint64_t)(n->digits.p[i] - '0')) % of;
    for (ten %= of; shift > 0 && rest > 0; shift >>= 1) {
        if (shift & 1)
            rest = number_times(rest, ten, of);
        ten = number_times(ten, ten, of);
    }
    return rest == 0;
}
