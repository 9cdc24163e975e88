// Replies: static data, backends' own errors, error texts, redirects, the log.
// SPDX-License-Identifier: Apache-2.0
#include "flow_rig.h"

#include <remora/log.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define HOST "'host': ['http://10.0.0.1:80'], "
#define MSG "'extra_config': {'router': {'return_error_msg': true}}, "
#define ONE(backend_keys, endpoint_keys)                                                                               \
    HOST "'endpoints': [{'endpoint': '/e' " endpoint_keys ", 'backend': [{'url_pattern': '/a' " backend_keys "}]}]"

static void check_reply(const struct flow_client *client, int status, const char *body, bool completed)
{
    assert_int_equal(client->n_whole, 1);
    assert_int_equal(client->status, status);
    assert_string_equal(client->body, body);
    assert_int_equal(client->completed, completed);
}

// ---- static data -------------------------------------------------------------------------------------------------------

static void static_data_by_strategy(void **state)
{
    (void)state;
    // fine, partial, all failed (krakend-behaviour.md §7.9)
    static const struct {
        const char *strategy;
        const char *bodies[3];
    } rows[] = {
        {"always",
         {"{\"a\":1,\"k\":\"s\",\"b\":1,\"n\":1.50}", "{\"a\":1,\"k\":\"s\",\"n\":1.50}", "{\"k\":\"s\",\"n\":1.50}"}},
        {"whenever",
         {"{\"a\":1,\"k\":\"s\",\"b\":1,\"n\":1.50}", "{\"a\":1,\"k\":\"s\",\"n\":1.50}", "{\"k\":\"s\",\"n\":1.50}"}},
        {"success", {"{\"a\":1,\"k\":\"s\",\"b\":1,\"n\":1.50}", "{\"a\":1,\"k\":2}", NULL}},
        {"errored", {"{\"a\":1,\"k\":2,\"b\":1}", "{\"a\":1,\"k\":\"s\",\"n\":1.50}", "{\"k\":\"s\",\"n\":1.50}"}},
        {"complete", {"{\"a\":1,\"k\":\"s\",\"b\":1,\"n\":1.50}", "{\"a\":1,\"k\":2}", NULL}},
        {"incomplete", {"{\"a\":1,\"k\":2,\"b\":1}", "{\"a\":1,\"k\":\"s\",\"n\":1.50}", "{\"k\":\"s\",\"n\":1.50}"}},
    };
    for (size_t r = 0; r < RM_COUNT(rows); r++) {
        for (int outcome = 0; outcome < 3; outcome++) {
            struct fake_answer answers[] = {
                {.target = "/a", .body = "{\"a\":1,\"k\":2}", .status = outcome < 2 ? 200 : 500},
                {.target = "/b", .body = "{\"b\":1}", .status = outcome < 1 ? 200 : 500},
            };
            char conf[500];
            snprintf(conf, sizeof conf,
                     HOST "'endpoints': [{'endpoint': '/e', 'cache_ttl': '1s', 'extra_config': {'proxy': {'static': "
                          "{'data': {'k': 's', 'n': 1.50}, "
                          "'strategy': '%s'}}}, 'backend': [{'url_pattern': '/a'}, {'url_pattern': '/b'}]}]",
                     rows[r].strategy);
            struct flow_rig rig;
            flow_rig_start(&rig, conf, answers, RM_COUNT(answers));
            const char *body = rows[r].bodies[outcome];
            for (int twice = 0; twice < 2; twice++) { // the plan's own data must not be used up
                struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
                check_reply(client, body ? 200 : 500, body ? body : "", outcome == 0);
                assert_int_equal(flow_header(client, "Cache-Control") != NULL, outcome == 0);
            }
            flow_rig_stop(&rig);
        }
    }
}

static void static_data_of_an_incomplete_answer(void **state)
{
    (void)state;
    // Nothing failed, but one backend answered null.
    static const struct {
        const char *strategy;
        bool applies;
    } rows[] = {{"always", true}, {"success", true}, {"errored", false}, {"complete", false}, {"incomplete", true}};
    for (size_t i = 0; i < RM_COUNT(rows); i++) {
        struct fake_answer answers[] = {{.target = "/a", .body = "{\"a\":1}"}, {.target = "/b", .body = "null"}};
        char conf[400];
        snprintf(conf, sizeof conf,
                 HOST "'endpoints': [{'endpoint': '/e', 'extra_config': {'proxy': {'static': {'data': {'s': 1}, "
                      "'strategy': '%s'}}}, "
                      "'backend': [{'url_pattern': '/a'}, {'url_pattern': '/b'}]}]",
                 rows[i].strategy);
        struct flow_rig rig;
        flow_rig_start(&rig, conf, answers, RM_COUNT(answers));
        check_reply(flow_run(&rig, &(struct flow_ask){0}), 200, rows[i].applies ? "{\"a\":1,\"s\":1}" : "{\"a\":1}",
                    false);
        flow_rig_stop(&rig);
    }
}

