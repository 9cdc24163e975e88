// See value_help.h.
// SPDX-License-Identifier: Apache-2.0
#include "value_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "json_ref.h"

const struct rm_json_limits value_limits = {512, 200000};
struct rm_arena value_arena;

int value_setup(void **state)
{
    (void)state;
    rm_arena_init(&value_arena, NULL);
    return 0;
}

int value_teardown(void **state)
{
    (void)state;
    rm_arena_fini(&value_arena);
    return 0;
}

struct rm_value *value_parsed(const char *text, uint32_t open_depth)
{
    struct rm_value *v = NULL;
    struct rm_err err = {.text = ""};
    int rc = rm_json_parse(&value_arena, rm_str_of(text), open_depth, &value_limits, &v, NULL, &err);
    if (rc != RM_OK)
        fail_msg("'%.100s': %s", text, err.text);
    return v;
}

const char *value_written(const struct rm_value *v)
{
    struct rm_buf buf;
    rm_buf_init(&buf, 64 << 20, NULL);
    assert_int_equal(rm_json_write(&value_arena, v, &buf), RM_OK);
    const char *text = rm_arena_cstr(&value_arena, rm_buf_str(&buf));
    rm_buf_free(&buf);
    return text;
}

struct rm_str value_repeated(const char *open, const char *middle, const char *close, size_t times)
{
    size_t a = strlen(open), b = strlen(middle), c = strlen(close), n = 0;
    char *text = rm_arena_alloc(&value_arena, times * (a + c) + b + 1);
    for (size_t i = 0; i < times; i++, n += a)
        memcpy(text + n, open, a);
    memcpy(text + n, middle, b);
    n += b;
    for (size_t i = 0; i < times; i++, n += c)
        memcpy(text + n, close, c);
    text[n] = '\0';
    return (struct rm_str){text, n};
}

struct rm_str value_filled(const char *template, struct rm_str with)
{
    const char *hole = strchr(template, '%');
    assert_non_null(hole);
    return rm_arena_printf(&value_arena, "%.*s%.*s%s", (int)(hole - template), template, (int)with.n, with.p, hole + 1);
}

void value_check_tree(const struct rm_value *v)
{
    uint32_t n = 0;
    const struct rm_value *last = NULL;
    for (const struct rm_value *child = v->first; child; child = child->next) {
        n++;
        last = child;
        value_check_tree(child);
        assert_true(v->type == RM_OBJECT || child->key.n == 0);
        for (const struct rm_value *other = v->first; v->type == RM_OBJECT && other != child; other = other->next)
            assert_false(rm_str_eq(other->key, child->key));
    }
    assert_int_equal(n, v->n);
    assert_ptr_equal(last, v->last);
}

void value_assert_writes(const char *text, const char *want)
{
    for (uint32_t depth = 0; depth < 5; depth++)
        assert_string_equal(value_written(value_parsed(text, depth < 4 ? depth : UINT32_MAX)), want);
}

void value_assert_means_the_same(struct rm_str text)
{
    char *want = json_ref(text.p, text.n, value_limits.max_depth, value_limits.max_nodes, NULL);
    assert_non_null(want);
    for (uint32_t depth = 0; depth < 5; depth++) {
        const char *out = value_written(value_parsed(text.p, depth < 4 ? depth : UINT32_MAX));
        char *got = json_ref(out, strlen(out), value_limits.max_depth, value_limits.max_nodes, NULL);
        assert_string_equal(got, want);
        free(got);
        assert_int_equal(value_parsed(out, 0)->flags & RM_V_REWRITE, 0);
    }
    free(want);
}
