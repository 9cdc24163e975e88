// Passive health. Every change is one compare-and-swap of the time until which a host is out: of several workers that see the same, one
// wins and the others leave it.
// SPDX-License-Identifier: Apache-2.0
#include "pool/health.h"

#include "base/hash.h"

#define JITTER_PART 4 // up to a quarter of the time is added

static uint64_t load(const _Atomic uint64_t *at)
{
    return atomic_load_explicit(at, memory_order_relaxed);
}

static bool swap(_Atomic uint64_t *at, uint64_t from, uint64_t to)
{
    return atomic_compare_exchange_strong_explicit(at, &from, to, memory_order_relaxed, memory_order_relaxed);
}

bool rm_health_claim(const struct rm_balance *balance, struct rm_host_cell *cell, uint64_t now_us,
                     uint64_t *tried_until_us)
{
    uint64_t until_us = load(&cell->out_until_us);
    *tried_until_us = 0;
    if (until_us == 0)
        return true;
    // A trial that never ends stands in the way of the next one for as long only.
    *tried_until_us = now_us + balance->eject_base_us;
    return until_us <= now_us && swap(&cell->out_until_us, until_us, *tried_until_us);
}

// ---- the share of a tier ---------------------------------------------------------------------------------------------

struct health_tier {
    uint32_t n, n_out;
    bool later_has_one;           // ready and in, in a later tier
    struct rm_host_cell *longest; // of those that are out, the one that may be tried first
};

static struct health_tier health_tier(const struct rm_snapshot *list, uint32_t host, uint64_t now_us)
{
    struct health_tier tier = {0};
    for (uint32_t i = 0; i < list->n; i++) {
        const struct rm_host *other = &list->host[i];
        struct rm_host_cell *cell = list->cell[i];
        bool is_out = rm_cell_is_out(cell, now_us);
        if (other->state != list->host[host].state || other->priority < list->host[host].priority)
            continue;
        if (other->priority > list->host[host].priority) {
            tier.later_has_one |= !is_out;
            continue;
        }
        tier.n++;
        tier.n_out += is_out;
        if (is_out && (!tier.longest || load(&cell->out_until_us) < load(&tier.longest->out_until_us)))
            tier.longest = cell;
    }
    return tier;
}

// The next call may try it, unless it failed just now.
static void health_recall(const struct rm_balance *balance, struct rm_host_cell *cell, uint64_t now_us)
{
    uint64_t until_us = load(&cell->out_until_us);
    if (until_us > now_us && now_us >= load(&cell->failed_us) + balance->eject_base_us)
        (void)swap(&cell->out_until_us, until_us, now_us);
}

static bool is_share(const struct rm_balance *balance, const struct health_tier *tier, uint32_t n_out)
{
    return n_out <= 1 || (uint64_t)n_out * 100 <= (uint64_t)tier->n * balance->eject_max_percent;
}

// False: it has to stay.
static bool health_may_eject(const struct rm_balance *balance, const struct rm_snapshot *list, uint32_t host,
                             enum rm_outcome outcome, uint64_t now_us)
{
    struct health_tier tier = health_tier(list, host, now_us);
    bool is_last = tier.n_out + 1 >= tier.n;
    if (tier.later_has_one ||
        (!is_last && (outcome == RM_OUTCOME_UNREACHABLE || is_share(balance, &tier, tier.n_out + 1))))
        return true;
    if (tier.longest)
        health_recall(balance, tier.longest, now_us);
    return false;
}

// A host does well again. If too many are out, that is a reason to try them.
static void health_recall_all(const struct rm_balance *balance, const struct rm_snapshot *list, uint32_t host,
                              uint64_t now_us)
{
    struct health_tier tier = health_tier(list, host, now_us);
    for (uint32_t i = 0; !is_share(balance, &tier, tier.n_out) && i < list->n; i++)
        health_recall(balance, list->cell[i], now_us);
}

// ---- reports ---------------------------------------------------------------------------------------------------------

static uint64_t health_time(const struct rm_balance *balance, uint32_t times, uint64_t *random)
{
    uint64_t time_us = balance->eject_base_us;
    while (times-- > 0 && time_us < balance->eject_max_us)
        time_us *= 2;
    if (time_us > balance->eject_max_us)
        time_us = balance->eject_max_us;
    return time_us + rm_random_below(random, time_us / JITTER_PART + 1);
}

static enum rm_health_change health_good(const struct rm_balance *balance, const struct rm_snapshot *list,
                                         uint32_t host, uint64_t tried_until_us, uint64_t now_us)
{
    struct rm_host_cell *cell = list->cell[host];
    bool is_out = load(&cell->out_until_us) != 0;
    if (is_out && tried_until_us == 0)
        return RM_HEALTH_SAME; // it began before the host went out
    if (!is_out && atomic_load_explicit(&cell->in_a_row, memory_order_relaxed) == 0)
        return RM_HEALTH_SAME; // as nearly always: nothing is written
    atomic_store_explicit(&cell->in_a_row, 0, memory_order_relaxed);
    atomic_store_explicit(&cell->times, 0, memory_order_relaxed);
    bool is_back = is_out && atomic_exchange_explicit(&cell->out_until_us, 0, memory_order_relaxed);
    if (balance->ejects)
        health_recall_all(balance, list, host, now_us);
    return is_back ? RM_HEALTH_BACK : RM_HEALTH_SAME;
}

enum rm_health_change rm_health_report(const struct rm_balance *balance, const struct rm_snapshot *list, uint32_t host,
                                       uint64_t tried_until_us, enum rm_outcome outcome, uint64_t now_us,
                                       uint64_t *random)
{
    struct rm_host_cell *cell = list->cell[host];
    if (outcome == RM_OUTCOME_NONE)
        return RM_HEALTH_SAME;
    if (outcome == RM_OUTCOME_GOOD)
        return health_good(balance, list, host, tried_until_us, now_us);
    atomic_fetch_add_explicit(&cell->failures, 1, memory_order_relaxed);
    atomic_store_explicit(&cell->failed_us, now_us, memory_order_relaxed);
    uint32_t in_a_row = atomic_fetch_add_explicit(&cell->in_a_row, 1, memory_order_relaxed) + 1;
    if (!balance->ejects)
        return RM_HEALTH_SAME;
    uint64_t until_us = load(&cell->out_until_us);
    if (until_us != tried_until_us)
        return RM_HEALTH_SAME; // it is out already, or has been judged again since this call began
    bool is_trial = tried_until_us != 0;
    if (!is_trial && outcome != RM_OUTCOME_UNREACHABLE && in_a_row < balance->eject_after)
        return RM_HEALTH_SAME;
    if (!is_trial && !health_may_eject(balance, list, host, outcome, now_us))
        return RM_HEALTH_SAME;
    uint32_t times = atomic_load_explicit(&cell->times, memory_order_relaxed);
    if (!swap(&cell->out_until_us, until_us, now_us + health_time(balance, times, random)))
        return RM_HEALTH_SAME;
    atomic_fetch_add_explicit(&cell->times, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&cell->ejections, 1, memory_order_relaxed);
    return is_trial ? RM_HEALTH_SAME : RM_HEALTH_OUT;
}
