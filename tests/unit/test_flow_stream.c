// No-op endpoints: what passes, backpressure both ways, and answers that break.
// SPDX-License-Identifier: Apache-2.0
#include "flow_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS UINT64_C(1000)
#define NOOP(keys)                                                                                                     \
    "'host': ['http://10.0.0.1:80'], 'endpoints': [{'endpoint': '/e', 'timeout': '1s', 'method': 'POST', "             \
    "'output_encoding': "                                                                                              \
    "'no-op', 'backend': [{'url_pattern': '/a' " keys "}]}]"
#define OWN "X-Krakend: Version " TEST_VERSION "\nX-Krakend-Completed: false\n"

static struct flow_client *run_one(struct flow_rig *rig, const char *conf, struct fake_answer *answer)
{
    flow_rig_start(rig, conf, answer, 1);
    return flow_run(rig, &(struct flow_ask){0});
}

static void status_headers_and_body_pass(void **state)
{
    (void)state;
    static const int statuses[] = {200, 201, 202, 204, 206, 304, 400, 404, 418, 500, 503};
    for (size_t i = 0; i < RM_COUNT(statuses); i++) {
        for (size_t chunk_n = 0; chunk_n < 8; chunk_n += 7) {
            struct fake_answer answer = {
                .status = statuses[i],
                .body = "{\"b\" : 1,\n \"a\":2.50 }\n",
                .chunk_n = chunk_n,
                .headers = "Content-Type: text/weird; x=y\nSet-Cookie: a=b\nSet-Cookie: c=d\nServer: s\n"
                           "Date: yesterday\nX-Krakend: other\nx-krakend-completed: true\nContent-Length: 1"};
            struct flow_rig rig;
            // What a no-op endpoint ignores: filters, groups, error options.
            const struct flow_client *client = run_one(
                &rig,
                NOOP(", 'allow': ['a'], 'group': 'g', 'extra_config': {'backend/http': {'return_error_code': true}}"),
                &answer);
            // A short answer of known length goes out in one piece.
            assert_int_equal(client->n_whole, chunk_n == 0);
            assert_int_equal(client->n_head, chunk_n > 0);
            assert_int_equal(client->n_end, chunk_n > 0);
            assert_int_equal(client->n_cut, 0);
            assert_int_equal(client->status, statuses[i]);
            assert_string_equal(client->headers,
                                OWN "Content-Type: text/weird; x=y\nSet-Cookie: a=b\nSet-Cookie: c=d\nServer: s\n");
            assert_string_equal(client->body, answer.body);
            assert_int_equal(client->length, chunk_n ? -1 : (int64_t)strlen(answer.body));
            assert_false(client->completed);
            flow_rig_stop(&rig);
        }
    }
}

static void an_empty_answer(void **state)
{
    (void)state;
    struct fake_answer answer = {.status = 204};
    struct flow_rig rig;
    const struct flow_client *client = run_one(&rig, NOOP(""), &answer);
    assert_int_equal(client->n_whole, 1);
    assert_int_equal(client->status, 204);
    assert_int_equal(client->body_n, 0);
    flow_rig_stop(&rig);
}

static void long_answers_are_streamed(void **state)
{
    (void)state;
    static char body[20000];
    for (size_t n = 16384; n <= 16385; n++) {
        struct fake_answer answer = {.body = memset(body, 'x', sizeof body), .body_n = n};
        struct flow_rig rig;
        const struct flow_client *client = run_one(&rig, NOOP(""), &answer);
        assert_int_equal(client->body_n, n);
        assert_int_equal(client->n_whole, n == 16384);
        assert_int_equal(client->n_end, n == 16385);
        assert_int_equal(client->length, n);
        flow_rig_stop(&rig);
    }
}

static void chunks_and_trailers(void **state)
{
    (void)state;
    struct fake_answer answer = {
        .body = "0123456789", .chunk_n = 3, .chunk_us = 10, .trailers = "X-Sum: 1\nX-Other: 2"};
    struct flow_rig rig;
    const struct flow_client *client = run_one(&rig, NOOP(""), &answer);
    assert_int_equal(client->n_chunk, 4);
    assert_string_equal(client->body, "0123456789");
    assert_string_equal(client->trailers, "X-Sum: 1\nX-Other: 2\n");
    assert_int_equal(client->length, -1);
    assert_int_equal(client->over_us - client->started_us, 30);
    flow_rig_stop(&rig);
}

