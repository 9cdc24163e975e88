// A world as one front end serves it. The front end has the newest; a request keeps the one that it began with, whatever comes meanwhile.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_SERVING_H
#define FRONT_SERVING_H

#include "flow/flow.h"
#include "front/world.h"

struct rm_serving {
    struct rm_arena arena;  // holds this struct
    struct rm_world *world; // a reference
    const struct rm_plan *plan;
    struct rm_flow *flow; // owned; NULL where pages are served
    uint32_t uses; // the front end's, and one for each request
};

// Takes a reference to the world, and the flow over.
struct rm_serving *rm_serving_new(struct rm_world *, struct rm_flow *);
struct rm_serving *rm_serving_ref(struct rm_serving *);
void rm_serving_unref(struct rm_serving *); // NULL is fine; not from inside a call of its flow

#endif
