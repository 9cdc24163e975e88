// RFC 9111's rules: what Cache-Control says, what may be stored, for how long.
// SPDX-License-Identifier: Apache-2.0
#include "policy/http_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW 784111777 // Sun, 06 Nov 1994 08:49:37 GMT

// "Name: value" lines.
static struct rm_headers lines(struct rm_arena *arena, const char *text)
{
    struct rm_headers headers = {0};
    while (*text) {
        const char *colon = strchr(text, ':'), *end = strchr(text, '\n');
        size_t n = end ? (size_t)(end - text) : strlen(text);
        assert_non_null(colon);
        rm_headers_add(arena, &headers, (struct rm_str){text, (size_t)(colon - text)},
                       (struct rm_str){colon + 2, n - (size_t)(colon + 2 - text)});
        text += n + (end ? 1 : 0);
    }
    return headers;
}

static void cache_control_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *headers;
        struct rm_cache_control said;
    } cases[] = {
        {"", {.max_age = -1, .s_maxage = -1, .min_fresh = -1, .stale_if_error = -1}},
        {"Cache-Control: public, max-age=300",
         {.is_public = true, .max_age = 300, .s_maxage = -1, .min_fresh = -1, .stale_if_error = -1}},
        {"cache-control:  MAX-AGE = \"7\" ,, no-store\t",
         {.no_store = true, .max_age = 7, .s_maxage = -1, .min_fresh = -1, .stale_if_error = -1}},
        {"Cache-Control: private=\"set-cookie, no-store\", max-age=1",
         {.is_private = true, .max_age = 1, .s_maxage = -1, .min_fresh = -1, .stale_if_error = -1}},
        {"Cache-Control: x=\"a\\\"b, no-store\", s-maxage=9",
         {.max_age = -1, .s_maxage = 9, .min_fresh = -1, .stale_if_error = -1}},
        {"Cache-Control: max-age=10\nCache-Control: max-age=5, max-age=20",
         {.max_age = 5, .s_maxage = -1, .min_fresh = -1, .stale_if_error = -1}},
        {"Cache-Control: max-age=-1", {.max_age = 0, .s_maxage = -1, .min_fresh = -1, .stale_if_error = -1}},
        {"Cache-Control: max-age=1e3", {.max_age = 0, .s_maxage = -1, .min_fresh = -1, .stale_if_error = -1}},
        {"Cache-Control: max-age", {.max_age = 0, .s_maxage = -1, .min_fresh = -1, .stale_if_error = -1}},
        {"Cache-Control: max-age=99999999999999999999",
         {.max_age = RM_CACHE_SECONDS_MOST, .s_maxage = -1, .min_fresh = -1, .stale_if_error = -1}},
        {"Pragma: no-cache", {.no_cache = true, .max_age = -1, .s_maxage = -1, .min_fresh = -1, .stale_if_error = -1}},
        {"Pragma: no-cache\nCache-Control: max-age=3",
         {.max_age = 3, .s_maxage = -1, .min_fresh = -1, .stale_if_error = -1}},
        {"Cache-Control: proxy-revalidate, stale-if-error=60, min-fresh=2",
         {.must_revalidate = true, .max_age = -1, .s_maxage = -1, .min_fresh = 2, .stale_if_error = 60}},
        {"Cache-Control: no-cachet, xprivate, \"no-store",
         {.max_age = -1, .s_maxage = -1, .min_fresh = -1, .stale_if_error = -1}},
    };
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_cache_control said;
        struct rm_headers headers = lines(&arena, cases[i].headers);
        rm_cache_control_read(&headers, &said);
        const struct rm_cache_control *expected = &cases[i].said;
        assert_int_equal(said.no_store, expected->no_store);
        assert_int_equal(said.no_cache, expected->no_cache);
        assert_int_equal(said.is_private, expected->is_private);
        assert_int_equal(said.is_public, expected->is_public);
        assert_int_equal(said.must_revalidate, expected->must_revalidate);
        assert_int_equal(said.max_age, expected->max_age);
        assert_int_equal(said.s_maxage, expected->s_maxage);
        assert_int_equal(said.min_fresh, expected->min_fresh);
        assert_int_equal(said.stale_if_error, expected->stale_if_error);
    }
    rm_arena_fini(&arena);
}

static void dates(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "0",
                                        "-1",
                                        "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994",
                                        "Sun, 06 Nov 1994 08:49:37 UTC",
                                        "Sun, 06 Nov 1994 08:49:62 GMT"};
    int64_t at = 0;
    assert_true(rm_http_date_read(RM_STR("Sun, 06 Nov 1994 08:49:37 GMT"), &at));
    assert_int_equal(at, NOW);
    for (size_t i = 0; i < RM_COUNT(wrong); i++)
        assert_false(rm_http_date_read(rm_str_of(wrong[i]), &at));
}