static void static_data_and_other_endpoints(void **state)
{
    (void)state;
#define STATIC ", 'extra_config': {'proxy': {'static': {'data': {'s': {'t': []}}}}}"
    struct fake_answer answers[] = {{.body = "null"}};
    struct flow_rig rig;
    flow_rig_start(&rig, ONE("", STATIC), answers, 1);
    check_reply(flow_run(&rig, &(struct flow_ask){0}), 200, "{\"s\":{\"t\":[]}}", true); // a null is an answer
    flow_rig_stop(&rig);
    // A no-op endpoint ignores it.
    answers[0].body = "raw";
    flow_rig_start(&rig, ONE("", STATIC ", 'output_encoding': 'no-op'"), answers, 1);
    assert_string_equal(flow_run(&rig, &(struct flow_ask){0})->body, "raw");
    flow_rig_stop(&rig);
}

// ---- large answers ----------------------------------------------------------------------------------------------------

static char *large_object(char *text, size_t n, char name)
{
    memset(text, 'x', n);
    memcpy(text, "{\"?\":{\"v\":\"", 11);
    text[2] = name;
    memcpy(text + n - 4, "\"}}", 4);
    return text;
}

// What is large goes out from the backends' own bodies, which stay until then; nothing else is held.
static void large_answers_are_not_copied(void **state)
{
    (void)state;
    static char a[40001], b[20001], both[60001];
    struct fake_answer answers[] = {{.target = "/a", .body = large_object(a, sizeof(a), 'a')},
                                    {.target = "/b", .body = large_object(b, sizeof(b), 'b')}};
    snprintf(both, sizeof both, "%.*s,%s", (int)strlen(a) - 1, a, b + 1);
    struct flow_rig rig;
    flow_rig_start(&rig, ONE("", ""), answers, 1);
    struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 200, a, true);
    assert_int_equal(client->n_refs, 1);
    assert_true(client->held_bytes >= strlen(a) && client->held_bytes < 2 * strlen(a));
    flow_rig_stop(&rig);
    flow_rig_start(&rig,
                   HOST "'endpoints': [{'endpoint': '/e', 'backend': [{'url_pattern': '/a'}, {'url_pattern': '/b'}]}]",
                   answers, 2);
    client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 200, both, true);
    assert_int_equal(client->n_refs, 2);
    flow_rig_stop(&rig);
}

// A part that is small beside its body is copied, so that a slow client does not keep the rest.
static void a_small_part_of_a_large_answer_is_copied(void **state)
{
    (void)state;
    static char a[20001], all[90001];
    large_object(a, sizeof(a), 'a');
    snprintf(all, sizeof all, "%.*s,\"rest\":\"%065000d\"}", (int)strlen(a) - 1, a, 1);
    struct fake_answer answers[] = {{.target = "/a", .body = all}};
    struct flow_rig rig;
    flow_rig_start(&rig, ONE(", 'allow': ['a']", ""), answers, 1);
    struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 200, a, true);
    assert_int_equal(client->n_refs, 0);
    assert_true(client->held_bytes >= strlen(a) && client->held_bytes < 2 * strlen(a));
    flow_rig_stop(&rig);
}

// ---- encodings -------------------------------------------------------------------------------------------------------

static void the_client_chooses_the_encoding(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.body = "{\"v\":\"x\"}"}};
    static const struct {
        const char *accept, *type, *body;
    } cases[] = {
        {NULL, "application/json; charset=utf-8", "{\"v\":\"x\"}"},
        {"Accept: application/xml", "application/xml", "<v>x</v>"},
        {"Accept: application/x-yaml", "application/yaml; charset=utf-8", "v: x\n"},
    };
    struct flow_rig rig;
    flow_rig_start(&rig, ONE("", ", 'output_encoding': 'negotiate'"), answers, 1);
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct flow_client *client = flow_run(&rig, &(struct flow_ask){.headers = {cases[i].accept}});
        check_reply(client, 200, cases[i].body, true);
        assert_string_equal(flow_header(client, "Content-Type"), cases[i].type);
        assert_string_equal(flow_header(client, "Vary"), "Accept");
    }
    flow_rig_stop(&rig);
    flow_rig_start(&rig, ONE("", ", 'output_encoding': 'xml'"), answers, 1);
    struct flow_client *client = flow_run(&rig, &(struct flow_ask){.headers = {"Accept: application/json"}});
    check_reply(client, 200, "<v>x</v>", true);
    assert_null(flow_header(client, "Vary"));
    flow_rig_stop(&rig);
}

