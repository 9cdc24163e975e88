// Arenas: memory by lifetime, and the per-worker cache of their blocks. Owns the blocks; knows nothing of what lies in
// them. Under AddressSanitizer free space is poisoned and a gap kept after each allocation, so that an overrun inside a
// block is found.
// SPDX-License-Identifier: Apache-2.0
#include <remora/base.h>

#include <stdio.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define ARENA_GAP ((size_t)16)
#define ARENA_POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define ARENA_UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define ARENA_GAP ((size_t)0)
#define ARENA_POISON(p, n) ((void)(p), (void)(n))
#define ARENA_UNPOISON(p, n) ((void)(p), (void)(n))
#endif

#define ARENA_ALIGN ((size_t)16)
#define ARENA_FIRST ((size_t)4 << 10) // one small request fits
#define ARENA_CLASSES 5               // 4, 8, 16, 32 and 64 KiB: the standard sizes, which the cache keeps

struct rm_arena_block {
    struct rm_arena_block *next;
    size_t size; // with this header
};
_Static_assert(sizeof(struct rm_arena_block) % 16 == 0, "a block's payload is aligned as its header is");

struct rm_arena_defer {
    struct rm_arena_defer *next;
    void (*fn)(void *);
    void *arg;
};

struct rm_block_cache {
    size_t keep_bytes, bytes;
    struct rm_arena_block *free[ARENA_CLASSES];
};

static void *arena_malloc(size_t n)
{
    void *p = malloc(n);
    if (!p)
        rm_panic(__FILE__, __LINE__, "out of memory");
    return p;
}

size_t rm_mul_size(size_t a, size_t b)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        rm_panic(__FILE__, __LINE__, "size overflow");
    return product;
}

// ---- blocks --------------------------------------------------------------------------------------------------------

// The index of a standard size; ARENA_CLASSES for any other.
static size_t block_class(size_t size)
{
    size_t class = 0;
    while (class < ARENA_CLASSES && size != ARENA_FIRST << class)
        class ++;
    return class;
}

static char *block_payload(struct rm_arena_block *block)
{
    return (char *)(block + 1);
}

static struct rm_arena_block *block_take(struct rm_block_cache *cache, size_t size)
{
    size_t class = block_class(size);
    if (cache && class < ARENA_CLASSES && cache->free[class]) {
        struct rm_arena_block *block = cache->free[class];
        cache->free[class] = block->next;
        cache->bytes -= size;
        return block;
    }
    struct rm_arena_block *block = arena_malloc(size);
    block->size = size;
    ARENA_POISON(block_payload(block), size - sizeof(*block));
    return block;
}

static void block_give(struct rm_block_cache *cache, struct rm_arena_block *block)
{
    size_t class = block_class(block->size);
    if (cache && class < ARENA_CLASSES && cache->bytes + block->size <= cache->keep_bytes) {
        ARENA_POISON(block_payload(block), block->size - sizeof(*block));
        block->next = cache->free[class];
        cache->free[class] = block;
        cache->bytes += block->size;
        return;
    }
    ARENA_UNPOISON(block_payload(block), block->size - sizeof(*block));
    free(block);
}

struct rm_block_cache *rm_block_cache_new(size_t keep_bytes)
{
    struct rm_block_cache *cache = arena_malloc(sizeof(*cache));
    *cache = (struct rm_block_cache){.keep_bytes = keep_bytes};
    return cache;
}

void rm_block_cache_free(struct rm_block_cache *cache)
{
    if (!cache)
        return;
    for (size_t class = 0; class < ARENA_CLASSES; class ++) {
        while (cache->free[class]) {
            struct rm_arena_block *block = cache->free[class];
            cache->free[class] = block->next;
            block_give(NULL, block);
        }
    }
    free(cache);
}

// ---- the arena -----------------------------------------------------------------------------------------------------

void rm_arena_init(struct rm_arena *arena, struct rm_block_cache *cache)
{
    *arena = (struct rm_arena){.cache = cache};
}

void rm_arena_fini(struct rm_arena *arena)
{
    while (arena->defers) {
        struct rm_arena_defer *defer = arena->defers;
        arena->defers = defer->next;
        defer->fn(defer->arg);
    }
    while (arena->blocks) {
        struct rm_arena_block *block = arena->blocks;
        arena->blocks = block->next;
        block_give(arena->cache, block);
    }
    rm_arena_init(arena, arena->cache);
}

// What the current block cannot hold. `size` is rounded and has its gap.
static void *arena_alloc_slow(struct rm_arena *arena, size_t size)
{
    // The first block of the list is the one that pos points into, when there is a pos; larger ones stand behind it.
    size_t next = ARENA_FIRST;
    if (arena->pos && arena->blocks->size < ARENA_FIRST << (ARENA_CLASSES - 1))
        next = arena->blocks->size * 2;
    else if (arena->pos)
        next = arena->blocks->size;

    if (size > next / 2) {
        struct rm_arena_block *own = arena_malloc(sizeof(*own) + size);
        own->size = sizeof(*own) + size;
        arena->bytes += own->size;
        if (arena->pos) {
            own->next = arena->blocks->next;
            arena->blocks->next = own;
        } else {
            own->next = arena->blocks;
            arena->blocks = own;
        }
        ARENA_POISON(block_payload(own), size);
        return block_payload(own);
    }
    struct rm_arena_block *block = block_take(arena->cache, next);
    block->next = arena->blocks;
    arena->blocks = block;
    arena->bytes += next;
    arena->end = (char *)block + next;
    arena->pos = block_payload(block) + size;
    return block_payload(block);
}

void *rm_arena_alloc(struct rm_arena *arena, size_t n)
{
    if (n > SIZE_MAX / 2)
        rm_panic(__FILE__, __LINE__, "size overflow");
    size_t size = ((n + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1)) + ARENA_GAP;
    if (size == 0)
        size = ARENA_ALIGN; // each allocation has an address of its own
    void *p = arena->pos;
    if (size <= (size_t)(arena->end - arena->pos))
        arena->pos += size;
    else
        p = arena_alloc_slow(arena, size);
    ARENA_UNPOISON(p, n);
    return p;
}

void *rm_arena_zalloc(struct rm_arena *arena, size_t n)
{
    return memset(rm_arena_alloc(arena, n), 0, n);
}

struct rm_str rm_arena_dup(struct rm_arena *arena, struct rm_str text)
{
    char *copy = rm_arena_cstr(arena, text);
    return (struct rm_str){copy, text.n};
}

char *rm_arena_cstr(struct rm_arena *arena, struct rm_str text)
{
    char *copy = rm_arena_alloc(arena, text.n + 1);
    if (text.n > 0)
        memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    return copy;
}

struct rm_str rm_arena_printf(struct rm_arena *arena, const char *fmt, ...)
{
    char small[256];
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(small, sizeof(small), fmt, args);
    va_end(args);
    RM_ASSERT(n >= 0);
    struct rm_str text = {small, (size_t)n};
    if (text.n < sizeof(small)) {
        text = rm_arena_dup(arena, text);
    } else {
        char *whole = rm_arena_alloc(arena, text.n + 1);
        vsnprintf(whole, text.n + 1, fmt, again);
        text.p = whole;
    }
    va_end(again);
    return text;
}

void rm_arena_defer(struct rm_arena *arena, void (*fn)(void *), void *arg)
{
    struct rm_arena_defer *defer = rm_arena_alloc(arena, sizeof(*defer));
    *defer = (struct rm_arena_defer){arena->defers, fn, arg};
    arena->defers = defer;
}
