// Parallel endpoints: merge order, partial answers, completeness, deadlines in virtual time, replies.
// SPDX-License-Identifier: Apache-2.0
#include "flow_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define HOST "'host': ['http://10.0.0.1:80'], "
#define TWO                                                                                                            \
    HOST "'endpoints': [{'endpoint': '/e', 'timeout': '1s', 'backend': [{'url_pattern': '/a'}, {'url_pattern': "       \
         "'/b'}]}]"
#define MS UINT64_C(1000)

static void check_reply(const struct flow_client *client, int status, const char *body, bool completed)
{
    assert_int_equal(client->n_whole, 1);
    assert_int_equal(client->status, status);
    assert_string_equal(client->body, body);
    assert_int_equal(client->completed, completed);
}

static void later_backends_win_in_every_order_of_arrival(void **state)
{
    (void)state;
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}, {0, 0, 0}};
    for (size_t i = 0; i < RM_COUNT(orders); i++) {
        struct fake_answer answers[] = {
            {.target = "/a", .body = "{\"k\":1,\"o\":{\"a\":1},\"a\":1}", .after_us = (uint64_t)orders[i][0] * MS},
            {.target = "/b", .body = "{\"k\":2,\"b\":2,\"o\":{\"b\":2}}", .after_us = (uint64_t)orders[i][1] * MS},
            {.target = "/c", .body = "{\"c\":3,\"k\":3}", .after_us = (uint64_t)orders[i][2] * MS},
        };
        struct flow_rig rig;
        flow_rig_start(&rig,
                       HOST
                       "'endpoints': [{'endpoint': '/e', 'backend': [{'url_pattern': '/a'}, {'url_pattern': '/b'}, "
                       "{'url_pattern': '/c'}]}]",
                       answers, RM_COUNT(answers));
        const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
        check_reply(client, 200, "{\"k\":3,\"o\":{\"b\":2},\"a\":1,\"b\":2,\"c\":3}", true);
        assert_int_equal(client->over_us - client->started_us, (i == 6 ? 0 : 2) * MS);
        flow_rig_stop(&rig);
    }
}

static void answers_that_come_at_once(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/a", .body = "{\"a\":1}", .at_once = true},
                                    {.target = "/b", .code = RM_ECONNECT, .at_once = true}};
    struct flow_rig rig;
    flow_rig_start(&rig, TWO, answers, RM_COUNT(answers));
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 200, "{\"a\":1}", false);
    assert_int_equal(client->err.code, RM_ECONNECT);
    flow_rig_stop(&rig);
}

struct pair_case {
    struct fake_answer a, b;
    int status;
    const char *body;
    bool completed;
};

static void check_pairs(const char *conf, const struct pair_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct fake_answer answers[] = {cases[i].a, cases[i].b};
        answers[0].target = "/a";
        answers[1].target = "/b";
        struct flow_rig rig;
        flow_rig_start(&rig, conf, answers, RM_COUNT(answers));
        const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
        check_reply(client, cases[i].status, cases[i].body, cases[i].completed);
        flow_rig_stop(&rig);
    }
}

