// The keys of modifier/martian: a field table a modifier, a row a modifier that says what it is and where it can do something, and the
// rows of the object that holds one.
// SPDX-License-Identifier: Apache-2.0
#include "conf/martian_keys.h"

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

#define BOTH (RM_MARTIAN_REQUEST | RM_MARTIAN_RESPONSE)

static const struct martian_known martian_known[] = {
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

const struct martian_known *rm_martian_known(struct rm_str name)
{
    for (size_t i = 0; i < RM_COUNT(martian_known); i++) {
        if (rm_str_eq(name, rm_str_of(martian_known[i].name)))
            return &martian_known[i];
    }
    return NULL;
}

bool rm_martian_is_absent(struct rm_str name)
{
    for (size_t i = 0; i < RM_COUNT(martian_rows); i++) {
        if (martian_rows[i].type == RM_FIELD_LATER && rm_str_eq(name, rm_str_of(martian_rows[i].name)))
            return true;
    }
    return false;
}

const struct rm_fields rm_martian_item_fields = {
    .v = martian_item, .n = RM_COUNT(martian_item), .what = "key of an item of priority.Group"};

const struct rm_fields rm_martian_one_fields = {
    .v = martian_rows, .n = RM_COUNT(martian_rows), .what = "modifier of modifier/martian", .is_closed = true};

const struct rm_fields rm_martian_fields = {.v = martian_rows,
                                            .n = RM_COUNT(martian_rows),
                                            .what = "modifier of modifier/martian",
                                            .is_closed = true,
                                            .is_optional = true,
                                            .given = offsetof(struct rm_conf_backend, has_martian),
                                            .finish = rm_martian_root};
