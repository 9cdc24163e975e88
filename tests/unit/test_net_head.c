// The strict parser of answer heads: what is taken, what is refused, and what comes out.
// SPDX-License-Identifier: Apache-2.0
#include "net/answer_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

struct fixture {
    struct rm_arena arena;
    struct rm_answer_head head;
    struct rm_err err;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    rm_arena_init(&fixture.arena, NULL);
    rm_answer_head_init(&fixture.head, &fixture.arena, 64 << 10);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    rm_arena_fini(&f->arena);
    return 0;
}

// Feeds a text line by line (after each LF) until the parser says anything but "more".
static int feed_n(struct fixture *f, const char *text, size_t n)
{
    int code = RM_AGAIN;
    size_t at = 0;
    while (at < n && code == RM_AGAIN) {
        const char *lf = memchr(text + at, '\n', n - at);
        size_t end = lf ? (size_t)(lf - text) + 1 : n;
        code = rm_answer_head_line(&f->head, (struct rm_str){text + at, end - at}, &f->err);
        at = end;
    }
    return code;
}

static int feed(struct fixture *f, const char *text)
{
    return feed_n(f, text, strlen(text));
}

static void expect_field(const struct rm_headers *fields, const char *name, const char *value)
{
    const struct rm_header *field = rm_headers_find(fields, rm_str_of(name));
    assert_non_null(field);
    assert_true(rm_str_eq(field->value, rm_str_of(value)));
}

static void plain_head(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(feed(f, "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length:12 \r\nX-Empty:\r\n\r\n"), RM_OK);
    assert_int_equal(f->head.status, 200);
    assert_int_equal(f->head.length, 12);
    assert_false(f->head.chunked);
    assert_false(f->head.close);
    assert_int_equal(f->head.fields.n, 3);
    expect_field(&f->head.fields, "content-type", "a/b");
    expect_field(&f->head.fields, "content-length", "12");
    expect_field(&f->head.fields, "x-empty", "");
}

static void taken(void **state)
{
    static const char *const heads[] = {
        "HTTP/1.1 200 \r\n\r\n",
        "HTTP/1.1 200\r\n\r\n",
        "HTTP/1.0 404 Not Found\r\n\r\n",
        "HTTP/1.1 999 odd\r\n\r\n",
        "HTTP/1.1 200 caf\xc3\xa9\r\nX: \xff\x80\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX:a:b\r\nY: \t z \t\r\n\r\n",
    };
    for (size_t i = 0; i < RM_COUNT(heads); i++) {
        struct fixture *f = *state;
        rm_answer_head_init(&f->head, &f->arena, 64 << 10);
        if (feed(f, heads[i]) != RM_OK)
            fail_msg("refused: %s (%s)", heads[i], f->err.text);
    }
}

