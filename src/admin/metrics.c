// GET /metrics: what discovery does, a series a source and never one a host, and what every process has.
// SPDX-License-Identifier: Apache-2.0
#include "observe/metrics.h"
#include "admin/local.h"
#include "base/map.h"
#include "front/tls.h"
#include "observe/process.h"

#include <math.h>
#include <remora/log.h>
#include <stdio.h>

struct scrape {
    const struct rm_admin *admin;
    struct rm_arena *arena;
    struct rm_metrics metrics;
    struct rm_source_sum *sums; // of the plan's sources
    uint32_t n;
    uint64_t now_us;
    bool is_whole; // every loop has answered
};

static struct rm_label scrape_label(const struct scrape *s, uint32_t source)
{
    return (struct rm_label){"source", rm_admin_source_name(s->admin, source)};
}

// ---- numbers of each source ----------------------------------------------------------------------------------------------

// Hosts come and go, and take their counts with them: a counter must not fall. While a loop's part is missing it stands still.
static uint64_t scrape_grow(const struct scrape *s, struct rm_admin_count *count, uint64_t now)
{
    if (s->is_whole && now < count->seen)
        count->carried += count->seen - now;
    if (s->is_whole || now > count->seen)
        count->seen = now;
    return count->carried + count->seen;
}

// NAN: this source has no such number now.
typedef double (*scrape_number)(const struct scrape *, const struct rm_source_sum *);

static double scrape_up(const struct scrape *s, const struct rm_source_sum *sum)
{
    (void)s;
    return sum->discovery && sum->discovery->state.outcome.code == RM_OK ? 1 : 0;
}

static double scrape_age(const struct scrape *s, const struct rm_source_sum *sum)
{
    uint64_t at_us = sum->discovery ? sum->discovery->state.answered_us : 0;
    return at_us == 0 ? (double)NAN : s->now_us > at_us ? (double)(s->now_us - at_us) / 1e6 : 0;
}

static double scrape_failures(const struct scrape *s, const struct rm_source_sum *sum)
{
    (void)s;
    return sum->discovery ? (double)sum->discovery->state.failures : (double)NAN;
}

static double scrape_changes(const struct scrape *s, const struct rm_source_sum *sum)
{
    (void)s;
    if (!sum->discovery)
        return (double)NAN;
    return sum->discovery->state.list ? (double)sum->discovery->state.list->serial : 0;
}

static double scrape_in_flight(const struct scrape *s, const struct rm_source_sum *sum)
{
    (void)s;
    return (double)sum->in_flight;
}

static struct rm_admin_counts *scrape_counts(const struct scrape *s, const struct rm_source_sum *sum)
{
    return &s->admin->counts[sum - s->sums];
}

static double scrape_requests(const struct scrape *s, const struct rm_source_sum *sum)
{
    return (double)scrape_grow(s, &scrape_counts(s, sum)->requests, sum->picked);
}

static double scrape_host_failures(const struct scrape *s, const struct rm_source_sum *sum)
{
    uint64_t n = 0;
    for (size_t i = 0; i < sum->n; i++)
        n += sum->hosts[i].failures;
    return (double)scrape_grow(s, &scrape_counts(s, sum)->failures, n);
}

static double scrape_ejections(const struct scrape *s, const struct rm_source_sum *sum)
{
    uint64_t n = 0;
    for (size_t i = 0; i < sum->n; i++)
        n += sum->hosts[i].ejections;
    return (double)scrape_grow(s, &scrape_counts(s, sum)->ejections, n);
}

static const struct {
    enum rm_metric_kind kind;
    const char *name, *help;
    scrape_number number;
} scrape_rows[] = {
    {RM_GAUGE, "remora_discovery_up", "1 where the last answer or failure of discovery was an answer.", scrape_up},
    {RM_GAUGE, "remora_discovery_age_seconds",
     "Time since discovery's last good answer; a watch that is quiet does not answer.", scrape_age},
    {RM_GAUGE, "remora_discovery_consecutive_failures", "Failures of discovery since the last good answer.",
     scrape_failures},
    {RM_COUNTER, "remora_discovery_changes_total", "Lists of hosts that differed from the one before.", scrape_changes},
    {RM_GAUGE, "remora_pool_in_flight_requests", "Calls of the source's hosts that are under way.", scrape_in_flight},
    {RM_COUNTER, "remora_pool_requests_total", "Calls of the source's hosts, retries included.", scrape_requests},
    {RM_COUNTER, "remora_pool_failures_total", "Calls that counted against their host.", scrape_host_failures},
    {RM_COUNTER, "remora_pool_ejections_total", "How often a host was taken out because of its failures.",
     scrape_ejections},
};

