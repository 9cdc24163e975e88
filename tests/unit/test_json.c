// The JSON parser: grammar, limits, ranges, duplicates.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json_ref.h"
#include "value_help.h"

#include <stdio.h>
#include <stdlib.h>

static int parse(struct rm_str text, uint32_t open_depth, struct rm_value **out)
{
    return rm_json_parse(&value_arena, text, open_depth, &value_limits, out, NULL, NULL);
}

static void numbers(void **state)
{
    (void)state;
    static const char *const good[] = {"0",
                                       "-0",
                                       "1",
                                       "-1",
                                       "10",
                                       "1234567890",
                                       "0.0",
                                       "1.10",
                                       "-0.5e+10",
                                       "1e3",
                                       "1E3",
                                       "1e+3",
                                       "1E-3",
                                       "0e0",
                                       "18446744073709551615",
                                       "99999999999999999999",
                                       "1e400",
                                       "-1e-400",
                                       "0.10000000000000000555",
                                       "123456789012345678901234567890.5"};
    static const char *const bad[] = {"-",         "+1",    "01",  "-01",   "00",    "1.",  ".5",       "-.5",
                                      "1.e5",      "1e",    "1e+", "1e-",   "0x10",  "1_0", "Infinity", "NaN",
                                      "-Infinity", "1.2.3", "--1", "1e5.5", "1e1e1", "0e",  "-a",       "\xEF\xBC\x91"};
    for (size_t i = 0; i < RM_COUNT(good); i++) {
        struct rm_value *v = value_parsed(good[i], 0);
        assert_int_equal(v->type, RM_NUMBER);
        assert_string_equal(value_written(v), good[i]);
        struct rm_str list = rm_arena_printf(&value_arena, "[%s,{\"a\":%s}]", good[i], good[i]);
        value_assert_writes(list.p, list.p);
    }
    for (size_t i = 0; i < RM_COUNT(bad); i++) {
        struct rm_value *v;
        struct rm_str list = rm_arena_printf(&value_arena, "[%s]", bad[i]);
        for (uint32_t depth = 0; depth < 2; depth++)
            assert_int_equal(parse(list, depth, &v), RM_EDECODE);
    }
}

static void texts_that_are_no_json(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      " ",
                                      "{",
                                      "}",
                                      "[",
                                      "]",
                                      "[1",
                                      "[1,",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "[1}",
                                      "{1:2}",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{,}",
                                      "{\"a\" 1}",
                                      "{\"a\":1]",
                                      "{\"a\":1 \"b\":2}",
                                      "{a:1}",
                                      "{'a':1}",
                                      "nul",
                                      "nulL",
                                      "True",
                                      "tru",
                                      "fals",
                                      "falsE",
                                      "\"",
                                      "\"a",
                                      "\"\\\"",
                                      "\"\\",
                                      "\"\\x\"",
                                      "\"\\u\"",
                                      "\"\\u12\"",
                                      "\"\\u12G4\"",
                                      "\"\\u 123\"",
                                      "\"\\ud800\\u12\"",
                                      "\"\\ud800\\uZZZZ\"",
                                      "\"\n\"",
                                      "\"\t\"",
                                      "\"\x01\"",
                                      "\"\x1F\"",
                                      "[\"a\x1F\"]",
                                      "\v1",
                                      "\xEF\xBB\xBF{}",
                                      "/**/1",
                                      "//\n1",
                                      "[1,2",
                                      "{\"a\":[}",
                                      "[[]",
                                      "{\"a\":{}",
                                      "'a'",
                                      "[\"\\a\"]",
                                      "{\"a\"::1}",
                                      "[1,,2]",
                                      "{\"a\":1,,\"b\":2}",
                                      "&",
                                      "\x80",
                                      "{\"\n\":1}",
                                      "{\"a\\q\":1}",
                                      "{\"a\":tru}",
                                      "{\"a\":1e}"};
    for (size_t i = 0; i < RM_COUNT(bad); i++) {
        for (uint32_t depth = 0; depth < 3; depth++) {
            struct rm_value *v = NULL;
            struct rm_err err = {.text = ""};
            int rc = rm_json_parse(&value_arena, rm_str_of(bad[i]), depth, &value_limits, &v, NULL, &err);
            if (rc != RM_EDECODE)
                fail_msg("'%s' gave %d", bad[i], rc);
            assert_null(v);
            assert_non_null(strstr(err.text, "invalid JSON"));
        }
    }
    struct rm_value *v;
    assert_int_equal(parse((struct rm_str){NULL, 0}, 0, &v), RM_EDECODE);
    assert_int_equal(parse(RM_STR("\"a\0b\""), 0, &v), RM_EDECODE);
    assert_int_equal(parse(RM_STR("[1,\0 2]"), 0, &v), RM_EDECODE);
}