static void partial_answers(void **state)
{
    (void)state;
#define GOOD                                                                                                           \
    {                                                                                                                  \
        .body = "{\"ok\":true}"                                                                                        \
    }
    static const struct pair_case cases[] = {
        {GOOD, {.body = "{\"b\":1}"}, 200, "{\"ok\":true,\"b\":1}", true},
        {GOOD, {.body = "{\"b\":1}", .status = 201}, 200, "{\"ok\":true,\"b\":1}", true},
        {GOOD, {.body = "{}"}, 200, "{\"ok\":true}", true},
        {GOOD, {.body = "null"}, 200, "{\"ok\":true}", false}, // a null is no data
        {{.body = "null"}, GOOD, 200, "{\"ok\":true}", false},
        {{.body = "null"}, {.body = "null"}, 200, "{}", false},
        {{.body = "{}"}, {.body = "{}"}, 200, "{}", false}, // complete, but empty
        {GOOD, {.status = 202, .body = "{\"e\":1}"}, 200, "{\"ok\":true}", false},
        {GOOD, {.status = 204}, 200, "{\"ok\":true}", false},
        {GOOD, {.status = 304}, 200, "{\"ok\":true}", false},
        {GOOD, {.status = 404, .body = "{\"e\":1}"}, 200, "{\"ok\":true}", false},
        {GOOD, {.status = 500, .body = "{\"e\":1}"}, 200, "{\"ok\":true}", false},
        {GOOD, {.body = "nope"}, 200, "{\"ok\":true}", false},
        {GOOD, {.body = ""}, 200, "{\"ok\":true}", false},
        {GOOD, {.body = "[1]"}, 200, "{\"ok\":true}", false},
        {GOOD, {.code = RM_ERESET}, 200, "{\"ok\":true}", false},
        {GOOD, {.code = RM_ECONNECT}, 200, "{\"ok\":true}", false},
        {{.code = RM_ECONNECT}, GOOD, 200, "{\"ok\":true}", false},
        {{.code = RM_ECONNECT}, {.code = RM_ERESET}, 500, "", false},
        {{.code = RM_EMEMORY}, {.code = RM_EMEMORY}, 503, "", false}, // for want of memory alone
        {{.code = RM_EMEMORY}, {.code = RM_ERESET}, 500, "", false},
        {{.code = RM_ETIMEOUT}, {.code = RM_EMEMORY}, 500, "", false},
        {{.status = 404, .body = "{}"}, {.status = 404, .body = "{}"}, 500, "", false},
        {{.body = "null"}, {.code = RM_ERESET}, 200, "{}", false},
    };
    check_pairs(TWO, cases, RM_COUNT(cases));
}

static void what_a_group_says_of_its_failures(void **state)
{
    (void)state;
    // The first one's code, by place; a backend's own status is not the group's.
    struct fake_answer answers[] = {{.target = "/a", .code = RM_ECONNECT, .after_us = 5},
                                    {.target = "/b", .status = 404}};
    struct flow_rig rig;
    flow_rig_start(
        &rig,
        HOST
        "'endpoints': [{'endpoint': '/e', 'backend': [{'url_pattern': '/a'}, {'url_pattern': '/b', 'extra_config': "
        "{'backend/http': {'return_error_code': true}}}]}, {'endpoint': '/f', 'backend': [{'url_pattern': '/b', "
        "'extra_config': {'backend/http': {'return_error_code': true}}}, {'url_pattern': '/a'}]}]",
        answers, RM_COUNT(answers));
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 500, "", false);
    assert_int_equal(client->err.code, RM_ECONNECT);
    client = flow_run(&rig, &(struct flow_ask){.endpoint = 1});
    check_reply(client, 500, "", false);
    assert_int_equal(client->err.code, RM_ESTATUS);
    flow_rig_stop(&rig);
}

static void a_filtered_answer_is_an_answer(void **state)
{
    (void)state;
    static const struct pair_case cases[] = {{{.body = "{\"ok\":1}"}, {.status = 503}, 200, "{}", false}};
    check_pairs(HOST "'endpoints': [{'endpoint': '/e', 'backend': [{'url_pattern': '/a', 'allow': ['none']}, "
                     "{'url_pattern': '/b'}]}]",
                cases, 1);
}