// ---- flatmap -----------------------------------------------------------------------------------------------------------

#define FLATMAP(ops) ", 'extra_config': {'proxy': {'flatmap_filter': [" ops "]}}"
#define DEL(path) "{'type': 'del', 'args': ['" path "']}"
#define FLATMAP_TWO                                                                                                    \
    HOST "'endpoints': [{'endpoint': '/e'" FLATMAP(                                                                    \
        DEL("a.x") ", {'type': 'move', 'args': ['b.y', 'y']}") ", 'backend': ["                                        \
                                                               "{'url_pattern': '/a', 'group': 'a'}, {'url_pattern': " \
                                                               "'/b', 'group': 'b'}]}]"

static void an_endpoint_flatmap_is_always_applied(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/a", .body = "{\"x\":1,\"z\":2}"},
                                    {.target = "/b", .body = "{\"y\":3}"}};
    struct flow_rig rig;
    flow_rig_start(&rig, FLATMAP_TWO, answers, 2);
    check_reply(flow_run(&rig, &(struct flow_ask){0}), 200, "{\"a\":{\"z\":2},\"b\":null,\"y\":3}", true);
    flow_rig_stop(&rig);
    answers[1].status = 500; // what was to be deleted must not show
    flow_rig_start(&rig, FLATMAP_TWO, answers, 2);
    check_reply(flow_run(&rig, &(struct flow_ask){0}), 200, "{\"a\":{\"z\":2}}", false);
    flow_rig_stop(&rig);
    answers[0].status = 500;
    flow_rig_start(&rig, FLATMAP_TWO, answers, 2);
    check_reply(flow_run(&rig, &(struct flow_ask){0}), 500, "", false);
    flow_rig_stop(&rig);
    struct fake_answer one[] = {{.body = "{\"a\":{\"x\":1,\"z\":2}}"}};
    flow_rig_start(&rig, ONE("", FLATMAP(DEL("a.x"))), one, 1);
    check_reply(flow_run(&rig, &(struct flow_ask){0}), 200, "{\"a\":{\"z\":2}}", true);
    flow_rig_stop(&rig);
}

static void a_flatmap_that_leaves_nothing(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.body = "{\"a\":1,\"b\":2}"}};
    static const struct {
        const char *conf, *body;
        bool completed;
    } cases[] = {
        {ONE(FLATMAP(DEL("*")), ""), "null", false},
        {ONE("", FLATMAP(DEL("*"))), "null", false},
        {ONE(", 'group': 'g'" FLATMAP(DEL("*")), ""), "{\"g\":null}", true},
        {ONE(", 'target': 'a'" FLATMAP(DEL("*")), ""), "{}", false},
        {ONE("", ", 'extra_config': {'proxy': {'flatmap_filter': [" DEL("*") "], 'static': {'data': {'s': 1}}}}"),
         "{\"s\":1}", true},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct flow_rig rig;
        flow_rig_start(&rig, cases[i].conf, answers, 1);
        check_reply(flow_run(&rig, &(struct flow_ask){0}), 200, cases[i].body, cases[i].completed);
        flow_rig_stop(&rig);
    }
}

// ---- a backend's own errors --------------------------------------------------------------------------------------------

