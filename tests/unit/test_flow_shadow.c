// Shadow backends: what they are sent, that nobody waits for them or sees them, and what bounds them.
// SPDX-License-Identifier: Apache-2.0
#include "flow/local.h"
#include "flow_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HOST "'host': ['http://10.0.0.1:80'], "
#define MS UINT64_C(1000)
#define SHADOW "'extra_config': {'proxy': {'shadow': true}}"
#define ONE                                                                                                            \
    HOST "'endpoints': [{'endpoint': '/e', 'timeout': '1s', 'backend': [{'url_pattern': '/s', " SHADOW                 \
         "}, {'url_pattern': '/a'}]}]"

static void check_reply(const struct flow_client *client, int status, const char *body, bool completed)
{
    assert_int_equal(client->n_whole, 1);
    assert_int_equal(client->status, status);
    assert_string_equal(client->body, body);
    assert_int_equal(client->completed, completed);
}

static const struct rm_counts *counts(const struct flow_rig *rig, uint32_t backend)
{
    return rm_counts_at(&rig->flow->counts, rm_counts_of_backend(&rig->plan->endpoints[0], backend));
}

// However a shadow call ends, and whenever: the answer is the only backend's, as if there were no other.
static void the_client_sees_nothing_of_it(void **state)
{
    (void)state;
    static const struct fake_answer ends[] = {
        {.body = "{\"shadow\":1}", .at_once = true},
        {.body = "{\"shadow\":1}", .after_us = 500 * MS},
        {.body = "no JSON", .headers = "Content-Type: application/json"},
        {.status = 503, .body = "{\"e\":1}"},
        {.code = RM_ECONNECT, .at_once = true},
        {.code = RM_ERESET},
        {.code = RM_EMEMORY},
        {.after_us = FAKE_WAITS},
    };
    for (size_t i = 0; i < RM_COUNT(ends); i++) {
        struct fake_answer answers[] = {ends[i], {.target = "/a", .body = "{\"a\":1}", .after_us = 2 * MS}};
        answers[0].target = "/s";
        struct flow_rig rig;
        flow_rig_start(&rig, ONE, answers, RM_COUNT(answers));
        const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
        check_reply(client, 200, "{\"a\":1}", true);
        assert_int_equal(client->err.code, RM_OK);
        assert_int_equal(client->over_us - client->started_us, 2 * MS);
        const struct fake_seen *seen = fake_seen_find(&rig.net, "/s", 0);
        assert_non_null(seen);
        assert_true(seen->has_sink); // its body is not collected
        assert_int_equal(counts(&rig, 0)->by_class[2], 1); // the shadow's place is behind the others
        assert_int_equal(rm_counts_over(counts(&rig, 1)), 1);
        assert_int_equal(counts(&rig, 1)->failed[-RM_ETIMEOUT], ends[i].after_us == FAKE_WAITS);
        flow_rig_stop(&rig);
    }
}

static void it_does_not_make_up_for_a_failure(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/s", .body = "{\"s\":1}"}, {.target = "/a", .status = 404}};
    struct flow_rig rig;
    flow_rig_start(&rig, ONE, answers, RM_COUNT(answers));
    check_reply(flow_run(&rig, &(struct flow_ask){0}), 500, "", false);
    flow_rig_stop(&rig);
}

// The request's memory is gone (flow_rig frees it with the reply) when the shadow backend is asked again on a second host.
static void it_is_sent_what_the_backend_is_sent(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/s", .code = RM_ECONNECT, .after_us = 100 * MS, .times = 1},
                                    {.target = "/s", .after_us = 50 * MS},
                                    {.target = "/a", .body = "{}"}};
    struct flow_rig rig;
    flow_rig_start(&rig,
                   "'host': ['http://10.0.0.1:80', 'http://10.0.0.2:80'], 'endpoints': [{'endpoint': '/e/{id}', "
                   "'method': 'POST', 'input_headers': ['X-One'], 'input_query_strings': ['q'], 'backend': "
                   "[{'url_pattern': '/a/{id}'}, {'url_pattern': '/s/{id}', " SHADOW "}]}]",
                   answers, RM_COUNT(answers));
    static const struct flow_ask ask = {.params = {"7 8"},
                                        .query = "q=1&r=2",
                                        .headers = {"X-One: 1", "X-Two: 2"},
                                        .body = "{\"name\":\"a body\"}"};
    const struct flow_client *client = flow_run(&rig, &ask);
    check_reply(client, 200, "{}", false);
    const struct fake_seen *backend = fake_seen_find(&rig.net, "/a", 0);
    assert_string_equal(backend->target, "/a/7%208?q=1");
    for (size_t i = 0; i < 2; i++) {
        const struct fake_seen *seen = fake_seen_find(&rig.net, "/s", i);
        assert_non_null(seen);
        assert_string_equal(seen->method, "POST");
        assert_string_equal(seen->target, "/s/7%208?q=1");
        assert_string_equal(seen->headers, backend->headers);
        assert_string_equal(seen->body, ask.body);
    }
    assert_int_equal(counts(&rig, 1)->retries, 1);
    flow_rig_stop(&rig);
}

