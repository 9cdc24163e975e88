// Counts of endpoints and backends: buckets, quantiles, and what stays when the plan changes.
// SPDX-License-Identifier: Apache-2.0
#include "flow/counts.h"
#include "flow_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>

static void latencies_have_their_bucket(void **state)
{
    (void)state;
    struct rm_counts counts = {0};
    for (size_t i = 0; i < RM_LATENCY_BOUNDS; i++) {
        assert_true(i == 0 || rm_latency_bounds_us[i] > rm_latency_bounds_us[i - 1]);
        rm_counts_took(&counts, rm_latency_bounds_us[i]);
        assert_int_equal(counts.latency[i], i == 0 ? 1 : 2);
        rm_counts_took(&counts, rm_latency_bounds_us[i] + 1);
        assert_int_equal(counts.latency[i + 1], 1);
    }
    assert_int_equal(rm_counts_over(&counts), 2 * RM_LATENCY_BOUNDS);
}

static void quantiles(void **state)
{
    (void)state;
    struct rm_counts counts = {0};
    assert_true(isnan(rm_counts_quantile(&counts, 0.5)));
    for (int i = 0; i < 100; i++)
        rm_counts_took(&counts, 750); // in the bucket from 0.5 to 1 ms
    assert_float_equal(rm_counts_quantile(&counts, 0.5), 0.00075, 1e-9);
    assert_float_equal(rm_counts_quantile(&counts, 1), 0.001, 1e-9);
    for (int i = 0; i < 100; i++)
        rm_counts_took(&counts, UINT64_C(3600000000));
    assert_float_equal(rm_counts_quantile(&counts, 0.99), 10, 1e-9);
}

static void sums(void **state)
{
    (void)state;
    struct rm_counts sum = {0},
                     one = {.by_class[2] = 3, .failed[-RM_ETIMEOUT] = 2, .in_flight = 1, .latency_sum_us = 9};
    rm_counts_add(&sum, &one);
    rm_counts_add(&sum, &one);
    assert_int_equal(sum.by_class[2], 6);
    assert_int_equal(sum.failed[-RM_ETIMEOUT], 4);
    assert_int_equal(sum.in_flight, 2);
    assert_int_equal(sum.latency_sum_us, 18);
    assert_int_equal(sum.cancelled, 0);
}

// Names stay, numbers of places do not: /b was second and is first, /a has gone and come back, a backend has another URL.
static void counts_go_on_by_name(void **state)
{
    (void)state;
    struct flow_rig before, after;
    flow_rig_start(
        &before,
        "'host': ['http://10.0.0.1:80'], 'endpoints': [{'endpoint': '/a', 'backend': [{'url_pattern': '/1'}]},"
        "{'endpoint': '/b', 'backend': [{'url_pattern': '/1'}, {'url_pattern': '/2'}]}]",
        NULL, 0);
    flow_rig_start(
        &after,
        "'host': ['http://10.0.0.1:80'], 'endpoints': [{'endpoint': '/b', 'backend': [{'url_pattern': '/1'}, "
        "{'url_pattern': '/3'}]}]",
        NULL, 0);
    struct rm_counts_table first, second, third;
    const struct rm_endpoint *a = &before.plan->endpoints[0], *b = &before.plan->endpoints[1],
                             *now = &after.plan->endpoints[0];
    rm_counts_init(&first, before.plan, NULL);
    assert_int_equal(first.n, 2 + 3 + 1);
    rm_counts_at(&first, rm_counts_of_endpoint(before.plan, a))->retries = 1;
    rm_counts_at(&first, rm_counts_of_endpoint(before.plan, b))->retries = 2;
    rm_counts_at(&first, rm_counts_of_backend(b, 0))->retries = 3;
    rm_counts_at(&first, rm_counts_of_backend(b, 1))->retries = 4;
    rm_counts_at(&first, rm_counts_of_endpoint(before.plan, NULL))->retries = 5;
    rm_counts_init(&second, after.plan, &first);
    rm_counts_at(&first, rm_counts_of_endpoint(before.plan, b))->retries++; // a request that began before
    assert_int_equal(rm_counts_at(&second, rm_counts_of_endpoint(after.plan, now))->retries, 3);
    assert_int_equal(rm_counts_at(&second, rm_counts_of_backend(now, 0))->retries, 3);
    assert_int_equal(rm_counts_at(&second, rm_counts_of_backend(now, 1))->retries, 0);
    assert_int_equal(rm_counts_at(&second, rm_counts_of_endpoint(after.plan, NULL))->retries, 5);
    rm_counts_fini(&first);
    rm_counts_init(&third, before.plan, &second);
    assert_int_equal(rm_counts_at(&third, rm_counts_of_endpoint(before.plan, a))->retries, 0);
    assert_int_equal(rm_counts_at(&third, rm_counts_of_endpoint(before.plan, b))->retries, 3);
    rm_counts_fini(&second);
    rm_counts_fini(&third);
    flow_rig_stop(&before);
    flow_rig_stop(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(latencies_have_their_bucket),
        cmocka_unit_test(quantiles),
        cmocka_unit_test(sums),
        cmocka_unit_test(counts_go_on_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
