// flatmap_filter with any operations on any JSON: no crash, no hang, and a tree that is whole. The input: a line an operation ("del a.b c",
// "move a b", "append a b"; names of letters, digits and '*'), an empty line, then the JSON.
// SPDX-License-Identifier: Apache-2.0
#include <remora/step.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_LINE 200

static const struct rm_json_limits fuzz_limits = {64, 5000};

static void fuzz_check(const struct rm_value *v, uint32_t depth)
{
    uint32_t n = 0;
    const struct rm_value *last = NULL;
    RM_ASSERT(depth < 1000);
    for (const struct rm_value *child = v->first; child; child = child->next, n++) {
        RM_ASSERT(v->type == RM_OBJECT || child->key.n == 0);
        for (const struct rm_value *other = v->first; v->type == RM_OBJECT && other != child; other = other->next)
            RM_ASSERT(!rm_str_eq(child->key, other->key));
        last = child;
        fuzz_check(child, depth + 1);
    }
    RM_ASSERT(n == v->n && last == v->last);
}

static struct rm_value *fuzz_op(struct rm_arena *arena, struct rm_str line)
{
    struct rm_value *op = rm_value_new(arena, RM_OBJECT), *args = rm_value_new(arena, RM_ARRAY);
    bool is_type = true;
    for (size_t i = 0, from = 0; i <= line.n; i++) {
        if (i < line.n && line.p[i] != ' ')
            continue;
        struct rm_value *text = rm_value_string(arena, rm_str_sub(line, from, i));
        if (is_type)
            rm_value_set(arena, op, RM_STR("type"), text);
        else
            rm_value_append(args, text);
        is_type = false;
        from = i + 1;
    }
    rm_value_set(arena, op, RM_STR("args"), args);
    return op;
}

// Without the white space that ranges keep.
static struct rm_str fuzz_write(struct rm_arena *arena, struct rm_value *v)
{
    const struct rm_json_limits none = {UINT32_MAX, UINT32_MAX};
    struct rm_str text = {NULL, 0};
    for (int i = 0; i < 2; i++) {
        struct rm_buf buf;
        rm_buf_init(&buf, (size_t)16 << 20, NULL);
        int rc = rm_json_write(arena, v, &buf);
        RM_ASSERT(rc == RM_OK);
        text = rm_arena_dup(arena, rm_buf_str(&buf));
        rm_buf_free(&buf);
        rc = rm_json_parse(arena, text, UINT32_MAX, &none, &v, NULL, NULL);
        RM_ASSERT(rc == RM_OK);
    }
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_str text = {(const char *)data, size};
    struct rm_value *ops = rm_value_new(&arena, RM_ARRAY);
    size_t from = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] != '\n')
            continue;
        struct rm_str line = rm_str_sub(text, from, i);
        from = i + 1;
        if (line.n == 0)
            break;
        if (line.n <= FUZZ_LINE) // a path may make a tree as deep as it is
            rm_value_append(ops, fuzz_op(&arena, line));
    }
    text = rm_str_sub(text, from, text.n);
    void *self = NULL;
    struct rm_err err = {.text = ""};
    if (rm_step_flatmap.open(&self, &arena, ops, &err) != RM_OK || !self) {
        rm_arena_fini(&arena);
        return 0;
    }
    struct rm_str want = {NULL, 0};
    static const uint32_t depths[] = {0, 1, 3, UINT32_MAX};
    for (size_t i = 0; i < RM_COUNT(depths); i++) {
        struct rm_value *v = NULL;
        if (rm_json_parse(&arena, text, depths[i], &fuzz_limits, &v, NULL, NULL) != RM_OK || v->type != RM_OBJECT)
            break;
        v = rm_step_flatmap.apply(self, &arena, v);
        RM_ASSERT(!v || v->type == RM_OBJECT);
        if (v)
            fuzz_check(v, 0);
        struct rm_str text_of = fuzz_write(&arena, v);
        RM_ASSERT(i == 0 || rm_str_eq(text_of, want)); // however deep it was opened
        want = text_of;
    }
    rm_arena_fini(&arena);
    return 0;
}
