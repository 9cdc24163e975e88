// Builds targets. What is filled in is encoded for its place, segments that would climb or vanish are refused, and the client's
// query pairs are appended byte for byte in the order that they came. Owns nothing.
// SPDX-License-Identifier: Apache-2.0
#include "flow/url.h"

#include "base/pct.h"

// ---- at load -------------------------------------------------------------------------------------------------------

static struct rm_str url_join(struct rm_arena *arena, const struct rm_piece *pieces, size_t n_pieces)
{
    size_t n = 0;
    for (size_t i = 0; i < n_pieces; i++)
        n += pieces[i].text.n;
    char *text = rm_arena_alloc(arena, n);
    n = 0;
    for (size_t i = 0; i < n_pieces; i++) {
        memcpy(text + n, pieces[i].text.p, pieces[i].text.n);
        n += pieces[i].text.n;
    }
    return (struct rm_str){text, n};
}

void rm_url_compile(struct rm_url *url, struct rm_arena *arena, const struct rm_conf_backend *backend,
                    const struct rm_conf_endpoint *endpoint, bool raw_params)
{
    RM_ASSERT(backend->n_pieces > 0 && backend->pieces[0].kind == RM_PIECE_TEXT && backend->pieces[0].text.p[0] == '/');
    *url = (struct rm_url){.pieces = backend->pieces, .n_pieces = backend->n_pieces, .raw_params = raw_params};
    url->is_literal = true;
    for (size_t i = 0; i < backend->n_pieces; i++) {
        const struct rm_piece *piece = &backend->pieces[i];
        url->wants_answers |= piece->kind == RM_PIECE_RESP;
        url->ends_open = false;
        url->has_query |= piece->in_query;
        if (piece->kind == RM_PIECE_TEXT) {
            char last = piece->text.p[piece->text.n - 1];
            url->ends_open = last == '?' || last == '&';
        } else {
            url->is_literal = false;
        }
    }
    if (url->is_literal)
        url->literal = url_join(arena, backend->pieces, backend->n_pieces);
    rm_filter_compile(&url->queries, arena, endpoint->input_query_strings.v, endpoint->input_query_strings.n,
                      endpoint->all_query_strings, false);
    // `*` has no meaning of its own here (krakend-behaviour.md §5.3).
    bool none = backend->input_query_strings.n == 0;
    rm_filter_compile(&url->narrower, arena, backend->input_query_strings.v, backend->input_query_strings.n, none,
                      false);
}

// ---- a field of an earlier answer ----------------------------------------------------------------------------------

static bool url_scalar(struct rm_arena *arena, const struct rm_value *v, struct rm_str *out)
{
    switch ((enum rm_type)v->type) {
    case RM_STRING:
        *out = rm_value_text(arena, v);
        return true;
    case RM_NUMBER:
        *out = v->raw;
        return true;
    case RM_TRUE:
        *out = RM_STR("true");
        return true;
    case RM_FALSE:
        *out = RM_STR("false");
        return true;
    case RM_NULL:
    case RM_ARRAY:
    case RM_OBJECT:
        break;
    }
    return false;
}

static int url_list(struct rm_arena *arena, struct rm_value *array, struct rm_str *out)
{
    rm_value_open(arena, array);
    struct rm_str *texts = RM_NEW_ARRAY(arena, struct rm_str, array->n);
    size_t n = 0, total = 0;
    for (const struct rm_value *item = array->first; item; item = item->next, n++) {
        if (!url_scalar(arena, item, &texts[n]))
            return RM_EPARAM;
        total += texts[n].n + 1;
    }
    char *text = rm_arena_alloc(arena, total);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            text[at++] = ',';
        if (texts[i].n > 0)
            memcpy(text + at, texts[i].p, texts[i].n);
        at += texts[i].n;
    }
    *out = (struct rm_str){text, at};
    return RM_OK;
}

// By its number from 0; NULL: it is none, or there is no such item.
static struct rm_value *url_item(struct rm_arena *arena, struct rm_value *array, struct rm_str name)
{
    uint32_t n = 0;
    if (name.n == 0 || name.n > 9 || (name.n > 1 && name.p[0] == '0'))
        return NULL;
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] < '0' || name.p[i] > '9')
            return NULL;
        n = n * 10 + (uint32_t)(name.p[i] - '0');
    }
    rm_value_open(arena, array);
    struct rm_value *item = n < array->n ? array->first : NULL;
    while (item && n-- > 0)
        item = item->next;
    return item;
}

int rm_url_field(struct rm_arena *arena, struct rm_value *answer, struct rm_strs path, struct rm_str *out)
{
    struct rm_value *v = answer;
    for (size_t i = 0; v && i < path.n; i++)
        v = v->type == RM_OBJECT  ? rm_value_get(arena, v, path.v[i])
            : v->type == RM_ARRAY ? url_item(arena, v, path.v[i])
                                  : NULL;
    if (!v)
        return RM_EPARAM;
    if (v->type == RM_ARRAY)
        return url_list(arena, v, out);
    return url_scalar(arena, v, out) ? RM_OK : RM_EPARAM;
}

