// Strings between source, decoded text and output, and the writer.
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

static void strings_are_copied_and_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *source, *text; // text NULL: decodes to itself
    } cases[] = {{"", NULL},
                 {"abc", NULL},
                 {"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x9F", NULL},
                 {"\x7F/", NULL},
                 {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
                 {"\\u0041\\u00e9\\u20AC", "A\xC3\xA9\xE2\x82\xAC"},
                 {"\\ud83d\\udc1f", "\xF0\x9F\x90\x9F"},
                 {"\\uD83D\\uDC1Fx", "\xF0\x9F\x90\x9Fx"},
                 {"\\uFFFF", "\xEF\xBF\xBF"},
                 {"\\udbff\\udfff", "\xF4\x8F\xBF\xBF"},
                 {"\\uD7FF\\uE000", "\xED\x9F\xBF\xEE\x80\x80"},
                 {"a\\nb", "a\nb"},
                 {"0123456789abcde\\n0123456789abcdef\\n", "0123456789abcde\n0123456789abcdef\n"}};
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_str source = rm_arena_printf(&value_arena, "\"%s\"", cases[i].source);
        struct rm_value *v = value_parsed(source.p, 0);
        const char *want = cases[i].text ? cases[i].text : cases[i].source;
        assert_true(rm_str_eq(rm_value_text(&value_arena, v), rm_str_of(want)));
        assert_string_equal(value_written(v), source.p);
        assert_int_equal(v->flags, cases[i].text ? RM_V_ESCAPED : 0);
        struct rm_str member = rm_arena_printf(&value_arena, "{\"k\":[%s]}", source.p);
        value_assert_writes(member.p, member.p);
        // As a name it is decoded at once and escaped again.
        struct rm_str named = value_filled("{%:1}", source);
        assert_true(rm_str_eq(value_parsed(named.p, 1)->first->key, rm_str_of(want)));
        value_assert_means_the_same(named);
    }
    struct rm_value *v = value_parsed("\"a\\u0000b\"", 0);
    assert_true(rm_str_eq(rm_value_text(&value_arena, v), RM_STR("a\0b")));
    v = value_parsed("\"plain\"", 0);
    assert_ptr_equal(rm_value_text(&value_arena, v).p, v->raw.p); // a slice where that is possible
}

#define FFFD "\xEF\xBF\xBD"

static void broken_text_becomes_the_replacement_character(void **state)
{
    (void)state;
    static const struct {
        const char *source, *want;
    } cases[] = {{"\x80", FFFD},
                 {"a\xC3", "a" FFFD},
                 {"\xC3(", FFFD "("},
                 {"\xC0\xAF", FFFD FFFD},
                 {"\xE2\x82", FFFD FFFD},
                 {"\xED\xA0\x80", FFFD FFFD FFFD},
                 {"\xF4\x90\x80\x80", FFFD FFFD FFFD FFFD},
                 {"\xF0\x80\x80\x80", FFFD FFFD FFFD FFFD},
                 {"\xE0\x80\x80", FFFD FFFD FFFD},
                 {"\xFF\xFE", FFFD FFFD},
                 {"\xC3\xA9\xA9", "\xC3\xA9" FFFD},
                 {"\xF0\x9F\x90", FFFD FFFD FFFD},
                 {"\\ud800", FFFD},
                 {"\\udc00", FFFD},
                 {"\\udc00\\udc00", FFFD FFFD},
                 {"\\ud800\\ud800", FFFD FFFD},
                 {"\\ud800a", FFFD "a"},
                 {"\\udc1f\\ud83d", FFFD FFFD},
                 {"\\ud83d\\u0041", FFFD "A"},
                 {"\\ud800\\ud83d\\udc1f", FFFD "\xF0\x9F\x90\x9F"},
                 {"\\ud83d\\n", FFFD "\n"}};
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_str source = rm_arena_printf(&value_arena, "\"%s\"", cases[i].source);
        struct rm_value *v = value_parsed(source.p, 0);
        assert_true((v->flags & RM_V_REWRITE) != 0);
        assert_true(rm_str_eq(rm_value_text(&value_arena, v), rm_str_of(cases[i].want)));
        struct rm_value *again = value_parsed(value_written(v), 0);
        assert_int_equal(again->flags & RM_V_REWRITE, 0);
        assert_true(rm_str_eq(rm_value_text(&value_arena, again), rm_str_of(cases[i].want)));

        value_assert_means_the_same(value_filled("{\"a\":[1,{\"b\":%}],\"c\":2}", source));
        value_assert_means_the_same(value_filled("{\"a\":[1,{%:3}],\"c\":2}", source));
    }
}

