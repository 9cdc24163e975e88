// The admin and the probe listener: opened, told what happens, closed.
// SPDX-License-Identifier: Apache-2.0
#include "admin/admin.h"

#include "admin/local.h"
#include "pool/source.h"

#include <remora/log.h>
#include <unistd.h>

// A scraper, a kubelet, people. A listener's own limit: what is crowded here takes no place from the endpoints.
#define ADMIN_CONNECTIONS 64
#define ADMIN_BACKLOG 64

int rm_admin_listen(const struct rm_conf_listen *conf, int fds[2], size_t *n, struct rm_err *err)
{
    *n = 0;
    return conf->port == 0 ? RM_OK : rm_listen(conf->ip, conf->port, ADMIN_BACKLOG, fds, n, err);
}

static int site_open(struct rm_admin *admin, struct rm_admin_site *site, const struct rm_conf_listen *conf, bool all,
                     struct rm_err *err)
{
    struct rm_err why = {0};
    int code = rm_admin_listen(conf, site->fds, &site->shared.n_listeners, &why);
    if (code != RM_OK && conf->is_default) {
        rm_log(RM_WARNING, "no admin listener: %s; extra_config.remora.admin.listen names another address, or none",
               why.text);
        return RM_OK;
    }
    if (code != RM_OK)
        return rm_fail(err, code, "%s listener: %s", all ? "admin" : "probe", why.text);
    if (site->shared.n_listeners == 0)
        return RM_OK;
    site->pages = rm_admin_pages(admin, all);
    site->shared.pages = &site->pages;
    site->shared.listeners = site->fds;
    site->shared.max_connections = ADMIN_CONNECTIONS;
    site->shared.n_workers = 1;
    code = rm_front_new(&site->front, admin->loop, admin->world, NULL, &site->shared, err);
    if (code == RM_OK)
        rm_log(RM_DEBUG, "%s listener address=%.*s port=%u", all ? "admin" : "probe", (int)conf->ip.n, conf->ip.p,
               conf->port);
    return code;
}

static void site_close(struct rm_admin_site *site)
{
    rm_front_free(site->front);
    for (size_t i = 0; i < site->shared.n_listeners; i++)
        close(site->fds[i]);
}

static struct rm_admin_totals *admin_new_totals(const struct rm_plan *plan, struct rm_arena *arena)
{
    struct rm_admin_totals *totals = RM_NEW(arena, struct rm_admin_totals);
    totals->v = RM_NEW_ARRAY(arena, struct rm_counts, rm_counts_size(plan));
    return totals;
}

int rm_admin_new(struct rm_admin **out, const struct rm_admin_conf *conf, struct rm_err *err)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_admin *admin = RM_NEW(&arena, struct rm_admin);
    admin->arena = arena;
    admin->loop = conf->loop;
    admin->world = rm_world_ref(conf->world);
    admin->plan = conf->world->plan;
    admin->reload = conf->reload;
    admin->clients = conf->clients;
    admin->n_workers = conf->n_workers;
    rm_arena_init(&admin->of_world, NULL);
    admin->counts = RM_NEW_ARRAY(&admin->of_world, struct rm_admin_counts, admin->plan->n_sources);
    admin->totals = admin_new_totals(admin->plan, &admin->of_world);
    admin->workers = RM_NEW_ARRAY(&admin->arena, struct rm_worker_report *, conf->n_workers);
    rm_gather_init(&admin->gather, conf->loop);
    rm_discovery_report_init(&admin->discovery, conf->world, conf->discovery);
    rm_gather_add(&admin->gather, &admin->discovery.member);
    int code = site_open(admin, &admin->admin, &admin->plan->conf->admin, true, err);
    if (code == RM_OK)
        code = site_open(admin, &admin->probes, &admin->plan->conf->probes, false, err);
    if (code != RM_OK) {
        rm_admin_free(admin);
        return code;
    }
    *out = admin;
    return RM_OK;
}

void rm_admin_free(struct rm_admin *admin)
{
    if (!admin)
        return;
    site_close(&admin->admin);
    site_close(&admin->probes);
    rm_gather_fini(&admin->gather);
    rm_discovery_report_fini(&admin->discovery);
    rm_world_unref(admin->world);
    rm_arena_fini(&admin->of_world);
    struct rm_arena arena = admin->arena;
    rm_arena_fini(&arena);
}

// ---- what happens ------------------------------------------------------------------------------------------------------

