// Hop-by-hop fields (RFC 9110 7.6.1): what concerns one connection only and must not be passed on, in either direction.
// Pure functions.
// SPDX-License-Identifier: Apache-2.0
#ifndef NET_HOP_H
#define NET_HOP_H

#include <remora/transport.h>

// Connection, Keep-Alive, Proxy-*, TE, Trailer, Transfer-Encoding, Upgrade, HTTP2-Settings.
bool rm_hop_is(struct rm_str name);

// Removes these and every field that a Connection field lists, keeping the order of the rest. In place.
void rm_hop_strip(struct rm_headers *);

#endif
