// extra_config["modifier/martian"] of backends: objects of one modifier each, in each other. Each modifier has its field table; what it
// cannot do at the side that its scope names, and what remora has not, is an error (KrakenD logs it and goes on without any).
// SPDX-License-Identifier: Apache-2.0
#include "conf/martian.h"

#include "conf/load.h"

#include <inttypes.h>
#include <stdlib.h>

// What tables read into.
struct martian_in {
    struct rm_martian out;
    struct rm_strs scope;
    struct rm_str coded_body, regex;
    struct rm_str domain;
    uint32_t max_age;
    bool http_only, secure, aggregate_errors;
    struct rm_value *then, *otherwise, *modifiers, *priority;
};

#define AT(member) offsetof(struct martian_in, member)
#define TEXT(key, member, text)                                                                                        \
    {                                                                                                                  \
        .name = key, .type = RM_FIELD_STRING, .offset = AT(member), .doc = text                                        \
    }
#define SCOPE                                                                                                          \
    {                                                                                                                  \
        .name = "scope", .type = RM_FIELD_STRINGS, .offset = AT(scope), .doc = "request, response or both"             \
    }
#define THEN                                                                                                           \
    {                                                                                                                  \
        .name = "modifier", .type = RM_FIELD_OBJECT, .offset = AT(then), .doc = "what is done where it fits"           \
    }
#define ELSE                                                                                                           \
    {                                                                                                                  \
        .name = "else", .type = RM_FIELD_OBJECT, .offset = AT(otherwise), .doc = "what is done elsewhere"              \
    }
#define TABLE(table, text)                                                                                             \
    static const struct rm_fields table##_fields = {.v = table, .n = RM_COUNT(table), .what = "key of " text}

static const struct rm_field martian_pair[] = {SCOPE, TEXT("name", out.name, "of the header, pair or cookie"),
                                               TEXT("value", out.value, "what it gets")};
static const struct rm_field martian_copy[] = {SCOPE, TEXT("from", out.name, "a header"),
                                               TEXT("to", out.value, "the header that gets its value")};
static const struct rm_field martian_names[] = {
    SCOPE,
    {.name = "names", .type = RM_FIELD_STRINGS, .offset = AT(out.names), .doc = "the headers that go"},
};
static const struct rm_field martian_id[] = {SCOPE, TEXT("header", out.name, "X-Krakend-Id, or another one")};
static const struct rm_field martian_body[] = {SCOPE, TEXT("body", coded_body, "the new body in Base64"),
                                               TEXT("contentType", out.content_type, "its Content-Type")};
static const struct rm_field martian_url[] = {
    SCOPE,
    TEXT("path", out.path, "without the base path of the host"),
    TEXT("query", out.query, "without '?'"),
    {.name = "host",
     .type = RM_FIELD_LATER,
     .offset = RM_NOWHERE,
     .note = "the backend's hosts stand under \"host\"",
     .doc = "not in this version"},
    {.name = "scheme",
     .type = RM_FIELD_LATER,
     .offset = RM_NOWHERE,
     .note = "the backend's scheme stands in its \"host\"",
     .doc = "not in this version"},
};
static const struct rm_field martian_cookie[] = {
    SCOPE,
    TEXT("name", out.name, "of the cookie"),
    TEXT("value", out.value, "its value"),
    TEXT("path", out.path, "of an answer's cookie"),
    TEXT("domain", domain, "of an answer's cookie"),
    {.name = "maxAge",
     .type = RM_FIELD_U32,
     .offset = AT(max_age),
     .max = INT32_MAX,
     .doc = "seconds; 0: none is said"},
    {.name = "httpOnly", .type = RM_FIELD_BOOL, .offset = AT(http_only), .doc = "of an answer's cookie"},
    {.name = "secure", .type = RM_FIELD_BOOL, .offset = AT(secure), .doc = "of an answer's cookie"},
    {.name = "expires",
     .type = RM_FIELD_LATER,
     .offset = RM_NOWHERE,
     .note = "write \"maxAge\"",
     .doc = "not in this version"},
};
static const struct rm_field martian_status[] = {
    SCOPE,
    {.name = "statusCode",
     .type = RM_FIELD_U16,
     .offset = AT(out.status),
     .min = 200,
     .max = 599,
     .doc = "what the answer's status becomes"},
};
static const struct rm_field martian_if_pair[] = {
    SCOPE, THEN, ELSE, TEXT("name", out.name, "of the header, pair or cookie"), TEXT("value", out.value, "exactly")};
