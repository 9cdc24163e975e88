// backend/graphql: what the backend is asked, and who fails when it cannot be asked.
// SPDX-License-Identifier: Apache-2.0
#include "flow_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define GRAPHQL(keys) "{'url_pattern': '/g', 'input_headers': ['X-A'], 'extra_config': {'backend/graphql': {" keys "}}}"
#define CONF(backends)                                                                                                 \
    "'host': ['http://10.0.0.1:80'], 'extra_config': {'router': {'return_error_msg': true}}, 'endpoints': "            \
    "[{'endpoint': "                                                                                                   \
    "'/e/{id}', 'method': 'POST', 'backend': [" backends "]}]"

static void what_is_asked(void **state)
{
    (void)state;
    static const struct {
        const char *keys, *body;
        const char *method, *target, *sent;
    } cases[] = {
        {"'type': 'query', 'query': '{ a }'", "", "POST", "/g", "{\"query\":\"{ a }\"}"},
        {"'type': 'query', 'query': '{ a }'", "ignored", "POST", "/g", "{\"query\":\"{ a }\"}"},
        {"'type': 'query', 'query': 'q', 'operationName': 'N', 'variables': {'i': '{id}', 'n': 1.10, 'o': {'x': "
         "'{id}'}}",
         "", "POST", "/g",
         "{\"query\":\"q\",\"operationName\":\"N\",\"variables\":{\"i\":\"7 8\",\"n\":1.10,\"o\":{\"x\":\"{id}\"}}}"},
        {"'type': 'mutation', 'query': 'm', 'variables': {'a': 1, 'b': 'd'}", "{\"a\":5.0,\"c\":[1]}", "POST", "/g",
         "{\"query\":\"m\",\"variables\":{\"a\":5.0,\"b\":\"d\",\"c\":[1]}}"},
        {"'type': 'mutation', 'query': 'm'", "{}", "POST", "/g", "{\"query\":\"m\",\"variables\":{}}"},
        {"'type': 'query', 'method': 'GET', 'query': '{ a&b }', 'operationName': 'N', 'variables': {'i': '{id}'}",
         "body", "GET", "/g?query=%7B%20a%26b%20%7D&operationName=N&variables=%7B%22i%22%3A%227%208%22%7D", ""},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct fake_answer answers[] = {{.body = "{\"data\":1}"}};
        char conf[800];
        snprintf(conf, sizeof conf, CONF(GRAPHQL("%s")), cases[i].keys);
        struct flow_rig rig;
        flow_rig_start(&rig, conf, answers, 1);
        struct flow_ask ask = {.params = {"7 8"}, .body = cases[i].body, .headers = {"Content-Type: text/plain"}};
        for (int twice = 0; twice < 2; twice++) { // the plan's own variables must not be used up
            const struct flow_client *client = flow_run(&rig, &ask);
            assert_int_equal(client->status, 200);
            assert_string_equal(client->body, "{\"data\":1}");
            const struct fake_seen *seen = &rig.net.seen[twice];
            assert_string_equal(seen->method, cases[i].method);
            assert_string_equal(seen->target, cases[i].target);
            assert_string_equal(seen->body, cases[i].sent);
            assert_int_equal(strstr(seen->headers, "Content-Type: application/json\n") != NULL, cases[i].sent[0] != 0);
            assert_null(strstr(seen->headers, "text/plain"));
        }
        flow_rig_stop(&rig);
    }
}

static void a_mutation_without_variables_fails_alone(void **state)
{
    (void)state;
    static const char *const bodies[] = {"", "[1]", "null", "{", "\"a\""};
    for (size_t i = 0; i < RM_COUNT(bodies); i++) {
        struct fake_answer answers[] = {{.target = "/o", .body = "{\"a\":1}"}};
        struct flow_rig rig;
        flow_rig_start(&rig, CONF(GRAPHQL("'type': 'mutation', 'query': 'm'") ", {'url_pattern': '/o'}"), answers, 1);
        struct flow_ask ask = {.params = {"1"}, .body = bodies[i]};
        const struct flow_client *client = flow_run(&rig, &ask);
        assert_int_equal(client->status, 200);
        assert_string_equal(client->body, "{\"a\":1}");
        assert_false(client->completed);
        flow_rig_stop(&rig);
        flow_rig_start(&rig, CONF(GRAPHQL("'type': 'mutation', 'query': 'm'")), answers, 1);
        client = flow_run(&rig, &ask);
        assert_int_equal(client->status, 500);
        assert_non_null(strstr(client->body, "the variables of the mutation: "));
        flow_rig_stop(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked),
        cmocka_unit_test(a_mutation_without_variables_fails_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