static void error_codes(void **state)
{
    (void)state;
#define CODE ", 'extra_config': {'backend/http': {'return_error_code': true}}"
    static const int statuses[] = {401, 404, 418, 429, 500, 503, 202, 204, 304};
    for (size_t i = 0; i < RM_COUNT(statuses); i++) {
        struct fake_answer answers[] = {
            {.status = statuses[i], .body = "{\"d\": 1}", .headers = "Content-Type: text/x"}};
        struct flow_rig rig;
        flow_rig_start(&rig, ONE(CODE, ""), answers, 1);
        struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
        check_reply(client, statuses[i], "", false);
        assert_null(flow_header(client, "Content-Type"));
        flow_rig_stop(&rig);
        flow_rig_start(&rig, MSG ONE(CODE, ""), answers, 1);
        client = flow_run(&rig, &(struct flow_ask){0});
        check_reply(client, statuses[i], "{\"d\": 1}", false); // the backend's own body and type
        assert_string_equal(flow_header(client, "Content-Type"), "text/x");
        flow_rig_stop(&rig);
    }
    struct fake_answer fine[] = {{.body = "{\"a\":1}"}}, refused[] = {{.code = RM_ECONNECT}};
    struct fake_answer untyped[] = {{.status = 404, .body = "no type"}},
                       typed[] = {{.status = 404, .body = "x", .headers = "Content-Type: a/b"}},
                       empty[] = {{.status = 404}};
    struct flow_rig rig;
    flow_rig_start(&rig, MSG ONE(CODE, ""), empty, 1); // nothing is put in the place of what the backend has not said
    check_reply(flow_run(&rig, &(struct flow_ask){0}), 404, "", false);
    flow_rig_stop(&rig);
    flow_rig_start(&rig, MSG ONE(CODE, ""), untyped, 1);
    struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 404, "no type", false);
    assert_null(flow_header(client, "Content-Type"));
    flow_rig_stop(&rig);
    flow_rig_start(&rig, MSG ONE(CODE, ""), typed, 1);
    rig.budget.limit = 256; // no room to keep the body for the client: the status is what counts
    client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 404, "", false);
    assert_null(flow_header(client, "Content-Type"));
    flow_rig_stop(&rig);
    // The first of a sequence is as good as a single one.
    flow_rig_start(
        &rig,
        MSG HOST
        "'endpoints': [{'endpoint': '/e', 'extra_config': {'proxy': {'sequential': true}}, 'backend': [{'url_pattern': "
        "'/a' " CODE "}, {'url_pattern': '/b'}]}]",
        typed, 1);
    client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 404, "x", false);
    assert_string_equal(flow_header(client, "Content-Type"), "a/b");
    flow_rig_stop(&rig);
    flow_rig_start(&rig, ONE(CODE, ""), fine, 1);
    check_reply(flow_run(&rig, &(struct flow_ask){0}), 200, "{\"a\":1}", true);
    flow_rig_stop(&rig);
    flow_rig_start(&rig, ONE(CODE, ""), refused, 1);
    check_reply(flow_run(&rig, &(struct flow_ask){0}), 500, "", false);
    flow_rig_stop(&rig);
}

