// Claims: times with leeway, issuer, audience, roles and scopes, and claims as text.
// SPDX-License-Identifier: Apache-2.0
#include "policy/claims.h"
#include "value/jws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW INT64_C(1800000000000000) // a time in microseconds
#define ROLES(...) .roles = {(const struct rm_str[]){__VA_ARGS__}, sizeof((const struct rm_str[]){__VA_ARGS__}) / sizeof(struct rm_str)}
#define SCOPES(...) .scopes = {(const struct rm_str[]){__VA_ARGS__}, sizeof((const struct rm_str[]){__VA_ARGS__}) / sizeof(struct rm_str)}
#define AUDIENCE(...) .audience = {(const struct rm_str[]){__VA_ARGS__}, sizeof((const struct rm_str[]){__VA_ARGS__}) / sizeof(struct rm_str)}
#define T(text) {text, sizeof(text) - 1}

static struct rm_value *claims_of(struct rm_arena *arena, const char *text)
{
    struct rm_jws jws = {.payload = rm_str_of(text)};
    struct rm_value *claims;
    struct rm_err err;
    assert_int_equal(rm_jws_claims(arena, &jws, &claims, &err), RM_OK);
    return claims;
}

static void what_a_token_must_say(void **state)
{
    (void)state;
    const struct {
        const char *claims, *key; // key of roles or scopes
        struct rm_claim_rules rules;
        int status; // 0: passes
    } cases[] = {
        {"{}", "roles", {0}, 0}, // no "exp" is for ever, as in KrakenD
        {"{\"exp\":1800000001}", "r", {0}, 0},
        {"{\"exp\":1800000000}", "r", {0}, 0},
        {"{\"exp\":1799999999}", "r", {0}, 401},
        {"{\"exp\":1799999999}", "r", {.leeway_us = 1000000}, 0},
        {"{\"exp\":1799999998}", "r", {.leeway_us = 1000000}, 401},
        {"{\"exp\":1.7999999995e9}", "r", {0}, 401},
        {"{\"exp\":1e300}", "r", {0}, 0},
        {"{\"exp\":-1}", "r", {0}, 401},
        {"{\"exp\":\"1800000001\"}", "r", {0}, 401},
        {"{\"exp\":null}", "r", {0}, 401},
        {"{\"nbf\":1800000001}", "r", {0}, 401},
        {"{\"nbf\":1800000001}", "r", {.leeway_us = 1000000}, 0},
        {"{\"nbf\":1800000000,\"iat\":1800000000}", "r", {0}, 0},
        {"{\"nbf\":[]}", "r", {0}, 401},
        {"{\"iat\":1800000002}", "r", {.leeway_us = 1000000}, 401},
        {"{\"iat\":\"x\"}", "r", {0}, 401},
        {"{\"iss\":\"i\"}", "r", {.issuer = RM_STR("i")}, 0},
        {"{\"iss\":\"I\"}", "r", {.issuer = RM_STR("i")}, 401},
        {"{\"iss\":[\"i\"]}", "r", {.issuer = RM_STR("i")}, 401},
        {"{}", "r", {.issuer = RM_STR("i")}, 401},
        {"{\"aud\":\"a\"}", "r", {AUDIENCE(T("a"))}, 0},
        {"{\"aud\":[\"b\",\"a\"]}", "r", {AUDIENCE(T("a"))}, 0},
        {"{\"aud\":[\"b\",\"a\"]}", "r", {AUDIENCE(T("a"), T("b"))}, 0},
        {"{\"aud\":[\"a\"]}", "r", {AUDIENCE(T("a"), T("b"))}, 401}, // all of them, as in KrakenD
        {"{\"aud\":\"a b\"}", "r", {AUDIENCE(T("a"))}, 401},         // no list of words
        {"{\"aud\":[[\"a\"]]}", "r", {AUDIENCE(T("a"))}, 401},
        {"{\"aud\":{\"a\":1}}", "r", {AUDIENCE(T("a"))}, 401},
        {"{}", "r", {AUDIENCE(T("a"))}, 401},
        {"{\"r\":[\"x\",\"y\"]}", "r", {ROLES(T("y"), T("z"))}, 0},
        {"{\"r\":\"x y\"}", "r", {ROLES(T("y"))}, 0},
        {"{\"r\":\"xy\"}", "r", {ROLES(T("y"))}, 403},
        {"{\"r\":[\"x y\"]}", "r", {ROLES(T("y"))}, 403},
        {"{\"r\":{\"y\":true}}", "r", {ROLES(T("y"))}, 403},
        {"{}", "r", {ROLES(T("y"))}, 403},
        {"{\"a\":{\"r\":[\"y\"]}}", "a.r", {ROLES(T("y"))}, 0},
        {"{\"a.r\":[\"y\"]}", "a.r", {ROLES(T("y"))}, 403},
        {"{\"http://a.b/r\":[\"y\"]}", "http://a.b/r", {ROLES(T("y"))}, 0},
        {"{\"s\":\"x y\"}", "s", {SCOPES(T("y"), T("z"))}, 0},
        {"{\"s\":\"x y\"}", "s", {.all_scopes = true, SCOPES(T("y"), T("z"))}, 403},
        {"{\"s\":\"z x y\"}", "s", {.all_scopes = true, SCOPES(T("y"), T("z"))}, 0},
        {"{\"s\":[\"y\",\"z\"]}", "s", {.all_scopes = true, SCOPES(T("y"), T("z"))}, 0},
        {"{\"s\":\"\"}", "s", {SCOPES(T("y"))}, 403},
        {"{}", "s", {SCOPES(T("y"))}, 403},
        {"{\"exp\":1,\"r\":[]}", "r", {ROLES(T("y"))}, 401}, // who it is comes before what he may
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_arena arena;
        rm_arena_init(&arena, NULL);
        struct rm_claim_rules rules = cases[i].rules;
        struct rm_err err = {0};
        rules.roles_key = rules.scopes_key = rm_claim_path(&arena, rm_str_of(cases[i].key), true);
        int code = rm_claims_check(&rules, &arena, claims_of(&arena, cases[i].claims), NOW, &err);
        if (code != (cases[i].status ? RM_EDENIED : RM_OK) || err.status != cases[i].status)
            fail_msg("case %zu, %s: status %d, %s", i, cases[i].claims, err.status, err.text);
        rm_arena_fini(&arena);
    }
}

