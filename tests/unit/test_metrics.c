// The text format of Prometheus, byte by byte.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "observe/metrics.h"
#include "observe/process.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

struct text {
    struct rm_buf buf;
    struct rm_metrics metrics;
};

static void text_init(struct text *t)
{
    rm_buf_init(&t->buf, 1 << 20, NULL);
    rm_metrics_init(&t->metrics, &t->buf);
}

static void text_check(struct text *t, const char *want)
{
    assert_int_equal(t->metrics.code, RM_OK);
    assert_int_equal(rm_buf_append(&t->buf, (struct rm_str){"", 1}), RM_OK);
    assert_string_equal(t->buf.p, want);
    rm_buf_free(&t->buf);
}

static void test_families(void **state)
{
    (void)state;
    struct text t;
    text_init(&t);
    rm_metric(&t.metrics, RM_COUNTER, "remora_things_total", "Things that were there.");
    const struct rm_label labels[] = {{"source", RM_STR("a")}, {"zone", RM_STR("")}};
    rm_sample(&t.metrics, labels, 2, 3);
    rm_sample(&t.metrics, labels, 1, 0);
    rm_metric(&t.metrics, RM_GAUGE, "remora_ready", "1 or 0.");
    rm_sample(&t.metrics, NULL, 0, 1);
    text_check(&t, "# HELP remora_things_total Things that were there.\n"
                   "# TYPE remora_things_total counter\n"
                   "remora_things_total{source=\"a\",zone=\"\"} 3\n"
                   "remora_things_total{source=\"a\"} 0\n"
                   "# HELP remora_ready 1 or 0.\n"
                   "# TYPE remora_ready gauge\n"
                   "remora_ready 1\n");
}

static void test_histogram(void **state)
{
    (void)state;
    struct text t;
    text_init(&t);
    static const double bounds[] = {0.0005, 0.25, 10};
    static const uint64_t counts[] = {3, 0, 2, 1};
    const struct rm_histogram h = {bounds, counts, RM_COUNT(bounds), 17.5};
    const struct rm_label label = {"a", RM_STR("b")};
    rm_metric(&t.metrics, RM_HISTOGRAM, "remora_took_seconds", "How long.");
    rm_sample_histogram(&t.metrics, &label, 1, &h);
    text_check(&t, "# HELP remora_took_seconds How long.\n"
                   "# TYPE remora_took_seconds histogram\n"
                   "remora_took_seconds_bucket{a=\"b\",le=\"0.0005\"} 3\n"
                   "remora_took_seconds_bucket{a=\"b\",le=\"0.25\"} 3\n"
                   "remora_took_seconds_bucket{a=\"b\",le=\"10\"} 5\n"
                   "remora_took_seconds_bucket{a=\"b\",le=\"+Inf\"} 6\n"
                   "remora_took_seconds_sum{a=\"b\"} 17.5\n"
                   "remora_took_seconds_count{a=\"b\"} 6\n");
}

static void test_label_values(void **state)
{
    (void)state;
    static const struct {
        const char *value, *written;
    } cases[] = {
        {"plain", "plain"},
        {"a\"b", "a\\\"b"},
        {"a\\b", "a\\\\b"},
        {"a\nb", "a\\nb"},
        {"\xc3\xa9\xf0\x9f\x90\x9f", "\xc3\xa9\xf0\x9f\x90\x9f"},
        {"\xff" "a\xc3", "\xef\xbf\xbd" "a\xef\xbf\xbd"},   // no UTF-8: a scraper refuses the whole page
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, // a surrogate
        {"{},= #", "{},= #"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct text t;
        text_init(&t);
        rm_metric(&t.metrics, RM_GAUGE, "x", "y");
        const struct rm_label label = {"l", rm_str_of(cases[i].value)};
        rm_sample(&t.metrics, &label, 1, 0);
        char want[200];
        snprintf(want, sizeof(want), "# HELP x y\n# TYPE x gauge\nx{l=\"%s\"} 0\n", cases[i].written);
        text_check(&t, want);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *written;
    } cases[] = {
        {0, "0"},
        {-1, "-1"},
        {0.1, "0.1"},
        {1e15 - 1, "999999999999999"},
        {9007199254740991, "9007199254740991"}, // 2^53 - 1: the largest count that is exact
        {1.0 / 3, "0.33333333333333331"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {(double)INFINITY, "+Inf"},
        {-(double)INFINITY, "-Inf"},
        {(double)NAN, "NaN"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct text t;
        text_init(&t);
        rm_metric(&t.metrics, RM_GAUGE, "x", "y");
        rm_sample(&t.metrics, NULL, 0, cases[i].value);
        char want[200];
        snprintf(want, sizeof(want), "# HELP x y\n# TYPE x gauge\nx %s\n", cases[i].written);
        text_check(&t, want);
    }
}

// A buffer that is full is said once, at the end.
static void test_full(void **state)
{
    (void)state;
    struct text t;
    text_init(&t);
    t.buf.max = 16;
    rm_metric(&t.metrics, RM_GAUGE, "x", "y");
    rm_sample(&t.metrics, NULL, 0, 1);
    assert_int_equal(t.metrics.code, RM_ETOOBIG);
    rm_buf_free(&t.buf);
}

static double process_value(const struct text *t, const char *name)
{
    char line[100];
    snprintf(line, sizeof(line), "\n%s ", name);
    const char *at = strstr(t->buf.p, line);
    if (!at)
        fail_msg("no %s in:\n%s", name, t->buf.p);
    return strtod(at + strlen(line), NULL);
}

static void test_process(void **state)
{
    (void)state;
    struct text t;
    text_init(&t);
    rm_process_metrics(&t.metrics);
    assert_int_equal(t.metrics.code, RM_OK);
    assert_int_equal(rm_buf_append(&t.buf, (struct rm_str){"", 1}), RM_OK);
    assert_true(process_value(&t, "process_cpu_seconds_total") >= 0);
    assert_true(process_value(&t, "process_resident_memory_bytes") > 100000);
    assert_true(process_value(&t, "process_virtual_memory_bytes") >= process_value(&t, "process_resident_memory_bytes"));
    assert_true(process_value(&t, "process_open_fds") >= 3);
    assert_true(process_value(&t, "process_max_fds") >= process_value(&t, "process_open_fds"));
    assert_true(process_value(&t, "process_start_time_seconds") > 1.5e9);
    rm_buf_free(&t.buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_histogram), cmocka_unit_test(test_label_values), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_full),     cmocka_unit_test(test_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
