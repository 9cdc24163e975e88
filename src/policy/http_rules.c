// RFC 9111's rules (http_rules.h).
// SPDX-License-Identifier: Apache-2.0
#include "policy/http_rules.h"

#include <time.h>

// ---- Cache-Control ---------------------------------------------------------------------------------------------------

static bool rules_is_space(char c)
{
    return c == ' ' || c == '\t';
}

static struct rm_str rules_trim(struct rm_str s)
{
    while (s.n > 0 && rules_is_space(s.p[0]))
        s = rm_str_sub(s, 1, s.n);
    while (s.n > 0 && rules_is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

// Up to the next comma that is not quoted; *rest is what follows it.
static struct rm_str rules_next(struct rm_str *rest)
{
    struct rm_str s = *rest;
    bool quoted = false;
    size_t i = 0;
    for (; i < s.n && (quoted || s.p[i] != ','); i++) {
        if (s.p[i] == '"')
            quoted = !quoted;
        else if (quoted && s.p[i] == '\\' && i + 1 < s.n)
            i++;
    }
    *rest = rm_str_sub(s, i < s.n ? i + 1 : i, s.n);
    return rules_trim(rm_str_sub(s, 0, i));
}

static int64_t rules_seconds(struct rm_str text)
{
    int64_t n = 0;
    if (text.n >= 2 && text.p[0] == '"' && text.p[text.n - 1] == '"')
        text = rm_str_sub(text, 1, text.n - 1);
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return 0;
        n = n * 10 + (text.p[i] - '0');
        n = n < RM_CACHE_SECONDS_MOST ? n : RM_CACHE_SECONDS_MOST;
    }
    return n;
}

static void rules_least(int64_t *to, struct rm_str text)
{
    int64_t n = rules_seconds(text);
    if (*to == RM_CACHE_UNSAID || n < *to)
        *to = n;
}

static void rules_most(int64_t *to, struct rm_str text)
{
    int64_t n = rules_seconds(text);
    *to = n > *to ? n : *to;
}

static void rules_directive(struct rm_str one, struct rm_cache_control *out)
{
    const char *equals = memchr(one.p, '=', one.n);
    size_t n = equals ? (size_t)(equals - one.p) : one.n;
    struct rm_str name = rules_trim(rm_str_sub(one, 0, n));
    struct rm_str value = rules_trim(rm_str_sub(one, equals ? n + 1 : n, one.n));
    const struct {
        struct rm_str name;
        bool *flag;
    } flags[] = {
        {RM_STR("no-store"), &out->no_store},
        {RM_STR("no-cache"), &out->no_cache},
        {RM_STR("private"), &out->is_private},
        {RM_STR("public"), &out->is_public},
        {RM_STR("must-revalidate"), &out->must_revalidate},
        {RM_STR("proxy-revalidate"), &out->must_revalidate},
    };
    for (size_t i = 0; i < RM_COUNT(flags); i++)
        if (rm_str_eq_nocase(name, flags[i].name))
            *flags[i].flag = true;
    if (rm_str_eq_nocase(name, RM_STR("max-age")))
        rules_least(&out->max_age, value);
    else if (rm_str_eq_nocase(name, RM_STR("s-maxage")))
        rules_least(&out->s_maxage, value);
    else if (rm_str_eq_nocase(name, RM_STR("min-fresh")))
        rules_most(&out->min_fresh, value);
    else if (rm_str_eq_nocase(name, RM_STR("stale-if-error")))
        rules_least(&out->stale_if_error, value);
}

void rm_cache_control_read(const struct rm_headers *headers, struct rm_cache_control *out)
{
    bool pragma = false, said = false;
    *out = (struct rm_cache_control){.max_age = RM_CACHE_UNSAID,
                                     .s_maxage = RM_CACHE_UNSAID,
                                     .min_fresh = RM_CACHE_UNSAID,
                                     .stale_if_error = RM_CACHE_UNSAID};
    for (uint32_t i = 0; i < headers->n; i++) {
        struct rm_str rest = headers->v[i].value;
        if (rm_str_eq_nocase(headers->v[i].name, RM_STR("pragma")))
            pragma = pragma || rm_str_eq_nocase(rules_trim(rest), RM_STR("no-cache"));
        if (!rm_str_eq_nocase(headers->v[i].name, RM_STR("cache-control")))
            continue;
        said = true;
        while (rest.n > 0) {
            struct rm_str one = rules_next(&rest);
            if (one.n > 0)
                rules_directive(one, out);
        }
    }
    out->no_cache = out->no_cache || (pragma && !said); // RFC 9111 5.4
}

// ---- times -----------------------------------------------------------------------------------------------------------

bool rm_http_date_read(struct rm_str text, int64_t *unix_s)
{
    // "Sun, 06 Nov 1994 08:49:37 GMT": all of one length.
    char copy[30];
    struct tm tm = {0};
    if (text.n != sizeof(copy) - 1 || memchr(text.p, '\0', text.n))
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    const char *end = strptime(copy, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (!end || *end != '\0')
        return false;
    *unix_s = (int64_t)timegm(&tm);
    return true;
}

static bool rules_date_of(const struct rm_headers *headers, struct rm_str name, int64_t *unix_s)
{
    const struct rm_header *header = rm_headers_find(headers, name);
    return header && rm_http_date_read(rules_trim(header->value), unix_s);
}

// ---- storing ---------------------------------------------------------------------------------------------------------

// Explicit lifetimes only: without one nothing is guessed (KrakenD does not either).
static int64_t rules_lifetime(const struct rm_cache_control *said, const struct rm_headers *answer, int64_t now_unix_s)
{
    int64_t date = now_unix_s, expires;
    if (said->no_cache)
        return 0;
    if (said->s_maxage != RM_CACHE_UNSAID)
        return said->s_maxage;
    if (said->max_age != RM_CACHE_UNSAID)
        return said->max_age;
    if (!rm_headers_find(answer, RM_STR("expires")))
        return 0;
    (void)rules_date_of(answer, RM_STR("date"), &date);
    if (!rules_date_of(answer, RM_STR("expires"), &expires) || expires <= date) // one that cannot be read has passed
        return 0;
    return expires - date < RM_CACHE_SECONDS_MOST ? expires - date : RM_CACHE_SECONDS_MOST;
}

static int64_t rules_age(const struct rm_headers *answer, int64_t now_unix_s, int64_t delay_s)
{
    int64_t date, apparent = 0;
    const struct rm_header *age = rm_headers_find(answer, RM_STR("age"));
    if (rules_date_of(answer, RM_STR("date"), &date) && now_unix_s > date)
        apparent = now_unix_s - date;
    int64_t said = (age ? rules_seconds(rules_trim(age->value)) : 0) + delay_s;
    return apparent > said ? apparent : said;
}

static bool rules_varies_on_everything(const struct rm_headers *answer)
{
    for (uint32_t i = 0; i < answer->n; i++)
        if (rm_str_eq_nocase(answer->v[i].name, RM_STR("vary")) && answer->v[i].value.n > 0 &&
            memchr(answer->v[i].value.p, '*', answer->v[i].value.n))
            return true;
    return false;
}

bool rm_cache_may_store(int status, const struct rm_headers *asked, const struct rm_headers *answer, int64_t now_unix_s,
                        int64_t delay_s, struct rm_freshness *out)
{
    struct rm_cache_control said;
    if (status != 200 && status != 203 && status != 301 && status != 308)
        return false;
    rm_cache_control_read(answer, &said);
    bool shared = said.is_public || said.must_revalidate || said.s_maxage != RM_CACHE_UNSAID;
    if (said.no_store || said.is_private || rules_varies_on_everything(answer) ||
        rm_headers_find(answer, RM_STR("set-cookie")))
        return false;
    if (!shared && rm_headers_find(asked, RM_STR("authorization"))) // RFC 9111 3.5
        return false;
    out->lifetime_s = rules_lifetime(&said, answer, now_unix_s);
    out->age_s = rules_age(answer, now_unix_s, delay_s);
    out->must_revalidate = said.must_revalidate || said.no_cache || said.s_maxage != RM_CACHE_UNSAID;
    out->stale_if_error_s = said.stale_if_error > 0 && !out->must_revalidate ? said.stale_if_error : 0;
    return out->lifetime_s > out->age_s || rm_headers_find(answer, RM_STR("etag")) ||
           rm_headers_find(answer, RM_STR("last-modified"));
}

bool rm_cache_must_bypass(const struct rm_headers *asked)
{
    static const struct rm_str names[] = {
        {"range", 5},   {"if-match", 8}, {"if-none-match", 13}, {"if-modified-since", 17}, {"if-unmodified-since", 19},
        {"if-range", 8}};
    struct rm_cache_control said;
    for (size_t i = 0; i < RM_COUNT(names); i++)
        if (rm_headers_find(asked, names[i]))
            return true;
    rm_cache_control_read(asked, &said);
    return said.no_store;
}

bool rm_cache_is_fresh(const struct rm_cache_control *asked, int64_t age_s, int64_t lifetime_s)
{
    if (asked->no_cache || (asked->max_age != RM_CACHE_UNSAID && age_s > asked->max_age))
        return false;
    return age_s + (asked->min_fresh > 0 ? asked->min_fresh : 0) < lifetime_s;
}
