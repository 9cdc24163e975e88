// Counters of a worker: cells with a name, shared by the old table and the new one while a reload's last requests run.
// SPDX-License-Identifier: Apache-2.0
#include "flow/counts.h"

#include "base/map.h"
#include "flow/backend.h"

#include <math.h>

const uint32_t rm_latency_bounds_us[RM_LATENCY_BOUNDS] = {500,    1000,   2500,   5000,    10000,   25000,   50000,
                                                          100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

// The memory of a table and of the cells that were new in it, given back when no table has any of them.
struct rm_counts_batch {
    struct rm_arena arena; // holds this struct
    uint32_t uses;         // the table itself, and each place of a table that has a cell of it
};

struct rm_counts_cell {
    struct rm_counts counts; // first
    struct rm_counts_batch *batch;
    struct rm_str name;
};

// ---- places ----------------------------------------------------------------------------------------------------------

uint32_t rm_counts_size(const struct rm_plan *plan)
{
    return plan->n_endpoints + plan->n_backends + 1;
}

uint32_t rm_counts_of_endpoint(const struct rm_plan *plan, const struct rm_endpoint *endpoint)
{
    return endpoint ? endpoint->index : plan->n_endpoints + plan->n_backends;
}

uint32_t rm_counts_of_backend(const struct rm_endpoint *endpoint, uint32_t backend)
{
    return endpoint->first_count + backend;
}

struct rm_counts *rm_counts_at(const struct rm_counts_table *table, uint32_t i)
{
    RM_ASSERT(i < table->n);
    return &table->cells[i]->counts;
}

// ---- tables ----------------------------------------------------------------------------------------------------------

static void batch_unref(struct rm_counts_batch *batch)
{
    if (--batch->uses > 0)
        return;
    struct rm_arena arena = batch->arena; // batch lies in it
    rm_arena_fini(&arena);
}

static void table_put(struct rm_counts_table *table, const struct rm_map *known, struct rm_str name)
{
    struct rm_counts_cell *cell = rm_map_get(known, name);
    if (!cell) {
        cell = RM_NEW(&table->batch->arena, struct rm_counts_cell);
        cell->batch = table->batch;
        cell->name = rm_arena_dup(&table->batch->arena, name);
    }
    cell->batch->uses++;
    table->cells[table->n++] = cell;
}

void rm_counts_init(struct rm_counts_table *table, const struct rm_plan *plan, const struct rm_counts_table *before)
{
    struct rm_arena arena, names;
    struct rm_map known;
    rm_arena_init(&arena, NULL);
    rm_arena_init(&names, NULL);
    rm_map_init(&known, &names);
    for (uint32_t i = 0; before && i < before->n; i++)
        *rm_map_put(&known, before->cells[i]->name) = before->cells[i];
    struct rm_counts_batch *batch = RM_NEW(&arena, struct rm_counts_batch);
    *table = (struct rm_counts_table){.batch = batch,
                                      .cells = RM_NEW_ARRAY(&arena, struct rm_counts_cell *, rm_counts_size(plan))};
    batch->arena = arena;
    batch->uses = 1;
    for (uint32_t i = 0; i < plan->n_endpoints; i++) {
        const struct rm_conf_endpoint *conf = plan->endpoints[i].conf;
        table_put(table, &known,
                  rm_arena_printf(&names, "%s %.*s", rm_method_names[conf->method], (int)conf->path.n, conf->path.p));
    }
    for (uint32_t i = 0; i < plan->n_endpoints; i++) {
        for (uint32_t k = 0; k < plan->endpoints[i].n_backends + plan->endpoints[i].n_shadows; k++) {
            struct rm_str name = table->cells[i]->name;
            struct rm_str pattern = plan->endpoints[i].backends[k].conf->url_pattern;
            table_put(table, &known,
                      rm_arena_printf(&names, "%.*s %u %.*s", (int)name.n, name.p, k, (int)pattern.n, pattern.p));
        }
    }
    table_put(table, &known, (struct rm_str){"", 0});
    RM_ASSERT(table->n == rm_counts_size(plan));
    rm_arena_fini(&names);
}

void rm_counts_fini(struct rm_counts_table *table)
{
    for (uint32_t i = 0; i < table->n; i++)
        batch_unref(table->cells[i]->batch);
    batch_unref(table->batch); // the cells' places lie in it
    *table = (struct rm_counts_table){0};
}

// ---- numbers ---------------------------------------------------------------------------------------------------------

void rm_counts_add(struct rm_counts *sum, const struct rm_counts *counts)
{
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)counts;
    for (size_t i = 0; i < RM_COUNTS_NUMBERS; i++)
        to[i] += from[i];
}

void rm_counts_took(struct rm_counts *counts, uint64_t us)
{
    uint32_t i = 0;
    while (i < RM_LATENCY_BOUNDS && us > rm_latency_bounds_us[i])
        i++;
    counts->latency[i]++;
    counts->latency_sum_us += us;
}

uint64_t rm_counts_over(const struct rm_counts *counts)
{
    uint64_t n = 0;
    for (size_t i = 0; i <= RM_LATENCY_BOUNDS; i++)
        n += counts->latency[i];
    return n;
}

double rm_counts_quantile(const struct rm_counts *counts, double share)
{
    double rank = (double)rm_counts_over(counts) * share, below = 0, low_us = 0;
    if (rm_counts_over(counts) == 0)
        return (double)NAN;
    for (size_t i = 0; i < RM_LATENCY_BOUNDS; i++) {
        double here = (double)counts->latency[i], high_us = rm_latency_bounds_us[i];
        if (here > 0 && below + here >= rank)
            return (low_us + (high_us - low_us) * (rank - below) / here) / 1e6;
        below += here;
        low_us = high_us;
    }
    return low_us / 1e6;
}
