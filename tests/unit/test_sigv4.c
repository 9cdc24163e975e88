// Signature Version 4: AWS's published vectors (of those that sign the host, X-Amz-* and Content-Type alone), and paths that need care.
// SPDX-License-Identifier: Apache-2.0
#include "net/sigv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define AT 1440938160 // 20150830T123600Z

struct vector {
    const char *name, *method, *target, *type, *payload, *token, *signature;
};

static void sign(struct rm_arena *arena, const struct vector *v, struct rm_headers *to)
{
    struct rm_headers headers = {0};
    if (v->type)
        rm_headers_add(arena, &headers, RM_STR("Content-Type"), rm_str_of(v->type));
    struct rm_sigv4_key key = {RM_STR("AKIDEXAMPLE"), RM_STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                               rm_str_of(v->token)};
    struct rm_sigv4_in in = {.method = rm_str_of(v->method),
                             .target = rm_str_of(v->target),
                             .host = RM_STR("example.amazonaws.com"),
                             .headers = &headers,
                             .payload = rm_str_of(v->payload),
                             .region = RM_STR("us-east-1"),
                             .service = RM_STR("service"),
                             .unix_s = AT};
    rm_sigv4_sign(arena, &key, &in, to);
}

static struct rm_str signature_of(const struct rm_headers *headers)
{
    const struct rm_header *authorization = rm_headers_find(headers, RM_STR("authorization"));
    assert_non_null(authorization);
    assert_true(authorization->value.n > 64);
    return rm_str_sub(authorization->value, authorization->value.n - 64, authorization->value.n);
}

static void published_vectors(void **state)
{
    (void)state;
    static const struct vector vectors[] = {
        {"get-vanilla", "GET", "/", NULL, "", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {"post-vanilla", "POST", "/", NULL, "", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
        {"get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", NULL, "", "",
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
        {"get-unreserved", "GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", NULL, "", "",
         "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
        {"get-utf8", "GET", "/\xe1\x88\xb4", NULL, "", "",
         "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
        {"get-relative", "GET", "/example/..", NULL, "", "",
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {"get-relative-relative", "GET", "/example1/example2/../..", NULL, "", "",
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {"get-slash", "GET", "//", NULL, "", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {"get-slash-dot-slash", "GET", "/./", NULL, "", "",
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {"post-x-www-form-urlencoded", "POST", "/", "application/x-www-form-urlencoded", "Param1=value1", "",
         "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
    };
    for (size_t i = 0; i < RM_COUNT(vectors); i++) {
        struct rm_arena arena;
        struct rm_headers headers;
        rm_arena_init(&arena, NULL);
        sign(&arena, &vectors[i], &headers);
        struct rm_str said = signature_of(&headers);
        if (!rm_str_eq(said, rm_str_of(vectors[i].signature)))
            print_message("%s: %.*s\n", vectors[i].name, (int)said.n, said.p);
        assert_true(rm_str_eq(said, rm_str_of(vectors[i].signature)));
        rm_arena_fini(&arena);
    }
}

static void what_is_added(void **state)
{
    (void)state;
    struct rm_arena arena;
    struct rm_headers headers;
    rm_arena_init(&arena, NULL);
    static const struct vector v = {"", "POST", "/", "application/json", "{}", "a token", NULL};
    sign(&arena, &v, &headers);
    assert_int_equal(headers.n, 4);
    assert_true(rm_str_eq(rm_headers_find(&headers, RM_STR("x-amz-date"))->value, RM_STR("20150830T123600Z")));
    assert_true(rm_str_eq(rm_headers_find(&headers, RM_STR("x-amz-security-token"))->value, RM_STR("a token")));
    static const char begin[] = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                                "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=";
    assert_true(rm_str_starts(rm_headers_find(&headers, RM_STR("authorization"))->value, RM_STR(begin)));
    rm_arena_fini(&arena);
}

static void names_in_a_path(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    assert_true(rm_str_eq(rm_sigv4_encode(&arena, RM_STR("arn:aws:lambda:eu-west-1:1:function:f/\xc3\xa9 ~")),
                          RM_STR("arn%3Aaws%3Alambda%3Aeu-west-1%3A1%3Afunction%3Af%2F%C3%A9%20~")));
    rm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(what_is_added),
        cmocka_unit_test(names_in_a_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
