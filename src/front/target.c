// The request target: cut into its parts and checked. Allocates nothing; decoding is base/pct's.
// SPDX-License-Identifier: Apache-2.0
#include "front/target.h"

static int target_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool target_is_control(int c)
{
    return c < 0x20 || c == 0x7f;
}

// Bytes above ASCII are let through, as browsers and KrakenD do; they are encoded when they go on.
static bool target_path_ok(struct rm_str path)
{
    for (size_t i = 0; i < path.n; i++) {
        if (path.p[i] != '%')
            continue;
        int high = path.n - i > 2 ? target_hex(path.p[i + 1]) : -1;
        int low = path.n - i > 2 ? target_hex(path.p[i + 2]) : -1;
        if (high < 0 || low < 0 || target_is_control(high << 4 | low))
            return false;
        i += 2;
    }
    return true;
}

// The length of "http://" or "https://" at the start, else 0. A scheme has no case (RFC 3986 3.1).
static size_t target_scheme(struct rm_str raw)
{
    static const struct rm_str schemes[] = {{"http://", 7}, {"https://", 8}};
    for (size_t i = 0; i < RM_COUNT(schemes); i++)
        if (raw.n >= schemes[i].n && rm_str_eq_nocase(rm_str_sub(raw, 0, schemes[i].n), schemes[i]))
            return schemes[i].n;
    return 0;
}

int rm_target_split(struct rm_str raw, struct rm_target *out)
{
    for (size_t i = 0; i < raw.n; i++)
        if (raw.p[i] == '#' || raw.p[i] == ' ' || target_is_control((unsigned char)raw.p[i]))
            return RM_EREQUEST;
    *out = (struct rm_target){.form = RM_TARGET_ORIGIN};
    struct rm_str rest = raw;
    if (rm_str_eq(raw, RM_STR("*"))) {
        out->form = RM_TARGET_ASTERISK;
        out->path = raw;
        return RM_OK;
    }
    size_t scheme = target_scheme(raw);
    if (scheme > 0) {
        size_t end = scheme;
        while (end < raw.n && raw.p[end] != '/' && raw.p[end] != '?')
            end++;
        out->form = RM_TARGET_ABSOLUTE;
        out->authority = rm_str_sub(raw, scheme, end);
        if (!rm_target_host_ok(out->authority))
            return RM_EREQUEST;
        rest = rm_str_sub(raw, end, raw.n);
    } else if (raw.n == 0 || raw.p[0] != '/') {
        return RM_EREQUEST;
    }
    const char *mark = rest.n > 0 ? memchr(rest.p, '?', rest.n) : NULL;
    size_t path_end = mark ? (size_t)(mark - rest.p) : rest.n;
    out->path = path_end > 0 ? rm_str_sub(rest, 0, path_end) : RM_STR("/");
    if (mark)
        out->query = rm_str_sub(rest, path_end + 1, rest.n);
    return target_path_ok(out->path) ? RM_OK : RM_EREQUEST;
}

static bool target_is_name(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

bool rm_target_host_ok(struct rm_str host)
{
    size_t i = 0;
    if (host.n > 0 && host.p[0] == '[') {
        for (i = 1; i < host.n && host.p[i] != ']'; i++)
            if (target_hex(host.p[i]) < 0 && host.p[i] != ':' && host.p[i] != '.')
                return false;
        if (i >= host.n || i < 3)
            return false;
        i++;
    } else {
        while (i < host.n && target_is_name((unsigned char)host.p[i]))
            i++;
        if (i == 0)
            return false;
    }
    if (i == host.n)
        return true;
    if (host.p[i++] != ':' || host.n - i > 5)
        return false;
    unsigned port = 0;
    for (; i < host.n; i++) {
        if (host.p[i] < '0' || host.p[i] > '9')
            return false;
        port = port * 10 + (unsigned)(host.p[i] - '0');
    }
    return port <= 65535;
}

bool rm_target_is_dots(struct rm_str segment)
{
    size_t dots = 0;
    for (size_t i = 0; i < segment.n; i++, dots++) {
        if (segment.p[i] == '.')
            continue;
        if (segment.n - i < 3 || !rm_str_eq_nocase(rm_str_sub(segment, i, i + 3), RM_STR("%2e")))
            return false;
        i += 2;
    }
    return dots == 1 || dots == 2;
}
