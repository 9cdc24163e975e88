// A world's share of one front end, counted by it alone.
// SPDX-License-Identifier: Apache-2.0
#include "front/serving.h"

struct rm_serving *rm_serving_new(struct rm_world *world, struct rm_flow *flow)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_serving *serving = RM_NEW(&arena, struct rm_serving);
    serving->world = rm_world_ref(world);
    serving->plan = world->plan;
    serving->flow = flow;
    serving->uses = 1;
    serving->arena = arena;
    return serving;
}

struct rm_serving *rm_serving_ref(struct rm_serving *serving)
{
    serving->uses++;
    return serving;
}

void rm_serving_unref(struct rm_serving *serving)
{
    if (!serving || --serving->uses > 0)
        return;
    struct rm_world *world = serving->world;
    rm_flow_free(serving->flow);
    struct rm_arena arena = serving->arena;
    rm_arena_fini(&arena);
    rm_world_unref(world); // the last thing: its plan may go with it
}