static void scrape_sources(struct scrape *s)
{
    for (size_t row = 0; row < RM_COUNT(scrape_rows); row++) {
        rm_metric(&s->metrics, scrape_rows[row].kind, scrape_rows[row].name, scrape_rows[row].help);
        for (uint32_t i = 0; i < s->n; i++) {
            double value = scrape_rows[row].number(s, &s->sums[i]);
            struct rm_label label = scrape_label(s, i);
            if (!isnan(value))
                rm_sample(&s->metrics, &label, 1, value);
        }
    }
}

// ---- hosts by state and zone ---------------------------------------------------------------------------------------------

static const struct rm_str scrape_states[] = {{"ready", 5}, {"terminating", 11}, {"ejected", 7}};

struct scrape_zone {
    struct rm_str name;
    uint64_t n[RM_COUNT(scrape_states)];
};

// The first is the unknown one, which is always shown, so that an empty source has series, too.
static size_t scrape_zones(const struct rm_source_sum *sum, struct scrape_zone *zones)
{
    size_t n = 1;
    for (size_t i = 0; i < sum->n; i++) {
        struct rm_str name = sum->hosts[i].host->zone, state = rm_admin_host_state(&sum->hosts[i]);
        size_t at = 0;
        while (at < n && !rm_str_eq(zones[at].name, name))
            at++;
        if (at == n)
            zones[n++].name = name;
        for (size_t k = 0; k < RM_COUNT(scrape_states); k++)
            zones[at].n[k] += rm_str_eq(state, scrape_states[k]);
    }
    return n;
}

static void scrape_hosts(struct scrape *s)
{
    rm_metric(&s->metrics, RM_GAUGE, "remora_discovery_hosts", "Hosts of the source by state and zone.");
    for (uint32_t i = 0; i < s->n; i++) {
        struct scrape_zone *zones = RM_NEW_ARRAY(s->arena, struct scrape_zone, s->sums[i].n + 1);
        size_t n = scrape_zones(&s->sums[i], zones);
        for (size_t z = 0; z < n; z++) {
            for (size_t k = 0; k < RM_COUNT(scrape_states); k++) {
                const struct rm_label labels[] = {
                    scrape_label(s, i), {"state", scrape_states[k]}, {"zone", zones[z].name}};
                if (z == 0 || zones[z].n[k] > 0)
                    rm_sample(&s->metrics, labels, RM_COUNT(labels), (double)zones[z].n[k]);
            }
        }
    }
}

static void scrape_refreshes(struct scrape *s)
{
    rm_metric(&s->metrics, RM_COUNTER, "remora_discovery_refreshes_total",
              "Answers and failures of discovery by outcome.");
    for (uint32_t i = 0; i < s->n; i++) {
        for (int code = 0; s->sums[i].discovery && code < RM_CACHE_OUTCOMES; code++) {
            uint64_t n = s->sums[i].discovery->state.refreshes[code];
            const struct rm_label labels[] = {scrape_label(s, i), {"outcome", rm_str_of(rm_code_name(-code))}};
            if (n > 0 || code == RM_OK)
                rm_sample(&s->metrics, labels, RM_COUNT(labels), (double)n);
        }
    }
}

// ---- the providers' own ----------------------------------------------------------------------------------------------------

static bool scrape_is_counter(const char *name)
{
    static const char end[] = "_total";
    size_t n = strlen(name);
    return n > sizeof(end) - 1 && strcmp(name + n - (sizeof(end) - 1), end) == 0;
}

static const struct rm_sd_number *scrape_number_at(const struct scrape *s, uint32_t source, size_t i)
{
    const struct rm_source_report *report = s->sums[source].discovery;
    return report && i < report->n_numbers ? &report->numbers[i] : NULL;
}

static void scrape_family(struct scrape *s, const char *number_name)
{
    char name[96];
    snprintf(name, sizeof(name), "remora_discovery_%s", number_name);
    rm_metric(&s->metrics, scrape_is_counter(name) ? RM_COUNTER : RM_GAUGE, name,
              "Of the provider; sd/README.md says what it counts.");
    const struct rm_sd_number *number;
    for (uint32_t k = 0; k < s->n; k++) {
        for (size_t i = 0; (number = scrape_number_at(s, k, i)) != NULL; i++) {
            if (strcmp(number->name, number_name) != 0)
                continue;
            const struct rm_label labels[] = {scrape_label(s, k), {number->label, rm_str_of(number->label_value)}};
            rm_sample(&s->metrics, labels, number->label ? 2 : 1, number->value);
        }
    }
}

static void scrape_providers(struct scrape *s)
{
    struct rm_map seen;
    const struct rm_sd_number *number;
    rm_map_init(&seen, s->arena);
    for (uint32_t k = 0; k < s->n; k++) {
        for (size_t i = 0; (number = scrape_number_at(s, k, i)) != NULL; i++) {
            void **is_seen = rm_map_put(&seen, rm_str_of(number->name));
            if (!*is_seen)
                scrape_family(s, number->name);
            *is_seen = s;
        }
    }
}