static void groups_and_collections(void **state)
{
    (void)state;
    static const struct pair_case same[] = {
        {{.body = "{\"a\":1}"}, {.body = "{\"b\":2}"}, 200, "{\"g\":{\"b\":2}}", true},
        {{.body = "{\"a\":1}"}, {.status = 500}, 200, "{\"g\":{\"a\":1}}", false},
        {{.body = "null"}, {.status = 500}, 200, "{\"g\":null}", false}, // a group wraps a null
    };
    check_pairs(HOST "'endpoints': [{'endpoint': '/e', 'backend': [{'url_pattern': '/a', 'group': 'g'}, "
                     "{'url_pattern': '/b', 'group': 'g'}]}]",
                same, RM_COUNT(same));
    static const struct pair_case lists[] = {
        {{.body = "[1,2]"}, {.body = "[3]"}, 200, "{\"collection\":[3]}", true},
        {{.body = "[1,2]"}, {.body = "{}"}, 200, "{\"collection\":[1,2]}", false},
    };
    check_pairs(HOST "'endpoints': [{'endpoint': '/e', 'backend': [{'url_pattern': '/a', 'is_collection': true}, "
                     "{'url_pattern': '/b', 'is_collection': true}]}]",
                lists, RM_COUNT(lists));
}

static void a_no_op_backend_contributes_nothing(void **state)
{
    (void)state;
    static const struct pair_case cases[] = {
        {{.body = "{\"lost\":1}"}, {.body = "{\"b\":1}"}, 200, "{\"b\":1}", true},
        {{.body = "not json", .status = 404}, {.body = "{\"b\":1}"}, 200, "{\"b\":1}", true}, // its status neither
        {{.code = RM_ERESET}, {.body = "{\"b\":1}"}, 200, "{\"b\":1}", false},
    };
#define NO_OP                                                                                                          \
    HOST "'endpoints': [{'endpoint': '/e', 'backend': [{'url_pattern': '/a', 'encoding': 'no-op'}, {'url_pattern': "   \
         "'/b'}]}]"
    check_pairs(NO_OP, cases, RM_COUNT(cases));
    // Its body is not even collected.
    struct fake_answer answers[] = {{.body = "{\"a\":1}"}};
    struct flow_rig rig;
    flow_rig_start(&rig, NO_OP, answers, 1);
    flow_run(&rig, &(struct flow_ask){0});
    assert_true(fake_seen_find(&rig.net, "/a", 0)->has_sink);
    assert_false(fake_seen_find(&rig.net, "/b", 0)->has_sink);
    flow_rig_stop(&rig);
}

static void steps_are_applied_in_order(void **state)
{
    (void)state;
    static const struct pair_case cases[] = {
        {{.body = "{\"t\":{\"u\":{\"x\":1,\"y\":{\"z\":2,\"w\":3},\"drop\":4}}}"},
         {.body = "{\"b\":[{\"c\":1}],\"s\":\"x\"}"},
         200,
         "{\"g\":{\"new\":1,\"y\":{\"z\":2}},\"s\":\"x\"}",
         true},
        {{.body = "null"}, {.body = "{}"}, 200, "{\"g\":{}}", true}, // a target looks into null and finds {}
    };
    check_pairs(
        HOST
        "'endpoints': [{'endpoint': '/e', 'backend': [{'url_pattern': '/a', 'target': 't.u', 'allow': ['x', 'y.z'], "
        "'deny': ['x'], 'mapping': {'x': 'new'}, 'group': 'g'}, {'url_pattern': '/b', 'deny': ['b']}]}]",
        cases, RM_COUNT(cases));
}

// ---- time --------------------------------------------------------------------------------------------------------------

static void the_group_has_85_percent(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/a", .body = "{\"a\":1}", .after_us = 10}};
    struct flow_rig rig;
    flow_rig_start(&rig, TWO, answers, RM_COUNT(answers)); // /b never answers
    rig.net.sloppy = true;
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 200, "{\"a\":1}", false);
    assert_int_equal(client->over_us - client->started_us, 850 * MS);
    assert_int_equal(client->err.code, RM_ETIMEOUT);
    const struct fake_seen *b = fake_seen_find(&rig.net, "/b", 0);
    assert_int_equal(b->outcome, FAKE_CANCELLED);
    assert_int_equal(b->deadline_us - client->started_us, 850 * MS);
    flow_rig_stop(&rig);
}

