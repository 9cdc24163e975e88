// The chunked decoder: what is taken and refused, wherever the bytes are cut. And bodies where none can be.
// SPDX-License-Identifier: Apache-2.0
#include "net/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

struct outcome {
    int code; // RM_OK: whole; RM_AGAIN: not yet
    struct rm_buf body, trailers;
    size_t left; // bytes behind the end
};

// Feeds the text in two pieces, cut at `cut`, and takes data in steps of at most `most` bytes.
static struct outcome feed(struct rm_arena *arena, struct rm_str text, size_t cut, size_t most)
{
    struct rm_chunked chunked = {.left = 0};
    struct outcome out = {.code = RM_AGAIN};
    rm_buf_init(&out.body, 1 << 16, NULL);
    rm_buf_init(&out.trailers, 1 << 16, NULL);
    struct rm_str pieces[2] = {rm_str_sub(text, 0, cut), rm_str_sub(text, cut, text.n)};
    for (int i = 0; i < 2; i++) {
        struct rm_str in = pieces[i], found;
        for (;;) {
            int rc = rm_chunked_next(&chunked, arena, &in, &found, NULL);
            if (rc == RM_CHUNKED_DATA) {
                size_t n = found.n < most ? found.n : most;
                assert_int_equal(rm_buf_append(&out.body, rm_str_sub(found, 0, n)), RM_OK);
                rm_chunked_take(&chunked, &in, n);
                continue;
            }
            if (rc == RM_CHUNKED_FIELD) {
                assert_int_equal(rm_buf_append(&out.trailers, found), RM_OK);
                continue;
            }
            if (rc < 0) {
                out.code = rc;
                return out;
            }
            if (rc == RM_CHUNKED_END) {
                out.code = RM_OK;
                out.left += in.n;
            } else {
                assert_int_equal(in.n, 0);
            }
            break;
        }
    }
    return out;
}

static void outcome_free(struct outcome *out)
{
    rm_buf_free(&out->body);
    rm_buf_free(&out->trailers);
}

#define ROW(text)                                                                                                      \
    {                                                                                                                  \
        (text), sizeof(text) - 1                                                                                       \
    }

static void taken(void **state)
{
    (void)state;
    static const struct {
        struct rm_str text, body, trailers;
        size_t left;
    } rows[] = {
        {ROW("0\r\n\r\n"), ROW(""), ROW(""), 0},
        {ROW("5\r\nhello\r\n0\r\n\r\n"), ROW("hello"), ROW(""), 0},
        {ROW("3\r\nabc\r\n00a\r\n0123456789\r\n0\r\n\r\n"), ROW("abc0123456789"), ROW(""), 0},
        {ROW("A\r\n0123456789\r\n000\r\n\r\n"), ROW("0123456789"), ROW(""), 0},
        {ROW("2;x=y;z=\"q\"\r\nok\r\n0;last\r\n\r\n"), ROW("ok"), ROW(""), 0},
        {ROW("2 \t\r\nok\r\n0 ; x\r\n\r\n"), ROW("ok"), ROW(""), 0},
        {ROW("2\r\n\r\n\r\n0\r\n\r\n"), ROW("\r\n"), ROW(""), 0},
        {ROW("0\r\nA: b\r\nC: d\r\n\r\n"), ROW(""), ROW("A: b\r\nC: d\r\n"), 0},
        {ROW("1\r\nx\r\n0\r\n\r\nmore"), ROW("x"), ROW(""), 4},
    };
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    for (size_t i = 0; i < RM_COUNT(rows); i++) {
        for (size_t cut = 0; cut <= rows[i].text.n; cut++) {
            for (size_t most = 1; most < 20; most += 9) {
                struct outcome out = feed(&arena, rows[i].text, cut, most);
                if (out.code != RM_OK || !rm_str_eq(rm_buf_str(&out.body), rows[i].body) ||
                    !rm_str_eq(rm_buf_str(&out.trailers), rows[i].trailers) || out.left != rows[i].left)
                    fail_msg("row %zu cut at %zu: %d", i, cut, out.code);
                outcome_free(&out);
            }
        }
        // Not one byte less is enough.
        for (size_t n = 0; n < rows[i].text.n - rows[i].left; n++) {
            struct outcome out = feed(&arena, rm_str_sub(rows[i].text, 0, n), n / 2, 100);
            assert_int_equal(out.code, RM_AGAIN);
            outcome_free(&out);
        }
    }
    rm_arena_fini(&arena);
}