void rm_admin_add_worker(struct rm_admin *admin, struct rm_worker *worker, uint32_t index)
{
    RM_ASSERT(index < admin->n_workers && !admin->workers[index]);
    struct rm_worker_report *report = RM_NEW(&admin->arena, struct rm_worker_report);
    rm_worker_report_init(report, worker, index);
    admin->workers[index] = report;
    rm_gather_add(&admin->gather, &report->member);
}

void rm_admin_worker_gone(struct rm_admin *admin, uint32_t index)
{
    rm_gather_remove(&admin->gather, &admin->workers[index]->member);
    admin->workers[index] = NULL;
}

void rm_admin_serving(struct rm_admin *admin)
{
    admin->health.serving = true;
}

void rm_admin_answered(struct rm_admin *admin, bool all)
{
    admin->health.answered = true;
    admin->health.late = !all;
}

// Counters of a source must not fall because of a reload.
static struct rm_admin_counts *admin_carry_counts(const struct rm_admin *admin, const struct rm_plan *plan,
                                                  struct rm_arena *arena)
{
    struct rm_admin_counts *counts = RM_NEW_ARRAY(arena, struct rm_admin_counts, plan->n_sources);
    for (uint32_t i = 0; i < plan->n_sources; i++)
        for (uint32_t k = 0; k < admin->plan->n_sources; k++)
            if (rm_source_same(&plan->sources[i], &admin->plan->sources[k]))
                counts[i] = admin->counts[k];
    return counts;
}

static void site_change(struct rm_admin_site *site, struct rm_world *world)
{
    if (site->front)
        rm_front_change(site->front, world, NULL);
}

void rm_admin_change(struct rm_admin *admin, struct rm_world *world)
{
    struct rm_world *before = admin->world;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    admin->counts = admin_carry_counts(admin, world->plan, &arena);
    admin->totals = admin_new_totals(world->plan, &arena);
    rm_arena_fini(&admin->of_world);
    admin->of_world = arena;
    admin->world = rm_world_ref(world);
    admin->plan = world->plan;
    rm_discovery_report_change(&admin->discovery, world);
    site_change(&admin->admin, world);
    site_change(&admin->probes, world);
    rm_world_unref(before);
}

void rm_admin_draining(struct rm_admin *admin)
{
    admin->health.draining = true;
}

// ---- what is in --------------------------------------------------------------------------------------------------------

void rm_admin_sum(const struct rm_admin *admin, uint32_t source, struct rm_arena *arena, struct rm_source_sum *out)
{
    rm_report_sum(admin->world, &admin->discovery, (const struct rm_worker_report *const *)admin->workers,
                  admin->n_workers, source, arena, out);
}

bool rm_admin_is_in(const struct rm_admin *admin, const struct rm_member *m)
{
    if (!m->is_in)
        return false;
    return m == &admin->discovery.member ? admin->discovery.filled == admin->world
                                         : ((const struct rm_worker_report *)m)->filled == admin->world;
}

void rm_admin_take_counts(const struct rm_admin *admin)
{
    uint32_t n = rm_counts_size(admin->plan), n_running = 0;
    for (uint32_t i = 0; i < admin->n_workers; i++) {
        n_running += admin->workers[i] != NULL;
        if (admin->workers[i] && !(rm_admin_is_in(admin, &admin->workers[i]->member) && admin->workers[i]->counts))
            return;
    }
    if (n_running < admin->n_workers) // before the start, and at the end
        return;
    admin->totals->are_known = true;
    memset(admin->totals->v, 0, n * sizeof(*admin->totals->v));
    for (uint32_t i = 0; i < admin->n_workers; i++)
        for (uint32_t k = 0; k < n; k++)
            rm_counts_add(&admin->totals->v[k], &admin->workers[i]->counts[k]);
}

const struct rm_member *rm_admin_member(const struct rm_admin *admin, uint32_t i)
{
    if (i == 0)
        return &admin->discovery.member;
    for (uint32_t k = 0; k < admin->n_workers; k++)
        if (admin->workers[k] && --i == 0)
            return &admin->workers[k]->member;
    return NULL;
}

struct rm_str rm_admin_source_name(const struct rm_admin *admin, uint32_t source)
{
    return rm_str_of(rm_cache_name(admin->world->entries[source]));
}

struct rm_str rm_admin_host_state(const struct rm_host_sum *sum)
{
    if (sum->ejected_until_us > 0)
        return RM_STR("ejected");
    return sum->host->state == RM_HOST_READY ? RM_STR("ready") : RM_STR("terminating");
}
