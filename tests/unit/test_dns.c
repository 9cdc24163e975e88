// The dns provider over a scripted DNS server, UDP and TCP: records become hosts, change in time, and stay while nobody can tell.
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

#define NAME "_http._tcp.shop.test"

static void open_name(struct pool *pool, const char *name)
{
    pool_open(pool, &rm_sd_dns, 1, &name);
}

static void assert_says(const struct pool *pool, int code, const char *phrase)
{
    assert_int_equal(pool->err.code, code);
    if (!strstr(pool->err.text, phrase))
        fail_msg("\"%s\" is not in \"%s\"", phrase, pool->err.text);
}

// ---- records -----------------------------------------------------------------------------------------------------------------

static void records_become_hosts(void **state)
{
    (void)state;
    struct pool pool;
    rm_dns_srv(dns, NAME, "20 0 9000 c.test, 10 2 8081 b.test, 10 1 8080 a.test, 10 0 8082 b.test", 3600);
    rm_dns_set(dns, "a.test", "10.0.0.1", 3600);
    rm_dns_set(dns, "b.test", "10.0.0.2", 3600);
    rm_dns_set(dns, "c.test", "fd00::3", 3600);
    open_name(&pool, NAME ".");
    wait_for(&pool, "10.0.0.1:8080/10 10.0.0.2:8081*2/10 10.0.0.2:8082*0/10 [fd00::3]:9000*0/20");
    assert_true(rm_str_eq(pool.list->host[0].name, RM_STR("a.test"))); // for Host and TLS
    assert_true(rm_str_eq(pool.list->host[0].scheme, RM_STR("http")));
    assert_int_equal(pool.published, 1); // whole, not as addresses come
    assert_int_equal(pool.failed, 0);
    assert_int_equal(rm_dns_queries(dns, NAME), 1);
    assert_int_equal(rm_dns_queries(dns, "b.test"), 2); // A and AAAA, once
    assert_int_equal(rm_dns_edns_bytes(dns), 1232);
    pool_close(&pool);
}

static void addresses_that_come_along_are_not_asked_for(void **state)
{
    (void)state;
    struct pool pool;
    rm_dns_additionals(dns, true);
    rm_dns_srv(dns, NAME, "0 0 80 a.test, 0 0 80 B.test", 3600);
    rm_dns_set(dns, "a.test", "10.0.0.2 10.0.0.1 fd00::1", 3600);
    rm_dns_set(dns, "b.test", "10.0.0.3", 3600);
    open_name(&pool, NAME);
    // Both are of one weight, which a's addresses share; 0 stays 0. The other family is left out.
    wait_for(&pool, "10.0.0.1:80*0 10.0.0.2:80*0 10.0.0.3:80*0");
    assert_true(rm_str_eq(pool.list->host[2].name, RM_STR("b.test")));
    assert_int_equal(rm_dns_queries(dns, ""), 1);
    pool_close(&pool);
}

static void addresses_of_a_target_share_its_weight(void **state)
{
    (void)state;
    struct pool pool;
    rm_dns_srv(dns, NAME, "0 1 80 one.test, 0 5 80 two.test, 0 4 80 three.test", 3600);
    rm_dns_set(dns, "one.test", "10.0.1.1", 3600);
    rm_dns_set(dns, "two.test", "10.0.2.1 10.0.2.2", 3600);
    rm_dns_set(dns, "three.test", "10.0.3.1 10.0.3.2 10.0.3.3", 3600);
    open_name(&pool, NAME);
    // In sixths: 1, 5 and 4 in all.
    wait_for(&pool, "10.0.1.1:80*6 10.0.3.1:80*8 10.0.3.2:80*8 10.0.3.3:80*8 10.0.2.1:80*15 10.0.2.2:80*15");
    pool_close(&pool);
}

static void a_service_that_is_not_available(void **state)
{
    (void)state;
    struct pool pool;
    rm_dns_srv(dns, NAME, "0 0 80 a.test", 0);
    rm_dns_set(dns, "a.test", "10.0.0.1", 3600);
    open_name(&pool, NAME);
    wait_for(&pool, "10.0.0.1:80*0");
    rm_dns_srv(dns, NAME, "0 0 0 .", 0); // RFC 2782
    wait_for(&pool, "");
    assert_int_equal(pool.failed, 0); // an answer, and no failure
    rm_dns_srv(dns, NAME, "0 0 80 a.test", 0);
    wait_for(&pool, "10.0.0.1:80*0");
    pool_close(&pool);
}

