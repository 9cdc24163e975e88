// Findings: what is wrong with a configuration, where, and under which path. Makes their texts safe to print.
// SPDX-License-Identifier: Apache-2.0
#include "conf/finding.h"

#include "base/map.h"

#include <stdio.h>

#define FINDING_EXCERPT 60 // bytes of the configuration's own text in a message

void rm_finding_add(struct rm_findings *found, bool is_error, struct rm_place place, struct rm_str path,
                    struct rm_str text)
{
    if (found->n == found->cap) {
        size_t cap = found->cap > 0 ? found->cap * 2 : 16;
        struct rm_finding *v = RM_NEW_ARRAY(found->arena, struct rm_finding, cap);
        if (found->n > 0)
            memcpy(v, found->v, found->n * sizeof(*v));
        found->v = v;
        found->cap = cap;
    }
    found->v[found->n++] = (struct rm_finding){is_error, place, path, text};
    found->n_errors += is_error;
}

static bool finding_after(const struct rm_finding *a, const struct rm_finding *b)
{
    if (a->place.line != b->place.line)
        return a->place.line > b->place.line;
    return a->place.column > b->place.column;
}

// Stable merge sort, bottom up: findings at one place stay in the order in which they were made.
void rm_findings_sort(struct rm_findings *found)
{
    struct rm_finding *from = found->v;
    struct rm_finding *to = RM_NEW_ARRAY(found->arena, struct rm_finding, found->n + 1);
    for (size_t width = 1; width < found->n; width *= 2) {
        for (size_t start = 0; start < found->n; start += 2 * width) {
            size_t middle = start + width < found->n ? start + width : found->n;
            size_t end = start + 2 * width < found->n ? start + 2 * width : found->n;
            size_t a = start, b = middle;
            for (size_t i = start; i < end; i++) {
                bool take_b = b < end && (a == middle || finding_after(&from[a], &from[b]));
                to[i] = from[take_b ? b++ : a++];
            }
        }
        struct rm_finding *spare = from;
        from = to;
        to = spare;
    }
    if (from != found->v) {
        found->v = from;
        found->cap = found->n;
    }
}

struct rm_str rm_finding_format(struct rm_arena *arena, struct rm_str file, const struct rm_finding *f)
{
    char place[32] = "";
    if (f->place.line > 0)
        snprintf(place, sizeof(place), "%u:%u:", f->place.line, f->place.column);
    return rm_arena_printf(arena, "%.*s:%s %s: %.*s%s%.*s", (int)file.n, file.p, place,
                           f->is_error ? "error" : "warning", (int)f->path.n, f->path.p, f->path.n > 0 ? ": " : "",
                           (int)f->text.n, f->text.p);
}

// ---- texts ---------------------------------------------------------------------------------------------------------

// Printable and short, whatever the configuration holds; UTF-8 stays.
static struct rm_str finding_excerpt(struct rm_arena *arena, struct rm_str text)
{
    char out[FINDING_EXCERPT * 4 + 4];
    size_t n = 0, end = text.n;
    if (text.n > FINDING_EXCERPT) {
        end = FINDING_EXCERPT;
        while (end > 0 && ((unsigned char)text.p[end] & 0xc0) == 0x80) // no half characters
            end--;
    }
    for (size_t i = 0; i < end; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < 0x20 || c == 0x7f)
            n += (size_t)snprintf(out + n, 5, "\\x%02x", c);
        else
            out[n++] = (char)c;
    }
    if (end < text.n) {
        memcpy(out + n, "...", 3);
        n += 3;
    }
    return rm_arena_dup(arena, (struct rm_str){out, n});
}

bool rm_is_secret_name(struct rm_str name)
{
    static const char *const parts[] = {"key", "token", "secret", "passw", "pwd", "auth", "sig", "credential", "cookie"};
    for (size_t at = 0; at < name.n; at++) {
        for (size_t i = 0; i < RM_COUNT(parts); i++) {
            struct rm_str part = rm_str_of(parts[i]);
            if (part.n <= name.n - at && rm_str_eq_nocase(rm_str_sub(name, at, at + part.n), part))
                return true;
        }
    }
    return false;
}

// The query's values under names that look like credentials, masked.
static struct rm_str finding_mask_query(struct rm_arena *arena, struct rm_str url)
{
    static const char stars[] = "***";
    const char *mark = url.n > 0 ? memchr(url.p, '?', url.n) : NULL;
    if (!mark)
        return url;
    size_t pairs = 1;
    for (size_t i = 0; i < url.n; i++)
        pairs += url.p[i] == '&';
    char *out = rm_arena_alloc(arena, url.n + rm_mul_size(pairs, sizeof(stars)));
    size_t at = (size_t)(mark - url.p) + 1, n = at;
    memcpy(out, url.p, at);
    while (at < url.n) {
        const char *amp = memchr(url.p + at, '&', url.n - at);
        size_t end = amp ? (size_t)(amp - url.p) : url.n;
        struct rm_str pair = rm_str_sub(url, at, end);
        const char *equals = memchr(pair.p, '=', pair.n);
        size_t name = equals ? (size_t)(equals - pair.p) : pair.n;
        // A placeholder is no secret.
        if (equals && !memchr(equals, '{', pair.n - name) && rm_is_secret_name(rm_str_sub(pair, 0, name))) {
            memcpy(out + n, pair.p, name + 1);
            memcpy(out + n + name + 1, stars, sizeof(stars) - 1);
            n += name + sizeof(stars);
        } else {
            memcpy(out + n, pair.p, pair.n);
            n += pair.n;
        }
        if (amp)
            out[n++] = '&';
        at = end + 1;
    }
    return (struct rm_str){out, n};
}

