// The balancers. Smooth weighted round robin as nginx has it: each pick adds its weight to every host's credit, takes the host with the
// most and charges it the sum of the weights; with equal weights that is plain round robin, which is done without the scan. Random
// choices and the two of least_request are drawn by weight; hash is weighted rendezvous hashing.
// SPDX-License-Identifier: Apache-2.0
#include "pool/pick.h"

#include "base/hash.h"
#include "pool/health.h"
#include "pool/snapshot.h"

#include <math.h>

#define PICK_DRAWS 4 // before the usable ones are counted

static const struct rm_host *slot_host(const struct rm_picker *picker, uint32_t slot)
{
    return &picker->list->host[picker->slots[slot].host];
}

static struct rm_host_cell *slot_cell(const struct rm_picker *picker, uint32_t slot)
{
    return picker->list->cell[picker->slots[slot].host];
}

static uint64_t slot_out_until(const struct rm_picker *picker, uint32_t slot)
{
    return atomic_load_explicit(&slot_cell(picker, slot)->out_until_us, memory_order_relaxed);
}

// ---- who may be taken ------------------------------------------------------------------------------------------------

struct picking {
    struct rm_picker *picker;
    const struct rm_pick_ask *ask;
    bool takes_out, takes_tried; // when there is no other
};

static bool is_tried(const struct rm_host *host, const struct rm_pick_ask *ask)
{
    for (size_t i = 0; i < ask->n_avoid; i++) {
        if (rm_host_same(host, ask->avoid[i]))
            return true;
    }
    return false;
}

static bool slot_fits(const struct picking *p, uint32_t slot)
{
    if (!p->takes_out && rm_cell_is_out(slot_cell(p->picker, slot), p->ask->now_us))
        return false;
    return p->ask->n_avoid == 0 || p->takes_tried || !is_tried(slot_host(p->picker, slot), p->ask);
}

// ---- round robin -----------------------------------------------------------------------------------------------------

static uint32_t pick_in_turn(const struct picking *p, struct rm_picker_level *level)
{
    uint32_t at = level->next, end = level->from + level->n;
    for (uint32_t tried = 0; tried < level->n; tried++) {
        uint32_t after = at + 1 < end ? at + 1 : level->from;
        if (slot_fits(p, at)) {
            level->next = after;
            return at;
        }
        at = after;
    }
    return RM_NO_SLOT;
}

// The one with the most credit; those left out neither gain nor pay.
static uint32_t pick_by_credit(const struct picking *p, const struct rm_picker_level *level)
{
    struct rm_picker_slot *slots = p->picker->slots;
    uint32_t best = RM_NO_SLOT;
    int64_t total = 0;
    for (uint32_t i = level->from; i < level->from + level->n; i++) {
        if (!slot_fits(p, i))
            continue;
        slots[i].current += slots[i].weight;
        total += slots[i].weight;
        if (best == RM_NO_SLOT || slots[i].current > slots[best].current)
            best = i;
    }
    if (best != RM_NO_SLOT)
        slots[best].current -= total;
    return best;
}

// ---- chance ----------------------------------------------------------------------------------------------------------

