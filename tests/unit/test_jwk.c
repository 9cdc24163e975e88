// Key sets and what their keys verify: each algorithm with each kind of key, known answers of the RFCs, and keys that must not be used.
// SPDX-License-Identifier: Apache-2.0
#include "policy/jwk.h"
#include "tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char *const kinds[] = {"oct", "RSA", "P-256", "P-384", "P-521", "Ed25519"};
static const char *const of_alg[RM_JWS_ALGS] = {"oct",   "oct",   "oct",   "RSA", "RSA", "RSA",    "P-256",
                                                "P-384", "P-521", "RSA",   "RSA", "RSA", "Ed25519"};
static struct rm_arena keys_arena;
static struct token_key *keys[RM_COUNT(kinds)];

static int keys_make(void **state)
{
    (void)state;
    rm_arena_init(&keys_arena, NULL);
    for (size_t i = 0; i < RM_COUNT(kinds); i++)
        keys[i] = token_key_new(&keys_arena, kinds[i]);
    return 0;
}

static int keys_end(void **state)
{
    (void)state;
    rm_arena_fini(&keys_arena);
    return 0;
}

static const struct token_key *key_of(enum rm_jws_alg alg)
{
    size_t i = 0;
    while (strcmp(kinds[i], of_alg[alg]) != 0)
        i++;
    return keys[i];
}

static struct rm_jwk_set set_of(struct rm_arena *arena, struct rm_str text)
{
    struct rm_jwk_set set;
    struct rm_err err;
    assert_int_equal(rm_jwk_set_read(arena, text, &set, &err), RM_OK);
    return set;
}

// Whether the set, asked for `alg`, verifies the token.
static bool verifies(struct rm_arena *arena, const struct rm_jwk_set *set, enum rm_jws_alg alg, struct rm_str token)
{
    struct rm_jws jws;
    struct rm_err err;
    assert_int_equal(rm_jws_read(arena, token, &jws, &err), RM_OK);
    const struct rm_jwk *jwk = rm_jwk_find(set, RM_JWK_BY_KID, &jws, alg);
    return jwk && rm_sig_verify(jwk->key, alg, jws.input, jws.signature);
}

static void each_algorithm_with_each_kind_of_key(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    for (int made = 0; made < RM_JWS_ALGS; made++) {
        struct rm_str token = token_make(&arena, key_of(made), rm_jws_alg_names[made], "", "{\"sub\":\"x\"}");
        for (int asked = 0; asked < RM_JWS_ALGS; asked++) {
            for (size_t k = 0; k < RM_COUNT(kinds); k++) {
                struct rm_jwk_set set = set_of(&arena, token_jwks(&arena, keys[k], ""));
                bool fits = made == asked && keys[k] == key_of(made);
                assert_int_equal(verifies(&arena, &set, asked, token), fits);
                assert_int_equal(rm_jwk_has(&set, asked), strcmp(of_alg[asked], kinds[k]) == 0);
            }
        }
    }
    rm_arena_fini(&arena);
}