static const struct rm_field martian_if_header_regex[] = {SCOPE, THEN, TEXT("header", out.name, "of the request"),
                                                          TEXT("regex", regex, "somewhere in its value")};
static const struct rm_field martian_if_url[] = {SCOPE,
                                                 THEN,
                                                 ELSE,
                                                 TEXT("path", out.path, "exactly"),
                                                 TEXT("query", out.query, "exactly"),
                                                 {.name = "host",
                                                  .type = RM_FIELD_LATER,
                                                  .offset = RM_NOWHERE,
                                                  .note = "url.RegexFilter sees the host",
                                                  .doc = "not in this version"},
                                                 {.name = "scheme",
                                                  .type = RM_FIELD_LATER,
                                                  .offset = RM_NOWHERE,
                                                  .note = "url.RegexFilter sees the scheme",
                                                  .doc = "not in this version"}};
static const struct rm_field martian_if_regex[] = {SCOPE, THEN, ELSE,
                                                   TEXT("regex", regex, "somewhere in \"http://host/path?query\"")};
static const struct rm_field martian_group[] = {
    SCOPE,
    {.name = "modifiers", .type = RM_FIELD_ANY, .offset = AT(modifiers), .doc = "a list of modifiers"},
    {.name = "aggregateErrors", .type = RM_FIELD_BOOL, .offset = AT(aggregate_errors), .doc = "no modifier has any"},
};
static const struct rm_field martian_item[] = {
    {.name = "priority", .type = RM_FIELD_ANY, .offset = AT(priority), .doc = "a whole number, the highest first"},
    {.name = "modifier", .type = RM_FIELD_OBJECT, .offset = AT(then), .doc = "a modifier"},
};
TABLE(martian_pair, "a modifier of name and value");
TABLE(martian_copy, "header.Copy");
TABLE(martian_names, "header.Blacklist");
TABLE(martian_id, "header.Id");
TABLE(martian_body, "body.Modifier");
TABLE(martian_url, "url.Modifier");
TABLE(martian_cookie, "cookie.Modifier");
TABLE(martian_status, "status.Modifier");
TABLE(martian_if_pair, "a filter of name and value");
TABLE(martian_if_header_regex, "header.RegexFilter");
TABLE(martian_if_url, "url.Filter");
TABLE(martian_if_regex, "url.RegexFilter");
TABLE(martian_group, "a group of modifiers");
TABLE(martian_item, "an item of priority.Group");

#define BOTH (RM_MARTIAN_REQUEST | RM_MARTIAN_RESPONSE)

