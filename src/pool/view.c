// A worker's view: the current list with its balancer, and older lists for as long as a pick holds them. Owns its lists and seats; all
// of it belongs to one thread, but the cells that the lists bring.
// SPDX-License-Identifier: Apache-2.0
#include "pool/view.h"

#include "base/clock.h"
#include "pool/pick.h"
#include "pool/snapshot.h"

#include <sys/random.h>

// What a view's lists share, and what outlives the view with them.
struct rm_pool_common {
    struct rm_arena arena; // holds this struct and the seats
    struct rm_balance balance;
    struct rm_seat *unused;
    uint64_t random;
    uint32_t uses; // the view's, and one for each list
};

struct rm_pool_list {
    struct rm_arena arena; // holds this struct, the balancer and the array of seats
    struct rm_pool_common *common;
    struct rm_snapshot *snapshot;
    struct rm_picker picker;
    struct rm_seat **seats;
    uint32_t uses; // the view's, and one for each pick
};

bool rm_balance_same(const struct rm_balance *a, const struct rm_balance *b)
{
    return a->balancer == b->balancer && a->zone_rule == b->zone_rule && a->zone_min_percent == b->zone_min_percent &&
           rm_str_eq(a->zone, b->zone) && a->subset == b->subset && a->identity == b->identity &&
           a->ejects == b->ejects && a->eject_after == b->eject_after && a->eject_max_percent == b->eject_max_percent &&
           a->eject_base_us == b->eject_base_us && a->eject_max_us == b->eject_max_us;
}

static void common_unref(struct rm_pool_common *common)
{
    if (--common->uses > 0)
        return;
    struct rm_arena arena = common->arena;
    rm_arena_fini(&arena);
}

// ---- lists -----------------------------------------------------------------------------------------------------------

static void list_unref(struct rm_pool_list *list)
{
    RM_ASSERT(list->uses > 0);
    if (--list->uses > 0)
        return;
    for (uint32_t i = 0; i < list->snapshot->n; i++) {
        struct rm_seat *seat = list->seats[i];
        if (--seat->lists > 0)
            continue;
        seat->next = list->common->unused;
        list->common->unused = seat;
    }
    rm_snapshot_unref(list->snapshot);
    common_unref(list->common);
    struct rm_arena arena = list->arena;
    rm_arena_fini(&arena);
}

static struct rm_seat *common_seat(struct rm_pool_common *common)
{
    struct rm_seat *seat = common->unused;
    if (seat)
        common->unused = seat->next;
    else
        seat = rm_arena_alloc(&common->arena, sizeof(*seat));
    *seat = (struct rm_seat){0};
    return seat;
}

// A list that no cache has published (tests) has no cells yet.
static void list_need_cells(struct rm_snapshot *snapshot, const struct rm_pool_list *old)
{
    if (snapshot->cells)
        return;
    struct rm_cells *own = old ? NULL : rm_cells_new();
    rm_cells_attach(old ? old->snapshot->cells : own, snapshot, old ? old->snapshot : NULL);
    rm_cells_unref(own);
}

// ---- the view --------------------------------------------------------------------------------------------------------

static void view_on_update(struct rm_cache_sub *sub, struct rm_snapshot *snapshot)
{
    rm_pool_view_set(rm_container_of(sub, struct rm_pool_view, sub), snapshot);
}

void rm_pool_view_init(struct rm_pool_view *view, const struct rm_balance *balance)
{
    *view = (struct rm_pool_view){.sub.update = view_on_update};
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_pool_common *common = RM_NEW(&arena, struct rm_pool_common);
    if (getrandom(&common->random, sizeof(common->random), GRND_NONBLOCK) != sizeof(common->random))
        common->random = rm_clock_us(); // early at boot: any number will do
    common->balance = *balance;
    common->balance.zone = rm_arena_dup(&arena, balance->zone);
    common->uses = 1;
    common->arena = arena;
    view->common = common;
}

// `match`: for each host of the new list, its place in the old one.
static void view_leave(struct rm_pool_view *view, const struct rm_snapshot *old, const struct rm_snapshot *now,
                       const uint32_t *match)
{
    struct rm_arena scratch;
    rm_arena_init(&scratch, NULL);
    bool *stays = rm_arena_zalloc(&scratch, old->n + (size_t)1);
    for (uint32_t i = 0; i < now->n; i++)
        if (match[i] != RM_NOWHERE_IN_LIST && now->host[i].state == RM_HOST_READY)
            stays[match[i]] = true;
    for (uint32_t i = 0; i < old->n; i++)
        if (!stays[i] && old->host[i].state == RM_HOST_READY)
            view->leave(view, &old->host[i]);
    rm_arena_fini(&scratch);
}

