// Text, errors, clocks, percent-coding, the list and the map.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/pct.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define assert_str(text, expected) assert_true(rm_str_eq((text), rm_str_of(expected)))

static void texts_compare(void **state)
{
    (void)state;
    struct rm_str none = {NULL, 0};
    assert_int_equal(rm_str_of(NULL).n, 0);
    assert_true(rm_str_eq(none, RM_STR("")));
    assert_true(rm_str_eq(RM_STR("ab"), RM_STR("ab")));
    assert_false(rm_str_eq(RM_STR("ab"), RM_STR("aB")));
    assert_false(rm_str_eq(RM_STR("ab"), RM_STR("abc")));
    assert_true(rm_str_eq_nocase(RM_STR("Content-LENGTH"), RM_STR("content-length")));
    assert_false(rm_str_eq_nocase(RM_STR("a-b"), RM_STR("a_b")));
    assert_false(rm_str_eq_nocase(RM_STR("@"), RM_STR("`"))); // 32 apart, but no letters
    assert_false(rm_str_eq_nocase(RM_STR("\xC4"), RM_STR("\xE4")));

    assert_int_equal(rm_str_cmp(none, none), 0);
    assert_true(rm_str_cmp(none, RM_STR("a")) < 0);
    assert_true(rm_str_cmp(RM_STR("b"), RM_STR("ab")) > 0);
    assert_true(rm_str_cmp(RM_STR("a"), RM_STR("ab")) < 0);
    assert_true(rm_str_cmp(RM_STR("\xFF"), RM_STR("a")) > 0); // bytes, not signed characters

    assert_true(rm_str_starts(RM_STR("abc"), RM_STR("ab")));
    assert_true(rm_str_starts(RM_STR("abc"), none));
    assert_false(rm_str_starts(RM_STR("ab"), RM_STR("abc")));
    assert_str(rm_str_sub(RM_STR("abcdef"), 2, 4), "cd");
}

// Every pair of bytes at every place: a long text is compared eight bytes at a time.
static void letters_alone_have_no_case(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 7, 8, 9, 16, 17};
    for (size_t s = 0; s < RM_COUNT(sizes); s++) {
        char left[20], right[20];
        memset(left, 'k', sizeof(left));
        memset(right, 'K', sizeof(right));
        for (size_t at = 0; at < sizes[s]; at++) {
            for (int a = 0; a < 256; a++) {
                for (int b = 0; b < 256; b++) {
                    int small_a = a >= 'A' && a <= 'Z' ? a + 32 : a, small_b = b >= 'A' && b <= 'Z' ? b + 32 : b;
                    left[at] = (char)a;
                    right[at] = (char)b;
                    bool same = rm_str_same_nocase(left, right, sizes[s]);
                    if (same != (small_a == small_b))
                        fail_msg("%02x and %02x at %zu of %zu", (unsigned)a, (unsigned)b, at, sizes[s]);
                }
            }
            left[at] = 'k';
            right[at] = 'K';
        }
    }
}

static void an_error_is_one_line_of_whole_characters(void **state)
{
    (void)state;
    struct rm_err err = {.status = 404};
    assert_int_equal(rm_fail(NULL, RM_ECONF, "x"), RM_ECONF);
    assert_int_equal(rm_fail(&err, RM_EDECODE, "line %d\nforged\x7F", 1), RM_EDECODE);
    assert_int_equal(err.code, RM_EDECODE);
    assert_int_equal(err.status, 0);
    assert_string_equal(err.text, "line 1 forged ");

    // Characters of two to four bytes at each position of the cut.
    static const char *const characters[] = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x90\x9F"};
    for (size_t i = 0; i < RM_COUNT(characters); i++) {
        for (int pad = 0; pad < 4; pad++) {
            char text[400] = "";
            size_t n = 0, size = strlen(characters[i]);
            for (; n < (size_t)pad; n++)
                text[n] = 'a';
            for (; n + size < 300; n += size)
                memcpy(text + n, characters[i], size);
            rm_fail(&err, RM_ECONF, "%s", text);
            size_t got = strlen(err.text);
            assert_int_equal((got - (size_t)pad) % size, 0);
            assert_true(got > sizeof(err.text) - 5);
        }
    }
    for (size_t n = 195; n < 205; n++) {
        char text[300];
        memset(text, 'x', n);
        text[n] = '\0';
        rm_fail(&err, RM_ECONF, "%s", text);
        assert_int_equal(strlen(err.text), n < 199 ? n : 199);
    }
}

static void codes_have_names_of_their_own(void **state)
{
    (void)state;
    assert_string_equal(rm_code_name(RM_ETIMEOUT), "timeout");
    assert_string_equal(rm_code_name(RM_ECONNECT), "connect");
    assert_string_equal(rm_code_name(-1000), "unknown");
    for (int a = RM_ESYS; a <= RM_OK; a++) {
        assert_string_not_equal(rm_code_name(a), "unknown");
        for (int b = RM_ESYS; b < a; b++)
            assert_string_not_equal(rm_code_name(a), rm_code_name(b));
    }
}

