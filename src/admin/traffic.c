// The part of GET /metrics about requests: of each endpoint, and of each backend's calls. Labels come from the configuration alone, so
// that no client can make a series.
// SPDX-License-Identifier: Apache-2.0
#include "admin/local.h"
#include "conf/finding.h"
#include "flow/backend.h"
#include "flow/policies.h"
#include "observe/metrics.h"
#include "policy/breaker.h"

struct traffic {
    const struct rm_admin *admin;
    struct rm_arena *arena;
    struct rm_metrics *metrics;
    double bounds[RM_LATENCY_BOUNDS];
};

// One series' place: its labels, with room for one more, and its numbers.
struct traffic_row {
    struct rm_label labels[RM_METRIC_LABELS];
    size_t n;
    const struct rm_counts *counts;
    const struct rm_backend *backend; // NULL: the endpoint's own
    bool is_shadow; // a shadow backend
};

typedef void (*traffic_write)(struct traffic *, struct traffic_row *);

static void traffic_number(struct traffic *t, const struct traffic_row *row, uint64_t value)
{
    rm_sample(t->metrics, row->labels, row->n, (double)value);
}

static void traffic_codes(struct traffic *t, struct traffic_row *row)
{
    static const struct rm_str names[RM_COUNTS_CLASSES] = {{"none", 4}, {"1xx", 3}, {"2xx", 3},
                                                           {"3xx", 3},  {"4xx", 3}, {"5xx", 3}};
    for (size_t i = 0; i < RM_COUNTS_CLASSES; i++) {
        row->labels[row->n] = (struct rm_label){"code", names[i]};
        if (i != 1 || row->counts->by_class[i] > 0)
            rm_sample(t->metrics, row->labels, row->n + 1, (double)row->counts->by_class[i]);
    }
}

// Timeouts always have a series, the other errors from their first time on.
static void traffic_errors(struct traffic *t, struct traffic_row *row)
{
    for (int code = 1; code < RM_COUNTS_CODES; code++) {
        row->labels[row->n] = (struct rm_label){"error", rm_str_of(rm_code_name(-code))};
        if (-code == RM_ETIMEOUT || row->counts->failed[code] > 0)
            rm_sample(t->metrics, row->labels, row->n + 1, (double)row->counts->failed[code]);
    }
}

// Which of the states it is in: 1. Only backends with a breaker have series.
static void traffic_breaker(struct traffic *t, struct traffic_row *row)
{
    const void *breaker = rm_policies_breaker(row->backend);
    if (!breaker)
        return;
    enum rm_breaker_state state = rm_breaker_state(breaker, rm_loop_now_us(t->admin->loop));
    for (size_t i = 0; i < RM_COUNT(rm_breaker_state_names); i++) {
        row->labels[row->n] = (struct rm_label){"state", rm_str_of(rm_breaker_state_names[i])};
        rm_sample(t->metrics, row->labels, row->n + 1, i == state);
    }
}

static void traffic_latency(struct traffic *t, struct traffic_row *row)
{
    const struct rm_histogram h = {t->bounds, row->counts->latency, RM_LATENCY_BOUNDS,
                                   (double)row->counts->latency_sum_us / 1e6};
    rm_sample_histogram(t->metrics, row->labels, row->n, &h);
}

#define TRAFFIC_NUMBER(name)                                                                                           \
    static void traffic_##name(struct traffic *t, struct traffic_row *row)                                             \
    {                                                                                                                  \
        traffic_number(t, row, row->counts->name);                                                                     \
    }
TRAFFIC_NUMBER(cancelled)
TRAFFIC_NUMBER(incomplete)
TRAFFIC_NUMBER(retries)
TRAFFIC_NUMBER(in_flight)
TRAFFIC_NUMBER(sent_bytes)
TRAFFIC_NUMBER(received_bytes)

static void traffic_dropped(struct traffic *t, struct traffic_row *row)
{
    if (row->is_shadow)
        traffic_number(t, row, row->counts->dropped);
}

struct traffic_family {
    enum rm_metric_kind kind;
    const char *name, *help;
    traffic_write write;
};

static const struct traffic_family traffic_endpoints[] = {
    {RM_COUNTER, "remora_requests_total",
     "Requests to the endpoint that are over, by status class; none: the client heard of none.", traffic_codes},
    {RM_HISTOGRAM, "remora_request_duration_seconds", "From a request's head to its answer's last byte.",
     traffic_latency},
    {RM_GAUGE, "remora_requests_in_flight", "Requests to the endpoint that run.", traffic_in_flight},
    {RM_COUNTER, "remora_request_failures_total", "Requests of which something failed, by the first failure.",
     traffic_errors},
    {RM_COUNTER, "remora_requests_cancelled_total", "Requests whose client went away before it had the answer.",
     traffic_cancelled},
    {RM_COUNTER, "remora_requests_incomplete_total",
     "Requests that were not answered with X-Krakend-Completed: true; no-op endpoints have none.", traffic_incomplete},
    {RM_COUNTER, "remora_request_body_bytes_total", "Bytes of bodies that clients sent.", traffic_received_bytes},
    {RM_COUNTER, "remora_response_body_bytes_total", "Bytes of bodies that clients were sent.", traffic_sent_bytes},
};

