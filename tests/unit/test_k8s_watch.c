// List and watch in virtual time, against an API server that the test plays: everything that takes seconds and minutes, and who
// shares what. Tests that begin with pNN are points of the provider's checklist.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api_script.h"
#include "base/clock.h"
#include "sd/k8s_namespace.h"
#include "vloop.h"

#include <remora/log.h>
#include <stdio.h>
#include <stdlib.h>

#define LIST(version, items)                                                                                           \
    "{\"kind\":\"EndpointSliceList\",\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items "]}"
#define SLICE(name, service, version, address)                                                                         \
    "{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"shop\",\"resourceVersion\":\"" version                       \
    "\",\"labels\":{\"kubernetes.io/service-name\":\"" service "\"}},\"addressType\":\"IPv4\",\"endpoints\":[{"        \
    "\"addresses\":[\"" address "\"]}],\"ports\":[{\"name\":\"http\",\"port\":8080}]}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(version)                                                                                              \
    EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"" version "\"},\"endpoints\":null,\"ports\":null}")

static struct rm_loop *loop;
static struct api_script *server;
static const struct rm_k8s_times times = RM_K8S_TIMES;

struct owner {
    struct rm_k8s_watch_owner owner; // first
    int changed, synced, confirmed, failed;
    struct rm_err err;
};

static void owner_changed(struct rm_k8s_watch_owner *owner, struct rm_str service)
{
    (void)service;
    ((struct owner *)owner)->changed++;
}

static void owner_synced(struct rm_k8s_watch_owner *owner)
{
    ((struct owner *)owner)->synced++;
}

static void owner_confirmed(struct rm_k8s_watch_owner *owner)
{
    ((struct owner *)owner)->confirmed++;
}

static void owner_failed(struct rm_k8s_watch_owner *owner, const struct rm_err *err)
{
    ((struct owner *)owner)->failed++;
    ((struct owner *)owner)->err = *err;
}

static struct owner owner_make(void)
{
    return (struct owner){.owner = {owner_changed, owner_synced, owner_confirmed, owner_failed}};
}

static int setup(void **state)
{
    (void)state;
    rm_log_setup(RM_CRITICAL, RM_STR(""), true, RM_LOG_DEFAULT);
    assert_int_equal(rm_loop_new(&loop, NULL), RM_OK);
    server = malloc(sizeof(*server));
    assert_non_null(server);
    api_script_init(server, loop);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(server->running, 0);
    rm_loop_free(loop);
    free(server);
    return 0;
}

static void pass(uint64_t us)
{
    rm_vloop_run_until(loop, rm_loop_now_us(loop) + us);
}

static unsigned last(void)
{
    assert_true(server->n > 0);
    return server->n - 1;
}

// Time passes until another request is made; a test that waits for an hour has failed.
static unsigned next_request(void)
{
    unsigned n = server->n;
    for (int i = 0; i < 360000 && server->n == n; i++)
        pass(10 * RM_MS);
    assert_true(server->n > n);
    return last();
}

static struct rm_k8s_watch *watch_make(struct owner *owner)
{
    static const struct rm_str services[] = {{"cart", 4}};
    return rm_k8s_watch_new(loop, &server->api, &times, RM_STR("shop"), services, 1, &owner->owner);
}

// A watch that has its list and is open.
static struct rm_k8s_watch *watching(struct owner *owner)
{
    struct rm_k8s_watch *watch = watch_make(owner);
    assert_true(api_script_is(server, last(), "limit=50"));
    api_script_answer(server, last(), 200, 0, LIST("7", SLICE("a", "cart", "3", "10.0.0.1")));
    assert_true(api_script_is(server, last(), "watch=true") && api_script_is(server, last(), "resourceVersion=7&"));
    api_script_head(server, last(), 200);
    assert_int_equal(owner->synced, 1);
    return watch;
}

static size_t n_slices(const struct rm_k8s_watch *watch)
{
    size_t n = 0;
    const struct rm_k8s_store *store = rm_k8s_watch_store(watch);
    RM_LIST_FOR (node, &store->slices) {
        (void)node;
        n++;
    }
    return n;
}