static void error_details(void **state)
{
    (void)state;
#define DETAILS(name)                                                                                                  \
    ", 'group': 'g', 'allow': ['x'], 'extra_config': {'backend/http': {'return_error_details': '" name                 \
    "', 'return_error_code': true}}"
    static const struct {
        struct fake_answer answer;
        const char *body;
    } cases[] = {
        {{.status = 404, .body = "{\"d\": \"x\"}", .headers = "Content-Type: application/json"},
         "{\"error_alpha\":{\"http_status_code\":404,\"http_body\":\"{\\\"d\\\": "
         "\\\"x\\\"}\",\"http_body_encoding\":\"application/json\"}}"},
        {{.status = 500}, "{\"error_alpha\":{\"http_status_code\":500}}"},
        {{.status = 500, .body = "\x01\xFF"},
         "{\"error_alpha\":{\"http_status_code\":500,\"http_body\":\"\\u0001\xEF\xBF\xBD\"}}"},
        {{.body = "{\"x\":1,\"y\":2}"}, "{\"g\":{\"x\":1}}"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct fake_answer answer = cases[i].answer;
        struct flow_rig rig;
        flow_rig_start(&rig, ONE(DETAILS("alpha"), ""), &answer, 1);
        check_reply(flow_run(&rig, &(struct flow_ask){0}), 200, cases[i].body, answer.status == 0);
        flow_rig_stop(&rig);
    }
    struct fake_answer refused = {.code = RM_ECONNECT}; // only an HTTP answer gives details
    struct flow_rig rig;
    flow_rig_start(&rig, ONE(DETAILS("alpha"), ""), &refused, 1);
    check_reply(flow_run(&rig, &(struct flow_ask){0}), 500, "", false);
    flow_rig_stop(&rig);
}

static void error_texts(void **state)
{
    (void)state;
    static const struct {
        struct fake_answer answer;
        const char *text;
    } cases[] = {
        {{.status = 404}, "invalid status code 404"},
        {{.code = RM_ETIMEOUT}, "context deadline exceeded"},
        {{.after_us = FAKE_WAITS}, "context deadline exceeded"},
        {{.code = RM_ENOHOST}, "no hosts available"},
        {{.code = RM_ECONNECT}, "no connection to the backend"},
        {{.code = RM_ETLS}, "no TLS connection to the backend"},
        {{.code = RM_ERESET}, "the backend closed the connection"},
        {{.code = RM_EPROTO}, "the backend broke the protocol"},
        {{.code = RM_ESYS}, "internal error"},
        {{.body = "[]"}, "expected an object, got an array"},
        {{.status = 302, .headers = "Location: http://10.9.9.9/secret"}, "redirect to another scheme, host or port"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct fake_answer answer = cases[i].answer;
        struct flow_rig rig;
        flow_rig_start(&rig, MSG ONE("", ""), &answer, 1);
        struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
        check_reply(client, 500, cases[i].text, false);
        assert_string_equal(flow_header(client, "Content-Type"), "text/plain; charset=utf-8");
        assert_null(strstr(client->body, "10."));
        flow_rig_stop(&rig);
    }
    // Several: a line each, by place, never by address.
    struct fake_answer answers[] = {
        {.target = "/a", .status = 500}, {.target = "/b", .code = RM_ECONNECT}, {.target = "/c", .body = "{}"}};
    struct flow_rig rig;
    flow_rig_start(
        &rig, MSG HOST "'endpoints': [{'endpoint': '/e', 'backend': [{'url_pattern': '/a'}, {'url_pattern': '/b'}]}]",
        answers, RM_COUNT(answers));
    check_reply(flow_run(&rig, &(struct flow_ask){0}), 500,
                "backend[0]: invalid status code 500\nbackend[1]: no connection to the backend", false);
    flow_rig_stop(&rig);
    // The first of a sequence is named as if it stood alone.
    flow_rig_start(&rig,
                   MSG HOST
                   "'endpoints': [{'endpoint': '/e', 'extra_config': {'proxy': {'sequential': true}}, 'backend': "
                   "[{'url_pattern': '/a'}, {'url_pattern': '/b'}]}]",
                   answers, RM_COUNT(answers));
    check_reply(flow_run(&rig, &(struct flow_ask){0}), 500, "invalid status code 500", false);
    flow_rig_stop(&rig);
    // A client's own mistake.
    flow_rig_start(&rig, MSG HOST "'endpoints': [{'endpoint': '/e/{id}', 'backend': [{'url_pattern': '/a/{id}'}]}]",
                   answers, 1);
    check_reply(flow_run(&rig, &(struct flow_ask){.params = {".."}}), 400,
                "{id} would make an empty or a dot segment of the path", false);
    flow_rig_stop(&rig);
}

static void plain_replies(void **state)
{
    (void)state;
    struct flow_rig rig;
    flow_rig_start(&rig, ONE("", ""), NULL, 0);
    static const struct {
        int status;
        bool marked;
    } cases[] = {{404, true}, {405, true}, {413, false}, {400, false}, {503, false}, {200, false}};
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_request rq = {.flow = rig.flow};
        rm_arena_init(&rq.arena, NULL);
        rm_reply_plain(&rq, rig.plan, cases[i].status, RM_STR("text/plain"), RM_STR("text"));
        assert_int_equal(rq.reply.status, cases[i].status);
        assert_memory_equal(rq.reply.body.p, "text", 4);
        assert_int_equal(rm_headers_find(&rq.reply.headers, RM_STR("x-krakend")) != NULL, cases[i].marked);
        assert_int_equal(rm_headers_find(&rq.reply.headers, RM_STR("x-krakend-completed")) != NULL, cases[i].marked);
        if (cases[i].marked)
            assert_true(
                rm_str_eq(rm_headers_find(&rq.reply.headers, RM_STR("x-krakend-completed"))->value, RM_STR("false")));
        assert_non_null(rm_headers_find(&rq.reply.headers, RM_STR("content-type")));
        rm_buf_free(&rq.reply.body);
        rm_arena_fini(&rq.arena);
    }
    struct rm_request empty = {.flow = rig.flow};
    rm_arena_init(&empty.arena, NULL);
    rm_reply_plain(&empty, rig.plan, 429, RM_STR("text/plain"), RM_STR(""));
    assert_int_equal(empty.reply.headers.n, 0); // no type without a body
    rm_arena_fini(&empty.arena);
    flow_rig_stop(&rig);
}

// ---- redirects -----------------------------------------------------------------------------------------------------------

static void redirects(void **state)
{
    (void)state;
    struct fake_answer answers[] = {
        {.target = "/a", .status = 302, .headers = "Location: /b?x=1"},
        {.target = "/b", .status = 303, .headers = "Location: c", .after_us = 10},
        {.target = "/c", .body = "{\"at\":\"c\"}", .after_us = 10},
        {.target = "/loop", .status = 301, .headers = "Location: /loop"},
        {.target = "/elsewhere", .status = 301, .headers = "Location: http://10.0.0.2/b"},
        {.target = "/same", .status = 308, .headers = "Location: http://10.0.0.1:80/c"},
        {.target = "/nowhere", .status = 302},
    };
    struct flow_rig rig;
    flow_rig_start(
        &rig,
        HOST
        "'timeout': '1s', 'endpoints': [{'endpoint': '/a', 'backend': [{'url_pattern': '/a'}]}, {'endpoint': '/loop', "
        "'backend': [{'url_pattern': '/loop'}]}, {'endpoint': '/elsewhere', 'backend': [{'url_pattern': "
        "'/elsewhere'}]}, "
        "{'endpoint': '/same', 'backend': [{'url_pattern': '/same'}]}, {'endpoint': '/nowhere', 'backend': "
        "[{'url_pattern': "
        "'/nowhere'}]}]",
        answers, RM_COUNT(answers));
    const struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    check_reply(client, 200, "{\"at\":\"c\"}", true);
    assert_int_equal(rig.net.n_seen, 3);
    assert_string_equal(rig.net.seen[1].target, "/b?x=1");
    assert_string_equal(rig.net.seen[2].target, "/c");
    assert_string_equal(rig.net.seen[2].headers, rig.net.seen[0].headers); // remora's own are kept
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(rig.net.seen[i].deadline_us - client->started_us, 1000000); // one time for all hops
    client = flow_run(&rig, &(struct flow_ask){.endpoint = 1});
    check_reply(client, 500, "", false);
    assert_int_equal(client->err.code, RM_EREDIRECT);
    assert_int_equal(rig.net.n_seen, 3 + 11); // the first, and ten more
    client = flow_run(&rig, &(struct flow_ask){.endpoint = 2});
    check_reply(client, 500, "", false);
    assert_int_equal(client->err.code, RM_EREDIRECT);
    check_reply(flow_run(&rig, &(struct flow_ask){.endpoint = 3}), 200, "{\"at\":\"c\"}", true);
    client = flow_run(&rig, &(struct flow_ask){.endpoint = 4});
    check_reply(client, 500, "", false);
    assert_int_equal(client->err.code, RM_ESTATUS); // no Location: just a status that is neither 200 nor 201
    flow_rig_stop(&rig);
}

static void redirected_bodies(void **state)
{
    (void)state;
    static const struct {
        int status;
        bool send, body;
        const char *method; // of the second request; NULL: it is refused
        bool has_body;      // the second
    } cases[] = {
        {301, false, true, "GET", false}, {302, false, true, "GET", false}, {303, false, true, "GET", false},
        {303, true, true, "GET", false},  {307, false, true, NULL, false},  {308, false, true, NULL, false},
        {307, true, true, "POST", true},  {308, true, true, "POST", true},  {307, false, false, "POST", true},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct fake_answer answers[] = {{.target = "/a", .status = cases[i].status, .headers = "Location: /b"},
                                        {.target = "/b", .body = "{}"}};
        struct flow_rig rig;
        char conf[400];
        snprintf(conf, sizeof conf,
                 HOST "'endpoints': [{'endpoint': '/e', 'method': 'POST', 'input_headers': ['*'], 'backend': "
                      "[{'url_pattern': '/a', "
                      "'extra_config': {'backend/http/client': {'send_body_on_redirect': %s}}}]}]",
                 cases[i].send ? "true" : "false");
        flow_rig_start(&rig, conf, answers, RM_COUNT(answers));
        const struct flow_client *client =
            flow_run(&rig, &(struct flow_ask){.body = cases[i].body ? "body" : NULL,
                                              .headers = {"Content-Type: a/b", "X-One: 1"}});
        if (!cases[i].method) {
            check_reply(client, 500, "", false);
            assert_int_equal(rig.net.n_seen, 1);
        } else {
            check_reply(client, 200, "{}", false);
            const struct fake_seen *second = &rig.net.seen[1];
            assert_string_equal(second->method, cases[i].method);
            assert_int_equal(second->has_body, cases[i].has_body);
            assert_string_equal(second->body, cases[i].has_body && cases[i].body ? "body" : "");
            // What described the body goes with it.
            assert_int_equal(strstr(second->headers, "Content-Type") != NULL, strcmp(cases[i].method, "POST") == 0);
            assert_non_null(strstr(second->headers, "X-One: 1"));
        }
        flow_rig_stop(&rig);
    }
}

static void redirects_keep_the_base_path_right(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/base/a", .status = 302, .headers = "Location: b"},
                                    {.target = "/base/b", .body = "{\"b\":1}"}};
    struct flow_rig rig;
    flow_rig_start(
        &rig,
        "'endpoints': [{'endpoint': '/e', 'backend': [{'url_pattern': '/a', 'disable_host_sanitize': true, 'host': "
        "['http://10.0.0.1:80/base']}]}]",
        answers, RM_COUNT(answers));
    check_reply(flow_run(&rig, &(struct flow_ask){0}), 200, "{\"b\":1}", true);
    flow_rig_stop(&rig);
}