static void what_is_stored(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *asked, *answer;
        int64_t age_s, lifetime_s, stale_s; // age -1: it is not
    } cases[] = {
        {200, "", "", -1, 0, 0}, // nothing is guessed
        {200, "", "Cache-Control: max-age=60", 0, 60, 0},
        {203, "", "Cache-Control: max-age=60", 0, 60, 0},
        {301, "", "Cache-Control: max-age=60", 0, 60, 0},
        {201, "", "Cache-Control: max-age=60", -1, 0, 0},
        {206, "", "Cache-Control: max-age=60", -1, 0, 0},
        {302, "", "Cache-Control: max-age=60", -1, 0, 0},
        {404, "", "Cache-Control: max-age=60", -1, 0, 0},
        {500, "", "Cache-Control: max-age=60", -1, 0, 0},
        {200, "", "Cache-Control: max-age=60, no-store", -1, 0, 0},
        {200, "", "Cache-Control: max-age=60, private", -1, 0, 0},
        {200, "", "Cache-Control: max-age=60\nSet-Cookie: a=b", -1, 0, 0},
        {200, "", "Cache-Control: max-age=60\nVary: *", -1, 0, 0},
        {200, "", "Cache-Control: max-age=60\nVary: Accept, *", -1, 0, 0},
        {200, "Authorization: Bearer x", "Cache-Control: max-age=60", -1, 0, 0},
        {200, "Authorization: Bearer x", "Cache-Control: public, max-age=60", 0, 60, 0},
        {200, "Authorization: Bearer x", "Cache-Control: s-maxage=30, max-age=60", 0, 30, 0},
        {200, "Authorization: Bearer x", "Cache-Control: max-age=60, must-revalidate", 0, 60, 0},
        {200, "", "Cache-Control: max-age=0", -1, 0, 0},
        {200, "", "Cache-Control: max-age=0\nETag: \"1\"", 0, 0, 0},
        {200, "", "ETag: \"1\"", 0, 0, 0},
        {200, "", "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT", 0, 0, 0},
        {200, "", "Cache-Control: no-cache, max-age=60\nETag: \"1\"", 0, 0, 0},
        {200, "", "Cache-Control: no-cache, max-age=60", -1, 0, 0},
        {200, "", "Cache-Control: max-age=60\nAge: 20", 20, 60, 0},
        {200, "", "Cache-Control: max-age=60\nAge: 60", -1, 0, 0},
        {200, "", "Cache-Control: max-age=60\nDate: Sun, 06 Nov 1994 08:49:07 GMT", 30, 60, 0},
        {200, "", "Cache-Control: max-age=60\nAge: 40\nDate: Sun, 06 Nov 1994 08:49:07 GMT", 40, 60, 0},
        {200, "", "Date: Sun, 06 Nov 1994 08:49:37 GMT\nExpires: Sun, 06 Nov 1994 08:50:37 GMT", 0, 60, 0},
        {200, "", "Date: Sun, 06 Nov 1994 08:49:27 GMT\nExpires: Sun, 06 Nov 1994 08:50:37 GMT", 10, 70, 0},
        {200, "", "Expires: 0", -1, 0, 0},
        {200, "", "Expires: Sun, 06 Nov 1994 08:49:37 GMT", -1, 0, 0},
        {200, "", "Cache-Control: max-age=60, stale-if-error=10", 0, 60, 10},
        {200, "", "Cache-Control: max-age=60, stale-if-error=10, must-revalidate", 0, 60, 0},
        {200, "", "Cache-Control: s-maxage=60, stale-if-error=10", 0, 60, 0}, // RFC 9111 5.2.2.10
    };
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_headers asked = lines(&arena, cases[i].asked), answer = lines(&arena, cases[i].answer);
        struct rm_freshness out = {.age_s = -2};
        bool stored = rm_cache_may_store(cases[i].status, &asked, &answer, NOW, 0, &out);
        assert_int_equal(stored, cases[i].age_s >= 0);
        if (!stored)
            continue;
        assert_int_equal(out.age_s, cases[i].age_s);
        assert_int_equal(out.lifetime_s, cases[i].lifetime_s);
        assert_int_equal(out.stale_if_error_s, cases[i].stale_s);
    }
    struct rm_headers none = {0}, answer = lines(&arena, "Cache-Control: max-age=60\nAge: 5");
    struct rm_freshness out;
    assert_true(rm_cache_may_store(200, &none, &answer, NOW, 3, &out)); // on its way it grew older
    assert_int_equal(out.age_s, 8);
    rm_arena_fini(&arena);
}

static void requests_that_pass_by(void **state)
{
    (void)state;
    static const struct {
        const char *asked;
        bool bypasses;
    } cases[] = {{"", false},
                 {"Accept: a", false},
                 {"Cache-Control: no-cache", false},
                 {"Range: bytes=0-1", true},
                 {"If-None-Match: \"1\"", true},
                 {"if-modified-since: x", true},
                 {"If-Match: *", true},
                 {"If-Range: x", true},
                 {"If-Unmodified-Since: x", true},
                 {"Cache-Control: no-store", true}};
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_headers asked = lines(&arena, cases[i].asked);
        assert_int_equal(rm_cache_must_bypass(&asked), cases[i].bypasses);
    }
    rm_arena_fini(&arena);
}

static void freshness_for_a_request(void **state)
{
    (void)state;
    static const struct {
        const char *asked;
        int64_t age_s, lifetime_s;
        bool fresh;
    } cases[] = {{"", 0, 0, false},
                 {"", 59, 60, true},
                 {"", 60, 60, false},
                 {"Cache-Control: no-cache", 0, 60, false},
                 {"Pragma: no-cache", 0, 60, false},
                 {"Cache-Control: max-age=10", 10, 60, true},
                 {"Cache-Control: max-age=10", 11, 60, false},
                 {"Cache-Control: max-age=0", 0, 60, true},
                 {"Cache-Control: max-age=0", 1, 60, false},
                 {"Cache-Control: min-fresh=20", 39, 60, true},
                 {"Cache-Control: min-fresh=20", 40, 60, false}};
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_cache_control said;
        struct rm_headers asked = lines(&arena, cases[i].asked);
        rm_cache_control_read(&asked, &said);
        assert_int_equal(rm_cache_is_fresh(&said, cases[i].age_s, cases[i].lifetime_s), cases[i].fresh);
    }
    rm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cache_control_is_read),   cmocka_unit_test(dates),
        cmocka_unit_test(what_is_stored),          cmocka_unit_test(requests_that_pass_by),
        cmocka_unit_test(freshness_for_a_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