static void p05_silence_closes_the_watch_and_a_bookmark_a_minute_keeps_it(void **state)
{
    (void)state;
    struct owner owner = owner_make();
    struct rm_k8s_watch *watch = watching(&owner);
    unsigned first = last();
    for (int i = 0; i < 60; i++) {
        pass(60 * RM_SEC);
        assert_int_equal(last(), first);
        assert_int_equal(api_script_data(server, first, BOOKMARK("8")), RM_OK);
    }
    assert_int_equal(owner.confirmed, 60);
    pass(times.idle_us - RM_SEC);
    assert_false(server->asked[first].cancelled);
    pass(RM_SEC + times.first_us * 2);
    assert_true(server->asked[first].cancelled);
    // It was a good watch: it goes on where it was.
    assert_int_equal(last(), first + 1);
    assert_true(api_script_is(server, last(), "resourceVersion=8&"));
    assert_int_equal(rm_k8s_watch_counts(watch)->reopened[RM_K8S_IDLE], 1);
    rm_k8s_watch_free(watch);
}

static void p05_a_watch_that_is_not_answered_is_not_waited_for(void **state)
{
    (void)state;
    struct owner owner = owner_make();
    struct rm_k8s_watch *watch = watching(&owner);
    api_script_fail(server, last(), RM_ERESET);
    unsigned second = next_request();
    pass(times.head_us);
    assert_true(server->asked[second].cancelled);
    unsigned third = last() > second ? last() : next_request();
    assert_true(api_script_is(server, third, "resourceVersion=7&"));
    rm_k8s_watch_free(watch);
}

static void p43_a_watch_that_never_says_a_word_lists_again(void **state)
{
    (void)state;
    struct owner owner = owner_make();
    struct rm_k8s_watch *watch = watching(&owner);
    unsigned first = last();
    pass(times.idle_us + times.first_us + RM_SEC);
    assert_int_equal(last(), first + 1);
    assert_true(api_script_is(server, last(), "limit=50") && !api_script_is(server, last(), "resourceVersion"));
    assert_int_equal(rm_k8s_watch_counts(watch)->reopened[RM_K8S_FUTURE], 1);
    assert_int_equal(n_slices(watch), 1); // what was there is served
    rm_k8s_watch_free(watch);
}

static void p09_backoff_doubles_to_half_a_minute_with_full_jitter(void **state)
{
    (void)state;
    struct owner owner = owner_make();
    struct rm_k8s_watch *watch = watch_make(&owner);
    uint64_t most = times.first_us, longest = 0;
    for (int i = 0; i < 40; i++) {
        uint64_t before = rm_loop_now_us(loop);
        api_script_fail(server, last(), RM_ECONNECT);
        unsigned again = next_request();
        uint64_t waited = server->asked[again].at_us - before;
        assert_true(waited <= most);
        longest = waited > longest ? waited : longest;
        most = most * 2 < times.most_us ? most * 2 : times.most_us;
    }
    assert_true(longest > times.most_us / 2);
    assert_int_equal(owner.failed, 40);
    assert_int_equal(owner.err.code, RM_ECONNECT);
    rm_k8s_watch_free(watch);
}

static void p09_a_healthy_while_begins_the_backoff_anew(void **state)
{
    (void)state;
    struct owner owner = owner_make();
    struct rm_k8s_watch *watch = watching(&owner);
    for (int i = 0; i < 10; i++) {
        api_script_fail(server, last(), RM_ERESET);
        (void)next_request();
    }
    api_script_head(server, last(), 200);
    pass(times.healthy_us);
    uint64_t before = rm_loop_now_us(loop);
    api_script_fail(server, last(), RM_ERESET);
    unsigned again = next_request();
    assert_true(server->asked[again].at_us - before <= times.first_us);
    rm_k8s_watch_free(watch);
}

