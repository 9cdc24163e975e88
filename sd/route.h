// Which of a name's addresses this machine can reach: asked of the routing table, nothing is sent.
// SPDX-License-Identifier: Apache-2.0
#ifndef SD_ROUTE_H
#define SD_ROUTE_H

#include "sd/resolve.h"

bool rm_route_exists(const struct rm_resolved *address);
// Of addresses in rm_lookup's order, not empty: is IPv6 the family to use first? Where there are both it is IPv4, unless only IPv6 has
// a route. A server behind a name with both may listen on one of them only ("localhost" mostly does), and a balancer that took
// both for hosts of equal right would fail every other request.
bool rm_route_is_v6_first(const struct rm_resolved *addresses, size_t n);

#endif
