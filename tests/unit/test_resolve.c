// The resolver by itself: files that change under it, queries that the library loses, odd answers about addresses.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sd/registry.h"
#include "sd/resolve.h"
#include "sd_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RESOLV_CONF P_tmpdir "/remora-resolv-XXXXXX"
#define HOSTS P_tmpdir "/remora-hosts-XXXXXX"

static char resolv_conf[] = RESOLV_CONF, hosts[] = HOSTS; // each test has its own

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

// ---- a library that forgets ----------------------------------------------------------------------------------------------------

static int lose; // so many queries are never answered

// As in <ares.h>, whose types are nobody's business here.
typedef void any_fn(void);
void __real_ares_query(void *, const char *, int, int, any_fn *, void *);
void __wrap_ares_query(void *, const char *, int, int, any_fn *, void *);
void __real_ares_getaddrinfo(void *, const char *, const char *, const void *, any_fn *, void *);
void __wrap_ares_getaddrinfo(void *, const char *, const char *, const void *, any_fn *, void *);

static bool is_lost(const char *name)
{
    return strstr(name, ".test") && lose > 0 && lose-- > 0;
}

void __wrap_ares_query(void *channel, const char *name, int class, int type, any_fn *done, void *arg)
{
    if (!is_lost(name))
        __real_ares_query(channel, name, class, type, done, arg);
}

void __wrap_ares_getaddrinfo(void *channel, const char *name, const char *service, const void *hints, any_fn *done,
                             void *arg)
{
    static any_fn *file_done; // every name is looked for in /etc/hosts first, where nothing is lost
    file_done = file_done ? file_done : done;
    if (done == file_done || !is_lost(name))
        __real_ares_getaddrinfo(channel, name, service, hints, done, arg);
}

static void a_lost_query_stalls_no_name(void **state)
{
    (void)state;
    struct pool pool;
    const char *srv = "_http._tcp.shop.test", *name = "http://a.test";
    rm_dns_srv(dns, srv, "0 1 80 a.test", 0);
    rm_dns_set(dns, "a.test", "10.0.0.1", 0);
    pool_open(&pool, &rm_sd_dns, 1, &srv);
    wait_for(&pool, "10.0.0.1:80");
    lose = 1;
    wait_for_failure(&pool, 0);
    assert_int_equal(pool.err.code, RM_ETIMEOUT);
    assert_int_equal(lose, 0);
    rm_dns_srv(dns, srv, "0 1 81 a.test", 0);
    wait_for(&pool, "10.0.0.1:81");
    pool_close(&pool);

    lose = 1;
    pool_open(&pool, &rm_sd_static, 1, &name);
    wait_for(&pool, "10.0.0.1:80");
    assert_int_equal(pool.failed, 1);
    pool_close(&pool);
}

// ---- files -----------------------------------------------------------------------------------------------------------------------

static void set_up_files(uint64_t timeout_us)
{
    rm_resolve_setup(&(struct rm_resolve_conf){.servers = rm_dns_address(dns),
                                               .timeout_us = timeout_us,
                                               .tries = 2,
                                               .min_ttl_us = 10 * RM_MS,
                                               .max_ttl_us = 3600 * RM_SEC,
                                               .files_us = 10 * RM_MS,
                                               .resolv_conf = resolv_conf});
}

static void resolv_conf_is_read_again(void **state)
{
    (void)state;
    struct pool pool;
    const char *name = "http://shop";
    set_up_files(10 * RM_SEC);
    rm_dns_set(dns, "shop.one.test", "10.0.0.1", 3600);
    rm_dns_set(dns, "shop.two.test", "10.0.0.2", 3600);
    write_file(resolv_conf, "search one.test\n");
    pool_open(&pool, &rm_sd_static, 1, &name);
    wait_for(&pool, "10.0.0.1:80");
    write_file(resolv_conf, "search  two.test\n");
    wait_for(&pool, "10.0.0.2:80");
    pool_close(&pool);
}

// What is under way is asked again by the new channel, at once: the server's time-out is not waited for.
static void a_query_survives_the_change(void **state)
{
    (void)state;
    struct pool pool, other;
    const char *name = "http://shop", *srv = "_http._tcp.shop.test";
    set_up_files(25 * RM_SEC);
    rm_dns_set(dns, "shop.two.test", "10.0.0.2", 3600);
    rm_dns_srv(dns, srv, "0 1 81 shop.two.test", 3600);
    rm_dns_be(dns, RM_DNS_SILENT);
    write_file(resolv_conf, "search one.test\n");
    pool_open(&pool, &rm_sd_static, 1, &name);
    pool_open(&other, &rm_sd_dns, 1, &srv);
    wait_for_query("shop.one.test", 0);
    wait_for_query(srv, 0);
    rm_dns_be(dns, RM_DNS_ANSWERS);
    write_file(resolv_conf, "search  two.test\n");
    wait_for(&pool, "10.0.0.2:80");
    wait_for(&other, "10.0.0.2:81");
    assert_int_equal(pool.failed + other.failed, 0);
    pool_close(&pool);
    pool_close(&other);
}

