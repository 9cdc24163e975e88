// Sequential endpoints and concurrent_calls.
// SPDX-License-Identifier: Apache-2.0
#include "flow_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define MS UINT64_C(1000)
#define SEQ(backends)                                                                                                  \
    "'host': ['http://10.0.0.1:80'], 'endpoints': [{'endpoint': '/e/{p}', 'timeout': '1s', 'input_query_strings': "    \
    "['z'], 'extra_config': "                                                                                          \
    "{'proxy': {'sequential': true}}, 'backend': [" backends "]}]"

static void check_reply(const struct flow_client *client, int status, const char *body, bool completed)
{
    assert_int_equal(client->n_whole, 1);
    assert_int_equal(client->status, status);
    assert_string_equal(client->body, body);
    assert_int_equal(client->completed, completed);
}

static void one_after_the_other(void **state)
{
    (void)state;
    struct fake_answer answers[] = {
        {.target = "/first/P?z=1", .body = "{\"id\":\"a b\",\"n\":1}", .after_us = 5},
        {.target = "/item/P/a%20b?z=1", .body = "{\"id\":7,\"m\":2}", .after_us = 5},
        {.target = "/last/a%20b?k=1&z=1", .body = "{\"n\":3}", .after_us = 5},
    };
    struct flow_rig rig;
    flow_rig_start(&rig,
                   SEQ("{'url_pattern': '/first/{p}'}, {'url_pattern': '/item/{p}/{resp0_id}'}, {'url_pattern': "
                       "'/last/{resp0_id}?k={resp0_n}'}"),
                   answers, RM_COUNT(answers));
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){.params = {"P"}, .query = "z=1&y=2"});
    check_reply(client, 200, "{\"id\":7,\"n\":3,\"m\":2}", true); // the later backend wins
    assert_int_equal(client->over_us - client->started_us, 15);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(rig.net.seen[i].at_us - client->started_us, 5 * i);
        assert_int_equal(rig.net.seen[i].deadline_us - client->started_us, 850 * MS); // the chain shares it
    }
    flow_rig_stop(&rig);
}

static void values_come_from_the_finished_answer(void **state)
{
    (void)state;
    struct fake_answer answers[] = {
        {.target = "/first", .body = "{\"d\":{\"id\":\"x\",\"drop\":1}}"},
        {.target = "/item/x", .body = "{\"ok\":1}"},
    };
    struct flow_rig rig;
    flow_rig_start(
        &rig,
        SEQ("{'url_pattern': '/first', 'target': 'd', 'allow': ['id'], 'mapping': {'id': 'key'}, 'group': 'g'}, "
            "{'url_pattern': '/item/{resp0_g.key}'}"),
        answers, RM_COUNT(answers));
    check_reply(flow_run(&rig, &(struct flow_ask){.params = {"P"}}), 200, "{\"g\":{\"key\":\"x\"},\"ok\":1}", true);
    flow_rig_stop(&rig);
    // What was filtered away is not there: that backend fails, is not asked, and the chain ends.
    flow_rig_start(&rig,
                   SEQ("{'url_pattern': '/first', 'deny': ['d']}, {'url_pattern': '/item/{resp0_d.id}'}, "
                       "{'url_pattern': '/item/x'}"),
                   answers, RM_COUNT(answers));
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){.params = {"P"}});
    check_reply(client, 200, "{}", false);
    assert_int_equal(client->err.code, RM_EPARAM);
    assert_int_equal(rig.net.n_seen, 1);
    flow_rig_stop(&rig);
}

struct seq_case {
    struct fake_answer answers[3]; // of /a, /b, /c
    const char *keys;              // of backend 0
    int status;
    const char *body;
    bool completed;
    size_t asked;
};