// A server that is away for 20 s: how its hundred clients come back.
static void p09_a_hundred_sidecars_come_back_spread(void **state)
{
    (void)state;
    enum { N = 100, BUCKETS = 10 };
    struct owner owners[N];
    struct rm_k8s_watch *watches[N];
    unsigned buckets[BUCKETS] = {0}, busiest = 0;
    for (int i = 0; i < N; i++) {
        owners[i] = owner_make();
        watches[i] = watching(&owners[i]);
    }
    pass(60 * RM_SEC);
    uint64_t gone_us = rm_loop_now_us(loop), back_us = gone_us + 20 * RM_SEC;
    unsigned at = server->n;
    for (unsigned i = 0; i < at; i++)
        if (server->asked[i].call)
            api_script_fail(server, i, RM_ERESET);
    while (rm_loop_now_us(loop) < back_us) {
        pass(10 * RM_MS);
        for (; at < server->n; at++)
            api_script_fail(server, at, RM_ECONNECT);
    }
    unsigned asked_while_away = at;
    while (server->running < N)
        pass(10 * RM_MS);
    uint64_t spread_us = 30 * RM_SEC;
    for (unsigned i = asked_while_away; i < server->n; i++) {
        uint64_t bucket = (server->asked[i].at_us - back_us) * BUCKETS / spread_us;
        assert_true(bucket < BUCKETS);
        buckets[bucket]++;
        busiest = buckets[bucket] > busiest ? buckets[bucket] : busiest;
    }
    print_message("# back within 30 s, by 3 s:");
    for (int i = 0; i < BUCKETS; i++)
        print_message(" %u", buckets[i]);
    print_message("; %u attempts while it was away\n", asked_while_away - 2 * N);
    assert_true(busiest < N / 2);
    assert_true(asked_while_away - 2 * N < 12 * N);
    for (int i = 0; i < N; i++)
        rm_k8s_watch_free(watches[i]);
}

static void p10_retry_after_is_waited_for(void **state)
{
    (void)state;
    struct owner owner = owner_make();
    struct rm_k8s_watch *watch = watching(&owner);
    uint64_t before = rm_loop_now_us(loop);
    api_script_fail(server, last(), RM_ERESET);
    api_script_answer(server, next_request(), 429, 90 * RM_SEC, "Too many requests");
    before = rm_loop_now_us(loop);
    unsigned again = next_request();
    assert_true(server->asked[again].at_us - before >= 90 * RM_SEC);
    assert_true(api_script_is(server, again, "watch=true") && api_script_is(server, again, "resourceVersion=7&"));
    rm_k8s_watch_free(watch);
}

static void p17_a_store_that_does_not_answer_the_servers_memory_does(void **state)
{
    (void)state;
    struct owner owner = owner_make();
    struct rm_k8s_watch *watch = watch_make(&owner);
    unsigned first = last();
    pass(times.stall_us); // the list hangs
    assert_true(server->asked[first].cancelled);
    unsigned second = last() > first ? last() : next_request();
    assert_true(api_script_is(server, second, "resourceVersion=0") && !api_script_is(server, second, "limit"));
    api_script_answer(server, second, 200, 0, LIST("5", SLICE("a", "cart", "3", "10.0.0.1")));
    assert_int_equal(owner.synced, 1);
    assert_true(api_script_is(server, last(), "resourceVersion=5&"));
    rm_k8s_watch_free(watch);
}

static void a_list_that_makes_progress_may_take_its_time(void **state)
{
    (void)state;
    struct owner owner = owner_make();
    struct rm_k8s_watch *watch = watch_make(&owner);
    unsigned first = last();
    api_script_head(server, first, 200);
    static const char *const parts[] = {"{\"kind\":\"EndpointSliceList\",", "\"metadata\":{\"resourceVersion\":\"9\"},",
                                        "\"items\":[", "]}"};
    for (size_t i = 0; i < RM_COUNT(parts); i++) {
        pass(times.stall_us - RM_SEC);
        assert_int_equal(api_script_data(server, first, parts[i]), RM_OK);
    }
    api_script_end(server, first);
    assert_int_equal(owner.synced, 1);
    rm_k8s_watch_free(watch);
}

static void p11_401_is_tried_again_once_at_once(void **state)
{
    (void)state;
    struct owner owner = owner_make();
    struct rm_k8s_watch *watch = watch_make(&owner);
    api_script_answer(server, 0, 401, 0, "no");
    assert_int_equal(server->n, 2);
    assert_int_equal(owner.failed, 0);
    api_script_answer(server, 1, 401, 0, "no");
    assert_int_equal(server->n, 2);
    assert_int_equal(owner.failed, 1);
    assert_int_equal(owner.err.status, 401);
    api_script_answer(server, next_request(), 401, 0, "no");
    assert_int_equal(server->n, 3); // still the same trouble: no second shot
    rm_k8s_watch_free(watch);
}

