// The static provider over a scripted DNS server: lists of addresses, names with A and AAAA and aliases, their TTL, a server that
// falls silent and comes back, names that do not exist, localhost. Real time, but nothing waits for a clock: each test waits for
// what should happen.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "pool/cache.h"
#include "sd_rig.h"
#include "sd/registry.h"
#include "sd/resolve.h"

#define POOL_OPEN(pool, ...)                                                                                           \
    pool_open((pool), &rm_sd_static, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),                           \
              (const char *[]){__VA_ARGS__})

// ---- addresses ---------------------------------------------------------------------------------------------------------------

static void addresses_are_published_from_inside_open(void **state)
{
    (void)state;
    struct pool pool;
    POOL_OPEN(&pool, "http://10.0.0.1:8080", "https://10.0.0.2/base", "http://[fd00::1]", "http://10.0.0.1:8080");
    assert_int_equal(pool.published, 1);
    assert_string_equal(pool_text(&pool), "10.0.0.1:8080 10.0.0.2:443 [fd00::1]:80 10.0.0.1:8080");
    const struct rm_host *host = &pool.list->host[1];
    assert_true(rm_str_eq(host->scheme, RM_STR("https")));
    assert_true(rm_str_eq(host->name, RM_STR("10.0.0.2")));
    assert_true(rm_str_eq(host->base_path, RM_STR("/base")));
    assert_int_equal(host->weight, 1);
    assert_int_equal(host->state, RM_HOST_READY);
    assert_int_equal(rm_dns_queries(dns, ""), 0);
    pool_close(&pool);
    pool_open(&pool, &rm_sd_static, 0, NULL); // no host at all is a valid list
    assert_string_equal(pool_text(&pool), "");
    pool_close(&pool);
}

static void a_bad_host_is_refused_at_load(void **state)
{
    (void)state;
    struct pool pool = {.published = 0};
    struct rm_err err = {0};
    pool.hosts[0] = RM_STR("http://10.0.0.1");
    pool.hosts[1] = RM_STR("amqp://queue");
    pool.source = (struct rm_source){.provider = RM_STR("static"), .hosts = pool.hosts, .n_hosts = 2};
    assert_int_equal(rm_sd_static.check(&pool.source, &err), RM_ECONF);
    assert_int_equal(rm_sd_static.open(&pool.provider, &pool.source, loop, &pool.sink, &err), RM_ECONF);
    assert_int_equal(pool.published, 0);
}

static void the_registry_knows_it(void **state)
{
    (void)state;
    assert_ptr_equal(rm_sd_find(RM_STR("static")), &rm_sd_static);
    assert_null(rm_sd_find(RM_STR("Static")));
    assert_null(rm_sd_find(RM_STR("etcd")));
    assert_null(rm_sd_find(RM_STR("")));
}

// ---- names -------------------------------------------------------------------------------------------------------------------

static void every_address_of_a_name_is_a_host(void **state)
{
    (void)state;
    struct pool pool;
    rm_dns_set(dns, "shop.test", "10.0.0.3 10.0.0.1 10.0.0.2", 3600);
    rm_dns_set(dns, "six.test", "fd00::2 fd00::1", 3600);
    rm_dns_set(dns, "both.test", "10.0.1.1 fd00::9", 3600);
    rm_dns_alias(dns, "alias.test", "target.test", 3600);
    rm_dns_set(dns, "target.test", "10.0.2.1", 3600);
    POOL_OPEN(&pool, "http://shop.test:8080", "http://10.9.9.9", "https://alias.test", "http://six.test",
              "http://both.test:81", "http://SHOP.test:8081");
    assert_int_equal(pool.published, 1); // the address need not wait
    assert_string_equal(pool_text(&pool), "10.9.9.9:80");
    wait_for(&pool, "10.0.0.1:8080 10.0.0.2:8080 10.0.0.3:8080 10.9.9.9:80 10.0.2.1:443 [fd00::1]:80 [fd00::2]:80 "
                    "10.0.1.1:81 [fd00::9]:81/1 10.0.0.1:8081 10.0.0.2:8081 10.0.0.3:8081");
    assert_true(rm_str_eq(pool.list->host[0].name, RM_STR("shop.test"))); // for Host and TLS
    assert_true(rm_str_eq(pool.list->host[4].name, RM_STR("alias.test")));
    assert_int_equal(rm_dns_queries(dns, "shop.test"), 2); // A and AAAA, once, though it is listed twice
    assert_int_equal(pool.failed, 0);
    pool_close(&pool);
}

static void a_name_is_asked_again_when_its_ttl_is_over(void **state)
{
    (void)state;
    struct pool pool;
    rm_dns_set(dns, "shop.test", "10.0.0.1", 0);
    rm_dns_set(dns, "calm.test", "10.1.0.1", 3600);
    POOL_OPEN(&pool, "http://shop.test", "http://calm.test");
    wait_for(&pool, "10.0.0.1:80 10.1.0.1:80");
    rm_dns_set(dns, "shop.test", "10.0.0.2 10.0.0.3", 0);
    rm_dns_set(dns, "calm.test", "10.1.0.2", 3600);
    wait_for(&pool, "10.0.0.2:80 10.0.0.3:80 10.1.0.1:80");
    rm_dns_set(dns, "shop.test", "10.0.0.3 10.0.0.2", 0); // turned round: the same list
    wait_for_query("shop.test", rm_dns_queries(dns, "shop.test") + 4);
    assert_string_equal(pool_text(&pool), "10.0.0.2:80 10.0.0.3:80 10.1.0.1:80");
    assert_int_equal(rm_dns_queries(dns, "calm.test"), 2);
    pool_close(&pool);
}

