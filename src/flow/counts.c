// Counters of a worker: cells with a name, shared by the old table and the new one while a reload's last requests run.
// SPDX-License-Identifier: Apache-2.0
#include "flow/counts.h"

#include "base/map.h"
#include "flow/backend.h"

#include <math.h>
#include <stdlib.h>

const uint32_t rm_latency_bounds_us[RM_LATENCY_BOUNDS] = {500,    1000,   2500,   5000,    10000,   25000,   50000,
                                                          100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

struct rm_counts_cell {
    struct rm_counts counts; // first
    uint32_t uses;           // tables
    struct rm_str name;      // behind it
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

static struct rm_counts_cell *cell_new(struct rm_str name)
{
    struct rm_counts_cell *cell = calloc(1, sizeof(*cell) + name.n + 1);
    if (!cell)
        rm_panic(__FILE__, __LINE__, "out of memory");
    char *copy = (char *)(cell + 1);
    memcpy(copy, name.p, name.n);
    cell->name = (struct rm_str){copy, name.n};
    return cell;
}

static void table_put(struct rm_counts_table *table, const struct rm_map *known, struct rm_str name)
{
    struct rm_counts_cell *cell = rm_map_get(known, name);
    if (!cell)
        cell = cell_new(name);
    cell->uses++;
    table->cells[table->n++] = cell;
}

void rm_counts_init(struct rm_counts_table *table, const struct rm_plan *plan, const struct rm_counts_table *before)
{
    struct rm_arena arena;
    struct rm_map known;
    rm_arena_init(&arena, NULL);
    rm_map_init(&known, &arena);
    for (uint32_t i = 0; before && i < before->n; i++)
        *rm_map_put(&known, before->cells[i]->name) = before->cells[i];
    *table = (struct rm_counts_table){.cells = calloc(rm_counts_size(plan), sizeof(*table->cells))};
    if (!table->cells)
        rm_panic(__FILE__, __LINE__, "out of memory");
    for (uint32_t i = 0; i < plan->n_endpoints; i++) {
        const struct rm_conf_endpoint *conf = plan->endpoints[i].conf;
        table_put(table, &known,
                  rm_arena_printf(&arena, "%s %.*s", rm_method_names[conf->method], (int)conf->path.n, conf->path.p));
    }
    for (uint32_t i = 0; i < plan->n_endpoints; i++) {
        for (uint32_t k = 0; k < plan->endpoints[i].n_backends; k++) {
            struct rm_str name = table->cells[i]->name;
            struct rm_str pattern = plan->endpoints[i].backends[k].conf->url_pattern;
            table_put(table, &known,
                      rm_arena_printf(&arena, "%.*s %u %.*s", (int)name.n, name.p, k, (int)pattern.n, pattern.p));
        }
    }
    table_put(table, &known, (struct rm_str){"", 0});
    RM_ASSERT(table->n == rm_counts_size(plan));
    rm_arena_fini(&arena);
}

void rm_counts_fini(struct rm_counts_table *table)
{
    for (uint32_t i = 0; i < table->n; i++)
        if (--table->cells[i]->uses == 0)
            free(table->cells[i]);
    free(table->cells);
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