static void a_page_that_is_too_big_is_asked_for_in_smaller_ones(void **state)
{
    (void)state;
    struct owner owner = owner_make();
    struct rm_k8s_watch *watch = watch_make(&owner);
    static const char *const limits[] = {"limit=50", "limit=6", "limit=1"};
    for (size_t i = 0; i < RM_COUNT(limits); i++) {
        assert_true(api_script_is(server, last(), limits[i]));
        api_script_head(server, last(), 200);
        api_script_fail(server, last(), RM_ETOOBIG);
    }
    assert_int_equal(server->n, 3); // then it is a failure like others
    assert_int_equal(owner.failed, 1);
    rm_k8s_watch_free(watch);
}

static void p06_a_list_is_taken_as_a_whole_or_not_at_all(void **state)
{
    (void)state;
    struct owner owner = owner_make();
    struct rm_k8s_watch *watch = watching(&owner);
    assert_int_equal(api_script_data(server, last(), EVENT("ERROR", "{\"kind\":\"Status\",\"code\":410}")), RM_ESTATUS);
    unsigned page = next_request();
    api_script_answer(server, page, 200, 0,
                      "{\"kind\":\"EndpointSliceList\",\"metadata\":{\"resourceVersion\":\"20\",\"continue\":\"c/1=\"},"
                      "\"items\":[" SLICE("b", "cart", "19", "10.0.0.2") "]}");
    assert_true(api_script_is(server, last(), "continue=c%2F1%3D"));
    assert_int_equal(n_slices(watch), 1);
    api_script_fail(server, last(), RM_ERESET); // in the middle
    assert_int_equal(owner.synced, 1);
    unsigned again = next_request();
    assert_true(api_script_is(server, again, "limit=50") && !api_script_is(server, again, "continue"));
    api_script_answer(server, again, 200, 0, LIST("30", SLICE("c", "cart", "29", "10.0.0.3")));
    assert_int_equal(owner.synced, 2);
    assert_int_equal(n_slices(watch), 1);
    assert_true(api_script_is(server, last(), "resourceVersion=30&"));
    rm_k8s_watch_free(watch);
}

// An API server that starts anew has no history: after the wait for the server the list does not wait as long once more.
static void p06_after_a_restart_the_list_follows_soon(void **state)
{
    (void)state;
    struct owner owner = owner_make();
    struct rm_k8s_watch *watch = watching(&owner);
    for (int i = 0; i < 10; i++) {
        api_script_fail(server, last(), RM_ECONNECT);
        (void)next_request();
    }
    uint64_t before = rm_loop_now_us(loop), longest = 0;
    api_script_head(server, last(), 200);
    assert_int_equal(api_script_data(server, last(), EVENT("ERROR", "{\"kind\":\"Status\",\"code\":410}")), RM_ESTATUS);
    unsigned again = next_request();
    assert_true(api_script_is(server, again, "limit=50"));
    assert_true(server->asked[again].at_us - before <= times.first_us + 10 * RM_MS);
    // A server that says so each time is not asked ever faster.
    for (int i = 0; i < 20; i++) {
        api_script_answer(server, last(), 200, 0, LIST("7", ""));
        before = rm_loop_now_us(loop);
        api_script_answer(server, last(), 410, 0, "gone");
        uint64_t waited = server->asked[next_request()].at_us - before;
        longest = waited > longest ? waited : longest;
    }
    assert_true(longest > times.most_us / 4);
    rm_k8s_watch_free(watch);
}

// ---- a namespace: who shares, and how changes are gathered -----------------------------------------------------------------

struct sub {
    struct rm_k8s_sub sub; // first
    int told, failed;
    uint64_t told_us;
};

static void sub_changed(struct rm_k8s_sub *sub)
{
    assert_non_null(rm_k8s_watch_store(rm_k8s_namespace_watch(sub)));
    ((struct sub *)sub)->told++;
    ((struct sub *)sub)->told_us = rm_loop_now_us(loop);
}

