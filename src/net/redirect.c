// Redirects: the reference in Location resolved against the request's own address (RFC 3986 5.2), and refused unless it stays at
// the same scheme, host and port. Owns nothing; the result lies in the caller's arena.
// SPDX-License-Identifier: Apache-2.0
#include "net/redirect.h"

// A reference, split (RFC 3986 appendix B). The fragment is cut off.
struct redirect_ref {
    struct rm_str scheme, authority, path, query;
    bool has_scheme, has_authority, has_query;
};

static size_t redirect_find(struct rm_str s, const char *any)
{
    size_t i = 0;
    while (i < s.n && (s.p[i] == '\0' || !strchr(any, s.p[i])))
        i++;
    return i;
}

static bool redirect_is_scheme(struct rm_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alpha && (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')))
            return false;
    }
    return s.n > 0;
}

static struct redirect_ref redirect_split(struct rm_str s)
{
    struct redirect_ref ref = {.has_scheme = false};
    s.n = redirect_find(s, "#");
    size_t colon = redirect_find(s, ":/?");
    if (colon < s.n && s.p[colon] == ':' && redirect_is_scheme(rm_str_sub(s, 0, colon))) {
        ref.has_scheme = true;
        ref.scheme = rm_str_sub(s, 0, colon);
        s = rm_str_sub(s, colon + 1, s.n);
    }
    if (rm_str_starts(s, RM_STR("//"))) {
        s = rm_str_sub(s, 2, s.n);
        size_t end = redirect_find(s, "/?");
        ref.has_authority = true;
        ref.authority = rm_str_sub(s, 0, end);
        s = rm_str_sub(s, end, s.n);
    }
    size_t mark = redirect_find(s, "?");
    ref.path = rm_str_sub(s, 0, mark);
    if (mark < s.n) {
        ref.has_query = true;
        ref.query = rm_str_sub(s, mark + 1, s.n);
    }
    return ref;
}

static uint32_t redirect_default_port(struct rm_str scheme)
{
    return rm_str_eq_nocase(scheme, RM_STR("https")) ? 443 : 80;
}

// Host and port of an authority; false when it is none. User information becomes part of a host that is nobody's.
static bool redirect_authority(struct rm_str authority, struct rm_str scheme, struct rm_str *host, uint32_t *port)
{
    size_t end;
    if (authority.n > 0 && authority.p[0] == '[') {
        end = redirect_find(authority, "]");
        if (end == authority.n)
            return false;
        *host = rm_str_sub(authority, 1, end);
        end++;
    } else {
        end = redirect_find(authority, ":");
        *host = rm_str_sub(authority, 0, end);
    }
    struct rm_str rest = rm_str_sub(authority, end, authority.n);
    if (host->n == 0 || (rest.n > 0 && rest.p[0] != ':'))
        return false;
    *port = redirect_default_port(scheme);
    if (rest.n <= 1)
        return true; // an empty port is the default one (RFC 3986 3.2.3)
    *port = 0;
    for (size_t i = 1; i < rest.n; i++) {
        if (rest.p[i] < '0' || rest.p[i] > '9' || *port > 65535)
            return false;
        *port = *port * 10 + (uint32_t)(rest.p[i] - '0');
    }
    return *port > 0 && *port <= 65535;
}

static bool redirect_is_same_origin(const struct redirect_ref *ref, const struct rm_host *host)
{
    struct rm_str scheme = ref->has_scheme ? ref->scheme : host->scheme;
    struct rm_str name;
    uint32_t port;
    if (!rm_str_eq_nocase(scheme, host->scheme))
        return false;
    if (!ref->has_authority)
        return !ref->has_scheme; // "http:path" says no host at all
    return redirect_authority(ref->authority, scheme, &name, &port) && port == host->port &&
           rm_str_eq_nocase(name, host->name);
}

// RFC 3986 5.2.4. `path` begins with a slash; the result is written over it and is never longer.
static size_t redirect_remove_dots(char *path, size_t n)
{
    size_t in = 0, out = 0;
    while (in < n) {
        size_t end = in + 1; // of the segment that begins with the slash at `in`
        while (end < n && path[end] != '/')
            end++;
        size_t length = end - in - 1;
        bool one = length == 1 && path[in + 1] == '.';
        bool two = length == 2 && path[in + 1] == '.' && path[in + 2] == '.';
        if (two) {
            while (out > 0 && path[--out] != '/')
                ;
        }
        if (!one && !two) {
            memmove(path + out, path + in, end - in);
            out += end - in;
        } else if (end == n) {
            path[out++] = '/'; // "/a/." and "/a/b/.." are directories
        }
        in = end;
    }
    if (out == 0)
        path[out++] = '/';
    return out;
}