// ---- the process -----------------------------------------------------------------------------------------------------------

static void scrape_reloads(struct scrape *s)
{
    const struct rm_reload_status *reload = s->admin->reload;
    const struct rm_label good = {"result", RM_STR("success")}, bad = {"result", RM_STR("failure")};
    rm_metric(&s->metrics, RM_COUNTER, "remora_config_reloads_total",
              "Reloads of the configuration by result; the start is none.");
    rm_sample(&s->metrics, &good, 1, (double)reload->good);
    rm_sample(&s->metrics, &bad, 1, (double)reload->bad);
    rm_metric(&s->metrics, RM_GAUGE, "remora_config_last_reload_successful",
              "1 where the last attempt was taken; 0: an older configuration serves.");
    rm_sample(&s->metrics, NULL, 0, reload->failed ? 0 : 1);
    rm_metric(&s->metrics, RM_GAUGE, "remora_config_last_reload_success_timestamp_seconds",
              "When the configuration that serves was taken.");
    rm_sample(&s->metrics, NULL, 0, (double)reload->taken_us / 1e6);
}

static void scrape_clients(struct scrape *s)
{
    const struct rm_front_shared *clients = s->admin->clients;
    const struct rm_label good = {"result", RM_STR("success")}, bad = {"result", RM_STR("failure")};
    rm_metric(&s->metrics, RM_GAUGE, "remora_client_connections", "Connections of clients that are open.");
    rm_sample(&s->metrics, NULL, 0, (double)atomic_load_explicit(&clients->connections, memory_order_relaxed));
    if (!s->admin->world->tls)
        return;
    rm_metric(&s->metrics, RM_COUNTER, "remora_tls_handshakes_total", "Handshakes with clients by result.");
    rm_sample(&s->metrics, &good, 1, (double)atomic_load_explicit(&clients->tls_accepted, memory_order_relaxed));
    rm_sample(&s->metrics, &bad, 1, (double)atomic_load_explicit(&clients->tls_failed, memory_order_relaxed));
    rm_metric(&s->metrics, RM_GAUGE, "remora_tls_certificate_not_after_timestamp_seconds",
              "When the first of the certificates for clients is over.");
    rm_sample(&s->metrics, NULL, 0, (double)rm_tls_not_after(s->admin->world->tls));
}

static void scrape_process(struct scrape *s)
{
    const struct rm_label version = {"version", RM_STR(RM_VERSION)};
    const struct rm_member *m;
    rm_metric(&s->metrics, RM_GAUGE, "remora_build_info", "1; the version is a label.");
    rm_sample(&s->metrics, &version, 1, 1);
    rm_metric(&s->metrics, RM_GAUGE, "remora_ready", "1 while /readyz says so.");
    rm_sample(&s->metrics, NULL, 0, rm_health_is_ready(&s->admin->health) ? 1 : 0);
    rm_metric(&s->metrics, RM_GAUGE, "remora_loop_up",
              "1 where the loop answered this scrape; what the others know is missing from it.");
    for (uint32_t i = 0; (m = rm_admin_member(s->admin, i)) != NULL; i++) {
        const struct rm_label loop = {"loop", rm_str_of(m->name)};
        rm_sample(&s->metrics, &loop, 1, m->is_in ? 1 : 0);
    }
    scrape_clients(s);
    scrape_reloads(s);
    rm_metric(&s->metrics, RM_COUNTER, "remora_log_dropped_lines_total", "Lines of the log that nobody read in time.");
    rm_sample(&s->metrics, NULL, 0, (double)rm_log_dropped());
    rm_process_metrics(&s->metrics);
}

void rm_admin_write_metrics(const struct rm_admin *admin, struct rm_arena *arena, struct rm_buf *out)
{
    struct scrape s = {.admin = admin,
                       .arena = arena,
                       .sums = RM_NEW_ARRAY(arena, struct rm_source_sum, admin->plan->n_sources),
                       .n = admin->plan->n_sources,
                       .now_us = rm_loop_now_us(admin->loop),
                       .is_whole = true};
    const struct rm_member *m;
    for (uint32_t i = 0; (m = rm_admin_member(admin, i)) != NULL; i++)
        s.is_whole &= rm_admin_is_in(admin, m);
    for (uint32_t i = 0; i < s.n; i++)
        rm_admin_sum(admin, i, arena, &s.sums[i]);
    rm_metrics_init(&s.metrics, out);
    scrape_process(&s);
    scrape_hosts(&s);
    scrape_refreshes(&s);
    scrape_sources(&s);
    rm_admin_write_traffic(admin, arena, &s.metrics);
    scrape_providers(&s);
    RM_ASSERT(s.metrics.code == RM_OK); // no cap but memory
}
