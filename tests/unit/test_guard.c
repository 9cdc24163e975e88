// The request guard: what is let through, and what each refusal answers.
// SPDX-License-Identifier: Apache-2.0
#include "front/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define assert_str(text, expected) assert_true(rm_str_eq((text), RM_STR(expected)))

// A head as text, one line a header, "\n" between them; "METHOD TARGET VERSION" first.
static int guard_check(const char *head, struct rm_guard_out *out)
{
    static struct rm_header v[256];
    struct rm_headers headers = {.v = v, .cap = 256};
    struct rm_guard_in in = {.headers = &headers};
    const char *end = strchr(head, '\n');
    struct rm_str line = end ? (struct rm_str){head, (size_t)(end - head)} : rm_str_of(head);
    const char *first = memchr(line.p, ' ', line.n);
    const char *last = memrchr(line.p, ' ', line.n);
    in.method = (struct rm_str){line.p, (size_t)(first - line.p)};
    in.target = (struct rm_str){first + 1, (size_t)(last - first - 1)};
    in.version = (struct rm_str){last + 1, (size_t)(line.p + line.n - last - 1)};
    while (end) {
        const char *from = end + 1;
        end = strchr(from, '\n');
        size_t n = end ? (size_t)(end - from) : strlen(from);
        const char *colon = memchr(from, ':', n);
        assert_non_null(colon);
        struct rm_str value = {colon + 1, (size_t)(from + n - colon - 1)};
        if (value.n > 0 && value.p[0] == ' ')
            value = rm_str_sub(value, 1, value.n);
        v[headers.n++] = (struct rm_header){{from, (size_t)(colon - from)}, value};
    }
    struct rm_guard_limits limits = {.head_bytes = 400, .headers = 10};
    return rm_guard_check(&limits, &in, out);
}

struct guard_case {
    int status;
    const char *head;
};

