// Paths of endpoints: the leading slash, parameters, and what may not stand there.
// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"
#include "conf/load.h"

struct path_reader {
    struct rm_reader *r;
    const struct rm_path *path;
    struct rm_place place;
    struct rm_conf_endpoint *endpoint;
};

static bool path_is_param_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static size_t path_find(struct rm_str text, size_t from, char c)
{
    const char *found = from < text.n ? memchr(text.p + from, c, text.n - from) : NULL;
    return found ? (size_t)(found - text.p) : text.n;
}

// A whole "{name}" at `at`: its end; `at` itself when there is none.
static size_t path_param_end(struct rm_str segment, size_t at)
{
    size_t end = at + 1;
    while (end < segment.n && path_is_param_char(segment.p[end]))
        end++;
    return end < segment.n && segment.p[end] == '}' && end > at + 1 ? end + 1 : at;
}

static void path_param(struct path_reader *p, struct rm_str segment, size_t at, size_t end)
{
    struct rm_strs *params = &p->endpoint->params;
    struct rm_str name = rm_str_sub(segment, at + 1, end - 1);
    if (at > 0 || end < segment.n) {
        rm_reader_error(p->r, p->path, p->place, "the parameter {%.*s} must be a whole segment, like /{%.*s}/",
                        (int)name.n, name.p, (int)name.n, name.p);
        return;
    }
    for (size_t i = 0; i < params->n; i++) {
        if (rm_str_eq(params->v[i], name)) {
            rm_reader_error(p->r, p->path, p->place, "the parameter {%.*s} is there twice", (int)name.n, name.p);
            return;
        }
    }
    params->v[params->n++] = name;
}

static void path_segment(struct path_reader *p, struct rm_str segment, bool is_last)
{
    static const char *const reserved[] = {"__debug", "__echo", "__health"};
    struct rm_reader *r = p->r;
    const char *quoted = rm_text_quote(r->found->arena, segment);
    for (size_t i = 0; i < RM_COUNT(reserved); i++) {
        if (rm_str_eq(segment, rm_str_of(reserved[i])))
            rm_reader_error(r, p->path, p->place, "\"/%s\" is reserved", reserved[i]);
    }
    if (rm_str_eq(segment, RM_STR(".")) || rm_str_eq(segment, RM_STR("..")))
        rm_reader_error(r, p->path, p->place, "a \"%.*s\" segment: no request can have it", (int)segment.n, segment.p);
    if (is_last && rm_str_eq(segment, RM_STR("*"))) {
        p->endpoint->params.v[p->endpoint->params.n++] = segment;
        p->endpoint->has_rest = true;
    } else if (path_find(segment, 0, '*') < segment.n) {
        rm_reader_error(r, p->path, p->place, "a wildcard is the whole last segment, like /files/*, not %s", quoted);
    }
    if (segment.n > 0 && segment.p[0] == ':')
        rm_reader_error(r, p->path, p->place, "a parameter is written {%.*s}, not %s", (int)segment.n - 1,
                        segment.p + 1, quoted);
    if (path_find(segment, 0, '%') < segment.n)
        rm_reader_warn(r, p->path, p->place,
                       "requests are matched after percent-decoding: write the characters themselves in %s", quoted);
    for (size_t at = path_find(segment, 0, '{'); at < segment.n; at = path_find(segment, at, '{')) {
        size_t end = path_param_end(segment, at);
        if (end == at) {
            rm_reader_error(r, p->path, p->place,
                            "%s has a brace that is no parameter: names have letters, digits, - and _", quoted);
            return;
        }
        // KrakenD: literal text, unless disable_rest is on, which makes it a parameter inside a segment.
        if (at > 0 && end == segment.n && !r->conf->disable_rest)
            rm_reader_warn(r, p->path, p->place, "%s is literal text: a parameter is a whole segment", quoted);
        else
            path_param(p, segment, at, end);
        at = end;
    }
}

void rm_endpoint_path_read(struct rm_reader *r, const struct rm_path *path, struct rm_place place,
                           struct rm_conf_endpoint *endpoint)
{
    struct rm_str text = endpoint->path;
    if (text.n == 0 || text.p[0] != '/')
        text = rm_arena_printf(r->arena, "/%.*s", (int)text.n, text.p);
    endpoint->path = text;
    struct path_reader p = {r, path, place, endpoint};
    size_t most = 0;
    for (size_t i = 0; i < text.n; i++)
        most += text.p[i] == '{';
    endpoint->params.v = RM_NEW_ARRAY(r->arena, struct rm_str, most + 2);
    if (path_find(text, 0, '?') < text.n || path_find(text, 0, '#') < text.n)
        rm_reader_error(r, path, place,
                        "a path has no '?' and no '#': what a query may hold is said by \"input_query_strings\"");
    for (size_t at = 1; at <= text.n;) {
        size_t end = path_find(text, at, '/');
        if (end == at && end < text.n)
            rm_reader_error(r, path, place, "two slashes in a row: no request is matched with them");
        path_segment(&p, rm_str_sub(text, at, end), end == text.n);
        at = end + 1;
    }
}

bool rm_param_find(struct rm_reader *r, const struct rm_path *path, struct rm_place place, struct rm_str name,
                   const struct rm_conf_endpoint *endpoint, uint32_t *index)
{
    struct rm_arena *arena = r->found->arena;
    const char **names = RM_NEW_ARRAY(arena, const char *, endpoint->params.n + 1);
    for (size_t i = 0; i < endpoint->params.n; i++) {
        *index = (uint32_t)i;
        if (rm_str_eq(endpoint->params.v[i], name))
            return true;
        names[i] = rm_arena_cstr(arena, endpoint->params.v[i]);
    }
    const char *near = rm_nearest(name, names, endpoint->params.n);
    rm_reader_error(r, path, place, "the endpoint has no parameter {%.*s}%s%s%s", (int)name.n, name.p,
                    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return false;
}
