// Which services a namespace's watch has to cover, and the change from one watch to the next. Changes are held back for a moment:
// an endpoint that moves from one slice to another is gone between two events, and a rollout comes in hundreds of them.
// SPDX-License-Identifier: Apache-2.0
#include "sd/k8s_namespace.h"

#include <stdlib.h>

// One list and watch, and whom it covers.
struct cover {
    struct rm_k8s_watch_owner owner;
    struct rm_k8s_namespace *of;
    struct rm_arena arena;
    struct rm_str *services; // sorted, each once
    size_t n;
    struct rm_k8s_watch *watch; // NULL: not in use
};

struct rm_k8s_namespace {
    struct rm_arena arena; // holds this struct
    struct rm_loop *loop;
    struct rm_api *api;
    struct rm_k8s_times times;
    struct rm_str name;
    struct rm_list subs;
    struct cover covers[2];
    struct cover *live, *next; // next: has no whole list yet
    struct rm_task renew;
    struct rm_timer gather;
    uint64_t gather_until_us; // 0: nothing is held back
};

// ---- covers ------------------------------------------------------------------------------------------------------------

static void cover_end(struct cover *cover)
{
    rm_k8s_watch_free(cover->watch);
    cover->watch = NULL;
    rm_arena_fini(&cover->arena);
    cover->n = 0;
}

static bool cover_has(const struct cover *cover, struct rm_str service)
{
    for (size_t i = 0; i < cover->n; i++)
        if (rm_str_eq(cover->services[i], service))
            return true;
    return false;
}

static bool cover_is(const struct cover *cover, const struct rm_str *services, size_t n)
{
    if (!cover->watch || cover->n != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!rm_str_eq(cover->services[i], services[i]))
            return false;
    return true;
}

static void cover_begin(struct cover *cover, const struct rm_str *services, size_t n)
{
    struct rm_k8s_namespace *of = cover->of;
    rm_arena_init(&cover->arena, NULL);
    cover->services = RM_NEW_ARRAY(&cover->arena, struct rm_str, n);
    for (size_t i = 0; i < n; i++)
        cover->services[i] = rm_arena_dup(&cover->arena, services[i]);
    cover->n = n;
    cover->watch = rm_k8s_watch_new(of->loop, of->api, &of->times, of->name, services, n, &cover->owner);
}

// ---- what the watches say ------------------------------------------------------------------------------------------------

static void namespace_tell(struct rm_k8s_namespace *of)
{
    of->gather_until_us = 0;
    rm_timer_stop(&of->gather);
    RM_LIST_FOR (node, &of->subs) {
        struct rm_k8s_sub *sub = rm_container_of(node, struct rm_k8s_sub, link);
        if (!sub->dirty || !rm_k8s_namespace_watch(sub))
            continue;
        sub->dirty = false;
        sub->changed(sub);
    }
}

static void namespace_gathered(struct rm_timer *timer)
{
    namespace_tell(rm_container_of(timer, struct rm_k8s_namespace, gather));
}

// Until nothing came for a moment, but not for long.
static void namespace_hold(struct rm_k8s_namespace *of)
{
    uint64_t now_us = rm_loop_now_us(of->loop), due_us = now_us + of->times.quiet_us;
    if (of->gather_until_us == 0)
        of->gather_until_us = now_us + of->times.gather_us;
    rm_timer_start(of->loop, &of->gather, due_us < of->gather_until_us ? due_us : of->gather_until_us);
}

static void cover_changed(struct rm_k8s_watch_owner *owner, struct rm_str service)
{
    struct rm_k8s_namespace *of = rm_container_of(owner, struct cover, owner)->of;
    bool any = false;
    RM_LIST_FOR (node, &of->subs) {
        struct rm_k8s_sub *sub = rm_container_of(node, struct rm_k8s_sub, link);
        if (rm_str_eq(sub->service, service))
            sub->dirty = any = true;
    }
    if (any)
        namespace_hold(of);
}

static void cover_synced(struct rm_k8s_watch_owner *owner)
{
    struct cover *cover = rm_container_of(owner, struct cover, owner);
    struct rm_k8s_namespace *of = cover->of;
    if (cover == of->next) {
        if (of->live)
            cover_end(of->live);
        of->live = of->next;
        of->next = NULL;
    }
    RM_LIST_FOR (node, &of->subs)
        rm_container_of(node, struct rm_k8s_sub, link)->dirty = true;
    namespace_tell(of);
}

// Told like a change: the pool then knows how old its list is not, and notices that it is the same.
static void cover_confirmed(struct rm_k8s_watch_owner *owner)
{
    const struct cover *cover = rm_container_of(owner, struct cover, owner);
    struct rm_k8s_namespace *of = cover->of;
    if (cover != of->live)
        return;
    RM_LIST_FOR (node, &of->subs)
        rm_container_of(node, struct rm_k8s_sub, link)->dirty = true;
    namespace_hold(of);
}

