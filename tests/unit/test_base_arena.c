// Arenas: alignment, growth, large blocks, deferred clean-ups, the block cache, overflow.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <remora/base.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#endif
#ifdef ASAN
#include <sanitizer/asan_interface.h>
#endif

static void allocations_are_aligned_and_apart(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    unsigned char *all[400];
    for (size_t i = 0; i < RM_COUNT(all); i++) {
        all[i] = rm_arena_alloc(&arena, i);
        assert_int_equal((uintptr_t)all[i] % 16, 0);
        memset(all[i], (int)i & 0xFF, i);
    }
    for (size_t i = 0; i < RM_COUNT(all); i++) {
        for (size_t k = 0; k < i; k++)
            assert_int_equal(all[i][k], i & 0xFF);
        assert_true(i == 0 || all[i] != all[i - 1]);
    }
    rm_arena_fini(&arena);
    assert_int_equal(arena.bytes, 0);
}

static void empty_allocations_have_addresses_of_their_own(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    assert_ptr_not_equal(rm_arena_alloc(&arena, 0), rm_arena_alloc(&arena, 0));
    rm_arena_fini(&arena);
}

static void blocks_double_up_to_64_kib(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    assert_int_equal(arena.bytes, 0);
    rm_arena_alloc(&arena, 1);
    assert_int_equal(arena.bytes, 4 << 10);
    static const size_t want[] = {4, 12, 28, 60, 124, 188, 252};
    for (size_t i = 0; i < RM_COUNT(want); i++) {
        while (arena.bytes < want[i] << 10)
            rm_arena_alloc(&arena, 64);
        assert_int_equal(arena.bytes, want[i] << 10);
    }
    rm_arena_fini(&arena);
}

static void a_large_allocation_leaves_the_current_block_in_use(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    char *large = rm_arena_alloc(&arena, 1 << 20); // before there is any block
    memset(large, 1, 1 << 20);
    size_t with_large = arena.bytes;
    assert_in_range(with_large, 1 << 20, (1 << 20) + 64);
    char *small = rm_arena_alloc(&arena, 32);
    assert_int_equal(arena.bytes, with_large + (4 << 10));
    memset(rm_arena_alloc(&arena, 100000), 2, 100000);
    char *next = rm_arena_alloc(&arena, 32);
    assert_true(next > small && next - small <= 64);
    assert_int_equal(large[12345], 1);
    size_t before = arena.bytes;
    while (arena.bytes == before)
        rm_arena_alloc(&arena, 64);
    assert_int_equal(arena.bytes, before + (8 << 10)); // the next size is that of the small blocks
    rm_arena_fini(&arena);
}

static void zalloc_zeroes_used_memory(void **state)
{
    (void)state;
    struct rm_block_cache *cache = rm_block_cache_new(1 << 20);
    for (int round = 0; round < 2; round++) {
        struct rm_arena arena;
        rm_arena_init(&arena, cache);
        unsigned char *p = rm_arena_zalloc(&arena, 4000);
        for (size_t i = 0; i < 4000; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xAA, 4000);
        rm_arena_fini(&arena);
    }
    rm_block_cache_free(cache);
}

struct trace {
    struct rm_arena *arena;
    int order[4];
    size_t n;
};

struct trace_note {
    struct trace *trace;
    int number;
};

static void note(void *arg)
{
    const struct trace_note *it = arg;
    it->trace->order[it->trace->n++] = it->number;
}

static void note_and_defer(void *arg)
{
    const struct trace_note *it = arg;
    note(arg);
    struct trace_note *late = RM_NEW(it->trace->arena, struct trace_note); // the arena still works here
    *late = (struct trace_note){it->trace, 9};
    rm_arena_defer(it->trace->arena, note, late);
}

static void cleanups_run_last_first(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct trace trace = {.arena = &arena};
    struct trace_note *notes = RM_NEW_ARRAY(&arena, struct trace_note, 3);
    for (int i = 0; i < 3; i++) {
        notes[i] = (struct trace_note){&trace, i};
        rm_arena_defer(&arena, i == 1 ? note_and_defer : note, &notes[i]);
    }
    rm_arena_fini(&arena);
    assert_int_equal(trace.n, 4);
    static const int want[] = {2, 1, 9, 0};
    assert_memory_equal(trace.order, want, sizeof(want));
}

