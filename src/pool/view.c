// A worker's view: the current list with its balancer, and older lists for as long as a pick holds them. Owns its lists; all of
// it belongs to one thread.
// SPDX-License-Identifier: Apache-2.0
#include "pool/view.h"

#include "base/clock.h"
#include "pool/pick.h"

#include <sys/random.h>

struct rm_pool_list {
    struct rm_arena arena; // holds this struct and the balancer
    struct rm_snapshot *snapshot;
    struct rm_picker picker;
    uint32_t uses; // the view's, and one for each pick
};

static void list_unref(struct rm_pool_list *list)
{
    RM_ASSERT(list->uses > 0);
    if (--list->uses > 0)
        return;
    rm_snapshot_unref(list->snapshot);
    struct rm_arena arena = list->arena;
    rm_arena_fini(&arena);
}

static uint32_t view_start(void)
{
    uint32_t start;
    if (getrandom(&start, sizeof(start), GRND_NONBLOCK) != sizeof(start))
        start = (uint32_t)rm_clock_us(); // early at boot: any number will do
    return start;
}

static void view_on_update(struct rm_cache_sub *sub, struct rm_snapshot *snapshot)
{
    rm_pool_view_set(rm_container_of(sub, struct rm_pool_view, sub), snapshot);
}

void rm_pool_view_init(struct rm_pool_view *view)
{
    *view = (struct rm_pool_view){.sub.update = view_on_update};
}

void rm_pool_view_set(struct rm_pool_view *view, struct rm_snapshot *snapshot)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_pool_list *list = RM_NEW(&arena, struct rm_pool_list);
    struct rm_pool_list *old = view->list;
    list->snapshot = snapshot;
    list->uses = 1;
    rm_picker_init(&list->picker, &arena, snapshot, old ? &old->picker : NULL, view_start());
    list->arena = arena;
    view->list = list;
    if (old)
        list_unref(old);
}

void rm_pool_view_fini(struct rm_pool_view *view)
{
    if (view->list)
        list_unref(view->list);
    view->list = NULL;
}

const struct rm_host *rm_pool_pick(struct rm_pool_view *view, const struct rm_host *const *avoid, size_t n_avoid,
                                   struct rm_pick *out)
{
    *out = (struct rm_pick){0};
    if (!view->list)
        return NULL;
    const struct rm_host *host = rm_picker_next(&view->list->picker, avoid, n_avoid);
    if (!host)
        return NULL;
    view->list->uses++;
    *out = (struct rm_pick){host, view->list};
    return host;
}

void rm_pool_release(struct rm_pick *pick)
{
    if (pick->list)
        list_unref(pick->list);
    *pick = (struct rm_pick){0};
}
