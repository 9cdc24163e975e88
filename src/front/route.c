// The router: decodes the path, finds the endpoint, else says why there is none: a redirect, 405 or 404 (KrakenD's order). Owns the
// tree; immutable after rm_router_new().
// SPDX-License-Identifier: Apache-2.0
#include "front/route.h"
#include "base/pct.h"
#include "front/route_tree.h"
#include "front/target.h"

struct rm_router {
    struct rm_arena arena;
    const struct rm_plan *plan;
    const struct rm_conf_router *conf;
    struct route_node root;
    size_t depth, params; // of the deepest path
    bool echo, debug;
};

static size_t route_count(struct rm_str path, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < path.n; i++)
        n += path.p[i] == c;
    return n;
}

static int route_add(struct rm_router *r, struct rm_str path, struct route_node **out, struct rm_err *err)
{
    *out = route_tree_put(&r->arena, &r->root, path);
    if (!*out)
        return rm_fail(err, RM_ECONF, "path %.*s does not begin with a slash", (int)path.n, path.p);
    size_t depth = route_count(path, '/'), params = route_count(path, '{') + route_count(path, '*');
    r->depth = depth > r->depth ? depth : r->depth;
    r->params = params > r->params ? params : r->params;
    return RM_OK;
}

static int route_build(struct rm_router *r, struct rm_err *err)
{
    struct route_node *node;
    if (!r->conf->disable_health) {
        int code = route_add(r, r->conf->health_path, &node, err);
        if (code)
            return code;
        node->health = true;
    }
    for (uint32_t i = 0; i < r->plan->n_endpoints; i++) {
        const struct rm_conf_endpoint *conf = r->plan->endpoints[i].conf;
        int code = route_add(r, conf->path, &node, err);
        if (code)
            return code;
        if (route_node_has(node, (int)conf->method))
            return rm_fail(err, RM_ECONF, "%s %.*s is configured twice", rm_method_names[conf->method],
                           (int)conf->path.n, conf->path.p);
        node->endpoints[conf->method] = &r->plan->endpoints[i];
    }
    return RM_OK;
}

int rm_router_new(struct rm_router **out, const struct rm_plan *plan, bool debug_endpoint, struct rm_err *err)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_router *r = RM_NEW(&arena, struct rm_router);
    r->arena = arena;
    r->plan = plan;
    r->conf = &plan->conf->router;
    r->echo = plan->conf->echo_endpoint;
    r->debug = debug_endpoint || plan->conf->debug_endpoint;
    int code = route_build(r, err);
    if (code) {
        rm_router_free(r);
        return code;
    }
    *out = r;
    return RM_OK;
}

void rm_router_free(struct rm_router *r)
{
    if (!r)
        return;
    struct rm_arena arena = r->arena; // r lies in it
    rm_arena_fini(&arena);
}

// ---- paths -----------------------------------------------------------------------------------------------------------

// Go's path.Clean for a path with a leading slash, but a slash at the end stays: slashes joined, "." dropped, ".." taken back.
static struct rm_str route_clean(struct rm_arena *arena, struct rm_str path)
{
    char *text = rm_arena_alloc(arena, path.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < path.n;) {
        while (i < path.n && path.p[i] == '/')
            i++;
        size_t end = i;
        while (end < path.n && path.p[end] != '/')
            end++;
        struct rm_str segment = rm_str_sub(path, i, end);
        i = end;
        if (rm_str_eq(segment, RM_STR(".."))) {
            while (n > 0 && text[--n] != '/')
                continue;
        } else if (segment.n > 0 && !rm_str_eq(segment, RM_STR("."))) {
            text[n++] = '/';
            memcpy(text + n, segment.p, segment.n);
            n += segment.n;
        }
    }
    if (n == 0 || (path.p[path.n - 1] == '/' && text[n - 1] != '/'))
        text[n++] = '/';
    return (struct rm_str){text, n};
}

// The same path with a slash at its end, or without the one that it has.
static struct rm_str route_slash(struct rm_arena *arena, struct rm_str path)
{
    if (path.p[path.n - 1] == '/')
        return rm_str_sub(path, 0, path.n - 1);
    return rm_arena_printf(arena, "%.*s/", (int)path.n, path.p);
}

// A path for a Location header. A matched path cannot begin with two slashes (it would name another host): an empty segment fills
// no parameter, and the configuration has none.
static struct rm_str route_encode(const struct rm_router *r, struct rm_arena *arena, struct rm_str path)
{
    if (r->conf->disable_path_decoding)
        return path;
    struct rm_str out = {"", 0};
    for (size_t i = 0; i < path.n;) {
        size_t end = ++i;
        while (end < path.n && path.p[end] != '/')
            end++;
        struct rm_str segment = rm_pct_encode_segment(arena, rm_str_sub(path, i, end));
        out = rm_arena_printf(arena, "%.*s/%.*s", (int)out.n, out.p, (int)segment.n, segment.p);
        i = end;
    }
    return out;
}

