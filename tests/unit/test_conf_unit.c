// Durations, sizes and whole numbers as people write them.
// SPDX-License-Identifier: Apache-2.0
#include "conf/unit.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct unit_case {
    const char *text;
    uint64_t value;
    const char *why; // NULL: it is one
};

static void unit_run(const struct unit_case *cases, size_t n, const char *(*parse)(struct rm_str, uint64_t *))
{
    for (size_t i = 0; i < n; i++) {
        uint64_t value = 4711;
        const char *why = parse(rm_str_of(cases[i].text), &value);
        if (cases[i].why && (!why || !strstr(why, cases[i].why)))
            fail_msg("\"%s\": said \"%s\", not \"%s\"", cases[i].text, why ? why : "(fine)", cases[i].why);
        if (!cases[i].why && (why || value != cases[i].value))
            fail_msg("\"%s\": %s, %" PRIu64, cases[i].text, why ? why : "fine", value);
    }
}

static void test_duration(void **state)
{
    (void)state;
    static const struct unit_case cases[] = {
        {"0", 0, NULL},
        {"+0", 0, NULL},
        {"0s", 0, NULL},
        {"500ms", 500000, NULL},
        {"2s", 2000000, NULL},
        {"1m30s", 90000000, NULL},
        {"1h", UINT64_C(3600000000), NULL},
        {"1.5h", UINT64_C(5400000000), NULL},
        {".5s", 500000, NULL},
        {"5.s", 5000000, NULL},
        {"1500000us", 1500000, NULL},
        {"3\xc2\xb5s", 3, NULL},
        {"3\xce\xbcs", 3, NULL},
        {"1ns", 1, NULL}, // not nothing
        {"1001ns", 2, NULL},
        {"+1s", 1000000, NULL},
        {"0.1s", 100000, NULL},
        {"0.3333333333333333333s", 333334, NULL},
        {"2562047h47m16.854775807s", UINT64_C(9223372036854775), NULL}, // the longest in Go
        {"2562047h47m16.854775808s", 0, "too long"},
        {"99999999999999999999s", 0, "too long"},
        {"18446744073709551616ns", 0, "too long"},
        {"2562048h", 0, "too long"},
        {"2562047h2562047h", 0, "too long"},
        {"", 0, "empty"},
        {"3000", 0, "no unit"},
        {"1m30", 0, "no unit"},
        {"1d", 0, "24h"},
        {"1w", 0, "unknown unit"},
        {"3 seconds", 0, "unknown unit"},
        {"2 parsecs", 0, "unknown unit"},
        {"1S", 0, "unknown unit"},
        {"-1s", 0, "negative"},
        {"s", 0, "no duration"},
        {"forever", 0, "no duration"},
        {".s", 0, "no duration"},
        {"+", 0, "no duration"},
        {"1s ", 0, "unknown unit"},
    };
    unit_run(cases, RM_COUNT(cases), rm_duration_parse);
}

static void test_size(void **state)
{
    (void)state;
    static const struct unit_case cases[] = {
        {"0", 0, NULL},
        {"8192", 8192, NULL},
        {"12B", 12, NULL},
        {"8KiB", 8192, NULL},
        {"16Mi", 16 << 20, NULL},
        {"2GiB", UINT64_C(2) << 30, NULL},
        {"1MB", 0, "MiB"},
        {"KiB", 0, "no size"},
        {"", 0, "no size"},
        {"1.5MiB", 0, "no size"},
        {"-1", 0, "no size"},
        {"18446744073709551615KiB", 0, "too large"},
        {"18446744073709551616", 0, "too large"},
    };
    unit_run(cases, RM_COUNT(cases), rm_size_parse);
}

static void test_whole(void **state)
{
    (void)state;
    static const struct unit_case cases[] = {
        {"0", 0, NULL},
        {"8080", 8080, NULL},
        {"8080.0", 8080, NULL},
        {"+5", 5, NULL},
        {"1e3", 1000, NULL},
        {"1.5e3", 1500, NULL},
        {"1.5e+1", 15, NULL},
        {"0e99", 0, NULL},
        {"18446744073709551615", UINT64_MAX, NULL},
        {"18446744073709551616", 0, "too large"},
        {"1e20", 0, "too large"},
        {"1.5", 0, "no whole"},
        {"1.55e1", 0, "no whole"},
        {"10e-1", 0, "no whole"},
        {"-1", 0, "negative"},
        {"", 0, "no whole"},
        {"1.", 0, "no whole"},
        {"1e", 0, "no whole"},
        {"0x10", 0, "no whole"},
        {"5 ", 0, "no whole"},
    };
    unit_run(cases, RM_COUNT(cases), rm_whole_parse);
}

static void test_format(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    assert_string_equal(rm_duration_format(&arena, 0).p, "0s");
    assert_string_equal(rm_duration_format(&arena, 1).p, "1us");
    assert_string_equal(rm_duration_format(&arena, 1500000).p, "1500ms");
    assert_string_equal(rm_duration_format(&arena, 90000000).p, "90s");
    assert_string_equal(rm_duration_format(&arena, UINT64_C(7200000000)).p, "2h");
    assert_string_equal(rm_size_format(&arena, 0).p, "0B");
    assert_string_equal(rm_size_format(&arena, 1000).p, "1000B");
    assert_string_equal(rm_size_format(&arena, 16 << 20).p, "16MiB");
    for (uint64_t us = 1; us < UINT64_C(1) << 52; us = us * 3 + 1) {
        uint64_t again = 0;
        assert_null(rm_duration_parse(rm_duration_format(&arena, us), &again));
        assert_true(again == us);
        assert_null(rm_size_parse(rm_size_format(&arena, us), &again));
        assert_true(again == us);
    }
    rm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duration),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
