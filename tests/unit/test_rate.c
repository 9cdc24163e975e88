// Buckets: how many calls pass, when the next one does, what a rest is worth; and the table of clients. Time is a number.
// SPDX-License-Identifier: Apache-2.0
#include "policy/cell.h"
#include "policy/clients.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define T0 UINT64_C(5000000000) // the machine has run for a while
#define HOUR (3600 * RM_SEC)

static unsigned pass(struct rm_bucket *bucket, const struct rm_rate *rate, uint64_t now_us, unsigned calls)
{
    unsigned n = 0;
    while (calls-- > 0)
        n += rm_bucket_take(bucket, rate, now_us, NULL);
    return n;
}

static void a_full_bucket_and_then_one_by_one(void **state)
{
    (void)state;
    const struct {
        double max;
        uint64_t every_us, capacity, burst, token_us;
    } cases[] = {
        {3, 600 * RM_SEC, 3, 3, 200 * RM_SEC}, {10, RM_SEC, 0, 10, RM_SEC / 10}, {0.01, RM_SEC, 0, 1, 100 * RM_SEC},
        {2.5, RM_SEC, 0, 2, 400000},           {1, RM_SEC, 5, 5, RM_SEC},        {600, 60 * RM_SEC, 0, 10, RM_SEC / 10},
        {100, HOUR, 0, 1, 36 * RM_SEC},        {3, RM_SEC, 0, 3, 333334},        {6, RM_SEC, 0, 6, 166667},
        {9, 600 * RM_SEC, 9, 9, 66666667},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_bucket bucket = {0};
        struct rm_rate rate = rm_rate_of(cases[i].max, cases[i].every_us, cases[i].capacity);
        uint64_t wait_us = 0, now = T0;
        assert_int_equal(pass(&bucket, &rate, now, 100), cases[i].burst);
        assert_false(rm_bucket_take(&bucket, &rate, now, &wait_us));
        assert_int_equal(wait_us, cases[i].token_us);
        assert_int_equal(pass(&bucket, &rate, now + wait_us - 2, 3), 0);
        assert_int_equal(pass(&bucket, &rate, now += wait_us, 3), 1);
        // However long it rests, no more than its capacity comes at once.
        assert_int_equal(pass(&bucket, &rate, now + 1000 * HOUR, 100), cases[i].burst);
    }
}

static void over_a_long_time_the_rate_is_exact(void **state)
{
    (void)state;
    struct rm_bucket bucket = {0};
    struct rm_rate rate = rm_rate_of(7, RM_SEC, 2);
    unsigned n = 0;
    for (uint64_t at = 0; at <= 1000 * RM_SEC; at += 3 * RM_MS)
        n += pass(&bucket, &rate, T0 + at, 1);
    assert_in_range(n, 7000 + 1, 7000 + 2);
}

static void a_slower_rate_before_is_forgotten(void **state)
{
    (void)state;
    struct rm_bucket bucket = {0};
    struct rm_rate slow = rm_rate_of(1, HOUR, 5), fast = rm_rate_of(10, RM_SEC, 10);
    assert_int_equal(pass(&bucket, &slow, T0, 9), 5);
    assert_int_equal(pass(&bucket, &fast, T0, 9), 0); // empty, but no more than that
    assert_int_equal(pass(&bucket, &fast, T0 + RM_SEC, 99), 10);
}

static void rates_beyond_all_measure(void **state)
{
    (void)state;
    assert_int_equal(rm_rate_of(0, RM_SEC, 9).token_ns, 0);
    struct rm_rate most = rm_rate_of(1e30, RM_SEC, 0), least = rm_rate_of(1e-30, RM_SEC, UINT32_MAX);
    struct rm_bucket a = {0}, b = {0};
    assert_int_equal(pass(&a, &most, T0, 1000), 1000);
    assert_int_equal(pass(&b, &least, T0, 3), 1);
}

static struct rm_str name_of(char *to, unsigned i)
{
    for (unsigned k = 0; k < 8; k++)
        to[k] = (char)('a' + (i >> (4 * k) & 15));
    return (struct rm_str){to, 8};
}

static void each_client_and_each_limit_has_its_own(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_clients *clients = rm_policy_cell(NULL, &arena, RM_STR("clients"), rm_clients_size());
    rm_clients_seed(clients);
    struct rm_rate rate = rm_rate_of(1, RM_SEC, 2);
    char text[8];
    uint64_t wait_us = 0;
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 2000; i++) {
            bool first = rm_clients_take(clients, 1, name_of(text, i), &rate, T0, &wait_us);
            assert_int_equal(first, round < 2);
        }
    }
    assert_int_equal(wait_us, RM_SEC);
    assert_true(rm_clients_take(clients, 2, name_of(text, 7), &rate, T0, NULL));
    assert_true(rm_clients_take(clients, 1, name_of(text, 7), &rate, T0 + RM_SEC, NULL));
    assert_false(rm_clients_take(clients, 1, name_of(text, 7), &rate, T0 + RM_SEC, NULL));
    rm_arena_fini(&arena);
}

// Ten times as many as there are places come, each once; who was in debt before is still held to it.
static void a_flood_of_names_frees_nobody_of_debt(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_clients *clients = rm_policy_cell(NULL, &arena, RM_STR("clients"), rm_clients_size());
    rm_clients_seed(clients);
    struct rm_rate rate = rm_rate_of(1, RM_SEC, 100);
    char text[8];
    const struct rm_str heavy = {"heavy", 5};
    while (rm_clients_take(clients, 1, heavy, &rate, T0, NULL)) {
    }
    for (unsigned i = 0; i < 10 * RM_CLIENTS_PLACES; i++)
        assert_true(rm_clients_take(clients, 1, name_of(text, i), &rate, T0, NULL));
    assert_false(rm_clients_take(clients, 1, heavy, &rate, T0, NULL));
    rm_arena_fini(&arena);
}

static void a_cell_goes_on_in_the_next_plan(void **state)
{
    (void)state;
    struct rm_policy_cells *cells = rm_policy_cells_new();
    struct rm_arena plans[3];
    for (int i = 0; i < 3; i++)
        rm_arena_init(&plans[i], NULL);
    _Atomic uint64_t *first = rm_policy_cell(cells, &plans[0], RM_STR("rate GET /a"), sizeof(uint64_t));
    assert_int_equal(*first, 0);
    *first = 7;
    assert_ptr_equal(rm_policy_cell(cells, &plans[1], RM_STR("rate GET /a"), sizeof(uint64_t)), first);
    assert_ptr_not_equal(rm_policy_cell(cells, &plans[1], RM_STR("rate GET /b"), sizeof(uint64_t)), first);
    rm_arena_fini(&plans[0]);
    rm_arena_fini(&plans[1]);
    (void)rm_policy_cell(cells, &plans[2], RM_STR("rate GET /b"), sizeof(uint64_t)); // the other has gone
    first = rm_policy_cell(cells, &plans[2], RM_STR("rate GET /a"), sizeof(uint64_t));
    assert_int_equal(*first, 0);
    rm_arena_fini(&plans[2]);
    rm_policy_cells_free(cells);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_bucket_and_then_one_by_one),
        cmocka_unit_test(over_a_long_time_the_rate_is_exact),
        cmocka_unit_test(a_slower_rate_before_is_forgotten),
        cmocka_unit_test(rates_beyond_all_measure),
        cmocka_unit_test(each_client_and_each_limit_has_its_own),
        cmocka_unit_test(a_flood_of_names_frees_nobody_of_debt),
        cmocka_unit_test(a_cell_goes_on_in_the_next_plan),
    };
    return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