static void the_cache_gives_blocks_again_and_keeps_no_more_than_told(void **state)
{
    (void)state;
    struct rm_block_cache *cache = rm_block_cache_new(12 << 10); // a block of 4 KiB and one of 8
    struct rm_arena arena;
    rm_arena_init(&arena, cache);
    while (arena.bytes < 28 << 10)
        rm_arena_alloc(&arena, 64);
    rm_arena_fini(&arena);

    rm_arena_init(&arena, cache);
    char *first = rm_arena_alloc(&arena, 64);
    rm_arena_fini(&arena);
    rm_arena_init(&arena, cache);
    assert_ptr_equal(rm_arena_alloc(&arena, 64), first);
    rm_arena_fini(&arena);
    rm_block_cache_free(cache);

    cache = rm_block_cache_new(0);
    rm_arena_init(&arena, cache);
    rm_arena_alloc(&arena, 64);
    rm_arena_fini(&arena);
    rm_block_cache_free(cache);
    rm_block_cache_free(NULL);
}

static void texts_are_copied(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    char source[] = "abcdef";
    struct rm_str copy = rm_arena_dup(&arena, (struct rm_str){source, 3});
    char *z = rm_arena_cstr(&arena, (struct rm_str){source + 3, 3});
    memset(source, 'x', sizeof(source) - 1);
    assert_true(rm_str_eq(copy, RM_STR("abc")));
    assert_int_equal(copy.p[3], '\0');
    assert_string_equal(z, "def");
    assert_string_equal(rm_arena_cstr(&arena, (struct rm_str){NULL, 0}), "");

    for (int n = 250; n < 262; n++) { // around the size that is formatted on the stack
        struct rm_str text = rm_arena_printf(&arena, "%*d|", n, 7);
        assert_int_equal(text.n, n + 1);
        assert_int_equal(text.p[n - 1], '7');
        assert_int_equal(text.p[n], '|');
        assert_int_equal(text.p[n + 1], '\0');
    }
    rm_arena_fini(&arena);
}

static void overflow(void)
{
    rm_mul_size(SIZE_MAX / 2, 3);
}

static void a_size_that_overflows_aborts(void **state)
{
    (void)state;
    assert_int_equal(rm_mul_size(3, 5), 15);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        close(STDERR_FILENO);
        overflow();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void an_overrun_inside_a_block_is_seen(void **state)
{
    (void)state;
#ifdef ASAN
    struct rm_block_cache *cache = rm_block_cache_new(1 << 20);
    for (int round = 0; round < 2; round++) { // fresh blocks, then used ones
        struct rm_arena arena;
        rm_arena_init(&arena, cache);
        char *small = rm_arena_alloc(&arena, 13);
        char *after = rm_arena_alloc(&arena, 16);
        char *large = rm_arena_alloc(&arena, 200000);
        assert_false(__asan_address_is_poisoned(small + 12));
        assert_true(__asan_address_is_poisoned(small + 13));
        assert_true(__asan_address_is_poisoned(after - 1));
        assert_true(__asan_address_is_poisoned(after + 16));
        assert_true(__asan_address_is_poisoned(large + 200000));
        rm_arena_fini(&arena);
        assert_true(__asan_address_is_poisoned(small));
    }
    rm_block_cache_free(cache);
#else
    skip(); // only AddressSanitizer can tell
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_aligned_and_apart),
        cmocka_unit_test(empty_allocations_have_addresses_of_their_own),
        cmocka_unit_test(blocks_double_up_to_64_kib),
        cmocka_unit_test(a_large_allocation_leaves_the_current_block_in_use),
        cmocka_unit_test(zalloc_zeroes_used_memory),
        cmocka_unit_test(cleanups_run_last_first),
        cmocka_unit_test(the_cache_gives_blocks_again_and_keeps_no_more_than_told),
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(a_size_that_overflows_aborts),
        cmocka_unit_test(an_overrun_inside_a_block_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