static void check_time(int64_t seconds, int ms)
{
    char got[32], date[32], want[48];
    time_t t = (time_t)seconds;
    struct tm tm;
    assert_non_null(gmtime_r(&t, &tm));
    assert_true(strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) > 0);
    snprintf(want, sizeof(want), "%s.%03dZ", date, ms);
    rm_clock_format(seconds * 1000000 + ms * 1000 + 999, got, sizeof(got));
    assert_string_equal(got, want);
}

static void times_are_written_as_the_library_does(void **state)
{
    (void)state;
    char got[25];
    rm_clock_format(0, got, sizeof(got));
    assert_string_equal(got, "1970-01-01T00:00:00.000Z");
    rm_clock_format(-1, got, sizeof(got));
    assert_string_equal(got, "1969-12-31T23:59:59.999Z");
    rm_clock_format(INT64_C(1767322985678901), got, sizeof(got));
    assert_string_equal(got, "2026-01-02T03:03:05.678Z");
    rm_clock_format(INT64_MAX, got, sizeof(got)); // no such year fits, and nothing overflows
    assert_int_equal(strlen(got), 24);
    check_time(951782399, 1);    // the day before a leap day of a century
    check_time(951782400, 0);    // 2000-02-29
    check_time(4107542399, 999); // 2100-02-28: no leap year
    check_time(4107542400, 0);
    for (int64_t day = -30000; day < 60000; day += 13)
        check_time(day * 86400 + (day * 7919) % 43200 + 43200, (int)((day + 30000) % 1000));
}

static void clocks_move_forward(void **state)
{
    (void)state;
    uint64_t before = rm_clock_us();
    assert_true(rm_clock_us() >= before);
    assert_true(rm_clock_wall_us() > INT64_C(1600000000) * 1000000);
}

static void percent_decoding(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_str out, in = RM_STR("plain/+text");
    assert_int_equal(rm_pct_decode(&arena, in, false, &out), RM_OK);
    assert_ptr_equal(out.p, in.p); // the slice itself
    assert_int_equal(arena.bytes, 0);
    assert_int_equal(rm_pct_decode(&arena, (struct rm_str){NULL, 0}, true, &out), RM_OK);
    assert_int_equal(out.n, 0);
    assert_int_equal(rm_pct_decode(&arena, RM_STR("a%2Fb%e9+%25"), false, &out), RM_OK);
    assert_str(out, "a/b\xE9+%");
    assert_int_equal(rm_pct_decode(&arena, RM_STR("a+b%2B"), true, &out), RM_OK);
    assert_str(out, "a b+");
    static const char *const bad[] = {"%", "a%", "%1", "%g0", "%0g", "%00", "a%2", "%%20", "% 20", "%-1"};
    for (size_t i = 0; i < RM_COUNT(bad); i++)
        assert_int_equal(rm_pct_decode(&arena, rm_str_of(bad[i]), false, &out), RM_EREQUEST);
    assert_int_equal(rm_pct_decode(&arena, RM_STR("a\0b"), false, &out), RM_EREQUEST);
    rm_arena_fini(&arena);
}

static void percent_encoding(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_str kept = RM_STR("aZ09-._~!$&'()*+,;=:@");
    assert_ptr_equal(rm_pct_encode_segment(&arena, kept).p, kept.p);
    assert_str(rm_pct_encode_segment(&arena, RM_STR("a/b?c#d e%\x01\xC3\xA9\"")), "a%2Fb%3Fc%23d%20e%25%01%C3%A9%22");
    assert_str(rm_pct_encode_query(&arena, RM_STR("a b&c=d+e/-._~")), "a%20b%26c%3Dd%2Be%2F-._~");
    // Whatever goes in comes out again, and only what a segment may hold stands between.
    for (int c = 1; c < 256; c++) {
        char byte = (char)c;
        struct rm_str in = {&byte, 1}, back;
        struct rm_str segment = rm_pct_encode_segment(&arena, in), query = rm_pct_encode_query(&arena, in);
        assert_true(segment.n == 3 || strchr("-._~!$&'()*+,;=:@", c) || (c < 128 && c >= '0'));
        assert_int_equal(rm_pct_decode(&arena, segment, false, &back), RM_OK);
        assert_true(rm_str_eq(back, in));
        assert_int_equal(rm_pct_decode(&arena, query, true, &back), RM_OK);
        assert_true(rm_str_eq(back, in));
    }
    char nul = '\0';
    assert_str(rm_pct_encode_segment(&arena, (struct rm_str){&nul, 1}), "%00");
    rm_arena_fini(&arena);
}

