// extra_config.remora.admin and .probes of the service: where remora listens beside its endpoints. Names are not looked up, and
// nothing is opened here.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#include <arpa/inet.h>

static const char listen_allowed[] =
    "\"ADDRESS:PORT\" with an IP address, IPv6 in brackets, such as \"127.0.0.1:8091\" or \"[::1]:8091\"; false: none";

static bool listen_is_ip(struct rm_str text, int family)
{
    char address[INET6_ADDRSTRLEN];
    unsigned char binary[16];
    if (text.n >= sizeof(address))
        return false;
    memcpy(address, text.p, text.n);
    address[text.n] = '\0';
    return inet_pton(family, address, binary) == 1;
}

// "1.2.3.4:80" or "[::1]:80".
static bool listen_parse(struct rm_str text, struct rm_conf_listen *out)
{
    size_t colon = text.n;
    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    if (colon < 2)
        return false;
    struct rm_str ip = rm_str_sub(text, 0, colon - 1);
    uint32_t port = 0;
    for (size_t i = colon; i < text.n; i++) { // digits alone
        if (text.p[i] < '0' || text.p[i] > '9' || (port = port * 10 + (uint32_t)(text.p[i] - '0')) > UINT16_MAX)
            return false;
    }
    if (port == 0)
        return false;
    bool is_v6 = ip.n > 2 && ip.p[0] == '[' && ip.p[ip.n - 1] == ']';
    if (is_v6)
        ip = rm_str_sub(ip, 1, ip.n - 1);
    if (!listen_is_ip(ip, is_v6 ? AF_INET6 : AF_INET))
        return false;
    *out = (struct rm_conf_listen){.ip = ip, .port = (uint16_t)port};
    return true;
}

void rm_listen_take(struct rm_reader *r, const struct rm_path *path, const struct rm_value *value, void *to)
{
    struct rm_conf_listen listen = {0};
    bool is_off = value->type == RM_FALSE || (value->type == RM_STRING && value->raw.n == 0);
    if (!is_off && (value->type != RM_STRING || !listen_parse(rm_value_text(r->arena, value), &listen))) {
        rm_reader_error(r, path, rm_doc_place(value), "found %s, allowed is %s",
                        rm_value_describe(r->found->arena, value), listen_allowed);
        return;
    }
    listen.is_default = !path;
    memcpy(to, &listen, sizeof(listen));
}

struct rm_str rm_listen_format(struct rm_arena *arena, const struct rm_conf_listen *listen)
{
    if (listen->port == 0)
        return (struct rm_str){"", 0};
    bool is_v6 = memchr(listen->ip.p, ':', listen->ip.n) != NULL;
    return rm_arena_printf(arena, is_v6 ? "[%.*s]:%u" : "%.*s:%u", (int)listen->ip.n, listen->ip.p, listen->port);
}

void rm_listen_finish(struct rm_reader *r, const struct rm_path *path, struct rm_value *own, void *base)
{
    const struct rm_conf *conf = base;
    struct rm_path probes = {.up = path, .name = RM_STR("probes")}, listen = {.up = &probes, .name = RM_STR("listen")};
    if (conf->probes.port == 0 || conf->probes.port != conf->admin.port || !rm_str_eq(conf->probes.ip, conf->admin.ip))
        return;
    struct rm_value *object = rm_value_get(r->arena, own, probes.name);
    rm_reader_error(r, &listen, rm_doc_place(rm_value_get(r->arena, object, listen.name)),
                    "is the admin listener's address, too: that one serves the probes already");
}

static const struct rm_field admin_rows[] = {
    {.name = "listen",
     .type = RM_FIELD_LISTEN,
     .offset = offsetof(struct rm_conf, admin),
     .fallback = "127.0.0.1:8091",
     .doc = "address and port of the admin listener; false: none"},
};
const struct rm_fields rm_admin_fields = {.v = admin_rows, .n = RM_COUNT(admin_rows), .what = "key of remora.admin"};

static const struct rm_field probes_rows[] = {
    {.name = "listen",
     .type = RM_FIELD_LISTEN,
     .offset = offsetof(struct rm_conf, probes),
     .doc = "address and port of the probe listener, such as \"0.0.0.0:8090\"; without it none"},
};
const struct rm_fields rm_probes_fields = {.v = probes_rows, .n = RM_COUNT(probes_rows), .what = "key of remora.probes"};
