// What a YAML scalar is: the core schema of YAML 1.2, with numbers turned into JSON's notation.
// SPDX-License-Identifier: Apache-2.0
#include <remora/scalar.h>

#include <inttypes.h>

static bool scalar_is(struct rm_str text, const char *const *words)
{
    for (; *words; words++) {
        if (rm_str_eq(text, rm_str_of(*words)))
            return true;
    }
    return false;
}

static size_t scalar_digits(struct rm_str text, size_t at)
{
    while (at < text.n && text.p[at] >= '0' && text.p[at] <= '9')
        at++;
    return at;
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
static bool scalar_decimal(struct rm_arena *arena, struct rm_str text, struct rm_str *raw)
{
    size_t at = text.n > 0 && (text.p[0] == '-' || text.p[0] == '+');
    bool is_negative = at > 0 && text.p[0] == '-';
    size_t whole = at;
    at = scalar_digits(text, at);
    size_t whole_end = at, fraction = at, fraction_end = at;
    bool has_dot = at < text.n && text.p[at] == '.';
    if (has_dot) {
        fraction = at + 1;
        fraction_end = at = scalar_digits(text, fraction);
    }
    if (whole_end == whole && fraction_end == fraction)
        return false;
    size_t exponent = at;
    if (at < text.n && (text.p[at] == 'e' || text.p[at] == 'E')) {
        at++;
        at += at < text.n && (text.p[at] == '-' || text.p[at] == '+');
        size_t digits = at;
        at = scalar_digits(text, at);
        if (at == digits)
            return false;
    }
    if (at != text.n)
        return false;
    while (whole + 1 < whole_end && text.p[whole] == '0')
        whole++;
    // As it stands where JSON writes it so, too.
    if (whole == (size_t)is_negative && whole_end > whole && (!has_dot || fraction_end > fraction)) {
        *raw = text;
        return true;
    }
    *raw = rm_arena_printf(arena, "%s%s%.*s%s%.*s%s%.*s", is_negative ? "-" : "", whole_end > whole ? "" : "0",
                           (int)(whole_end - whole), text.p + whole, has_dot ? "." : "", (int)(fraction_end - fraction),
                           text.p + fraction, has_dot && fraction_end == fraction ? "0" : "", (int)(text.n - exponent),
                           text.p + exponent);
    return true;
}

// 0o17 and 0x1F: -1 no such number, 0 too large, 1 done.
static int scalar_radix(struct rm_arena *arena, struct rm_str text, struct rm_str *raw)
{
    unsigned bits = rm_str_starts(text, RM_STR("0x")) ? 4 : rm_str_starts(text, RM_STR("0o")) ? 3 : 0;
    if (bits == 0 || text.n < 3)
        return -1;
    uint64_t n = 0;
    bool too_large = false;
    for (size_t i = 2; i < text.n; i++) {
        char c = text.p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : 99;
        if (digit >= 1 << bits)
            return -1;
        too_large |= n >> (64 - bits) != 0;
        n = n << bits | (unsigned)digit;
    }
    *raw = rm_arena_printf(arena, "%" PRIu64, n);
    return !too_large;
}

const char *rm_yaml_resolve(struct rm_arena *arena, struct rm_str text, enum rm_type *type, struct rm_str *raw)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    static const char *const beyond[] = {".inf",  ".Inf",  ".INF", "+.inf", "+.Inf", "+.INF", "-.inf",
                                         "-.Inf", "-.INF", ".nan", ".NaN",  ".NAN",  NULL};
    *raw = text;
    *type = RM_STRING;
    if (scalar_is(text, nulls))
        *type = RM_NULL;
    else if (scalar_is(text, trues))
        *type = RM_TRUE;
    else if (scalar_is(text, falses))
        *type = RM_FALSE;
    else if (scalar_is(text, beyond))
        return "is a number that JSON does not have: quote it if it is text";
    else if (scalar_decimal(arena, text, raw))
        *type = RM_NUMBER;
    else {
        int found = scalar_radix(arena, text, raw);
        if (found == 0)
            return "has more than 64 bits: quote it if it is text";
        if (found > 0)
            *type = RM_NUMBER;
    }
    return NULL;
}

const char *rm_yaml_tagged(struct rm_arena *arena, struct rm_str tag, struct rm_str text, enum rm_type *type,
                           struct rm_str *raw)
{
    if (rm_str_eq(tag, RM_STR("str"))) {
        *type = RM_STRING;
        *raw = text;
        return NULL;
    }
    static const char *const known[] = {"int", "float", "bool", "null", NULL};
    if (!scalar_is(tag, known))
        return "is not known here: str, int, float, bool, null, map and seq are";
    const char *why = rm_yaml_resolve(arena, text, type, raw);
    if (why)
        return why;
    bool fits = tag.p[0] == 'n'   ? *type == RM_NULL
                : tag.p[0] == 'b' ? *type == RM_TRUE || *type == RM_FALSE
                : tag.p[0] == 'f' ? *type == RM_NUMBER
                                  : *type == RM_NUMBER && !memchr(raw->p, '.', raw->n) &&
                                        !memchr(raw->p, 'e', raw->n) && !memchr(raw->p, 'E', raw->n);
    return fits ? NULL : "does not fit this value";
}
