// Random endpoints, backends that answer, fail, redirect, dawdle and never end, clients that hang up or read slowly, in virtual time.
// Every exchange must end or be cancelled once, every client that stays must get exactly one reply by its deadline, and nothing may be
// left: the rig checks exchanges, timers, hosts and the bodies' budget. RM_TEST_SEED and RM_TEST_ROUNDS choose seed and number.
// SPDX-License-Identifier: Apache-2.0
#include "conf/conf.h"
#include "flow_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ENDPOINTS = 10, ANSWERS = 64, CLIENTS = 60, ROUNDS = 150 };

static uint64_t random_state;

static uint32_t below(uint32_t n) // splitmix64
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) % n);
}

static const char *one_of(const char *const *texts, size_t n)
{
    return texts[below((uint32_t)n)];
}
#define ONE_OF(texts) one_of((texts), RM_COUNT(texts))

// ---- a world ---------------------------------------------------------------------------------------------------------

static struct rm_str random_backend(struct rm_arena *arena, uint32_t index, bool sequential)
{
    static const char *const keys[] = {"",
                                       "",
                                       ", 'group': 'g'",
                                       ", 'target': 'o.p'",
                                       ", 'allow': ['a', 'o.p']",
                                       ", 'deny': ['a']",
                                       ", 'mapping': {'a': 'b'}",
                                       ", 'is_collection': true",
                                       ", 'encoding': 'safejson'",
                                       ", 'encoding': 'string'",
                                       ", 'encoding': 'no-op'"};
    static const char *const extras[] = {
        "",
        "",
        "",
        ", 'extra_config': {'remora': {'timeout': '3ms'}}",
        ", 'extra_config': {'backend/http': {'return_error_code': true}}",
        ", 'extra_config': {'backend/http': {'return_error_details': 'x'}}",
        ", 'extra_config': {'backend/http/client': {'send_body_on_redirect': true}}",
    };
    static const char *const hosts[] = {"'http://10.0.0.1:80'", "'http://10.0.0.1:80', 'http://10.0.0.2:80'",
                                        "'http://0.0.0.0:11'"};
    static const char *const patterns[] = {"/x", "/x/{p}", "/x?q={p}", "/{p}/y?k"};
    const char *host = hosts[below(8) ? below(2) : 2];
    const char *pattern = ONE_OF(patterns);
    if (sequential && index > 0 && below(2))
        pattern = below(2) ? "/x/{resp0_a}" : "/x?q={resp0_o.p}";
    return rm_arena_printf(arena, "{'host': [%s], 'url_pattern': '%s' %s %s}", host, pattern, ONE_OF(keys),
                           ONE_OF(extras));
}

static struct rm_str random_endpoint(struct rm_arena *arena, uint32_t index)
{
    static const char *const timeouts[] = {"1ms", "5ms", "10ms", "20ms"};
    static const char *const statics[] = {"always", "success", "errored", "complete", "incomplete"};
    bool no_op = below(4) == 0, sequential = below(3) == 0;
    uint32_t n = no_op ? 1 : 1 + below(4);
    struct rm_str backends = {"", 0};
    for (uint32_t i = 0; i < n; i++)
        backends = rm_arena_printf(arena, "%s%s%s", backends.p, i ? ", " : "", random_backend(arena, i, sequential).p);
    struct rm_str proxy = rm_arena_printf(arena, "'sequential': %s", sequential ? "true" : "false");
    if (below(3) == 0)
        proxy =
            rm_arena_printf(arena, "%s, 'static': {'data': {'s': [1]}, 'strategy': '%s'}", proxy.p, ONE_OF(statics));
    return rm_arena_printf(arena,
                           "%s{'endpoint': '/e%u/{p}', 'method': '%s', 'timeout': '%s', 'concurrent_calls': %u, %s "
                           "'input_headers': ['*'], "
                           "'input_query_strings': ['*'], 'extra_config': {'proxy': {%s}}, 'backend': [%s]}",
                           index ? ", " : "", index, below(2) ? "GET" : "POST", ONE_OF(timeouts),
                           below(4) ? 1 : 2 + below(3), no_op ? "'output_encoding': 'no-op'," : "", proxy.p,
                           backends.p);
}

