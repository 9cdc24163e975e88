// Buffers: growth, the cap, and the budget that they share.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <remora/base.h>

#include <pthread.h>
#include <stdlib.h>

static void a_zeroed_buffer_with_max_is_empty_and_usable(void **state)
{
    (void)state;
    struct rm_buf buf = {.max = 100};
    assert_int_equal(rm_buf_str(&buf).n, 0);
    assert_int_equal(rm_buf_append(&buf, (struct rm_str){NULL, 0}), RM_OK);
    assert_null(buf.p);
    assert_int_equal(rm_buf_append(&buf, RM_STR("abc")), RM_OK);
    assert_true(rm_str_eq(rm_buf_str(&buf), RM_STR("abc")));
    rm_buf_free(&buf);
    assert_int_equal(buf.n, 0);
    assert_int_equal(buf.max, 100);
    assert_int_equal(rm_buf_append(&buf, RM_STR("d")), RM_OK);
    rm_buf_free(&buf);
}

static void contents_survive_growth(void **state)
{
    (void)state;
    struct rm_buf buf;
    rm_buf_init(&buf, 1 << 20, NULL);
    unsigned grown = 0;
    for (unsigned i = 0; i < 100000; i++) {
        char c = (char)(i * 7);
        size_t cap = buf.cap;
        assert_int_equal(rm_buf_append(&buf, (struct rm_str){&c, 1}), RM_OK);
        grown += buf.cap != cap;
    }
    assert_in_range(grown, 5, 12); // doubles
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal(buf.p[i], (char)(i * 7));
    rm_buf_free(&buf);
}

static void max_is_reached_and_never_passed(void **state)
{
    (void)state;
    struct rm_buf buf;
    rm_buf_init(&buf, 1000, NULL);
    for (int i = 0; i < 10; i++)
        assert_int_equal(rm_buf_printf(&buf, "%100d", i), RM_OK);
    assert_int_equal(buf.n, 1000);
    assert_int_equal(buf.cap, 1000);
    assert_int_equal(rm_buf_append(&buf, RM_STR("x")), RM_ETOOBIG);
    assert_int_equal(rm_buf_printf(&buf, "x"), RM_ETOOBIG);
    assert_int_equal(rm_buf_reserve(&buf, SIZE_MAX), RM_ETOOBIG);
    assert_int_equal(rm_buf_reserve(&buf, 0), RM_OK);
    assert_int_equal(buf.n, 1000);
    assert_int_equal(buf.p[999], '9');
    rm_buf_free(&buf);
}

static void a_long_text_is_formatted_whole(void **state)
{
    (void)state;
    for (int n = 250; n < 262; n++) {
        struct rm_buf buf;
        rm_buf_init(&buf, (size_t)n, NULL);
        assert_int_equal(rm_buf_printf(&buf, "%*d", n, 3), RM_OK);
        assert_int_equal(buf.n, n);
        assert_int_equal(buf.p[n - 1], '3');
        rm_buf_free(&buf);
    }
}

static void the_budget_is_charged_by_capacity_and_given_back(void **state)
{
    (void)state;
    struct rm_budget budget = {.limit = 10000};
    struct rm_buf a, b;
    rm_buf_init(&a, 1 << 20, &budget);
    rm_buf_init(&b, 1 << 20, &budget);
    assert_int_equal(rm_buf_reserve(&a, 6000), RM_OK);
    assert_int_equal(budget.used, a.cap);
    assert_int_equal(rm_buf_append(&b, RM_STR("kept")), RM_OK);
    size_t before = budget.used;
    assert_int_equal(before, a.cap + b.cap);
    assert_int_equal(rm_buf_reserve(&b, 6000), RM_EMEMORY);
    assert_int_equal(budget.used, before); // rolled back
    assert_true(rm_str_eq(rm_buf_str(&b), RM_STR("kept")));
    rm_buf_free(&a);
    assert_int_equal(budget.used, b.cap);
    assert_int_equal(rm_buf_reserve(&b, 6000), RM_OK);
    rm_buf_free(&b);
    assert_int_equal(budget.used, 0);
    rm_buf_free(&b); // again: nothing is given back twice
    assert_int_equal(budget.used, 0);
}

static void *fill_and_free(void *arg)
{
    struct rm_budget *budget = arg;
    for (int i = 0; i < 2000; i++) {
        struct rm_buf buf;
        rm_buf_init(&buf, 1 << 16, budget);
        int rc = RM_OK;
        for (int k = 0; k < 6 && rc == RM_OK; k++)
            rc = rm_buf_reserve(&buf, (size_t)300 << k);
        if (rc != RM_OK && rc != RM_EMEMORY)
            return arg;
        rm_buf_free(&buf);
    }
    return NULL;
}

static void threads_share_a_budget(void **state)
{
    (void)state;
    struct rm_budget budget = {.limit = 20000};
    pthread_t threads[4];
    for (size_t i = 0; i < RM_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fill_and_free, &budget), 0);
    for (size_t i = 0; i < RM_COUNT(threads); i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(budget.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zeroed_buffer_with_max_is_empty_and_usable),
        cmocka_unit_test(contents_survive_growth),
        cmocka_unit_test(max_is_reached_and_never_passed),
        cmocka_unit_test(a_long_text_is_formatted_whole),
        cmocka_unit_test(the_budget_is_charged_by_capacity_and_given_back),
        cmocka_unit_test(threads_share_a_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
