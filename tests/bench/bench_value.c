// Microbenchmark of the JSON value: how long parsing, merging and writing take in one thread. Not a test: it asserts nothing about
// time. Run it on a quiet machine; the best of many rounds is printed.
// SPDX-License-Identifier: Apache-2.0
#include <remora/value.h>

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

static const struct rm_json_limits bench_limits = {512, 200000};

static struct rm_str bench_word(struct rm_arena *arena, unsigned *state, size_t n)
{
    char *word = rm_arena_alloc(arena, n);
    for (size_t i = 0; i < n; i++) {
        *state = *state * 1103515245U + 12345U;
        word[i] = (char)('a' + (*state >> 16) % 26);
    }
    return (struct rm_str){word, n};
}

static void bench_add(struct rm_buf *buf, struct rm_str text)
{
    int rc = rm_buf_append(buf, text);
    RM_ASSERT(rc == RM_OK);
}

// About 1 KB: nested objects, an array of objects, longer strings.
static struct rm_str bench_part(struct rm_arena *arena, struct rm_buf *buf, int i)
{
    unsigned s = (unsigned)i;
    struct rm_str w[8];
    static const size_t sizes[] = {14, 9, 8, 60, 120, 20, 180, 8};
    for (size_t k = 0; k < RM_COUNT(w); k++)
        w[k] = bench_word(arena, &s, sizes[k]);
#define W(k) (int)w[k].n, w[k].p
    bench_add(buf, rm_arena_printf(
                       arena,
                       "{\"p%d_id\":%d,\"p%d_name\":\"%.*s\",\"p%d_profile\":{\"email\":\"%.*s@example.com\",\"city\":"
                       "\"%.*s\",\"phone\":\"+34 600 000 000\",\"bio\":\"She said \\\"caf\xC3\xA9\\\" %.*s\","
                       "\"score\":%d.5},\"p%d_items\":[",
                       i, 1000 + i, i, W(0), i, W(1), W(2), W(3), i, i));
    for (int n = 1; n < 8; n++) {
        bench_add(buf, rm_arena_printf(arena, "%s{\"sku\":\"%.*s\",\"qty\":%d,\"price\":%d.25,\"ok\":%s}",
                                       n > 1 ? "," : "", W(7), n, n, n % 2 ? "false" : "true"));
    }
    bench_add(
        buf, rm_arena_printf(arena,
                             "],\"p%d_internal\":{\"trace\":\"%.*s\",\"shard\":%d,\"flags\":[true,false,null],\"host\":"
                             "\"%.*s\"},\"p%d_tail\":\"%.*s\"}",
                             i, W(4), i, W(5), i, W(6)));
#undef W
    return rm_buf_str(buf);
}

// A list of rows up to that size. `keys`: one object with as many members instead.
static struct rm_str bench_big(struct rm_arena *arena, struct rm_buf *buf, size_t size, bool keys)
{
    unsigned s = 7;
    bench_add(buf, keys ? RM_STR("{") : RM_STR("{\"rows\":["));
    for (int i = 0; buf->n < size; i++) {
        struct rm_str sku = bench_word(arena, &s, 10), title = bench_word(arena, &s, 24),
                      tag = bench_word(arena, &s, 6);
        if (i > 0)
            bench_add(buf, RM_STR(","));
        if (keys)
            bench_add(buf, rm_arena_printf(arena, "\"%.*s\":", (int)sku.n, sku.p));
        bench_add(buf,
                  rm_arena_printf(arena,
                                  "{\"id\":%d,\"sku\":\"%.*s\",\"title\":\"%.*s\",\"price\":%d.5,\"stock\":{\"bcn\":%d,"
                                  "\"mad\":%d},\"tags\":[\"%.*s\",\"%.*s\"],\"active\":%s}",
                                  i, (int)sku.n, sku.p, (int)title.n, title.p, i, i % 7, i % 11, (int)tag.n, tag.p, 5,
                                  sku.p, i % 3 ? "false" : "true"));
    }
    bench_add(buf, keys ? RM_STR("}") : rm_arena_printf(arena, "],\"total\":%d}", 1));
    return rm_buf_str(buf);
}