void rm_pool_view_set(struct rm_pool_view *view, struct rm_snapshot *snapshot)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_pool_list *list = RM_NEW(&arena, struct rm_pool_list);
    struct rm_pool_list *old = view->list;
    struct rm_pool_common *common = view->common;
    list_need_cells(snapshot, old);
    const uint32_t *match = rm_snapshot_match(&arena, snapshot, old ? old->snapshot : NULL);
    list->common = common;
    list->snapshot = snapshot;
    list->uses = 1;
    common->uses++;
    list->seats = RM_NEW_ARRAY(&arena, struct rm_seat *, snapshot->n + (size_t)1);
    for (uint32_t i = 0; i < snapshot->n; i++) {
        list->seats[i] = match[i] == RM_NOWHERE_IN_LIST ? common_seat(common) : old->seats[match[i]];
        list->seats[i]->lists++;
    }
    rm_picker_init(&list->picker, &arena, snapshot, &common->balance, list->seats, &common->random,
                   old ? &old->picker : NULL, match);
    list->arena = arena;
    view->list = list;
    if (old && view->leave)
        view_leave(view, old->snapshot, snapshot, match);
    if (old)
        list_unref(old);
}

void rm_pool_view_fini(struct rm_pool_view *view)
{
    if (view->list)
        list_unref(view->list);
    if (view->common)
        common_unref(view->common);
    view->list = NULL;
    view->common = NULL;
}

struct rm_snapshot *rm_pool_view_list(const struct rm_pool_view *view)
{
    return view->list ? rm_snapshot_ref(view->list->snapshot) : NULL;
}

size_t rm_pool_view_look(const struct rm_pool_view *view, struct rm_host_look *out, size_t max)
{
    const struct rm_pool_list *list = view->list;
    size_t n = 0;
    for (; list && n < list->snapshot->n && n < max; n++) {
        const struct rm_host_cell *cell = list->snapshot->cell[n];
        out[n] = (struct rm_host_look){
            .host = &list->snapshot->host[n],
            .in_flight = list->seats[n]->in_flight,
            .picked = list->seats[n]->picked,
            .failures = atomic_load_explicit(&cell->failures, memory_order_relaxed),
            .ejections = atomic_load_explicit(&cell->ejections, memory_order_relaxed),
            .ejected_until_us = atomic_load_explicit(&cell->out_until_us, memory_order_relaxed),
        };
    }
    return n;
}

// ---- picks -----------------------------------------------------------------------------------------------------------

const struct rm_host *rm_pool_pick(struct rm_pool_view *view, const struct rm_pick_ask *ask, struct rm_pick *out)
{
    struct rm_pool_list *list = view->list;
    *out = (struct rm_pick){0};
    if (!list)
        return NULL;
    uint32_t slot = rm_picker_next(&list->picker, ask, &out->tried_until_us);
    if (slot == RM_NO_SLOT)
        return NULL;
    if (ask->n_avoid == 0)
        rm_retries_count(&view->retries, ask->now_us);
    uint32_t host = list->picker.slots[slot].host;
    list->uses++;
    out->list = list;
    out->host = &list->snapshot->host[host];
    out->alone = list->snapshot->n == 1;
    out->seat = list->seats[host];
    out->seat->in_flight++;
    out->seat->picked++;
    view->picked++;
    return out->host;
}

void rm_pool_unpick(struct rm_pool_view *view, struct rm_pick *pick)
{
    pick->seat->picked--;
    view->picked--;
    rm_pool_release(pick);
}

enum rm_health_change rm_pool_report(struct rm_pick *pick, enum rm_outcome outcome, uint64_t now_us)
{
    struct rm_pool_list *list = pick->list;
    RM_ASSERT(pick->seat);
    pick->seat->in_flight--;
    pick->seat = NULL;
    return rm_health_report(&list->common->balance, list->snapshot, (uint32_t)(pick->host - list->snapshot->host),
                            pick->tried_until_us, outcome, now_us, &list->common->random);
}

bool rm_pool_retry(struct rm_pool_view *view, uint32_t percent, uint64_t now_us)
{
    return view->list && rm_retries_take(&view->retries, view->list->snapshot->cells, percent, now_us);
}

void rm_pool_release(struct rm_pick *pick)
{
    if (pick->list) {
        if (pick->seat)
            pick->seat->in_flight--;
        list_unref(pick->list);
    }
    *pick = (struct rm_pick){0};
}