static void where_a_chain_stops(void **state)
{
    (void)state;
#define A                                                                                                              \
    {                                                                                                                  \
        .body = "{\"a\":1}"                                                                                            \
    }
#define B                                                                                                              \
    {                                                                                                                  \
        .body = "{\"b\":1}"                                                                                            \
    }
#define C                                                                                                              \
    {                                                                                                                  \
        .body = "{\"c\":1}"                                                                                            \
    }
    static const struct seq_case cases[] = {
        {{A, B, C}, "", 200, "{\"a\":1,\"b\":1,\"c\":1}", true, 3},
        {{{.status = 500}, B, C}, "", 500, "", false, 1},
        {{{.code = RM_EPROTO}, B, C}, "", 500, "", false, 1},
        {{{.code = RM_EMEMORY}, B, C}, "", 503, "", false, 1},
        {{{.status = 404, .body = "x"}, B, C},
         ", 'extra_config': {'backend/http': {'return_error_code': true}}",
         404,
         "",
         false,
         1},
        {{A, {.status = 500}, C}, "", 200, "{\"a\":1}", false, 2},
        {{A, {.code = RM_ERESET}, C}, "", 200, "{\"a\":1}", false, 2},
        {{A, B, {.status = 404}}, "", 200, "{\"a\":1,\"b\":1}", false, 3},
        {{A, B, {.body = "nope"}}, "", 200, "{\"a\":1,\"b\":1}", false, 3},
        // An incomplete answer is one, but the chain goes no further.
        {{{.status = 404, .body = "x"}, B, C},
         ", 'extra_config': {'backend/http': {'return_error_details': 'a'}}",
         200,
         "{\"error_a\":{\"http_status_code\":404,\"http_body\":\"x\"}}",
         false,
         1},
        // A null is complete by itself, so the chain goes on; the whole is not.
        {{{.body = "null"}, B, C}, "", 200, "{\"b\":1,\"c\":1}", false, 3},
        {{{.body = "{}"}, B, C}, "", 200, "{\"b\":1,\"c\":1}", true, 3},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct fake_answer answers[3];
        memcpy(answers, cases[i].answers, sizeof answers);
        answers[0].target = "/a";
        answers[1].target = "/b";
        answers[2].target = "/c";
        char conf[700];
        snprintf(conf, sizeof conf, SEQ("{'url_pattern': '/a' %s}, {'url_pattern': '/b'}, {'url_pattern': '/c'}"),
                 cases[i].keys);
        struct flow_rig rig;
        flow_rig_start(&rig, conf, answers, 3);
        const struct flow_client *client = flow_run(&rig, &(struct flow_ask){.params = {"P"}});
        check_reply(client, cases[i].status, cases[i].body, cases[i].completed);
        assert_int_equal(rig.net.n_seen, cases[i].asked);
        flow_rig_stop(&rig);
    }
}

static void the_chain_shares_85_percent(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/a", .body = "{\"a\":1}", .after_us = 300 * MS},
                                    {.target = "/b", .body = "{\"b\":1}", .after_us = 300 * MS},
                                    {.target = "/c", .body = "{\"c\":1}", .after_us = 300 * MS}};
    struct flow_rig rig;
    flow_rig_start(&rig, SEQ("{'url_pattern': '/a'}, {'url_pattern': '/b'}, {'url_pattern': '/c'}"), answers,
                   RM_COUNT(answers));
    rig.net.sloppy = true;
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){.params = {"P"}});
    check_reply(client, 200, "{\"a\":1,\"b\":1}", false);
    assert_int_equal(client->over_us - client->started_us, 850 * MS);
    assert_int_equal(client->err.code, RM_ETIMEOUT);
    assert_int_equal(rig.net.seen[2].outcome, FAKE_CANCELLED);
    flow_rig_stop(&rig);
}

static void nothing_is_asked_after_the_deadline(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/a", .body = "{\"a\":1}", .after_us = FAKE_WAITS},
                                    {.body = "{\"b\":1}"}};
    struct flow_rig rig;
    flow_rig_start(&rig, SEQ("{'url_pattern': '/a'}, {'url_pattern': '/b'}"), answers, RM_COUNT(answers));
    // The answer comes in the very turn of the deadline: it counts, but the next backend is not asked.
    flow_poke_at(&rig, "/a", rm_loop_now_us(rig.loop) + 850 * MS);
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){.params = {"P"}});
    check_reply(client, 200, "{\"a\":1}", false);
    assert_int_equal(client->err.code, RM_ETIMEOUT);
    assert_int_equal(client->over_us - client->started_us, 850 * MS);
    assert_int_equal(rig.net.n_seen, 1);
    flow_rig_stop(&rig);
}

static void a_hang_up_ends_the_chain(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/a", .body = "{\"a\":1}", .after_us = 10}};
    struct flow_rig rig;
    flow_rig_start(&rig, SEQ("{'url_pattern': '/a'}, {'url_pattern': '/b'}, {'url_pattern': '/c'}"), answers,
                   RM_COUNT(answers));
    struct flow_client *client = flow_start(&rig, &(struct flow_ask){.params = {"P"}});
    rm_vloop_run_until(rig.loop, client->started_us + 20);
    flow_hang_up(client);
    rm_vloop_run(rig.loop);
    assert_int_equal(rig.net.n_seen, 2);
    assert_int_equal(rig.net.seen[1].outcome, FAKE_CANCELLED);
    flow_rig_stop(&rig);
}

