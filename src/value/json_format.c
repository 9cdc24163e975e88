// See json_format.h. Patterns where a pattern can say it. What xeipuuv/gojsonschema takes beyond a format's definition (a date as date-time,
// a time without zone) is taken here, too; what net/mail and net/url of Go read is narrowed to what people mean: an address without a
// name beside it, a URI without white space.
// SPDX-License-Identifier: Apache-2.0
#include "value/json_format.h"

#include <arpa/inet.h>

// Two digits of at most `most`; -1: none.
static int format_two(struct rm_str text, size_t at, int most)
{
    if (at + 2 > text.n || text.p[at] < '0' || text.p[at] > '9' || text.p[at + 1] < '0' || text.p[at + 1] > '9')
        return -1;
    int n = (text.p[at] - '0') * 10 + (text.p[at + 1] - '0');
    return n <= most ? n : -1;
}

static bool format_date(struct rm_arena *scratch, struct rm_str text)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    (void)scratch;
    int century = format_two(text, 0, 99), year = format_two(text, 2, 99), month = format_two(text, 5, 12),
        day = format_two(text, 8, 31);
    if (text.n != 10 || text.p[4] != '-' || text.p[7] != '-' || century < 0 || year < 0 || month < 1 || day < 1)
        return false;
    bool leap = year % 4 == 0 && (year > 0 || century % 4 == 0);
    return day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

// "15:04:05", a fraction, "Z" or "+01:00". `zone`: there must be one.
static bool format_clock(struct rm_str text, bool zone)
{
    if (format_two(text, 0, 23) < 0 || format_two(text, 3, 59) < 0 || format_two(text, 6, 59) < 0 || text.p[2] != ':' ||
        text.p[5] != ':')
        return false;
    size_t at = 8;
    if (at < text.n && text.p[at] == '.') {
        size_t from = ++at;
        while (at < text.n && text.p[at] >= '0' && text.p[at] <= '9')
            at++;
        if (at == from)
            return false;
    }
    if (at == text.n)
        return !zone;
    if (text.p[at] == 'Z')
        return at + 1 == text.n;
    return at + 6 == text.n && (text.p[at] == '+' || text.p[at] == '-') && format_two(text, at + 1, 23) >= 0 &&
           text.p[at + 3] == ':' && format_two(text, at + 4, 59) >= 0;
}

static bool format_time(struct rm_arena *scratch, struct rm_str text)
{
    (void)scratch;
    return format_clock(text, false);
}

static bool format_date_time(struct rm_arena *scratch, struct rm_str text)
{
    if (text.n > 11 && text.p[10] == 'T')
        return format_date(scratch, rm_str_sub(text, 0, 10)) && format_clock(rm_str_sub(text, 11, text.n), true);
    return format_date(scratch, text) || format_clock(text, false);
}

static bool format_address(struct rm_str text, int family)
{
    char z[INET6_ADDRSTRLEN];
    uint8_t address[16];
    if (text.n >= sizeof z || (text.n > 0 && memchr(text.p, '\0', text.n)))
        return false;
    memcpy(z, text.n > 0 ? text.p : "", text.n);
    z[text.n] = '\0';
    return inet_pton(family, z, address) == 1;
}

static bool format_ipv4(struct rm_arena *scratch, struct rm_str text)
{
    (void)scratch;
    return format_address(text, AF_INET);
}

static bool format_ipv6(struct rm_arena *scratch, struct rm_str text)
{
    (void)scratch;
    return format_address(text, AF_INET6);
}

static bool format_short(struct rm_arena *scratch, struct rm_str text)
{
    (void)scratch;
    return text.n < 256;
}

// Compiling is quick for what is short.
static bool format_regex(struct rm_arena *scratch, struct rm_str text)
{
    const struct rm_regex *regex;
    return text.n <= 1024 && rm_regex_compile(scratch, text, &regex, NULL) == RM_OK;
}

#define LABEL "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
#define URI "(?:[^\\x00-\\x20\\x7f\\\\%]|%[0-9A-Fa-f]{2})*$"
#define EMAIL "^[^\\x00-\\x20\\x7f()<>,;:\\\\\"@\\[\\]]+@[^\\x00-\\x20\\x7f()<>,;:\\\\\"@\\[\\]]+$"

static const struct rm_format format_known[] = {
    {"date", NULL, format_date},
    {"time", NULL, format_time},
    {"date-time", NULL, format_date_time},
    {"hostname", "^" LABEL "(?:\\." LABEL ")*$", format_short},
    {"email", EMAIL, NULL},
    {"idn-email", EMAIL, NULL},
    {"ipv4", NULL, format_ipv4},
    {"ipv6", NULL, format_ipv6},
    {"uri", "^[a-zA-Z][a-zA-Z0-9+.-]*:" URI, NULL},
    {"iri", "^[a-zA-Z][a-zA-Z0-9+.-]*:" URI, NULL},
    {"uri-reference", "^" URI, NULL},
    {"iri-reference", "^" URI, NULL},
    {"uri-template", "^(?:[^{}\\x00-\\x20\\x7f\\\\]|\\{[^{}\\x00-\\x20\\x7f\\\\]*\\})*$", NULL},
    {"uuid", "^(?i)[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}$", NULL},
    {"regex", NULL, format_regex},
    {"json-pointer", "^(?:/(?:[^~/]|~0|~1)*)*$", NULL},
    {"relative-json-pointer", "^(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^~/]|~0|~1)*)*)$", NULL},
};

const struct rm_format *rm_format_find(struct rm_str name)
{
    for (size_t i = 0; i < RM_COUNT(format_known); i++) {
        if (rm_str_eq(name, rm_str_of(format_known[i].name)))
            return &format_known[i];
    }
    return NULL;
}