// Joined as RFC 3986 5.2.3 says, then without dot segments. `base` is the path of the request.
static struct rm_str redirect_path(struct rm_arena *arena, struct rm_str base, struct rm_str path)
{
    size_t keep = 0;
    if (path.n == 0 || path.p[0] != '/') {
        keep = base.n;
        while (keep > 0 && base.p[keep - 1] != '/')
            keep--;
    }
    char *joined = rm_arena_alloc(arena, keep + path.n + 2);
    joined[0] = '/'; // a base is never without one; this keeps it true for any input
    size_t n = 0;
    if (keep == 0 && (path.n == 0 || path.p[0] != '/'))
        n = 1;
    if (keep > 0)
        memcpy(joined + n, base.p, keep);
    n += keep;
    if (path.n > 0)
        memcpy(joined + n, path.p, path.n);
    n += path.n;
    return (struct rm_str){joined, redirect_remove_dots(joined, n)};
}

// What servers write raw and no request line may carry: percent-encoded, as browsers and Go do it.
static bool redirect_must_encode(unsigned char c)
{
    return c <= ' ' || c >= 0x7f || strchr("\"<>\\^`{|}", c) != NULL;
}

static struct rm_str redirect_encode(struct rm_arena *arena, struct rm_str in)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t more = 0;
    for (size_t i = 0; i < in.n; i++)
        more += redirect_must_encode((unsigned char)in.p[i]) ? 2 : 0;
    if (more == 0)
        return in;
    char *out = rm_arena_alloc(arena, in.n + more);
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        unsigned char c = (unsigned char)in.p[i];
        if (redirect_must_encode(c)) {
            out[n++] = '%';
            out[n++] = digits[c >> 4];
            out[n++] = digits[c & 15];
        } else {
            out[n++] = (char)c;
        }
    }
    return (struct rm_str){out, n};
}

static int redirect_target(struct rm_arena *arena, const struct rm_redirect_in *in, struct rm_str *target,
                           struct rm_err *err)
{
    struct rm_str location = in->location->value;
    for (size_t i = 0; i < location.n; i++) {
        if ((unsigned char)location.p[i] < ' ' || location.p[i] == 0x7f)
            return rm_fail(err, RM_EREDIRECT, "redirect with a malformed Location");
    }
    struct redirect_ref ref = redirect_split(location);
    if ((ref.has_scheme || ref.has_authority) && !redirect_is_same_origin(&ref, in->host))
        return rm_fail(err, RM_EREDIRECT, "redirect to another scheme, host or port");

    // The target is a path even when it begins with two slashes.
    size_t mark = redirect_find(in->target, "?");
    struct redirect_ref base = {.path = rm_str_sub(in->target, 0, mark), .has_query = mark < in->target.n};
    if (base.has_query)
        base.query = rm_str_sub(in->target, mark + 1, in->target.n);
    struct rm_str path, query = ref.query;
    bool has_query = ref.has_query;
    if (ref.path.n == 0 && !ref.has_authority) {
        path = base.path;
        if (!has_query) {
            query = base.query;
            has_query = base.has_query;
        }
    } else if (ref.path.n == 0) {
        path = RM_STR("/");
    } else {
        path = redirect_path(arena, base.path, ref.path);
    }
    path = redirect_encode(arena, path);
    query = redirect_encode(arena, query);
    *target = rm_arena_printf(arena, "%.*s%s%.*s", (int)path.n, path.p, has_query ? "?" : "", (int)query.n,
                              query.n > 0 ? query.p : "");
    return RM_OK;
}

int rm_redirect_next(struct rm_arena *arena, const struct rm_redirect_in *in, struct rm_redirect *out,
                     struct rm_err *err)
{
    bool keeps = in->status == 307 || in->status == 308;
    if (!keeps && in->status != 301 && in->status != 302 && in->status != 303)
        return 0;
    if (!in->location || in->location->value.n == 0)
        return 0;
    if (keeps && in->has_body && !in->send_body_on_redirect)
        return rm_fail(err, RM_EREDIRECT, "redirect %d of a request with a body", in->status);
    struct rm_redirect next = {.method = in->method, .keep_body = keeps && in->has_body};
    if (!keeps && !rm_str_eq(in->method, RM_STR("HEAD")))
        next.method = RM_STR("GET");
    int code = redirect_target(arena, in, &next.target, err);
    if (code != RM_OK)
        return code;
    *out = next;
    return 1;
}
