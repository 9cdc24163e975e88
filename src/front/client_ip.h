// Which address a client has: the peer's, or what trusted proxies say in their headers (router.trusted_proxies, remote_ip_headers).
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_CLIENT_IP_H
#define FRONT_CLIENT_IP_H

#include "conf/conf.h"
#include <remora/transport.h>

struct rm_ip {
    uint8_t bytes[16]; // IPv4 as ::ffff:a.b.c.d
};

struct rm_network {
    struct rm_ip ip;
    unsigned bits;
};

// Compiled at start; immutable. Slices of the configuration.
struct rm_proxies {
    struct rm_network *networks;
    size_t n_networks;
    struct rm_strs headers; // none: the peer's address is the client's
};

bool rm_ip_parse(struct rm_str text, struct rm_ip *out); // an address without brackets, zone or port

// RM_ECONF: an entry is neither an address nor a network.
int rm_proxies_init(struct rm_proxies *, struct rm_arena *, const struct rm_conf_router *,
                    struct rm_err *err) RM_MUST_CHECK;
bool rm_proxies_trust(const struct rm_proxies *, struct rm_str ip);

// The client's address behind trusted proxies: in the first header that is there and well formed, the rightmost address that no
// trusted proxy has; several lines of a header are one list (RFC 9110 5.3). Without such a header, or from an untrusted peer: `peer`.
// A slice of a header or of `peer`.
struct rm_str rm_client_ip(const struct rm_proxies *, struct rm_str peer, bool peer_trusted, const struct rm_headers *);

#endif