// One row a modifier: what it is, where it can do something. The rows of the namespace's own table name the same, for messages and the
// reference.
static const struct martian_known {
    const char *name;
    enum rm_martian_kind kind;
    uint32_t sides;
    const struct rm_fields *fields;
} martian_known[] = {
    {"fifo.Group", RM_MARTIAN_GROUP, BOTH, &martian_group_fields},
    {"priority.Group", RM_MARTIAN_GROUP, BOTH, &martian_group_fields},
    {"header.Modifier", RM_MARTIAN_HEADER_SET, BOTH, &martian_pair_fields},
    {"header.Append", RM_MARTIAN_HEADER_APPEND, BOTH, &martian_pair_fields},
    {"header.Copy", RM_MARTIAN_HEADER_COPY, BOTH, &martian_copy_fields},
    {"header.Blacklist", RM_MARTIAN_HEADER_REMOVE, BOTH, &martian_names_fields},
    {"header.Id", RM_MARTIAN_HEADER_ID, RM_MARTIAN_REQUEST, &martian_id_fields},
    {"body.Modifier", RM_MARTIAN_BODY, BOTH, &martian_body_fields},
    {"querystring.Modifier", RM_MARTIAN_QUERY, RM_MARTIAN_REQUEST, &martian_pair_fields},
    {"url.Modifier", RM_MARTIAN_URL, RM_MARTIAN_REQUEST, &martian_url_fields},
    {"cookie.Modifier", RM_MARTIAN_COOKIE, BOTH, &martian_cookie_fields},
    {"status.Modifier", RM_MARTIAN_STATUS, RM_MARTIAN_RESPONSE, &martian_status_fields},
    {"header.Filter", RM_MARTIAN_IF_HEADER, BOTH, &martian_if_pair_fields},
    {"header.RegexFilter", RM_MARTIAN_IF_HEADER_REGEX, BOTH, &martian_if_header_regex_fields},
    {"querystring.Filter", RM_MARTIAN_IF_QUERY, BOTH, &martian_if_pair_fields},
    {"url.Filter", RM_MARTIAN_IF_URL, BOTH, &martian_if_url_fields},
    {"url.RegexFilter", RM_MARTIAN_IF_URL_REGEX, BOTH, &martian_if_regex_fields},
    {"cookie.Filter", RM_MARTIAN_IF_COOKIE, BOTH, &martian_if_pair_fields},
};

#define ROW(key, text)                                                                                                 \
    {                                                                                                                  \
        .name = key, .type = RM_FIELD_CUSTOM, .offset = RM_NOWHERE, .doc = text                                        \
    }
#define ABSENT(key, what)                                                                                              \
    {                                                                                                                  \
        .name = key, .type = RM_FIELD_LATER, .offset = RM_NOWHERE, .note = what, .doc = "not in this version"          \
    }
static const struct rm_field martian_rows[] = {
    ROW("fifo.Group", "`modifiers`, one after another"),
    ROW("priority.Group", "`modifiers`: a list of `priority` and `modifier`, the highest first"),
    ROW("header.Modifier", "sets the header `name` to `value`"),
    ROW("header.Append", "adds a header `name` with `value`"),
    ROW("header.Copy", "sets the header `to` to the value of `from`"),
    ROW("header.Blacklist", "takes the headers `names` away"),
    ROW("header.Id", "gives a request without one a random UUID in X-Krakend-Id, or in `header`"),
    ROW("body.Modifier", "puts `body` (Base64) of `contentType` in the body's place"),
    ROW("querystring.Modifier", "sets `name` in the query to `value`"),
    ROW("url.Modifier", "puts `path` and `query` in the place of what is called"),
    ROW("cookie.Modifier", "adds a cookie"),
    ROW("status.Modifier", "sets the answer's status to `statusCode`"),
    ROW("header.Filter", "`modifier` where the header `name` is `value`, else `else`"),
    ROW("header.RegexFilter", "`modifier` where the request's `header` fits `regex`"),
    ROW("querystring.Filter", "`modifier` where the query has `name` (with `value`), else `else`"),
    ROW("url.Filter", "`modifier` where `path` and `query` are what is called, else `else`"),
    ROW("url.RegexFilter", "`modifier` where the URL fits `regex`, else `else`"),
    ROW("cookie.Filter", "`modifier` where there is a cookie `name` (with `value`), else `else`"),
    ABSENT("port.Modifier", "the backend's hosts stand under \"host\""),
    ABSENT("port.Filter", "the backend's hosts stand under \"host\""),
    ABSENT("stash.Modifier", "clients would see the names of backends"),
    ABSENT("static.Modifier", "remora serves no files"),
};

static const struct rm_martian *martian_one(struct rm_reader *, const struct rm_path *, struct rm_value *object);

static struct rm_place martian_place(struct rm_reader *r, struct rm_value *object, struct rm_str name)
{
    const struct rm_value *member = rm_value_get(r->arena, object, name);
    return rm_doc_place(member ? member : object);
}

// ---- what its keys mean together ------------------------------------------------------------------------------------

