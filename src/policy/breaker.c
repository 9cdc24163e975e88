// A breaker is one number: its state, the moment since when, and how many calls have failed in a row (half open: are let through). State and
// moment are the generation, a call's ticket: one that began in another has no say. What time alone changes is worked out when it is asked.
// SPDX-License-Identifier: Apache-2.0
#include "policy/breaker.h"

#include "base/clock.h"
#include <remora/log.h>

#define BREAKER_COUNT_BITS 22
#define BREAKER_STATE_SHIFT 62
#define BREAKER_MS_MASK ((UINT64_C(1) << (BREAKER_STATE_SHIFT - BREAKER_COUNT_BITS)) - 1) // 34 years
#define BREAKER_COUNT_MASK ((UINT64_C(1) << BREAKER_COUNT_BITS) - 1)

_Static_assert(RM_BREAKER_MOST_ERRORS < BREAKER_COUNT_MASK, "a row of failures is counted in its bits");

const char *const rm_breaker_state_names[3] = {"closed", "open", "half_open"};

struct breaker {
    struct rm_breaker_conf conf;
    _Atomic uint64_t *word;
};

void *rm_breaker_new(struct rm_arena *plan, struct rm_policy_cells *cells, struct rm_str key,
                     const struct rm_breaker_conf *conf)
{
    struct breaker *self = RM_NEW(plan, struct breaker);
    self->conf = *conf;
    self->word = rm_policy_cell(cells, plan, key, sizeof(*self->word));
    return self;
}

static uint64_t breaker_word(enum rm_breaker_state state, uint64_t since_ms)
{
    return (uint64_t)state << BREAKER_STATE_SHIFT | since_ms << BREAKER_COUNT_BITS;
}

static enum rm_breaker_state breaker_state(uint64_t word)
{
    return (enum rm_breaker_state)(word >> BREAKER_STATE_SHIFT);
}

static uint64_t breaker_generation(uint64_t word)
{
    return word & ~BREAKER_COUNT_MASK;
}

// What time has made of it.
static uint64_t breaker_at(const struct breaker *self, uint64_t word, uint64_t now_ms)
{
    uint64_t since_ms = word >> BREAKER_COUNT_BITS & BREAKER_MS_MASK;
    enum rm_breaker_state state = breaker_state(word);
    if (state == RM_BREAKER_CLOSED && self->conf.interval_ms > 0 && now_ms >= since_ms + self->conf.interval_ms)
        return breaker_word(RM_BREAKER_CLOSED, now_ms);
    if (state == RM_BREAKER_OPEN && now_ms >= since_ms + self->conf.timeout_ms)
        return breaker_word(RM_BREAKER_HALF_OPEN, now_ms);
    return word;
}

// False: another thread was faster, and *was is what it has made of it.
static bool breaker_put(const struct breaker *self, uint64_t *was, uint64_t next)
{
    if (next == *was)
        return true;
    enum rm_breaker_state before = breaker_state(*was), after = breaker_state(next);
    if (!atomic_compare_exchange_weak_explicit(self->word, was, next, memory_order_relaxed, memory_order_relaxed))
        return false;
    if (before != after && self->conf.log.n > 0)
        rm_log(after == RM_BREAKER_OPEN ? RM_WARNING : RM_INFO, "circuit breaker %.*s from=%s to=%s",
               (int)self->conf.log.n, self->conf.log.p, rm_breaker_state_names[before], rm_breaker_state_names[after]);
    return true;
}

static int breaker_enter(const void *of, struct rm_departure *departure, uint64_t *ticket, struct rm_err *err)
{
    const struct breaker *self = of;
    uint64_t now_ms = rm_loop_now_us(departure->loop) / RM_MS, next;
    uint64_t was = atomic_load_explicit(self->word, memory_order_relaxed);
    do {
        next = breaker_at(self, was, now_ms);
        bool is_tried = breaker_state(next) == RM_BREAKER_HALF_OPEN && (next & BREAKER_COUNT_MASK) > 0;
        if (breaker_state(next) == RM_BREAKER_OPEN || is_tried)
            return rm_fail(err, RM_EOPEN, "circuit breaker is open");
        if (breaker_state(next) == RM_BREAKER_HALF_OPEN)
            next++;
    } while (!breaker_put(self, &was, next));
    *ticket = breaker_generation(next);
    return RM_OK;
}

// What a call's end makes of its generation.
static uint64_t breaker_judge(const struct breaker *self, uint64_t word, uint64_t now_ms, int code)
{
    bool is_half = breaker_state(word) == RM_BREAKER_HALF_OPEN;
    if (code == RM_ECANCEL) // says nothing of the backend
        return is_half ? word - 1 : word;
    if (code == RM_OK)
        return is_half ? breaker_word(RM_BREAKER_CLOSED, now_ms) : breaker_generation(word);
    if (is_half || (word & BREAKER_COUNT_MASK) >= self->conf.max_errors)
        return breaker_word(RM_BREAKER_OPEN, now_ms);
    return word + 1;
}

static void breaker_leave(const void *of, uint64_t ticket, uint64_t now_us, int code)
{
    const struct breaker *self = of;
    uint64_t now_ms = now_us / RM_MS, next;
    uint64_t was = atomic_load_explicit(self->word, memory_order_relaxed);
    do {
        next = breaker_at(self, was, now_ms);
        if (breaker_generation(next) != ticket)
            return;
        next = breaker_judge(self, next, now_ms, code);
    } while (!breaker_put(self, &was, next));
}

enum rm_breaker_state rm_breaker_state(const void *of, uint64_t now_us)
{
    const struct breaker *self = of;
    return breaker_state(breaker_at(self, atomic_load_explicit(self->word, memory_order_relaxed), now_us / RM_MS));
}

const struct rm_admission_ops rm_admission_breaker = {"qos/circuit-breaker", breaker_enter, NULL, breaker_leave};