static struct fake_answer random_answer(void)
{
    static const char *const bodies[] = {"{\"a\":\"v\",\"o\":{\"p\":1}}",
                                         "{\"a\":\"v\",\"o\":{\"p\":[1,2]}}",
                                         "{\"a\":null}",
                                         "{}",
                                         "[1,{\"a\":2}]",
                                         "null",
                                         "\"text\"",
                                         "",
                                         "{\"a\":",
                                         "{\"a\":\"../x y\",\"o\":{}}"};
    static const int codes[] = {RM_ECONNECT, RM_ERESET, RM_EPROTO, RM_ETLS, RM_ETOOBIG, RM_EMEMORY};
    static const int statuses[] = {200, 200, 200, 201, 202, 204, 404, 500, 503};
    static const char *const locations[] = {"Location: /x", "Location: /y?z=1", "Location: http://10.9.9.9/",
                                            "Location: \x01"};
    struct fake_answer a = {.body = ONE_OF(bodies), .after_us = below(3) ? below(12000) : 0, .at_once = below(6) == 0};
    if (below(25) == 0)
        a.after_us = FAKE_WAITS;
    a.chunk_n = below(3) ? 0 : 1 + below(9);
    a.chunk_us = below(2) ? 0 : below(3000);
    if (below(4) == 0) {
        a.code = codes[below(RM_COUNT(codes))];
    } else if (below(5) == 0) {
        a.status = 301 + (int)below(3) + (below(3) ? 0 : 6);
        a.headers = ONE_OF(locations);
    } else {
        a.status = statuses[below(RM_COUNT(statuses))];
        a.headers = "Content-Type: application/json\nX-Y: z";
    }
    if (below(6) == 0) {
        a.cut_code = RM_ERESET;
        a.cut_at = below(10);
    }
    if (below(4) == 0)
        a.trailers = "X-T: 1";
    return a;
}

static struct fake_answer *any_answer(const struct fake_transport *fake, const struct rm_exchange *x)
{
    (void)x;
    return &fake->answers[below(ANSWERS)];
}

// ---- clients ---------------------------------------------------------------------------------------------------------

struct piped {
    struct rm_body_source source;
    uint32_t left;
    int64_t end;
};

static int64_t piped_read(struct rm_body_source *source, char *to, size_t n)
{
    struct piped *p = rm_container_of(source, struct piped, source);
    if (p->left == 0)
        return p->end;
    if (below(3) == 0)
        return RM_AGAIN;
    n = n < p->left ? n : p->left;
    memset(to, 'b', n);
    p->left -= (uint32_t)n;
    return (int64_t)n;
}

static struct flow_client *random_client(struct flow_rig *rig)
{
    static const char *const params[] = {"v", "a b/c", "é", "..", "%2e"};
    static const char *const queries[] = {"", "a=1", "a=1&b&c=%20", "&&"};
    struct flow_ask ask = {.endpoint = below(ENDPOINTS), .params = {ONE_OF(params)}, .query = ONE_OF(queries)};
    bool has_body = below(2);
    ask.headers[0] = "X-One: 1";
    ask.headers[1] = below(2) ? "Connection: X-One, close" : NULL;
    if (has_body && rig->plan->endpoints[ask.endpoint].streams && below(2)) {
        struct piped *piped = RM_NEW(&rig->arena, struct piped);
        *piped = (struct piped){
            .source = {.read = piped_read, .length = -1}, .left = below(9000), .end = below(4) ? 0 : RM_ECANCEL};
        ask.source = &piped->source;
    } else if (has_body) {
        ask.body = below(3) ? "body" : "";
    }
    struct flow_client *client = flow_start(rig, &ask);
    client->accept_n = below(2) ? SIZE_MAX : below(4);
    return client;
}

