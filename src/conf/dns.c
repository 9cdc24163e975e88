// extra_config.remora.dns of the service: whom names are asked of, and how long an answer is used.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#include <arpa/inet.h>

#define AT(member) offsetof(struct rm_conf, dns.member)
#define MS UINT64_C(1000)
#define DAY (UINT64_C(86400000) * MS)
#define DNS_SERVERS_MAX 8

// 0: no port.
static unsigned dns_port(struct rm_str text)
{
    unsigned port = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.n > 5 || text.p[i] < '0' || text.p[i] > '9')
            return 0;
        port = port * 10 + (unsigned)(text.p[i] - '0');
    }
    return port <= UINT16_MAX ? port : 0;
}

// "address", "address:port" or "[IPv6]:port" with brackets and port in their place; false: none of these.
static bool dns_server_read(struct rm_arena *arena, struct rm_str text, struct rm_str *out)
{
    struct rm_str address = text;
    unsigned port = 53;
    const char *close = text.n ? memchr(text.p, ']', text.n) : NULL, *colon = text.n ? memchr(text.p, ':', text.n) : NULL;
    if (text.n > 0 && text.p[0] == '[') {
        if (!close)
            return false;
        address = rm_str_sub(text, 1, (size_t)(close - text.p));
        struct rm_str rest = rm_str_sub(text, (size_t)(close - text.p) + 1, text.n);
        if (rest.n > 0)
            port = rest.p[0] == ':' ? dns_port(rm_str_sub(rest, 1, rest.n)) : 0;
    } else if (colon && !memchr(colon + 1, ':', text.n - (size_t)(colon - text.p) - 1)) {
        address = rm_str_sub(text, 0, (size_t)(colon - text.p));
        port = dns_port(rm_str_sub(text, address.n + 1, text.n));
    }
    const char *name = rm_arena_cstr(arena, address);
    struct in6_addr binary;
    bool is_v6 = inet_pton(AF_INET6, name, &binary) == 1;
    if (port == 0 || (!is_v6 && (close || inet_pton(AF_INET, name, &binary) != 1)))
        return false;
    *out = rm_arena_printf(arena, is_v6 ? "[%s]:%u" : "%s:%u", name, port);
    return true;
}

static void dns_servers(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    struct rm_strs *servers = &((struct rm_conf *)base)->dns.servers;
    bool is_list = value->type == RM_ARRAY;
    const struct rm_value *item = is_list ? value->first : value;
    if (servers->n > DNS_SERVERS_MAX)
        rm_reader_error(r, path, rm_doc_place(value), "%zu servers, allowed are %d", servers->n, DNS_SERVERS_MAX);
    for (size_t i = 0; i < servers->n; i++, item = item->next) {
        struct rm_path at = {.up = path, .index = i};
        if (!dns_server_read(r->arena, servers->v[i], &servers->v[i]))
            rm_reader_error(r, is_list ? &at : path, rm_doc_place(item),
                            "found %s, allowed is an address with or without a port, such as 10.96.0.10 or "
                            "[fd00::10]:53",
                            rm_text_quote(r->found->arena, servers->v[i]));
    }
}

static const struct rm_field dns_rows[] = {
    {.name = "servers",
     .type = RM_FIELD_STRINGS,
     .offset = AT(servers),
     .read = dns_servers,
     .doc = "DNS servers, \"address\" or \"address:port\"; without them those of /etc/resolv.conf"},
    {.name = "timeout",
     .type = RM_FIELD_DURATION,
     .offset = AT(timeout_us),
     .fallback = "2s",
     .min = 10 * MS,
     .max = 60000 * MS,
     .doc = "how long a server may take before the next is asked, doubled in each of three rounds"},
    {.name = "min_ttl",
     .type = RM_FIELD_DURATION,
     .offset = AT(min_ttl_us),
     .fallback = "1s",
     .min = 10 * MS,
     .max = DAY,
     .doc = "a shorter TTL of a record counts as this"},
    {.name = "max_ttl",
     .type = RM_FIELD_DURATION,
     .offset = AT(max_ttl_us),
     .fallback = "1h",
     .min = 10 * MS,
     .max = DAY,
     .doc = "a longer TTL of a record counts as this"},
};

static void dns_finish(struct rm_reader *r, const struct rm_path *path, struct rm_value *object, void *base)
{
    const struct rm_conf_dns *dns = &((struct rm_conf *)base)->dns;
    if (dns->min_ttl_us > dns->max_ttl_us)
        rm_reader_error(r, path, rm_doc_place(object), "min_ttl is above max_ttl");
}

const struct rm_fields rm_dns_fields = {
    .v = dns_rows, .n = RM_COUNT(dns_rows), .what = "key of dns", .finish = dns_finish};