static void the_hosts_file_is_read_again(void **state)
{
    (void)state;
    struct pool pool;
    const char *name = "http://shop.test.";
    write_file(hosts, "10.0.0.7 other.test\n");
    setenv("CARES_HOSTS", hosts, 1);
    set_up_files(10 * RM_SEC);
    rm_dns_set(dns, "shop.test", "10.0.0.1", 3600);
    pool_open(&pool, &rm_sd_static, 1, &name);
    wait_for(&pool, "10.0.0.1:80");
    write_file(hosts, "10.0.0.8 shop.test\n10.0.0.9 shop.test\n");
    wait_for(&pool, "10.0.0.8:80 10.0.0.9:80");
    assert_int_equal(unlink(hosts), 0);
    wait_for(&pool, "10.0.0.1:80");
    pool_close(&pool);
    unsetenv("CARES_HOSTS");
}

// ---- odd answers -------------------------------------------------------------------------------------------------------------------

static void aliases_of_addresses(void **state)
{
    (void)state;
    struct pool pool;
    const char *name = "http://alias.test";
    rm_dns_alias(dns, "alias.test", "end.test", 0);
    rm_dns_set(dns, "end.test", "10.0.0.1", 3600);
    pool_open(&pool, &rm_sd_static, 1, &name);
    wait_for(&pool, "10.0.0.1:80");
    rm_dns_set(dns, "end.test", "10.0.0.2", 3600); // the alias's TTL counts
    wait_for(&pool, "10.0.0.2:80");
    rm_dns_alias(dns, "end.test", "alias.test", 0); // round in circles
    wait_for_failure(&pool, pool.failed);
    assert_string_equal(pool_text(&pool), "10.0.0.2:80");
    pool_close(&pool);
}

// With several servers the next one is asked: where nobody listens, and where one says that it cannot tell.
static void the_next_server_is_asked(void **state)
{
    (void)state;
    struct pool pool;
    struct rm_dns *first = rm_dns_start();
    const char *srv = "_http._tcp.shop.test";
    char servers[100];
    rm_dns_srv(dns, srv, "0 1 80 a.test", 3600);
    rm_dns_set(dns, "a.test", "10.0.0.1", 3600);
    for (int i = 0; i < 2; i++) {
        rm_dns_be(first, RM_DNS_SERVFAIL);
        snprintf(servers, sizeof(servers), "%s,%s", i ? rm_dns_address(first) : "127.0.0.1:1", rm_dns_address(dns));
        rm_resolve_setup(&(struct rm_resolve_conf){.servers = servers,
                                                   .timeout_us = 10 * RM_SEC,
                                                   .tries = 2,
                                                   .min_ttl_us = 10 * RM_MS,
                                                   .max_ttl_us = 3600 * RM_SEC});
        pool_open(&pool, &rm_sd_dns, 1, &srv);
        wait_for(&pool, "10.0.0.1:80");
        assert_int_equal(pool.failed, 0);
        pool_close(&pool);
    }
    assert_true(rm_dns_queries(first, srv) >= 1);
    rm_dns_stop(first);
}

static int setup(void **state)
{
    int fd = mkstemp(resolv_conf), other = mkstemp(hosts);
    if (fd < 0 || other < 0)
        return -1;
    close(fd);
    close(other);
    return sd_setup_impatient(state);
}

static int teardown(void **state)
{
    unlink(resolv_conf);
    unlink(hosts);
    memcpy(resolv_conf, RESOLV_CONF, sizeof(resolv_conf));
    memcpy(hosts, HOSTS, sizeof(hosts));
    return sd_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_lost_query_stalls_no_name, setup, teardown),
        cmocka_unit_test_setup_teardown(resolv_conf_is_read_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_query_survives_the_change, setup, teardown),
        cmocka_unit_test_setup_teardown(the_hosts_file_is_read_again, setup, teardown),
        cmocka_unit_test_setup_teardown(aliases_of_addresses, setup, teardown),
        cmocka_unit_test_setup_teardown(the_next_server_is_asked, setup, teardown),
    };
    return cmocka_run_group_tests_name("resolve", tests, NULL, NULL);
}