static void martian_scope(struct rm_reader *r, const struct rm_path *path, struct rm_value *object,
                          const struct martian_known *known, struct martian_in *in)
{
    static const char *const names[] = {"request", "response"};
    const struct rm_path at = {.up = path, .name = RM_STR("scope")};
    struct rm_value *scope = rm_value_get(r->arena, object, at.name);
    in->out.sides = !scope || scope->type == RM_NULL ? known->sides : 0;
    for (size_t i = 0; i < in->scope.n; i++) {
        uint32_t side = 0;
        for (size_t k = 0; k < RM_COUNT(names); k++)
            side |= rm_str_eq(in->scope.v[i], rm_str_of(names[k])) ? 1U << k : 0;
        if (side == 0)
            rm_reader_error(r, &at, rm_doc_place(scope), "%s is no scope: request and response are",
                            rm_text_quote(r->found->arena, in->scope.v[i]));
        else if (!(known->sides & side))
            rm_reader_error(r, &at, rm_doc_place(scope), "%s does nothing to a %s", known->name,
                            names[side == RM_MARTIAN_RESPONSE]);
        in->out.sides |= side;
    }
}

// Those that the transport says, and those that end at the next hop.
static bool martian_is_settable(struct rm_str name)
{
    static const char *const theirs[] = {"host",       "content-length", "transfer-encoding",
                                         "connection", "keep-alive",     "upgrade",
                                         "te",         "trailer",        "expect"};
    for (size_t i = 0; i < RM_COUNT(theirs); i++) {
        if (rm_str_eq_nocase(name, rm_str_of(theirs[i])))
            return false;
    }
    return true;
}

static void martian_header(struct rm_reader *r, const struct rm_path *path, struct rm_value *object, const char *key,
                           struct rm_str name)
{
    const struct rm_path at = {.up = path, .name = rm_str_of(key)};
    struct rm_place place = martian_place(r, object, at.name);
    if (name.n == 0)
        rm_reader_error(r, &at, place, "is missing: the name of a header");
    else if (!rm_is_token(name))
        rm_reader_error(r, &at, place, "%s is no header name", rm_text_quote(r->found->arena, name));
    else if (!martian_is_settable(name))
        rm_reader_error(r, &at, place, "%s is the connection's own: no modifier has it",
                        rm_text_quote(r->found->arena, name));
}

// Of a target, as it goes on the wire.
static void martian_target(struct rm_reader *r, const struct rm_path *path, struct rm_value *object, const char *key,
                           struct rm_str text)
{
    const struct rm_path at = {.up = path, .name = rm_str_of(key)};
    struct rm_place place = martian_place(r, object, at.name);
    bool is_path = key[0] == 'p', fits = true;
    for (size_t i = 0; i < text.n; i++)
        fits = fits && text.p[i] > ' ' && text.p[i] < 0x7f && text.p[i] != '#' && !(is_path && text.p[i] == '?');
    if (!fits)
        rm_reader_error(r, &at, place, "%s has characters that must be percent-encoded here",
                        rm_text_quote(r->found->arena, text));
    else if (is_path && text.n > 0 && text.p[0] != '/')
        rm_reader_error(r, &at, place, "a path begins with /");
}

static int martian_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at ? (int)(at - digits) : -1;
}

// RFC 4648 4, with its padding. False: it is none.
static bool martian_base64(struct rm_arena *arena, struct rm_str in, struct rm_str *out)
{
    size_t pads = in.n >= 4 && in.p[in.n - 1] == '=' ? 1 + (in.p[in.n - 2] == '=') : 0;
    char *text = rm_arena_alloc(arena, in.n + 1);
    uint32_t bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < in.n - pads; i++) {
        int digit = martian_digit(in.p[i]);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 > 0)
            text[n++] = (char)(bits >> (6 - 2 * (i % 4)));
    }
    *out = (struct rm_str){text, n};
    return in.n % 4 == 0;
}

