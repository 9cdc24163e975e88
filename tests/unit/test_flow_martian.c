// modifier/martian: what each modifier and filter makes of a backend's request and answer.
// SPDX-License-Identifier: Apache-2.0
#include "flow_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define CONF(encoding, martian)                                                                                        \
    "'host': ['http://10.0.0.1:80'], 'extra_config': {'router': {'return_error_msg': true}}, 'endpoints': "            \
    "[{'endpoint': '/e', 'method': 'POST', 'input_headers': ['*'], 'input_query_strings': ['*'], "                     \
    "'output_encoding': '" encoding "', 'backend': [{'url_pattern': '/p?z=1', 'extra_config': {'modifier/martian': "   \
    "{" martian "}}}]}]"

#define REQUEST "'scope': ['request'], "
#define ON(filter, keys, then)                                                                                         \
    "'" filter "': {" keys ", 'modifier': {" then "}, 'else': {'header.Modifier': {'name': 'X-Else', 'value': '1'}}}"
#define MARK "'header.Modifier': {'name': 'X-Then', 'value': '1'}"

static void what_is_sent(void **state)
{
    (void)state;
    static const struct {
        const char *martian;
        const char *target;             // of the request; NULL: "/p?z=1&a=1&b=2%203"
        const char *header, *no_header; // that it has, that it has not
        const char *body;               // NULL: the client's
    } cases[] = {
        {"'header.Modifier': {" REQUEST "'name': 'x-one', 'value': 'new'}", NULL, "x-one: new\n", "X-One: 1\n", NULL},
        {"'header.Modifier': {'scope': ['response'], 'name': 'X-One', 'value': 'new'}", NULL, "X-One: 1\n", "new",
         NULL},
        {"'header.Append': {" REQUEST "'name': 'X-One', 'value': '2'}", NULL, "X-One: 2\n", NULL, NULL},
        {"'header.Append': {" REQUEST "'name': 'X-One', 'value': '2'}", NULL, "X-One: 1\n", NULL, NULL},
        {"'header.Copy': {" REQUEST "'from': 'x-one', 'to': 'X-Copy'}", NULL, "X-Copy: 1\n", NULL, NULL},
        {"'header.Copy': {" REQUEST "'from': 'X-None', 'to': 'X-One'}", NULL, "X-One: \n", "X-One: 1", NULL},
        {"'header.Blacklist': {" REQUEST "'names': ['x-one', 'cookie']}", NULL, "X-Two: 2\n", "X-One", NULL},
        {"'header.Blacklist': {" REQUEST "'names': ['x-one', 'cookie']}", NULL, NULL, "Cookie", NULL},
        {"'header.Id': {'header': 'X-One'}", NULL, "X-One: 1\n", NULL, NULL},
        {"'body.Modifier': {" REQUEST "'contentType': 'text/a', 'body': 'eA=='}", NULL, "Content-Type: text/a\n",
         "text/plain", "x"},
        {"'body.Modifier': {" REQUEST "'body': 'eHl6'}", NULL, NULL, "Content-Type", "xyz"},
        {"'body.Modifier': {" REQUEST "'body': ''}", NULL, NULL, NULL, ""},
        {"'querystring.Modifier': {'name': 'k', 'value': 'v 1&'}", "/p?z=1&a=1&b=2%203&k=v%201%26", NULL, NULL, NULL},
        {"'querystring.Modifier': {'name': 'z', 'value': ''}", "/p?a=1&b=2%203&z=", NULL, NULL, NULL},
        {"'url.Modifier': {'path': '/q/r'}", "/q/r?z=1&a=1&b=2%203", NULL, NULL, NULL},
        {"'url.Modifier': {'query': 'c=4'}", "/p?c=4", NULL, NULL, NULL},
        {"'cookie.Modifier': {" REQUEST "'name': 'd', 'value': '3'}", NULL, "Cookie: c=1; e=f=g; d=3\n", NULL, NULL},
        {"'fifo.Group': {'scope': ['request'], 'aggregateErrors': true, 'modifiers': [{'header.Append': {'name': "
         "'X-G', 'value': 'a'}}, {'header.Modifier': {'name': 'X-G', 'value': 'b'}}]}",
         NULL, "X-G: b\n", "X-G: a\n", NULL},
        {"'fifo.Group': {'scope': [], 'modifiers': [{'header.Append': {'name': 'X-G', 'value': 'a'}}]}", NULL, NULL,
         "X-G", NULL},
        {"'priority.Group': {'modifiers': [{'priority': -1, 'modifier': {'header.Modifier': {'name': 'X-G', 'value': "
         "'last'}}}, {'priority': 7, 'modifier': {'header.Modifier': {'name': 'X-G', 'value': 'first'}}}]}",
         NULL, "X-G: last\n", "first", NULL},
        {"'priority.Group': {'modifiers': [{'modifier': {'header.Modifier': {'name': 'X-G', 'value': 'one'}}}, "
         "{'priority': 0, 'modifier': {'header.Modifier': {'name': 'X-G', 'value': 'two'}}}]}",
         NULL, "X-G: one\n", "two", NULL}, // of equals the later comes first
        {ON("header.Filter", "'name': 'x-one', 'value': '1'", MARK), NULL, "X-Then: 1\n", "X-Else", NULL},
        {ON("header.Filter", "'name': 'x-one', 'value': '2'", MARK), NULL, "X-Else: 1\n", "X-Then", NULL},
        {ON("querystring.Filter", "'name': 'b', 'value': '2 3'", MARK), NULL, "X-Then: 1\n", "X-Else", NULL},
        {ON("querystring.Filter", "'name': 'b'", MARK), NULL, "X-Then: 1\n", "X-Else", NULL},
        {ON("querystring.Filter", "'name': 'c'", MARK), NULL, "X-Else: 1\n", "X-Then", NULL},
        {ON("cookie.Filter", "'name': 'e', 'value': 'f=g'", MARK), NULL, "X-Then: 1\n", "X-Else", NULL},
        {ON("cookie.Filter", "'name': 'c'", MARK), NULL, "X-Then: 1\n", "X-Else", NULL},
        {ON("cookie.Filter", "'name': 'f'", MARK), NULL, "X-Else: 1\n", "X-Then", NULL},
        {ON("url.Filter", "'path': '/p'", MARK), NULL, "X-Then: 1\n", "X-Else", NULL},
        {ON("url.Filter", "'path': '/p', 'query': 'z=1'", MARK), NULL, "X-Else: 1\n", "X-Then", NULL},
        {ON("url.RegexFilter", "'regex': '^http://10[.]0[.]0[.]1/p[?].*a=1'", MARK), NULL, "X-Then: 1\n", "X-Else",
         NULL},
        {ON("url.RegexFilter", "'regex': '/q'", MARK), NULL, "X-Else: 1\n", "X-Then", NULL},
        {"'header.RegexFilter': {'header': 'x-one', 'regex': '^[0-9]$', 'modifier': {" MARK "}}", NULL, "X-Then: 1\n",
         NULL, NULL},
        {"'header.RegexFilter': {'header': 'X-None', 'regex': '.*', 'modifier': {" MARK "}}", NULL, NULL, "X-Then",
         NULL},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct fake_answer answers[] = {{.body = "{\"data\":1}"}};
        char conf[1400];
        snprintf(conf, sizeof conf, CONF("json", "%s"), cases[i].martian);
        struct flow_rig rig;
        flow_rig_start(&rig, conf, answers, 1);
        struct flow_ask ask = {.query = "a=1&b=2%203",
                               .body = "client's",
                               .headers = {"X-One: 1", "X-Two: 2", "Cookie: c=1; e=f=g", "Content-Type: text/plain",
                                           "Content-Encoding: br"}};
        const struct flow_client *client = flow_run(&rig, &ask);
        assert_int_equal(client->status, 200);
        const struct fake_seen *seen = &rig.net.seen[0];
        assert_string_equal(seen->target, cases[i].target ? cases[i].target : "/p?z=1&a=1&b=2%203");
        if (cases[i].header)
            assert_non_null(strstr(seen->headers, cases[i].header));
        if (cases[i].no_header)
            assert_null(strstr(seen->headers, cases[i].no_header));
        assert_string_equal(seen->body, cases[i].body ? cases[i].body : "client's");
        assert_int_equal(strstr(seen->headers, "Content-Encoding: br\n") == NULL, cases[i].body != NULL);
        flow_rig_stop(&rig);
    }
}

