// The circuit breaker: gobreaker's rules one by one, in virtual time; calls that outlive their generation have no say.
// SPDX-License-Identifier: Apache-2.0
#include "policy/breaker.h"

#include "base/clock.h"
#include "vloop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct rig {
    struct rm_arena arena;
    struct rm_loop *loop;
    struct rm_policy_cells *cells;
    void *breaker;
};

static void *another(struct rig *rig, uint64_t interval_s, uint64_t timeout_s, uint32_t max_errors)
{
    struct rm_breaker_conf conf = {
        .interval_ms = interval_s * 1000, .timeout_ms = timeout_s * 1000, .max_errors = max_errors};
    return rm_breaker_new(&rig->arena, rig->cells, RM_STR("breaker"), &conf);
}

static void begin(struct rig *rig, uint64_t interval_s, uint64_t timeout_s, uint32_t max_errors)
{
    rm_arena_init(&rig->arena, NULL);
    assert_int_equal(rm_loop_new(&rig->loop, NULL), RM_OK);
    rig->cells = rm_policy_cells_new();
    rig->breaker = another(rig, interval_s, timeout_s, max_errors);
}

static void end(struct rig *rig)
{
    rm_loop_free(rig->loop);
    rm_arena_fini(&rig->arena);
    rm_policy_cells_free(rig->cells);
}

static void rest(struct rig *rig, uint64_t us)
{
    rm_vloop_run_until(rig->loop, rm_loop_now_us(rig->loop) + us);
}

static int enter(struct rig *rig, uint64_t *ticket)
{
    struct rm_departure departure = {.arena = &rig->arena, .loop = rig->loop};
    struct rm_err err = {0};
    int said = rm_admission_breaker.enter(rig->breaker, &departure, ticket, &err);
    assert_int_equal(said, err.code);
    return said;
}

static void leave(struct rig *rig, uint64_t ticket, int code)
{
    rm_admission_breaker.leave(rig->breaker, ticket, rm_loop_now_us(rig->loop), code);
}

static int call(struct rig *rig, int code)
{
    uint64_t ticket;
    int said = enter(rig, &ticket);
    if (said == RM_OK)
        leave(rig, ticket, code);
    return said;
}

static void state_is(struct rig *rig, enum rm_breaker_state state)
{
    assert_int_equal(rm_breaker_state(rig->breaker, rm_loop_now_us(rig->loop)), state);
}

static void opens_after_more_failures_in_a_row(void **state)
{
    (void)state;
    for (uint32_t max_errors = 0; max_errors < 5; max_errors++) {
        struct rig rig;
        begin(&rig, 0, 10, max_errors);
        for (uint32_t i = 0; i < max_errors; i++)
            assert_int_equal(call(&rig, RM_ESTATUS), RM_OK);
        assert_int_equal(call(&rig, RM_OK), RM_OK); // begins anew
        for (uint32_t i = 0; i <= max_errors; i++) {
            state_is(&rig, RM_BREAKER_CLOSED);
            assert_int_equal(call(&rig, RM_ETIMEOUT), RM_OK);
        }
        state_is(&rig, RM_BREAKER_OPEN);
        assert_int_equal(call(&rig, RM_OK), RM_EOPEN);
        end(&rig);
    }
}

static void one_call_is_tried_and_decides(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t trial, other;
    begin(&rig, 0, 10, 0);
    assert_int_equal(call(&rig, RM_ECONNECT), RM_OK);
    rest(&rig, 10 * RM_SEC - RM_MS);
    assert_int_equal(enter(&rig, &trial), RM_EOPEN);
    rest(&rig, RM_MS);
    state_is(&rig, RM_BREAKER_HALF_OPEN);
    assert_int_equal(enter(&rig, &trial), RM_OK);
    rest(&rig, 100 * RM_SEC); // however long it takes, it is the only one
    assert_int_equal(enter(&rig, &other), RM_EOPEN);
    leave(&rig, trial, RM_ESTATUS);
    state_is(&rig, RM_BREAKER_OPEN);
    rest(&rig, 10 * RM_SEC);
    assert_int_equal(enter(&rig, &trial), RM_OK);
    leave(&rig, trial, RM_ECANCEL); // decides nothing: the next one may
    assert_int_equal(enter(&rig, &trial), RM_OK);
    assert_int_equal(enter(&rig, &other), RM_EOPEN);
    leave(&rig, trial, RM_OK);
    state_is(&rig, RM_BREAKER_CLOSED);
    assert_int_equal(call(&rig, RM_OK), RM_OK);
    end(&rig);
}

static void cancelled_calls_do_not_count(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig, 0, 10, 1);
    assert_int_equal(call(&rig, RM_ESTATUS), RM_OK);
    for (int i = 0; i < 10; i++)
        assert_int_equal(call(&rig, RM_ECANCEL), RM_OK);
    state_is(&rig, RM_BREAKER_CLOSED);
    assert_int_equal(call(&rig, RM_ESTATUS), RM_OK); // nor do they end the row
    state_is(&rig, RM_BREAKER_OPEN);
    end(&rig);
}

static void the_interval_forgets(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t old;
    begin(&rig, 5, 10, 1);
    assert_int_equal(enter(&rig, &old), RM_OK);
    assert_int_equal(call(&rig, RM_ESTATUS), RM_OK);
    rest(&rig, 5 * RM_SEC);
    leave(&rig, old, RM_ESTATUS); // of the interval before
    assert_int_equal(call(&rig, RM_ESTATUS), RM_OK);
    state_is(&rig, RM_BREAKER_CLOSED);
    assert_int_equal(call(&rig, RM_ESTATUS), RM_OK);
    state_is(&rig, RM_BREAKER_OPEN);
    end(&rig);
}

static void who_is_late_has_no_say(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t late[3], trial;
    begin(&rig, 0, 10, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(enter(&rig, &late[i]), RM_OK);
    assert_int_equal(call(&rig, RM_ESTATUS), RM_OK);
    leave(&rig, late[0], RM_OK);
    state_is(&rig, RM_BREAKER_OPEN);
    rest(&rig, 10 * RM_SEC);
    assert_int_equal(enter(&rig, &trial), RM_OK);
    leave(&rig, late[1], RM_OK);
    state_is(&rig, RM_BREAKER_HALF_OPEN);
    leave(&rig, trial, RM_OK);
    leave(&rig, late[2], RM_ESTATUS);
    state_is(&rig, RM_BREAKER_CLOSED);
    end(&rig);
}

static void the_next_plan_goes_on(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig, 0, 60, 5);
    for (int i = 0; i < 4; i++)
        assert_int_equal(call(&rig, RM_ESTATUS), RM_OK);
    rig.breaker = another(&rig, 0, 10, 2); // bears less than there are already
    state_is(&rig, RM_BREAKER_CLOSED);
    assert_int_equal(call(&rig, RM_ESTATUS), RM_OK);
    state_is(&rig, RM_BREAKER_OPEN);
    rest(&rig, 10 * RM_SEC); // its own timeout counts
    state_is(&rig, RM_BREAKER_HALF_OPEN);
    rig.breaker = another(&rig, 0, 60, 2);
    state_is(&rig, RM_BREAKER_OPEN);
    end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_after_more_failures_in_a_row),
        cmocka_unit_test(one_call_is_tried_and_decides),
        cmocka_unit_test(cancelled_calls_do_not_count),
        cmocka_unit_test(the_interval_forgets),
        cmocka_unit_test(who_is_late_has_no_say),
        cmocka_unit_test(the_next_plan_goes_on),
    };
    return cmocka_run_group_tests_name("breaker", tests, NULL, NULL);
}