static void martian_regex(struct rm_reader *r, const struct rm_path *path, struct rm_value *object,
                          struct martian_in *in)
{
    const struct rm_path at = {.up = path, .name = RM_STR("regex")};
    struct rm_err err;
    if (in->regex.n == 0)
        rm_reader_error(r, &at, rm_doc_place(object), "is missing: a regular expression");
    else if (rm_regex_compile(r->arena, in->regex, &in->out.regex, &err) != RM_OK)
        rm_reader_error(r, &at, martian_place(r, object, at.name), "no regular expression: %s", err.text);
}

static bool martian_is_cookie_text(struct rm_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] <= ' ' || text.p[i] >= 0x7f || strchr("\",;\\", text.p[i]))
            return false;
    }
    return true;
}

static void martian_set_cookie(struct rm_reader *r, const struct rm_path *path, struct rm_value *object,
                               struct martian_in *in)
{
    const struct rm_path name = {.up = path, .name = RM_STR("name")};
    struct rm_martian *m = &in->out;
    if (!rm_is_token(m->name) || !martian_is_cookie_text(m->value) || !martian_is_cookie_text(m->path) ||
        !martian_is_cookie_text(in->domain)) {
        rm_reader_error(r, &name, martian_place(r, object, name.name), "the name and values are not those of a cookie");
        return;
    }
    struct rm_str text = rm_arena_printf(r->arena, "%.*s=%.*s", (int)m->name.n, m->name.p, (int)m->value.n, m->value.p);
    m->value = text;
    if (m->path.n > 0)
        text = rm_arena_printf(r->arena, "%.*s; Path=%.*s", (int)text.n, text.p, (int)m->path.n, m->path.p);
    if (in->domain.n > 0)
        text = rm_arena_printf(r->arena, "%.*s; Domain=%.*s", (int)text.n, text.p, (int)in->domain.n, in->domain.p);
    if (in->max_age > 0)
        text = rm_arena_printf(r->arena, "%.*s; Max-Age=%" PRIu32, (int)text.n, text.p, in->max_age);
    m->set_cookie = rm_arena_printf(r->arena, "%.*s%s%s", (int)text.n, text.p, in->http_only ? "; HttpOnly" : "",
                                    in->secure ? "; Secure" : "");
}

// ---- groups and filters ---------------------------------------------------------------------------------------------

// Of an item of priority.Group; its modifier is in in->then.
static int64_t martian_priority(struct rm_reader *r, const struct rm_path *path, struct rm_value *item,
                                struct martian_in *in)
{
    const struct rm_path at = {.up = path, .name = RM_STR("priority")};
    char text[24] = "0", *end = text;
    rm_fields_read(r, &martian_item_fields, path, item, in);
    const struct rm_value *value = in->priority;
    if (value && value->type == RM_NUMBER && value->raw.n < sizeof text) {
        memcpy(text, value->raw.p, value->raw.n);
        text[value->raw.n] = '\0';
    }
    int64_t priority = strtoll(text, &end, 10);
    if (value && (value->type != RM_NUMBER || *end != '\0'))
        rm_reader_error(r, &at, rm_doc_place(value), "found %s, allowed is a whole number",
                        rm_value_describe(r->found->arena, value));
    return priority;
}

static void martian_items(struct rm_reader *r, const struct rm_path *path, bool by_priority, struct martian_in *in)
{
    const struct rm_path list = {.up = path, .name = RM_STR("modifiers")};
    if (!in->modifiers)
        return;
    if (in->modifiers->type != RM_ARRAY) {
        rm_reader_error(r, &list, rm_doc_place(in->modifiers), "found %s, allowed is a list of modifiers",
                        rm_value_describe(r->found->arena, in->modifiers));
        return;
    }
    int64_t *priorities = RM_NEW_ARRAY(r->arena, int64_t, in->modifiers->n + 1);
    const struct rm_martian **items = RM_NEW_ARRAY(r->arena, const struct rm_martian *, in->modifiers->n + 1);
    uint32_t n = 0, index = 0;
    for (struct rm_value *item = in->modifiers->first; item; item = item->next, index++) {
        struct rm_path at = {.up = &list, .index = index};
        const struct rm_path inner = {.up = &at, .name = RM_STR("modifier")};
        struct martian_in of = {.then = item};
        if (!rm_object_expect(r, &at, item))
            continue;
        int64_t priority = 0;
        if (by_priority) {
            of.then = NULL;
            priority = martian_priority(r, &at, item, &of);
        }
        const struct rm_martian *one = martian_one(r, by_priority ? &inner : &at, of.then ? of.then : item);
        uint32_t to = by_priority ? 0 : n; // of two equals the later one comes first, as in KrakenD
        while (to < n && priorities[to] > priority)
            to++;
        memmove(items + to + 1, items + to, (n - to) * sizeof(*items));
        memmove(priorities + to + 1, priorities + to, (n - to) * sizeof(*priorities));
        items[to] = one;
        priorities[to] = priority;
        n += one ? 1 : 0;
    }
    in->out.items = items;
    in->out.n_items = n;
}