static void a_slow_client_pauses_the_backend(void **state)
{
    (void)state;
    struct fake_answer answer = {.body = "0123456789", .chunk_n = 2};
    struct flow_rig rig;
    flow_rig_start(&rig, NOOP(""), &answer, 1);
    struct flow_client *client = flow_start(&rig, &(struct flow_ask){0});
    client->accept_n = 2;
    rm_vloop_run_until(rig.loop, client->started_us + 100);
    assert_string_equal(client->body, "0123");
    assert_int_equal(client->n_again, 1);
    flow_take(client, 1);
    assert_string_equal(client->body, "0123"); // not from inside
    rm_vloop_run_until(rig.loop, client->started_us + 200);
    assert_string_equal(client->body, "012345");
    flow_take(client, SIZE_MAX);
    rm_vloop_run(rig.loop);
    assert_string_equal(client->body, "0123456789");
    assert_int_equal(client->n_end, 1);
    flow_rig_stop(&rig);
}

static void failures_before_the_head(void **state)
{
    (void)state;
    static const int codes[] = {RM_ECONNECT, RM_ERESET, RM_EPROTO, RM_ETIMEOUT};
    for (size_t i = 0; i < RM_COUNT(codes); i++) {
        for (int at_once = 0; at_once < 2; at_once++) {
            struct fake_answer answer = {.code = codes[i], .at_once = at_once};
            struct flow_rig rig;
            const struct flow_client *client = run_one(&rig, NOOP(""), &answer);
            assert_int_equal(client->n_whole, 1);
            assert_int_equal(client->status, 500);
            assert_string_equal(client->headers, OWN);
            assert_int_equal(client->body_n, 0);
            assert_int_equal(client->err.code, codes[i]);
            flow_rig_stop(&rig);
        }
    }
    struct fake_answer answer = {.code = RM_ECONNECT};
    struct flow_rig rig;
    const struct flow_client *client =
        run_one(&rig, "'extra_config': {'router': {'return_error_msg': true}}, " NOOP(""), &answer);
    assert_string_equal(client->body, "no connection to the backend");
    flow_rig_stop(&rig);
    client = run_one(&rig, NOOP(", 'host': ['http://0.0.0.0:11']"), &answer);
    assert_int_equal(client->status, 500);
    assert_int_equal(client->err.code, RM_ENOHOST);
    flow_rig_stop(&rig);
}

static void a_broken_body_is_cut(void **state)
{
    (void)state;
    struct fake_answer answer = {
        .body = "0123456789", .chunk_n = 3, .cut_at = 4, .cut_code = RM_ERESET, .headers = "X-Y: z"};
    struct flow_rig rig;
    const struct flow_client *client = run_one(&rig, NOOP(""), &answer);
    assert_int_equal(client->status, 200);
    assert_string_equal(client->body, "0123");
    assert_int_equal(client->n_cut, 1);
    assert_int_equal(client->n_end + client->n_whole, 0);
    assert_int_equal(client->err.code, RM_ERESET);
    flow_rig_stop(&rig);
    // A short one of known length has not been begun yet.
    answer.chunk_n = 0;
    client = run_one(&rig, NOOP(""), &answer);
    assert_int_equal(client->n_whole, 1);
    assert_int_equal(client->status, 500);
    assert_string_equal(client->headers, OWN);
    assert_int_equal(client->body_n, 0);
    flow_rig_stop(&rig);
    // Nor has one that finds no memory.
    answer = (struct fake_answer){.body = "0123456789"};
    flow_rig_start(&rig, NOOP(""), &answer, 1);
    rig.budget.limit = 5;
    client = flow_run(&rig, &(struct flow_ask){0});
    assert_int_equal(client->status, 503);
    assert_int_equal(client->body_n, 0);
    flow_rig_stop(&rig);
}

static void the_deadline_covers_the_body(void **state)
{
    (void)state;
    struct fake_answer late = {.body = "x", .after_us = FAKE_WAITS};
    struct flow_rig rig;
    flow_rig_start(&rig, NOOP(""), &late, 1);
    rig.net.sloppy = true;
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    assert_int_equal(client->n_whole, 1);
    assert_int_equal(client->status, 500);
    assert_int_equal(client->over_us - client->started_us, 1000 * MS);
    flow_rig_stop(&rig);
    struct fake_answer slow = {.body = "0123456789", .chunk_n = 1, .chunk_us = 300 * MS};
    flow_rig_start(&rig, NOOP(""), &slow, 1);
    rig.net.sloppy = true;
    client = flow_run(&rig, &(struct flow_ask){0});
    assert_string_equal(client->body, "0123");
    assert_int_equal(client->n_cut, 1);
    assert_int_equal(client->over_us - client->started_us, 1000 * MS);
    assert_int_equal(rig.net.seen[0].outcome, FAKE_CANCELLED);
    flow_rig_stop(&rig);
}