// The TTL of an alias counts, too: its target's may be long.
static void the_shortest_ttl_of_a_chain_counts(void **state)
{
    (void)state;
    struct pool pool;
    rm_dns_alias(dns, "alias.test", "one.test", 0);
    rm_dns_set(dns, "one.test", "10.0.0.1", 3600);
    rm_dns_set(dns, "two.test", "10.0.0.2", 3600);
    POOL_OPEN(&pool, "http://alias.test");
    wait_for(&pool, "10.0.0.1:80");
    rm_dns_alias(dns, "alias.test", "two.test", 3600);
    wait_for(&pool, "10.0.0.2:80");
    pool_close(&pool);
}

static void a_silent_server_costs_nothing_that_was_known(void **state)
{
    (void)state;
    struct pool pool;
    rm_dns_set(dns, "shop.test", "10.0.0.1", 0);
    POOL_OPEN(&pool, "http://shop.test");
    wait_for(&pool, "10.0.0.1:80");
    rm_dns_be(dns, RM_DNS_SILENT);
    wait_for_failure(&pool, 1); // it tries again
    assert_int_equal(pool.err.code, RM_ETIMEOUT);
    assert_non_null(strstr(pool.err.text, "shop.test"));
    assert_string_equal(pool_text(&pool), "10.0.0.1:80");
    rm_dns_be(dns, RM_DNS_SERVFAIL);
    wait_for_failure(&pool, pool.failed);
    assert_string_equal(pool_text(&pool), "10.0.0.1:80");
    rm_dns_set(dns, "shop.test", NULL, 0); // even "no such name" does not take away what worked
    rm_dns_be(dns, RM_DNS_ANSWERS);
    wait_for_failure(&pool, pool.failed + 1);
    assert_int_equal(pool.err.code, RM_ENOHOST);
    assert_string_equal(pool_text(&pool), "10.0.0.1:80");
    rm_dns_set(dns, "shop.test", "10.0.0.2", 0);
    wait_for(&pool, "10.0.0.2:80");
    pool_close(&pool);
}

static void a_name_that_nobody_knows_is_an_empty_answer(void **state)
{
    (void)state;
    struct pool pool;
    POOL_OPEN(&pool, "http://nowhere.test");
    assert_int_equal(pool.published, 0);
    wait_for(&pool, "");
    wait_for_failure(&pool, 2);
    assert_int_equal(pool.err.code, RM_ENOHOST);
    assert_int_equal(pool.published, 1);
    rm_dns_set(dns, "nowhere.test", "", 0); // exists, without addresses
    wait_for_failure(&pool, pool.failed + 1);
    rm_dns_set(dns, "nowhere.test", "10.0.0.1", 0); // deployed later than we
    wait_for(&pool, "10.0.0.1:80");
    pool_close(&pool);
}

static void silence_from_the_start_is_no_answer(void **state)
{
    (void)state;
    struct pool pool;
    rm_dns_be(dns, RM_DNS_SILENT);
    rm_dns_set(dns, "shop.test", "10.0.0.1", 0);
    POOL_OPEN(&pool, "http://shop.test");
    wait_for_failure(&pool, 0);
    assert_int_equal(pool.published, 0);
    rm_dns_be(dns, RM_DNS_ANSWERS);
    wait_for(&pool, "10.0.0.1:80");
    pool_close(&pool);
}

// A host of the list that cannot be resolved does not hold the others back.
static void one_name_fails_alone(void **state)
{
    (void)state;
    struct pool pool;
    rm_dns_set(dns, "shop.test", "10.0.0.1", 3600);
    POOL_OPEN(&pool, "http://nowhere.test", "http://shop.test");
    wait_for(&pool, "10.0.0.1:80");
    wait_for_failure(&pool, 0);
    assert_string_equal(pool_text(&pool), "10.0.0.1:80");
    assert_int_equal(pool.err.code, RM_EPART); // "no such name" would end the whole list after a while
    assert_string_equal(pool.err.text + strlen(pool.err.text) - strlen(" for nowhere.test"), " for nowhere.test");
    pool_close(&pool);
    POOL_OPEN(&pool, "http://10.9.9.9", "http://nowhere.test", "http://elsewhere.test");
    wait_for_failure(&pool, 2);
    assert_int_equal(pool.err.code, RM_EPART);
    assert_non_null(strstr(pool.err.text, " for nowhere.test, and 1 more"));
    assert_string_equal(pool_text(&pool), "10.9.9.9:80");
    pool_close(&pool);
}

