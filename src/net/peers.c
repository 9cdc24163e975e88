// The table of peers. Owns the entries: counted by exchanges and connections, the last few that nobody counts are kept for the
// next exchange.
// SPDX-License-Identifier: Apache-2.0
#include "net/peers.h"

#include <stdio.h>

#define PEERS_KEPT 64

void rm_peers_init(struct rm_peers *peers, void (*drop)(struct rm_peer *))
{
    *peers = (struct rm_peers){.drop = drop};
    rm_arena_init(&peers->arena, NULL);
    rm_list_init(&peers->unused);
}

static void peer_remove(struct rm_peers *peers, struct rm_peer *peer)
{
    struct rm_peer **at = &peers->buckets[peer->hash % RM_PEER_BUCKETS];
    while (*at != peer)
        at = &(*at)->next;
    *at = peer->next;
    rm_list_remove(&peer->unused);
    peers->n_unused--;
    peers->n--;
    peers->drop(peer);
    peer->next = peers->spare;
    peers->spare = peer;
}

void rm_peers_fini(struct rm_peers *peers)
{
    while (!rm_list_empty(&peers->unused))
        peer_remove(peers, rm_container_of(peers->unused.next, struct rm_peer, unused));
    RM_ASSERT(peers->n == 0);
    rm_arena_fini(&peers->arena);
}

static uint32_t peer_hash_more(uint32_t hash, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)p[i]) * 16777619U; // FNV-1a
    return hash;
}

static bool peer_is(const struct rm_peer *peer, const struct rm_host *host, bool tls)
{
    return peer->port == host->port && peer->tls == tls &&
           rm_str_eq((struct rm_str){peer->address, peer->address_n}, host->address) &&
           rm_str_eq((struct rm_str){peer->name, peer->name_n}, host->name);
}

// As libcurl writes it: the scheme's own port is left out (RFC 9110 7.2), an IPv6 address stands in brackets.
static void peer_set_host_line(struct rm_peer *peer)
{
    bool six = memchr(peer->name, ':', peer->name_n) != NULL;
    char port[8] = "";
    if (peer->port != (peer->tls ? 443 : 80))
        (void)snprintf(port, sizeof(port), ":%u", peer->port);
    int n = snprintf(peer->host_text, sizeof(peer->host_text), "Host: %s%s%s%s\r\n", six ? "[" : "", peer->name,
                     six ? "]" : "", port);
    RM_ASSERT(n > 0 && (size_t)n < sizeof(peer->host_text));
    peer->host_line = (struct rm_str){peer->host_text, (size_t)n};
}

static uint32_t peer_hash(const struct rm_host *host)
{
    uint32_t hash = peer_hash_more(2166136261U ^ host->port, host->address.p, host->address.n);
    return peer_hash_more(hash, host->name.p, host->name.n);
}

static bool host_is_tls(const struct rm_host *host)
{
    return rm_str_eq(host->scheme, RM_STR("https"));
}

static struct rm_peer *peers_look(const struct rm_peers *peers, const struct rm_host *host, uint32_t hash)
{
    struct rm_peer *peer = peers->buckets[hash % RM_PEER_BUCKETS];
    while (peer && (peer->hash != hash || !peer_is(peer, host, host_is_tls(host))))
        peer = peer->next;
    return peer;
}

struct rm_peer *rm_peer_find(const struct rm_peers *peers, const struct rm_host *host)
{
    return peers_look(peers, host, peer_hash(host));
}

struct rm_peer *rm_peer_get(struct rm_peers *peers, const struct rm_host *host)
{
    uint32_t hash = peer_hash(host);
    struct rm_peer *peer = peers_look(peers, host, hash);
    if (peer) {
        peer->left = false;
        return rm_peer_ref(peers, peer);
    }
    RM_ASSERT(host->name.n < sizeof(peer->name) && host->address.n < sizeof(peer->address));
    peer = peers->spare;
    if (peer)
        peers->spare = peer->next;
    else
        peer = rm_arena_alloc(&peers->arena, sizeof(*peer));
    memset(peer, 0, sizeof(*peer));
    rm_list_init(&peer->unused);
    rm_list_init(&peer->idle);
    peer->refs = 1;
    peer->hash = hash;
    peer->port = host->port;
    peer->tls = host_is_tls(host);
    memcpy(peer->name, host->name.p, host->name.n);
    peer->name_n = (uint8_t)host->name.n;
    memcpy(peer->address, host->address.p, host->address.n);
    peer->address_n = (uint8_t)host->address.n;
    peer_set_host_line(peer);
    peer->next = peers->buckets[hash % RM_PEER_BUCKETS];
    peers->buckets[hash % RM_PEER_BUCKETS] = peer;
    peers->n++;
    return peer;
}

struct rm_peer *rm_peer_ref(struct rm_peers *peers, struct rm_peer *peer)
{
    if (peer->refs++ == 0) {
        rm_list_remove(&peer->unused);
        peers->n_unused--;
    }
    return peer;
}

void rm_peer_unref(struct rm_peers *peers, struct rm_peer *peer)
{
    RM_ASSERT(peer->refs > 0);
    if (--peer->refs > 0)
        return;
    rm_list_push_back(&peers->unused, &peer->unused);
    if (++peers->n_unused > PEERS_KEPT)
        peer_remove(peers, rm_container_of(peers->unused.next, struct rm_peer, unused));
}