// ---- why there is no endpoint ----------------------------------------------------------------------------------------

// The path as configured, with this path's parameters in it, where only case, slashes and dots differ.
static bool route_fix(const struct rm_router *r, struct rm_arena *arena, struct route_walk *walk, struct rm_str path,
                      struct rm_str *fixed)
{
    struct rm_str clean = route_clean(arena, path);
    struct route_walk nocase = *walk;
    nocase.nocase = true;
    nocase.taken = RM_NEW_ARRAY(arena, const struct route_node *, r->depth);
    if (!route_tree_find(&r->root, clean, &nocase)) {
        if (r->conf->disable_redirect_trailing_slash || clean.n < 2)
            return false;
        clean = route_slash(arena, clean);
        if (!route_tree_find(&r->root, clean, &nocase))
            return false;
    }
    struct rm_str out = {"", 0};
    size_t depth = route_count(clean, '/');
    for (size_t i = 0, param = 0; i < depth; i++) {
        const struct route_node *node = nocase.taken[i];
        const struct route_node *up = i == 0 ? &r->root : nocase.taken[i - 1];
        bool is_param = node == up->param || node == up->rest;
        struct rm_str segment = is_param ? walk->params[param++] : node->text;
        out = rm_arena_printf(arena, "%.*s/%.*s", (int)out.n, out.p, (int)segment.n, segment.p);
        if (node == up->rest)
            break;
    }
    *fixed = out;
    return !rm_str_eq(out, path);
}

// "/p/" where only "/p/{id}" is configured: KrakenD redirects to "/p".
static bool route_is_bare(const struct rm_router *r, struct rm_arena *arena, struct route_walk *walk,
                          struct rm_str path)
{
    if (path.p[path.n - 1] != '/')
        return false;
    struct route_walk probe = *walk;
    return route_tree_find(&r->root, rm_arena_printf(arena, "%.*sx", (int)path.n, path.p), &probe) != NULL;
}

static bool route_redirect(const struct rm_router *r, struct rm_arena *arena, struct route_walk *walk,
                           struct rm_str path, struct rm_route *out)
{
    struct rm_str to = {0};
    if (path.n < 2 || path.p[0] != '/')
        return false;
    if (!r->conf->disable_redirect_trailing_slash) {
        struct rm_str other = route_slash(arena, path);
        struct route_walk probe = *walk;
        if (route_tree_find(&r->root, other, &probe) || route_is_bare(r, arena, walk, path))
            to = other;
    }
    if (to.n == 0 && (r->conf->disable_redirect_fixed_path || !route_fix(r, arena, walk, path, &to)))
        return false;
    if (to.n > 1 && to.p[1] == '/')
        return false;
    out->kind = RM_ROUTE_REDIRECT;
    out->location = route_encode(r, arena, to);
    return true;
}

// "GET, POST": the methods that this path has.
static struct rm_str route_allow(const struct rm_router *r, struct rm_arena *arena, const struct route_walk *walk,
                                 struct rm_str path)
{
    static const int order[] = {RM_DELETE, RM_GET, RM_PATCH, RM_POST, RM_PUT};
    struct rm_str allow = {"", 0};
    for (size_t i = 0; i < RM_COUNT(order); i++) {
        struct route_walk probe = *walk;
        probe.method = order[i];
        if (route_tree_find(&r->root, path, &probe))
            allow = rm_arena_printf(arena, "%.*s%s%s", (int)allow.n, allow.p, allow.n ? ", " : "",
                                    rm_method_names[order[i]]);
    }
    return allow;
}

static void route_missing(const struct rm_router *r, struct rm_arena *arena, struct rm_str method,
                          struct route_walk *walk, struct rm_str path, struct rm_route *out)
{
    struct rm_str allow = route_allow(r, arena, walk, path);
    if (r->conf->auto_options && allow.n > 0 && rm_str_eq(method, RM_STR("OPTIONS"))) {
        out->kind = RM_ROUTE_OPTIONS;
        out->allow = allow;
        return;
    }
    if (walk->method >= 0 && route_redirect(r, arena, walk, path, out))
        return;
    out->kind = RM_ROUTE_NOT_FOUND;
    if (allow.n > 0 && !r->conf->disable_handle_method_not_allowed) {
        out->kind = RM_ROUTE_NOT_ALLOWED;
        out->allow = r->conf->auto_options ? rm_arena_printf(arena, "%.*s, OPTIONS", (int)allow.n, allow.p) : allow;
    }
}

// ---- finding ---------------------------------------------------------------------------------------------------------

