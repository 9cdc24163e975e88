// Targets, header values and payloads of any bytes are signed: without a fault, and twice the same.
// SPDX-License-Identifier: Apache-2.0
#include "net/sigv4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rm_str take(struct rm_str *rest)
{
    const char *end = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;
    size_t n = end ? (size_t)(end - rest->p) : rest->n;
    struct rm_str line = rm_str_sub(*rest, 0, n);
    *rest = rm_str_sub(*rest, end ? n + 1 : n, rest->n);
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_str rest = {(const char *)data, size};
    struct rm_headers headers = {0}, first, second;
    struct rm_sigv4_in in = {.method = RM_STR("POST"),
                             .target = take(&rest),
                             .host = take(&rest),
                             .headers = &headers,
                             .region = RM_STR("eu-west-1"),
                             .service = RM_STR("lambda"),
                             .unix_s = 1440938160};
    for (int i = 0; i < 4; i++) {
        struct rm_str name = take(&rest);
        rm_headers_add(&arena, &headers, name, take(&rest));
    }
    in.payload = rest;
    struct rm_sigv4_key key = {RM_STR("AKID"), RM_STR("secret"), RM_STR("")};
    rm_sigv4_sign(&arena, &key, &in, &first);
    rm_sigv4_sign(&arena, &key, &in, &second);
    RM_ASSERT(first.n == headers.n + 2 && second.n == first.n);
    RM_ASSERT(rm_str_eq(first.v[first.n - 1].value, second.v[second.n - 1].value));
    rm_arena_fini(&arena);
    return 0;
}