// ---- the parts -----------------------------------------------------------------------------------------------------

static const char url_hex[] = "0123456789ABCDEF";

// Copies `in`, encoding what may stand nowhere in a target: controls, space, '#', DEL and non-ASCII bytes. `out` has room for 3 a byte.
static size_t url_put_legal(char *out, struct rm_str in)
{
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        unsigned char c = (unsigned char)in.p[i];
        if (c > 0x20 && c < 0x7F && c != '#') {
            out[n++] = (char)c;
        } else {
            out[n++] = '%';
            out[n++] = url_hex[c >> 4];
            out[n++] = url_hex[c & 15];
        }
    }
    return n;
}

static size_t url_legal_size(struct rm_str in)
{
    size_t n = in.n;
    for (size_t i = 0; i < in.n; i++) {
        unsigned char c = (unsigned char)in.p[i];
        n += c > 0x20 && c < 0x7F && c != '#' ? 0 : 2;
    }
    return n;
}

static bool url_is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

// A raw segment, or several where slashes may pass, keeps its escapes; whatever else may not stand in a segment is encoded.
static struct rm_str url_raw_segment(struct rm_arena *arena, struct rm_str in, bool slashes)
{
    char *text = rm_arena_alloc(arena, 3 * in.n);
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] == '%' && i + 2 < in.n && url_is_hex(in.p[i + 1]) && url_is_hex(in.p[i + 2])) {
            memcpy(text + n, in.p + i, 3);
            n += 3;
            i += 2;
        } else if (in.p[i] == '/' && slashes) {
            text[n++] = '/';
        } else {
            struct rm_str one = rm_pct_encode_segment(arena, rm_str_sub(in, i, i + 1));
            memcpy(text + n, one.p, one.n);
            n += one.n;
        }
    }
    return (struct rm_str){text, n};
}

// The encoded text of a placeholder.
static int url_fill(const struct rm_url *url, struct rm_arena *arena, const struct rm_url_in *in,
                    const struct rm_piece *piece, struct rm_str *out, struct rm_err *err)
{
    struct rm_str text;
    if (piece->kind == RM_PIECE_CLAIM) {
        if (!in->claims || rm_url_field(arena, in->claims, piece->path, &text) != RM_OK) {
            rm_fail(err, RM_EPARAM, "no usable value for %.*s in the token",
                    (int)(piece->text.n < 80 ? piece->text.n : 80), piece->text.p);
            err->status = 400;
            return RM_EPARAM;
        }
    } else if (piece->kind == RM_PIECE_RESP) {
        struct rm_value *answer = in->answers[piece->backend];
        if (rm_url_field(arena, answer, piece->path, &text) != RM_OK)
            return rm_fail(err, RM_EPARAM, "no usable value for %.*s in the earlier answer",
                           (int)(piece->text.n < 80 ? piece->text.n : 80), piece->text.p);
        if (text.n > RM_URL_MOST)
            return rm_fail(err, RM_ETOOBIG, "the value of a URL parameter is too long");
    } else {
        text = in->params[piece->param];
        bool is_rest = piece->kind == RM_PIECE_REST;
        if (is_rest || (url->raw_params && !piece->in_query)) {
            *out = url_raw_segment(arena, text, is_rest);
            return RM_OK;
        }
        if (url->raw_params && rm_pct_decode(arena, text, false, &text) != RM_OK) {
            rm_fail(err, RM_EPARAM, "a parameter is not well encoded");
            err->status = 400;
            return RM_EPARAM;
        }
    }
    *out = piece->in_query ? rm_pct_encode_query(arena, text) : rm_pct_encode_segment(arena, text);
    return RM_OK;
}

// "." and "..", their dots escaped or not.
static bool url_is_dots(struct rm_str segment)
{
    size_t dots = 0;
    for (size_t i = 0; i < segment.n; dots++) {
        if (segment.p[i] == '.')
            i++;
        else if (segment.n - i > 2 && segment.p[i] == '%' && segment.p[i + 1] == '2' &&
                 (segment.p[i + 2] | 0x20) == 'e')
            i += 3;
        else
            return false;
    }
    return dots == 1 || dots == 2;
}

// ---- putting it together -------------------------------------------------------------------------------------------

struct url_text {
    char *p;
    size_t n;
    size_t segment; // where the path's last segment begins
    bool filled;    // with a placeholder in it
    bool in_query;
};

static int url_end_segment(struct url_text *out)
{
    struct rm_str segment = {out->p + out->segment, out->n - out->segment};
    bool bad = out->filled && (segment.n == 0 || url_is_dots(segment));
    out->segment = out->n + 1;
    out->filled = false;
    return bad ? RM_EPARAM : RM_OK;
}