struct bench {
    struct rm_str text[2];
    uint32_t open_depth;
    bool write;
};

static void bench_once(const struct bench *b, struct rm_block_cache *cache, size_t *written)
{
    struct rm_arena arena;
    struct rm_buf out;
    rm_arena_init(&arena, cache);
    rm_buf_init(&out, (size_t)64 << 20, NULL);
    struct rm_value *all = NULL;
    for (size_t i = 0; i < RM_COUNT(b->text) && b->text[i].n > 0; i++) {
        struct rm_value *v = NULL;
        int rc = rm_json_parse(&arena, b->text[i], b->open_depth, &bench_limits, &v, NULL, NULL);
        RM_ASSERT(rc == RM_OK);
        if (all && b->open_depth > 0)
            rm_value_merge(&arena, all, v);
        else
            all = v;
    }
    if (b->write) {
        int rc = rm_json_write(&arena, all, &out);
        RM_ASSERT(rc == RM_OK);
    }
    *written = out.n;
    rm_buf_free(&out);
    rm_arena_fini(&arena);
}

static void bench_run(const char *what, struct bench b)
{
    struct rm_block_cache *cache = rm_block_cache_new((size_t)1 << 20);
    size_t bytes = b.text[0].n + b.text[1].n, written = 0;
    unsigned rounds = bytes > 100000 ? 20 : 2000;
    double best = 1e9;
    for (int series = 0; series < 60; series++) {
        uint64_t from = rm_clock_us();
        for (unsigned i = 0; i < rounds; i++)
            bench_once(&b, cache, &written);
        double us = (double)(rm_clock_us() - from) / rounds;
        best = us < best ? us : best;
    }
    printf("%-44s %9.2f us  %7.0f MB/s  (%zu bytes in, %zu out)\n", what, best, (double)bytes / best, bytes, written);
    rm_block_cache_free(cache);
}

int main(void)
{
    struct rm_arena arena;
    struct rm_buf a, b, rows, keys;
    rm_arena_init(&arena, NULL);
    rm_buf_init(&a, 1 << 20, NULL);
    rm_buf_init(&b, 1 << 20, NULL);
    rm_buf_init(&rows, 1 << 20, NULL);
    rm_buf_init(&keys, 1 << 20, NULL);
    struct rm_str one = bench_part(&arena, &a, 1), two = bench_part(&arena, &b, 2);
    struct rm_str big = bench_big(&arena, &rows, 256 << 10, false), wide = bench_big(&arena, &keys, 256 << 10, true);

    bench_run("1 KB: validate", (struct bench){{one}, 0, false});
    bench_run("1 KB: open one level, write", (struct bench){{one}, 1, true});
    bench_run("1 KB: open all, write", (struct bench){{one}, UINT32_MAX, true});
    bench_run("2 x 1 KB: validate", (struct bench){{one, two}, 0, false});
    bench_run("2 x 1 KB: open one level, merge, write", (struct bench){{one, two}, 1, true});
    bench_run("256 KB: validate", (struct bench){{big}, 0, false});
    bench_run("256 KB: open one level, write", (struct bench){{big}, 1, true});
    bench_run("256 KB: open all, write", (struct bench){{big}, UINT32_MAX, true});
    bench_run("256 KB, many names: open one level, write", (struct bench){{wide}, 1, true});
    bench_run("256 KB, many names + 1 KB: merge, write", (struct bench){{wide, one}, 1, true});

    rm_buf_free(&a);
    rm_buf_free(&b);
    rm_buf_free(&rows);
    rm_buf_free(&keys);
    rm_arena_fini(&arena);
    return 0;
}