static void an_answer_beats_the_deadline_of_its_turn(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/a", .body = "{\"a\":1}"},
                                    {.target = "/b", .body = "{\"b\":2}", .after_us = FAKE_WAITS}};
    struct flow_rig rig;
    flow_rig_start(&rig, TWO, answers, RM_COUNT(answers));
    flow_poke_at(&rig, "/b", rm_loop_now_us(rig.loop) + 850 * MS); // before the deadline's own timer: it fires first
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 200, "{\"a\":1,\"b\":2}", true);
    assert_int_equal(client->over_us - client->started_us, 850 * MS);
    flow_rig_stop(&rig);
}

static void all_too_late_is_a_500(void **state)
{
    (void)state;
    struct flow_rig rig;
    flow_rig_start(&rig, TWO, NULL, 0);
    rig.net.sloppy = true;
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 500, "", false);
    assert_int_equal(client->over_us - client->started_us, 850 * MS);
    assert_int_equal(rig.net.seen[0].outcome, FAKE_CANCELLED);
    assert_int_equal(rig.net.seen[1].outcome, FAKE_CANCELLED);
    flow_rig_stop(&rig);
}

static void a_single_backend_has_the_whole_time(void **state)
{
    (void)state;
    struct flow_rig rig;
    flow_rig_start(&rig, HOST "'timeout': '1s', 'endpoints': [{'endpoint': '/e', 'backend': [{'url_pattern': '/a'}]}]",
                   NULL, 0);
    rig.net.sloppy = true;
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 500, "", false);
    assert_int_equal(client->over_us - client->started_us, 1000 * MS);
    assert_int_equal(rig.net.seen[0].deadline_us - client->started_us, 1000 * MS);
    flow_rig_stop(&rig);
}

static void a_backend_may_have_less_time(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/a", .body = "{\"a\":1}", .after_us = 300 * MS}};
    struct flow_rig rig;
    flow_rig_start(
        &rig,
        HOST
        "'endpoints': [{'endpoint': '/e', 'timeout': '1s', 'backend': [{'url_pattern': '/a', 'extra_config': "
        "{'remora': {'timeout': '5s'}}}, {'url_pattern': '/b', 'extra_config': {'remora': {'timeout': '200ms'}}}]}]",
        answers, RM_COUNT(answers));
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 200, "{\"a\":1}", false);
    assert_int_equal(client->over_us - client->started_us, 300 * MS);
    assert_int_equal(fake_seen_find(&rig.net, "/a", 0)->deadline_us - client->started_us,
                     850 * MS); // never more than the group
    assert_int_equal(fake_seen_find(&rig.net, "/b", 0)->deadline_us - client->started_us, 200 * MS);
    assert_int_equal(fake_seen_find(&rig.net, "/b", 0)->ended_us - client->started_us, 200 * MS);
    flow_rig_stop(&rig);
}

static void a_hang_up_cancels_all(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/a", .body = "{\"a\":1}", .after_us = 10}};
    struct flow_rig rig;
    flow_rig_start(&rig, TWO, answers, RM_COUNT(answers));
    struct flow_client *client = flow_start(&rig, &(struct flow_ask){0});
    rm_vloop_run_until(rig.loop, client->started_us + 20);
    assert_false(client->over);
    flow_hang_up(client);
    assert_int_equal(fake_seen_find(&rig.net, "/b", 0)->outcome, FAKE_CANCELLED);
    rm_vloop_run(rig.loop);
    assert_int_equal(client->n_whole, 0);
    flow_rig_stop(&rig);
}

// ---- hosts and bodies ----------------------------------------------------------------------------------------------------

static void no_hosts(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.body = "{\"a\":1}"}};
    struct flow_rig rig;
    flow_rig_start(
        &rig,
        "'endpoints': [{'endpoint': '/e', 'backend': [{'url_pattern': '/a', 'host': ['http://10.0.0.1:80']}, "
        "{'url_pattern': '/b', 'host': ['http://0.0.0.0:11']}]}, {'endpoint': '/none', 'backend': [{'url_pattern': "
        "'/b', 'host': "
        "['http://0.0.0.0:11']}]}]",
        answers, RM_COUNT(answers));
    check_reply(flow_run(&rig, &(struct flow_ask){0}), 200, "{\"a\":1}", false);
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){.endpoint = 1});
    check_reply(client, 500, "", false);
    assert_int_equal(client->err.code, RM_ENOHOST);
    assert_int_equal(rig.net.n_seen, 1);
    flow_rig_stop(&rig);
}

