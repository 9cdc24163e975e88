// The tree of path segments under the router: one for all methods, each leaf knows which it has. Built at load, immutable then.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_ROUTE_TREE_H
#define FRONT_ROUTE_TREE_H

#include "flow/plan.h"

struct route_node {
    struct rm_str text;          // of a static segment; "" after a trailing slash
    struct route_node **statics; // sorted by text
    size_t n_statics, cap_statics;
    struct route_node *param; // what "{name}" leads to
    struct route_node *rest;  // and "*", which ends a path
    const struct rm_endpoint *endpoints[RM_METHODS];
    bool health; // GET answers by itself
};

// The node of a configured path ("/u/{id}"), made where it is missing. NULL: the path does not begin with '/'.
struct route_node *route_tree_put(struct rm_arena *, struct route_node *root, struct rm_str path);

// One walk. Static beats parameter beats the rest, and the walk comes back to the next of them when a branch ends without `method`.
// An empty segment fills no parameter; a rest is empty or begins with a segment that is not.
struct route_walk {
    int method;                      // enum rm_method; -1: any leaf that has one
    bool nocase;                     // compare static segments without case (ASCII)
    struct rm_str *params;           // in: room for all of the deepest path; out: the values, slices of the path
    const struct route_node **taken; // the nodes, segment by segment; NULL when not wanted
};
const struct route_node *route_tree_find(const struct route_node *root, struct rm_str path, struct route_walk *);

bool route_node_has(const struct route_node *, int method);

#endif
