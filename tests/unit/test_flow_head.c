// Which headers reach a backend, and what the transport is told about compression.
// SPDX-License-Identifier: Apache-2.0
#include "flow_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

struct head_case {
    const char *allowed;  // the endpoint's input_headers; NULL: none given
    const char *narrower; // the backend's
    const char *sent[8];  // by the client
    const char *seen;     // by the backend
    enum rm_gzip gzip;
    bool disable_compression, no_op;
};

#define FORWARDED "X-Forwarded-For: 192.0.2.7\nX-Forwarded-Host: shop.example\n"
#define AGENT                                                                                                          \
    "User-Agent: "                                                                                                     \
    "remora/" TEST_VERSION "\n"
#define VIA                                                                                                            \
    "X-Forwarded-Via: "                                                                                                \
    "remora/" TEST_VERSION "\n"
#define OWN FORWARDED AGENT

static const struct head_case head_cases[] = {
    // No list: Content-Type only.
    {.sent = {"X-One: 1", "Content-Type: text/xml", "Cookie: a=b"},
     .seen = "Content-Type: text/xml\n" OWN,
     .gzip = RM_GZIP_ASK},
    {.sent = {"X-One: 1"}, .seen = OWN, .gzip = RM_GZIP_ASK},
    {.sent = {"User-Agent: curl/8"}, .seen = OWN, .gzip = RM_GZIP_ASK},
    // A list: exactly these, names without case, values and their order kept.
    {.allowed = "'X-One'",
     .sent = {"X-One: 1", "Content-Type: text/xml"},
     .seen = "X-One: 1\n" OWN,
     .gzip = RM_GZIP_ASK},
    {.allowed = "'x-one', 'CONTENT-TYPE'",
     .sent = {"x-oNe: 1", "Content-Type: a/b", "X-Two: 2"},
     .seen = "x-oNe: 1\nContent-Type: a/b\n" OWN,
     .gzip = RM_GZIP_ASK},
    {.allowed = "'X-One'",
     .sent = {"X-One: a", "X-Two: b", "X-One: c"},
     .seen = "X-One: a\nX-One: c\n" OWN,
     .gzip = RM_GZIP_ASK},
    {.allowed = "'X-One'", .sent = {"X-On: a", "X-Onee: b", "X_One: c"}, .seen = OWN, .gzip = RM_GZIP_ASK},
    {.allowed = "'X-Az'",
     .sent = {"x-aZ: 1", "X-AZ: 2", "x-az: 3", "X-@z: 4"},
     .seen = "x-aZ: 1\nX-AZ: 2\nx-az: 3\n" OWN,
     .gzip = RM_GZIP_ASK},
    // The client's own User-Agent passes: remora names itself elsewhere.
    {.allowed = "'User-Agent'",
     .sent = {"User-Agent: curl/8", "X-Forwarded-Via: me"},
     .seen = "User-Agent: curl/8\n" FORWARDED VIA,
     .gzip = RM_GZIP_ASK},
    {.allowed = "'User-Agent'", .sent = {"X-One: 1"}, .seen = OWN, .gzip = RM_GZIP_ASK},
    {.allowed = "'*'",
     .sent = {"User-Agent: c", "X-Forwarded-Via: me"},
     .seen = "User-Agent: c\n" FORWARDED VIA,
     .gzip = RM_GZIP_ASK},
    // All, but for what concerns one connection, the transport, or what remora says itself.
    {.allowed = "'*'",
     .sent = {"X-One: 1", "Cookie: a=b; c=d", "Authorization: Bearer x", "Accept: text/html"},
     .seen = "X-One: 1\nCookie: a=b; c=d\nAuthorization: Bearer x\nAccept: text/html\n" OWN,
     .gzip = RM_GZIP_ASK},
    {.allowed = "'*'",
     .sent = {"Connection: X-One, close", "X-One: 1", "Keep-Alive: 5", "TE: trailers", "Transfer-Encoding: chunked",
              "Upgrade: h2c", "HTTP2-Settings: x", "X-Two: 2"},
     .seen = "X-Two: 2\n" OWN,
     .gzip = RM_GZIP_ASK},
    {.allowed = "'*'",
     .sent = {"Host: evil", "Content-Length: 5", "Expect: 100-continue", "X-Forwarded-For: 6.6.6.6",
              "X-Forwarded-Host: evil", "Proxy-Authorization: x", "Trailer: y"},
     .seen = OWN,
     .gzip = RM_GZIP_ASK},
    {.allowed =
         "'Host', 'Content-Length', 'Expect', 'X-Forwarded-For', 'X-Forwarded-Host', 'Connection', 'Transfer-Encoding'",
     .sent = {"Host: evil", "Content-Length: 5", "Expect: x", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Host: evil",
              "Connection: close", "Transfer-Encoding: chunked"},
     .seen = OWN,
     .gzip = RM_GZIP_ASK},
    // A Connection field cannot take away what remora says.
    {.allowed = "'*'",
     .sent = {"Connection: X-Forwarded-For, User-Agent, X-Forwarded-Host", "X-Two: 2"},
     .seen = "X-Two: 2\n" OWN,
     .gzip = RM_GZIP_ASK},
    // The backend's filter counts after remora's own were added, and drops them too.
    {.allowed = "'X-One', 'X-Two'",
     .narrower = "'X-One'",
     .sent = {"X-One: 1", "X-Two: 2"},
     .seen = "X-One: 1\n",
     .gzip = RM_GZIP_ASK},
    {.allowed = "'X-One'",
     .narrower = "'X-One', 'X-Two'",
     .sent = {"X-One: 1", "X-Two: 2"},
     .seen = "X-One: 1\n",
     .gzip = RM_GZIP_ASK},
    {.allowed = "'*'",
     .narrower = "'x-two', 'X-Forwarded-For'",
     .sent = {"X-One: 1", "X-Two: 2"},
     .seen = "X-Two: 2\nX-Forwarded-For: 192.0.2.7\n",
     .gzip = RM_GZIP_ASK},
    {.narrower = "'User-Agent'", .sent = {"Content-Type: a/b"}, .seen = AGENT, .gzip = RM_GZIP_ASK},
    // Compression.
    {.allowed = "'Accept-Encoding'",
     .sent = {"Accept-Encoding: gzip"},
     .seen = "Accept-Encoding: gzip\n" OWN,
     .gzip = RM_GZIP_DECODE},
    {.allowed = "'Accept-Encoding'", .sent = {"X-One: 1"}, .seen = OWN, .gzip = RM_GZIP_ASK},
    {.allowed = "'Accept-Encoding', 'X-One'",
     .narrower = "'X-One'",
     .sent = {"Accept-Encoding: gzip", "X-One: 1"},
     .seen = "X-One: 1\n",
     .gzip = RM_GZIP_ASK},
    {.sent = {"Accept-Encoding: gzip"}, .seen = OWN, .gzip = RM_GZIP_DECODE, .disable_compression = true},
    {.sent = {"Accept-Encoding: gzip"}, .seen = OWN, .gzip = RM_GZIP_ASK, .no_op = true},
    {.allowed = "'Accept-Encoding'",
     .sent = {"Accept-Encoding: br"},
     .seen = "Accept-Encoding: br\n" OWN,
     .gzip = RM_GZIP_OFF,
     .no_op = true},
    {.seen = OWN, .gzip = RM_GZIP_OFF, .disable_compression = true, .no_op = true},
};