struct rm_str rm_url_mask(struct rm_arena *arena, struct rm_str url)
{
    size_t start = 0;
    for (size_t i = 0; i + 3 <= url.n; i++) {
        if (memcmp(url.p + i, "://", 3) == 0) {
            start = i + 3;
            break;
        }
    }
    size_t end = start; // of the authority
    size_t at = SIZE_MAX;
    for (; end < url.n && url.p[end] != '/' && url.p[end] != '?' && url.p[end] != '#'; end++) {
        if (url.p[end] == '@')
            at = end;
    }
    if (at != SIZE_MAX)
        url = rm_arena_printf(arena, "%.*s***%.*s", (int)start, url.p, (int)(url.n - at), url.p + at);
    return finding_mask_query(arena, url);
}

const char *rm_text_quote(struct rm_arena *arena, struct rm_str text)
{
    struct rm_str safe = text.n > 4096 ? rm_str_sub(text, 0, 4096) : text;
    safe = finding_excerpt(arena, rm_url_mask(arena, safe));
    return rm_arena_printf(arena, "\"%.*s\"", (int)safe.n, safe.p).p;
}

const char *rm_value_describe(struct rm_arena *arena, const struct rm_value *value)
{
    switch ((enum rm_type)value->type) {
    case RM_NULL:
        return "null";
    case RM_FALSE:
        return "false";
    case RM_TRUE:
        return "true";
    case RM_NUMBER: {
        struct rm_str text = finding_excerpt(arena, value->raw);
        return rm_arena_printf(arena, "the number %.*s", (int)text.n, text.p).p;
    }
    case RM_STRING:
        return rm_arena_printf(arena, "the text %s", rm_text_quote(arena, rm_value_text(arena, value))).p;
    case RM_ARRAY:
        return value->n == 0 ? "an empty list" : "a list";
    case RM_OBJECT:
        return value->n == 0 ? "an empty object" : "an object";
    }
    return "nothing";
}

static bool path_is_plain(struct rm_str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c != '\0' && strchr("_-/@$#", c));
        if (!plain)
            return false;
    }
    return name.n <= FINDING_EXCERPT;
}

struct rm_str rm_path_format(struct rm_arena *arena, const struct rm_path *path)
{
    if (!path)
        return (struct rm_str){"", 0};
    struct rm_str up = rm_path_format(arena, path->up);
    if (!path->name.p)
        return rm_arena_printf(arena, "%.*s[%zu]", (int)up.n, up.p, path->index);
    if (path_is_plain(path->name))
        return rm_arena_printf(arena, "%.*s%s%.*s", (int)up.n, up.p, up.n > 0 ? "." : "", (int)path->name.n,
                               path->name.p);
    return rm_arena_printf(arena, "%.*s[%s]", (int)up.n, up.p, rm_text_quote(arena, path->name));
}

// ---- for readers ---------------------------------------------------------------------------------------------------

RM_PRINTF(5, 0)
static void reader_add(struct rm_reader *r, bool is_error, const struct rm_path *path, struct rm_place place,
                       const char *fmt, va_list args)
{
    char text[600];
    vsnprintf(text, sizeof(text), fmt, args);
    rm_finding_add(r->found, is_error, place, rm_path_format(r->found->arena, path),
                   rm_arena_dup(r->found->arena, rm_str_of(text)));
}

void rm_reader_error(struct rm_reader *r, const struct rm_path *path, struct rm_place place, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    reader_add(r, true, path, place, fmt, args);
    va_end(args);
}

void rm_reader_warn(struct rm_reader *r, const struct rm_path *path, struct rm_place place, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    reader_add(r, false, path, place, fmt, args);
    va_end(args);
}

void rm_reader_unknown(struct rm_reader *r, const struct rm_path *path, struct rm_place place, const char *what,
                       const char *const *names, size_t n)
{
    const char *near = rm_nearest(path->name, names, n);
    if (r->strict)
        rm_reader_error(r, path, place, "unknown %s%s%s%s", what, near ? ": did you mean \"" : "", near ? near : "",
                        near ? "\"?" : "");
    else
        rm_reader_warn(r, path, place, "unknown %s, ignored%s%s%s", what, near ? ": did you mean \"" : "",
                       near ? near : "", near ? "\"?" : "");
}