// A special byte at each place of a string, so that each lane of the fast scanner meets it.
static void every_position_of_a_special_byte(void **state)
{
    (void)state;
    static const char *const specials[] = {"\\n",  "\\\"", "\xC3\xA9", "\x80", "\x1F",
                                           "\x7F", " ",    "\\",       "\"",   "\\ud800"};
    for (size_t s = 0; s < RM_COUNT(specials); s++) {
        for (size_t before = 0; before < 36; before++) {
            for (size_t after = 0; after < 20; after += 3) {
                size_t n = 2 + before + after + strlen(specials[s]);
                char *text = malloc(n); // exactly, so that a read past the end is seen
                assert_non_null(text);
                memset(text, 'x', n);
                text[0] = text[n - 1] = '"';
                memcpy(text + 1 + before, specials[s], strlen(specials[s]));
                struct rm_value *v = NULL;
                char *want = json_ref(text, n, 1, 1, NULL);
                int rc = rm_json_parse(&value_arena, (struct rm_str){text, n}, 0, &value_limits, &v, NULL, NULL);
                assert_int_equal(rc == RM_OK, want != NULL);
                if (want) {
                    const char *out = value_written(v);
                    char *got = json_ref(out, strlen(out), 1, 1, NULL);
                    assert_string_equal(got, want);
                    free(got);
                }
                free(want);
                free(text);
            }
        }
    }
}

static void made_values_are_escaped(void **state)
{
    (void)state;
    struct rm_value *object = rm_value_new(&value_arena, RM_OBJECT);
    rm_value_set(&value_arena, object, RM_STR("\"\\/\n\x01\x1F\x7F"),
                 rm_value_string(&value_arena, RM_STR("\b\f\r\t\0\"\\<>&")));
    rm_value_set(&value_arena, object, RM_STR("bad\xFF"), rm_value_string(&value_arena, RM_STR("\xC3\xA9\xC3")));
    rm_value_set(&value_arena, object, RM_STR("n"), rm_value_integer(&value_arena, INT64_MIN));
    rm_value_set(&value_arena, object, RM_STR("m"), rm_value_number(&value_arena, RM_STR("1e400")));
    rm_value_set(&value_arena, object, (struct rm_str){NULL, 0},
                 rm_value_string(&value_arena, (struct rm_str){NULL, 0}));
    assert_string_equal(value_written(object),
                        "{\"\\\"\\\\/\\n\\u0001\\u001f\x7F\":\"\\b\\f\\r\\t\\u0000\\\"\\\\<>&\",\"bad" FFFD
                        "\":\"\xC3\xA9" FFFD "\",\"n\":-9223372036854775808,\"m\":1e400,\"\":\"\"}");
    assert_string_equal(value_written(NULL), "null");
    assert_string_equal(value_written(rm_value_new(&value_arena, RM_NULL)), "null");
    assert_string_equal(value_written(rm_value_new(&value_arena, RM_TRUE)), "true");
    assert_string_equal(value_written(rm_value_new(&value_arena, RM_FALSE)), "false");
    assert_string_equal(value_written(rm_value_new(&value_arena, RM_ARRAY)), "[]");
}

static void writing_stops_at_the_cap_and_not_before(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "null",
        "\"a\"",
        "[1,2,3,4,5,6,7]",
        "{\"a\":{\"b\":[1,{\"c\":2}]},\"d\":\"\\n\"}",
        "[[[[[]]]],{},[{}]]",
        "{\"a\":1,\"a\":2}",
        "[\"\xFF\xFF\xFF\",{\"a\":1,\"a\":2}]",
        "[\"\\ud800\"]",
        "{\"\\u0001\":\"\\u0001\"}",
    };
    for (size_t i = 0; i < RM_COUNT(texts); i++) {
        for (uint32_t depth = 0; depth < 4; depth++) {
            struct rm_value *v = value_parsed(texts[i], depth);
            size_t whole = strlen(value_written(v));
            for (size_t max = 0; max <= whole; max++) {
                struct rm_buf buf;
                rm_buf_init(&buf, max, NULL);
                assert_int_equal(rm_json_write(&value_arena, v, &buf), max < whole ? RM_ETOOBIG : RM_OK);
                assert_true(buf.n <= max);
                rm_buf_free(&buf);
            }
        }
    }
    struct rm_budget budget = {.limit = 10};
    struct rm_buf buf;
    rm_buf_init(&buf, 1000, &budget);
    assert_int_equal(rm_json_write(&value_arena, value_parsed("[1,2,3]", 1), &buf), RM_EMEMORY);
    rm_buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VALUE_TEST(strings_are_copied_and_decoded),          VALUE_TEST(broken_text_becomes_the_replacement_character),
        VALUE_TEST(every_position_of_a_special_byte),        VALUE_TEST(made_values_are_escaped),
        VALUE_TEST(writing_stops_at_the_cap_and_not_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