static void each_has_a_time_of_its_own(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/s", .after_us = FAKE_WAITS}, {.target = "/a", .body = "{\"a\":1}"}};
    for (int sloppy = 0; sloppy <= 1; sloppy++) {
        struct flow_rig rig;
        flow_rig_start(
            &rig,
            HOST "'endpoints': [{'endpoint': '/e', 'timeout': '1s', 'backend': [{'url_pattern': '/a'}, {'url_pattern': "
                 "'/s0', " SHADOW "}, {'url_pattern': '/s1', 'extra_config': {'proxy': {'shadow': true, "
                 "'shadow_timeout': '5s'}}}, {'url_pattern': '/s2', 'extra_config': {'proxy': {'shadow': true, "
                 "'shadow_timeout': '5s'}, 'remora': {'timeout': '20ms'}}}]}]",
            answers, RM_COUNT(answers));
        rig.net.sloppy = sloppy;
        const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
        check_reply(client, 200, "{\"a\":1}", true);
        static const uint64_t times_us[] = {1000 * MS, 5000 * MS, 20 * MS};
        for (uint32_t i = 0; i < 3; i++) {
            const struct fake_seen *seen = fake_seen_find(&rig.net, "/s", i);
            assert_int_equal(seen->deadline_us - seen->at_us, times_us[i]);
            assert_int_equal(seen->ended_us - seen->at_us, sloppy ? 5000 * MS : times_us[i]);
            assert_int_equal(counts(&rig, 1 + i)->failed[-RM_ETIMEOUT], 1);
        }
        flow_rig_stop(&rig);
    }
}

static void a_client_that_hangs_up_does_not_end_it(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.after_us = 100 * MS, .body = "{}"}};
    struct flow_rig rig;
    flow_rig_start(&rig, ONE, answers, RM_COUNT(answers));
    struct flow_client *client = flow_start(&rig, &(struct flow_ask){.body = "long gone"});
    flow_hang_up(client);
    assert_int_equal(rig.held, 1);
    rm_vloop_run(rig.loop);
    assert_int_equal(fake_seen_find(&rig.net, "/a", 0)->outcome, FAKE_CANCELLED);
    assert_int_equal(fake_seen_find(&rig.net, "/s", 0)->outcome, FAKE_DONE);
    assert_string_equal(fake_seen_find(&rig.net, "/s", 0)->body, "long gone");
    flow_rig_stop(&rig); // also: the flow is not held any more
}

static void only_so_many_run(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/s", .after_us = 100 * MS}, {.target = "/a", .body = "{\"a\":1}"}};
    struct flow_rig rig;
    flow_rig_start(&rig, "'extra_config': {'remora': {'limits': {'shadow_requests': 2}}}," ONE, answers,
                   RM_COUNT(answers));
    for (int i = 0; i < 5; i++)
        flow_start(&rig, &(struct flow_ask){0});
    assert_int_equal(rig.shadows.n, 2);
    rm_vloop_run(rig.loop);
    check_reply(flow_run(&rig, &(struct flow_ask){0}), 200, "{\"a\":1}", true); // there is room again
    assert_int_equal(counts(&rig, 0)->by_class[2], 6);
    assert_int_equal(counts(&rig, 1)->by_class[2], 3);
    assert_int_equal(counts(&rig, 1)->dropped, 3);
    flow_rig_stop(&rig);
}

static void its_body_has_to_find_room(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/s", .after_us = FAKE_WAITS}, {.target = "/a", .body = "{\"a\":1}"}};
    struct flow_rig rig;
    flow_rig_start(&rig, ONE, answers, RM_COUNT(answers));
    static char body[4097];
    memset(body, 'b', sizeof(body) - 1);
    const struct flow_client *first = flow_start(&rig, &(struct flow_ask){.body = body});
    size_t copy_bytes = atomic_load(&rig.budget.used);
    assert_in_range(copy_bytes, sizeof(body) - 1, 2 * sizeof(body));
    rig.budget.limit = copy_bytes + 1000; // for the answer, not for another copy
    const struct flow_client *second = flow_start(&rig, &(struct flow_ask){.body = body});
    rm_vloop_run(rig.loop);
    check_reply(first, 200, "{\"a\":1}", true);
    check_reply(second, 200, "{\"a\":1}", true);
    assert_int_equal(counts(&rig, 1)->dropped, 1);
    assert_int_equal(counts(&rig, 1)->failed[-RM_ETIMEOUT], 1);
    flow_rig_stop(&rig);
}