static void martian_branches(struct rm_reader *r, const struct rm_path *path, struct rm_value *object,
                             struct martian_in *in)
{
    const struct rm_path then = {.up = path, .name = RM_STR("modifier")},
                         otherwise = {.up = path, .name = RM_STR("else")};
    if (in->then)
        in->out.then = martian_one(r, &then, in->then);
    else
        rm_reader_error(r, &then, rm_doc_place(object), "is missing: what is done where it fits");
    if (in->otherwise)
        in->out.otherwise = martian_one(r, &otherwise, in->otherwise);
}

// ---- one modifier ---------------------------------------------------------------------------------------------------

static void martian_finish(struct rm_reader *r, const struct rm_path *path, struct rm_value *object,
                           const struct martian_known *known, struct martian_in *in)
{
    struct rm_martian *m = &in->out;
    const struct rm_path body = {.up = path, .name = RM_STR("body")}, name = {.up = path, .name = RM_STR("name")},
                         names = {.up = path, .name = RM_STR("names")},
                         status = {.up = path, .name = RM_STR("statusCode")};
    switch (m->kind) {
    case RM_MARTIAN_GROUP:
        martian_items(r, path, known->name[0] == 'p', in);
        break;
    case RM_MARTIAN_HEADER_COPY:
        martian_header(r, path, object, "from", m->name);
        martian_header(r, path, object, "to", m->value);
        break;
    case RM_MARTIAN_HEADER_REMOVE:
        if (m->names.n == 0)
            rm_reader_error(r, &names, rm_doc_place(object), "is missing: the headers that go");
        for (size_t i = 0; i < m->names.n; i++)
            martian_header(r, path, object, "names", m->names.v[i]);
        break;
    case RM_MARTIAN_HEADER_ID:
        if (m->name.n == 0)
            m->name = RM_STR("X-Krakend-Id");
        martian_header(r, path, object, "header", m->name);
        break;
    case RM_MARTIAN_BODY:
        if (!martian_base64(r->arena, in->coded_body, &m->body))
            rm_reader_error(r, &body, martian_place(r, object, body.name), "no Base64");
        break;
    case RM_MARTIAN_URL:
    case RM_MARTIAN_IF_URL:
        martian_target(r, path, object, "path", m->path);
        martian_target(r, path, object, "query", m->query);
        break;
    case RM_MARTIAN_STATUS:
        if (m->status == 0)
            rm_reader_error(r, &status, martian_place(r, object, status.name), "is missing: a status from 200 to 599");
        break;
    case RM_MARTIAN_COOKIE:
        martian_set_cookie(r, path, object, in);
        break;
    case RM_MARTIAN_QUERY:
    case RM_MARTIAN_IF_QUERY:
    case RM_MARTIAN_IF_COOKIE:
        if (m->name.n == 0)
            rm_reader_error(r, &name, martian_place(r, object, name.name), "is missing");
        break;
    case RM_MARTIAN_HEADER_SET:
    case RM_MARTIAN_HEADER_APPEND:
    case RM_MARTIAN_IF_HEADER:
        martian_header(r, path, object, "name", m->name);
        break;
    case RM_MARTIAN_IF_HEADER_REGEX:
        martian_header(r, path, object, "header", m->name);
        martian_regex(r, path, object, in);
        break;
    case RM_MARTIAN_IF_URL_REGEX:
        martian_regex(r, path, object, in);
        break;
    }
    if (m->kind >= RM_MARTIAN_IF_HEADER)
        martian_branches(r, path, object, in);
}

