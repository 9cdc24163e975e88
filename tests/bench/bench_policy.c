// Microbenchmark of what policies add to a request that they let pass: rate limits, and tokens beside the bare arithmetic of their
// signatures. Not a test: it asserts nothing about time. Run it on a quiet machine; the best of many rounds is printed.
// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"
#include "policy/jwt.h"
#include "policy/ratelimit.h"
#include "tokens.h"

#include <stdio.h>

#define BENCH_SERIES 20
#define BENCH_ROUNDS 1000
#define BENCH_CLIENTS 10000

struct bench {
    const struct rm_check_ops *ops;
    const void *self;
    struct rm_block_cache *cache;
    struct rm_str authorization;
    const struct rm_str *clients; // their addresses, one after the other; NULL: one of them
    unsigned at;
    // The signature alone.
    const struct rm_jwt *jwt;
    struct rm_jws jws;
};

static void bench_time(const char *what, void (*work)(struct bench *, unsigned n), struct bench *b)
{
    double best = 1e12;
    for (int series = 0; series < BENCH_SERIES; series++) {
        uint64_t from = rm_clock_us();
        work(b, BENCH_ROUNDS);
        double ns = (double)(rm_clock_us() - from) * 1000 / BENCH_ROUNDS;
        best = ns < best ? ns : best;
    }
    printf("%-56s %10.0f ns\n", what, best);
}

static void check_work(struct bench *b, unsigned n)
{
    struct rm_loop *loop;
    struct rm_err err;
    int rc = rm_loop_new(&loop, &err);
    RM_ASSERT(rc == RM_OK);
    for (unsigned i = 0; i < n; i++) {
        struct rm_arena arena;
        rm_arena_init(&arena, b->cache);
        struct rm_headers headers = {0};
        rm_headers_add(&arena, &headers, RM_STR("Host"), RM_STR("shop.test"));
        if (b->authorization.n > 0)
            rm_headers_add(&arena, &headers, RM_STR("Authorization"), b->authorization);
        struct rm_visit visit = {.arena = &arena,
                                 .loop = loop,
                                 .headers = &headers,
                                 .client_ip = b->clients ? b->clients[b->at++ % BENCH_CLIENTS] : RM_STR("10.1.2.3")};
        rc = b->ops->apply(b->self, &visit);
        RM_ASSERT(rc == RM_OK);
        rm_arena_fini(&arena);
    }
    rm_loop_free(loop);
}

static void signature_work(struct bench *b, unsigned n)
{
    const struct rm_jwk *jwk = rm_jwk_find(&b->jwt->keys, b->jwt->by, &b->jws, b->jwt->alg);
    for (unsigned i = 0; i < n; i++) {
        bool good = rm_sig_verify(jwk->key, b->jwt->alg, b->jws.input, b->jws.signature);
        RM_ASSERT(good);
    }
}

static void bench_rates(struct rm_arena *arena, struct rm_block_cache *cache)
{
    struct rm_policy_cells *cells = rm_policy_cells_new();
    struct rm_arena plan;
    rm_arena_init(&plan, NULL);
    struct rm_rate rate = rm_rate_of(1e9, RM_SEC, 1000000000);
    struct rm_client_limit by_ip = {.rate = rate, .by = RM_CLIENT_BY_IP};
    struct bench b = {.ops = &rm_check_rate, .cache = cache};
    b.self = rm_ratelimit_new(&plan, cells, RM_STR("rate"), rate);
    bench_time("qos/ratelimit/router max_rate", check_work, &b);
    b.ops = &rm_check_client;
    b.self = rm_client_limit_new(&plan, cells, RM_STR("client"), &by_ip);
    bench_time("client_max_rate by ip, one client", check_work, &b);
    struct rm_str *clients = RM_NEW_ARRAY(arena, struct rm_str, BENCH_CLIENTS);
    for (unsigned i = 0; i < BENCH_CLIENTS; i++)
        clients[i] = rm_arena_printf(arena, "10.1.%u.%u", i / 250, i % 250);
    b.clients = clients;
    bench_time("client_max_rate by ip, 10,000 clients", check_work, &b);
    rm_arena_fini(&plan);
    rm_policy_cells_free(cells);
}

static void bench_tokens(struct rm_arena *arena, struct rm_block_cache *cache)
{
    static const struct {
        const char *key;
        enum rm_jws_alg alg;
    } cases[] = {{"oct", RM_HS256}, {"RSA", RM_RS256}, {"RSA", RM_PS256}, {"P-256", RM_ES256}, {"Ed25519", RM_EDDSA}};
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        const char *alg = rm_jws_alg_names[cases[i].alg];
        struct token_key *key = token_key_new(arena, cases[i].key);
        struct rm_str token =
            token_make(arena, key, alg, ",\"kid\":\"k\"",
                       "{\"sub\":\"user-7\",\"aud\":[\"shop\"],\"iss\":\"https://id.test\",\"exp\":4102444800}");
        struct rm_jwt jwt = {.alg = cases[i].alg, .header = RM_STR("Authorization"), .cookie = RM_STR("access_token")};
        struct rm_err err;
        struct bench b = {.ops = &rm_check_jwt, .self = &jwt, .cache = cache, .jwt = &jwt};
        int rc = rm_jwk_set_read(arena, token_jwks(arena, key, ",\"kid\":\"k\""), &jwt.keys, &err);
        RM_ASSERT(rc == RM_OK);
        rc = rm_jws_read(arena, token, &b.jws, &err);
        RM_ASSERT(rc == RM_OK);
        b.authorization = rm_arena_printf(arena, "Bearer %.*s", (int)token.n, token.p);
        char what[80];
        snprintf(what, sizeof(what), "auth/validator %s", alg);
        bench_time(what, check_work, &b);
        snprintf(what, sizeof(what), "  its signature alone");
        bench_time(what, signature_work, &b);
    }
}

int main(void)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_block_cache *cache = rm_block_cache_new(1 << 20);
    bench_rates(&arena, cache);
    bench_tokens(&arena, cache);
    rm_block_cache_free(cache);
    rm_arena_fini(&arena);
    return 0;
}
