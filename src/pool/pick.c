// Smooth weighted round robin, as nginx has it: each pick adds its weight to every host's credit, takes the host with the most
// and charges it the sum of the weights. With equal weights that is plain round robin, which is done without the scan.
// SPDX-License-Identifier: Apache-2.0
#include "pool/pick.h"

#include "pool/snapshot.h"

// Is a of a better tier than b? Ready before terminating, then by priority.
static bool tier_before(const struct rm_host *a, const struct rm_host *b)
{
    bool a_ready = a->state == RM_HOST_READY, b_ready = b->state == RM_HOST_READY;
    return a_ready != b_ready ? a_ready : a->priority < b->priority;
}

static void picker_take_tier(struct rm_picker *picker, struct rm_arena *arena)
{
    const struct rm_snapshot *list = picker->list;
    const struct rm_host *best = list->n ? &list->host[0] : NULL;
    for (uint32_t i = 1; i < list->n; i++)
        if (tier_before(&list->host[i], best))
            best = &list->host[i];
    picker->slots = RM_NEW_ARRAY(arena, struct rm_picker_slot, list->n);
    picker->equal = true;
    for (uint32_t i = 0; i < list->n; i++) {
        const struct rm_host *host = &list->host[i];
        if (tier_before(best, host))
            continue;
        picker->slots[picker->n] = (struct rm_picker_slot){.host = i, .weight = host->weight};
        if (host->weight != picker->slots[0].weight)
            picker->equal = false;
        picker->n++;
    }
}

static const struct rm_host *slot_host(const struct rm_picker *picker, uint32_t slot)
{
    return &picker->list->host[picker->slots[slot].host];
}

static uint64_t picker_total(const struct rm_picker *picker)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < picker->n; i++)
        total += picker->slots[i].weight;
    return total;
}

// ---- taking over -----------------------------------------------------------------------------------------------------

#define NOWHERE UINT32_MAX

// For each slot of old: the slot of the same host in picker, or NOWHERE. The first of two equal hosts goes to the first.
static uint32_t *match_slots(const struct rm_picker *picker, struct rm_arena *arena, const struct rm_picker *old)
{
    uint32_t *to = rm_arena_alloc(arena, rm_mul_size(old->n, sizeof(*to)));
    bool *taken = RM_NEW_ARRAY(arena, bool, picker->n);
    uint32_t from = 0; // lists mostly keep their order: the search begins behind the last match
    for (uint32_t i = 0; i < old->n; i++) {
        to[i] = NOWHERE;
        for (uint32_t tried = 0; tried < picker->n && to[i] == NOWHERE; tried++) {
            uint32_t at = (from + tried) % picker->n;
            if (!taken[at] && rm_host_same(slot_host(old, i), slot_host(picker, at)))
                to[i] = at;
        }
        if (to[i] != NOWHERE) {
            taken[to[i]] = true;
            from = to[i] + 1;
        }
    }
    return to;
}

// The turn goes to the first host, from the one whose turn it was, that is still there.
static void take_over_turn(struct rm_picker *picker, const struct rm_picker *old, const uint32_t *to)
{
    for (uint32_t i = 0; i < old->n; i++) {
        uint32_t at = to[(old->next + i) % old->n];
        if (at != NOWHERE) {
            picker->next = at;
            return;
        }
    }
}

// Credits in proportion to the new sum of weights, and adding up to zero as the algorithm has them: what a change of weights
// would make large else would give one host many turns in a row.
static void take_over_credit(struct rm_picker *picker, const struct rm_picker *old, const uint32_t *to)
{
    int64_t old_total = (int64_t)picker_total(old), total = (int64_t)picker_total(picker), sum = 0;
    for (uint32_t i = 0; i < old->n; i++) {
        if (to[i] == NOWHERE)
            continue;
        __int128 credit = (__int128)old->slots[i].current * total / old_total;
        picker->slots[to[i]].current = (int64_t)credit;
        sum += (int64_t)credit;
    }
    for (uint32_t i = 0; i < picker->n; i++) {
        int64_t share = sum / (int64_t)(picker->n - i);
        picker->slots[i].current -= share;
        sum -= share;
    }
}

void rm_picker_init(struct rm_picker *picker, struct rm_arena *arena, const struct rm_snapshot *list,
                    const struct rm_picker *old, uint32_t start)
{
    *picker = (struct rm_picker){.list = list};
    picker_take_tier(picker, arena);
    if (picker->n < 2)
        return;
    if (picker->equal)
        picker->next = start % picker->n;
    if (old && old->n > 0 && old->equal == picker->equal) {
        const uint32_t *to = match_slots(picker, arena, old);
        if (picker->equal)
            take_over_turn(picker, old, to);
        else
            take_over_credit(picker, old, to);
    } else if (!picker->equal) {
        for (uint32_t i = start % picker->n; i > 0; i--)
            (void)rm_picker_next(picker, NULL, 0);
    }
}

// ---- picking ---------------------------------------------------------------------------------------------------------

static bool is_avoided(const struct rm_host *host, const struct rm_host *const *avoid, size_t n_avoid)
{
    for (size_t i = 0; i < n_avoid; i++)
        if (rm_host_same(host, avoid[i]))
            return true;
    return false;
}

// The next one in turn that is not avoided; NOWHERE: there is none.
static uint32_t pick_in_turn(struct rm_picker *picker, const struct rm_host *const *avoid, size_t n_avoid)
{
    uint32_t at = picker->next;
    for (uint32_t tried = 0; tried < picker->n; tried++) {
        uint32_t after = at + 1 < picker->n ? at + 1 : 0;
        if (!n_avoid || !is_avoided(slot_host(picker, at), avoid, n_avoid)) {
            picker->next = after;
            return at;
        }
        at = after;
    }
    return NOWHERE;
}

// The one with the most credit that has a weight and is not avoided; those left out neither gain nor pay.
static uint32_t pick_by_credit(struct rm_picker *picker, const struct rm_host *const *avoid, size_t n_avoid)
{
    uint32_t best = NOWHERE;
    int64_t total = 0;
    for (uint32_t i = 0; i < picker->n; i++) {
        struct rm_picker_slot *slot = &picker->slots[i];
        if (slot->weight == 0 || (n_avoid && is_avoided(slot_host(picker, i), avoid, n_avoid)))
            continue;
        slot->current += slot->weight;
        total += slot->weight;
        if (best == NOWHERE || slot->current > picker->slots[best].current)
            best = i;
    }
    if (best != NOWHERE)
        picker->slots[best].current -= total;
    return best;
}

const struct rm_host *rm_picker_next(struct rm_picker *picker, const struct rm_host *const *avoid, size_t n_avoid)
{
    if (picker->n < 2)
        return picker->n ? slot_host(picker, 0) : NULL;
    uint32_t at = NOWHERE;
    if (!picker->equal)
        at = pick_by_credit(picker, avoid, n_avoid);
    if (at == NOWHERE) // equal weights; or only hosts of weight 0 are left
        at = pick_in_turn(picker, avoid, n_avoid);
    if (at == NOWHERE)
        return rm_picker_next(picker, NULL, 0);
    return slot_host(picker, at);
}