static const struct traffic_family traffic_backends[] = {
    {RM_COUNTER, "remora_backend_requests_total",
     "Calls of the backend that are over, by status class; none: there was no answer.", traffic_codes},
    {RM_HISTOGRAM, "remora_backend_request_duration_seconds",
     "From a call's begin to its end, retries and redirects included.", traffic_latency},
    {RM_GAUGE, "remora_backend_requests_in_flight", "Calls of the backend that run.", traffic_in_flight},
    {RM_COUNTER, "remora_backend_failures_total", "Calls that failed, by error.", traffic_errors},
    {RM_GAUGE, "remora_backend_circuit_state", "1 for the state that the backend's circuit breaker is in.",
     traffic_breaker},
    {RM_COUNTER, "remora_backend_cancelled_total", "Calls whose answer nobody wanted any more.", traffic_cancelled},
    {RM_COUNTER, "remora_backend_retries_total", "Attempts after a call's first.", traffic_retries},
    {RM_COUNTER, "remora_backend_shadow_dropped_total",
     "Calls of a shadow backend that were not made: too many ran, or there was no room for the body.", traffic_dropped},
    {RM_COUNTER, "remora_backend_request_body_bytes_total", "Bytes of bodies that the backend was sent.",
     traffic_sent_bytes},
    {RM_COUNTER, "remora_backend_response_body_bytes_total", "Bytes of bodies that the backend answered with.",
     traffic_received_bytes},
};

static const struct traffic_family traffic_others = {
    RM_COUNTER, "remora_requests_unrouted_total",
    "Requests that were no endpoint's, by status class: no such path, refused, health.", traffic_codes};

static void traffic_row_of(const struct traffic *t, const struct rm_endpoint *endpoint, struct traffic_row *row)
{
    const struct rm_plan *plan = t->admin->plan;
    *row = (struct traffic_row){
        .labels = {{"endpoint", endpoint->conf->path}, {"method", rm_str_of(rm_method_names[endpoint->conf->method])}},
        .n = 2,
        .counts = &t->admin->totals->v[rm_counts_of_endpoint(plan, endpoint)]};
}

static void traffic_endpoint(struct traffic *t, const struct rm_endpoint *endpoint, traffic_write write)
{
    struct traffic_row row;
    traffic_row_of(t, endpoint, &row);
    write(t, &row);
}

static void traffic_backend(struct traffic *t, const struct rm_endpoint *endpoint, traffic_write write)
{
    for (uint32_t k = 0; k < endpoint->n_backends + endpoint->n_shadows; k++) {
        struct traffic_row row;
        traffic_row_of(t, endpoint, &row);
        row.labels[row.n++] = (struct rm_label){"backend", rm_arena_printf(t->arena, "%u", k)};
        row.labels[row.n++] =
            (struct rm_label){"url_pattern", rm_url_mask(t->arena, endpoint->backends[k].conf->url_pattern)};
        row.backend = &endpoint->backends[k];
        row.counts = &t->admin->totals->v[rm_counts_of_backend(endpoint, k)];
        row.is_shadow = k >= endpoint->n_backends;
        write(t, &row);
    }
}

static void traffic_families(struct traffic *t, const struct traffic_family *families, size_t n,
                             void (*each)(struct traffic *, const struct rm_endpoint *, traffic_write))
{
    const struct rm_plan *plan = t->admin->plan;
    for (size_t i = 0; i < n; i++) {
        rm_metric(t->metrics, families[i].kind, families[i].name, families[i].help);
        for (uint32_t k = 0; k < plan->n_endpoints; k++)
            each(t, &plan->endpoints[k], families[i].write);
    }
}

void rm_admin_write_traffic(const struct rm_admin *admin, struct rm_arena *arena, struct rm_metrics *metrics)
{
    struct traffic t = {.admin = admin, .arena = arena, .metrics = metrics};
    for (size_t i = 0; i < RM_LATENCY_BOUNDS; i++)
        t.bounds[i] = (double)rm_latency_bounds_us[i] / 1e6;
    rm_admin_take_counts(admin);
    if (!admin->totals->are_known)
        return;
    traffic_families(&t, traffic_endpoints, RM_COUNT(traffic_endpoints), traffic_endpoint);
    traffic_families(&t, traffic_backends, RM_COUNT(traffic_backends), traffic_backend);
    struct traffic_row row = {.counts = &admin->totals->v[rm_counts_of_endpoint(admin->plan, NULL)]};
    rm_metric(metrics, traffic_others.kind, traffic_others.name, traffic_others.help);
    traffic_others.write(&t, &row);
}