static void an_alias_is_followed(void **state)
{
    (void)state;
    struct pool pool;
    for (int last = 0; last < 2; last++) {
        rm_dns_aliases_last(dns, last);
        rm_dns_alias(dns, NAME, "real.test", 0);
        rm_dns_srv(dns, "real.test", "0 1 80 a.test", 3600);
        rm_dns_set(dns, "a.test", "10.0.0.1", 3600);
        open_name(&pool, NAME);
        wait_for(&pool, "10.0.0.1:80");
        rm_dns_srv(dns, "real.test", "0 1 81 a.test", 3600); // the alias's TTL is the shortest
        wait_for(&pool, "10.0.0.1:81");
        pool_close(&pool);
    }
    rm_dns_alias(dns, NAME, "round.test", 0);
    rm_dns_alias(dns, "round.test", NAME, 0);
    open_name(&pool, NAME);
    wait_for_failure(&pool, 0);
    assert_says(&pool, RM_EPROTO, "round in circles");
    pool_close(&pool);
}

// ---- more than a datagram holds ----------------------------------------------------------------------------------------------

enum { MANY = 150 };

static const char *many_records(struct rm_arena *arena)
{
    struct rm_str text = {"", 0};
    char name[32], address[32];
    for (int i = 0; i < MANY; i++) {
        text = rm_arena_printf(arena, "%.*s%s0 1 80 pod%03d.test", (int)text.n, text.p, i ? ", " : "", i);
        snprintf(name, sizeof(name), "pod%03d.test", i);
        snprintf(address, sizeof(address), "10.1.0.%d", i);
        rm_dns_set(dns, name, address, 3600);
    }
    return text.p;
}

static bool has_many(void *arg)
{
    const struct pool *pool = arg;
    return pool->list && pool->list->n == MANY;
}

static void many_records_come_by_tcp(void **state)
{
    (void)state;
    struct pool pool;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    rm_dns_srv(dns, NAME, many_records(&arena), 3600);
    open_name(&pool, NAME); // and the targets' addresses one by one: more than are asked for at a time
    assert_true(run_until(has_many, &pool));
    assert_int_equal(pool.published, 1);
    assert_int_equal(rm_dns_tcp_queries(dns), 1);
    pool_close(&pool);
    rm_dns_additionals(dns, true);
    open_name(&pool, NAME);
    assert_true(run_until(has_many, &pool));
    assert_true(rm_str_eq(pool.list->host[MANY - 1].address, RM_STR("10.1.0.149")));
    pool_close(&pool);
    rm_arena_fini(&arena);
}

// What did arrive by UDP is a part, and never taken for the whole.
static void a_part_is_not_used(void **state)
{
    (void)state;
    struct pool pool;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    rm_dns_srv(dns, NAME, many_records(&arena), 0);
    rm_dns_be(dns, RM_DNS_NO_TCP);
    open_name(&pool, NAME);
    wait_for_failure(&pool, 0);
    assert_int_equal(pool.published, 0);
    assert_says(&pool, RM_ETIMEOUT, "no answer in time");
    rm_dns_be(dns, RM_DNS_ANSWERS);
    assert_true(run_until(has_many, &pool));
    pool_close(&pool);
    rm_arena_fini(&arena);
}

// ---- time --------------------------------------------------------------------------------------------------------------------

static void records_are_asked_for_again(void **state)
{
    (void)state;
    struct pool pool;
    rm_dns_srv(dns, NAME, "0 1 80 a.test, 0 1 80 b.test", 0);
    rm_dns_set(dns, "a.test", "10.0.0.1", 3600);
    rm_dns_set(dns, "b.test", "10.0.0.2", 3600);
    open_name(&pool, NAME);
    wait_for(&pool, "10.0.0.1:80 10.0.0.2:80");
    rm_dns_srv(dns, NAME, "0 1 80 b.test, 0 1 80 A.test", 0); // the same turned round
    wait_for_query(NAME, rm_dns_queries(dns, NAME) + 2);
    assert_string_equal(pool_text(&pool), "10.0.0.1:80 10.0.0.2:80");
    rm_dns_srv(dns, NAME, "0 1 80 b.test, 5 3 80 a.test", 0);
    wait_for(&pool, "10.0.0.2:80 10.0.0.1:80*3/5");
    rm_dns_srv(dns, NAME, "0 1 80 b.test", 0);
    wait_for(&pool, "10.0.0.2:80");
    rm_dns_set(dns, "b.test", "10.0.0.9", 3600);
    wait_for(&pool, "10.0.0.9:80");
    pool_close(&pool);
}

