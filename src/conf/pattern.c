// A backend's url_pattern, cut into pieces: literal text as it goes on the wire, the endpoint's parameters, and fields of earlier
// backends' answers.
// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"
#include "conf/load.h"

struct pattern_reader {
    struct rm_reader *r;
    const struct rm_path *path;
    struct rm_place place;
    const struct rm_conf_endpoint *endpoint;
    struct rm_conf_backend *backend;
    size_t index; // of the backend
    bool in_query;
};

static bool pattern_is_placeholder_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("_-.:/", c));
}

// The end of a placeholder that begins at `at`; `at` itself: the brace is literal.
static size_t pattern_placeholder(struct rm_str text, size_t at)
{
    size_t end = at + 1;
    while (end < text.n && pattern_is_placeholder_char(text.p[end]))
        end++;
    return end < text.n && text.p[end] == '}' && end > at + 1 ? end + 1 : at;
}

static bool pattern_is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// What RFC 3986 lets stand in a path or query, and the brackets that people write as ids[].
static bool pattern_stands(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~!$&'()*+,;=:@/?[]%", c));
}

// Literal text: what may not stand in a URL is percent-encoded.
static void pattern_text(struct pattern_reader *p, struct rm_str text)
{
    size_t n = 0;
    char *out = rm_arena_alloc(p->r->arena, text.n * 3 + 1);
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '#') {
            rm_reader_error(p->r, p->path, p->place, "a '#' begins a fragment, which no backend is sent: write %%23");
            return;
        }
        if (c == '%' && (text.n - i < 3 || !pattern_is_hex(text.p[i + 1]) || !pattern_is_hex(text.p[i + 2]))) {
            rm_reader_error(p->r, p->path, p->place, "a '%%' without two hexadecimal digits behind it: write %%25");
            return;
        }
        if (pattern_stands(c)) {
            out[n++] = c;
        } else {
            static const char hex[] = "0123456789ABCDEF";
            out[n++] = '%';
            out[n++] = hex[(unsigned char)c >> 4];
            out[n++] = hex[c & 15];
        }
    }
    if (n > 0)
        p->backend->pieces[p->backend->n_pieces++] =
            (struct rm_piece){.kind = RM_PIECE_TEXT, .in_query = p->in_query, .text = {out, n}};
}

// What the endpoint's wildcard stands for comes behind the path, with one slash between them.
static void pattern_rest(struct pattern_reader *p)
{
    struct rm_conf_backend *backend = p->backend;
    const struct rm_piece *last = backend->n_pieces > 0 ? &backend->pieces[backend->n_pieces - 1] : NULL;
    if (!last) // it has a finding
        return;
    if (last->kind != RM_PIECE_TEXT || last->text.p[last->text.n - 1] != '/')
        pattern_text(p, RM_STR("/"));
    backend->pieces[backend->n_pieces++] = (struct rm_piece){
        .kind = RM_PIECE_REST, .text = RM_STR("*"), .param = (uint32_t)p->endpoint->params.n - 1};
}

// Text up to the next placeholder; the query begins a piece of its own.
static void pattern_literal(struct pattern_reader *p, struct rm_str text, bool is_last)
{
    const char *mark = p->in_query || text.n == 0 ? NULL : memchr(text.p, '?', text.n);
    size_t path = mark ? (size_t)(mark - text.p) : p->in_query ? 0 : text.n;
    pattern_text(p, rm_str_sub(text, 0, path));
    if (p->endpoint->has_rest && !p->in_query && (mark || is_last))
        pattern_rest(p);
    p->in_query |= mark != NULL;
    pattern_text(p, rm_str_sub(text, path, text.n));
}

bool rm_pattern_resp(struct rm_str name, uint64_t *backend, struct rm_str *field)
{
    size_t at = 4;
    *backend = 0;
    if (!rm_str_starts(name, RM_STR("resp")))
        return false;
    for (; at < name.n && name.p[at] >= '0' && name.p[at] <= '9'; at++) {
        if (*backend < UINT32_MAX)
            *backend = *backend * 10 + (uint64_t)(name.p[at] - '0');
    }
    if (at == 4 || at + 1 >= name.n || name.p[at] != '_')
        return false;
    *field = rm_str_sub(name, at + 1, name.n);
    return true;
}

struct rm_strs rm_pattern_split(struct rm_arena *arena, struct rm_str field)
{
    struct rm_strs names = {RM_NEW_ARRAY(arena, struct rm_str, field.n + 1), 0};
    size_t from = 0;
    for (size_t i = 0; i <= field.n; i++) {
        if (i == field.n || field.p[i] == '.') {
            names.v[names.n++] = rm_str_sub(field, from, i);
            from = i + 1;
        }
    }
    return names;
}

