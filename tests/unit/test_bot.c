// security/bot-detector: the order of its lists, and what a hostile value costs.
// SPDX-License-Identifier: Apache-2.0
#include "policy/bot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

// -1: no User-Agent at all.
static int ask(const struct rm_bot_rule *rule, const char *agent)
{
    struct rm_arena arena;
    struct rm_headers headers = {0};
    rm_arena_init(&arena, NULL);
    struct rm_visit visit = {.arena = &arena, .headers = &headers};
    if (agent)
        rm_headers_add(&arena, &headers, RM_STR("User-Agent"), rm_str_of(agent));
    int code = rm_check_bot.apply(rm_bot_new(&arena, rule), &visit);
    assert_int_equal(visit.refusal.status, code == RM_OK ? 0 : 403);
    assert_int_equal(visit.refusal.err.code, code);
    rm_arena_fini(&arena);
    return code;
}

static void the_order(void **state)
{
    (void)state;
    struct rm_arena arena;
    struct rm_err err;
    rm_arena_init(&arena, NULL);
    const struct rm_str allow[] = {{"good", 4}, {"both", 4}, {"good bot", 8}}, deny[] = {{"bad", 3}, {"both", 4}};
    const struct rm_regex *patterns[2];
    assert_int_equal(rm_regex_compile(&arena, RM_STR("bot$"), &patterns[0], &err), RM_OK);
    assert_int_equal(rm_regex_compile(&arena, RM_STR("(?i)crawl"), &patterns[1], &err), RM_OK);
    struct rm_bot_rule rule = {.allow = allow, .n_allow = 3, .deny = deny, .n_deny = 2, .patterns = patterns, .n_patterns = 2};
    static const struct {
        const char *agent;
        bool passes;
    } cases[] = {{"good", true}, {"both", true}, {"bad", false}, {"bad ", true}, {"Bad", true}, {"a bot", false}, {"bots", true},
                 {"good bot", true}, {"CRAWLER", false}, {"", true}, {NULL, true}};
    for (size_t i = 0; i < RM_COUNT(cases); i++)
        assert_int_equal(ask(&rule, cases[i].agent), cases[i].passes ? RM_OK : RM_EDENIED);
    rule.empty_is_bot = true;
    assert_int_equal(ask(&rule, NULL), RM_EDENIED);
    assert_int_equal(ask(&rule, ""), RM_EDENIED);
    assert_int_equal(ask(&rule, "good"), RM_OK);
    rm_arena_fini(&arena);
}

static void a_value_that_takes_too_long_is_a_bots(void **state)
{
    (void)state;
    struct rm_arena arena;
    struct rm_err err;
    const struct rm_regex *pattern;
    static char agent[8001];
    memset(agent, 'a', sizeof(agent) - 1);
    agent[sizeof(agent) - 2] = 'b';
    rm_arena_init(&arena, NULL);
    assert_int_equal(rm_regex_compile(&arena, RM_STR("^(a+)+$"), &pattern, &err), RM_OK);
    struct rm_bot_rule rule = {.patterns = &pattern, .n_patterns = 1};
    assert_int_equal(ask(&rule, agent), RM_EDENIED);
    assert_int_equal(ask(&rule, "c"), RM_OK);
    rm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order),
        cmocka_unit_test(a_value_that_takes_too_long_is_a_bots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