static void a_bad_parameter_is_found_before_anything_is_asked(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.body = "{\"a\":1}"}};
    struct flow_rig rig;
    flow_rig_start(&rig,
                   "'host': ['http://10.0.0.1:80'], 'endpoints': [{'endpoint': '/e/{p}', 'backend': [{'url_pattern': "
                   "'/a'}, {'url_pattern': "
                   "'/b/{p}'}]}, {'endpoint': '/s/{p}', 'extra_config': {'proxy': {'sequential': true}}, 'backend': "
                   "[{'url_pattern': '/a'}, "
                   "{'url_pattern': '/b/{p}'}]}, {'endpoint': '/n/{p}', 'output_encoding': 'no-op', 'backend': "
                   "[{'url_pattern': '/b/{p}'}]}]",
                   answers, RM_COUNT(answers));
    for (uint32_t i = 0; i < 3; i++)
        check_reply(flow_run(&rig, &(struct flow_ask){.endpoint = i, .params = {".."}}), 400, "", false);
    assert_int_equal(rig.net.n_seen, 0);
    flow_rig_stop(&rig);
}

// ---- concurrent_calls ------------------------------------------------------------------------------------------------

#define RACE(calls, backends)                                                                                          \
    "'endpoints': [{'endpoint': '/e', 'timeout': '1s', 'concurrent_calls': " calls ", 'backend': [" backends "]}]"
#define HOSTS "'host': ['http://10.0.0.1:81', 'http://10.0.0.1:82', 'http://10.0.0.1:83']"

static void the_first_complete_answer_wins(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.port = 81, .body = "{\"n\":1}", .after_us = 30},
                                    {.port = 82, .status = 500, .after_us = 5},
                                    {.port = 83, .body = "{\"n\":3}", .after_us = 20}};
    struct flow_rig rig;
    flow_rig_start(&rig, RACE("3", "{'url_pattern': '/a', " HOSTS "}"), answers, RM_COUNT(answers));
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 200, "{\"n\":3}", true);
    assert_int_equal(client->err.code, RM_OK);
    assert_int_equal(client->over_us - client->started_us, 20);
    assert_int_equal(rig.net.n_seen, 3); // each picks a host anew
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(rig.net.seen[i].outcome, rig.net.seen[i].port == 81 ? FAKE_CANCELLED : FAKE_DONE);
    flow_rig_stop(&rig);
}

static void without_a_complete_answer(void **state)
{
    (void)state;
    // The last failure counts.
    struct fake_answer failures[] = {{.port = 81, .status = 500, .after_us = 10},
                                     {.port = 82, .code = RM_EPROTO, .after_us = 30},
                                     {.port = 83, .status = 404, .after_us = 20}};
    struct flow_rig rig;
    flow_rig_start(&rig, RACE("3", "{'url_pattern': '/a', " HOSTS "}"), failures, RM_COUNT(failures));
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 500, "", false);
    assert_int_equal(client->err.code, RM_EPROTO);
    assert_int_equal(client->over_us - client->started_us, 30);
    flow_rig_stop(&rig);
    // An incomplete answer is better than any failure, whatever came last.
    flow_rig_start(
        &rig,
        RACE("3", "{'url_pattern': '/a', 'extra_config': {'backend/http': {'return_error_details': 'x'}}, " HOSTS "}"),
        failures, RM_COUNT(failures));
    client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 200, "{\"error_x\":{\"http_status_code\":404}}", false);
    flow_rig_stop(&rig);
}