static void sub_failed(struct rm_k8s_sub *sub, const struct rm_err *err)
{
    (void)err;
    ((struct sub *)sub)->failed++;
}

static struct sub sub_make(const char *service)
{
    return (struct sub){.sub = {.service = rm_str_of(service), .changed = sub_changed, .failed = sub_failed}};
}

static struct rm_k8s_namespace *space_make(void)
{
    return rm_k8s_namespace_new(loop, &server->api, &times, RM_STR("shop"));
}

static void p39_one_watch_for_all_who_join_in_a_turn(void **state)
{
    (void)state;
    struct rm_k8s_namespace *of = space_make();
    struct sub a = sub_make("cart"), b = sub_make("basket"), c = sub_make("cart");
    rm_k8s_namespace_join(of, &a.sub);
    rm_k8s_namespace_join(of, &b.sub);
    rm_k8s_namespace_join(of, &c.sub);
    assert_int_equal(server->n, 0);
    pass(0);
    assert_int_equal(server->n, 1);
    assert_true(api_script_is(server, 0, "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?"));
    assert_true(api_script_is(server, 0, "labelSelector=kubernetes.io%2Fservice-name%20in%20(basket,cart)"));
    assert_null(rm_k8s_namespace_watch(&a.sub));
    api_script_answer(server, 0, 200, 0, LIST("1", ""));
    assert_int_equal(a.told + b.told + c.told, 3); // an empty list is an answer
    assert_int_equal(server->running, 1);
    rm_k8s_namespace_leave(&a.sub);
    rm_k8s_namespace_leave(&b.sub);
    rm_k8s_namespace_leave(&c.sub);
    assert_true(rm_k8s_namespace_is_empty(of));
    rm_k8s_namespace_free(of);
}

static void p39_another_selector_lists_beside_the_watch_in_use(void **state)
{
    (void)state;
    struct rm_k8s_namespace *of = space_make();
    struct sub a = sub_make("cart"), b = sub_make("basket"), c = sub_make("basket");
    rm_k8s_namespace_join(of, &a.sub);
    pass(0);
    api_script_answer(server, 0, 200, 0, LIST("1", SLICE("a", "cart", "1", "10.0.0.1")));
    api_script_head(server, 1, 200);
    assert_int_equal(a.told, 1);
    rm_k8s_namespace_join(of, &b.sub);
    pass(0);
    assert_true(api_script_is(server, 2, "in%20(basket,cart)"));
    assert_int_equal(server->running, 2);
    // The old one goes on meanwhile, also when the new one does not come about.
    api_script_fail(server, 2, RM_ECONNECT);
    assert_int_equal(a.failed, 0);
    assert_int_equal(b.failed, 1);
    assert_null(rm_k8s_namespace_watch(&b.sub));
    assert_int_equal(api_script_data(server, 1, EVENT("MODIFIED", SLICE("a", "cart", "2", "10.0.0.2"))), RM_OK);
    pass(100 * RM_MS);
    assert_int_equal(a.told, 2);
    if (server->n == 3)
        (void)next_request();
    api_script_answer(server, 3, 200, 0, LIST("5", SLICE("b", "basket", "4", "10.0.0.3")));
    assert_true(server->asked[1].cancelled);
    assert_int_equal(a.told, 3);
    assert_int_equal(b.told, 1);
    assert_int_equal(server->running, 1);
    // Who wants what is covered already is told without another request.
    rm_k8s_namespace_join(of, &c.sub);
    assert_int_equal(c.told, 0);
    pass(100 * RM_MS);
    assert_int_equal(c.told, 1);
    assert_int_equal(server->n, 5);
    // Fewer services: narrower again.
    rm_k8s_namespace_leave(&a.sub);
    pass(0);
    assert_true(api_script_is(server, 5, "in%20(basket)"));
    rm_k8s_namespace_leave(&b.sub);
    rm_k8s_namespace_leave(&c.sub);
    rm_k8s_namespace_free(of);
    assert_int_equal(server->running, 0);
}

