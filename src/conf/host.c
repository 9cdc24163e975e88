// Hosts of backends: KrakenD's sanitising, or with disable_host_sanitize a check that the text can be called.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#include <arpa/inet.h>

static bool host_is_name(struct rm_str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                    c == '_' || c == '-';
        if (!fits)
            return false;
    }
    return name.n > 0 && name.n <= 255;
}

static bool host_is_port(struct rm_str port)
{
    unsigned n = 0;
    for (size_t i = 0; i < port.n; i++) {
        if (port.p[i] < '0' || port.p[i] > '9')
            return false;
        n = n * 10 + (unsigned)(port.p[i] - '0');
    }
    return port.n > 0 && port.n <= 5 && n > 0 && n <= 65535;
}

// The length of "http://" or "https://" at the start, 0 for neither.
static size_t host_scheme(struct rm_str text)
{
    return rm_str_starts(text, RM_STR("http://")) ? 7 : rm_str_starts(text, RM_STR("https://")) ? 8 : 0;
}

static size_t host_find(struct rm_str text, const char *any)
{
    size_t at = 0;
    while (at < text.n && (text.p[at] == '\0' || !strchr(any, text.p[at])))
        at++;
    return at;
}

// name[:port]; with brackets allowed, [IPv6][:port] too. NULL or why not.
static const char *host_authority(struct rm_str authority, bool brackets)
{
    if (memchr(authority.p, '@', authority.n))
        return "has credentials in it: send them in a header";
    struct rm_str name = authority, rest = {"", 0};
    if (authority.n > 0 && authority.p[0] == '[') {
        if (!brackets)
            return "is an IPv6 address: it needs \"disable_host_sanitize\": true";
        size_t close = host_find(authority, "]");
        unsigned char address[16];
        char text[64];
        if (close == authority.n || close - 1 >= sizeof(text))
            return "has no valid address in its brackets";
        memcpy(text, authority.p + 1, close - 1);
        text[close - 1] = '\0';
        if (inet_pton(AF_INET6, text, address) != 1)
            return "has no valid address in its brackets";
        rest = rm_str_sub(authority, close + 1, authority.n);
    } else {
        size_t colon = host_find(authority, ":");
        name = rm_str_sub(authority, 0, colon);
        rest = rm_str_sub(authority, colon, authority.n);
        if (name.n == 0)
            return "has no name";
        if (!host_is_name(name))
            return "has characters that a host name cannot have";
    }
    if (rest.n > 0 && (rest.p[0] != ':' || !host_is_port(rm_str_sub(rest, 1, rest.n))))
        return "has no valid port: 1 to 65535";
    return NULL;
}

const char *rm_url_wrong(struct rm_str url)
{
    size_t scheme = host_scheme(url);
    struct rm_str rest = rm_str_sub(url, scheme, url.n);
    if (scheme == 0)
        return "is no URL: https://host/path";
    for (size_t i = 0; i < url.n; i++)
        if ((unsigned char)url.p[i] <= 0x20 || (unsigned char)url.p[i] >= 0x7f || url.p[i] == '#')
            return "has characters that a URL cannot have";
    return host_authority(rm_str_sub(rest, 0, host_find(rest, "/?")), true);
}

// Exactly [http://|https://]name[:port][/].
static const char *host_sanitize(struct rm_arena *arena, struct rm_str text, struct rm_str *out)
{
    size_t scheme = host_scheme(text);
    struct rm_str rest = rm_str_sub(text, scheme, text.n);
    if (text.n == 0)
        return "is empty";
    for (size_t i = 0; scheme == 0 && i + 3 <= text.n; i++) {
        if (memcmp(text.p + i, "://", 3) == 0)
            return "has a scheme that is neither http:// nor https://";
    }
    if (rest.n > 0 && rest.p[rest.n - 1] == '/')
        rest.n--;
    size_t slash = host_find(rest, "/?#");
    const char *why = host_authority(rm_str_sub(rest, 0, slash), false);
    if (!why && slash < rest.n)
        why = "has a path: only with \"disable_host_sanitize\": true is it a prefix of each call";
    if (!why)
        *out = rm_arena_printf(arena, "%s%.*s%.*s", scheme == 0 ? "http://" : "", (int)scheme, text.p, (int)rest.n,
                               rest.p);
    return why;
}

// scheme://name[:port][/path], as it stands.
static const char *host_verbatim(struct rm_str text)
{
    size_t scheme = host_scheme(text);
    if (scheme == 0)
        return "does not begin with http:// or https://";
    struct rm_str rest = rm_str_sub(text, scheme, text.n);
    size_t slash = host_find(rest, "/?#");
    const char *why = host_authority(rm_str_sub(rest, 0, slash), true);
    if (why)
        return why;
    for (size_t i = slash; i < rest.n; i++) {
        unsigned char c = (unsigned char)rest.p[i];
        if (c == '?' || c == '#')
            return "has a query or a fragment";
        if (c <= 0x20 || c >= 0x7f || strchr("\"<>\\^`{|}", (char)c))
            return "has characters in its path that must be percent-encoded";
    }
    return NULL;
}

// What the provider would refuse when it is opened is refused here, where the place is known.
static void host_check(struct rm_reader *r, const struct rm_path *path, const struct rm_value *value,
                       const struct rm_str *host)
{
    struct rm_source source = {.provider = RM_STR("static"), .hosts = host, .n_hosts = 1, .scheme = RM_STR("http")};
    struct rm_err err = {0};
    for (size_t i = 0; r->providers && r->providers[i]; i++) {
        const struct rm_sd_ops *provider = r->providers[i];
        if (rm_str_eq(source.provider, rm_str_of(provider->name)) && provider->check &&
            provider->check(&source, &err) != RM_OK)
            rm_reader_error(r, path, rm_doc_place(value), "%s", err.text);
    }
}

static void host_read(struct rm_reader *r, const struct rm_path *path, const struct rm_value *value, bool verbatim,
                      struct rm_str *host)
{
    const char *why = verbatim ? host_verbatim(*host) : host_sanitize(r->arena, *host, host);
    if (why)
        rm_reader_error(r, path, rm_doc_place(value), "the host %s %s", rm_text_quote(r->found->arena, *host), why);
    else
        host_check(r, path, value, host);
}

void rm_hosts_read(struct rm_reader *r, const struct rm_path *path, struct rm_value *list, bool verbatim,
                   struct rm_strs *hosts)
{
    if (!rm_strings_expect(r, path, list, hosts))
        return;
    if (list->type == RM_STRING) {
        host_read(r, path, list, verbatim, &hosts->v[0]);
        return;
    }
    size_t index = 0;
    for (const struct rm_value *item = list->first; item; item = item->next, index++) {
        struct rm_path at = {.up = path, .index = index};
        host_read(r, &at, item, verbatim, &hosts->v[index]);
    }
}
