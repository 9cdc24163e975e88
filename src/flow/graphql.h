// backend/graphql: what a backend is asked, made of the configured query, the client's parameters and, for a mutation, the client's body
// (krakend-behaviour.md §9.4). Cannot wait.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_GRAPHQL_H
#define FLOW_GRAPHQL_H

#include "flow/part.h"

struct rm_graphql; // immutable; in the plan's arena

struct rm_graphql *rm_graphql_compile(struct rm_arena *, const struct rm_conf_graphql *,
                                      const struct rm_conf_endpoint *);
// Sets ask's body, or its query for a GET, and the headers that go with it, or ask->err where the client's body is no object of
// variables: then this backend fails, as in KrakenD.
void rm_graphql_ask(const struct rm_graphql *, struct rm_request *, struct rm_ask *);

#endif