static void hosts_take_turns(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.body = "{}"}};
    struct flow_rig rig;
    flow_rig_start(&rig,
                   "'endpoints': [{'endpoint': '/e', 'backend': [{'url_pattern': '/a', 'host': ['http://10.0.0.1:81', "
                   "'http://10.0.0.1:82', "
                   "'http://10.0.0.1:83']}]}]",
                   answers, RM_COUNT(answers));
    int asked[3] = {0};
    for (int i = 0; i < 9; i++)
        flow_run(&rig, &(struct flow_ask){0});
    for (size_t i = 0; i < rig.net.n_seen; i++)
        asked[rig.net.seen[i].port - 81]++;
    assert_int_equal(asked[0], 3);
    assert_int_equal(asked[1], 3);
    assert_int_equal(asked[2], 3);
    flow_rig_stop(&rig);
}

static void bodies_go_to_every_backend(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.body = "{}"}};
    struct flow_rig rig;
    flow_rig_start(
        &rig,
        HOST
        "'endpoints': [{'endpoint': '/e', 'method': 'POST', 'backend': [{'url_pattern': '/a', 'method': 'PUT'}, "
        "{'url_pattern': '/b', 'method': 'GET'}, {'url_pattern': '/c'}, {'url_pattern': '/d', 'method': 'DELETE'}]}]",
        answers, RM_COUNT(answers));
    static const struct {
        const char *target, *method;
        bool says_empty;
    } backends[] = {{"/a", "PUT", true}, {"/b", "GET", false}, {"/c", "POST", true}, {"/d", "DELETE", false}};
    flow_run(&rig, &(struct flow_ask){.body = "{\"x\":1}"});
    flow_run(&rig, &(struct flow_ask){.body = ""});
    flow_run(&rig, &(struct flow_ask){0});
    for (size_t i = 0; i < RM_COUNT(backends); i++) {
        const struct fake_seen *full = fake_seen_find(&rig.net, backends[i].target, 0);
        assert_string_equal(full->method, backends[i].method);
        assert_true(full->has_body);
        assert_string_equal(full->body, "{\"x\":1}");
        for (size_t n = 1; n < 3; n++) {
            const struct fake_seen *empty = fake_seen_find(&rig.net, backends[i].target, n);
            assert_int_equal(empty->has_body, backends[i].says_empty); // Content-Length: 0 or nothing at all
            assert_int_equal(empty->body_n, 0);
        }
    }
    flow_rig_stop(&rig);
}

static void base_paths_come_first(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.body = "{}"}};
    struct flow_rig rig;
    flow_rig_start(&rig,
                   "'endpoints': [{'endpoint': '/e', 'input_query_strings': ['q'], 'backend': [{'url_pattern': '/a', "
                   "'disable_host_sanitize': true, 'host': ['http://10.0.0.1:80/base']}]}]",
                   answers, RM_COUNT(answers));
    flow_run(&rig, &(struct flow_ask){.query = "q=1"});
    assert_string_equal(rig.net.seen[0].target, "/base/a?q=1");
    flow_rig_stop(&rig);
}

static void bodies_over_a_limit_fail_that_backend(void **state)
{
    (void)state;
    char body[1100];
    memset(body, ' ', sizeof body);
    body[0] = '{';
    body[1] = '}';
    struct fake_answer answers[] = {{.target = "/a", .body = body, .body_n = sizeof body},
                                    {.target = "/b", .body = "{\"b\":1}"}};
    struct flow_rig rig;
    flow_rig_start(
        &rig, "'extra_config': {'remora': {'limits': {'backend_body_bytes': 1024, 'backend_head_bytes': 2048}}}, " TWO,
        answers, RM_COUNT(answers));
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 200, "{\"b\":1}", false);
    assert_int_equal(client->err.code, RM_ETOOBIG);
    assert_int_equal(rig.net.seen[0].max_body, 1024);
    assert_int_equal(rig.net.seen[0].max_head, 2048);
    flow_rig_stop(&rig);
}