static const struct guard_case guard_cases[] = {
    {0, "GET / HTTP/1.1\nHost: a"},
    {0, "GET /a/b?c=d HTTP/1.1\nHost: example.org:8080"},
    {0, "GET / HTTP/1.0"},
    {0, "GET / HTTP/1.0\nHost: a"},
    {0, "POST / HTTP/1.1\nHost: a\nContent-Length: 0"},
    {0, "POST / HTTP/1.1\nHost: a\ncontent-length: 9223372036854775807"},
    {0, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: Chunked"},
    {0, "POST / HTTP/1.1\nHost: a\nExpect: 100-Continue\nContent-Length: 1"},
    {0, "GET / HTTP/1.1\nHost: [::1]:80"},
    {0, "GET / HTTP/1.1\nHost: [fe80::1]"},
    {0, "GET / HTTP/1.1\nHost: my_service.ns-1"},
    {0, "GET / HTTP/1.1\nHost: a:"},
    {0, "GET http://b/x HTTP/1.1\nHost: a"},
    {0, "GET HTTPS://b:443?q HTTP/1.1\nHost: a"},
    {0, "OPTIONS * HTTP/1.1\nHost: a"},
    {0, "GET / HTTP/1.1\nHost: a\nConnection: upgrade\nUpgrade: h2c"}, // not ours to follow: ignored (RFC 9110 7.8)
    {0, "GET / HTTP/1.1\nHost: a\nX: tab\there \xc3\xa9"},
    {0, "GET /\xc3\xa9 HTTP/1.1\nHost: a"},
    {0, "BREW /pot HTTP/1.1\nHost: a"},
    // Versions and methods.
    {505, "GET / HTTP/1.2\nHost: a"},
    {505, "GET / HTTP/2.0\nHost: a"},
    {505, "GET / http/1.1\nHost: a"},
    {505, "GET / HTTP/01.1\nHost: a"},
    {400, "G(T / HTTP/1.1\nHost: a"},
    {400, "G\x01T / HTTP/1.1\nHost: a"},
    {405, "CONNECT a:443 HTTP/1.1\nHost: a:443"},
    // Host.
    {400, "GET / HTTP/1.1"},
    {400, "GET / HTTP/1.1\nHost: a\nHost: a"},
    {400, "GET / HTTP/1.0\nHost: a\nhost: b"},
    {400, "GET / HTTP/1.1\nHost: "},
    {400, "GET / HTTP/1.1\nHost: a b"},
    {400, "GET / HTTP/1.1\nHost: a,b"},
    {400, "GET / HTTP/1.1\nHost: a/b"},
    {400, "GET / HTTP/1.1\nHost: u@a"},
    {400, "GET / HTTP/1.1\nHost: a?b"},
    {400, "GET / HTTP/1.1\nHost: a#b"},
    {400, "GET / HTTP/1.1\nHost: a%2fb"},
    {400, "GET / HTTP/1.1\nHost: a\\b"},
    {400, "GET / HTTP/1.1\nHost: a:b"},
    {400, "GET / HTTP/1.1\nHost: a:80:80"},
    {400, "GET / HTTP/1.1\nHost: a:65536"},
    {400, "GET / HTTP/1.1\nHost: a:000080"},
    {400, "GET / HTTP/1.1\nHost: :80"},
    {400, "GET / HTTP/1.1\nHost: [::1"},
    {400, "GET / HTTP/1.1\nHost: [::1]x"},
    {400, "GET / HTTP/1.1\nHost: []"},
    {400, "GET / HTTP/1.1\nHost: \xff"},
    // Framing.
    {400, "POST / HTTP/1.1\nHost: a\nContent-Length: 1\nContent-Length: 1"},
    {400, "POST / HTTP/1.1\nHost: a\nContent-Length: 1\nContent-Length: 2"},
    {400, "POST / HTTP/1.1\nHost: a\nContent-Length: 1, 1"},
    {400, "POST / HTTP/1.1\nHost: a\nContent-Length: +1"},
    {400, "POST / HTTP/1.1\nHost: a\nContent-Length: -1"},
    {400, "POST / HTTP/1.1\nHost: a\nContent-Length: 0x1"},
    {400, "POST / HTTP/1.1\nHost: a\nContent-Length: 1 "},
    {400, "POST / HTTP/1.1\nHost: a\nContent-Length: "},
    {400, "POST / HTTP/1.1\nHost: a\nContent-Length: 9223372036854775808"},
    {400, "POST / HTTP/1.1\nHost: a\nContent-Length: 18446744073709551617"},
    {400, "POST / HTTP/1.1\nHost: a\nContent-Length: 1\nTransfer-Encoding: chunked"},
    {400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nContent-Length: 1"},
    {400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked"},
    {400, "POST / HTTP/1.0\nTransfer-Encoding: chunked"},
    {501, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: gzip, chunked"},
    {501, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked, chunked"},
    {501, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: identity"},
    {400, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: \x0b"
          "chunked"},
    {501, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked;q=1"},
    {417, "POST / HTTP/1.1\nHost: a\nExpect: 100-continue, x"},
    {417, "POST / HTTP/1.1\nHost: a\nExpect: the-moon"},
    {417, "POST / HTTP/1.1\nHost: a\nExpect: "},
    // Fields.
    {400, "GET / HTTP/1.1\nHost: a\nX Y: 1"},
    {400, "GET / HTTP/1.1\nHost: a\nX\t: 1"},
    {400, "GET / HTTP/1.1\nHost: a\n: 1"},
    {400, "GET / HTTP/1.1\nHost: a\nX\xc3\xa9: 1"},
    {400, "GET / HTTP/1.1\nHost: a\nX: a\rb"},
    {400, "GET / HTTP/1.1\nHost: a\nX: a\x01"},
    {400, "GET / HTTP/1.1\nHost: a\nX: a\x7f"},
    // Targets.
    {400, "GET * HTTP/1.1\nHost: a"},
    {400, "GET a HTTP/1.1\nHost: a"},
    {400, "GET  HTTP/1.1\nHost: a"},
    {400, "GET ?a HTTP/1.1\nHost: a"},
    {400, "GET /a#b HTTP/1.1\nHost: a"},
    {400, "GET /a b HTTP/1.1\nHost: a"},
    {400, "GET /a\x01 HTTP/1.1\nHost: a"},
    {400, "GET /a\x7f HTTP/1.1\nHost: a"},
    {400, "GET /a%0d%0ab HTTP/1.1\nHost: a"},
    {400, "GET /a%00 HTTP/1.1\nHost: a"},
    {400, "GET /a%7F HTTP/1.1\nHost: a"},
    {400, "GET /a%zz HTTP/1.1\nHost: a"},
    {400, "GET /a%2 HTTP/1.1\nHost: a"},
    {400, "GET ftp://a/ HTTP/1.1\nHost: a"},
    {400, "GET http:///x HTTP/1.1\nHost: a"},
    {400, "GET http://u:p@a/x HTTP/1.1\nHost: a"},
    {400, "GET http://a:99999/x HTTP/1.1\nHost: a"},
    {400, "GET http:/a HTTP/1.1\nHost: a"},
};

static void guard_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < RM_COUNT(guard_cases); i++) {
        struct rm_guard_out out;
        int status = guard_check(guard_cases[i].head, &out);
        if (status != guard_cases[i].status)
            fail_msg("%s\n: %d, not %d", guard_cases[i].head, status, guard_cases[i].status);
        assert_int_equal(out.reason != NULL, status != 0);
    }
}

static void guard_says_what_it_found(void **state)
{
    (void)state;
    struct rm_guard_out out;
    const char *head = "POST /a%20b?c=%zz HTTP/1.1\nHost: h:1\nContent-Length: 12";
    assert_int_equal(guard_check(head, &out), 0);
    assert_str(out.target.path, "/a%20b");
    assert_str(out.target.query, "c=%zz"); // goes through byte for byte
    assert_str(out.host, "h:1");
    assert_int_equal(out.content_length, 12);
    assert_false(out.chunked);
    assert_int_equal(out.head_bytes, strlen("POST /a%20b?c=%zz HTTP/1.1\r\nHost: h:1\r\nContent-Length: 12\r\n\r\n"));

    assert_int_equal(guard_check("GET http://b:2/x?y HTTP/1.1\nHost: a", &out), 0);
    assert_str(out.host, "b:2");
    assert_str(out.target.path, "/x");
    assert_str(out.target.query, "y");
    assert_int_equal(out.content_length, -1);

    assert_int_equal(guard_check("GET http://b HTTP/1.1\nHost: a\nTransfer-Encoding: chunked", &out), 0);
    assert_str(out.target.path, "/");
    assert_true(out.chunked);
}

static void guard_limits(void **state)
{
    (void)state;
    struct rm_guard_out out;
    char head[1024];
    snprintf(head, sizeof(head), "GET /%0500d HTTP/1.1\nHost: a", 1);
    assert_int_equal(guard_check(head, &out), 414);
    snprintf(head, sizeof(head), "GET / HTTP/1.1\nHost: a\nX: %0500d", 1);
    assert_int_equal(guard_check(head, &out), 431);
    assert_int_equal(guard_check("GET / HTTP/1.1\nHost: a\na:\nb:\nc:\nd:\ne:\nf:\ng:\nh:\ni:", &out), 0);
    assert_int_equal(guard_check("GET / HTTP/1.1\nHost: a\na:\nb:\nc:\nd:\ne:\nf:\ng:\nh:\ni:\nj:", &out), 431);
}

// Every byte, in a name and in a value.
static void guard_knows_every_byte(void **state)
{
    (void)state;
    static const char marks[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    struct rm_guard_limits limits = {.head_bytes = 400, .headers = 10};
    for (int c = 0; c < 256; c++) {
        char text[3] = {'x', (char)c, 'y'};
        bool token = c != 0 && strchr(marks, c), visible = (c >= 0x20 && c != 0x7f) || c == '\t';
        assert_int_equal(rm_guard_is_token((struct rm_str){text, 3}), token);
        struct rm_header v[2] = {{RM_STR("Host"), RM_STR("a")}, {RM_STR("X"), {text, 3}}};
        struct rm_headers headers = {v, 2, 2};
        struct rm_guard_in in = {RM_STR("GET"), RM_STR("/"), RM_STR("HTTP/1.1"), &headers};
        struct rm_guard_out out;
        assert_int_equal(rm_guard_check(&limits, &in, &out), visible ? 0 : 400);
    }
    assert_false(rm_guard_is_token(RM_STR("")));
}

static void guard_sees_a_nul(void **state)
{
    (void)state;
    struct rm_header v[] = {{RM_STR("Host"), RM_STR("a")}, {RM_STR("X"), RM_STR("a\0b")}};
    struct rm_headers headers = {.v = v, .n = 2, .cap = 2};
    struct rm_guard_in in = {RM_STR("GET"), RM_STR("/"), RM_STR("HTTP/1.1"), &headers};
    struct rm_guard_limits limits = {.head_bytes = 400, .headers = 10};
    struct rm_guard_out out;
    assert_int_equal(rm_guard_check(&limits, &in, &out), 400);
    v[1].value = RM_STR("ab");
    assert_int_equal(rm_guard_check(&limits, &in, &out), 0);
    v[0].value = RM_STR("a\0b");
    assert_int_equal(rm_guard_check(&limits, &in, &out), 400);
    v[0].value = RM_STR("a");
    in.target = RM_STR("/a\0b");
    assert_int_equal(rm_guard_check(&limits, &in, &out), 400);
    in.target = RM_STR("/");
    v[1].name = RM_STR("X\0");
    assert_int_equal(rm_guard_check(&limits, &in, &out), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guard_table),      cmocka_unit_test(guard_says_what_it_found),
        cmocka_unit_test(guard_limits),     cmocka_unit_test(guard_knows_every_byte),
        cmocka_unit_test(guard_sees_a_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