static void pattern_undefined(struct pattern_reader *p, struct rm_str name)
{
    const struct rm_strs *params = &p->endpoint->params;
    size_t n = params->n - (p->endpoint->has_rest ? 1 : 0);
    struct rm_arena *arena = p->r->found->arena;
    const char **names = RM_NEW_ARRAY(arena, const char *, n + 1);
    struct rm_str list = RM_STR("");
    for (size_t i = 0; i < n; i++) {
        names[i] = rm_arena_cstr(arena, params->v[i]);
        if (i < 10)
            list = rm_arena_printf(arena, "%.*s%s{%s}", (int)list.n, list.p, i > 0 ? ", " : "", names[i]);
    }
    const char *near = rm_nearest(name, names, n);
    int length = (int)(name.n < 60 ? name.n : 60);
    if (n == 0)
        rm_reader_error(p->r, p->path, p->place, "{%.*s} is not defined: the endpoint's path has no parameters", length,
                        name.p);
    else
        rm_reader_error(p->r, p->path, p->place, "{%.*s} is not defined: the endpoint's path has %.*s%s%s%s", length,
                        name.p, (int)(list.n < 200 ? list.n : 200), list.p, near ? "; did you mean {" : "",
                        near ? near : "", near ? "}?" : "");
}

static void pattern_resp_piece(struct pattern_reader *p, struct rm_str text, uint64_t backend, struct rm_str field)
{
    int length = (int)(text.n < 60 ? text.n : 60);
    if (p->backend->shadow) {
        rm_reader_error(p->r, p->path, p->place, "%.*s: a shadow backend is asked before others have answered", length,
                        text.p);
    } else if (!p->endpoint->sequential) {
        rm_reader_error(
            p->r, p->path, p->place,
            "%.*s needs the answer of another backend: set extra_config.proxy.sequential to true at the endpoint",
            length, text.p);
    } else if (backend >= p->index) {
        rm_reader_error(p->r, p->path, p->place,
                        "%.*s names a backend that is not called before this one, which is number %zu", length, text.p,
                        p->index);
    } else {
        p->backend->pieces[p->backend->n_pieces++] = (struct rm_piece){.kind = RM_PIECE_RESP,
                                                                       .in_query = p->in_query,
                                                                       .text = text,
                                                                       .backend = (uint32_t)backend,
                                                                       .path = rm_pattern_split(p->r->arena, field)};
    }
}

// Of the token's own members: a dot is a part of the name, as in KrakenD.
static void pattern_claim(struct pattern_reader *p, struct rm_str text, struct rm_str claim)
{
    if (!p->endpoint->validator.is_given) {
        rm_reader_error(p->r, p->path, p->place, "%.*s needs a token: the endpoint has no auth/validator",
                        (int)(text.n < 60 ? text.n : 60), text.p);
        return;
    }
    struct rm_str *name = RM_NEW(p->r->arena, struct rm_str);
    *name = claim;
    p->backend->pieces[p->backend->n_pieces++] = (struct rm_piece){
        .kind = RM_PIECE_CLAIM, .in_query = p->in_query, .text = text, .path = (struct rm_strs){name, 1}};
}

// `text` with its braces.
static void pattern_piece(struct pattern_reader *p, struct rm_str text)
{
    struct rm_str name = rm_str_sub(text, 1, text.n - 1), field;
    const struct rm_strs *params = &p->endpoint->params;
    uint64_t backend;
    for (size_t i = 0; i < params->n; i++) {
        if (rm_str_eq(params->v[i], name)) {
            p->backend->pieces[p->backend->n_pieces++] =
                (struct rm_piece){.kind = RM_PIECE_PARAM, .in_query = p->in_query, .text = text, .param = (uint32_t)i};
            return;
        }
    }
    int length = (int)(text.n < 60 ? text.n : 60);
    if (rm_pattern_resp(name, &backend, &field))
        pattern_resp_piece(p, text, backend, field);
    else if (rm_str_starts(name, RM_STR("JWT.")))
        pattern_claim(p, text, rm_str_sub(name, 4, name.n));
    else if (rm_str_starts(name, RM_STR("input_headers.")) || rm_str_starts(name, RM_STR("input_query_strings.")))
        rm_reader_error(p->r, p->path, p->place, "%.*s: KrakenD Enterprise's dynamic routing is not in remora", length,
                        text.p);
    else
        pattern_undefined(p, name);
}

void rm_pattern_compile(struct rm_reader *r, const struct rm_path *path, struct rm_place place,
                        const struct rm_conf_endpoint *endpoint, size_t index)
{
    struct rm_conf_backend *backend = &endpoint->backends[index];
    struct rm_str text = backend->url_pattern;
    if (text.n == 0 || text.p[0] != '/')
        text = rm_arena_printf(r->arena, "/%.*s", (int)text.n, text.p);
    backend->url_pattern = text;

    struct pattern_reader p = {r, path, place, endpoint, backend, index, false};
    size_t most = 5;
    for (size_t i = 0; i < text.n; i++)
        most += text.p[i] == '{' ? 2 : 0;
    backend->pieces = RM_NEW_ARRAY(r->arena, struct rm_piece, most);
    backend->n_pieces = 0;
    size_t from = 0;
    for (size_t at = 0; at < text.n; at++) {
        size_t end = text.p[at] == '{' ? pattern_placeholder(text, at) : at;
        if (end == at)
            continue;
        pattern_literal(&p, rm_str_sub(text, from, at), false);
        pattern_piece(&p, rm_str_sub(text, at, end));
        from = end;
        at = end - 1;
    }
    pattern_literal(&p, rm_str_sub(text, from, text.n), true);
}