static void without_memory_for_bodies(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.body = "{\"a\":1}"}};
    struct flow_rig rig;
    flow_rig_start(&rig, TWO, answers, RM_COUNT(answers));
    rig.budget.limit = 100; // less than a buffer's first step
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 503, "", false);
    // Both backends' bodies fit, the answer does not.
    rig.budget.limit = 600;
    client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 503, "", false);
    assert_int_equal(client->err.code, RM_EMEMORY);
    rig.budget.limit = 800;
    check_reply(flow_run(&rig, &(struct flow_ask){0}), 200, "{\"a\":1}", true);
    flow_rig_stop(&rig);
    // It fails half-way: what must be written anew is not known in size.
    char body[700];
    memset(body, 'x', sizeof body);
    int n = snprintf(body, sizeof body, "{\"d\":{\"k\":1,\"k\":\"");
    body[n] = 'x';
    snprintf(body + sizeof body - 4, 4, "\"}}");
    answers[0] = (struct fake_answer){.body = body};
    flow_rig_start(&rig, HOST "'endpoints': [{'endpoint': '/e', 'backend': [{'url_pattern': '/a'}]}]", answers, 1);
    int fine = 0, refused = 0;
    for (rig.budget.limit = 700; rig.budget.limit < 3000; rig.budget.limit += 50) {
        client = flow_run(&rig, &(struct flow_ask){0});
        fine += client->status == 200 && client->body_n == sizeof body - 1 - strlen("'k':1,");
        refused += client->status == 503 && client->body_n == 0;
    }
    assert_true(fine > 0 && refused > 0 && fine + refused == 46);
    flow_rig_stop(&rig);
}

static void only_the_reply_waits_for_the_client(void **state)
{
    (void)state;
    char body[20000];
    memset(body, ' ', sizeof body);
    snprintf(body, sizeof body, "{\"a\":1}");
    body[7] = ' ';
    struct fake_answer answers[] = {
        {.target = "/a", .body = body, .body_n = sizeof body, .after_us = 1},
        {.target = "/r", .status = 302, .headers = "Location: /a", .body = body, .body_n = sizeof body},
        {.target = "/s", .body = body, .body_n = sizeof body, .after_us = 2}};
    struct flow_rig rig;
    flow_rig_start(
        &rig,
        HOST
        "'endpoints': [{'endpoint': '/e', 'concurrent_calls': 2, 'backend': [{'url_pattern': '/a'}, {'url_pattern': "
        "'/r'}, {'url_pattern': '/s'}]}]",
        answers, RM_COUNT(answers));
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 200, "{\"a\":1}", true);
    assert_true(client->held_bytes > 0 && client->held_bytes <= 256);
    flow_rig_stop(&rig);
}

// ---- the reply -----------------------------------------------------------------------------------------------------------