static void errors_say_where(void **state)
{
    (void)state;
    struct rm_err err;
    struct rm_value *v;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"{\"a\":tru}", "at byte 5"},
        {"[1, 2", "at byte 5"},
        {"[1 2]", "',' nor ']' behind a value at byte 3"},
        {"{\"a\":1 x}", "',' nor '}' behind a member at byte 7"},
        {"[01]", "leading zero at byte 2"},
        {"\"ab\\x\"", "unknown escape in a string at byte 3"},
        {"\"a\nb\"", "control character in a string at byte 2"},
        {"{\"a\" 1}", "':' behind it at byte 5"},
        {"{1:2}", "name in quotes at byte 1"},
        {"", "the text is empty"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        assert_int_equal(rm_json_parse(&value_arena, rm_str_of(cases[i].text), 1, &value_limits, &v, NULL, &err),
                         RM_EDECODE);
        if (!strstr(err.text, cases[i].want))
            fail_msg("'%s': '%s'", cases[i].text, err.text);
        assert_int_equal(err.code, RM_EDECODE);
    }
}

static void white_space_and_what_follows(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t used;
    } cases[] = {
        {"1", 1},          {" 1 ", 3}, {"{} trash", 3}, {"\t\r\n [1 , 2]\n\n", 13}, {"null}", 4},
        {"\"a\"\"b\"", 3}, {"1 2", 2}, {"[]]", 2},      {"{\"a\" : 1 }x", 10},      {"                    1", 21}};
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_value *v;
        size_t used = 0;
        assert_int_equal(rm_json_parse(&value_arena, rm_str_of(cases[i].text), 1, &value_limits, &v, &used, NULL),
                         RM_OK);
        assert_int_equal(used, cases[i].used);
    }
    // What is opened is written without white space, a range as it came.
    const char *spaced = " { \"a\" : [ 1 , { \"b\" : null } ] , \"c\" : { } } ";
    assert_string_equal(value_written(value_parsed(spaced, UINT32_MAX)), "{\"a\":[1,{\"b\":null}],\"c\":{}}");
    assert_string_equal(value_written(value_parsed(spaced, 1)), "{\"a\":[ 1 , { \"b\" : null } ],\"c\":{ }}");
    assert_string_equal(value_written(value_parsed(spaced, 0)), "{ \"a\" : [ 1 , { \"b\" : null } ] , \"c\" : { } }");
}

static void ranges_below_the_depth_asked_for(void **state)
{
    (void)state;
    const char *text = "{\"a\":{\"b\":{\"c\":[1,2]}},\"d\":[3],\"e\":4}";
    struct rm_value *v = value_parsed(text, 0);
    assert_int_equal(v->type, RM_OBJECT);
    assert_int_equal(v->flags, RM_V_RANGE);
    assert_true(rm_str_eq(v->raw, rm_str_of(text)));
    assert_null(v->first);

    v = value_parsed(text, 1);
    assert_int_equal(v->flags, 0);
    assert_int_equal(v->n, 3);
    assert_true(rm_str_eq(v->first->raw, RM_STR("{\"b\":{\"c\":[1,2]}}")));
    assert_int_equal(v->first->flags, RM_V_RANGE);
    assert_int_equal(v->first->next->type, RM_ARRAY);
    assert_true(rm_str_eq(v->first->next->raw, RM_STR("[3]")));
    assert_int_equal(v->last->type, RM_NUMBER);

    v = value_parsed(text, 2);
    assert_int_equal(v->first->flags, 0);
    assert_true(rm_str_eq(v->first->first->raw, RM_STR("{\"c\":[1,2]}")));
    assert_int_equal(v->first->next->flags, 0);
    assert_int_equal(v->first->next->n, 1);

    rm_value_open(&value_arena, v->first->first);
    assert_int_equal(v->first->first->n, 1);
    assert_true(rm_str_eq(v->first->first->key, RM_STR("b")));
    assert_true(rm_str_eq(v->first->first->first->raw, RM_STR("[1,2]")));
    rm_value_open(&value_arena, v->last); // no range: nothing happens
    rm_value_open(&value_arena, v);
    value_assert_writes(text, text);
}

