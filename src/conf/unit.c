// Durations, sizes and whole numbers as people write them, both ways.
// SPDX-License-Identifier: Apache-2.0
#include "conf/unit.h"

#include <inttypes.h>

#define UNIT_MAX_NS ((uint64_t)INT64_MAX) // Go's limit: 292 years

static const struct {
    const char *name;
    uint64_t ns;
} unit_times[] = {
    {"ns", 1},
    {"us", 1000},
    {"\xc2\xb5s", 1000}, // micro sign
    {"\xce\xbcs", 1000}, // Greek mu
    {"ms", 1000000},
    {"s", UINT64_C(1000000000)},
    {"m", UINT64_C(60000000000)},
    {"h", UINT64_C(3600000000000)},
};

static bool unit_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char unit_no_unit[] = "has no unit: one of ns, us, ms, s, m, h belongs behind the number, e.g. 3000ms";

const char *rm_duration_parse(struct rm_str text, uint64_t *us)
{
    uint64_t total = 0;
    size_t at = 0;
    if (text.n == 0)
        return "is empty: a duration is a number with a unit, e.g. 500ms or 1m30s";
    if (text.p[0] == '-')
        return "is negative";
    at += text.p[0] == '+';
    if (rm_str_eq(rm_str_sub(text, at, text.n), RM_STR("0"))) {
        *us = 0;
        return NULL;
    }
    if (at == text.n)
        return "is no duration: a number with a unit, e.g. 500ms or 1m30s";
    while (at < text.n) {
        uint64_t whole = 0, fraction = 0, scale = 1;
        size_t digits = at;
        bool too_long = false;
        for (; at < text.n && unit_is_digit(text.p[at]); at++) {
            too_long |= whole > UNIT_MAX_NS / 10 - 1;
            if (!too_long)
                whole = whole * 10 + (uint64_t)(text.p[at] - '0');
        }
        bool has_digits = at > digits;
        if (at < text.n && text.p[at] == '.') {
            size_t point = ++at;
            for (; at < text.n && unit_is_digit(text.p[at]); at++) {
                if (scale < UINT64_C(100000000000000)) {
                    fraction = fraction * 10 + (uint64_t)(text.p[at] - '0');
                    scale *= 10;
                }
            }
            has_digits |= at > point;
        }
        if (!has_digits)
            return "is no duration: a number with a unit (ns, us, ms, s, m, h), e.g. 500ms or 1m30s";
        size_t unit = at;
        while (at < text.n && text.p[at] != '.' && !unit_is_digit(text.p[at]))
            at++;
        struct rm_str name = rm_str_sub(text, unit, at);
        if (name.n == 0)
            return unit_no_unit;
        if (rm_str_eq(name, RM_STR("d")))
            return "is in days: the longest unit is h, e.g. 24h";
        uint64_t ns = 0;
        for (size_t i = 0; i < RM_COUNT(unit_times); i++) {
            if (rm_str_eq(name, rm_str_of(unit_times[i].name)))
                ns = unit_times[i].ns;
        }
        if (ns == 0)
            return "has an unknown unit: ns, us, ms, s, m and h are known, without spaces";
        uint64_t part;
        if (too_long || __builtin_mul_overflow(whole, ns, &part))
            return "is too long: 292 years is the most";
        part += (uint64_t)((double)fraction * ((double)ns / (double)scale));
        total += part;
        if (part > UNIT_MAX_NS || total > UNIT_MAX_NS)
            return "is too long: 292 years is the most";
    }
    *us = total / 1000 + (total % 1000 > 0 && total < UNIT_MAX_NS - 999);
    return NULL;
}

const char *rm_size_parse(struct rm_str text, uint64_t *bytes)
{
    static const struct {
        const char *name;
        unsigned shift;
    } units[] = {{"", 0}, {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"Ki", 10}, {"Mi", 20}, {"Gi", 30}};
    size_t digits = 0;
    while (digits < text.n && unit_is_digit(text.p[digits]))
        digits++;
    struct rm_str unit = rm_str_sub(text, digits, text.n);
    for (size_t i = 0; digits > 0 && i < RM_COUNT(units); i++) {
        if (!rm_str_eq(unit, rm_str_of(units[i].name)))
            continue;
        const char *why = rm_whole_parse(rm_str_sub(text, 0, digits), bytes);
        if (!why && *bytes > UINT64_MAX >> (units[i].shift + 1))
            why = "is too large";
        if (!why)
            *bytes <<= units[i].shift;
        return why;
    }
    return "is no size: a number of bytes, or one with KiB, MiB or GiB, e.g. 16MiB";
}

const char *rm_whole_parse(struct rm_str text, uint64_t *n)
{
    uint64_t value = 0;
    size_t at = 0;
    static const char no_whole[] = "is no whole number";
    if (text.n > 0 && text.p[0] == '-')
        return "is negative or no number";
    if (text.n > 0 && text.p[0] == '+')
        at++;
    size_t first = at;
    for (; at < text.n && unit_is_digit(text.p[at]); at++) {
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(text.p[at] - '0'), &value))
            return "is too large";
    }
    if (at == first)
        return no_whole;
    // A fraction may shift into the whole part: 1.5e3 is 1500.
    size_t fraction = at, fraction_end = at;
    if (at < text.n && text.p[at] == '.') {
        fraction = ++at;
        while (at < text.n && unit_is_digit(text.p[at]))
            at++;
        fraction_end = at;
        if (fraction == fraction_end)
            return no_whole;
    }
    unsigned exponent = 0;
    if (at < text.n && (text.p[at] == 'e' || text.p[at] == 'E')) {
        at++;
        at += at < text.n && text.p[at] == '+';
        size_t digits = at;
        for (; at < text.n && unit_is_digit(text.p[at]) && exponent < 100; at++)
            exponent = exponent * 10 + (unsigned)(text.p[at] - '0');
        if (at == digits)
            return no_whole;
    }
    if (at != text.n)
        return no_whole;
    for (size_t i = fraction; i < fraction_end || exponent > 0; i++) {
        unsigned digit = i < fraction_end ? (unsigned)(text.p[i] - '0') : 0;
        if (exponent == 0 && digit != 0)
            return no_whole;
        if (exponent == 0)
            continue;
        exponent--;
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value))
            return "is too large";
    }
    *n = value;
    return NULL;
}

struct rm_str rm_duration_format(struct rm_arena *arena, uint64_t us)
{
    static const struct {
        const char *name;
        uint64_t us;
    } units[] = {{"h", UINT64_C(3600000000)}, {"m", 60000000}, {"s", 1000000}, {"ms", 1000}, {"us", 1}};
    for (size_t i = 0; us > 0 && i < RM_COUNT(units); i++) {
        if (us % units[i].us == 0)
            return rm_arena_printf(arena, "%" PRIu64 "%s", us / units[i].us, units[i].name);
    }
    return RM_STR("0s");
}

struct rm_str rm_size_format(struct rm_arena *arena, uint64_t bytes)
{
    static const char *const names[] = {"GiB", "MiB", "KiB"};
    for (unsigned i = 0; bytes > 0 && i < RM_COUNT(names); i++) {
        unsigned shift = 30 - 10 * i;
        if ((bytes & ((UINT64_C(1) << shift) - 1)) == 0)
            return rm_arena_printf(arena, "%" PRIu64 "%s", bytes >> shift, names[i]);
    }
    return rm_arena_printf(arena, "%" PRIu64 "B", bytes);
}
