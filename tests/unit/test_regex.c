// Regular expressions: RE2's meaning where PCRE2 differs, and one bound on the work of all matches.
// SPDX-License-Identifier: Apache-2.0
#include "value/regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int match(struct rm_arena *arena, const char *pattern, struct rm_str text)
{
    const struct rm_regex *regex = NULL;
    struct rm_err err;
    assert_int_equal(rm_regex_compile(arena, rm_str_of(pattern), &regex, &err), RM_OK);
    return rm_regex_match(regex, rm_matcher_new(arena, RM_MATCHER_STEPS), text, &err);
}

static void what_matches(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        int matches;
    } cases[] = {
        {"", "", 1},
        {"", "x", 1},
        {"^a", "ba", 0},
        {"b", "abc", 1},
        {"a$", "a\n", 0},
        {"a$", "a", 1},
        {"^.$", "\n", 0},
        {"^.$", "\xc3\xa4", 1},
        {"(?i)ABC", "xabcx", 1},
        {"^\\d{2,3}$", "12", 1},
        {"^\\d{2,3}$", "1", 0},
        {"^\\d$", "\xd9\xa3", 0},
        {"\\p{Greek}", "\xce\xb1", 1},
        {"(?P<n>a)b", "ab", 1},
        {"[^a]", "a", 0},
        {"[^a]", "\xff", 0},
        {"^a|b$", "xb", 1},
    };
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    for (size_t i = 0; i < RM_COUNT(cases); i++)
        assert_int_equal(match(&arena, cases[i].pattern, rm_str_of(cases[i].text)), cases[i].matches);
    assert_int_equal(match(&arena, "^a.b$", (struct rm_str){"a\0b", 3}), 1);
    rm_arena_fini(&arena);
}

static void what_is_none(void **state)
{
    (void)state;
    static const char *const cases[] = {"(", "a{2,1}", "[b-a]", "*", "\\C", "\\", "(?<n"};
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        const struct rm_regex *regex = NULL;
        struct rm_err err = {0};
        assert_int_equal(rm_regex_compile(&arena, rm_str_of(cases[i]), &regex, &err), RM_ECONF);
        assert_null(regex);
        assert_non_null(strstr(err.text, ", at its byte "));
    }
    rm_arena_fini(&arena);
}

// Patterns that take a time exponential in the text, quadratic in it, and one that only scans.
static void work_is_bounded(void **state)
{
    (void)state;
    static const char *const slow[] = {"(a+)+$",           "(a|aa)+$", "a*a*a*a*b",    "(.*)*x",
                                       "(?:a?){30}a{30}c", "a*b",      "^(\\w+\\s?)*$"};
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_str text = {rm_arena_alloc(&arena, 100000), 100000};
    memset((char *)(uintptr_t)text.p, 'a', text.n);
    ((char *)(uintptr_t)text.p)[text.n - 1] = '!';
    for (size_t i = 0; i < RM_COUNT(slow); i++) {
        struct rm_arena request;
        rm_arena_init(&request, NULL);
        const struct rm_regex *regex = NULL;
        struct rm_err err = {0};
        assert_int_equal(rm_regex_compile(&arena, rm_str_of(slow[i]), &regex, &err), RM_OK);
        struct rm_matcher *matcher = rm_matcher_new(&request, RM_MATCHER_STEPS);
        int rc = rm_regex_match(regex, matcher, text, &err);
        assert_true(rc == 0 || rc == RM_ETOOBIG);
        if (rc == 0) // then it has counted what it did
            rc = rm_matcher_spend(matcher, RM_MATCHER_STEPS) ? 0 : RM_ETOOBIG;
        assert_int_equal(rc, RM_ETOOBIG);
        assert_true(request.bytes < 2 << 20);
        rm_arena_fini(&request);
    }
    rm_arena_fini(&arena);
}

// Steps are of all matches together, and none are left for ever.
static void steps_are_shared(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    const struct rm_regex *regex = NULL;
    struct rm_err err = {0};
    assert_int_equal(rm_regex_compile(&arena, RM_STR("^abc$"), &regex, &err), RM_OK);
    struct rm_matcher *matcher = rm_matcher_new(&arena, 200);
    int n = 0, rc = 1;
    while (n < 1000 && rc == 1) {
        rc = rm_regex_match(regex, matcher, RM_STR("abc"), &err);
        n++;
    }
    assert_int_equal(rc, RM_ETOOBIG);
    assert_in_range(n, 10, 100);
    assert_int_equal(rm_regex_match(regex, matcher, RM_STR("abc"), &err), RM_ETOOBIG);
    rm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_matches),
        cmocka_unit_test(what_is_none),
        cmocka_unit_test(work_is_bounded),
        cmocka_unit_test(steps_are_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
