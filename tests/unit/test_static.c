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
#include "dns_server.h"
#include "pool/cache.h"
#include "sd/registry.h"
#include "sd/resolve.h"

#include <remora/log.h>
#include <stdio.h>

#define GIVE_UP_US (30 * RM_SEC) // a test that waits so long has failed

static struct rm_loop *loop;
static struct rm_dns *dns;

// What the pool would be: notes what is published.
struct pool {
    struct rm_sd_sink sink;
    struct rm_snapshot *list;
    int published, failed;
    struct rm_err err;
    void *provider;
    struct rm_source source;
    struct rm_str hosts[8];
};

static void pool_publish(struct rm_sd_sink *sink, struct rm_snapshot *list)
{
    struct pool *pool = rm_container_of(sink, struct pool, sink);
    rm_snapshot_unref(pool->list);
    pool->list = list;
    pool->published++;
}

static void pool_failed(struct rm_sd_sink *sink, const struct rm_err *err)
{
    struct pool *pool = rm_container_of(sink, struct pool, sink);
    pool->err = *err;
    pool->failed++;
}

static void pool_open(struct pool *pool, size_t n, const char *const *hosts)
{
    *pool = (struct pool){.sink = {pool_publish, pool_failed}};
    assert_true(n <= RM_COUNT(pool->hosts));
    for (size_t i = 0; i < n; i++)
        pool->hosts[i] = rm_str_of(hosts[i]);
    pool->source = (struct rm_source){.provider = RM_STR("static"), .hosts = pool->hosts, .n_hosts = n};
    struct rm_err err = {0};
    assert_int_equal(rm_sd_static.check(&pool->source, &err), RM_OK);
    if (rm_sd_static.open(&pool->provider, &pool->source, loop, &pool->sink, &err) != RM_OK)
        fail_msg("%s", err.text);
}
#define POOL_OPEN(pool, ...)                                                                                           \
    pool_open((pool), sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[]){__VA_ARGS__})

static void pool_close(struct pool *pool)
{
    rm_sd_static.close(pool->provider);
    rm_snapshot_unref(pool->list);
}

// "10.0.0.1:80 [fd00::1]:8080/1": address, port and, unless it is 0, priority of each host.
static const char *pool_text(const struct pool *pool)
{
    static char text[1024];
    size_t n = 0;
    if (!pool->list)
        return "nothing";
    text[0] = '\0';
    for (uint32_t i = 0; i < pool->list->n; i++) {
        const struct rm_host *host = &pool->list->host[i];
        bool is_v6 = memchr(host->address.p, ':', host->address.n) != NULL;
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%.*s%s:%u", i ? " " : "", is_v6 ? "[" : "",
                              (int)host->address.n, host->address.p, is_v6 ? "]" : "", host->port);
        if (host->priority)
            n += (size_t)snprintf(text + n, sizeof(text) - n, "/%u", host->priority);
    }
    return text;
}

// ---- running the loop until something is so --------------------------------------------------------------------------------

struct condition {
    struct rm_hook hook;
    bool (*is_so)(void *arg);
    void *arg;
    bool was_so;
    uint64_t give_up_us;
};

static void condition_turn(struct rm_hook *hook)
{
    struct condition *condition = rm_container_of(hook, struct condition, hook);
    condition->was_so = condition->is_so(condition->arg);
    if (condition->was_so || rm_clock_us() > condition->give_up_us)
        rm_loop_stop(loop);
}

static int64_t condition_wait(struct rm_hook *hook)
{
    (void)hook;
    return 2 * (int64_t)RM_MS; // the server's thread does not wake this loop
}

static bool run_until(bool (*is_so)(void *), void *arg)
{
    struct condition condition = {
        {.turn = condition_turn, .wait_us = condition_wait}, is_so, arg, false, rm_clock_us() + GIVE_UP_US};
    rm_hook_add(loop, &condition.hook);
    rm_loop_run(loop);
    rm_hook_del(loop, &condition.hook);
    return condition.was_so;
}

struct wish {
    const struct pool *pool;
    const char *text, *name;
    int more_than;
};

static bool text_is(void *arg)
{
    const struct wish *wish = arg;
    return strcmp(pool_text(wish->pool), wish->text) == 0;
}

static bool has_failed(void *arg)
{
    const struct wish *wish = arg;
    return wish->pool->failed > wish->more_than;
}

static bool was_asked(void *arg)
{
    const struct wish *wish = arg;
    return rm_dns_queries(dns, wish->name) > wish->more_than;
}

static void wait_for(const struct pool *pool, const char *text)
{
    struct wish wish = {.pool = pool, .text = text};
    if (!run_until(text_is, &wish))
        fail_msg("wanted \"%s\", have \"%s\"", text, pool_text(pool));
}

static void wait_for_failure(const struct pool *pool, int more_than)
{
    struct wish wish = {.pool = pool, .more_than = more_than};
    assert_true(run_until(has_failed, &wish));
}

static void wait_for_query(const char *name, int more_than)
{
    struct wish wish = {.name = name, .more_than = more_than};
    assert_true(run_until(was_asked, &wish));
}

// Short enough to be waited for: the records' TTL of 0 becomes min_ttl. A server's time-out is long, so that a slow machine does not
// make the resolver ask twice, but where silence is the point.
static void set_up_resolver(uint64_t timeout_us)
{
    rm_resolve_setup(&(struct rm_resolve_conf){.servers = rm_dns_address(dns),
                                               .timeout_us = timeout_us,
                                               .tries = 2,
                                               .min_ttl_us = 10 * RM_MS,
                                               .max_ttl_us = 3600 * RM_SEC});
}

static int setup(void **state)
{
    (void)state;
    rm_log_setup(RM_CRITICAL, RM_STR(""), false);
    assert_int_equal(rm_loop_new(&loop, NULL), RM_OK);
    dns = rm_dns_start();
    set_up_resolver(10 * RM_SEC);
    return 0;
}

static int setup_impatient(void **state)
{
    int failed = setup(state);
    set_up_resolver(50 * RM_MS);
    return failed;
}

static int teardown(void **state)
{
    (void)state;
    rm_loop_free(loop);
    rm_dns_stop(dns);
    return 0;
}

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
    pool_open(&pool, 0, NULL); // no host at all is a valid list
    assert_string_equal(pool_text(&pool), "");
    pool_close(&pool);
}

static void a_bad_host_is_refused_at_load(void **state)
{
    (void)state;
    struct pool pool = {.sink = {pool_publish, pool_failed}};
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
        cmocka_unit_test_setup_teardown(addresses_are_published_from_inside_open, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_host_is_refused_at_load, setup, teardown),
        cmocka_unit_test(the_registry_knows_it),
        cmocka_unit_test_setup_teardown(every_address_of_a_name_is_a_host, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_is_asked_again_when_its_ttl_is_over, setup, teardown),
        cmocka_unit_test_setup_teardown(the_shortest_ttl_of_a_chain_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_silent_server_costs_nothing_that_was_known, setup_impatient, teardown),
        cmocka_unit_test_setup_teardown(a_name_that_nobody_knows_is_an_empty_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(silence_from_the_start_is_no_answer, setup_impatient, teardown),
        cmocka_unit_test_setup_teardown(one_name_fails_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(localhost_always_works, setup, teardown),
        cmocka_unit_test_setup_teardown(closing_in_the_middle, setup_impatient, teardown),
        cmocka_unit_test_setup_teardown(nobody_listens, setup, teardown),
        cmocka_unit_test_setup_teardown(the_cache_shares_it, setup, teardown),
    };
    return cmocka_run_group_tests_name("static", tests, NULL, NULL);
}