static int url_put(struct url_text *out, struct rm_str text, bool is_literal)
{
    if (!is_literal || out->in_query) {
        if (text.n > 0)
            memcpy(out->p + out->n, text.p, text.n);
        out->n += text.n;
        out->filled |= !is_literal && !out->in_query;
        return RM_OK;
    }
    for (size_t i = 0; i < text.n; i++) {
        if (!out->in_query && (text.p[i] == '/' || text.p[i] == '?')) {
            if (url_end_segment(out) != RM_OK)
                return RM_EPARAM;
            out->in_query = text.p[i] == '?';
        }
        out->p[out->n++] = text.p[i];
    }
    return RM_OK;
}

// Not both filters let everything pass. A pair with a ';' is left out, as in KrakenD: servers that take it for a '&' would see a
// name behind it that is not in the list.
static bool url_pair_passes(const struct rm_url *url, struct rm_arena *arena, const struct rm_query_pair *pair)
{
    struct rm_str name;
    if (memchr(pair->pair.p, ';', pair->pair.n) || rm_pct_decode(arena, pair->key, true, &name) != RM_OK)
        return false;
    return rm_filter_passes(&url->queries, name) && rm_filter_passes(&url->narrower, name);
}

// The pairs of the client's query that pass: all of them as they are, or copied together.
static struct rm_str url_query(const struct rm_url *url, struct rm_arena *arena, struct rm_str query)
{
    if (query.n == 0 || (!url->queries.all && url->queries.n == 0))
        return (struct rm_str){NULL, 0};
    if (url->queries.all && url->narrower.all)
        return query;
    char *text = NULL;
    size_t n = 0;
    struct rm_query_pair pair;
    for (struct rm_str rest = query; rm_query_next(&rest, &pair);) {
        if (!url_pair_passes(url, arena, &pair))
            continue;
        if (!text)
            text = rm_arena_alloc(arena, query.n);
        if (n > 0)
            text[n++] = '&';
        memcpy(text + n, pair.pair.p, pair.pair.n);
        n += pair.pair.n;
    }
    return (struct rm_str){text, n};
}

static int url_refuse(const struct rm_piece *piece, struct rm_err *err)
{
    RM_ASSERT(piece); // only what a placeholder has filled is refused
    rm_fail(err, RM_EPARAM, "%.*s would make an empty or a dot segment of the path",
            (int)(piece->text.n < 80 ? piece->text.n : 80), piece->text.p);
    err->status = piece->kind == RM_PIECE_RESP ? 0 : 400;
    return RM_EPARAM;
}

// The pattern with its placeholders filled in, and room for so many bytes behind it.
static int url_fill_pattern(const struct rm_url *url, struct rm_arena *arena, const struct rm_url_in *in, size_t room,
                            struct url_text *out, struct rm_err *err)
{
    struct rm_str *texts = RM_NEW_ARRAY(arena, struct rm_str, url->n_pieces);
    size_t most = room;
    for (size_t i = 0; i < url->n_pieces; i++) {
        const struct rm_piece *piece = &url->pieces[i];
        int rc = RM_OK;
        if (piece->kind == RM_PIECE_TEXT)
            texts[i] = piece->text;
        else
            rc = url_fill(url, arena, in, piece, &texts[i], err);
        if (rc != RM_OK)
            return rc;
        most += texts[i].n;
    }
    if (most > RM_URL_MOST) {
        rm_fail(err, RM_ETOOBIG, "the target is longer than %zu bytes", RM_URL_MOST);
        return RM_ETOOBIG;
    }

    *out = (struct url_text){.p = rm_arena_alloc(arena, most)};
    const struct rm_piece *filled = NULL; // the newest placeholder
    for (size_t i = 0; i < url->n_pieces; i++) {
        // A rest is whole segments, none of them dots: its router has looked.
        bool is_literal = url->pieces[i].kind == RM_PIECE_TEXT || url->pieces[i].kind == RM_PIECE_REST;
        if (!is_literal)
            filled = &url->pieces[i];
        if (url_put(out, texts[i], is_literal) != RM_OK)
            return url_refuse(filled, err);
    }
    return out->in_query || url_end_segment(out) == RM_OK ? RM_OK : url_refuse(filled, err);
}

int rm_url_build(const struct rm_url *url, struct rm_arena *arena, const struct rm_url_in *in, struct rm_str *target,
                 struct rm_err *err)
{
    struct rm_str query = url_query(url, arena, in->query);
    if (url->is_literal && query.n == 0) {
        *target = url->literal;
        return RM_OK;
    }
    size_t room = query.n > 0 ? 1 + url_legal_size(query) : 0; // '?' or '&' before it
    struct url_text out = {.n = url->literal.n};
    if (url->is_literal) {
        out.p = rm_arena_alloc(arena, out.n + room);
        memcpy(out.p, url->literal.p, out.n);
    } else {
        int rc = url_fill_pattern(url, arena, in, room, &out, err);
        if (rc != RM_OK)
            return rc;
    }
    if (query.n > 0) {
        if (!url->has_query)
            out.p[out.n++] = '?';
        else if (!url->ends_open)
            out.p[out.n++] = '&';
        out.n += url_put_legal(out.p + out.n, query);
    }
    *target = (struct rm_str){out.p, out.n};
    return RM_OK;
}
