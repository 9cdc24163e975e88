// Random and damaged JSON against the reference parser: what is accepted, what it means, and that opening it earlier or later, in
// whatever order, does not change what is written.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json_ref.h"
#include "value_help.h"

#include <stdio.h>
#include <stdlib.h>

static const struct rm_json_limits limits = {40, 300};
static uint64_t random_state;

static unsigned pick(unsigned below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(random_state >> 33) % below;
}

static void put(struct rm_buf *buf, const char *text, size_t n)
{
    assert_int_equal(rm_buf_append(buf, (struct rm_str){text, n}), RM_OK);
}

static void put_space(struct rm_buf *buf)
{
    static const char *const spaces[] = {"", "", "", "", " ", "\n", "\r\n\t", "          "};
    const char *space = spaces[pick(RM_COUNT(spaces))];
    put(buf, space, strlen(space));
}

static void put_string(struct rm_buf *buf, bool name)
{
    static const char *const pieces[] = {"a",
                                         "b",
                                         "c",
                                         "long plain text that needs more than one word ",
                                         "\\n",
                                         "\\\"",
                                         "\\\\",
                                         "\\/",
                                         "\\u0061",
                                         "\\u0000",
                                         "\\u00e9",
                                         "\xC3\xA9",
                                         "\xE2\x82\xAC",
                                         "\xF0\x9F\x90\x9F",
                                         "\\ud83d\\udc1f",
                                         "\\uD83D",
                                         "\\udc1f",
                                         "\x80",
                                         "\xC3",
                                         "\xE2\x82",
                                         "\xED\xA0\x80",
                                         " ",
                                         "\x7F",
                                         "<&>"};
    put(buf, "\"", 1);
    // Names come from a small set, so that some are equal, in different spellings.
    for (unsigned n = name ? pick(2) + (pick(4) == 0) : pick(5); n > 0; n--) {
        const char *piece = pieces[name && pick(3) ? pick(3) : pick(RM_COUNT(pieces))];
        put(buf, piece, strlen(piece));
    }
    put(buf, "\"", 1);
}

static void put_value(struct rm_buf *buf, unsigned depth)
{
    static const char *const scalars[] = {"0", "-1.50e+3", "184467440737095516159", "true", "false", "null", "1e400"};
    unsigned kind = pick(depth < 6 ? 5 : 2);
    put_space(buf);
    if (kind == 0) {
        const char *scalar = scalars[pick(RM_COUNT(scalars))];
        put(buf, scalar, strlen(scalar));
    } else if (kind == 1) {
        put_string(buf, false);
    } else {
        bool object = kind < 4;
        put(buf, object ? "{" : "[", 1);
        for (unsigned i = 0, n = pick(pick(20) ? 6 : 60); i < n; i++) {
            if (i > 0)
                put(buf, ",", 1);
            put_space(buf);
            if (object) {
                put_string(buf, true);
                put_space(buf);
                put(buf, ":", 1);
            }
            put_value(buf, depth + 1);
        }
        put_space(buf);
        put(buf, object ? "}" : "]", 1);
    }
    put_space(buf);
}

static void damage(struct rm_buf *buf)
{
    static const char bytes[] = "{}[]\",:\\u0129eE+-. tfn\n\x80\xC3\x1F";
    for (unsigned n = 1 + pick(3); n > 0 && buf->n > 0; n--) {
        size_t at = pick((unsigned)buf->n);
        switch (pick(3)) {
        case 0:
            buf->p[at] = bytes[pick(sizeof(bytes) - 1)];
            break;
        case 1:
            memmove(buf->p + at, buf->p + at + 1, buf->n - at - 1);
            buf->n--;
            break;
        default:
            buf->n = at;
            break;
        }
    }
}

static void open_some(struct rm_arena *arena, struct rm_value *v, bool all)
{
    if (all || pick(2))
        rm_value_open(arena, v);
    for (struct rm_value *child = v->first; child; child = child->next)
        open_some(arena, child, all);
}

static struct rm_str write_out(struct rm_arena *arena, const struct rm_value *v)
{
    struct rm_buf buf;
    rm_buf_init(&buf, 1 << 20, NULL);
    assert_int_equal(rm_json_write(arena, v, &buf), RM_OK);
    struct rm_str text = rm_arena_dup(arena, rm_buf_str(&buf));
    rm_buf_free(&buf);
    return text;
}

static void assert_means(struct rm_str text, const char *want)
{
    char *got = json_ref(text.p, text.n, 100, 10000, NULL);
    assert_non_null(got);
    assert_string_equal(got, want);
    free(got);
}