static void refused(void **state)
{
#define ROW(text)                                                                                                      \
    {                                                                                                                  \
        (text), sizeof(text) - 1                                                                                       \
    }
#define OK "HTTP/1.1 200 OK\r\n"
    static const struct rm_str heads[] = {
        ROW("HTTP/2 200 OK\r\n"),
        ROW("HTTP/1.2 200 OK\r\n"),
        ROW("HTTP/1.1  200 OK\r\n"),
        ROW(" HTTP/1.1 200 OK\r\n"),
        ROW("http/1.1 200 OK\r\n"),
        ROW("HTTP/1.1 20 OK\r\n"),
        ROW("HTTP/1.1 2000 OK\r\n"),
        ROW("HTTP/1.1 +20 OK\r\n"),
        ROW("HTTP/1.1 200OK\r\n"),
        ROW("HTTP/1.1 099 low\r\n"),
        ROW("HTTP/1.1 101 Switching Protocols\r\n"),
        ROW("HTTP/1.1 200 O\rK\r\n"),
        ROW("HTTP/1.1 200 O\0K\r\n"),
        ROW("HTTP/1.1 200 OK\n"),
        ROW("hello\r\n"),
        ROW("\r\n"),
        ROW(OK "Content-Length: +5\r\n"),
        ROW(OK "Content-Length: -5\r\n"),
        ROW(OK "Content-Length: 5 5\r\n"),
        ROW(OK "Content-Length: 5, 5\r\n"),
        ROW(OK "Content-Length: 0x5\r\n"),
        ROW(OK "Content-Length: 5;\r\n"),
        ROW(OK "Content-Length:\r\n"),
        ROW(OK "Content-Length: 9223372036854775808\r\n"),
        ROW(OK "Content-Length: 18446744073709551621\r\n"),
        ROW(OK "Content-Length: 5\r\nContent-Length: 6\r\n"),
        ROW(OK "Transfer-Encoding: gzip\r\n"),
        ROW(OK "Transfer-Encoding: gzip, chunked\r\n"),
        ROW(OK "Transfer-Encoding: chunked, chunked\r\n"),
        ROW(OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        ROW(OK "Transfer-Encoding: \x0b"
               "chunked\r\n"),
        ROW(OK "Transfer-Encoding: identity\r\n"),
        ROW(OK "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
        ROW(OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ROW("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n"),
        ROW(OK "X: a\r\n folded\r\n"),
        ROW(OK "\tX: a\r\n"),
        ROW(OK "X : a\r\n"),
        ROW(OK ": a\r\n"),
        ROW(OK "no colon\r\n"),
        ROW(OK "X\x01: a\r\n"),
        ROW(OK "X(y): a\r\n"),
        ROW(OK "\xc3\xa9: a\r\n"),
        ROW(OK "X: a\0b\r\n"),
        ROW(OK "X: a\rb\r\n"),
        ROW(OK "X: a\x7f\r\n"),
        ROW(OK "X: a\n"),
        ROW(OK "X: a\r\n\n"),
    };
#undef ROW
    for (size_t i = 0; i < RM_COUNT(heads); i++) {
        struct fixture *f = *state;
        rm_answer_head_init(&f->head, &f->arena, 64 << 10);
        f->err.code = RM_OK;
        int code = feed_n(f, heads[i].p, heads[i].n);
        if (code != RM_EPROTO || f->err.code != RM_EPROTO)
            fail_msg("row %zu: %d: %.*s", i, code, (int)heads[i].n, heads[i].p);
    }
}

static void interim_heads_leave_nothing(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(feed(f, "HTTP/1.1 100 Continue\r\nContent-Length: 7\r\nConnection: close\r\nX: 1\r\n\r\n"
                             "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                     RM_OK);
    assert_int_equal(f->head.status, 200);
    assert_int_equal(f->head.length, -1);
    assert_true(f->head.chunked);
    assert_false(f->head.close);
    assert_int_equal(f->head.fields.n, 1);
}

static void an_endless_row_of_interim_heads_ends(void **state)
{
    struct fixture *f = *state;
    int code = RM_AGAIN;
    for (int i = 0; i < 1000 && code == RM_AGAIN; i++)
        code = feed(f, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_int_equal(code, RM_ETOOBIG);
}

static void limits(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(feed(f, OK), RM_AGAIN);
    for (int i = 1; i < RM_HEAD_LINES_MOST; i++)
        assert_int_equal(feed(f, "X: y\r\n"), RM_AGAIN);
    assert_int_equal(feed(f, "X: y\r\n"), RM_ETOOBIG);

    rm_answer_head_init(&f->head, &f->arena, 40);
    assert_int_equal(feed(f, OK "X: 0123456789\r\n"), RM_AGAIN); // 17 + 15
    assert_int_equal(feed(f, "Y: 123\r\n"), RM_AGAIN);           // 8: just fits
    assert_int_equal(feed(f, "\r\n"), RM_ETOOBIG);
}

static void closing(void **state)
{
    static const struct {
        const char *head;
        bool close;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", false},
        {"HTTP/1.1 200 OK\r\nConnection: x, Close\r\n\r\n", true},
        {"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n", false},
        {"HTTP/1.0 200 OK\r\n\r\n", true},
        {"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n", false},
    };
    for (size_t i = 0; i < RM_COUNT(rows); i++) {
        struct fixture *f = *state;
        rm_answer_head_init(&f->head, &f->arena, 64 << 10);
        assert_int_equal(feed(f, rows[i].head), RM_OK);
        assert_int_equal(f->head.close, rows[i].close);
    }
}

static void trailers(void **state)
{
    struct fixture *f = *state;
    struct rm_headers out = {.n = 0};
    assert_int_equal(feed(f, OK "\r\n"), RM_OK);
    assert_int_equal(rm_answer_trailer_line(&f->head, RM_STR("Sum: abc\r\n"), &out, &f->err), RM_OK);
    assert_int_equal(rm_answer_trailer_line(&f->head, RM_STR("Content-Length: 5\r\n"), &out, &f->err), RM_OK);
    assert_int_equal(rm_answer_trailer_line(&f->head, RM_STR("Transfer-Encoding: x\r\n"), &out, &f->err), RM_OK);
    assert_int_equal(rm_answer_trailer_line(&f->head, RM_STR("\r\n"), &out, &f->err), RM_OK);
    assert_int_equal(out.n, 1);
    expect_field(&out, "sum", "abc");
    assert_int_equal(rm_answer_trailer_line(&f->head, RM_STR("bad name: x\r\n"), &out, &f->err), RM_EPROTO);
    assert_int_equal(rm_answer_trailer_line(&f->head, RM_STR("x: y\n"), &out, &f->err), RM_EPROTO);
    int code = RM_OK;
    for (int i = 0; i < RM_HEAD_LINES_MOST && code == RM_OK; i++)
        code = rm_answer_trailer_line(&f->head, RM_STR("x: y\r\n"), &out, &f->err);
    assert_int_equal(code, RM_ETOOBIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plain_head, set_up, tear_down),
        cmocka_unit_test_setup_teardown(taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(interim_heads_leave_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_endless_row_of_interim_heads_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(trailers, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