static void localhost_always_works(void **state)
{
    (void)state;
    struct pool pool;
    rm_dns_set(dns, "localhost", "10.6.6.6", 3600); // must not be asked (RFC 6761 6.3)
    rm_dns_set(dns, "app.localhost", "10.6.6.6", 3600);
    POOL_OPEN(&pool, "http://localhost:8081");
    assert_int_equal(pool.published, 1); // at once
    assert_true(pool.list->n >= 1);
    assert_true(rm_str_eq(pool.list->host[0].address, RM_STR("127.0.0.1")));
    assert_int_equal(pool.list->host[0].priority, 0); // a server that listens on IPv4 only gets every request
    assert_int_equal(pool.list->host[0].port, 8081);
    for (uint32_t i = 1; i < pool.list->n; i++)
        assert_true(!rm_str_eq(pool.list->host[i].address, RM_STR("::1")) || pool.list->host[i].priority == 1);
    pool_close(&pool);
    POOL_OPEN(&pool, "http://app.localhost", "http://LOCALHOST.");
    assert_int_equal(pool.published, 1);
    assert_true(rm_str_eq(pool.list->host[0].address, RM_STR("127.0.0.1")));
    assert_int_equal(rm_dns_queries(dns, ""), 0);
    pool_close(&pool);
}

// ---- ending ------------------------------------------------------------------------------------------------------------------

static void closing_in_the_middle(void **state)
{
    (void)state;
    struct pool one, two;
    rm_dns_be(dns, RM_DNS_SILENT);
    POOL_OPEN(&one, "http://a.test", "http://b.test");
    POOL_OPEN(&two, "http://c.test"); // shares the resolver
    wait_for_query("c.test", 0);
    pool_close(&one); // its queries are under way
    rm_dns_set(dns, "a.test", "10.0.0.1", 0);
    rm_dns_set(dns, "c.test", "10.0.0.3", 0);
    rm_dns_be(dns, RM_DNS_ANSWERS);
    wait_for(&two, "10.0.0.3:80");
    assert_int_equal(one.published + one.failed, 0);
    rm_dns_be(dns, RM_DNS_SILENT);
    wait_for_query("c.test", rm_dns_queries(dns, "c.test"));
    pool_close(&two); // the last one: the resolver goes with a query under way
}

// No server at all. One that cannot even be sent to fails from inside the library's call, which must not reach the pool from inside
// ours; one where nobody listens fails with the loop's next turn.
static void nobody_listens(void **state)
{
    (void)state;
    static const char *const servers[] = {"255.255.255.255:53", "127.0.0.1:1"};
    for (size_t i = 0; i < RM_COUNT(servers); i++) {
        struct pool pool;
        rm_resolve_setup(&(struct rm_resolve_conf){.servers = servers[i],
                                                   .timeout_us = 50 * RM_MS,
                                                   .tries = 1,
                                                   .min_ttl_us = 10 * RM_MS,
                                                   .max_ttl_us = RM_SEC});
        POOL_OPEN(&pool, "http://shop.test");
        assert_int_equal(pool.published + pool.failed, 0);
        wait_for_failure(&pool, 3);
        assert_true(pool.err.code == RM_ECONNECT || pool.err.code == RM_ETIMEOUT);
        assert_int_equal(pool.published, 0);
        pool_close(&pool);
    }
}

// Through the cache, as in the program.
static void the_cache_shares_it(void **state)
{
    (void)state;
    rm_dns_set(dns, "shop.test", "10.0.0.1", 3600);
    struct rm_cache *cache = rm_cache_new(loop);
    struct rm_str host = RM_STR("http://shop.test");
    struct rm_source source = {.provider = RM_STR("static"), .hosts = &host, .n_hosts = 1};
    struct rm_cache_entry *one, *two;
    assert_int_equal(rm_cache_acquire(cache, &source, &one, NULL), RM_OK);
    assert_int_equal(rm_cache_acquire(cache, &source, &two, NULL), RM_OK);
    assert_ptr_equal(one, two);
    wait_for_query("shop.test", 0);
    rm_cache_release(one);
    rm_cache_release(two);
    rm_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(addresses_are_published_from_inside_open, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(a_bad_host_is_refused_at_load, sd_setup, sd_teardown),
        cmocka_unit_test(the_registry_knows_it),
        cmocka_unit_test_setup_teardown(every_address_of_a_name_is_a_host, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(a_name_is_asked_again_when_its_ttl_is_over, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(the_shortest_ttl_of_a_chain_counts, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(a_silent_server_costs_nothing_that_was_known, sd_setup_impatient, sd_teardown),
        cmocka_unit_test_setup_teardown(a_name_that_nobody_knows_is_an_empty_answer, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(silence_from_the_start_is_no_answer, sd_setup_impatient, sd_teardown),
        cmocka_unit_test_setup_teardown(one_name_fails_alone, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(localhost_always_works, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(closing_in_the_middle, sd_setup_impatient, sd_teardown),
        cmocka_unit_test_setup_teardown(nobody_listens, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(the_cache_shares_it, sd_setup, sd_teardown),
    };
    return cmocka_run_group_tests_name("static", tests, NULL, NULL);
}