static void what_a_race_brings(void **state)
{
    (void)state;
    // An incomplete answer is kept when the time is over.
    struct fake_answer answers[] = {
        {.port = 81, .status = 404, .body = "own", .headers = "Content-Type: text/x", .after_us = 30},
        {.port = 82, .after_us = FAKE_WAITS}};
    struct flow_rig rig;
    flow_rig_start(
        &rig,
        RACE("4", "{'url_pattern': '/a', 'extra_config': {'backend/http': {'return_error_details': 'x'}}, 'host': "
                  "['http://10.0.0.1:81', 'http://10.0.0.1:82']}"),
        answers, RM_COUNT(answers));
    rig.net.sloppy = true;
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 200,
                "{\"error_x\":{\"http_status_code\":404,\"http_body\":\"own\",\"http_body_encoding\":\"text/x\"}}",
                false);
    assert_int_equal(client->err.code, RM_OK);
    assert_int_equal(client->over_us - client->started_us, 750 * MS);
    flow_rig_stop(&rig);
    // A backend's own error comes through it.
    flow_rig_start(&rig,
                   "'extra_config': {'router': {'return_error_msg': true}}, " RACE(
                       "2", "{'url_pattern': '/a', 'extra_config': {'backend/http': {'return_error_code': true}}, "
                            "'host': ['http://10.0.0.1:81']}"),
                   answers, RM_COUNT(answers));
    struct flow_client *own = flow_run(&rig, &(struct flow_ask){0});
    check_reply(own, 404, "own", false);
    assert_string_equal(flow_header(own, "Content-Type"), "text/x");
    flow_rig_stop(&rig);
}

static void a_race_has_75_percent(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.port = 81, .status = 500, .after_us = 30}};
    struct flow_rig rig;
    flow_rig_start(&rig, RACE("2", "{'url_pattern': '/a', 'host': ['http://10.0.0.1:81', 'http://10.0.0.1:82']}"),
                   answers, RM_COUNT(answers));
    rig.net.sloppy = true;
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 500, "", false);
    assert_int_equal(client->over_us - client->started_us, 750 * MS);
    assert_int_equal(client->err.code, RM_ETIMEOUT);
    assert_int_equal(rig.net.seen[0].deadline_us - client->started_us, 750 * MS);
    flow_rig_stop(&rig);
}

static void every_backend_races(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/a", .body = "{\"a\":1}", .after_us = 5},
                                    {.target = "/b", .after_us = FAKE_WAITS}};
    struct flow_rig rig;
    flow_rig_start(&rig, "'host': ['http://10.0.0.1:80'], " RACE("2", "{'url_pattern': '/a'}, {'url_pattern': '/b'}"),
                   answers, RM_COUNT(answers));
    rig.net.sloppy = true;
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 200, "{\"a\":1}", false);
    assert_int_equal(client->over_us - client->started_us, 750 * MS); // the race's time, not the group's
    assert_int_equal(rig.net.n_seen, 4);
    flow_rig_stop(&rig);
    // A backend's own, shorter time counts, and a hang-up cancels all copies.
    flow_rig_start(&rig,
                   "'host': ['http://10.0.0.1:80'], " RACE(
                       "2", "{'url_pattern': '/b', 'extra_config': {'remora': {'timeout': '100ms'}}}"),
                   answers, RM_COUNT(answers));
    rig.net.sloppy = true;
    struct flow_client *own = flow_run(&rig, &(struct flow_ask){0});
    assert_int_equal(own->over_us - own->started_us, 100 * MS);
    own = flow_start(&rig, &(struct flow_ask){0});
    flow_hang_up(own);
    rm_vloop_run(rig.loop);
    assert_int_equal(rig.net.n_seen, 4);
    assert_int_equal(rig.net.seen[3].outcome, FAKE_CANCELLED);
    flow_rig_stop(&rig);
}

static void a_no_op_endpoint_does_not_race(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.body = "x"}};
    struct flow_rig rig;
    flow_rig_start(&rig,
                   "'host': ['http://10.0.0.1:80'], 'endpoints': [{'endpoint': '/e', 'output_encoding': 'no-op', "
                   "'concurrent_calls': 3, "
                   "'backend': [{'url_pattern': '/a'}]}]",
                   answers, RM_COUNT(answers));
    flow_run(&rig, &(struct flow_ask){0});
    assert_int_equal(rig.net.n_seen, 1);
    flow_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_after_the_other),
        cmocka_unit_test(values_come_from_the_finished_answer),
        cmocka_unit_test(where_a_chain_stops),
        cmocka_unit_test(the_chain_shares_85_percent),
        cmocka_unit_test(nothing_is_asked_after_the_deadline),
        cmocka_unit_test(a_hang_up_ends_the_chain),
        cmocka_unit_test(a_bad_parameter_is_found_before_anything_is_asked),
        cmocka_unit_test(the_first_complete_answer_wins),
        cmocka_unit_test(without_a_complete_answer),
        cmocka_unit_test(what_a_race_brings),
        cmocka_unit_test(a_race_has_75_percent),
        cmocka_unit_test(every_backend_races),
        cmocka_unit_test(a_no_op_endpoint_does_not_race),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
