// Compact tokens: what is one, and what is refused before any key is looked at.
// SPDX-License-Identifier: Apache-2.0
#include "tokens.h"
#include "value/base64url.h"
#include "value/jws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void base64url_is_strict(void **state)
{
    (void)state;
    static const struct {
        const char *text, *bytes; // NULL: refused
    } cases[] = {
        {"", ""},       {"Zg", "f"},      {"Zm8", "fo"},   {"Zm9v", "foo"},  {"Zm9vYg", "foob"}, {"-_-_", "\xfb\xff\xbf"},
        {"Z", NULL},    {"Zm9vY", NULL},  {"Zg==", NULL},  {"Zh", NULL},     {"Zm9", NULL},      {"+/+/", NULL},
        {"Zm 9", NULL}, {"Zm9v\n", NULL}, {" Zm9v", NULL}, {"Zm.v", NULL},   {"Zm\xc3\xa9", NULL},
    };
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_str out;
        int code = rm_base64url_decode(&arena, rm_str_of(cases[i].text), &out);
        assert_int_equal(code, cases[i].bytes ? RM_OK : RM_EDECODE);
        if (cases[i].bytes)
            assert_true(rm_str_eq(out, rm_str_of(cases[i].bytes)));
    }
    rm_arena_fini(&arena);
}

static int read_header(struct rm_arena *arena, const char *header, struct rm_jws *jws)
{
    struct rm_str first = token_base64url(arena, rm_str_of(header));
    struct rm_err err;
    return rm_jws_read(arena, rm_arena_printf(arena, "%.*s.e30.AA", (int)first.n, first.p), jws, &err);
}

static void the_parts_of_a_token(void **state)
{
    (void)state;
    struct rm_arena arena;
    struct rm_jws jws;
    struct rm_err err;
    struct rm_value *claims;
    rm_arena_init(&arena, NULL);
    assert_int_equal(read_header(&arena, "{\"kid\":\"k\\u0031\",\"alg\":\"RS256\",\"x5t\":\"t\",\"x5t#S256\":\"s\"}", &jws), RM_OK);
    assert_true(rm_str_eq(jws.alg, RM_STR("RS256")) && rm_str_eq(jws.kid, RM_STR("k1")));
    assert_true(rm_str_eq(jws.x5t, RM_STR("t")) && rm_str_eq(jws.x5t_s256, RM_STR("s")));
    assert_true(rm_str_eq(jws.payload, RM_STR("{}")) && jws.signature.n == 1);
    assert_memory_equal(jws.input.p + jws.input.n - 4, ".e30", 4);
    assert_int_equal(rm_jws_claims(&arena, &jws, &claims, &err), RM_OK);
    assert_int_equal(claims->n, 0);
    rm_arena_fini(&arena);
}

static void headers_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        int code;
    } cases[] = {
        {"{\"alg\":\"HS256\",\"alg\":\"none\"}", RM_EDECODE},    {"{\"alg\":\"HS256\",\"\\u0061lg\":\"none\"}", RM_EDECODE},
        {"{\"alg\":\"HS256\",\"crit\":[]}", RM_EPROTO},          {"{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", RM_EPROTO},
        {"{\"alg\":\"HS256\",\"b64\":true}", RM_EPROTO},         {"{\"alg\":256}", RM_EDECODE},
        {"{\"alg\":\"HS256\",\"kid\":7}", RM_EDECODE},           {"{\"alg\":\"HS256\",\"kid\":null}", RM_EDECODE},
        {"[\"HS256\"]", RM_EDECODE},                             {"\"HS256\"", RM_EDECODE},
        {"{\"alg\":\"HS256\"} {}", RM_EDECODE},                  {"{\"alg\":\"HS256\"", RM_EDECODE},
        {"{\"alg\":\"\\ud800\"}", RM_EDECODE},                   {"{\"a\":{\"b\":1,\"b\":2}}", RM_EDECODE},
        {"", RM_EDECODE},                                        {"{\"a\":[[[[[[[[[[]]]]]]]]]]}", RM_ETOOBIG},
    };
    struct rm_arena arena;
    struct rm_jws jws;
    rm_arena_init(&arena, NULL);
    for (size_t i = 0; i < RM_COUNT(cases); i++)
        assert_int_equal(read_header(&arena, cases[i].header, &jws), cases[i].code);
    rm_arena_fini(&arena);
}

static void what_is_no_token(void **state)
{
    (void)state;
    static const char *const texts[] = {"", ".", "..", "...", "e30", "e30.", "e30.e30", "e30.e30.", "e30..AA", ".e30.AA",
                                        "e30.e30.AA.AA", "e30.e30.AA.", "e30.e30.A", "e30.e3.AA", "e30.e30=.AA", "e30.e30.AA "};
    struct rm_arena arena;
    struct rm_jws jws;
    struct rm_err err;
    rm_arena_init(&arena, NULL);
    for (size_t i = 0; i < RM_COUNT(texts); i++)
        assert_int_equal(rm_jws_read(&arena, rm_str_of(texts[i]), &jws, &err), RM_EDECODE);
    char *most = rm_arena_alloc(&arena, RM_JWS_BYTES_MOST + 1);
    memset(most, 'A', RM_JWS_BYTES_MOST + 1);
    assert_int_equal(rm_jws_read(&arena, (struct rm_str){most, RM_JWS_BYTES_MOST + 1}, &jws, &err), RM_ETOOBIG);
    rm_arena_fini(&arena);
}

static void payloads_that_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "[]", "7", "{\"sub\":1,\"sub\":2}", "{\"a\":{\"b\":1,\"b\":2}}", "{} x", "{\"a\":\"\xff\"}"};
    struct rm_arena arena;
    struct rm_value *claims;
    struct rm_err err;
    rm_arena_init(&arena, NULL);
    for (size_t i = 0; i < RM_COUNT(texts); i++) {
        struct rm_jws jws = {.payload = rm_str_of(texts[i])};
        assert_int_equal(rm_jws_claims(&arena, &jws, &claims, &err), RM_EDECODE);
    }
    rm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64url_is_strict),     cmocka_unit_test(the_parts_of_a_token),
        cmocka_unit_test(headers_that_are_refused), cmocka_unit_test(what_is_no_token),
        cmocka_unit_test(payloads_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
