// GET /__stats: the counts of each endpoint and its backends since the start, as JSON for who does not read Prometheus's format:
// {"endpoints": [{"method", "endpoint", counts…, "backends": [{"backend", "url_pattern", counts…}]}]}. Counts are whole numbers and grow,
// but in_flight; the list is empty until all workers have told; latencies are seconds, null where nothing is over yet.
// SPDX-License-Identifier: Apache-2.0
#include "admin/local.h"
#include "conf/finding.h"
#include "flow/backend.h"

#include <math.h>
#include <remora/value.h>

struct stats {
    const struct rm_admin *admin;
    struct rm_arena *arena;
};

static void stats_set(struct stats *s, struct rm_value *object, const char *name, struct rm_value *value)
{
    rm_value_set(s->arena, object, rm_str_of(name), value);
}

static void stats_count(struct stats *s, struct rm_value *object, const char *name, uint64_t n)
{
    stats_set(s, object, name, rm_value_integer(s->arena, (int64_t)n));
}

static void stats_text(struct stats *s, struct rm_value *object, const char *name, struct rm_str text)
{
    stats_set(s, object, name, rm_value_string(s->arena, text));
}

static void stats_seconds(struct stats *s, struct rm_value *object, const char *name, double seconds)
{
    stats_set(s, object, name,
              isnan(seconds) ? rm_value_new(s->arena, RM_NULL)
                             : rm_value_number(s->arena, rm_arena_printf(s->arena, "%.6f", seconds)));
}

static struct rm_value *stats_codes(struct stats *s, const struct rm_counts *counts)
{
    static const char *const names[RM_COUNTS_CLASSES] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
    struct rm_value *object = rm_value_new(s->arena, RM_OBJECT);
    for (size_t i = 0; i < RM_COUNTS_CLASSES; i++)
        stats_count(s, object, names[i], counts->by_class[i]);
    return object;
}

static struct rm_value *stats_errors(struct stats *s, const struct rm_counts *counts)
{
    struct rm_value *object = rm_value_new(s->arena, RM_OBJECT);
    for (int code = 1; code < RM_COUNTS_CODES; code++)
        if (counts->failed[code] > 0)
            stats_count(s, object, rm_code_name(-code), counts->failed[code]);
    return object;
}

static struct rm_value *stats_latency(struct stats *s, const struct rm_counts *counts)
{
    struct rm_value *object = rm_value_new(s->arena, RM_OBJECT);
    uint64_t n = rm_counts_over(counts);
    stats_seconds(s, object, "mean", n > 0 ? (double)counts->latency_sum_us / 1e6 / (double)n : (double)NAN);
    stats_seconds(s, object, "p50", rm_counts_quantile(counts, 0.5));
    stats_seconds(s, object, "p90", rm_counts_quantile(counts, 0.9));
    stats_seconds(s, object, "p99", rm_counts_quantile(counts, 0.99));
    return object;
}

static void stats_fill(struct stats *s, struct rm_value *object, const struct rm_counts *counts)
{
    stats_count(s, object, "requests", rm_counts_over(counts));
    stats_count(s, object, "in_flight", counts->in_flight);
    stats_set(s, object, "codes", stats_codes(s, counts));
    stats_set(s, object, "errors", stats_errors(s, counts));
    stats_count(s, object, "cancelled", counts->cancelled);
    stats_count(s, object, "sent_bytes", counts->sent_bytes);
    stats_count(s, object, "received_bytes", counts->received_bytes);
    stats_set(s, object, "latency_seconds", stats_latency(s, counts));
}

static struct rm_value *stats_backend(struct stats *s, const struct rm_endpoint *endpoint, uint32_t k)
{
    const struct rm_counts *counts = &s->admin->totals->v[rm_counts_of_backend(endpoint, k)];
    struct rm_value *object = rm_value_new(s->arena, RM_OBJECT);
    stats_count(s, object, "backend", k);
    stats_text(s, object, "url_pattern", rm_url_mask(s->arena, endpoint->backends[k].conf->url_pattern));
    stats_fill(s, object, counts);
    stats_count(s, object, "retries", counts->retries);
    if (k >= endpoint->n_backends)
        stats_count(s, object, "shadow_dropped", counts->dropped);
    return object;
}

static struct rm_value *stats_endpoint(struct stats *s, const struct rm_endpoint *endpoint)
{
    const struct rm_counts *counts = &s->admin->totals->v[rm_counts_of_endpoint(s->admin->plan, endpoint)];
    struct rm_value *object = rm_value_new(s->arena, RM_OBJECT), *backends = rm_value_new(s->arena, RM_ARRAY);
    stats_text(s, object, "method", rm_str_of(rm_method_names[endpoint->conf->method]));
    stats_text(s, object, "endpoint", endpoint->conf->path);
    stats_fill(s, object, counts);
    stats_count(s, object, "incomplete", counts->incomplete);
    for (uint32_t k = 0; k < endpoint->n_backends + endpoint->n_shadows; k++)
        rm_value_append(backends, stats_backend(s, endpoint, k));
    stats_set(s, object, "backends", backends);
    return object;
}

void rm_admin_write_stats(const struct rm_admin *admin, struct rm_arena *arena, struct rm_buf *out)
{
    struct stats s = {admin, arena};
    struct rm_value *document = rm_value_new(arena, RM_OBJECT), *endpoints = rm_value_new(arena, RM_ARRAY);
    rm_admin_take_counts(admin);
    for (uint32_t i = 0; admin->totals->are_known && i < admin->plan->n_endpoints; i++)
        rm_value_append(endpoints, stats_endpoint(&s, &admin->plan->endpoints[i]));
    stats_set(&s, document, "endpoints", endpoints);
    int code = rm_json_write(arena, document, out);
    RM_ASSERT(code == RM_OK); // no cap but memory
    code = rm_buf_append(out, RM_STR("\n"));
    RM_ASSERT(code == RM_OK);
}