static void the_end_of_a_worker_cancels_it(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/s", .after_us = FAKE_WAITS}, {.target = "/a", .body = "{\"a\":1}"}};
    struct flow_rig rig;
    flow_rig_start(&rig, ONE, answers, RM_COUNT(answers));
    flow_start(&rig, &(struct flow_ask){.body = "one"});
    const struct flow_client *client = flow_start(&rig, &(struct flow_ask){.body = "two"});
    rm_vloop_run_until(rig.loop, rm_loop_now_us(rig.loop) + MS);
    check_reply(client, 200, "{\"a\":1}", true);
    assert_int_equal(rig.shadows.n, 2);
    rm_shadows_end(&rig.shadows);
    assert_int_equal(counts(&rig, 1)->cancelled, 2);
    flow_rig_stop(&rig); // nothing is left of them
}

// Earlier answers are those of the backends that make the answer, wherever shadow backends stand between them.
static void in_a_sequence(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/s", .code = RM_ERESET},
                                    {.target = "/a", .body = "{\"id\":1}", .after_us = 10 * MS},
                                    {.target = "/b", .body = "{\"id\":2}"},
                                    {.target = "/c", .body = "{\"c\":3}"}};
    struct flow_rig rig;
    flow_rig_start(&rig,
                   HOST "'endpoints': [{'endpoint': '/e', 'extra_config': {'proxy': {'sequential': true}}, 'backend': ["
                        "{'url_pattern': '/s1', " SHADOW "}, {'url_pattern': '/a'}, {'url_pattern': '/s2', " SHADOW
                        "}, {'url_pattern': '/b/{resp0_id}'}, {'url_pattern': '/c/{resp0_id}/{resp1_id}'}]}]",
                   answers, RM_COUNT(answers));
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 200, "{\"id\":2,\"c\":3}", true);
    assert_non_null(fake_seen_find(&rig.net, "/b/1", 0));
    assert_non_null(fake_seen_find(&rig.net, "/c/1/2", 0));
    assert_int_equal(fake_seen_find(&rig.net, "/s1", 0)->at_us, client->started_us); // both at once, though it fails
    assert_int_equal(fake_seen_find(&rig.net, "/s2", 0)->at_us, client->started_us);
    flow_rig_stop(&rig);
}

static void it_is_asked_once_however_many_calls_race(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/a", .body = "{\"a\":1}", .after_us = MS}, {.target = "/s"}};
    struct flow_rig rig;
    flow_rig_start(&rig,
                   HOST "'endpoints': [{'endpoint': '/e', 'concurrent_calls': 3, 'backend': [{'url_pattern': '/a'}, "
                        "{'url_pattern': '/s', " SHADOW "}]}]",
                   answers, RM_COUNT(answers));
    check_reply(flow_run(&rig, &(struct flow_ask){0}), 200, "{\"a\":1}", true);
    assert_non_null(fake_seen_find(&rig.net, "/a", 2));
    assert_non_null(fake_seen_find(&rig.net, "/s", 0));
    assert_null(fake_seen_find(&rig.net, "/s", 1));
    flow_rig_stop(&rig);
}

static void alone_they_answer_nothing(void **state)
{
    (void)state;
    struct flow_rig rig;
    flow_rig_start(&rig,
                   HOST "'endpoints': [{'endpoint': '/e', 'extra_config': {'proxy': {'static': {'data': {'x': 1}}}}, "
                        "'backend': [{'url_pattern': '/s', " SHADOW "}]}]",
                   NULL, 0);
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    assert_int_equal(client->status, 500);
    assert_int_equal(client->err.code, RM_ENOHOST);
    assert_int_equal(rig.net.n_seen, 0);
    flow_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_sees_nothing_of_it),
        cmocka_unit_test(it_does_not_make_up_for_a_failure),
        cmocka_unit_test(it_is_sent_what_the_backend_is_sent),
        cmocka_unit_test(each_has_a_time_of_its_own),
        cmocka_unit_test(a_client_that_hangs_up_does_not_end_it),
        cmocka_unit_test(only_so_many_run),
        cmocka_unit_test(its_body_has_to_find_room),
        cmocka_unit_test(the_end_of_a_worker_cancels_it),
        cmocka_unit_test(in_a_sequence),
        cmocka_unit_test(it_is_asked_once_however_many_calls_race),
        cmocka_unit_test(alone_they_answer_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
