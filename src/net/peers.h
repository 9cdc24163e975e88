// Where connections lead to: one entry for each scheme, name, address and port in use, with what the engine prepared for it.
// SPDX-License-Identifier: Apache-2.0
#ifndef NET_PEERS_H
#define NET_PEERS_H

#include "base/list.h"

#include <remora/sd.h>

#define RM_PEER_BUCKETS 256

struct rm_peer {
    void *url, *connect_to; // libcurl's (curl.c); NULL when the peer is new
    struct rm_list idle;    // kept connections (idle.c), the newest last
    uint32_t n_idle;
    bool left;              // its connections do not rest (idle.c); until the next exchange
    struct rm_str host_line; // "Host: name:port" with its CRLF
    // The table's.
    uint32_t refs, hash;
    struct rm_peer *next;
    struct rm_list unused;
    uint16_t port;
    bool tls;
    uint8_t name_n, address_n;
    char name[256], address[64];
    char host_text[272];
};

struct rm_peers {
    struct rm_arena arena;
    struct rm_peer *buckets[RM_PEER_BUCKETS];
    struct rm_peer *spare;
    struct rm_list unused; // longest first
    uint32_t n, n_unused;
    void (*drop)(struct rm_peer *); // the engine's: frees url and connect_to
};

void rm_peers_init(struct rm_peers *, void (*drop)(struct rm_peer *));
void rm_peers_fini(struct rm_peers *); // nobody counts any more

// The peer of this host for an exchange, counted for the caller. The host's texts passed rm_request_check().
struct rm_peer *rm_peer_get(struct rm_peers *, const struct rm_host *);
struct rm_peer *rm_peer_find(const struct rm_peers *, const struct rm_host *); // not counted; NULL: no exchange has been there lately
struct rm_peer *rm_peer_ref(struct rm_peers *, struct rm_peer *);
void rm_peer_unref(struct rm_peers *, struct rm_peer *); // kept for a while when it was the last

#endif