static void cover_failed(struct rm_k8s_watch_owner *owner, const struct rm_err *err)
{
    const struct cover *cover = rm_container_of(owner, struct cover, owner);
    const struct rm_k8s_namespace *of = cover->of;
    RM_LIST_FOR (node, &of->subs) {
        struct rm_k8s_sub *sub = rm_container_of(node, struct rm_k8s_sub, link);
        bool is_live = of->live && cover_has(of->live, sub->service);
        if (cover_has(cover, sub->service) && (cover == of->live || !is_live))
            sub->failed(sub, err);
    }
}

// ---- who is in it ----------------------------------------------------------------------------------------------------------

static int service_order(const void *a, const void *b)
{
    return rm_str_cmp(*(const struct rm_str *)a, *(const struct rm_str *)b);
}

static struct rm_str *namespace_services(const struct rm_k8s_namespace *of, struct rm_arena *arena, size_t *out)
{
    size_t n = 0, kept = 0;
    RM_LIST_FOR (node, &of->subs) {
        (void)node;
        n++;
    }
    struct rm_str *all = RM_NEW_ARRAY(arena, struct rm_str, n);
    n = 0;
    RM_LIST_FOR (node, &of->subs)
        all[n++] = rm_container_of(node, struct rm_k8s_sub, link)->service;
    qsort(all, n, sizeof(*all), service_order);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || !rm_str_eq(all[kept - 1], all[i]))
            all[kept++] = all[i];
    *out = kept;
    return all;
}

static void namespace_renew(struct rm_task *task)
{
    struct rm_k8s_namespace *of = rm_container_of(task, struct rm_k8s_namespace, renew);
    struct rm_arena scratch;
    size_t n;
    rm_arena_init(&scratch, NULL);
    const struct rm_str *services = namespace_services(of, &scratch, &n);
    if (of->next && !cover_is(of->next, services, n)) {
        cover_end(of->next);
        of->next = NULL;
    }
    if (n > 0 && !of->next && !(of->live && cover_is(of->live, services, n))) {
        of->next = of->live == &of->covers[0] ? &of->covers[1] : &of->covers[0];
        cover_begin(of->next, services, n);
    }
    rm_arena_fini(&scratch);
}

static void namespace_renew_soon(struct rm_k8s_namespace *of)
{
    if (!of->renew.queued)
        rm_task_queue(of->loop, &of->renew);
}

void rm_k8s_namespace_join(struct rm_k8s_namespace *of, struct rm_k8s_sub *sub)
{
    sub->of = of;
    sub->dirty = true;
    rm_list_push_back(&of->subs, &sub->link);
    namespace_renew_soon(of);
    if (rm_k8s_namespace_watch(sub))
        namespace_hold(of);
}

void rm_k8s_namespace_leave(struct rm_k8s_sub *sub)
{
    if (!sub->of)
        return;
    rm_list_remove(&sub->link);
    namespace_renew_soon(sub->of);
    sub->of = NULL;
}

bool rm_k8s_namespace_is_empty(const struct rm_k8s_namespace *of)
{
    return rm_list_empty(&of->subs);
}

const struct rm_k8s_watch *rm_k8s_namespace_watch(const struct rm_k8s_sub *sub)
{
    const struct cover *live = sub->of->live;
    return live && cover_has(live, sub->service) ? live->watch : NULL;
}

const struct rm_k8s_counts *rm_k8s_namespace_counts(const struct rm_k8s_sub *sub)
{
    const struct rm_k8s_watch *watch = rm_k8s_namespace_watch(sub);
    if (!watch && sub->of->next)
        watch = sub->of->next->watch;
    return watch ? rm_k8s_watch_counts(watch) : NULL;
}

struct rm_str rm_k8s_namespace_name(const struct rm_k8s_namespace *of)
{
    return of->name;
}

struct rm_k8s_namespace *rm_k8s_namespace_new(struct rm_loop *loop, struct rm_api *api,
                                              const struct rm_k8s_times *times, struct rm_str name)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_k8s_namespace *of = RM_NEW(&arena, struct rm_k8s_namespace);
    of->arena = arena;
    of->loop = loop;
    of->api = api;
    of->times = *times;
    of->name = rm_arena_dup(&of->arena, name);
    of->renew.run = namespace_renew;
    of->gather.fire = namespace_gathered;
    rm_list_init(&of->subs);
    for (size_t i = 0; i < RM_COUNT(of->covers); i++)
        of->covers[i] = (struct cover){.owner = {cover_changed, cover_synced, cover_confirmed, cover_failed}, .of = of};
    return of;
}

void rm_k8s_namespace_free(struct rm_k8s_namespace *of)
{
    RM_ASSERT(rm_k8s_namespace_is_empty(of));
    rm_task_cancel(of->loop, &of->renew);
    rm_timer_stop(&of->gather);
    for (size_t i = 0; i < RM_COUNT(of->covers); i++)
        if (of->covers[i].watch)
            cover_end(&of->covers[i]);
    struct rm_arena arena = of->arena;
    rm_arena_fini(&arena);
}
