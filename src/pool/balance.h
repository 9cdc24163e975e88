// How a backend wants its hosts chosen: immutable, made at load. A worker has one view for each source and balance.
// SPDX-License-Identifier: Apache-2.0
#ifndef POOL_BALANCE_H
#define POOL_BALANCE_H

#include <remora/base.h>

enum rm_balancer {
    RM_ROUND_ROBIN,   // smooth and weighted; the default
    RM_LEAST_REQUEST, // of two that chance picks by weight, the one with fewer calls for its weight
    RM_RANDOM,        // by weight
    RM_HASH,          // rendezvous hashing by weight: a host that leaves moves its own keys only
};

enum rm_zone_rule {
    RM_ZONE_HINTS,  // hosts that the source meant for us first, where a list has any
    RM_ZONE_PREFER, // those, or else the hosts of our own zone first, unless they are too few
    RM_ZONE_OFF,
};

struct rm_balance {
    enum rm_balancer balancer;
    enum rm_zone_rule zone_rule;
    uint32_t zone_min_percent; // PREFER: of a tier's hosts that must be in our zone
    struct rm_str zone;        // ours; "" unknown
    uint32_t subset;           // hosts of a tier that are used; 0: all
    uint64_t identity;         // whose subset it is: differs between pods, the same after a restart
    // Passive health.
    bool ejects;
    uint32_t eject_after;       // failures in a row
    uint32_t eject_max_percent; // of a tier's hosts
    uint64_t eject_base_us, eject_max_us;
};

bool rm_balance_same(const struct rm_balance *, const struct rm_balance *);

#endif