// The shortest of all TTLs counts, and dns_cache_ttl is the longest.
static void what_bounds_the_ttl(void **state)
{
    (void)state;
    struct pool pool;
    rm_dns_srv(dns, NAME, "0 1 80 a.test", 3600);
    rm_dns_set(dns, "a.test", "10.0.0.1", 0);
    open_name(&pool, NAME);
    wait_for(&pool, "10.0.0.1:80");
    rm_dns_set(dns, "a.test", "10.0.0.2", 0);
    wait_for(&pool, "10.0.0.2:80");
    pool_close(&pool);

    rm_dns_set(dns, "a.test", "10.0.0.1", 3600);
    open_name(&pool, NAME);
    wait_for(&pool, "10.0.0.1:80");
    int queries = rm_dns_queries(dns, NAME);
    pool_close(&pool);
    pool.source.refresh_us = 20 * RM_MS;
    struct rm_err err;
    pool.list = NULL;
    assert_int_equal(rm_sd_dns.open(&pool.provider, &pool.source, loop, &pool.sink, &err), RM_OK);
    wait_for_query(NAME, queries + 2);
    pool_close(&pool);
}

// ---- who cannot tell -----------------------------------------------------------------------------------------------------------

static void there_is_no_such_name(void **state)
{
    (void)state;
    struct pool pool;
    rm_dns_negative(dns, 0);
    open_name(&pool, NAME);
    wait_for(&pool, ""); // an answer
    wait_for_failure(&pool, 1);
    assert_int_equal(pool.published, 1);
    assert_says(&pool, RM_ENOHOST, "NXDOMAIN");
    assert_says(&pool, RM_ENOHOST, rm_dns_address(dns)); // whom it asked
    assert_says(&pool, RM_ENOHOST, "SRV " NAME);         // and what
    rm_dns_set(dns, NAME, "10.0.0.1", 0);                // exists, without such a record
    wait_for_failure(&pool, pool.failed + 1);
    assert_says(&pool, RM_ENOHOST, "NOERROR, but no such record");
    rm_dns_srv(dns, NAME, "0 1 80 a.test", 0); // deployed later than we
    rm_dns_set(dns, "a.test", "10.0.0.1", 0);
    wait_for(&pool, "10.0.0.1:80");
    rm_dns_srv(dns, NAME, NULL, 0);
    wait_for_failure(&pool, pool.failed);
    assert_says(&pool, RM_ENOHOST, "NXDOMAIN");
    assert_string_equal(pool_text(&pool), "10.0.0.1:80"); // for the pool to decide
    pool_close(&pool);
}

static void servers_that_cannot_tell(void **state)
{
    (void)state;
    struct pool pool;
    static const struct {
        enum rm_dns_mood mood;
        int code;
        const char *phrase;
    } moods[] = {
        {RM_DNS_SERVFAIL, RM_EPROTO, "SERVFAIL"},
        {RM_DNS_REFUSED, RM_EPROTO, "REFUSED"},
        {RM_DNS_SILENT, RM_ETIMEOUT, "no answer in time"},
    };
    rm_dns_be(dns, RM_DNS_SILENT);
    open_name(&pool, NAME);
    wait_for_failure(&pool, 0);
    assert_int_equal(pool.published, 0); // no answer
    rm_dns_srv(dns, NAME, "0 1 80 a.test", 0);
    rm_dns_set(dns, "a.test", "10.0.0.1", 0);
    for (size_t i = 0; i < RM_COUNT(moods); i++) {
        rm_dns_be(dns, RM_DNS_ANSWERS);
        wait_for(&pool, "10.0.0.1:80");
        rm_dns_be(dns, moods[i].mood);
        wait_for_failure(&pool, pool.failed + 1);
        assert_says(&pool, moods[i].code, moods[i].phrase);
        assert_string_equal(pool_text(&pool), "10.0.0.1:80");
    }
    rm_dns_srv(dns, NAME, "0 1 81 a.test", 0);
    rm_dns_be(dns, RM_DNS_ANSWERS);
    wait_for(&pool, "10.0.0.1:81");
    pool_close(&pool);
}

static size_t mangle_addresses(unsigned char *answer, size_t n, unsigned type, bool tcp)
{
    (void)tcp;
    if (type == 1 || type == 28)
        answer[3] = (unsigned char)((answer[3] & 0xf0) | 2); // SERVFAIL
    return n;
}

