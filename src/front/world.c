// Worlds: what a plan needs besides itself, counted. Frees nothing of its own accord: who made a world is told when nobody has it.
// SPDX-License-Identifier: Apache-2.0
#include "front/world.h"

#include "front/tls.h"

int rm_world_init(struct rm_world *world, struct rm_plan *plan, bool debug_endpoint, struct rm_err *err)
{
    *world = (struct rm_world){.plan = plan};
    atomic_init(&world->refs, 1);
    rm_arena_init(&world->arena, NULL);
    int code = rm_router_new(&world->router, plan, debug_endpoint, err);
    if (code == RM_OK)
        code = rm_proxies_init(&world->proxies, &world->arena, &plan->conf->router, err);
    if (code != RM_OK)
        rm_world_fini(world);
    return code;
}

void rm_world_fini(struct rm_world *world)
{
    rm_router_free(world->router);
    rm_plan_unref(world->plan);
    rm_tls_unref(world->tls);
    world->tls = NULL;
    rm_arena_fini(&world->arena);
    world->router = NULL;
    world->plan = NULL;
}

struct rm_world *rm_world_ref(struct rm_world *world)
{
    atomic_fetch_add_explicit(&world->refs, 1, memory_order_relaxed);
    return world;
}

void rm_world_unref(struct rm_world *world)
{
    if (world && atomic_fetch_sub_explicit(&world->refs, 1, memory_order_acq_rel) == 1 && world->gone)
        world->gone(world);
}
