// From a list to levels: which hosts are used before which (pick.h). Runs once for each list.
// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"
#include "pool/pick.h"
#include "pool/snapshot.h"

#include <stdlib.h>

// A rank is what makes a level, best first. From the highest bit: terminating, priority, no weight, not near, not of the subset.
#define RANK_TERMINATING (UINT32_C(1) << 19)
#define RANK_PRIORITY_SHIFT 3
#define RANK_WEIGHTLESS UINT32_C(4)
#define RANK_FAR UINT32_C(2)
#define RANK_REST UINT32_C(1)
#define RANK_TIER (~(RANK_WEIGHTLESS | RANK_FAR | RANK_REST))

struct ranked {
    uint32_t rank, host;
    uint64_t order; // within its rank
};

static int ranked_compare(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

// Where the ranks that are equal under the mask end.
static uint32_t ranked_run(const struct ranked *v, uint32_t n, uint32_t from, uint32_t mask)
{
    uint32_t end = from + 1;
    while (end < n && (v[end].rank & mask) == (v[from].rank & mask))
        end++;
    return end;
}

static bool host_is_ours(const struct rm_host *host, const struct rm_balance *balance)
{
    return balance->zone.n > 0 && rm_str_eq(host->zone, balance->zone);
}

// Marks what is far, tier by tier. Hints first: as kube-proxy, the source only gives them where they are to be used. Then the zone, if
// it has its share of the hosts; else its few would get everybody's calls.
static void rank_zones(struct ranked *v, uint32_t n, const struct rm_snapshot *list, const struct rm_balance *balance)
{
    for (uint32_t from = 0, end; from < n; from = end) {
        end = ranked_run(v, n, from, RANK_TIER);
        uint32_t n_hinted = 0, n_ours = 0;
        for (uint32_t i = from; i < end; i++) {
            n_hinted += list->host[v[i].host].hinted;
            n_ours += host_is_ours(&list->host[v[i].host], balance);
        }
        bool by_zone = balance->zone_rule == RM_ZONE_PREFER && n_ours > 0 &&
                       (uint64_t)n_ours * 100 >= (uint64_t)(end - from) * balance->zone_min_percent;
        if (n_hinted == 0 && !by_zone)
            continue;
        for (uint32_t i = from; i < end; i++) {
            const struct rm_host *host = &list->host[v[i].host];
            if (n_hinted > 0 ? !host->hinted : !host_is_ours(host, balance))
                v[i].rank |= RANK_FAR;
        }
    }
}

// Of each rank the `subset` hosts that suit this pod best by rendezvous hashing; the rest is a reserve.
static void rank_subset(struct ranked *v, uint32_t n, const struct rm_snapshot *list, const struct rm_balance *balance)
{
    for (uint32_t i = 0; i < n; i++)
        v[i].order = rm_hash_mix(rm_host_hash(&list->host[v[i].host]) ^ balance->identity);
    qsort(v, n, sizeof(*v), ranked_compare);
    for (uint32_t from = 0, end; from < n; from = end) {
        end = ranked_run(v, n, from, UINT32_MAX);
        for (uint32_t i = from + balance->subset; i < end; i++)
            v[i].rank |= RANK_REST;
    }
    for (uint32_t i = 0; i < n; i++)
        v[i].order = v[i].host;
}

static void picker_add_level(struct rm_picker *picker, uint32_t from, uint32_t end)
{
    struct rm_picker_level level = {.from = from, .n = end - from, .next = from, .equal = true};
    for (uint32_t i = from; i < end; i++) {
        level.total += picker->slots[i].weight;
        level.equal = level.equal && picker->slots[i].weight == picker->slots[from].weight;
    }
    picker->levels[picker->n_levels++] = level;
}

void rm_picker_sort(struct rm_picker *picker, struct rm_arena *arena)
{
    const struct rm_snapshot *list = picker->list;
    const struct rm_balance *balance = picker->balance;
    uint32_t n = list->n;
    struct ranked *v = RM_NEW_ARRAY(arena, struct ranked, n + (size_t)1);
    for (uint32_t i = 0; i < n; i++) {
        const struct rm_host *host = &list->host[i];
        v[i] = (struct ranked){.host = i, .order = i, .rank = (uint32_t)host->priority << RANK_PRIORITY_SHIFT};
        v[i].rank |= host->state == RM_HOST_TERMINATING ? RANK_TERMINATING : 0;
        v[i].rank |= host->weight == 0 ? RANK_WEIGHTLESS : 0;
    }
    qsort(v, n, sizeof(*v), ranked_compare);
    if (balance->zone_rule != RM_ZONE_OFF)
        rank_zones(v, n, list, balance);
    if (balance->subset > 0)
        rank_subset(v, n, list, balance);
    qsort(v, n, sizeof(*v), ranked_compare);
    picker->n = n;
    picker->slots = RM_NEW_ARRAY(arena, struct rm_picker_slot, n + (size_t)1);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t weight = list->host[v[i].host].weight;
        picker->slots[i] = (struct rm_picker_slot){.host = v[i].host, .weight = weight > 0 ? weight : 1};
    }
    picker->levels = RM_NEW_ARRAY(arena, struct rm_picker_level, n + (size_t)1);
    for (uint32_t from = 0, end; from < n; from = end) {
        end = ranked_run(v, n, from, UINT32_MAX);
        picker_add_level(picker, from, end);
    }
}
