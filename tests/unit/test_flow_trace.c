// traceparent: which are valid, and what of them reaches the log.
// SPDX-License-Identifier: Apache-2.0
#include "flow/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ID "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"

static void ids(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool valid;
    } cases[] = {
        {"00-" ID "-" SPAN "-01", true},
        {"00-" ID "-" SPAN "-00", true},
        {"cc-" ID "-" SPAN "-01-what-comes-later", true},
        {"cc-" ID "-" SPAN "-01", true},
        {"cc-" ID "-" SPAN "-01.later", false},
        {"00-" ID "-" SPAN "-01-more", false},
        {"ff-" ID "-" SPAN "-01", false},
        {"0-" ID "-" SPAN "-01", false},
        {"00-" ID "-" SPAN "-0", false},
        {"00-" ID "-" SPAN "-0g", false},
        {"00-00000000000000000000000000000000-" SPAN "-01", false},
        {"00-" ID "-0000000000000000-01", false},
        {"00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01", false},
        {"00-0af7651916cd43dd8448eb211c80319\" status=200-" SPAN "-01", false},
        {"", false},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_header v[] = {{RM_STR("X"), RM_STR("y")}, {RM_STR("TraceParent"), rm_str_of(cases[i].value)}};
        struct rm_headers headers = {.v = v, .n = 2};
        struct rm_str id = rm_trace_id(&headers);
        assert_int_equal(id.n, cases[i].valid ? 32 : 0);
        assert_true(!cases[i].valid || rm_str_eq(id, RM_STR(ID)));
    }
    struct rm_headers none = {0};
    assert_int_equal(rm_trace_id(&none).n, 0);
}

static void headers(void **state)
{
    (void)state;
    assert_true(rm_trace_is_header(RM_STR("traceparent")));
    assert_true(rm_trace_is_header(RM_STR("TraceState")));
    assert_false(rm_trace_is_header(RM_STR("tracestates")));
    assert_false(rm_trace_is_header(RM_STR("x-tracestat")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ids), cmocka_unit_test(headers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