// Any slot, by weight.
static uint32_t draw(const struct picking *p, const struct rm_picker_level *level)
{
    const struct rm_picker *picker = p->picker;
    if (level->equal)
        return level->from + (uint32_t)rm_random_below(picker->random, level->n);
    uint64_t point = rm_random_below(picker->random, level->total);
    uint32_t low = level->from, high = level->from + level->n - 1;
    while (low < high) { // the first whose weights reach beyond the point
        uint32_t middle = low + (high - low) / 2;
        if (picker->slots[middle].key > point)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

// One that fits and is not `but`, by weight.
static uint32_t pick_by_chance(const struct picking *p, const struct rm_picker_level *level, uint32_t but)
{
    for (int i = 0; i < PICK_DRAWS; i++) {
        uint32_t slot = draw(p, level);
        if (slot != but && slot_fits(p, slot))
            return slot;
    }
    const struct rm_picker_slot *slots = p->picker->slots;
    uint64_t total = 0;
    for (uint32_t i = level->from; i < level->from + level->n; i++)
        total += i != but && slot_fits(p, i) ? slots[i].weight : 0;
    if (total == 0)
        return RM_NO_SLOT;
    uint64_t point = rm_random_below(p->picker->random, total);
    for (uint32_t i = level->from; i < level->from + level->n; i++) {
        if (i == but || !slot_fits(p, i))
            continue;
        if (point < slots[i].weight)
            return i;
        point -= slots[i].weight;
    }
    return RM_NO_SLOT;
}

static uint64_t slot_in_flight(const struct rm_picker *picker, uint32_t slot)
{
    return picker->seats ? picker->seats[picker->slots[slot].host]->in_flight : 0;
}

// Power of two choices. Drawn by weight and compared by calls for their weight: idle hosts share by weight, too.
static uint32_t pick_by_load(const struct picking *p, const struct rm_picker_level *level)
{
    const struct rm_picker *picker = p->picker;
    uint32_t a = pick_by_chance(p, level, RM_NO_SLOT);
    uint32_t b = a == RM_NO_SLOT ? RM_NO_SLOT : pick_by_chance(p, level, a);
    if (b == RM_NO_SLOT)
        return a;
    uint64_t a_load = slot_in_flight(picker, a) * picker->slots[b].weight;
    uint64_t b_load = slot_in_flight(picker, b) * picker->slots[a].weight;
    return b_load < a_load ? b : a;
}

// ---- hash ------------------------------------------------------------------------------------------------------------

// Rendezvous: each host draws a number from its own hash and the key's, the smallest wins. By weight: exponential ones with the weight
// as rate, of which host i has the smallest with probability w_i / sum.
static uint32_t pick_by_hash(const struct picking *p, const struct rm_picker_level *level, uint64_t hash)
{
    const struct rm_picker_slot *slots = p->picker->slots;
    uint32_t best = RM_NO_SLOT;
    double least = 0;
    for (uint32_t i = level->from; i < level->from + level->n; i++) {
        if (!slot_fits(p, i))
            continue;
        double drawn = ((double)(rm_hash_mix(slots[i].key ^ hash) >> 11) + 0.5) * 0x1p-53; // 0 < drawn < 1
        if (!level->equal)
            drawn = -log(drawn) / slots[i].weight;
        if (best == RM_NO_SLOT || drawn < least) {
            best = i;
            least = drawn;
        }
    }
    return best;
}

// ---- picking ---------------------------------------------------------------------------------------------------------

static uint32_t pick_in_level(const struct picking *p, struct rm_picker_level *level)
{
    switch (p->picker->balance->balancer) {
    case RM_LEAST_REQUEST:
        return pick_by_load(p, level);
    case RM_RANDOM:
        return pick_by_chance(p, level, RM_NO_SLOT);
    case RM_HASH:
        return pick_by_hash(p, level, p->ask->hash ? p->ask->hash : rm_random_next(p->picker->random));
    case RM_ROUND_ROBIN:
        break;
    }
    return level->equal ? pick_in_turn(p, level) : pick_by_credit(p, level);
}

static uint32_t pick_in_levels(const struct picking *p)
{
    uint32_t at = RM_NO_SLOT;
    for (uint32_t i = 0; i < p->picker->n_levels && at == RM_NO_SLOT; i++)
        at = pick_in_level(p, &p->picker->levels[i]);
    return at;
}

uint32_t rm_picker_next(struct rm_picker *picker, const struct rm_pick_ask *ask, uint64_t *tried_until_us)
{
    if (picker->n < 2) {
        *tried_until_us = picker->n && picker->balance->ejects ? slot_out_until(picker, 0) : 0;
        return picker->n ? 0 : RM_NO_SLOT;
    }
    *tried_until_us = 0;
    struct picking p = {picker, ask, .takes_out = !picker->balance->ejects};
    uint32_t at = pick_in_levels(&p);
    while (at != RM_NO_SLOT && !p.takes_out &&
           !rm_health_claim(picker->balance, slot_cell(picker, at), ask->now_us, tried_until_us))
        at = pick_in_levels(&p); // another worker tries it already: it is out now
    if (at != RM_NO_SLOT && !p.takes_out)
        return at;
    if (at == RM_NO_SLOT) {
        p.takes_out = true;
        at = pick_in_levels(&p);
    }
    if (at == RM_NO_SLOT) {
        p.takes_tried = true;
        at = pick_in_levels(&p);
    }
    if (picker->balance->ejects) // a success brings back even one that is out
        *tried_until_us = slot_out_until(picker, at);
    return at;
}

// ---- taking over -----------------------------------------------------------------------------------------------------

// For each of old's slots the slot of the same host, or RM_NO_SLOT; and for each of the picker's slots old's.
struct matched {
    uint32_t *to, *from;
};

static struct matched match_slots(const struct rm_picker *picker, struct rm_arena *arena, const struct rm_picker *old,
                                  const uint32_t *match)
{
    struct matched m = {rm_arena_alloc(arena, rm_mul_size(old->n + (size_t)1, sizeof(uint32_t))),
                        rm_arena_alloc(arena, rm_mul_size(picker->n + (size_t)1, sizeof(uint32_t)))};
    uint32_t *old_slot = rm_arena_alloc(arena, rm_mul_size(old->n + (size_t)1, sizeof(uint32_t))); // of a host
    for (uint32_t i = 0; i < old->n; i++) {
        old_slot[old->slots[i].host] = i;
        m.to[i] = RM_NO_SLOT;
    }
    for (uint32_t i = 0; i < picker->n; i++) {
        uint32_t host = match[picker->slots[i].host];
        m.from[i] = host == RM_NOWHERE_IN_LIST ? RM_NO_SLOT : old_slot[host];
        if (m.from[i] != RM_NO_SLOT)
            m.to[m.from[i]] = i;
    }
    return m;
}

// The turn goes to the first host, from the one whose turn it was, that is still in the level.
static bool take_over_turn(struct rm_picker_level *level, const struct rm_picker *old, const uint32_t *to)
{
    for (uint32_t l = 0; l < old->n_levels; l++) {
        const struct rm_picker_level *before = &old->levels[l];
        for (uint32_t i = 0; before->equal && i < before->n; i++) {
            uint32_t at = to[before->from + (before->next - before->from + i) % before->n];
            if (at != RM_NO_SLOT && at >= level->from && at < level->from + level->n) {
                level->next = at;
                return true;
            }
        }
    }
    return false;
}

// Credits in proportion to the new sum of weights, and adding up to zero as the algorithm has them: what a change of weights
// would make large else would give one host many turns in a row.
static bool take_over_credit(struct rm_picker *picker, const struct rm_picker_level *level, const struct rm_picker *old,
                             const uint32_t *from)
{
    int64_t sum = 0;
    bool any = false;
    for (uint32_t l = 0; l < old->n_levels; l++) {
        const struct rm_picker_level *before = &old->levels[l];
        for (uint32_t i = level->from; !before->equal && i < level->from + level->n; i++) {
            if (from[i] == RM_NO_SLOT || from[i] < before->from || from[i] >= before->from + before->n)
                continue;
            __int128 credit = (__int128)old->slots[from[i]].current * (__int128)level->total / (__int128)before->total;
            picker->slots[i].current = (int64_t)credit;
            sum += (int64_t)credit;
            any = true;
        }
    }
    for (uint32_t i = 0; any && i < level->n; i++) {
        int64_t share = sum / (int64_t)(level->n - i);
        picker->slots[level->from + i].current -= share;
        sum -= share;
    }
    return any;
}

static void level_begin(struct rm_picker *picker, struct rm_picker_level *level)
{
    struct rm_pick_ask ask = {0};
    struct picking p = {picker, &ask, .takes_out = true};
    uint32_t start = (uint32_t)rm_random_below(picker->random, level->n);
    level->next = level->from + start;
    for (uint32_t i = start; i > 0 && !level->equal; i--)
        (void)pick_by_credit(&p, level);
}

static void picker_set_keys(struct rm_picker *picker)
{
    bool hashes = picker->balance->balancer == RM_HASH;
    for (uint32_t l = 0; l < picker->n_levels; l++) {
        const struct rm_picker_level *level = &picker->levels[l];
        uint64_t sum = 0;
        for (uint32_t i = level->from; i < level->from + level->n; i++) {
            sum += picker->slots[i].weight;
            picker->slots[i].key = hashes ? rm_host_hash(slot_host(picker, i)) : sum;
        }
    }
}

void rm_picker_init(struct rm_picker *picker, struct rm_arena *arena, const struct rm_snapshot *list,
                    const struct rm_balance *balance, struct rm_seat *const *seats, uint64_t *random,
                    const struct rm_picker *old, const uint32_t *match)
{
    *picker = (struct rm_picker){.list = list, .balance = balance, .seats = seats, .random = random};
    rm_picker_sort(picker, arena);
    if (balance->balancer != RM_ROUND_ROBIN) {
        picker_set_keys(picker);
        return;
    }
    struct matched m = {NULL, NULL};
    if (old)
        m = match_slots(picker, arena, old, match);
    for (uint32_t l = 0; l < picker->n_levels; l++) {
        struct rm_picker_level *level = &picker->levels[l];
        bool taken =
            old && (level->equal ? take_over_turn(level, old, m.to) : take_over_credit(picker, level, old, m.from));
        if (!taken)
            level_begin(picker, level);
    }
}