static void check_head(const struct head_case *c)
{
    char conf[1024], allowed[300] = "", narrower[200] = "";
    if (c->allowed)
        snprintf(allowed, sizeof allowed, ", 'input_headers': [%s]", c->allowed);
    if (c->narrower)
        snprintf(narrower, sizeof narrower, ", 'input_headers': [%s]", c->narrower);
    snprintf(conf, sizeof conf,
             "%s 'endpoints': [{'endpoint': '/e' %s %s, 'backend': [{'host': ['http://10.0.0.1:80'], 'url_pattern': "
             "'/x' %s}]}]",
             c->disable_compression ? "'disable_compression': true," : "", allowed,
             c->no_op ? ", 'output_encoding': 'no-op'" : "", narrower);
    struct fake_answer answer = {.body = "{\"a\":1}"};
    struct flow_rig rig;
    flow_rig_start(&rig, conf, &answer, 1);
    struct flow_ask ask = {0};
    memcpy(ask.headers, c->sent, sizeof ask.headers);
    struct flow_client *client = flow_run(&rig, &ask);
    assert_true(client->over);
    assert_int_equal(rig.net.n_seen, 1);
    assert_string_equal(rig.net.seen[0].headers, c->seen);
    assert_int_equal(rig.net.seen[0].gzip, c->gzip);
    flow_rig_stop(&rig);
}

static void headers_that_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < RM_COUNT(head_cases); i++)
        check_head(&head_cases[i]);
}

static void each_backend_has_its_own(void **state)
{
    (void)state;
    struct fake_answer answer = {.body = "{}"};
    struct flow_rig rig;
    flow_rig_start(
        &rig,
        "'host': ['http://10.0.0.1:80'], 'endpoints': [{'endpoint': '/e', 'input_headers': ['X-One', 'X-Two'], "
        "'backend': ["
        "{'url_pattern': '/a', 'input_headers': ['X-One']}, {'url_pattern': '/b', 'input_headers': ['X-Two']}, "
        "{'url_pattern': '/c'}]}]",
        &answer, 1);
    flow_run(&rig, &(struct flow_ask){.headers = {"X-One: 1", "X-Two: 2"}});
    assert_string_equal(fake_seen_find(&rig.net, "/a", 0)->headers, "X-One: 1\n");
    assert_string_equal(fake_seen_find(&rig.net, "/b", 0)->headers, "X-Two: 2\n");
    assert_string_equal(fake_seen_find(&rig.net, "/c", 0)->headers, "X-One: 1\nX-Two: 2\n" OWN);
    flow_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_that_pass),
        cmocka_unit_test(each_backend_has_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