// A target that cannot be resolved for now keeps its addresses; one that does not exist is left out; without any there is no list.
static void targets_without_addresses(void **state)
{
    (void)state;
    struct pool pool;
    rm_dns_srv(dns, NAME, "0 1 80 a.test, 0 1 80 gone.test", 0);
    rm_dns_set(dns, "a.test", "10.0.0.1", 0);
    open_name(&pool, NAME);
    wait_for(&pool, "10.0.0.1:80");
    rm_dns_mangle(dns, mangle_addresses);
    rm_dns_srv(dns, NAME, "0 1 80 a.test, 0 1 81 a.test", 0);
    wait_for(&pool, "10.0.0.1:80 10.0.0.1:81");
    rm_dns_srv(dns, NAME, "0 1 80 gone.test", 0);
    wait_for_failure(&pool, pool.failed);
    assert_says(&pool, RM_EPROTO, "1 records, no target with an address: SERVFAIL");
    rm_dns_mangle(dns, NULL);
    wait_for_failure(&pool, pool.failed + 1);
    assert_says(&pool, RM_ENOHOST, "no target with an address: NXDOMAIN");
    assert_string_equal(pool_text(&pool), "10.0.0.1:80 10.0.0.1:81");
    pool_close(&pool);
}

// The records' TTL is long; what is missing is looked for all the same.
static void a_target_that_comes_later(void **state)
{
    (void)state;
    struct pool pool;
    rm_dns_srv(dns, NAME, "0 1 80 a.test, 0 1 80 late.test", 3600);
    rm_dns_set(dns, "a.test", "10.0.0.1", 3600);
    open_name(&pool, NAME);
    wait_for(&pool, "10.0.0.1:80");
    rm_dns_set(dns, "late.test", "10.0.0.2", 3600);
    wait_for(&pool, "10.0.0.1:80 10.0.0.2:80");
    assert_int_equal(pool.failed, 0);
    pool_close(&pool);
}

static size_t mangle_cut(unsigned char *answer, size_t n, unsigned type, bool tcp)
{
    (void)answer;
    (void)tcp;
    return type == 33 ? n - 3 : n;
}

static size_t mangle_port(unsigned char *answer, size_t n, unsigned type, bool tcp)
{
    (void)tcp;
    if (type == 33)
        memset(answer + n - 10, 0, 2); // before "\6a.test"
    return n;
}

static size_t mangle_id(unsigned char *answer, size_t n, unsigned type, bool tcp)
{
    (void)type;
    (void)tcp;
    answer[0] ^= 0x55;
    return n;
}

static size_t mangle_all(unsigned char *answer, size_t n, unsigned type, bool tcp)
{
    (void)type;
    (void)tcp;
    memset(answer + 12, 0xff, n - 12);
    return n;
}

static size_t mangle_to_nothing(unsigned char *answer, size_t n, unsigned type, bool tcp)
{
    (void)answer;
    (void)type;
    (void)tcp;
    return n > 3 ? 3 : n;
}

static void answers_that_make_no_sense(void **state)
{
    (void)state;
    struct pool pool;
    static rm_dns_mangle_fn *const mangles[] = {mangle_cut, mangle_port, mangle_id, mangle_all, mangle_to_nothing};
    rm_dns_srv(dns, NAME, "0 1 80 a.test", 0);
    rm_dns_set(dns, "a.test", "10.0.0.1", 0);
    open_name(&pool, NAME);
    for (size_t i = 0; i < RM_COUNT(mangles); i++) {
        rm_dns_mangle(dns, NULL);
        wait_for(&pool, "10.0.0.1:80");
        int published = pool.published;
        rm_dns_mangle(dns, mangles[i]);
        wait_for_failure(&pool, pool.failed + 1);
        assert_true(pool.err.code == RM_EPROTO || pool.err.code == RM_ETIMEOUT);
        assert_true(pool.published <= published + 1); // what was under way
        assert_string_equal(pool_text(&pool), "10.0.0.1:80");
    }
    rm_dns_mangle(dns, mangle_port);
    wait_for_failure(&pool, pool.failed + 1);
    assert_says(&pool, RM_EPROTO, "1 records, but none that can be called");
    rm_dns_mangle(dns, NULL);
    rm_dns_srv(dns, NAME, "0 1 81 a.test", 0);
    wait_for(&pool, "10.0.0.1:81");
    pool_close(&pool);
}

