// The JSON value against the reference parser: the same texts are accepted, and at whatever depth they are opened they are written
// with the same meaning. Merging is compared with the members written in a row. The input is the text itself.
// SPDX-License-Identifier: Apache-2.0
#include <remora/value.h>

#include "json_ref.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rm_json_limits fuzz_limits = {64, 5000};

static struct rm_value *fuzz_parse(struct rm_arena *arena, struct rm_str text, uint32_t open_depth)
{
    struct rm_value *v = NULL;
    int rc = rm_json_parse(arena, text, open_depth, &fuzz_limits, &v, NULL, NULL);
    RM_ASSERT(rc == RM_OK);
    return v;
}

static struct rm_str fuzz_write(struct rm_arena *arena, const struct rm_value *v)
{
    struct rm_buf buf;
    rm_buf_init(&buf, (size_t)16 << 20, NULL);
    int rc = rm_json_write(arena, v, &buf);
    RM_ASSERT(rc == RM_OK);
    struct rm_str text = rm_arena_dup(arena, rm_buf_str(&buf));
    rm_buf_free(&buf);
    return text;
}

// The same with all ranges by reference that have room.
static struct rm_str fuzz_write_refs(struct rm_arena *arena, const struct rm_value *v, size_t least)
{
    struct rm_buf buf, all;
    struct rm_refs refs = {.least = least};
    struct rm_str parts[RM_REFS_PARTS];
    rm_buf_init(&buf, (size_t)16 << 20, NULL);
    rm_buf_init(&all, (size_t)16 << 20, NULL);
    int rc = rm_json_write_refs(arena, v, &buf, &refs);
    RM_ASSERT(rc == RM_OK);
    uint32_t n = rm_refs_parts(&refs, rm_buf_str(&buf), parts);
    for (uint32_t i = 0; i < n; i++) {
        RM_ASSERT(parts[i].n > 0);
        rc = rm_buf_append(&all, parts[i]);
        RM_ASSERT(rc == RM_OK);
    }
    RM_ASSERT(all.n == buf.n + refs.bytes);
    struct rm_str text = rm_arena_dup(arena, rm_buf_str(&all));
    rm_buf_free(&buf);
    rm_buf_free(&all);
    return text;
}

static void fuzz_open_all(struct rm_arena *arena, struct rm_value *v)
{
    rm_value_open(arena, v);
    for (struct rm_value *child = v->first; child; child = child->next) {
        if (child->type == RM_STRING)
            rm_value_text(arena, child);
        fuzz_open_all(arena, child);
    }
}

static void fuzz_means(struct rm_str text, const char *want)
{
    char *got = json_ref(text.p, text.n, UINT32_MAX, UINT32_MAX, NULL);
    RM_ASSERT(got && strcmp(got, want) == 0);
    free(got);
}

static void fuzz_merge(struct rm_arena *arena, struct rm_str text)
{
    static const char many[] = "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":10,"
                               "\"k\":11,\"l\":12,\"m\":13}";
    static const char *const others[] = {"{}", "{\"a\":0,\"\":1,\"b\":{\"a\":2}}", many};
    for (size_t i = 0; i < RM_COUNT(others); i++) {
        struct rm_str other = rm_str_of(others[i]);
        bool comma = text.n > 2 && other.n > 2;
        struct rm_str row =
            rm_arena_printf(arena, "%.*s%s%s", (int)(text.n - 1), text.p, comma ? "," : "", other.p + 1);
        // The text has been cut at a NUL if it held one; the writer escapes them, so it holds none.
        char *want = json_ref(row.p, row.n, UINT32_MAX, UINT32_MAX, NULL);
        RM_ASSERT(want);
        for (uint32_t depth = 0; depth < 3; depth++) {
            struct rm_value *all = fuzz_parse(arena, text, depth);
            rm_value_merge(arena, all, fuzz_parse(arena, other, depth));
            fuzz_means(fuzz_write(arena, all), want);
        }
        free(want);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rm_str text = {(const char *)data, size};
    struct rm_str whole = {NULL, 0};
    struct rm_arena arena;
    size_t want_used = 0;
    char *want = json_ref(text.p, size, fuzz_limits.max_depth, fuzz_limits.max_nodes, &want_used);
    rm_arena_init(&arena, NULL);
    static const uint32_t depths[] = {0, 1, 2, 3, UINT32_MAX};
    for (size_t i = 0; i < RM_COUNT(depths); i++) {
        struct rm_value *v = NULL;
        size_t used = 0;
        int rc = rm_json_parse(&arena, text, depths[i], &fuzz_limits, &v, &used, NULL);
        RM_ASSERT((rc == RM_OK) == (want != NULL));
        if (!want)
            continue;
        RM_ASSERT(used == want_used);
        struct rm_str as_it_is = fuzz_write(&arena, v);
        fuzz_means(as_it_is, want);
        RM_ASSERT(rm_str_eq(fuzz_write_refs(&arena, v, 1), as_it_is));
        RM_ASSERT(rm_str_eq(fuzz_write_refs(&arena, v, 8), as_it_is));
        fuzz_open_all(&arena, v);
        struct rm_str all = fuzz_write(&arena, v);
        RM_ASSERT(whole.n == 0 || rm_str_eq(all, whole));
        whole = all;
        RM_ASSERT(rm_str_eq(fuzz_write(&arena, rm_value_copy(&arena, v)), whole));
        RM_ASSERT(rm_str_eq(fuzz_write(&arena, fuzz_parse(&arena, whole, 0)), whole)); // nothing is left to be mended
        fuzz_means(whole, want);
    }
    if (want && whole.p[0] == '{')
        fuzz_merge(&arena, whole);
    rm_arena_fini(&arena);
    free(want);
    return 0;
}