static void query_pairs(void **state)
{
    (void)state;
    struct rm_str rest = RM_STR("&&a=1&b&=c&d=&e=f=g&%61=%20&&");
    static const char *const want[][3] = {{"a=1", "a", "1"}, {"b", "b", ""},        {"=c", "", "c"},
                                          {"d=", "d", ""},   {"e=f=g", "e", "f=g"}, {"%61=%20", "%61", "%20"}};
    struct rm_query_pair pair;
    for (size_t i = 0; i < RM_COUNT(want); i++) {
        assert_true(rm_query_next(&rest, &pair));
        assert_str(pair.pair, want[i][0]);
        assert_str(pair.key, want[i][1]);
        assert_str(pair.value, want[i][2]);
    }
    assert_false(rm_query_next(&rest, &pair));
    rest = (struct rm_str){NULL, 0};
    assert_false(rm_query_next(&rest, &pair));
}

struct item {
    int number;
    struct rm_list link;
};

static void lists_keep_order_and_survive_double_removal(void **state)
{
    (void)state;
    struct rm_list head;
    struct item items[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    rm_list_init(&head);
    assert_true(rm_list_empty(&head));
    rm_list_push_back(&head, &items[1].link);
    rm_list_push_back(&head, &items[2].link);
    rm_list_push_front(&head, &items[0].link);
    rm_list_push_back(&head, &items[3].link);
    rm_list_remove(&items[2].link);
    rm_list_remove(&items[2].link);
    int sum = 0, n = 0;
    RM_LIST_FOR (node, &head) {
        sum = sum * 10 + rm_container_of(node, struct item, link)->number;
        n++;
    }
    assert_int_equal(n, 3);
    assert_int_equal(sum, 13); // 0, 1, 3
}

static void maps_find_what_was_put(void **state)
{
    (void)state;
    struct rm_arena arena;
    struct rm_map map;
    static int values[3000];
    rm_arena_init(&arena, NULL);
    rm_map_init(&map, &arena);
    assert_null(rm_map_get(&map, RM_STR("a")));
    for (int i = 0; i < 3000; i++) {
        void **place = rm_map_put(&map, rm_arena_printf(&arena, "key-%d", i));
        assert_null(*place);
        *place = &values[i];
        assert_null(rm_map_get(&map, RM_STR("none"))); // however full it is
    }
    *rm_map_put(&map, (struct rm_str){NULL, 0}) = values;
    assert_int_equal(map.n, 3001);
    for (int i = 0; i < 3000; i++) {
        struct rm_str key = rm_arena_printf(&arena, "key-%d", i);
        assert_ptr_equal(rm_map_get(&map, key), &values[i]);
        assert_ptr_equal(*rm_map_put(&map, key), &values[i]);
    }
    assert_int_equal(map.n, 3001);
    assert_ptr_equal(rm_map_get(&map, RM_STR("")), values);
    assert_null(rm_map_get(&map, RM_STR("key-3000")));
    rm_arena_fini(&arena);
}

static void the_nearest_name(void **state)
{
    (void)state;
    static const char *const names[] = {"timeout", "endpoint", "url_pattern", "host", "sd"};
    assert_string_equal(rm_nearest(RM_STR("timeuot"), names, RM_COUNT(names)), "timeout"); // one swap
    assert_string_equal(rm_nearest(RM_STR("urlpattern"), names, RM_COUNT(names)), "url_pattern");
    assert_string_equal(rm_nearest(RM_STR("endpoints"), names, RM_COUNT(names)), "endpoint");
    assert_string_equal(rm_nearest(RM_STR("hosts"), names, RM_COUNT(names)), "host");
    assert_string_equal(rm_nearest(RM_STR("host"), names, RM_COUNT(names)), "host");
    assert_null(rm_nearest(RM_STR("zz"), names, RM_COUNT(names)));
    assert_null(rm_nearest(RM_STR("xxmeout"), names, RM_COUNT(names) - 5));
    assert_null(rm_nearest(RM_STR("ttt"), names, RM_COUNT(names)));
    assert_string_equal(rm_nearest(RM_STR("tieot"), (const char *const[]){"tieo", "tieot"}, 2), "tieot");
    assert_null(rm_nearest((struct rm_str){NULL, 0}, names, RM_COUNT(names)));
    char longest[100];
    memset(longest, 'a', sizeof(longest));
    assert_null(rm_nearest((struct rm_str){longest, sizeof(longest)}, names, RM_COUNT(names)));
    assert_null(rm_nearest(RM_STR("host"), names, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_compare),
        cmocka_unit_test(letters_alone_have_no_case),
        cmocka_unit_test(an_error_is_one_line_of_whole_characters),
        cmocka_unit_test(codes_have_names_of_their_own),
        cmocka_unit_test(times_are_written_as_the_library_does),
        cmocka_unit_test(clocks_move_forward),
        cmocka_unit_test(percent_decoding),
        cmocka_unit_test(percent_encoding),
        cmocka_unit_test(query_pairs),
        cmocka_unit_test(lists_keep_order_and_survive_double_removal),
        cmocka_unit_test(maps_find_what_was_put),
        cmocka_unit_test(the_nearest_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
