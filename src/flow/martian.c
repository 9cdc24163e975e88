// See martian.h. What google/martian's modifiers do, krakend-behaviour.md §7.10; but a query keeps its order.
// SPDX-License-Identifier: Apache-2.0
#include "flow/martian.h"

#include "base/pct.h"
#include "flow/head.h"

#include <sys/random.h>

static struct rm_headers *martian_headers(struct rm_modified *x, enum rm_martian_side side)
{
    return side == RM_MARTIAN_REQUEST ? &x->asked : &x->answer;
}

static struct rm_str martian_first(const struct rm_headers *headers, struct rm_str name)
{
    const struct rm_header *header = rm_headers_find(headers, name);
    return header ? header->value : RM_STR("");
}

static void martian_set(struct rm_modified *x, enum rm_martian_side side, struct rm_str name, struct rm_str value)
{
    rm_head_remove(martian_headers(x, side), name);
    rm_headers_add(x->arena, martian_headers(x, side), name, value);
}

// A UUID of version 4 (RFC 9562 5.4).
static struct rm_str martian_uuid(struct rm_arena *arena)
{
    uint8_t b[16];
    ssize_t n = getrandom(b, sizeof b, 0);
    RM_ASSERT(n == (ssize_t)sizeof b); // so few bytes always come, once the kernel has any
    b[6] = (uint8_t)(0x40 | (b[6] & 0x0f));
    b[8] = (uint8_t)(0x80 | (b[8] & 0x3f));
    return rm_arena_printf(arena, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
                           b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static void martian_body(const struct rm_martian *m, enum rm_martian_side side, struct rm_modified *x)
{
    struct rm_headers *headers = martian_headers(x, side);
    x->body = m->body;
    x->has_body = true;
    rm_head_remove(headers, RM_STR("content-encoding"));
    rm_head_remove(headers, RM_STR("content-type"));
    if (m->content_type.n > 0)
        rm_headers_add(x->arena, headers, RM_STR("Content-Type"), m->content_type);
}

// ---- the target -----------------------------------------------------------------------------------------------------

// Also says where the query begins; the end where there is none.
static struct rm_str martian_path(const struct rm_modified *x, struct rm_str *query)
{
    const char *mark = memchr(x->target.p, '?', x->target.n);
    size_t at = mark ? (size_t)(mark - x->target.p) : x->target.n;
    *query = rm_str_sub(x->target, mark ? at + 1 : at, x->target.n);
    return rm_str_sub(x->target, 0, at);
}

static void martian_retarget(struct rm_modified *x, struct rm_str path, struct rm_str query)
{
    x->target = rm_arena_printf(x->arena, "%.*s%s%.*s", (int)path.n, path.p, query.n > 0 ? "?" : "", (int)query.n,
                                query.n > 0 ? query.p : "");
}

static bool martian_is(struct rm_arena *arena, struct rm_str coded, struct rm_str text)
{
    struct rm_str plain;
    return rm_pct_decode(arena, coded, true, &plain) == RM_OK && rm_str_eq(plain, text);
}

static void martian_query(const struct rm_martian *m, struct rm_modified *x)
{
    struct rm_str rest, path = martian_path(x, &rest);
    struct rm_str name = rm_pct_encode_query(x->arena, m->name), value = rm_pct_encode_query(x->arena, m->value);
    struct rm_query_pair pair;
    char *query = rm_arena_alloc(x->arena, rest.n + name.n + value.n + 2);
    size_t n = 0;
    while (rm_query_next(&rest, &pair)) {
        if (martian_is(x->arena, pair.key, m->name))
            continue;
        memcpy(query + n, pair.pair.p, pair.pair.n);
        n += pair.pair.n;
        query[n++] = '&';
    }
    struct rm_str own =
        rm_arena_printf(x->arena, "%.*s=%.*s", (int)name.n, name.p, (int)value.n, value.n ? value.p : "");
    memcpy(query + n, own.p, own.n);
    martian_retarget(x, path, (struct rm_str){query, n + own.n});
}

static void martian_url(const struct rm_martian *m, struct rm_modified *x)
{
    struct rm_str query, path = martian_path(x, &query);
    martian_retarget(x, m->path.n > 0 ? m->path : path, m->query.n > 0 ? m->query : query);
}

// "https://name:8443/base/path?query"; the scheme's own port is not in it.
static struct rm_str martian_whole(const struct rm_modified *x)
{
    const struct rm_host *host = x->host;
    bool plain = rm_str_eq(host->scheme, RM_STR("http")), bare = memchr(host->name.p, ':', host->name.n) != NULL;
    struct rm_str port = RM_STR("");
    if (host->port != (plain ? 80 : 443))
        port = rm_arena_printf(x->arena, ":%u", host->port);
    return rm_arena_printf(x->arena, "%.*s://%s%.*s%s%.*s%.*s%.*s", (int)host->scheme.n, host->scheme.p,
                           bare ? "[" : "", (int)host->name.n, host->name.p, bare ? "]" : "", (int)port.n, port.p,
                           (int)host->base_path.n, host->base_path.n > 0 ? host->base_path.p : "", (int)x->target.n,
                           x->target.p);
}

// ---- conditions -----------------------------------------------------------------------------------------------------

static bool martian_has_header(const struct rm_martian *m, const struct rm_headers *headers)
{
    for (uint32_t i = 0; i < headers->n; i++) {
        if (rm_str_eq_nocase(headers->v[i].name, m->name) && rm_str_eq(headers->v[i].value, m->value))
            return true;
    }
    return false;
}

static bool martian_has_pair(const struct rm_martian *m, const struct rm_modified *x)
{
    struct rm_str query;
    struct rm_query_pair pair;
    (void)martian_path(x, &query);
    while (rm_query_next(&query, &pair)) {
        if (martian_is(x->arena, pair.key, m->name) && (m->value.n == 0 || martian_is(x->arena, pair.value, m->value)))
            return true;
    }
    return false;
}

static struct rm_str martian_trim(struct rm_str text)
{
    while (text.n > 0 && (text.p[0] == ' ' || text.p[0] == '\t'))
        text = rm_str_sub(text, 1, text.n);
    while (text.n > 0 && (text.p[text.n - 1] == ' ' || text.p[text.n - 1] == '\t'))
        text = rm_str_sub(text, 0, text.n - 1);
    return text;
}

// Of a request every pair of Cookie; of an answer the first pair of each Set-Cookie.
static bool martian_has_cookie(const struct rm_martian *m, enum rm_martian_side side, struct rm_modified *x)
{
    const struct rm_headers *headers = martian_headers(x, side);
    struct rm_str field = side == RM_MARTIAN_REQUEST ? RM_STR("cookie") : RM_STR("set-cookie");
    for (uint32_t i = 0; i < headers->n; i++) {
        struct rm_str rest = headers->v[i].value;
        if (!rm_str_eq_nocase(headers->v[i].name, field))
            continue;
        do {
            const char *semicolon = rest.n > 0 ? memchr(rest.p, ';', rest.n) : NULL;
            size_t end = semicolon ? (size_t)(semicolon - rest.p) : rest.n;
            struct rm_str pair = martian_trim(rm_str_sub(rest, 0, end));
            const char *equals = pair.n > 0 ? memchr(pair.p, '=', pair.n) : NULL;
            size_t n = equals ? (size_t)(equals - pair.p) : pair.n;
            if (rm_str_eq(rm_str_sub(pair, 0, n), m->name) &&
                (m->value.n == 0 || (equals && rm_str_eq(rm_str_sub(pair, n + 1, pair.n), m->value))))
                return true;
            rest = rm_str_sub(rest, semicolon ? end + 1 : rest.n, rest.n);
        } while (rest.n > 0 && side == RM_MARTIAN_REQUEST);
    }
    return false;
}

static int martian_matches(const struct rm_martian *m, struct rm_modified *x, struct rm_str text, struct rm_err *err)
{
    if (!x->matcher)
        x->matcher = rm_matcher_new(x->arena, RM_MATCHER_STEPS);
    return rm_regex_match(m->regex, x->matcher, text, err);
}

// 1, 0, or a failure.
static int martian_fits(const struct rm_martian *m, enum rm_martian_side side, struct rm_modified *x,
                        struct rm_err *err)
{
    struct rm_str query, text;
    switch (m->kind) {
    case RM_MARTIAN_IF_HEADER:
        return martian_has_header(m, martian_headers(x, side));
    case RM_MARTIAN_IF_HEADER_REGEX:
        text = martian_first(&x->asked, m->name);
        return text.n > 0 ? martian_matches(m, x, text, err) : 0;
    case RM_MARTIAN_IF_QUERY:
        return martian_has_pair(m, x);
    case RM_MARTIAN_IF_URL:
        text = martian_path(x, &query);
        return (m->path.n == 0 || rm_str_eq(m->path, text)) && (m->query.n == 0 || rm_str_eq(m->query, query));
    case RM_MARTIAN_IF_URL_REGEX:
        return martian_matches(m, x, martian_whole(x), err);
    case RM_MARTIAN_IF_COOKIE:
        return martian_has_cookie(m, side, x);
    case RM_MARTIAN_GROUP:
    case RM_MARTIAN_HEADER_SET:
    case RM_MARTIAN_HEADER_APPEND:
    case RM_MARTIAN_HEADER_COPY:
    case RM_MARTIAN_HEADER_REMOVE:
    case RM_MARTIAN_HEADER_ID:
    case RM_MARTIAN_BODY:
    case RM_MARTIAN_QUERY:
    case RM_MARTIAN_URL:
    case RM_MARTIAN_COOKIE:
    case RM_MARTIAN_STATUS:
        break;
    }
    return 0;
}

// ---- modifiers ------------------------------------------------------------------------------------------------------

static void martian_cookie(const struct rm_martian *m, enum rm_martian_side side, struct rm_modified *x)
{
    if (side == RM_MARTIAN_RESPONSE) {
        rm_headers_add(x->arena, &x->answer, RM_STR("Set-Cookie"), m->set_cookie);
        return;
    }
    struct rm_str others = martian_first(&x->asked, RM_STR("cookie"));
    martian_set(x, side, RM_STR("Cookie"),
                others.n == 0
                    ? m->value
                    : rm_arena_printf(x->arena, "%.*s; %.*s", (int)others.n, others.p, (int)m->value.n, m->value.p));
}

static int martian_filter(const struct rm_martian *m, enum rm_martian_side side, struct rm_modified *x,
                          struct rm_err *err)
{
    int fits = martian_fits(m, side, x, err);
    if (fits < 0)
        return fits;
    const struct rm_martian *branch = fits ? m->then : m->otherwise;
    return branch ? rm_martian_apply(branch, side, x, err) : RM_OK;
}

int rm_martian_apply(const struct rm_martian *m, enum rm_martian_side side, struct rm_modified *x, struct rm_err *err)
{
    int rc = RM_OK;
    if (!(m->sides & side))
        return RM_OK;
    switch (m->kind) {
    case RM_MARTIAN_GROUP:
        for (uint32_t i = 0; rc == RM_OK && i < m->n_items; i++)
            rc = rm_martian_apply(m->items[i], side, x, err);
        return rc;
    case RM_MARTIAN_HEADER_SET:
        martian_set(x, side, m->name, m->value);
        break;
    case RM_MARTIAN_HEADER_APPEND:
        rm_headers_add(x->arena, martian_headers(x, side), m->name, m->value);
        break;
    case RM_MARTIAN_HEADER_COPY: // empty where there is none, as in KrakenD
        martian_set(x, side, m->value, martian_first(martian_headers(x, side), m->name));
        break;
    case RM_MARTIAN_HEADER_REMOVE:
        for (size_t i = 0; i < m->names.n; i++)
            rm_head_remove(martian_headers(x, side), m->names.v[i]);
        break;
    case RM_MARTIAN_HEADER_ID:
        if (martian_first(&x->asked, m->name).n == 0)
            martian_set(x, side, m->name, martian_uuid(x->arena));
        break;
    case RM_MARTIAN_BODY:
        martian_body(m, side, x);
        break;
    case RM_MARTIAN_QUERY:
        martian_query(m, x);
        break;
    case RM_MARTIAN_URL:
        martian_url(m, x);
        break;
    case RM_MARTIAN_COOKIE:
        martian_cookie(m, side, x);
        break;
    case RM_MARTIAN_STATUS:
        x->status = m->status;
        break;
    case RM_MARTIAN_IF_HEADER:
    case RM_MARTIAN_IF_HEADER_REGEX:
    case RM_MARTIAN_IF_QUERY:
    case RM_MARTIAN_IF_URL:
    case RM_MARTIAN_IF_URL_REGEX:
    case RM_MARTIAN_IF_COOKIE:
        return martian_filter(m, side, x, err);
    }
    return RM_OK;
}