static void a_changed_byte_is_seen(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    for (int alg = 0; alg < RM_JWS_ALGS; alg++) {
        struct rm_jwk_set set = set_of(&arena, token_jwks(&arena, key_of(alg), ""));
        struct rm_str good = token_make(&arena, key_of(alg), rm_jws_alg_names[alg], "", "{\"sub\":\"xy\"}");
        struct rm_jws jws;
        struct rm_err err;
        assert_int_equal(rm_jws_read(&arena, good, &jws, &err), RM_OK);
        const struct rm_sig_key *key = set.v[0].key;
        char *bytes = (char *)(uintptr_t)jws.signature.p, *input = (char *)(uintptr_t)jws.input.p;
        assert_true(rm_sig_verify(key, alg, jws.input, jws.signature));
        for (size_t i = 0; i < jws.signature.n; i += 7) {
            bytes[i] ^= 1;
            assert_false(rm_sig_verify(key, alg, jws.input, jws.signature));
            bytes[i] ^= 1;
        }
        input[jws.input.n - 1] ^= 1;
        assert_false(rm_sig_verify(key, alg, jws.input, jws.signature));
        input[jws.input.n - 1] ^= 1;
        // Longer, shorter, none, and ECDSA's in DER.
        for (size_t n = 0; n < jws.signature.n; n += 1 + jws.signature.n / 5)
            assert_false(rm_sig_verify(key, alg, jws.input, rm_str_sub(jws.signature, 0, n)));
        struct rm_str longer = rm_arena_printf(&arena, "%.*sx", (int)jws.signature.n, "");
        assert_false(rm_sig_verify(key, alg, jws.input, longer));
        static const char zeros[132];
        assert_false(rm_sig_verify(key, alg, jws.input, (struct rm_str){zeros, jws.signature.n < 132 ? jws.signature.n : 132}));
    }
    rm_arena_fini(&arena);
}

static void known_answers(void **state)
{
    (void)state;
#define JOE                                                                                                            \
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
    static const struct {
        enum rm_jws_alg alg;
        const char *jwk, *token;
    } cases[] = {
        // RFC 7515 A.1, A.3; RFC 8037 A.4
        {RM_HS256,
         "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"}",
         "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9" JOE "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
        {RM_ES256,
         "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
         "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
         "eyJhbGciOiJFUzI1NiJ9" JOE
         "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"},
        {RM_EDDSA,
         "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
         "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
         "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"},
    };
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_jwk_set set = set_of(&arena, rm_arena_printf(&arena, "{\"keys\":[%s]}", cases[i].jwk));
        assert_int_equal(set.n, 1);
        assert_true(verifies(&arena, &set, cases[i].alg, rm_str_of(cases[i].token)));
    }
    rm_arena_fini(&arena);
}

static void keys_that_are_left_out(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_str small = token_jwk(&arena, token_key_new(&arena, "RSA-1024"), "");
    const struct {
        const char *jwk, *why;
    } cases[] = {
        {small.p, "1024 bits"},
        {"7", "no object"},
        {"{}", "\"kty\""},
        {"{\"kty\":\"oct\",\"k\":\"c2hvcnQ\"}", "5 bytes"},
        {"{\"kty\":\"oct\"}", "0 bytes"},
        {"{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAA==\"}", "base64url"},
        {"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", "17 bits"},
        {"{\"kty\":\"RSA\",\"n\":\"AQAB\"}", "17 bits"},
        {"{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AA\",\"y\":\"AA\"}", "curve"},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}", "length"},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"y\":"
         "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
         "no point"},
        {"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\"}", "Ed25519"},
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"}", "32 bytes"},
        {"{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"use\":\"enc\"}", "not for verifying"},
        {"{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"key_ops\":[\"sign\"]}", "not for verifying"},
        {"{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"key_ops\":\"verify\"}", "not for verifying"},
        {"{\"kty\":\"oct\",\"k\":7}", "no string"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_jwk_set set = set_of(&arena, rm_arena_printf(&arena, "{\"keys\":[%s]}", cases[i].jwk));
        assert_int_equal(set.n, 0);
        assert_int_equal(set.n_left_out, 1);
        if (!strstr(set.left_out.text, cases[i].why))
            fail_msg("%s: %s", cases[i].jwk, set.left_out.text);
    }
    rm_arena_fini(&arena);
}

