// Targets of backend calls from hostile parameters, queries and earlier answers: whatever comes in, what goes out is one well-formed
// origin-form target of the configured shape.
// Input: one byte for the shape, then up to three texts separated by newlines: two parameters (or an answer), and the query.
// SPDX-License-Identifier: Apache-2.0
#include "base/pct.h"
#include "flow/url.h"

enum { SHAPES = 6 };

#define TEXT(t)                                                                                                        \
    {                                                                                                                  \
        .kind = RM_PIECE_TEXT, .text = { t, sizeof(t) - 1 }                                                            \
    }
#define QTEXT(t)                                                                                                       \
    {                                                                                                                  \
        .kind = RM_PIECE_TEXT, .in_query = true, .text = { t, sizeof(t) - 1 }                                          \
    }
#define PARAM(i)                                                                                                       \
    {                                                                                                                  \
        .kind = RM_PIECE_PARAM, .param = (i), .text = { "{p}", 3 }                                                     \
    }
#define QPARAM(i)                                                                                                      \
    {                                                                                                                  \
        .kind = RM_PIECE_PARAM, .in_query = true, .param = (i), .text = { "{p}", 3 }                                   \
    }

static struct rm_str field_path[] = {{"a", 1}, {"b", 1}};

static struct rm_piece shapes[SHAPES][5] = {
    {TEXT("/x"), QTEXT("?f=1")},
    {TEXT("/u/"), PARAM(0), TEXT("/y/"), PARAM(1)},
    {TEXT("/u/"), PARAM(0), PARAM(1), TEXT(".json")},
    {TEXT("/q"), QTEXT("?k="), QPARAM(0), QTEXT("&z="), QPARAM(1)},
    {TEXT("/r/"),
     {.kind = RM_PIECE_RESP, .path = {field_path, 2}, .text = {"{r}", 3}},
     QTEXT("?"),
     {.kind = RM_PIECE_RESP, .in_query = true, .path = {field_path, 1}, .text = {"{r}", 3}}},
    {TEXT("/plain")},
};

static struct rm_str next_text(struct rm_str *rest)
{
    const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    size_t n = end ? (size_t)(end - rest->p) : rest->n;
    struct rm_str text = {rest->p, n};
    *rest = rm_str_sub(*rest, end ? n + 1 : n, rest->n);
    return text;
}

static size_t count(struct rm_str s, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == c;
    return n;
}

// No byte that ends a request line or begins a fragment, and the path has the pattern's segments, none of them a step.
static void check_target(struct rm_arena *arena, const struct rm_piece *pieces, size_t n_pieces, struct rm_str target)
{
    RM_ASSERT(target.n > 0 && target.p[0] == '/');
    for (size_t i = 0; i < target.n; i++)
        RM_ASSERT((unsigned char)target.p[i] > 0x20 && (unsigned char)target.p[i] < 0x7F && target.p[i] != '#');
    const char *mark = memchr(target.p, '?', target.n);
    struct rm_str path = {target.p, mark ? (size_t)(mark - target.p) : target.n};
    size_t slashes = 0;
    for (size_t i = 0; i < n_pieces && !pieces[i].in_query; i++)
        slashes += pieces[i].kind == RM_PIECE_TEXT ? count(pieces[i].text, '/') : 0;
    RM_ASSERT(count(path, '/') == slashes);
    while (path.n > 0) {
        path = rm_str_sub(path, 1, path.n);
        const char *slash = path.n ? memchr(path.p, '/', path.n) : NULL;
        struct rm_str segment = {path.p, slash ? (size_t)(slash - path.p) : path.n};
        struct rm_str text;
        if (rm_pct_decode(arena, segment, false, &text) == RM_OK)
            RM_ASSERT(text.n > 0 && !rm_str_eq(text, RM_STR(".")) && !rm_str_eq(text, RM_STR("..")));
        path = rm_str_sub(path, segment.n, path.n);
    }
}

// Every pair of the client's that is there was asked for.
static void check_query(const struct rm_url *url, struct rm_arena *arena, struct rm_str target)
{
    if (url->queries.all)
        return;
    const char *mark = memchr(target.p, '?', target.n);
    struct rm_str rest = mark ? rm_str_sub(target, (size_t)(mark - target.p) + 1, target.n) : (struct rm_str){NULL, 0};
    struct rm_query_pair pair;
    for (size_t i = 0; rm_query_next(&rest, &pair); i++) {
        struct rm_str key;
        RM_ASSERT(rm_pct_decode(arena, pair.key, true, &key) == RM_OK);
        RM_ASSERT(url->wants_answers || rm_str_eq(key, RM_STR("f")) || rm_str_eq(key, RM_STR("k")) ||
                  rm_str_eq(key, RM_STR("z")) || rm_str_eq(key, RM_STR("ids[]")) || rm_str_eq(key, RM_STR("a b")));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    static struct rm_str names[] = {{"ids[]", 5}, {"a b", 3}}, narrower[] = {{"ids[]", 5}};
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_str rest = {(const char *)data + 1, size - 1};
    struct rm_str params[2] = {next_text(&rest), {NULL, 0}};
    struct rm_piece *pieces = shapes[data[0] % SHAPES];
    size_t n_pieces = 0;
    while (n_pieces < 5 && pieces[n_pieces].text.n > 0)
        n_pieces++;
    struct rm_conf_backend backend = {.pieces = pieces, .n_pieces = n_pieces};
    struct rm_conf_endpoint endpoint = {.input_query_strings = {names, 2}, .all_query_strings = data[0] & 0x20};
    if (data[0] & 0x40)
        backend.input_query_strings = (struct rm_strs){narrower, 1};
    struct rm_url url;
    rm_url_compile(&url, &arena, &backend, &endpoint, data[0] & 0x80);
    struct rm_value *answer = NULL;
    struct rm_json_limits limits = {64, 1000};
    if (url.wants_answers && rm_json_parse(&arena, params[0], 1, &limits, &answer, NULL, NULL) != RM_OK)
        answer = NULL;
    params[1] = next_text(&rest);
    struct rm_url_in in = {.params = params, .query = rest, .answers = &answer};
    struct rm_str target;
    struct rm_err err = {0};
    int rc = rm_url_build(&url, &arena, &in, &target, &err);
    RM_ASSERT(rc == RM_OK || rc == err.code);
    RM_ASSERT(rc == RM_OK || rc == RM_EPARAM || rc == RM_ETOOBIG);
    if (rc == RM_OK) {
        check_target(&arena, pieces, n_pieces, target);
        check_query(&url, &arena, target);
        RM_ASSERT(target.n <= RM_URL_MOST);
    }
    rm_arena_fini(&arena);
    return 0;
}
