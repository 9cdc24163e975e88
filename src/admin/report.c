// Filling reports on the threads that know, and adding them up. A report owns an arena and references to lists until it is cleared.
// SPDX-License-Identifier: Apache-2.0
#include "admin/report.h"

#include "pool/snapshot.h"

#include <stdio.h>

// ---- discovery -------------------------------------------------------------------------------------------------------

static void discovery_fill(struct rm_member *m, bool everything)
{
    struct rm_discovery_report *report = (struct rm_discovery_report *)m;
    if (!everything)
        return;
    rm_arena_init(&report->arena, NULL);
    report->filled = rm_world_ref(report->world);
    uint32_t n = report->filled->plan->n_sources;
    report->sources = RM_NEW_ARRAY(&report->arena, struct rm_source_report, n);
    for (uint32_t i = 0; i < n; i++) {
        struct rm_source_report *source = &report->sources[i];
        rm_cache_look(report->filled->entries[i], &source->state);
        if (source->state.list)
            source->state.list = rm_snapshot_ref(source->state.list);
        source->n_numbers = rm_cache_numbers(report->filled->entries[i], source->numbers, RM_REPORT_NUMBERS);
    }
}

static void discovery_clear(struct rm_member *m)
{
    struct rm_discovery_report *report = (struct rm_discovery_report *)m;
    if (!report->sources)
        return;
    for (uint32_t i = 0; i < report->filled->plan->n_sources; i++)
        rm_snapshot_unref(report->sources[i].state.list);
    report->sources = NULL;
    rm_world_unref(report->filled);
    rm_arena_fini(&report->arena);
}

static void discovery_change(struct rm_msg *msg)
{
    struct rm_world *world = rm_container_of(msg, struct rm_world, told);
    struct rm_discovery_report *report = world->report;
    struct rm_world *before = report->world;
    report->world = world;
    rm_world_unref(before);
}

void rm_discovery_report_init(struct rm_discovery_report *report, struct rm_world *world, struct rm_loop *loop)
{
    *report = (struct rm_discovery_report){
        .member = {.loop = loop, .fill = discovery_fill, .clear = discovery_clear, .name = "discovery"},
        .world = rm_world_ref(world)};
}

void rm_discovery_report_change(struct rm_discovery_report *report, struct rm_world *world)
{
    rm_world_ref(world);
    world->report = report;
    world->told.deliver = discovery_change;
    rm_loop_post(report->member.loop, &world->told);
}

void rm_discovery_report_fini(struct rm_discovery_report *report)
{
    rm_world_unref(report->world);
}

// ---- workers -----------------------------------------------------------------------------------------------------------

static void worker_fill(struct rm_member *m, bool everything)
{
    struct rm_worker_report *report = (struct rm_worker_report *)m;
    if (!everything)
        return;
    const struct rm_flow *flow = rm_worker_flow(report->worker);
    rm_arena_init(&report->arena, NULL);
    report->filled = rm_world_ref(rm_worker_world(report->worker));
    const struct rm_counts_table *table = rm_flow_counts(flow);
    report->counts = RM_NEW_ARRAY(&report->arena, struct rm_counts, table->n);
    for (uint32_t i = 0; i < table->n; i++)
        report->counts[i] = *rm_counts_at(table, i);
    uint32_t n = report->filled->plan->n_views;
    report->views = RM_NEW_ARRAY(&report->arena, struct rm_view_report, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct rm_pool_view *view = rm_flow_view(flow, i);
        struct rm_view_report *out = &report->views[i];
        out->list = rm_pool_view_list(view);
        out->picked = view->picked;
        if (!out->list || out->list->n == 0)
            continue;
        out->looks = RM_NEW_ARRAY(&report->arena, struct rm_host_look, out->list->n);
        out->n = rm_pool_view_look(view, out->looks, out->list->n);
    }
}

static void worker_clear(struct rm_member *m)
{
    struct rm_worker_report *report = (struct rm_worker_report *)m;
    if (!report->views)
        return;
    for (uint32_t i = 0; i < report->filled->plan->n_views; i++)
        rm_snapshot_unref(report->views[i].list);
    report->views = NULL;
    report->counts = NULL;
    rm_world_unref(report->filled);
    rm_arena_fini(&report->arena);
}

void rm_worker_report_init(struct rm_worker_report *report, struct rm_worker *worker, uint32_t index)
{
    *report = (struct rm_worker_report){
        .member = {.loop = rm_worker_loop(worker), .fill = worker_fill, .clear = worker_clear}, .worker = worker};
    snprintf(report->name, sizeof(report->name), "worker-%u", index);
    report->member.name = report->name;
}

// ---- sums --------------------------------------------------------------------------------------------------------------

static struct rm_host_sum *sum_of(struct rm_source_sum *sum, const struct rm_snapshot *base,
                                  const struct rm_snapshot *list, const struct rm_host *host)
{
    if (list == base && host >= base->host && host < base->host + base->n)
        return &sum->hosts[host - base->host];
    for (size_t i = 0; i < sum->n; i++) // for the moment in which a worker has not taken the newest list
        if (rm_host_same(sum->hosts[i].host, host))
            return &sum->hosts[i];
    return NULL;
}

static void sum_add(struct rm_source_sum *sum, const struct rm_snapshot *base, const struct rm_view_report *view)
{
    sum->picked += view->picked;
    for (size_t i = 0; i < view->n; i++) {
        const struct rm_host_look *look = &view->looks[i];
        sum->in_flight += look->in_flight;
        struct rm_host_sum *host = sum_of(sum, base, view->list, look->host);
        if (!host)
            continue;
        host->in_flight += look->in_flight;
        host->picked += look->picked;
        // All workers tell the same of these; the latest counts.
        host->failures = look->failures > host->failures ? look->failures : host->failures;
        host->ejections = look->ejections > host->ejections ? look->ejections : host->ejections;
        if (look->ejected_until_us > host->ejected_until_us)
            host->ejected_until_us = look->ejected_until_us;
    }
}

// NULL: it has ended. What is away belongs to the worker.
static bool worker_is_in(const struct rm_worker_report *report, const struct rm_world *world)
{
    return report && report->member.is_in && report->views && report->filled == world;
}

void rm_report_sum(const struct rm_world *world, const struct rm_discovery_report *discovery,
                   const struct rm_worker_report *const *workers, size_t n_workers, uint32_t source,
                   struct rm_arena *arena, struct rm_source_sum *out)
{
    bool is_in = discovery->member.is_in && discovery->sources && discovery->filled == world;
    const struct rm_plan *plan = world->plan;
    *out = (struct rm_source_sum){.discovery = is_in ? &discovery->sources[source] : NULL};
    const struct rm_snapshot *base = out->discovery ? out->discovery->state.list : NULL;
    for (size_t i = 0; !is_in && i < n_workers; i++)
        for (uint32_t v = 0; !base && worker_is_in(workers[i], world) && v < plan->n_views; v++)
            base = plan->views[v].source == source ? workers[i]->views[v].list : NULL;
    if (base) {
        out->n = base->n;
        out->hosts = RM_NEW_ARRAY(arena, struct rm_host_sum, base->n);
        for (uint32_t i = 0; i < base->n; i++)
            out->hosts[i].host = &base->host[i];
    }
    for (size_t i = 0; i < n_workers; i++)
        for (uint32_t v = 0; worker_is_in(workers[i], world) && v < plan->n_views; v++)
            if (plan->views[v].source == source)
                sum_add(out, base, &workers[i]->views[v]);
}