static void depth_is_bounded_and_costs_no_stack(void **state)
{
    (void)state;
    struct rm_value *v;
    struct rm_err err;
    for (uint32_t depth = 0; depth < 600; depth += 50) {
        assert_int_equal(parse(value_repeated("[", "", "]", 512), depth, &v), RM_OK);
        assert_int_equal(
            rm_json_parse(&value_arena, value_repeated("[", "", "]", 513), depth, &value_limits, &v, NULL, &err),
            RM_ETOOBIG);
        assert_non_null(strstr(err.text, "nested too deeply at byte 512"));
        assert_int_equal(parse(value_repeated("{\"a\":", "1", "}", 512), depth, &v), RM_OK);
        assert_int_equal(parse(value_repeated("{\"a\":", "1", "}", 513), depth, &v), RM_ETOOBIG);
    }
    const struct rm_json_limits none = {UINT32_MAX, UINT32_MAX};
    static const char *const opens[] = {"[", "{\"a\":", "[{\"\\u0061\":"}, *const closes[] = {"]", "}", "}]"};
    for (size_t i = 0; i < RM_COUNT(opens); i++) {
        struct rm_str text = value_repeated(opens[i], "\"\\ud800\"", closes[i], 100000);
        assert_int_equal(rm_json_parse(&value_arena, text, UINT32_MAX, &none, &v, NULL, NULL), RM_OK);
        const char *all = value_written(rm_value_copy(&value_arena, v));
        assert_int_equal(rm_json_parse(&value_arena, text, 0, &none, &v, NULL, NULL), RM_OK);
        assert_true((v->flags & RM_V_REWRITE) != 0);
        assert_string_equal(value_written(v), all);
    }
}

static void the_number_of_values_is_bounded(void **state)
{
    (void)state;
    const struct rm_json_limits five = {512, 5};
    struct rm_value *v;
    struct rm_err err;
    for (uint32_t depth = 0; depth < 3; depth++) {
        assert_int_equal(rm_json_parse(&value_arena, RM_STR("[1,{\"a\":2},3]"), depth, &five, &v, NULL, NULL), RM_OK);
        assert_int_equal(rm_json_parse(&value_arena, RM_STR("[1,{\"a\":2},3,4]"), depth, &five, &v, NULL, &err),
                         RM_ETOOBIG);
        assert_non_null(strstr(err.text, "too many values at byte 13"));
    }
}

static void the_last_of_equal_names_wins_in_the_place_of_the_first(void **state)
{
    (void)state;
    value_assert_writes("{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}");
    value_assert_writes("{\"a\":1,\"a\":2,\"a\":{\"x\":1,\"x\":2}}", "{\"a\":{\"x\":2}}");
    value_assert_writes("[{\"k\":[{\"a\":1,\"a\":null}]}]", "[{\"k\":[{\"a\":null}]}]");
    value_assert_writes("{\"a\":1,\"\\u0061\":2}", "{\"a\":2}"); // an escaped name is the same name
    value_assert_writes("{\"\\n\":1,\"\\u000a\":2,\"\":3,\"\":4}", "{\"\\n\":2,\"\":4}");
    assert_int_equal(value_parsed("{\"a\":{\"b\":1,\"b\":2}}", 0)->flags, RM_V_RANGE | RM_V_REWRITE);
    assert_int_equal(value_parsed("{\"a\":{\"b\":1,\"b\":2}}", 1)->first->flags, RM_V_RANGE | RM_V_REWRITE);
    assert_int_equal(value_parsed("{\"a\":1,\"A\":2,\"\\u0041a\":3}", 0)->flags, RM_V_RANGE);
    // A flag belongs to one range, not to its neighbours.
    struct rm_value *v = value_parsed("{\"a\":{\"x\":1,\"x\":2},\"b\":{\"x\":1},\"c\":[\"\xFF\"],\"d\":[\"y\"]}", 1);
    assert_int_equal(v->first->flags, RM_V_RANGE | RM_V_REWRITE);
    assert_int_equal(v->first->next->flags, RM_V_RANGE);
    assert_int_equal(v->first->next->next->flags, RM_V_RANGE | RM_V_REWRITE);
    assert_int_equal(v->last->flags, RM_V_RANGE);
}

