// One host of the configuration, taken apart: what is accepted, what is refused, and that a refusal does not repeat a password.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sd/origin.h"

#include <stdio.h>

static void good_hosts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *scheme, *name, *base;
        unsigned port;
        bool is_literal, is_v6;
    } cases[] = {
        {"http://shop", "http", "shop", "", 80, false, false},
        {"https://shop", "https", "shop", "", 443, false, false},
        {"HTTP://Shop.Example:8080", "http", "Shop.Example", "", 8080, false, false},
        {"http://shop.example.:1", "http", "shop.example.", "", 1, false, false},
        {"http://my_svc-1.ns.svc:65535", "http", "my_svc-1.ns.svc", "", 65535, false, false},
        {"http://10.0.0.1", "http", "10.0.0.1", "", 80, true, false},
        {"https://10.0.0.1:8443/base/x", "https", "10.0.0.1", "/base/x", 8443, true, false},
        {"http://[::1]", "http", "::1", "", 80, true, true},
        {"http://[2001:DB8:0:0:0:0:0:1]:8080/", "http", "2001:db8::1", "/", 8080, true, true},
        {"http://shop/a%20b", "http", "shop", "/a%20b", 80, false, false},
        {"http://1and1.example", "http", "1and1.example", "", 80, false, false},
        {"http://7.example", "http", "7.example", "", 80, false, false},
        {"http://x:00080", "http", "x", "", 80, false, false},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_arena arena;
        struct rm_origin origin;
        struct rm_err err = {0};
        rm_arena_init(&arena, NULL);
        if (rm_origin_parse(&arena, rm_str_of(cases[i].text), &origin, &err) != RM_OK)
            fail_msg("%s: %s", cases[i].text, err.text);
        assert_true(rm_str_eq(origin.scheme, rm_str_of(cases[i].scheme)));
        assert_true(rm_str_eq(origin.name, rm_str_of(cases[i].name)));
        assert_true(rm_str_eq(origin.base_path, rm_str_of(cases[i].base)));
        assert_int_equal(origin.port, cases[i].port);
        assert_int_equal(origin.is_literal, cases[i].is_literal);
        assert_int_equal(origin.is_v6, cases[i].is_v6);
        rm_arena_fini(&arena);
    }
}

static void bad_hosts(void **state)
{
    (void)state;
    char long_label[128], long_name[400];
    snprintf(long_label, sizeof(long_label), "http://%064d.example", 0);
    memset(long_name, 'a', sizeof(long_name));
    memcpy(long_name, "http://", 7);
    for (size_t i = 40; i < sizeof(long_name); i += 40)
        long_name[i] = '.';
    long_name[sizeof(long_name) - 2] = 'a';
    long_name[sizeof(long_name) - 1] = '\0';
    const char *const cases[] = {
        "",
        "shop",
        "shop:8080",
        "http:",
        "http:/shop",
        "http://",
        "http://:80",
        "http:///path",
        "ftp://shop",
        "kafka://shop",
        "https//shop",
        "http://shop:",
        "http://shop:0",
        "http://shop:65536",
        "http://shop:8x",
        "http://shop:-1",
        "http://shop:123456",
        "http://a..b",
        "http://.a",
        "http://a b",
        "http://a%20b",
        "http://h\xc3\xa4ndler.example",
        "http://10.0.0",
        "http://10.0.0.256",
        "http://10.0.0.1.",
        "http://127.1",
        "http://2130706433",
        "http://[::1",
        "http://[::1]x",
        "http://[::1]:",
        "http://[10.0.0.1]",
        "http://[fe80::1%25eth0]",
        "http://[]",
        "http://::1",
        "http://shop/a?b",
        "http://shop?b",
        "http://shop#b",
        "http://shop/a b",
        "http://shop/\x7f",
        long_label,
        long_name,
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_arena arena;
        struct rm_origin origin;
        struct rm_err err = {0};
        rm_arena_init(&arena, NULL);
        if (rm_origin_parse(&arena, rm_str_of(cases[i]), &origin, &err) != RM_ECONF)
            fail_msg("accepted: %s", cases[i]);
        assert_int_equal(err.code, RM_ECONF);
        assert_true(strlen(err.text) > 10);
        rm_arena_fini(&arena);
    }
}

static void a_password_is_not_repeated(void **state)
{
    (void)state;
    struct rm_arena arena;
    struct rm_origin origin;
    struct rm_err err = {0};
    rm_arena_init(&arena, NULL);
    assert_int_equal(rm_origin_parse(&arena, RM_STR("http://root:geheim@shop:80x/"), &origin, &err), RM_ECONF);
    assert_null(strstr(err.text, "geheim"));
    assert_int_equal(rm_origin_parse(&arena, RM_STR("root:geheim@shop"), &origin, &err), RM_ECONF);
    assert_null(strstr(err.text, "geheim"));
    rm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_hosts),
        cmocka_unit_test(bad_hosts),
        cmocka_unit_test(a_password_is_not_repeated),
    };
    return cmocka_run_group_tests_name("origin", tests, NULL, NULL);
}
