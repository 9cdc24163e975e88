// What a running process cannot change: a reload keeps it and says so. Texts are copied into the new configuration.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

struct keep {
    struct rm_conf *conf;
    struct rm_findings *found;
};

// `path` is the key's, such as "extra_config.remora.workers".
static void keep_warn(const struct keep *k, const char *path)
{
    struct rm_value *value = k->conf->doc.root;
    struct rm_str rest = rm_str_of(path);
    while (value && rest.n > 0) {
        size_t n = 0;
        while (n < rest.n && rest.p[n] != '.')
            n++;
        value = value->type == RM_OBJECT ? rm_value_get(&k->conf->arena, value, rm_str_sub(rest, 0, n)) : NULL;
        rest = rm_str_sub(rest, n < rest.n ? n + 1 : n, rest.n);
    }
    struct rm_place place = value ? rm_doc_place(value) : (struct rm_place){0};
    rm_finding_add(k->found, false, place, rm_arena_dup(k->found->arena, rm_str_of(path)),
                   RM_STR("cannot change while remora runs: what it was at the start stays until a restart"));
}

static void keep_text(const struct keep *k, const char *path, struct rm_str *now, struct rm_str before)
{
    if (rm_str_eq(*now, before))
        return;
    *now = rm_arena_dup(&k->conf->arena, before);
    keep_warn(k, path);
}

static void keep_listen(const struct keep *k, const char *path, struct rm_conf_listen *now,
                        const struct rm_conf_listen *before)
{
    bool same = now->port == before->port && rm_str_eq(now->ip, before->ip);
    *now = (struct rm_conf_listen){rm_arena_dup(&k->conf->arena, before->ip), before->port, before->is_default};
    if (!same)
        keep_warn(k, path);
}

static bool keep_same_texts(const struct rm_strs *a, const struct rm_strs *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = rm_str_eq(a->v[i], b->v[i]);
    return same;
}

// A number of any type.
#define KEEP(k, path, now, before)                                                                                     \
    do {                                                                                                               \
        if ((now) != (before))                                                                                         \
            keep_warn(k, path);                                                                                        \
        (now) = (before);                                                                                              \
    } while (0)

static void keep_discovery(const struct keep *k, const struct rm_conf *running)
{
    struct rm_conf_kubernetes *now = &k->conf->kubernetes;
    const struct rm_conf_kubernetes *before = &running->kubernetes;
#define OWN "extra_config.remora."
    keep_text(k, OWN "kubernetes.api_server", &now->api_server, before->api_server);
    keep_text(k, OWN "kubernetes.token_file", &now->token_file, before->token_file);
    keep_text(k, OWN "kubernetes.ca_file", &now->ca_file, before->ca_file);
    keep_text(k, OWN "kubernetes.namespace", &now->namespace_, before->namespace_);
    keep_text(k, OWN "kubernetes.node", &now->node, before->node);
    KEEP(k, OWN "kubernetes.addresses", now->addresses, before->addresses);
    struct rm_conf_dns *dns = &k->conf->dns;
    if (!keep_same_texts(&dns->servers, &running->dns.servers)) {
        struct rm_str *servers = RM_NEW_ARRAY(&k->conf->arena, struct rm_str, running->dns.servers.n);
        for (size_t i = 0; i < running->dns.servers.n; i++)
            servers[i] = rm_arena_dup(&k->conf->arena, running->dns.servers.v[i]);
        dns->servers = (struct rm_strs){servers, running->dns.servers.n};
        keep_warn(k, OWN "dns.servers");
    }
    KEEP(k, OWN "dns.timeout", dns->timeout_us, running->dns.timeout_us);
    KEEP(k, OWN "dns.min_ttl", dns->min_ttl_us, running->dns.min_ttl_us);
    KEEP(k, OWN "dns.max_ttl", dns->max_ttl_us, running->dns.max_ttl_us);
}

void rm_conf_keep(struct rm_conf *conf, const struct rm_conf *running, struct rm_findings *found)
{
    const struct keep k = {conf, found};
    KEEP(&k, "port", conf->port, running->port);
    keep_text(&k, "listen_ip", &conf->listen_ip, running->listen_ip);
    KEEP(&k, OWN "workers", conf->workers, running->workers);
    keep_listen(&k, OWN "admin.listen", &conf->admin, &running->admin);
    keep_listen(&k, OWN "probes.listen", &conf->probes, &running->probes);
    KEEP(&k, OWN "limits.head_bytes", conf->limits.head_bytes, running->limits.head_bytes);
    KEEP(&k, OWN "limits.connections", conf->limits.connections, running->limits.connections);
    KEEP(&k, OWN "limits.bodies_bytes", conf->limits.bodies_bytes, running->limits.bodies_bytes);
    if ((conf->tls.n_keys > 0) != (running->tls.n_keys > 0)) // who listens for one cannot speak the other
        keep_warn(&k, "tls");
    keep_discovery(&k, running);
}