static void redirects_are_followed_unseen(void **state)
{
    (void)state;
    struct fake_answer answers[] = {
        {.target = "/a", .status = 302, .headers = "Location: /b", .body = "moved"},
        {.target = "/b", .body = "here", .headers = "X-At: b"},
        {.target = "/gone", .status = 302, .headers = "Location: http://10.0.0.2/b"},
        {.target = "/odd", .status = 302, .body = "no Location"},
        {.target = "/oops", .status = 302, .headers = "Location: /fails"},
        {.target = "/fails", .code = RM_ERESET},
    };
    struct flow_rig rig;
    flow_rig_start(&rig,
                   "'host': ['http://10.0.0.1:80'], 'output_encoding': 'no-op', 'endpoints': [{'endpoint': '/a', "
                   "'backend': [{'url_pattern': "
                   "'/a'}]}, {'endpoint': '/gone', 'backend': [{'url_pattern': '/gone'}]}, {'endpoint': '/odd', "
                   "'backend': [{'url_pattern': "
                   "'/odd'}]}, {'endpoint': '/oops', 'backend': [{'url_pattern': '/oops'}]}]",
                   answers, RM_COUNT(answers));
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    assert_int_equal(client->status, 200);
    assert_string_equal(client->body, "here");
    assert_string_equal(client->headers, OWN "X-At: b\n");
    client = flow_run(&rig, &(struct flow_ask){.endpoint = 1});
    assert_int_equal(client->n_whole, 1);
    assert_int_equal(client->status, 500);
    assert_int_equal(client->err.code, RM_EREDIRECT);
    client = flow_run(&rig, &(struct flow_ask){.endpoint = 2});
    assert_int_equal(client->status, 302);
    assert_string_equal(client->body, "no Location");
    client = flow_run(&rig, &(struct flow_ask){.endpoint = 3});
    assert_int_equal(client->status, 500);
    assert_int_equal(client->err.code, RM_ERESET);
    flow_rig_stop(&rig);
}

static void a_hang_up_at_each_moment(void **state)
{
    (void)state;
    for (uint64_t at_us = 0; at_us < 60; at_us += 5) {
        struct fake_answer answers[] = {
            {.target = "/a", .status = 302, .headers = "Location: /b", .after_us = 12},
            {.target = "/b", .body = "012345", .after_us = 12, .chunk_n = 2, .chunk_us = 10}};
        struct flow_rig rig;
        flow_rig_start(&rig, NOOP(""), answers, RM_COUNT(answers));
        struct flow_client *client = flow_start(&rig, &(struct flow_ask){0});
        rm_vloop_run_until(rig.loop, client->started_us + at_us);
        bool was_over = client->over;
        flow_hang_up(client);
        rm_vloop_run(rig.loop);
        assert_int_equal(was_over, at_us >= 44);
        assert_int_equal(client->n_end, was_over);
        assert_int_equal(client->n_cut, 0);
        flow_rig_stop(&rig);
    }
}

// ---- the client's body -----------------------------------------------------------------------------------------------------

struct piped {
    struct rm_body_source source;
    const char *rest;
    size_t ready; // bytes that may be read now
    int64_t end;  // what comes behind the last byte: 0 or a code
};

static int64_t piped_read(struct rm_body_source *source, char *to, size_t n)
{
    struct piped *p = rm_container_of(source, struct piped, source);
    size_t left = strlen(p->rest);
    if (left == 0)
        return p->end;
    if (p->ready == 0)
        return RM_AGAIN;
    n = n < p->ready ? n : p->ready;
    n = n < left ? n : left;
    memcpy(to, p->rest, n);
    p->rest += n;
    p->ready -= n;
    return (int64_t)n;
}

static void the_clients_body_is_streamed(void **state)
{
    (void)state;
    struct fake_answer answer = {.body = "done", .after_us = 100};
    struct flow_rig rig;
    flow_rig_start(&rig, NOOP(""), &answer, 1);
    struct piped piped = {.source = {.read = piped_read, .length = -1}, .rest = "raw <body>", .ready = 4};
    struct flow_client *client = flow_start(&rig, &(struct flow_ask){.source = &piped.source});
    rm_vloop_run_until(rig.loop, client->started_us + 10);
    assert_string_equal(rig.net.seen[0].body, "raw ");
    assert_true(rig.net.seen[0].has_source && rig.net.seen[0].has_body);
    piped.ready = 100;
    rm_request_body_ready(&client->rq);
    rm_vloop_run(rig.loop);
    assert_string_equal(rig.net.seen[0].body, "raw <body>");
    assert_int_equal(rig.net.seen[0].source_end, 0);
    assert_string_equal(client->body, "done");
    flow_rig_stop(&rig);
}