// {"k0":{…},"k1":…,…}: n names, the last `again` of them a second time. Nested objects with the same names stand between.
static struct rm_str many_names(size_t n, size_t again, size_t nested)
{
    struct rm_buf buf;
    rm_buf_init(&buf, 64 << 20, NULL);
    assert_int_equal(rm_buf_append(&buf, RM_STR("{")), RM_OK);
    for (size_t i = 0; i < n + again; i++) {
        assert_int_equal(rm_buf_printf(&buf, "%s\"k%zu\":", i ? "," : "", i < n ? i : i - again), RM_OK);
        if (i < nested)
            assert_int_equal(rm_buf_printf(&buf, "{\"k0\":%zu,\"k1\":[],\"k%zu\":{\"k0\":1}}", i, i + 2), RM_OK);
        else
            assert_int_equal(rm_buf_printf(&buf, "%zu", i), RM_OK);
    }
    assert_int_equal(rm_buf_append(&buf, RM_STR("}")), RM_OK);
    struct rm_str text = rm_arena_dup(&value_arena, rm_buf_str(&buf));
    rm_buf_free(&buf);
    return text;
}

static void many_names_are_told_apart(void **state)
{
    (void)state;
    for (size_t n = 1; n < 300; n += 1 + n / 9) {
        for (size_t again = 0; again < 2; again++) {
            struct rm_str text = many_names(n, again, n / 2);
            struct rm_value *range, *opened;
            assert_int_equal(parse(text, 0, &range), RM_OK);
            assert_int_equal(range->flags, again ? RM_V_RANGE | RM_V_REWRITE : RM_V_RANGE);
            assert_int_equal(parse(text, 1, &opened), RM_OK);
            assert_int_equal(opened->n, n);
            char *want = json_ref(text.p, text.n, 9, 9999, NULL);
            assert_string_equal(value_written(range), want);
            assert_string_equal(value_written(opened), want);
            free(want);
        }
    }
    // In linear time: this would take minutes if each name were compared with all before it.
    const struct rm_json_limits none = {UINT32_MAX, UINT32_MAX};
    struct rm_str text = many_names(200000, 100000, 0);
    struct rm_value *v;
    assert_int_equal(rm_json_parse(&value_arena, text, 0, &none, &v, NULL, NULL), RM_OK);
    assert_int_equal(v->flags, RM_V_RANGE | RM_V_REWRITE);
    rm_value_open(&value_arena, v);
    assert_int_equal(v->n, 200000);
    text = many_names(200000, 0, 0);
    assert_int_equal(rm_json_parse(&value_arena, text, 0, &none, &v, NULL, NULL), RM_OK);
    assert_int_equal(v->flags, RM_V_RANGE);
    // Many objects with the same names, few or many, are no duplicates.
    struct rm_str same = many_names(100, 0, 0);
    text = rm_arena_printf(&value_arena, "[%s,{\"k0\":%s},%s]", same.p, same.p, same.p);
    assert_int_equal(parse(text, 0, &v), RM_OK);
    assert_int_equal(v->flags, RM_V_RANGE);
    text = value_repeated("{\"a\":1,\"b\":[", "0", "],\"c\":2}", 200);
    assert_int_equal(parse(text, 0, &v), RM_OK);
    assert_int_equal(v->flags, RM_V_RANGE);
}

static void a_name_that_is_too_long_to_compare_is_rewritten_at_most(void **state)
{
    (void)state;
    for (size_t n = 240; n < 280; n += 3) {
        struct rm_str name = value_repeated("x", "\\u0061", "", n);
        struct rm_str text = rm_arena_printf(&value_arena, "[{\"%s\":1,\"b\":2,\"%s\":3}]", name.p, name.p);
        char *want = json_ref(text.p, text.n, 9, 9, NULL);
        for (uint32_t depth = 0; depth < 3; depth++)
            assert_string_equal(value_written(value_parsed(text.p, depth)), want);
        free(want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VALUE_TEST(numbers),
        VALUE_TEST(texts_that_are_no_json),
        VALUE_TEST(errors_say_where),
        VALUE_TEST(white_space_and_what_follows),
        VALUE_TEST(ranges_below_the_depth_asked_for),
        VALUE_TEST(depth_is_bounded_and_costs_no_stack),
        VALUE_TEST(the_number_of_values_is_bounded),
        VALUE_TEST(the_last_of_equal_names_wins_in_the_place_of_the_first),
        VALUE_TEST(many_names_are_told_apart),
        VALUE_TEST(a_name_that_is_too_long_to_compare_is_rewritten_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
