// The client's address behind trusted proxies: what may say it, and what may not.
// SPDX-License-Identifier: Apache-2.0
#include "front/client_ip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct rm_str ip_names[] = {{"X-Forwarded-For", 15}, {"X-Real-IP", 9}};
static struct rm_str ip_trusted[] = {{"127.0.0.0/8", 11}, {"::1/128", 7}, {"10.1.2.3", 8}, {"2001:db8::/33", 13}};

static struct rm_conf_router ip_conf(void)
{
    return (struct rm_conf_router){.forwarded_by_client_ip = true,
                                   .remote_ip_headers = {ip_names, RM_COUNT(ip_names)},
                                   .trusted_proxies = {ip_trusted, RM_COUNT(ip_trusted)}};
}

struct ip_case {
    const char *peer;
    const char *lines[3]; // of X-Forwarded-For, from the first on
    const char *real;
    const char *client;
};

static const struct ip_case ip_cases[] = {
    {"192.0.2.1", {NULL}, NULL, "192.0.2.1"},
    {"192.0.2.1", {"203.0.113.7"}, "203.0.113.8", "192.0.2.1"}, // a stranger says nothing
    {"127.0.0.1", {NULL}, NULL, "127.0.0.1"},
    {"127.0.0.1", {"203.0.113.7"}, NULL, "203.0.113.7"},
    {"127.9.9.9", {"203.0.113.7"}, NULL, "203.0.113.7"},
    {"::1", {"203.0.113.7"}, NULL, "203.0.113.7"},
    {"10.1.2.3", {"203.0.113.7"}, NULL, "203.0.113.7"},
    {"10.1.2.4", {"203.0.113.7"}, NULL, "10.1.2.4"},
    {"2001:db8:7fff::1", {"203.0.113.7"}, NULL, "203.0.113.7"},
    {"2001:db8:8000::1", {"203.0.113.7"}, NULL, "2001:db8:8000::1"},
    {"127.0.0.1", {"1.2.3.4, 203.0.113.7"}, NULL, "203.0.113.7"}, // the rightmost stranger
    {"127.0.0.1", {"1.2.3.4,203.0.113.7 , 10.1.2.3,127.0.0.1"}, NULL, "203.0.113.7"},
    {"127.0.0.1", {"10.1.2.3, 127.0.0.1"}, NULL, "10.1.2.3"},       // all trusted: the leftmost
    {"127.0.0.1", {"1.2.3.4", "203.0.113.7"}, NULL, "203.0.113.7"}, // lines are one list
    {"127.0.0.1", {"203.0.113.7", "127.0.0.1"}, NULL, "203.0.113.7"},
    {"127.0.0.1", {"rubbish, 203.0.113.7"}, NULL, "203.0.113.7"},
    {"127.0.0.1", {"203.0.113.7, rubbish"}, NULL, "127.0.0.1"},
    {"127.0.0.1", {"203.0.113.7, rubbish"}, "203.0.113.8", "203.0.113.8"}, // the next header
    {"127.0.0.1", {""}, NULL, "127.0.0.1"},
    {"127.0.0.1", {","}, "203.0.113.8", "203.0.113.8"},
    {"127.0.0.1", {"203.0.113.7:80"}, NULL, "127.0.0.1"},
    {"127.0.0.1", {"[2001:db9::1]"}, NULL, "127.0.0.1"},
    {"127.0.0.1", {"2001:db9::1"}, NULL, "2001:db9::1"},
    {"127.0.0.1", {"::ffff:127.0.0.1, 1.2.3.4, ::ffff:10.1.2.3"}, NULL, "1.2.3.4"},
    {"127.0.0.1", {NULL}, "203.0.113.8", "203.0.113.8"},
};

static void ip_table(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_conf_router conf = ip_conf();
    struct rm_proxies proxies;
    struct rm_err err;
    assert_int_equal(rm_proxies_init(&proxies, &arena, &conf, &err), RM_OK);
    for (size_t i = 0; i < RM_COUNT(ip_cases); i++) {
        const struct ip_case *c = &ip_cases[i];
        struct rm_header v[8];
        struct rm_headers headers = {.v = v, .cap = 8};
        if (c->real)
            v[headers.n++] = (struct rm_header){RM_STR("x-real-ip"), rm_str_of(c->real)};
        for (size_t k = 0; k < 3 && c->lines[k]; k++)
            v[headers.n++] = (struct rm_header){RM_STR("x-forwarded-for"), rm_str_of(c->lines[k])};
        struct rm_str peer = rm_str_of(c->peer);
        struct rm_str client = rm_client_ip(&proxies, peer, rm_proxies_trust(&proxies, peer), &headers);
        if (!rm_str_eq(client, rm_str_of(c->client)))
            fail_msg("%zu: %.*s, not %s", i, (int)client.n, client.p, c->client);
    }
    rm_arena_fini(&arena);
}

static void ip_off(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_conf_router conf = ip_conf();
    conf.forwarded_by_client_ip = false;
    struct rm_proxies proxies;
    assert_int_equal(rm_proxies_init(&proxies, &arena, &conf, NULL), RM_OK);
    struct rm_header v[] = {{RM_STR("X-Forwarded-For"), RM_STR("203.0.113.7")}};
    struct rm_headers headers = {.v = v, .n = 1, .cap = 1};
    assert_true(rm_str_eq(rm_client_ip(&proxies, RM_STR("127.0.0.1"), true, &headers), RM_STR("127.0.0.1")));
    rm_arena_fini(&arena);
}

static void ip_bad_networks(void **state)
{
    (void)state;
    static const char *const bad[] = {"",   "localhost", "127.0.0.1/33", "::1/129", "1.2.3/8",    "1.2.3.4/",
                                      "/8", "1.2.3.4/x", "1.2.3.4/1000", "::1/-1",  "1.2.3.4/8/8"};
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    for (size_t i = 0; i < RM_COUNT(bad); i++) {
        struct rm_conf_router conf = ip_conf();
        struct rm_str one = rm_str_of(bad[i]);
        conf.trusted_proxies = (struct rm_strs){&one, 1};
        struct rm_proxies proxies;
        struct rm_err err;
        if (rm_proxies_init(&proxies, &arena, &conf, &err) != RM_ECONF)
            fail_msg("%s was taken", bad[i]);
    }
    struct rm_str all[] = {RM_STR("0.0.0.0/0"), RM_STR("::/0")};
    struct rm_conf_router conf = ip_conf();
    conf.trusted_proxies = (struct rm_strs){all, 1};
    struct rm_proxies proxies;
    assert_int_equal(rm_proxies_init(&proxies, &arena, &conf, NULL), RM_OK);
    assert_true(rm_proxies_trust(&proxies, RM_STR("203.0.113.7")));
    assert_false(rm_proxies_trust(&proxies, RM_STR("2001:db8::1")));
    conf.trusted_proxies = (struct rm_strs){all, 2};
    assert_int_equal(rm_proxies_init(&proxies, &arena, &conf, NULL), RM_OK);
    assert_true(rm_proxies_trust(&proxies, RM_STR("2001:db8::1")));
    rm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ip_table),
        cmocka_unit_test(ip_off),
        cmocka_unit_test(ip_bad_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