static const struct martian_known *martian_find(struct rm_str name)
{
    for (size_t i = 0; i < RM_COUNT(martian_known); i++) {
        if (rm_str_eq(name, rm_str_of(martian_known[i].name)))
            return &martian_known[i];
    }
    return NULL;
}

static bool martian_is_absent(struct rm_str name)
{
    for (size_t i = 0; i < RM_COUNT(martian_rows); i++) {
        if (martian_rows[i].type == RM_FIELD_LATER && rm_str_eq(name, rm_str_of(martian_rows[i].name)))
            return true;
    }
    return false;
}

// NULL: there is a finding.
static const struct rm_martian *martian_of(struct rm_reader *r, const struct rm_path *path, struct rm_value *object)
{
    const struct martian_known *known = NULL;
    struct rm_value *value = NULL;
    uint32_t n = 0;
    for (struct rm_value *member = object->first; member; member = member->next) {
        if (rm_key_is_comment(member->key))
            continue;
        known = martian_find(member->key);
        value = member;
        n++;
        if (!known && !(martian_is_absent(member->key) && rm_value_is_off(member)))
            return NULL; // the table has said so
    }
    if (n != 1 || !known) {
        rm_reader_error(r, path, rm_doc_place(object), "allowed is exactly one modifier");
        return NULL;
    }
    struct rm_path at = {.up = path, .name = value->key};
    struct martian_in *in = RM_NEW(r->arena, struct martian_in);
    in->out.kind = known->kind;
    if (!rm_object_expect(r, &at, value))
        return NULL;
    size_t before = r->found->n_errors;
    rm_fields_read(r, known->fields, &at, value, in);
    martian_scope(r, &at, value, known, in);
    if (r->found->n_errors == before)
        martian_finish(r, &at, value, known, in);
    return &in->out;
}

// The rows say what is unknown or absent, with the nearest name.
static const struct rm_fields martian_inner_fields = {
    .v = martian_rows, .n = RM_COUNT(martian_rows), .what = "modifier of modifier/martian", .is_closed = true};

static const struct rm_martian *martian_one(struct rm_reader *r, const struct rm_path *path, struct rm_value *object)
{
    rm_fields_read(r, &martian_inner_fields, path, object, NULL);
    return martian_of(r, path, object);
}

static void martian_root(struct rm_reader *r, const struct rm_path *path, struct rm_value *object, void *base)
{
    struct rm_conf_backend *backend = base;
    backend->martian_value = object;
    backend->martian = martian_of(r, path, object);
}

const struct rm_fields rm_martian_fields = {.v = martian_rows,
                                            .n = RM_COUNT(martian_rows),
                                            .what = "modifier of modifier/martian",
                                            .is_closed = true,
                                            .is_optional = true,
                                            .given = offsetof(struct rm_conf_backend, has_martian),
                                            .finish = martian_root};

static bool martian_changes_bodies(const struct rm_martian *m)
{
    bool changes = m && m->kind == RM_MARTIAN_BODY;
    for (uint32_t i = 0; m && i < m->n_items; i++)
        changes = changes || martian_changes_bodies(m->items[i]);
    return changes || (m && m->kind >= RM_MARTIAN_IF_HEADER &&
                       (martian_changes_bodies(m->then) || martian_changes_bodies(m->otherwise)));
}

void rm_martian_check(struct rm_reader *r, const struct rm_path *extra, const struct rm_conf_endpoint *endpoint,
                      const struct rm_conf_backend *backend)
{
    const struct rm_path path = {.up = extra, .name = RM_STR("modifier/martian")};
    if (rm_str_eq(endpoint->output_encoding, RM_STR("no-op")) && martian_changes_bodies(backend->martian))
        rm_reader_error(r, &path, rm_doc_place(backend->martian_value),
                        "body.Modifier not with the output_encoding no-op: it passes bodies through");
}