static void a_flat_key_has_dots(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_value *claims = claims_of(&arena, "{\"a\":{\"b\":1},\"a.b\":2}");
    assert_true(rm_str_eq(rm_claim_at(&arena, claims, rm_claim_path(&arena, RM_STR("a.b"), false))->raw, RM_STR("2")));
    assert_true(rm_str_eq(rm_claim_at(&arena, claims, rm_claim_path(&arena, RM_STR("a.b"), true))->raw, RM_STR("1")));
    assert_null(rm_claim_at(&arena, claims, rm_claim_path(&arena, RM_STR("a.b.c"), true)));
    assert_null(rm_claim_at(&arena, claims, rm_claim_path(&arena, RM_STR("a."), true)));
    rm_arena_fini(&arena);
}

static void claims_as_text(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
    } cases[] = {
        {"\"x\\u00e9\"", "x\xc3\xa9"}, {"42", "42"},       {"42.0", "42"},   {"1e3", "1000"},
        {"1.5", "1.5"},                {"-7.0", "-7"},     {"1e300", "1e300"}, {"12345678901234567890", "12345678901234567890"},
        {"true", "true"},              {"false", "false"}, {"null", ""},     {"[]", ""},
        {"[\"a\",\"b\"]", "a,b"},      {"[1,true,null,{\"b\": 1}]", "1,true,,{\"b\":1}"},
        {"{\"a\":\n [1, 2]}", "{\"a\":[1,2]}"},
    };
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_value *claims = claims_of(&arena, rm_arena_printf(&arena, "{\"c\":%s}", cases[i].json).p);
        struct rm_str text = rm_claim_text(&arena, rm_value_get(&arena, claims, RM_STR("c")));
        if (!rm_str_eq(text, rm_str_of(cases[i].text)))
            fail_msg("%s: %.*s", cases[i].json, (int)text.n, text.p);
    }
    assert_int_equal(rm_claim_text(&arena, NULL).n, 0);
    rm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_a_token_must_say), cmocka_unit_test(a_flat_key_has_dots),
                                       cmocka_unit_test(claims_as_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
