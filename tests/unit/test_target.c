// The request target: its forms, its parts, hosts and dot segments.
// SPDX-License-Identifier: Apache-2.0
#include "front/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct target_case {
    const char *raw;
    enum rm_target_form form;
    const char *authority, *path, *query; // path NULL: refused
};

static const struct target_case target_cases[] = {
    {"/", RM_TARGET_ORIGIN, "", "/", ""},
    {"/a/b", RM_TARGET_ORIGIN, "", "/a/b", ""},
    {"/a?b=c&d", RM_TARGET_ORIGIN, "", "/a", "b=c&d"},
    {"/a?", RM_TARGET_ORIGIN, "", "/a", ""},
    {"/?a?b", RM_TARGET_ORIGIN, "", "/", "a?b"},
    {"//b/c", RM_TARGET_ORIGIN, "", "//b/c", ""},
    {"/a%2Fb%25", RM_TARGET_ORIGIN, "", "/a%2Fb%25", ""},
    {"/a?%00%zz", RM_TARGET_ORIGIN, "", "/a", "%00%zz"},
    {"/\xc3\xa9", RM_TARGET_ORIGIN, "", "/\xc3\xa9", ""},
    {"/http://x", RM_TARGET_ORIGIN, "", "/http://x", ""},
    {"*", RM_TARGET_ASTERISK, "", "*", ""},
    {"http://h", RM_TARGET_ABSOLUTE, "h", "/", ""},
    {"http://h/", RM_TARGET_ABSOLUTE, "h", "/", ""},
    {"HtTpS://h:1/a?b", RM_TARGET_ABSOLUTE, "h:1", "/a", "b"},
    {"http://h?b/c", RM_TARGET_ABSOLUTE, "h", "/", "b/c"},
    {"http://[::1]:8/x", RM_TARGET_ABSOLUTE, "[::1]:8", "/x", ""},
    {"", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"a", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"**", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"h:80", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"?a", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"\\a", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"/a#", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"/a?b#c", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"/a b", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"/a\tb", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"/a\x7f", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"/%", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"/%4", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"/%4g", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"/%00", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"/%0a", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"/%7f", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"http://", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"http:///a", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"http://a@b/", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"http://a%2e/", RM_TARGET_ORIGIN, NULL, NULL, NULL},
    {"ws://a/", RM_TARGET_ORIGIN, NULL, NULL, NULL},
};

static void target_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < RM_COUNT(target_cases); i++) {
        const struct target_case *c = &target_cases[i];
        struct rm_target t;
        int code = rm_target_split(rm_str_of(c->raw), &t);
        if (code != (c->path ? RM_OK : RM_EREQUEST))
            fail_msg("%s: %s", c->raw, rm_code_name(code));
        if (!c->path)
            continue;
        if (t.form != c->form || !rm_str_eq(t.authority, rm_str_of(c->authority)) ||
            !rm_str_eq(t.path, rm_str_of(c->path)) || !rm_str_eq(t.query, rm_str_of(c->query)))
            fail_msg("%s: form %d, path %.*s, query %.*s", c->raw, (int)t.form, (int)t.path.n, t.path.p, (int)t.query.n,
                     t.query.p);
    }
}

static void target_nul(void **state)
{
    (void)state;
    struct rm_target t;
    assert_int_equal(rm_target_split(RM_STR("/a\0b"), &t), RM_EREQUEST);
    assert_int_equal(rm_target_split(RM_STR("/a?\0"), &t), RM_EREQUEST);
}

static void target_dots(void **state)
{
    (void)state;
    static const char *const dots[] = {".", "..", "%2e", "%2E%2e", ".%2E", "%2e."};
    for (size_t i = 0; i < RM_COUNT(dots); i++)
        assert_true(rm_target_is_dots(rm_str_of(dots[i])));
    static const char *const others[] = {"", "...", "a.", ".a", "%2f", "%2e%2e%2e", ". ", "%2", "%2e%2", "%252e"};
    for (size_t i = 0; i < RM_COUNT(others); i++)
        assert_false(rm_target_is_dots(rm_str_of(others[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(target_table),
        cmocka_unit_test(target_nul),
        cmocka_unit_test(target_dots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