// One text at each depth of opening.
static void check(struct rm_str text)
{
    struct rm_arena arena;
    size_t want_used = 0;
    char *want = json_ref(text.p, text.n, limits.max_depth, limits.max_nodes, &want_used);
    struct rm_str whole = {NULL, 0};
    rm_arena_init(&arena, NULL);
    for (uint32_t depth = 0; depth < 8; depth++) {
        struct rm_value *v = NULL;
        size_t used = 0;
        struct rm_err err = {.text = ""};
        int rc = rm_json_parse(&arena, text, depth < 7 ? depth : UINT32_MAX, &limits, &v, &used, &err);
        if ((rc == RM_OK) != (want != NULL))
            fail_msg("'%.*s': %d, %s", (int)text.n, text.p, rc, err.text);
        if (!want)
            continue;
        assert_int_equal(used, want_used);
        assert_means(write_out(&arena, v), want);
        open_some(&arena, v, false);
        value_check_tree(v);
        assert_means(write_out(&arena, v), want);
        open_some(&arena, v, true);
        value_check_tree(v);
        struct rm_str all = write_out(&arena, v);
        assert_means(all, want);
        assert_true(whole.n == 0 || rm_str_eq(all, whole));
        whole = all;
        assert_true(rm_str_eq(write_out(&arena, rm_value_copy(&arena, v)), whole));
        // Nothing that had to be rewritten is left.
        assert_int_equal(rm_json_parse(&arena, whole, 0, &limits, &v, NULL, NULL), RM_OK);
        assert_int_equal(v->flags & RM_V_REWRITE, 0);
    }
    rm_arena_fini(&arena);
    free(want);
}

static void random_texts_mean_what_the_reference_says(void **state)
{
    (void)state;
    random_state = 1;
    for (unsigned round = 0; round < 6000; round++) {
        struct rm_buf buf;
        rm_buf_init(&buf, 1 << 20, NULL);
        put_value(&buf, 0);
        if (round % 2)
            damage(&buf);
        char *exact = malloc(buf.n + (buf.n == 0)); // so that a read past the end is seen
        assert_non_null(exact);
        if (buf.n > 0)
            memcpy(exact, buf.p, buf.n);
        check((struct rm_str){exact, buf.n});
        free(exact);
        rm_buf_free(&buf);
    }
}

static void random_bytes_never_pass_where_the_reference_refuses(void **state)
{
    (void)state;
    static const char bytes[] = "{}[]\"\",:\\u019eE+-. tfnrualse\n\x80\xC3\xA9";
    random_state = 2;
    for (unsigned round = 0; round < 30000; round++) {
        char text[12];
        size_t n = pick(sizeof(text));
        for (size_t i = 0; i < n; i++)
            text[i] = bytes[pick(sizeof(bytes) - 1)];
        check((struct rm_str){text, n});
    }
}

// Merges random objects and compares with the reference on the members written one behind the other.
static void merging_is_like_writing_the_members_in_a_row(void **state)
{
    (void)state;
    random_state = 3;
    for (unsigned round = 0; round < 1000; round++) {
        struct rm_arena arena;
        struct rm_buf row;
        rm_arena_init(&arena, NULL);
        rm_buf_init(&row, 1 << 20, NULL);
        put(&row, "{", 1);
        struct rm_value *all = rm_value_new(&arena, RM_OBJECT);
        for (unsigned part = 0; part < 3; part++) {
            struct rm_buf one;
            rm_buf_init(&one, 1 << 20, NULL);
            unsigned n = pick(pick(2) ? 5 : 40);
            for (unsigned i = 0; i < n; i++) {
                char member[64];
                int size = snprintf(member, sizeof(member), "%s\"%u\":%u%u", i ? "," : "", pick(60), part + 1, i);
                put(&one, member, (size_t)size);
            }
            if (one.n > 0 && row.n > 1)
                put(&row, ",", 1);
            put(&row, one.p, one.n);
            struct rm_str text = rm_arena_printf(&arena, "{%.*s}", (int)one.n, one.p ? one.p : "");
            struct rm_value *v;
            assert_int_equal(rm_json_parse(&arena, text, pick(3), &limits, &v, NULL, NULL), RM_OK);
            rm_value_merge(&arena, all, v);
            value_check_tree(all);
            rm_buf_free(&one);
        }
        put(&row, "}", 1);
        char *want = json_ref(row.p, row.n, 9, 1000, NULL);
        assert_non_null(want);
        struct rm_str got = write_out(&arena, all);
        assert_true(rm_str_eq(got, rm_str_of(want))); // names in ASCII: the canonical form is the written one
        free(want);
        rm_buf_free(&row);
        rm_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_texts_mean_what_the_reference_says),
        cmocka_unit_test(random_bytes_never_pass_where_the_reference_refuses),
        cmocka_unit_test(merging_is_like_writing_the_members_in_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