static void check_client(const struct flow_client *client, bool hung_up)
{
    assert_true(client->over);
    assert_true(client->n_whole + client->n_end + client->n_cut == !hung_up);
    assert_true(client->n_head <= 1 && client->n_head >= client->n_end + client->n_cut);
    assert_true(client->n_whole + client->n_head <= 1);
    if (hung_up)
        return;
    const struct rm_endpoint *endpoint = client->rq.endpoint;
    assert_true(client->over_us - client->started_us <= endpoint->deadline_us);
    assert_true(client->status >= 200 && client->status <= 599);
    assert_true(endpoint->streams || client->n_whole == 1);
    if (!endpoint->streams && client->status == 200) {
        struct rm_arena arena;
        rm_arena_init(&arena, NULL);
        struct rm_json_limits limits = {512, 100000};
        struct rm_value *value;
        size_t used;
        assert_int_equal(
            rm_json_parse(&arena, (struct rm_str){client->body, client->body_n}, 1, &limits, &value, &used, NULL),
            RM_OK);
        assert_int_equal(used, client->body_n);
        rm_arena_fini(&arena);
    }
}

static void one_round(void)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_str endpoints = {"", 0};
    for (uint32_t i = 0; i < ENDPOINTS; i++)
        endpoints = rm_arena_printf(&arena, "%s%s", endpoints.p, random_endpoint(&arena, i).p);
    struct rm_str conf =
        rm_arena_printf(&arena, "'extra_config': {'router': {'return_error_msg': %s}}, 'endpoints': [%s]",
                        below(2) ? "true" : "false", endpoints.p);
    struct fake_answer answers[ANSWERS];
    for (size_t i = 0; i < ANSWERS; i++)
        answers[i] = random_answer();
    struct flow_rig rig;
    flow_rig_start(&rig, conf.p, answers, ANSWERS);
    rig.net.choose = any_answer;
    rig.net.sloppy = below(3) == 0;
    if (below(4) == 0)
        rig.budget.limit = (size_t)256 * (1 + below(8)); // bodies do not always find room
    struct flow_client *clients[CLIENTS];
    bool hung_up[CLIENTS] = {false};
    size_t n = 0;
    while (n < CLIENTS) {
        switch (below(6)) {
        case 0:
        case 1:
            clients[n] = random_client(&rig);
            n++;
            break;
        case 2:
            if (n > 0) {
                size_t i = below((uint32_t)n);
                hung_up[i] |= !clients[i]->over;
                flow_hang_up(clients[i]);
            }
            break;
        case 3:
            if (n > 0)
                flow_take(clients[below((uint32_t)n)], below(5));
            break;
        case 4:
            if (n > 0) {
                struct flow_client *client = clients[below((uint32_t)n)];
                if (!client->over)
                    rm_request_body_ready(&client->rq);
            }
            break;
        default:
            rm_vloop_run_until(rig.loop, rm_loop_now_us(rig.loop) + (below(2) ? below(4000) : 0));
            break;
        }
    }
    rm_vloop_run(rig.loop);
    for (size_t i = 0; i < CLIENTS; i++)
        check_client(clients[i], hung_up[i]);
    for (size_t i = 0; i < rig.net.n_seen; i++)
        assert_int_not_equal(rig.net.seen[i].outcome, FAKE_RUNNING);
    flow_rig_stop(&rig);
    rm_arena_fini(&arena);
}

static void random_rounds(void **state)
{
    (void)state;
    const char *seed = getenv("RM_TEST_SEED"), *rounds = getenv("RM_TEST_ROUNDS");
    uint64_t first = seed ? strtoull(seed, NULL, 10) : 1;
    uint64_t n = rounds ? strtoull(rounds, NULL, 10) : ROUNDS;
    for (uint64_t i = 0; i < n; i++) {
        random_state = first + i; // a failing round can be run alone
        one_round();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_rounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