static void sets_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        {"", RM_EDECODE},  {"[]", RM_EDECODE},         {"{}", RM_EDECODE},
        {"{\"keys\":{}}", RM_EDECODE}, {"{\"keys\":[]} x", RM_EDECODE}, {"{\"keys\":[],\"keys\":[]}", RM_EDECODE},
        {"{\"keys\":[{\"kty\":\"oct\",\"kty\":\"RSA\"}]}", RM_EDECODE},
        {"{\"keys\":[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}", RM_ETOOBIG},
    };
    struct rm_arena arena;
    struct rm_jwk_set set;
    struct rm_err err;
    rm_arena_init(&arena, NULL);
    for (size_t i = 0; i < RM_COUNT(cases); i++)
        assert_int_equal(rm_jwk_set_read(&arena, rm_str_of(cases[i].text), &set, &err), cases[i].code);
    struct rm_str many = RM_STR("{\"keys\":[0");
    for (int i = 0; i < RM_JWK_SET_KEYS_MOST; i++)
        many = rm_arena_printf(&arena, "%.*s,0", (int)many.n, many.p);
    assert_int_equal(rm_jwk_set_read(&arena, rm_arena_printf(&arena, "%.*s]}", (int)many.n, many.p), &set, &err), RM_ETOOBIG);
    char *most = rm_arena_zalloc(&arena, RM_JWK_SET_BYTES_MOST + 1);
    assert_int_equal(rm_jwk_set_read(&arena, (struct rm_str){most, RM_JWK_SET_BYTES_MOST + 1}, &set, &err), RM_ETOOBIG);
    rm_arena_fini(&arena);
}

static void the_key_that_the_token_names(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_str a = token_jwk(&arena, keys[0], ",\"kid\":\"a\",\"x5t\":\"T\",\"x5t#S256\":\"S\"");
    struct rm_str b = token_jwk(&arena, keys[1], ",\"kid\":\"a\",\"alg\":\"PS256\"");
    struct rm_str c = token_jwk(&arena, keys[2], "");
    struct rm_jwk_set set = set_of(&arena, rm_arena_printf(&arena, "{\"keys\":[%s,%s,%s]}", a.p, b.p, c.p));
    const struct {
        enum rm_jwk_by by;
        struct rm_jws jws;
        enum rm_jws_alg alg;
        int found; // -1: none
    } cases[] = {
        {RM_JWK_BY_KID, {.kid = RM_STR("a")}, RM_HS256, 0},
        {RM_JWK_BY_KID, {.kid = RM_STR("a")}, RM_PS256, 1},  // of two keys of one name the one that fits
        {RM_JWK_BY_KID, {.kid = RM_STR("a")}, RM_RS256, -1}, // its own "alg" says otherwise
        {RM_JWK_BY_KID, {.kid = RM_STR("b")}, RM_HS256, -1},
        {RM_JWK_BY_KID, {.kid = RM_STR("")}, RM_HS256, -1},
        {RM_JWK_BY_KID, {.kid = RM_STR("")}, RM_ES256, 2},
        {RM_JWK_BY_KID, {.kid = RM_STR("")}, RM_ES384, -1},
        {RM_JWK_BY_X5T, {.x5t = RM_STR("T")}, RM_HS512, 0},
        {RM_JWK_BY_X5T, {.kid = RM_STR("a"), .x5t = RM_STR("U")}, RM_HS256, -1},
        {RM_JWK_BY_X5T_S256, {.x5t_s256 = RM_STR("S")}, RM_HS256, 0},
        {RM_JWK_BY_KID_X5T, {.kid = RM_STR("a"), .x5t = RM_STR("T")}, RM_HS256, 0},
        {RM_JWK_BY_KID_X5T, {.kid = RM_STR("a")}, RM_HS256, -1},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        const struct rm_jwk *jwk = rm_jwk_find(&set, cases[i].by, &cases[i].jws, cases[i].alg);
        assert_int_equal(jwk ? jwk - set.v : -1, cases[i].found);
    }
    rm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_algorithm_with_each_kind_of_key),
        cmocka_unit_test(a_changed_byte_is_seen),
        cmocka_unit_test(known_answers),
        cmocka_unit_test(keys_that_are_left_out),
        cmocka_unit_test(sets_that_are_none),
        cmocka_unit_test(the_key_that_the_token_names),
    };
    return cmocka_run_group_tests(tests, keys_make, keys_end);
}
