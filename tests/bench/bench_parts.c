// Microbenchmark of what a request passes through beside the network: codecs, router, balancer. Not a test: it asserts nothing about
// time. Run it on a quiet machine; the best of many rounds is printed.
// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"
#include "fake_plan.h"
#include "front/route.h"
#include "pool/view.h"
#include <remora/codec.h>

#include <stdio.h>
#include <stdlib.h>

#define BENCH_SERIES 40
#define BENCH_ROUNDS 5000

static void bench_print(const char *what, double best_us)
{
    printf("%-56s %10.1f ns\n", what, best_us * 1000);
}

// Times `work`, which does one thing `n` times.
static void bench_time(const char *what, void (*work)(void *arg, unsigned n), void *arg)
{
    double best = 1e9;
    for (int series = 0; series < BENCH_SERIES; series++) {
        uint64_t from = rm_clock_us();
        work(arg, BENCH_ROUNDS);
        double us = (double)(rm_clock_us() - from) / BENCH_ROUNDS;
        best = us < best ? us : best;
    }
    bench_print(what, best);
}

// ---- codecs ----------------------------------------------------------------------------------------------------------

struct bench_codec {
    const struct rm_codec_ops *in, *out;
    struct rm_decode_in what;
    struct rm_block_cache *cache;
};

static void codec_work(void *arg, unsigned n)
{
    const struct bench_codec *b = arg;
    for (unsigned i = 0; i < n; i++) {
        struct rm_arena arena;
        struct rm_buf out;
        struct rm_err err;
        struct rm_value *data = NULL;
        rm_arena_init(&arena, b->cache);
        rm_buf_init(&out, 1 << 20, NULL);
        int rc = b->in->decode(&arena, &b->what, &data, &err);
        RM_ASSERT(rc == RM_OK);
        rc = b->out->encode(&arena, data, &out, NULL, &err);
        RM_ASSERT(rc == RM_OK && out.n > 0);
        rm_buf_free(&out);
        rm_arena_fini(&arena);
    }
}

static void bench_codecs(void)
{
    static const char object[] =
        "{\"id\":184467,\"name\":\"Ada Lovelace\",\"email\":\"ada@example.com\",\"active\":true,\"balance\":1234.5,"
        "\"tags\":[\"alpha\",\"beta\",\"gamma\"],\"address\":{\"street\":\"Saint James Square 12\",\"city\":\"London\","
        "\"zip\":\"08001\",\"geo\":[2.17,41.38]},\"note\":null,\"more\":\"some words to make it longer\"}";
    static const char list[] =
        "[{\"id\":1,\"name\":\"one\"},{\"id\":2,\"name\":\"two\"},{\"id\":3,\"name\":\"three\"}]";
    static const struct {
        const char *what, *in, *out, *text;
        bool is_collection;
        uint32_t open_depth;
    } rows[] = {
        {"json 250 B, nothing opened", "json", "json", object, false, 0},
        {"json 250 B, one level opened", "json", "json", object, false, 1},
        {"json 250 B, all opened", "json", "json", object, false, UINT32_MAX},
        {"json list of 3 to json-collection", "json", "json-collection", list, true, 1},
        {"safejson list of 3", "safejson", "json", list, false, 0},
        {"string 250 B", "string", "string", object, false, 0},
        {"string 250 B to json", "string", "json", object, false, 0},
    };
    struct rm_block_cache *cache = rm_block_cache_new((size_t)1 << 20);
    for (size_t i = 0; i < RM_COUNT(rows); i++) {
        struct bench_codec b = {
            .in = rm_codec_find(rm_str_of(rows[i].in)),
            .out = rm_codec_find(rm_str_of(rows[i].out)),
            .what = {rm_str_of(rows[i].text), rows[i].is_collection, rows[i].open_depth, {512, 200000}},
            .cache = cache,
        };
        bench_time(rows[i].what, codec_work, &b);
    }
    rm_block_cache_free(cache);
}

// ---- router ----------------------------------------------------------------------------------------------------------

struct bench_route {
    struct rm_router *router;
    struct rm_str path;
    enum rm_route_kind kind;
    struct rm_block_cache *cache;
};

static void route_work(void *arg, unsigned n)
{
    const struct bench_route *b = arg;
    for (unsigned i = 0; i < n; i++) {
        struct rm_arena arena;
        struct rm_route route;
        rm_arena_init(&arena, b->cache);
        rm_router_find(b->router, &arena, RM_STR("GET"), b->path, &route);
        RM_ASSERT(route.kind == b->kind);
        rm_arena_fini(&arena);
    }
}