static void p41_changes_are_gathered_for_50_ms_at_most(void **state)
{
    (void)state;
    struct rm_k8s_namespace *of = space_make();
    struct sub a = sub_make("cart"), b = sub_make("basket");
    rm_k8s_namespace_join(of, &a.sub);
    rm_k8s_namespace_join(of, &b.sub);
    pass(0);
    api_script_answer(server, 0, 200, 0, LIST("1", ""));
    api_script_head(server, 1, 200);
    // One change alone is told of soon.
    uint64_t before = rm_loop_now_us(loop);
    api_script_data(server, 1, EVENT("ADDED", SLICE("a", "cart", "2", "10.0.0.1")));
    pass(RM_SEC);
    assert_int_equal(a.told, 2);
    assert_int_equal(b.told, 1);
    assert_int_equal(a.told_us - before, times.quiet_us);
    // An endless burst: every 50 ms.
    int told = a.told;
    for (int i = 0; i < 1000; i++) {
        api_script_data(server, 1, EVENT("MODIFIED", SLICE("a", "cart", "3", "10.0.0.2")));
        pass(RM_MS);
        if (i == 49) // the first of them has waited long enough
            assert_int_equal(a.told, told + 1);
    }
    pass(RM_SEC);
    assert_in_range(a.told - told, 15, 25);
    // A bookmark says that all is still so: the pool's list gets no older.
    api_script_data(server, 1, BOOKMARK("4"));
    pass(RM_SEC);
    assert_int_equal(b.told, 2);
    // Gone from one slice and in another one shortly after: told of once.
    told = a.told;
    api_script_data(server, 1, EVENT("DELETED", SLICE("a", "cart", "4", "10.0.0.2")));
    pass(5 * RM_MS);
    api_script_data(server, 1, EVENT("ADDED", SLICE("b", "cart", "5", "10.0.0.2")));
    pass(RM_SEC);
    assert_int_equal(a.told, told + 1);
    rm_k8s_namespace_leave(&a.sub);
    rm_k8s_namespace_leave(&b.sub);
    rm_k8s_namespace_free(of);
}

static void p24_a_slice_that_changes_its_service_concerns_both(void **state)
{
    (void)state;
    struct rm_k8s_namespace *of = space_make();
    struct sub a = sub_make("cart"), b = sub_make("basket"), c = sub_make("stock");
    rm_k8s_namespace_join(of, &a.sub);
    rm_k8s_namespace_join(of, &b.sub);
    rm_k8s_namespace_join(of, &c.sub);
    pass(0);
    api_script_answer(server, 0, 200, 0, LIST("1", SLICE("a", "cart", "1", "10.0.0.1")));
    api_script_head(server, 1, 200);
    api_script_data(server, 1, EVENT("MODIFIED", SLICE("a", "basket", "2", "10.0.0.1")));
    pass(RM_SEC);
    assert_int_equal(a.told, 2);
    assert_int_equal(b.told, 2);
    assert_int_equal(c.told, 1);
    rm_k8s_namespace_leave(&a.sub);
    rm_k8s_namespace_leave(&b.sub);
    rm_k8s_namespace_leave(&c.sub);
    rm_k8s_namespace_free(of);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(p05_silence_closes_the_watch_and_a_bookmark_a_minute_keeps_it),
        TEST(p05_a_watch_that_is_not_answered_is_not_waited_for),
        TEST(p43_a_watch_that_never_says_a_word_lists_again),
        TEST(p09_backoff_doubles_to_half_a_minute_with_full_jitter),
        TEST(p09_a_healthy_while_begins_the_backoff_anew),
        TEST(p09_a_hundred_sidecars_come_back_spread),
        TEST(p10_retry_after_is_waited_for),
        TEST(p17_a_store_that_does_not_answer_the_servers_memory_does),
        TEST(a_list_that_makes_progress_may_take_its_time),
        TEST(p11_401_is_tried_again_once_at_once),
        TEST(a_page_that_is_too_big_is_asked_for_in_smaller_ones),
        TEST(p06_a_list_is_taken_as_a_whole_or_not_at_all),
        TEST(p06_after_a_restart_the_list_follows_soon),
        TEST(p39_one_watch_for_all_who_join_in_a_turn),
        TEST(p39_another_selector_lists_beside_the_watch_in_use),
        TEST(p41_changes_are_gathered_for_50_ms_at_most),
        TEST(p24_a_slice_that_changes_its_service_concerns_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