static void reply_headers(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/ok", .body = "{\"a\":1}", .headers = "Set-Cookie: a=b\nX-Secret: s"},
                                    {.target = "/empty", .body = "{}"},
                                    {.target = "/bad", .status = 500}};
    struct flow_rig rig;
    flow_rig_start(
        &rig,
        HOST "'cache_ttl': '90s', 'endpoints': [{'endpoint': '/ok', 'backend': [{'url_pattern': '/ok'}]}, {'endpoint': "
             "'/empty', 'backend': [{'url_pattern': '/empty'}]}, {'endpoint': '/bad', 'backend': [{'url_pattern': "
             "'/bad'}]}, "
             "{'endpoint': '/partial', 'backend': [{'url_pattern': '/ok'}, {'url_pattern': '/bad'}]}, {'endpoint': "
             "'/string', "
             "'output_encoding': 'string', 'cache_ttl': '1500ms', 'backend': [{'url_pattern': '/ok', 'encoding': "
             "'string'}]}]",
        answers, RM_COUNT(answers));
    static const char *const want[] = {
        "X-Krakend: Version " TEST_VERSION "\nX-Krakend-Completed: true\nCache-Control: public, max-age=90\n"
        "Content-Type: application/json; charset=utf-8\n",
        "X-Krakend: Version " TEST_VERSION
        "\nX-Krakend-Completed: false\nContent-Type: application/json; charset=utf-8\n",
        "X-Krakend: Version " TEST_VERSION "\nX-Krakend-Completed: false\n",
        "X-Krakend: Version " TEST_VERSION
        "\nX-Krakend-Completed: false\nContent-Type: application/json; charset=utf-8\n",
        "X-Krakend: Version " TEST_VERSION "\nX-Krakend-Completed: true\nCache-Control: public, max-age=1\n"
        "Content-Type: text/plain; charset=utf-8\n",
    };
    for (uint32_t i = 0; i < RM_COUNT(want); i++)
        assert_string_equal(flow_run(&rig, &(struct flow_ask){.endpoint = i})->headers, want[i]);
    flow_rig_stop(&rig);
    flow_rig_start(&rig,
                   "'extra_config': {'router': {'hide_version_header': true}}, " HOST
                   "'endpoints': [{'endpoint': '/ok', 'backend': [{'url_pattern': '/ok'}]}]",
                   answers, RM_COUNT(answers));
    struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    assert_string_equal(flow_header(client, "X-Krakend"), "Version undefined");
    assert_true(client->completed);
    assert_null(flow_header(client, "Cache-Control"));
    flow_rig_stop(&rig);
}

static void single_null_and_no_op(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/null", .body = "null"},
                                    {.target = "/noop", .body = "{\"a\":1}", .status = 201}};
    struct flow_rig rig;
    flow_rig_start(
        &rig,
        HOST
        "'endpoints': [{'endpoint': '/null', 'backend': [{'url_pattern': '/null'}]}, {'endpoint': '/noop', 'backend': "
        "[{'url_pattern': '/noop', 'encoding': 'no-op'}]}]",
        answers, RM_COUNT(answers));
    check_reply(flow_run(&rig, &(struct flow_ask){0}), 200, "null", false);
    check_reply(flow_run(&rig, &(struct flow_ask){.endpoint = 1}), 200, "{}", false);
    flow_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_backends_win_in_every_order_of_arrival),
        cmocka_unit_test(answers_that_come_at_once),
        cmocka_unit_test(partial_answers),
        cmocka_unit_test(what_a_group_says_of_its_failures),
        cmocka_unit_test(a_filtered_answer_is_an_answer),
        cmocka_unit_test(groups_and_collections),
        cmocka_unit_test(a_no_op_backend_contributes_nothing),
        cmocka_unit_test(steps_are_applied_in_order),
        cmocka_unit_test(the_group_has_85_percent),
        cmocka_unit_test(an_answer_beats_the_deadline_of_its_turn),
        cmocka_unit_test(all_too_late_is_a_500),
        cmocka_unit_test(a_single_backend_has_the_whole_time),
        cmocka_unit_test(a_backend_may_have_less_time),
        cmocka_unit_test(a_hang_up_cancels_all),
        cmocka_unit_test(no_hosts),
        cmocka_unit_test(hosts_take_turns),
        cmocka_unit_test(bodies_go_to_every_backend),
        cmocka_unit_test(base_paths_come_first),
        cmocka_unit_test(bodies_over_a_limit_fail_that_backend),
        cmocka_unit_test(without_memory_for_bodies),
        cmocka_unit_test(only_the_reply_waits_for_the_client),
        cmocka_unit_test(reply_headers),
        cmocka_unit_test(single_null_and_no_op),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
