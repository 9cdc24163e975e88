// The router: method and path to an endpoint, a built-in, or a redirect. Built at load, immutable, shared by all workers.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_ROUTE_H
#define FRONT_ROUTE_H

#include "flow/plan.h"

struct rm_router;

enum rm_route_kind {
    RM_ROUTE_ENDPOINT,
    RM_ROUTE_HEALTH,    // GET router.health_path
    RM_ROUTE_ECHO,      // any method /__echo/...
    RM_ROUTE_DEBUG,     // any method /__debug/...
    RM_ROUTE_REDIRECT,  // to `location`: 301 for GET, 307 for others
    RM_ROUTE_OPTIONS,   // router.auto_options: 200 with Allow
    RM_ROUTE_NOT_FOUND,
    RM_ROUTE_NOT_ALLOWED, // 405 with Allow
    RM_ROUTE_BAD_PARAM    // 400 "error: encoded url params", also for a rest with dot segments
};

struct rm_route {
    enum rm_route_kind kind;
    const struct rm_endpoint *endpoint;
    struct rm_str *params; // decoded, in the endpoint's order; what a wildcard stands for is last and as it came
    struct rm_str allow;   // "GET, POST"
    struct rm_str location;// path only; the query is the caller's to append
};

// The plan outlives the router. Fails only on what rm_conf_load() has let through by mistake.
int rm_router_new(struct rm_router **out, const struct rm_plan *, bool debug_endpoint, struct rm_err *err) RM_MUST_CHECK;
void rm_router_free(struct rm_router *);
// `raw_path` is the target's path as it came (no query). Allocates only decoded texts, from the arena. Fills *out.
void rm_router_find(const struct rm_router *, struct rm_arena *, struct rm_str method, struct rm_str raw_path, struct rm_route *out);

#endif