// ---- the log -------------------------------------------------------------------------------------------------------------

struct logged {
    FILE *file;
    int kept;
};

static struct logged log_begin(void)
{
    struct logged logged = {.file = tmpfile()};
    assert_non_null(logged.file);
    fflush(stdout);
    logged.kept = dup(STDOUT_FILENO);
    assert_true(logged.kept >= 0);
    dup2(fileno(logged.file), STDOUT_FILENO);
    rm_log_setup(RM_WARNING, RM_STR(""), true, RM_LOG_DEFAULT);
    return logged;
}

// Exactly these lines, each somewhere in its own.
static void log_end(struct logged logged, const char *const *lines, size_t n_lines)
{
    dup2(logged.kept, STDOUT_FILENO);
    close(logged.kept);
    rm_log_setup(RM_CRITICAL, RM_STR(""), false, RM_LOG_DEFAULT);
    rewind(logged.file);
    char line[512];
    size_t n = 0;
    for (; n < n_lines && fgets(line, sizeof line, logged.file); n++) {
        assert_non_null(strstr(line, "WARNING"));
        assert_non_null(strstr(line, lines[n]));
    }
    assert_int_equal(n, n_lines);
    assert_null(fgets(line, sizeof line, logged.file));
    fclose(logged.file);
}

static void failures_are_logged_once(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/a", .status = 500, .after_us = 7000},
                                    {.target = "/b", .code = RM_EPROTO},
                                    {.target = "/c", .body = "{}"},
                                    {.target = "/d", .after_us = FAKE_WAITS}};
    struct flow_rig rig;
    flow_rig_start(&rig,
                   HOST "'timeout': '1s', 'endpoints': [{'endpoint': '/e/{x}', 'concurrent_calls': 2, 'backend': "
                        "[{'url_pattern': '/a'}, "
                        "{'url_pattern': '/b'}, {'url_pattern': '/c'}, {'url_pattern': '/d'}]}]",
                   answers, RM_COUNT(answers));
    static const char *const lines[] = {
        "backend failed endpoint=\"GET /e/{x}\" backend=1 host=10.0.0.1:80 error=protocol ms=0 text=\"scripted failure "
        "at 10.0.0.1\"\n",
        "backend failed endpoint=\"GET /e/{x}\" backend=0 host=10.0.0.1:80 error=status ms=7 text=\"invalid status "
        "code 500\"\n",
        "backend failed endpoint=\"GET /e/{x}\" backend=3 host=10.0.0.1:80 error=timeout ms=750 text=\"",
    };
    struct logged logged = log_begin();
    flow_run(&rig, &(struct flow_ask){.params = {"x"}});
    log_end(logged, lines, RM_COUNT(lines));
    flow_rig_stop(&rig);
}

