// The client's address behind trusted proxies. Pure functions over text; asks no system call for a name.
// SPDX-License-Identifier: Apache-2.0
#include "front/client_ip.h"

#include <arpa/inet.h>

bool rm_ip_parse(struct rm_str text, struct rm_ip *out)
{
    char z[INET6_ADDRSTRLEN];
    if (text.n == 0 || text.n >= sizeof(z))
        return false;
    memcpy(z, text.p, text.n);
    z[text.n] = '\0';
    if (strlen(z) != text.n)
        return false;
    if (inet_pton(AF_INET6, z, out->bytes) == 1)
        return true;
    memset(out->bytes, 0, 10);
    out->bytes[10] = out->bytes[11] = 0xff;
    return inet_pton(AF_INET, z, out->bytes + 12) == 1;
}

static bool ip_network(struct rm_str text, struct rm_network *out)
{
    const char *slash = text.n > 0 ? memchr(text.p, '/', text.n) : NULL;
    struct rm_str ip = rm_str_sub(text, 0, slash ? (size_t)(slash - text.p) : text.n);
    if (!rm_ip_parse(ip, &out->ip))
        return false;
    unsigned most = memchr(ip.p, ':', ip.n) ? 128 : 32;
    unsigned bits = most;
    if (slash) {
        struct rm_str digits = rm_str_sub(text, ip.n + 1, text.n);
        if (digits.n == 0 || digits.n > 3)
            return false;
        bits = 0;
        for (size_t i = 0; i < digits.n; i++) {
            if (digits.p[i] < '0' || digits.p[i] > '9')
                return false;
            bits = bits * 10 + (unsigned)(digits.p[i] - '0');
        }
    }
    if (bits > most)
        return false;
    out->bits = bits + 128 - most;
    return true;
}

int rm_proxies_init(struct rm_proxies *p, struct rm_arena *arena, const struct rm_conf_router *conf, struct rm_err *err)
{
    *p = (struct rm_proxies){0};
    if (conf->forwarded_by_client_ip)
        p->headers = conf->remote_ip_headers;
    p->networks = RM_NEW_ARRAY(arena, struct rm_network, conf->trusted_proxies.n);
    for (size_t i = 0; i < conf->trusted_proxies.n; i++) {
        struct rm_str text = conf->trusted_proxies.v[i];
        if (!ip_network(text, &p->networks[p->n_networks++]))
            return rm_fail(err, RM_ECONF, "trusted proxy \"%.*s\" is neither an address nor a network", (int)text.n,
                           text.p);
    }
    return RM_OK;
}

static bool ip_within(const struct rm_ip *ip, const struct rm_network *network)
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    if (memcmp(ip->bytes, network->ip.bytes, whole) != 0)
        return false;
    return rest == 0 || ((ip->bytes[whole] ^ network->ip.bytes[whole]) >> (8 - rest)) == 0;
}

bool rm_proxies_trust(const struct rm_proxies *p, struct rm_str text)
{
    struct rm_ip ip;
    if (!rm_ip_parse(text, &ip))
        return false;
    for (size_t i = 0; i < p->n_networks; i++)
        if (ip_within(&ip, &p->networks[i]))
            return true;
    return false;
}

static struct rm_str ip_trim(struct rm_str s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = rm_str_sub(s, 1, s.n);
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

// Reads one header's lines from the right. True: *out is the client. False: the header is missing or malformed before that.
static bool ip_of_header(const struct rm_proxies *p, const struct rm_headers *headers, struct rm_str name,
                         struct rm_str *out)
{
    bool found = false;
    for (uint32_t i = headers->n; i-- > 0;) {
        if (!rm_str_eq_nocase(headers->v[i].name, name))
            continue;
        struct rm_str rest = headers->v[i].value;
        bool more = true;
        while (more) {
            size_t from = rest.n;
            while (from > 0 && rest.p[from - 1] != ',')
                from--;
            struct rm_str item = ip_trim(rm_str_sub(rest, from, rest.n));
            struct rm_ip ip;
            if (!rm_ip_parse(item, &ip))
                return false;
            *out = item;
            found = true;
            if (!rm_proxies_trust(p, item))
                return true;
            more = from > 0;
            rest.n = more ? from - 1 : 0;
        }
    }
    return found; // all of them are trusted: the leftmost is the client
}

struct rm_str rm_client_ip(const struct rm_proxies *p, struct rm_str peer, bool peer_trusted,
                           const struct rm_headers *headers)
{
    struct rm_str client;
    for (size_t i = 0; peer_trusted && i < p->headers.n; i++)
        if (ip_of_header(p, headers, p->headers.v[i], &client))
            return client;
    return peer;
}