// ---- the rest ------------------------------------------------------------------------------------------------------------------

static double number_of(const struct pool *pool, const char *name, const char *value)
{
    struct rm_sd_number numbers[16];
    size_t n = rm_sd_dns.numbers(pool->provider, numbers, RM_COUNT(numbers));
    assert_true(n < RM_COUNT(numbers));
    assert_int_equal(rm_sd_dns.numbers(pool->provider, numbers, 2), 2);
    for (size_t i = 0; i < n; i++)
        if (strcmp(numbers[i].name, name) == 0 && (!value || strcmp(numbers[i].label_value, value) == 0))
            return numbers[i].value;
    fail_msg("no number %s %s", name, value ? value : "");
    return 0;
}

static void numbers(void **state)
{
    (void)state;
    struct pool pool;
    rm_dns_srv(dns, NAME, "0 1 80 a.test, 0 1 81 a.test", 30);
    rm_dns_set(dns, "a.test", "10.0.0.1", 20);
    open_name(&pool, NAME);
    assert_true(number_of(&pool, "dns_records", NULL) == 0);
    wait_for(&pool, "10.0.0.1:80 10.0.0.1:81");
    assert_true(number_of(&pool, "dns_queries_total", "found") == 1);
    assert_true(number_of(&pool, "dns_queries_total", "nxdomain") == 0);
    assert_true(number_of(&pool, "dns_records", NULL) == 2);
    assert_true(number_of(&pool, "dns_ttl_seconds", NULL) == 20);
    pool_close(&pool);
    open_name(&pool, "_http._tcp.other.test");
    wait_for_failure(&pool, 1);
    assert_true(number_of(&pool, "dns_queries_total", "nxdomain") >= 2);
    assert_true(number_of(&pool, "dns_failures_in_a_row", NULL) >= 2);
    pool_close(&pool);
}

static void what_is_no_srv_name(void **state)
{
    (void)state;
    static const char *const names[] = {"http://shop.test", "shop.test:80", "shop.test/", "10.0.0.1", "a b", "a..b", "", "."};
    struct rm_err err;
    void *provider;
    for (size_t i = 0; i < RM_COUNT(names); i++) {
        struct rm_str host = rm_str_of(names[i]);
        struct rm_source source = {.provider = RM_STR("dns"), .hosts = &host, .n_hosts = 1};
        assert_int_equal(rm_sd_dns.check(&source, &err), RM_ECONF);
        assert_int_equal(rm_sd_dns.open(&provider, &source, loop, NULL, &err), RM_ECONF);
    }
}

static void closing_in_the_middle(void **state)
{
    (void)state;
    struct pool one, two;
    rm_dns_srv(dns, NAME, "0 1 80 a.test, 0 1 80 b.test", 0);
    rm_dns_srv(dns, "other.test", "0 1 80 c.test", 0);
    rm_dns_set(dns, "c.test", "10.0.0.3", 0);
    rm_dns_mangle(dns, mangle_addresses);
    open_name(&one, NAME);
    open_name(&two, "other.test"); // shares the resolver
    wait_for_query("b.test", 0);
    pool_close(&one); // targets are being looked up
    rm_dns_mangle(dns, NULL);
    wait_for(&two, "10.0.0.3:80");
    assert_int_equal(one.published, 0);
    rm_dns_be(dns, RM_DNS_SILENT);
    wait_for_query("other.test", rm_dns_queries(dns, "other.test"));
    pool_close(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_become_hosts, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(addresses_that_come_along_are_not_asked_for, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(addresses_of_a_target_share_its_weight, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(a_service_that_is_not_available, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(an_alias_is_followed, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(many_records_come_by_tcp, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(a_part_is_not_used, sd_setup_impatient, sd_teardown),
        cmocka_unit_test_setup_teardown(records_are_asked_for_again, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(what_bounds_the_ttl, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(there_is_no_such_name, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(servers_that_cannot_tell, sd_setup_impatient, sd_teardown),
        cmocka_unit_test_setup_teardown(targets_without_addresses, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(a_target_that_comes_later, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(answers_that_make_no_sense, sd_setup_impatient, sd_teardown),
        cmocka_unit_test_setup_teardown(numbers, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(what_is_no_srv_name, sd_setup, sd_teardown),
        cmocka_unit_test_setup_teardown(closing_in_the_middle, sd_setup_impatient, sd_teardown),
    };
    return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
