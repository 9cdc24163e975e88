// The store of an HTTP cache: what is found, what varies, what goes when there is no room, and many threads at once.
// SPDX-License-Identifier: Apache-2.0
#include "policy/http_store.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const struct rm_http_limits roomy = {.bytes = 1 << 20};
static const struct rm_headers nothing;

static struct rm_headers one(struct rm_header *v, const char *name, const char *value)
{
    *v = (struct rm_header){rm_str_of(name), rm_str_of(value)};
    return (struct rm_headers){v, 1, 1};
}

static void put(struct rm_http_store *store, const struct rm_http_limits *limits, const char *key, const char *body)
{
    struct rm_http_item item = {.status = 200, .body = rm_str_of(body)};
    rm_http_store_put(store, limits, rm_str_of(key), &nothing, &item);
}

static bool has(struct rm_http_store *store, const char *key, const struct rm_headers *asked, const char *body)
{
    struct rm_http_item *item = rm_http_store_get(store, rm_str_of(key), asked);
    bool same = item && rm_str_eq(item->body, rm_str_of(body));
    rm_http_item_unref(item);
    return same;
}

static void found_by_key(void **state)
{
    (void)state;
    struct rm_arena plan;
    rm_arena_init(&plan, NULL);
    struct rm_http_store *store = rm_http_store_open(&plan, NULL, RM_STR("s"));
    assert_null(rm_http_store_get(store, RM_STR("a"), &nothing));
    struct rm_header v;
    struct rm_http_item item = {.status = 203,
                                .headers = one(&v, "ETag", "\"1\""),
                                .body = RM_STR("first"),
                                .stored_us = 7,
                                .freshness = {.age_s = 1, .lifetime_s = 2}};
    rm_http_store_put(store, &roomy, RM_STR("a"), &nothing, &item);
    put(store, &roomy, "b", "other");
    struct rm_http_item *got = rm_http_store_get(store, RM_STR("a"), &nothing);
    assert_non_null(got);
    assert_int_equal(got->status, 203);
    assert_true(rm_str_eq(got->headers.v[0].value, RM_STR("\"1\"")) && rm_str_eq(got->body, RM_STR("first")));
    assert_true(got->stored_us == 7 && got->freshness.lifetime_s == 2);
    put(store, &roomy, "a", "second"); // in its place; who has the first keeps it
    assert_true(rm_str_eq(got->body, RM_STR("first")));
    rm_http_item_unref(got);
    assert_true(has(store, "a", &nothing, "second") && has(store, "b", &nothing, "other"));
    assert_int_equal(rm_http_store_stats(store).items, 2);
    rm_http_store_drop(store, RM_STR("a"));
    assert_false(has(store, "a", &nothing, "second"));
    assert_int_equal(rm_http_store_stats(store).items, 1);
    rm_arena_fini(&plan);
}

static void found_by_what_it_varies_on(void **state)
{
    (void)state;
    struct rm_arena plan;
    struct rm_header v[2], other;
    rm_arena_init(&plan, NULL);
    struct rm_http_store *store = rm_http_store_open(&plan, NULL, RM_STR("s"));
    static const char *const languages[] = {"de", "fr", ""};
    for (size_t i = 0; i < RM_COUNT(languages); i++) {
        struct rm_headers asked = one(&v[0], "accept-language", languages[i]);
        struct rm_http_item item = {.headers = one(&v[1], "Vary", "X-None , Accept-Language"),
                                    .body = rm_str_of(languages[i])};
        rm_http_store_put(store, &roomy, RM_STR("a"), &asked, &item);
    }
    assert_int_equal(rm_http_store_stats(store).items, 3);
    struct rm_headers asked = one(&v[0], "Accept-Language", "fr"), unlike = one(&other, "Accept-Language", "it");
    assert_true(has(store, "a", &asked, "fr"));
    assert_true(has(store, "a", &nothing, ""));
    assert_null(rm_http_store_get(store, RM_STR("a"), &unlike));
    rm_http_store_drop(store, RM_STR("a")); // all of them
    assert_int_equal(rm_http_store_stats(store).items, 0);
    for (int i = 0; i < 1000; i++) { // a client that makes up languages
        char text[16];
        snprintf(text, sizeof(text), "%d", i);
        struct rm_headers some = one(&v[0], "Accept-Language", text);
        struct rm_http_item item = {.headers = one(&v[1], "Vary", "Accept-Language"), .stored_us = (uint64_t)i};
        rm_http_store_put(store, &roomy, RM_STR("a"), &some, &item);
    }
    assert_true(rm_http_store_stats(store).items <= 32);
    assert_true(
        has(store, "a", &(struct rm_headers){&(struct rm_header){RM_STR("accept-language"), RM_STR("999")}, 1, 1}, ""));
    rm_arena_fini(&plan);
}