static void failures_do_not_flood_the_log(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.status = 500}, {.status = 500, .after_us = 1000000}};
    answers[0].times = 50;
    struct flow_rig rig;
    flow_rig_start(&rig, HOST "'endpoints': [{'endpoint': '/e', 'backend': [{'url_pattern': '/a'}]}]", answers, 2);
    const char *lines[11];
    for (size_t i = 0; i < 10; i++)
        lines[i] = "text=\"invalid status code 500\"\n";
    lines[10] = "text=\"invalid status code 500\" unlogged=40\n";
    struct logged logged = log_begin();
    for (int i = 0; i < 51; i++) // 50 in one moment, one a second later
        flow_run(&rig, &(struct flow_ask){0});
    log_end(logged, lines, RM_COUNT(lines));
    flow_rig_stop(&rig);
}

#define LATE(n)                                                                                                        \
    "backend=" n " host=10.0.0.1:80 error=timeout ms=850 text=\"no answer before the deadline of the endpoint\"\n"

static void what_is_too_late_is_logged(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.target = "/a", .after_us = FAKE_WAITS},
                                    {.target = "/n", .body = "x", .after_us = FAKE_WAITS},
                                    {.target = "/y", .body = "{}"},
                                    {.target = "/late", .body = "{}", .after_us = 500000}};
    struct flow_rig rig;
    flow_rig_start(
        &rig,
        HOST
        "'timeout': '1s', 'endpoints': [{'endpoint': '/all', 'backend': [{'url_pattern': '/a'}, {'url_pattern': "
        "'/a'}]}, "
        "{'endpoint': '/seq', 'extra_config': {'proxy': {'sequential': true}}, 'backend': [{'url_pattern': '/a'}, "
        "{'url_pattern': '/a'}]}, {'endpoint': '/one', 'backend': [{'url_pattern': '/a'}]}, {'endpoint': '/noop', "
        "'output_encoding': 'no-op', 'backend': [{'url_pattern': '/n'}]}, {'endpoint': '/gone', 'extra_config': "
        "{'proxy': "
        "{'sequential': true}}, 'backend': [{'url_pattern': '/y'}, {'url_pattern': '/x/{resp0_x}'}]}, {'endpoint': "
        "'/race', 'concurrent_calls': 2, 'extra_config': {'proxy': {'sequential': true}}, 'backend': [{'url_pattern': "
        "'/late'}, {'url_pattern': '/a', 'host': ['http://10.0.0.1:82']}]}]",
        answers, RM_COUNT(answers));
    rig.net.sloppy = true;
    static const char *const lines[] = {
        "\"GET /all\" " LATE("0"),
        "\"GET /all\" " LATE("1"),
        "\"GET /seq\" " LATE("0"),
        "\"GET /one\" backend=0 host=10.0.0.1:80 error=timeout ms=1000 text=",
        "\"GET /noop\" backend=0 host=10.0.0.1:80 error=timeout ms=1000 text=",
        "\"GET /gone\" backend=1 host=- error=parameter ms=0 text=\"no usable value for {resp0_x} in the earlier "
        "answer\"\n",
        "\"GET /race\" backend=1 host=10.0.0.1:82 error=timeout ms=350 text=",
    };
    struct logged logged = log_begin();
    for (uint32_t i = 0; i < 6; i++)
        flow_run(&rig, &(struct flow_ask){.endpoint = i});
    log_end(logged, lines, RM_COUNT(lines));
    flow_rig_stop(&rig);
}

