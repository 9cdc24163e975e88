// Reading one host of the configuration. Pure functions; an error never repeats user information (it may be a password).
// SPDX-License-Identifier: Apache-2.0
#include "sd/origin.h"

#include <arpa/inet.h>

#define ORIGIN_NAME_MAX 253 // RFC 1035 2.3.4, without the root's dot
#define ORIGIN_LABEL_MAX 63

static size_t find_any(struct rm_str text, const char *of)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] && strchr(of, text.p[i]))
            return i;
    return text.n;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_char(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

// "10.0.0.1". Also false for what a resolver would take for an odd address: "10.1", "0x7f000001".
static bool is_v4(struct rm_str name)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr address;
    if (name.n == 0 || name.n >= sizeof(text))
        return false;
    memcpy(text, name.p, name.n);
    text[name.n] = '\0';
    return inet_pton(AF_INET, text, &address) == 1;
}

static int origin_v6(struct rm_arena *arena, struct rm_str literal, struct rm_origin *out, struct rm_err *err)
{
    char text[INET6_ADDRSTRLEN] = "", shortest[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (literal.n < sizeof(text))
        memcpy(text, literal.p, literal.n);
    if (inet_pton(AF_INET6, text, &address) != 1 || !inet_ntop(AF_INET6, &address, shortest, sizeof(shortest)))
        return rm_fail(err, RM_ECONF, "[%.*s] is no IPv6 address", (int)(literal.n < 64 ? literal.n : 64), literal.p);
    out->name = rm_arena_dup(arena, rm_str_of(shortest));
    out->is_literal = out->is_v6 = true;
    return RM_OK;
}

static int origin_name(struct rm_str name, struct rm_origin *out, struct rm_err *err)
{
    size_t label = 0; // length of the current one
    bool numeric = true;
    struct rm_str rest = name;
    if (rest.n > 0 && rest.p[rest.n - 1] == '.')
        rest.n--; // an absolute name
    bool wrong = rest.n == 0 || rest.n > ORIGIN_NAME_MAX;
    for (size_t i = 0; i < rest.n && !wrong; i++) {
        bool dot = rest.p[i] == '.';
        wrong = dot ? label == 0 : !is_name_char(rest.p[i]) || label == ORIGIN_LABEL_MAX;
        numeric = dot ? true : numeric && is_digit(rest.p[i]);
        label = dot ? 0 : label + 1;
    }
    if (wrong || label == 0)
        return rm_fail(err, RM_ECONF, "\"%.*s\" is no host name", (int)(name.n < 100 ? name.n : 100), name.p);
    out->name = name;
    out->is_literal = is_v4(name);
    if (numeric && !out->is_literal) // no top-level domain is a number: it was meant as an address
        return rm_fail(err, RM_ECONF, "\"%.*s\" is no IPv4 address", (int)(name.n < 100 ? name.n : 100), name.p);
    return RM_OK;
}

static int origin_port(struct rm_str text, struct rm_origin *out, struct rm_err *err)
{
    uint32_t port = 0;
    bool wrong = text.n == 0 || text.n > 5;
    for (size_t i = 0; i < text.n && !wrong; i++) {
        wrong = !is_digit(text.p[i]);
        port = port * 10 + (uint32_t)(text.p[i] - '0');
    }
    if (wrong || port == 0 || port > UINT16_MAX)
        return rm_fail(err, RM_ECONF, "\"%.*s\" is no port: 1 to 65535 are possible", (int)(text.n < 20 ? text.n : 20),
                       text.p);
    out->port = (uint16_t)port;
    return RM_OK;
}

int rm_origin_parse(struct rm_arena *arena, struct rm_str text, struct rm_origin *out, struct rm_err *err)
{
    *out = (struct rm_origin){0};
    static const struct rm_str http = {"http", 4}, https = {"https", 5};
    size_t colon = find_any(text, ":");
    struct rm_str scheme = rm_str_sub(text, 0, colon), rest = rm_str_sub(text, colon, text.n);
    if (rm_str_eq_nocase(scheme, http)) {
        out->scheme = http;
        out->port = 80;
    } else if (rm_str_eq_nocase(scheme, https)) {
        out->scheme = https;
        out->port = 443;
    }
    if (!out->scheme.n || !rm_str_starts(rest, RM_STR("://")))
        return rm_fail(err, RM_ECONF, "a host is written http://name:port or https://name:port");
    rest = rm_str_sub(rest, 3, rest.n);

    size_t end = find_any(rest, "/?#");
    struct rm_str authority = rm_str_sub(rest, 0, end);
    out->base_path = rm_str_sub(rest, end, rest.n);
    if (find_any(authority, "@") < authority.n)
        return rm_fail(err, RM_ECONF, "user and password in a host are not possible");
    for (size_t i = 0; i < out->base_path.n; i++) {
        unsigned char c = (unsigned char)out->base_path.p[i];
        if (c <= ' ' || c >= 0x7f || c == '?' || c == '#')
            return rm_fail(err, RM_ECONF, "a host's path must be percent-encoded and have no query and no fragment");
    }

    int code;
    if (authority.n > 0 && authority.p[0] == '[') {
        size_t close = find_any(authority, "]");
        if (close == authority.n)
            return rm_fail(err, RM_ECONF, "an IPv6 address ends with \"]\"");
        code = origin_v6(arena, rm_str_sub(authority, 1, close), out, err);
        rest = rm_str_sub(authority, close + 1, authority.n);
    } else {
        size_t port = find_any(authority, ":");
        code = origin_name(rm_str_sub(authority, 0, port), out, err);
        rest = rm_str_sub(authority, port, authority.n);
    }
    if (code != RM_OK || rest.n == 0)
        return code;
    if (rest.p[0] != ':')
        return rm_fail(err, RM_ECONF, "only \":\" and a port may follow an IPv6 address");
    return origin_port(rm_str_sub(rest, 1, rest.n), out, err);
}