static void limits_hold(void **state)
{
    (void)state;
    struct rm_arena plan;
    rm_arena_init(&plan, NULL);
    struct rm_http_store *store = rm_http_store_open(&plan, NULL, RM_STR("s"));
    static const struct rm_http_limits small = {.bytes = 64 << 10}, few = {.bytes = 1 << 20, .items = 5};
    static char body[16 << 10];
    memset(body, 'x', sizeof(body) - 1);
    put(store, &small, "large", body); // more than an eighth
    assert_int_equal(rm_http_store_stats(store).items, 0);
    body[1000] = '\0';
    for (int i = 0; i < 1000; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%d", i);
        put(store, &small, key, body);
        assert_true(rm_http_store_stats(store).bytes <= small.bytes);
    }
    struct rm_http_stats full = rm_http_store_stats(store);
    assert_true(full.items >= 20 && full.items <= 64);
    assert_true(has(store, "999", &nothing, body)); // the newest
    assert_false(has(store, "0", &nothing, body));
    rm_arena_fini(&plan);
    rm_arena_init(&plan, NULL);
    store = rm_http_store_open(&plan, NULL, RM_STR("s"));
    for (int i = 0; i < 100; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%d", i);
        put(store, &few, key, "x");
        assert_true(rm_http_store_stats(store).items <= 5);
    }
    rm_arena_fini(&plan);
}

// What is asked for stays longer than what is not.
static void the_least_used_goes_first(void **state)
{
    (void)state;
    struct rm_arena plan;
    rm_arena_init(&plan, NULL);
    struct rm_http_store *store = rm_http_store_open(&plan, NULL, RM_STR("s"));
    static const struct rm_http_limits limits = {.bytes = 32 << 10};
    put(store, &limits, "wanted", "w");
    for (int i = 0; i < 2000; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%d", i);
        put(store, &limits, key, "x");
        assert_true(has(store, "wanted", &nothing, "w"));
    }
    rm_arena_fini(&plan);
}

static void it_outlives_a_plan(void **state)
{
    (void)state;
    struct rm_policy_cells *cells = rm_policy_cells_new();
    struct rm_arena before, after;
    rm_arena_init(&before, NULL);
    rm_arena_init(&after, NULL);
    struct rm_http_store *store = rm_http_store_open(&before, cells, RM_STR("s"));
    put(store, &roomy, "a", "kept");
    assert_ptr_equal(rm_http_store_open(&after, cells, RM_STR("s")), store);
    rm_arena_fini(&before);
    assert_true(has(store, "a", &nothing, "kept"));
    rm_arena_fini(&after); // nobody has it any more
    rm_arena_init(&after, NULL);
    store = rm_http_store_open(&after, cells, RM_STR("s"));
    assert_false(has(store, "a", &nothing, "kept"));
    rm_arena_fini(&after);
    rm_policy_cells_free(cells);
}

static void *worker(void *arg)
{
    struct rm_http_store *store = arg;
    static const struct rm_http_limits limits = {.bytes = 64 << 10};
    for (int i = 0; i < 20000; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%d", i * 7919 % 301);
        struct rm_http_item *item = rm_http_store_get(store, rm_str_of(key), &nothing);
        if (item)
            assert_true(rm_str_eq(item->body, rm_str_of(key)));
        else
            put(store, &limits, key, key);
        rm_http_item_unref(item);
        if (i % 50 == 0)
            rm_http_store_drop(store, rm_str_of(key));
    }
    return NULL;
}

static void many_threads(void **state)
{
    (void)state;
    struct rm_arena plan;
    pthread_t threads[4];
    rm_arena_init(&plan, NULL);
    struct rm_http_store *store = rm_http_store_open(&plan, NULL, RM_STR("s"));
    for (size_t i = 0; i < RM_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, worker, store), 0);
    for (size_t i = 0; i < RM_COUNT(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(rm_http_store_stats(store).bytes <= (64 << 10) + 4 * 1024); // each may be a trim behind
    rm_arena_fini(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_key),       cmocka_unit_test(found_by_what_it_varies_on),
        cmocka_unit_test(limits_hold),        cmocka_unit_test(the_least_used_goes_first),
        cmocka_unit_test(it_outlives_a_plan), cmocka_unit_test(many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