static void refused(void **state)
{
    (void)state;
    static const struct rm_str rows[] = {
        ROW("\r\n"),
        ROW("x\r\n"),
        ROW(" 5\r\n"),
        ROW("+5\r\n"),
        ROW("-5\r\n"),
        ROW("0x5\r\n"),
        ROW("5x\r\n"),
        ROW("5 x\r\n"),
        ROW("5\n"),
        ROW("5\rx"),
        ROW("5\r\nhelloX"),
        ROW("5\r\nhello\n"),
        ROW("5\r\nhello\rX"),
        ROW("5;\x01\r\n"),
        ROW("5;a\rb"),
        ROW("5;a\n"),
        ROW("1000000000000000\r\n"),
        ROW("ffffffffffffffff\r\n"),
        ROW("0000000000000000\r\n"),
        ROW(";\r\n"),
    };
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    for (size_t i = 0; i < RM_COUNT(rows); i++) {
        for (size_t cut = 0; cut <= rows[i].n; cut++) {
            struct outcome out = feed(&arena, rows[i], cut, 100);
            if (out.code != RM_EPROTO)
                fail_msg("row %zu cut at %zu: %d", i, cut, out.code);
            outcome_free(&out);
        }
    }
    rm_arena_fini(&arena);
}

static void extensions_are_bounded(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_chunked chunked = {.left = 0};
    struct rm_str in = RM_STR("1;"), found;
    int rc = rm_chunked_next(&chunked, &arena, &in, &found, NULL);
    size_t bytes = 0;
    while (rc == RM_CHUNKED_MORE) {
        in = RM_STR("xxxxxxxxxxxxxxxx");
        bytes += in.n;
        rc = rm_chunked_next(&chunked, &arena, &in, &found, NULL);
        assert_true(bytes < 100000);
    }
    assert_int_equal(rc, RM_EPROTO);

    // Many small ones are as many.
    chunked = (struct rm_chunked){.left = 0};
    bytes = 0;
    do {
        in = RM_STR("1;xxxxxxxxxxxxxx\r\ny\r\n");
        bytes += in.n;
        while ((rc = rm_chunked_next(&chunked, &arena, &in, &found, NULL)) == RM_CHUNKED_DATA)
            rm_chunked_take(&chunked, &in, found.n);
        assert_true(bytes < 100000);
    } while (rc == RM_CHUNKED_MORE);
    assert_int_equal(rc, RM_EPROTO);
    rm_arena_fini(&arena);
}

static void trailer_lines_are_bounded(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_chunked chunked = {.left = 0};
    struct rm_str in = RM_STR("0\r\n"), found;
    int rc = rm_chunked_next(&chunked, &arena, &in, &found, NULL);
    for (int i = 0; i < 10000 && rc == RM_CHUNKED_MORE; i++) {
        in = RM_STR("xxxxxxxxxxxxxxxx");
        rc = rm_chunked_next(&chunked, &arena, &in, &found, NULL);
    }
    assert_int_equal(rc, RM_ETOOBIG);
    assert_true(arena.bytes < 64 * 1024);
    rm_arena_fini(&arena);
}

// An engine that hands over a body where there is none, or before the head: libcurl takes strange first lines for one.
static void bodies_out_of_place(void **state)
{
    (void)state;
    struct rm_arena arena;
    struct rm_err err;
    rm_arena_init(&arena, NULL);
    struct rm_exchange x = {.method = RM_STR("HEAD"), .max_body = 1000};
    struct rm_answer answer;
    x.call.arena = &arena;
    rm_answer_init(&answer, &x, false);
    assert_int_equal(rm_answer_body(&answer, RM_STR("body"), &err), RM_EPROTO);
    assert_int_equal(rm_answer_line(&answer, RM_STR("HTTP/1.1 200 OK\r\n"), &err), RM_AGAIN);
    assert_int_equal(rm_answer_body(&answer, RM_STR("body"), &err), RM_EPROTO);
    assert_int_equal(rm_answer_line(&answer, RM_STR("\r\n"), &err), RM_OK);
    assert_true(rm_answer_is_whole(&answer));
    assert_int_equal(rm_answer_body(&answer, RM_STR("body"), &err), RM_OK); // thrown away
    assert_int_equal(x.body_out.n, 0);
    assert_int_equal(rm_answer_end(&answer, &err), RM_OK);
    rm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken),
        cmocka_unit_test(refused),
        cmocka_unit_test(extensions_are_bounded),
        cmocka_unit_test(trailer_lines_are_bounded),
        cmocka_unit_test(bodies_out_of_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
