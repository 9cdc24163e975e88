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

static bool listen_is_any(struct rm_str ip, bool *is_v6)
{
    *is_v6 = ip.n > 0 && memchr(ip.p, ':', ip.n);
    return ip.n == 0 || rm_str_eq(ip, RM_STR("0.0.0.0")) || rm_str_eq(ip, RM_STR("::"));
}

// Would the second of two listeners find its address taken? No ip: all addresses of both families.
static bool listen_meets(const struct rm_conf_listen *a, const struct rm_conf_listen *b)
{
    bool a_v6, b_v6, a_any = listen_is_any(a->ip, &a_v6), b_any = listen_is_any(b->ip, &b_v6);
    if (a->port == 0 || a->port != b->port)
        return false;
    return a->ip.n == 0 || b->ip.n == 0 || (a_v6 == b_v6 && (a_any || b_any || rm_str_eq(a->ip, b->ip)));
}

static void listen_taken(struct rm_reader *r, struct rm_value *root, const char *name, const char *why)
{
    struct rm_path extra = {.name = RM_STR("extra_config")}, remora = {.up = &extra, .name = RM_STR("remora")};
    struct rm_path what = {.up = &remora, .name = rm_str_of(name)}, listen = {.up = &what, .name = RM_STR("listen")};
    const struct rm_path *const down[] = {&extra, &remora, &what, &listen};
    for (size_t i = 0; i < RM_COUNT(down); i++) // what is no default stands in the file
        root = rm_value_get(r->arena, root, down[i]->name);
    rm_reader_error(r, &listen, rm_doc_place(root), "%s", why);
}

// A default admin listener that is taken is no error, but a warning when remora starts.
void rm_listen_check(struct rm_reader *r, struct rm_value *root)
{
    static const char own[] = "the port is the endpoints' own: name another one";
    const struct rm_conf *conf = r->conf;
    const struct rm_conf_listen service = {.ip = conf->listen_ip, .port = conf->port};
    if (!conf->admin.is_default && listen_meets(&conf->admin, &service))
        listen_taken(r, root, "admin", own);
    if (listen_meets(&conf->probes, &service))
        listen_taken(r, root, "probes", own);
    if (listen_meets(&conf->probes, &conf->admin))
        listen_taken(r, root, "probes",
                     rm_str_eq(conf->probes.ip, conf->admin.ip)
                         ? "is the admin listener's address, too: that one serves the probes already"
                         : "the port is the admin listener's: name another one");
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
const struct rm_fields rm_probes_fields = {
    .v = probes_rows, .n = RM_COUNT(probes_rows), .what = "key of remora.probes"};
