// The admin and the probe listener: opened, told what happens, closed.
// SPDX-License-Identifier: Apache-2.0
#include "admin/admin.h"

#include "admin/local.h"

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
    code = rm_front_new(&site->front, admin->loop, admin->plan, NULL, &site->shared, err);
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

int rm_admin_new(struct rm_admin **out, const struct rm_admin_conf *conf, struct rm_err *err)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_admin *admin = RM_NEW(&arena, struct rm_admin);
    admin->arena = arena;
    admin->loop = conf->loop;
    admin->plan = conf->plan;
    admin->n_workers = conf->n_workers;
    admin->counts = RM_NEW_ARRAY(&admin->arena, struct rm_admin_counts, conf->plan->n_sources);
    admin->workers = RM_NEW_ARRAY(&admin->arena, struct rm_worker_report *, conf->n_workers);
    rm_gather_init(&admin->gather, conf->loop);
    rm_discovery_report_init(&admin->discovery, conf->plan, conf->discovery, conf->entries);
    rm_gather_add(&admin->gather, &admin->discovery.member);
    int code = site_open(admin, &admin->admin, &conf->plan->conf->admin, true, err);
    if (code == RM_OK)
        code = site_open(admin, &admin->probes, &conf->plan->conf->probes, false, err);
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
    struct rm_arena arena = admin->arena;
    rm_arena_fini(&arena);
}

// ---- what happens ------------------------------------------------------------------------------------------------------

void rm_admin_add_worker(struct rm_admin *admin, struct rm_worker *worker, uint32_t index)
{
    RM_ASSERT(index < admin->n_workers && !admin->workers[index]);
    struct rm_worker_report *report = RM_NEW(&admin->arena, struct rm_worker_report);
    rm_worker_report_init(report, admin->plan, worker, index);
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

void rm_admin_draining(struct rm_admin *admin)
{
    admin->health.draining = true;
}

// ---- what is in --------------------------------------------------------------------------------------------------------

void rm_admin_sum(const struct rm_admin *admin, uint32_t source, struct rm_arena *arena, struct rm_source_sum *out)
{
    rm_report_sum(&admin->discovery, (const struct rm_worker_report *const *)admin->workers, admin->n_workers, source,
                  arena, out);
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
    return rm_str_of(rm_cache_name(admin->discovery.entries[source]));
}

struct rm_str rm_admin_host_state(const struct rm_host_sum *sum)
{
    if (sum->ejected_until_us > 0)
        return RM_STR("ejected");
    return sum->host->state == RM_HOST_READY ? RM_STR("ready") : RM_STR("terminating");
}