static void what_cannot_be_encoded_is_logged(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.body = "{\"a\":1}"}};
    struct flow_rig rig;
    flow_rig_start(&rig, ONE("", ""), answers, 1);
    rig.budget.limit = 300; // the backend's body, and no more
    static const char *const lines[] = {"answer failed endpoint=\"GET /e\" error=memory text=\""};
    struct logged logged = log_begin();
    struct flow_client *client = flow_run(&rig, &(struct flow_ask){0});
    log_end(logged, lines, RM_COUNT(lines));
    assert_int_equal(client->status, 503);
    flow_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(static_data_by_strategy),
        cmocka_unit_test(static_data_of_an_incomplete_answer),
        cmocka_unit_test(static_data_and_other_endpoints),
        cmocka_unit_test(large_answers_are_not_copied),
        cmocka_unit_test(a_small_part_of_a_large_answer_is_copied),
        cmocka_unit_test(the_client_chooses_the_encoding),
        cmocka_unit_test(an_endpoint_flatmap_is_always_applied),
        cmocka_unit_test(a_flatmap_that_leaves_nothing),
        cmocka_unit_test(error_codes),
        cmocka_unit_test(error_details),
        cmocka_unit_test(error_texts),
        cmocka_unit_test(plain_replies),
        cmocka_unit_test(redirects),
        cmocka_unit_test(redirected_bodies),
        cmocka_unit_test(redirects_keep_the_base_path_right),
        cmocka_unit_test(failures_are_logged_once),
        cmocka_unit_test(failures_do_not_flood_the_log),
        cmocka_unit_test(what_is_too_late_is_logged),
        cmocka_unit_test(what_cannot_be_encoded_is_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