static void a_broken_client_body_fails_the_exchange(void **state)
{
    (void)state;
    struct fake_answer answer = {.body = "done", .after_us = 100};
    struct flow_rig rig;
    flow_rig_start(&rig, NOOP(""), &answer, 1);
    struct piped piped = {.source = {.read = piped_read, .length = -1}, .rest = "raw", .ready = 3, .end = RM_ECANCEL};
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){.source = &piped.source});
    assert_int_equal(rig.net.seen[0].source_end, RM_ECANCEL);
    assert_int_equal(client->err.code, RM_ECANCEL);
    flow_rig_stop(&rig);
}

static void a_streamed_body_is_not_sent_twice(void **state)
{
    (void)state;
    static const struct {
        int status;
        bool followed;
    } cases[] = {{303, true}, {302, true}, {307, false}, {308, false}};
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct fake_answer answers[] = {{.target = "/a", .status = cases[i].status, .headers = "Location: /b"},
                                        {.target = "/b", .body = "b"}};
        struct flow_rig rig;
        // The option is for bodies that remora still has.
        flow_rig_start(&rig, NOOP(", 'extra_config': {'backend/http/client': {'send_body_on_redirect': true}}"),
                       answers, 2);
        struct piped piped = {.source = {.read = piped_read, .length = -1}, .rest = "raw", .ready = 3};
        struct flow_client *client = flow_run(&rig, &(struct flow_ask){.source = &piped.source});
        assert_int_equal(client->status, cases[i].followed ? 200 : 500);
        assert_int_equal(rig.net.n_seen, cases[i].followed ? 2 : 1);
        if (cases[i].followed) {
            assert_string_equal(rig.net.seen[1].method, "GET");
            assert_false(rig.net.seen[1].has_body || rig.net.seen[1].has_source);
        }
        flow_rig_stop(&rig);
    }
}

static void late_words_of_the_front_are_harmless(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/a", .status = 303, .headers = "Location: /b", .after_us = 10},
                                    {.target = "/b", .body = "b", .after_us = 10}};
    struct flow_rig rig;
    flow_rig_start(&rig, NOOP(""), answers, 2);
    struct piped piped = {.source = {.read = piped_read, .length = -1}, .rest = "raw", .ready = 1};
    struct flow_client *client = flow_start(&rig, &(struct flow_ask){.source = &piped.source});
    rm_vloop_run_until(rig.loop, client->started_us + 15);
    piped.ready = 10;
    rm_request_body_ready(&client->rq); // the exchange that runs has no body
    rm_request_writable(&client->rq);
    assert_int_equal(strlen(piped.rest), 2);
    rm_vloop_run(rig.loop);
    assert_int_equal(client->n_whole, 1);
    rm_request_cancel(&client->rq); // it is over
    rm_request_writable(&client->rq);
    rm_request_body_ready(&client->rq);
    flow_rig_stop(&rig);
}

static void words_for_a_request_that_never_asked(void **state)
{
    (void)state;
    struct flow_rig rig;
    flow_rig_start(
        &rig,
        "'host': ['http://10.0.0.1:80'], 'endpoints': [{'endpoint': '/e/{id}', 'output_encoding': 'no-op', 'backend': "
        "[{'url_pattern': '/a/{id}'}]}]",
        NULL, 0);
    struct flow_client *client = flow_start(&rig, &(struct flow_ask){.params = {".."}});
    rm_request_writable(&client->rq);
    rm_request_body_ready(&client->rq);
    rm_vloop_run(rig.loop);
    assert_int_equal(client->status, 400);
    client = flow_start(&rig, &(struct flow_ask){.params = {".."}});
    flow_hang_up(client);
    rm_vloop_run(rig.loop);
    assert_int_equal(client->n_whole, 0);
    flow_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_headers_and_body_pass),
        cmocka_unit_test(an_empty_answer),
        cmocka_unit_test(long_answers_are_streamed),
        cmocka_unit_test(chunks_and_trailers),
        cmocka_unit_test(a_slow_client_pauses_the_backend),
        cmocka_unit_test(failures_before_the_head),
        cmocka_unit_test(a_broken_body_is_cut),
        cmocka_unit_test(the_deadline_covers_the_body),
        cmocka_unit_test(redirects_are_followed_unseen),
        cmocka_unit_test(a_hang_up_at_each_moment),
        cmocka_unit_test(the_clients_body_is_streamed),
        cmocka_unit_test(a_broken_client_body_fails_the_exchange),
        cmocka_unit_test(a_streamed_body_is_not_sent_twice),
        cmocka_unit_test(late_words_of_the_front_are_harmless),
        cmocka_unit_test(words_for_a_request_that_never_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
