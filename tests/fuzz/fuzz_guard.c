// The request guard over whole heads: whatever is let through keeps the guard's promises, checked here in other words.
// SPDX-License-Identifier: Apache-2.0
#include "front/guard.h"

#define GUARD_HEADERS 64

// The text up to the next separator, which is taken away too.
static struct rm_str guard_cut(struct rm_str *rest, char separator)
{
    const char *at = rest->n > 0 ? memchr(rest->p, separator, rest->n) : NULL;
    size_t end = at ? (size_t)(at - rest->p) : rest->n;
    struct rm_str text = rm_str_sub(*rest, 0, end);
    *rest = rm_str_sub(*rest, at ? end + 1 : end, rest->n);
    return text;
}

static bool guard_has(struct rm_str text, const char *bytes, size_t n)
{
    for (size_t i = 0; i < text.n; i++)
        if (memchr(bytes, text.p[i], n))
            return true;
    return false;
}

static unsigned guard_count(const struct rm_headers *headers, struct rm_str name)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < headers->n; i++)
        n += rm_str_eq_nocase(headers->v[i].name, name);
    return n;
}

static void guard_promises(const struct rm_guard_in *in, const struct rm_guard_out *out)
{
    static const char cut[] = "\0\r\n";
    bool is_1_0 = rm_str_eq(in->version, RM_STR("HTTP/1.0"));
    const struct rm_headers *headers = in->headers;
    RM_ASSERT(!out->reason);
    RM_ASSERT(guard_count(headers, RM_STR("Host")) == 1 || (is_1_0 && guard_count(headers, RM_STR("Host")) == 0));
    RM_ASSERT(out->host.n > 0 || is_1_0);
    RM_ASSERT(!guard_has(out->host, "\0/?#@ \t\r\n,", 10));
    unsigned lengths = guard_count(headers, RM_STR("Content-Length"));
    unsigned codings = guard_count(headers, RM_STR("Transfer-Encoding"));
    RM_ASSERT(lengths + codings <= 1 && (out->content_length >= 0) == (lengths == 1) && out->chunked == (codings == 1));
    RM_ASSERT(!(codings && is_1_0));
    for (uint32_t i = 0; i < headers->n; i++) {
        RM_ASSERT(headers->v[i].name.n > 0 && !guard_has(headers->v[i].name, "\0\r\n: \t", 6));
        RM_ASSERT(!guard_has(headers->v[i].value, cut, 3));
    }
    RM_ASSERT(!rm_str_eq(in->method, RM_STR("CONNECT")) && !guard_has(in->method, "\0\r\n \t", 5));
    RM_ASSERT(out->target.path.n > 0 && (out->target.path.p[0] == '/' || rm_str_eq(out->target.path, RM_STR("*"))));
    RM_ASSERT(!guard_has(in->target, "\0\r\n #", 5));
    RM_ASSERT(!guard_has(out->target.path, "?", 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rm_header v[GUARD_HEADERS];
    struct rm_headers headers = {.v = v, .cap = GUARD_HEADERS};
    struct rm_str rest = {(const char *)data, size};
    struct rm_str line = guard_cut(&rest, '\n');
    struct rm_guard_in in = {.headers = &headers};
    in.method = guard_cut(&line, ' ');
    in.target = guard_cut(&line, ' ');
    in.version = line;
    while (rest.n > 0 && headers.n < GUARD_HEADERS) {
        line = guard_cut(&rest, '\n');
        v[headers.n].name = guard_cut(&line, ':');
        v[headers.n++].value = line;
    }
    struct rm_guard_limits limits = {.head_bytes = 2048, .headers = 32};
    struct rm_guard_out out;
    int status = rm_guard_check(&limits, &in, &out);
    if (status == 0)
        guard_promises(&in, &out);
    else
        RM_ASSERT(status >= 400 && status < 600 && out.reason);
    return 0;
}