static int route_method(struct rm_str method)
{
    for (int m = 0; m < RM_METHODS; m++)
        if (rm_str_eq(method, rm_str_of(rm_method_names[m])))
            return m;
    return -2; // no configured path has it
}

// Values that would change the shape of a backend's URL, or that were encoded twice.
static bool route_param_ok(const struct rm_router *r, struct rm_str value)
{
    if (rm_target_is_dots(value))
        return false;
    if (r->conf->disable_path_decoding)
        return true;
    return !memchr(value.p, '%', value.n) && !memchr(value.p, '?', value.n) && !memchr(value.p, '#', value.n);
}

// The end of `raw` behind so many bytes of what it decodes to.
static struct rm_str route_raw_tail(struct rm_str raw, size_t decoded)
{
    size_t at = 0;
    for (; decoded > 0; decoded--)
        at += raw.p[at] == '%' ? 3 : 1;
    return rm_str_sub(raw, at, raw.n);
}

// What a wildcard stands for, from decoded to as it came; encoded anew where slashes were taken out of the path. False: a segment of
// it, however encoded, would climb.
static bool route_rest(const struct rm_router *r, struct rm_arena *arena, struct rm_str raw_path, struct rm_str path,
                       bool is_cleaned, struct rm_str *rest)
{
    struct rm_str decoded = *rest;
    if (r->conf->disable_path_decoding) {
        if (rm_pct_decode(arena, *rest, false, &decoded) != RM_OK)
            return false;
    } else if (is_cleaned) {
        struct rm_str slash = rm_str_sub(path, (size_t)(rest->p - path.p) - 1, path.n);
        struct rm_str encoded = route_encode(r, arena, slash);
        *rest = rm_str_sub(encoded, 1, encoded.n);
    } else {
        *rest = route_raw_tail(raw_path, (size_t)(rest->p - path.p));
    }
    for (size_t at = 0; at <= decoded.n;) {
        const char *slash = at < decoded.n ? memchr(decoded.p + at, '/', decoded.n - at) : NULL;
        size_t end = slash ? (size_t)(slash - decoded.p) : decoded.n;
        if (rm_target_is_dots(rm_str_sub(decoded, at, end)))
            return false;
        at = end + 1;
    }
    return true;
}

// `prefix` ends in a slash: all below it, and a redirect to it for the path without that slash.
static bool route_builtin(bool on, struct rm_str prefix, enum rm_route_kind kind, struct rm_arena *arena,
                          struct rm_str path, struct rm_route *out)
{
    if (!on)
        return false;
    if (rm_str_starts(path, prefix)) {
        out->kind = kind;
        return true;
    }
    if (!rm_str_eq(path, rm_str_sub(prefix, 0, prefix.n - 1)))
        return false;
    out->kind = RM_ROUTE_REDIRECT;
    out->location = rm_arena_dup(arena, prefix);
    return true;
}

void rm_router_find(const struct rm_router *r, struct rm_arena *arena, struct rm_str method, struct rm_str raw_path,
                    struct rm_route *out)
{
    *out = (struct rm_route){.kind = RM_ROUTE_NOT_FOUND};
    struct rm_str path = raw_path;
    if (!r->conf->disable_path_decoding && rm_pct_decode(arena, raw_path, false, &path) != RM_OK) {
        out->kind = RM_ROUTE_BAD_PARAM; // the guard lets no such path through
        return;
    }
    size_t n_before = path.n;
    if (r->conf->remove_extra_slash && path.n > 0)
        path = route_clean(arena, path);
    if (route_builtin(r->debug, RM_STR("/__debug/"), RM_ROUTE_DEBUG, arena, path, out) ||
        route_builtin(r->echo, RM_STR("/__echo/"), RM_ROUTE_ECHO, arena, path, out))
        return;
    struct route_walk walk = {.method = route_method(method)};
    walk.params = r->params ? RM_NEW_ARRAY(arena, struct rm_str, r->params) : NULL;
    const struct route_node *leaf = walk.method >= 0 ? route_tree_find(&r->root, path, &walk) : NULL;
    if (!leaf) {
        route_missing(r, arena, method, &walk, path, out);
        return;
    }
    out->endpoint = leaf->endpoints[walk.method];
    out->params = walk.params;
    out->kind = out->endpoint ? RM_ROUTE_ENDPOINT : RM_ROUTE_HEALTH;
    if (!out->endpoint)
        return;
    size_t n = out->endpoint->conf->params.n;
    if (out->endpoint->conf->has_rest && !route_rest(r, arena, raw_path, path, path.n != n_before, &walk.params[--n]))
        out->kind = RM_ROUTE_BAD_PARAM;
    for (size_t i = 0; i < n; i++)
        if (!route_param_ok(r, walk.params[i]))
            out->kind = RM_ROUTE_BAD_PARAM;
}