static void an_answer_is_changed(void **state)
{
    (void)state;
    static const struct {
        const char *martian;
        int status;
        const char *body;
    } cases[] = {
        {"'body.Modifier': {'scope': ['response'], 'body': 'eyJtIjoxfQ=='}", 200, "{\"m\":1}"},
        {"'body.Modifier': {'scope': ['request'], 'body': 'eyJtIjoxfQ=='}", 200, "{\"data\":1}"},
        {"'status.Modifier': {'statusCode': 404}", 500, "invalid status code"},
        {"'header.Filter': {'name': 'X-A', 'value': 'b', 'modifier': {'body.Modifier': {'scope': ['response'], 'body': "
         "'e30='}}}",
         200, "{}"},
        {"'cookie.Filter': {'name': 's', 'modifier': {'body.Modifier': {'scope': ['response'], 'body': 'e30='}}}", 200,
         "{}"},
        {"'cookie.Filter': {'name': 'Path', 'modifier': {'body.Modifier': {'scope': ['response'], 'body': 'e30='}}}",
         200, "{\"data\":1}"},
        {"'querystring.Filter': {'name': 'z', 'modifier': {'body.Modifier': {'scope': ['response'], 'body': 'e30='}}}",
         200, "{}"},
        {"'header.RegexFilter': {'header': 'X-One', 'regex': '1', 'modifier': {'body.Modifier': {'scope': "
         "['response'], 'body': 'e30='}}}",
         200, "{}"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct fake_answer answers[] = {{.body = "{\"data\":1}", .headers = "X-A: b\nSet-Cookie: s=1; Path=/"}};
        char conf[1400];
        snprintf(conf, sizeof conf, CONF("json", "%s"), cases[i].martian);
        struct flow_rig rig;
        flow_rig_start(&rig, conf, answers, 1);
        struct flow_ask ask = {.headers = {"X-One: 1"}};
        const struct flow_client *client = flow_run(&rig, &ask);
        assert_int_equal(client->status, cases[i].status);
        assert_non_null(strstr(client->body, cases[i].body));
        flow_rig_stop(&rig);
    }
}

// What passes through has its head changed, and its body stays.
static void a_head_that_passes_through(void **state)
{
    (void)state;
    struct fake_answer answers[] = {{.status = 201, .headers = "X-A: b\nX-B: c", .body = "bytes"}};
    struct flow_rig rig;
    flow_rig_start(&rig,
                   CONF("no-op",
                        "'fifo.Group': {'modifiers': [{'header.Blacklist': {'scope': ['response'], 'names': ['x-a']}}, "
                        "{'header.Copy': {'scope': ['response'], 'from': 'X-B', 'to': 'X-C'}}, {'cookie.Modifier': "
                        "{'scope': ['response'], 'name': 'n', 'value': 'v', 'path': '/', 'domain': 'd', 'maxAge': 9, "
                        "'httpOnly': true, 'secure': true}}, {'status.Modifier': {'statusCode': 202}}, "
                        "{'header.Id': {}}]}"),
                   answers, 1);
    struct flow_ask ask = {.body = "x"};
    struct flow_client *client = flow_run(&rig, &ask);
    assert_int_equal(client->status, 202);
    assert_string_equal(client->body, "bytes");
    assert_null(flow_header(client, "X-A"));
    assert_string_equal(flow_header(client, "X-C"), "c");
    assert_string_equal(flow_header(client, "Set-Cookie"), "n=v; Path=/; Domain=d; Max-Age=9; HttpOnly; Secure");
    const char *id = strstr(rig.net.seen[0].headers, "X-Krakend-Id: ");
    assert_non_null(id);
    assert_int_equal(strcspn(id, "\n"), strlen("X-Krakend-Id: ") + 36);
    flow_rig_stop(&rig);
}

// The call fails, and nothing is sent.
static void a_pattern_that_takes_too_long(void **state)
{
    (void)state;
    static char header[9000] = "X-One: ";
    memset(header + 7, 'a', 8000);
    header[8007] = '!';
    struct fake_answer answers[] = {{.body = "{}"}};
    struct flow_rig rig;
    flow_rig_start(&rig,
                   CONF("json", "'header.RegexFilter': {'header': 'X-One', 'regex': '(a+)+$', 'modifier': {" MARK "}}"),
                   answers, 1);
    struct flow_ask ask = {.headers = {header}};
    const struct flow_client *client = flow_run(&rig, &ask);
    assert_int_equal(client->status, 500);
    assert_int_equal(rig.net.n_seen, 0);
    flow_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent),
        cmocka_unit_test(an_answer_is_changed),
        cmocka_unit_test(a_head_that_passes_through),
        cmocka_unit_test(a_pattern_that_takes_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