static void bench_router(void)
{
    enum { ENDPOINTS = 500 };
    struct rm_arena arena;
    struct rm_budget budget = {.limit = SIZE_MAX};
    struct rm_err err;
    rm_arena_init(&arena, NULL);
    const char **endpoints = RM_NEW_ARRAY(&arena, const char *, ENDPOINTS + 3);
    endpoints[0] = "GET /plain";
    endpoints[1] = "GET /users/{id}/orders/{order}";
    for (int i = 2; i < ENDPOINTS + 2; i++)
        endpoints[i] = rm_arena_printf(&arena, "GET /v1/service%d/things/{id}/parts%d", i % 50, i).p;
    struct bench_route b = {.cache = rm_block_cache_new((size_t)1 << 20)};
    int rc = rm_router_new(&b.router, fake_plan_new(&arena, endpoints, &budget), false, &err);
    RM_ASSERT(rc == RM_OK);
    static const struct {
        const char *what, *path;
        enum rm_route_kind kind;
    } rows[] = {
        {"of 500 endpoints, a literal path", "/plain", RM_ROUTE_ENDPOINT},
        {"of 500 endpoints, two parameters", "/users/184467/orders/1234", RM_ROUTE_ENDPOINT},
        {"of 500 endpoints, five segments", "/v1/service7/things/184467/parts357", RM_ROUTE_ENDPOINT},
        {"of 500 endpoints, an encoded parameter", "/users/a%20b/orders/caf%C3%A9", RM_ROUTE_ENDPOINT},
        {"of 500 endpoints, none", "/v1/service7/things/184467/nothing", RM_ROUTE_NOT_FOUND},
    };
    for (size_t i = 0; i < RM_COUNT(rows); i++) {
        b.path = rm_str_of(rows[i].path);
        b.kind = rows[i].kind;
        bench_time(rows[i].what, route_work, &b);
    }
    rm_router_free(b.router);
    rm_block_cache_free(b.cache);
    rm_arena_fini(&arena);
}

// ---- balancer --------------------------------------------------------------------------------------------------------

struct bench_pick {
    struct rm_pool_view view;
    uint64_t hash;
};

static void pick_work(void *arg, unsigned n)
{
    struct bench_pick *b = arg;
    for (unsigned i = 0; i < n; i++) {
        struct rm_pick pick;
        const struct rm_pick_ask ask = {.now_us = 1, .hash = b->hash += 0x9E3779B97F4A7C15};
        RM_ASSERT(rm_pool_pick(&b->view, &ask, &pick));
        rm_pool_report(&pick, RM_OUTCOME_GOOD, 1);
        rm_pool_release(&pick);
    }
}

static void bench_picker(void)
{
    static const struct {
        const char *name;
        enum rm_balancer balancer;
    } balancers[] = {
        {"round_robin", RM_ROUND_ROBIN}, {"least_request", RM_LEAST_REQUEST}, {"random", RM_RANDOM}, {"hash", RM_HASH}};
    static const unsigned sizes[] = {3, 100};
    for (size_t i = 0; i < RM_COUNT(balancers); i++) {
        for (size_t s = 0; s < RM_COUNT(sizes); s++) {
            for (int weighted = 0; weighted < 2; weighted++) {
                struct rm_arena arena;
                rm_arena_init(&arena, NULL);
                struct rm_host *hosts = RM_NEW_ARRAY(&arena, struct rm_host, sizes[s]);
                for (unsigned h = 0; h < sizes[s]; h++) {
                    hosts[h].scheme = RM_STR("http");
                    hosts[h].name = RM_STR("backend");
                    hosts[h].address = rm_arena_printf(&arena, "10.0.%u.%u", h / 250, h % 250 + 1);
                    hosts[h].port = 8080;
                    hosts[h].weight = weighted ? 1 + h % 3 : 1;
                }
                struct rm_snapshot *list = rm_snapshot_new(hosts, sizes[s]);
                struct rm_cells *cells = rm_cells_new();
                rm_cells_attach(cells, list, NULL);
                rm_cells_unref(cells);
                struct bench_pick b = {.hash = 1};
                const struct rm_balance balance = {
                    .balancer = balancers[i].balancer, .ejects = true, .eject_after = 5, .eject_max_percent = 50};
                rm_pool_view_init(&b.view, &balance);
                rm_pool_view_set(&b.view, list);
                char what[80];
                snprintf(what, sizeof(what), "%s of %u hosts%s, pick to release", balancers[i].name, sizes[s],
                         weighted ? " with weights" : "");
                bench_time(what, pick_work, &b);
                rm_pool_view_fini(&b.view);
                rm_arena_fini(&arena);
            }
        }
    }
}

int main(void)
{
    printf("codecs, decode and encode\n");
    bench_codecs();
    printf("router\n");
    bench_router();
    printf("balancer\n");
    bench_picker();
    return 0;
}
