// The vocabulary that every part of remora shares: borrowed text, errors, arenas, capped buffers, assertions.
// Implemented in src/base. Nothing here touches the network, a thread or a third-party library.
// SPDX-License-Identifier: Apache-2.0
#ifndef REMORA_BASE_H
#define REMORA_BASE_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RM_MUST_CHECK __attribute__((warn_unused_result))
#define RM_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define RM_NORETURN __attribute__((noreturn))
#define rm_container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define RM_COUNT(array) (sizeof(array) / sizeof((array)[0]))

// A broken promise between two parts of remora: aborts with file, line and text, in release builds too.
// Never for what a client, a backend or a configuration may cause.
#define RM_ASSERT(cond) ((cond) ? (void)0 : rm_panic(__FILE__, __LINE__, #cond))
RM_NORETURN void rm_panic(const char *file, int line, const char *what);

// ---- borrowed text ---------------------------------------------------------------------------------------------

// A slice of somebody else's bytes: never freed through it, not NUL-terminated. {NULL, 0} is the empty text.
struct rm_str {
    const char *p;
    size_t n;
};
#define RM_STR(literal) ((struct rm_str){(literal), sizeof(literal) - 1})

struct rm_str rm_str_of(const char *z); // of a C string; NULL gives the empty text
static inline bool rm_str_eq(struct rm_str a, struct rm_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
bool rm_str_same_nocase(const char *a, const char *b, size_t n);
static inline bool rm_str_eq_nocase(struct rm_str a, struct rm_str b) // ASCII only (RFC 9110 5.1)
{
    return a.n == b.n && rm_str_same_nocase(a.p, b.p, a.n);
}
int rm_str_cmp(struct rm_str a, struct rm_str b);        // bytewise, then by length
bool rm_str_starts(struct rm_str s, struct rm_str prefix);
static inline struct rm_str rm_str_sub(struct rm_str s, size_t from, size_t to)
{
    RM_ASSERT(from <= to && to <= s.n);
    return (struct rm_str){from > 0 ? s.p + from : s.p, to - from}; // no arithmetic on the empty text's NULL
}

// ---- errors ----------------------------------------------------------------------------------------------------

// Every fallible function returns RM_OK or one of these. How each shows to a client is decided in flow/ alone.
enum rm_code {
    RM_OK = 0,
    RM_AGAIN = -1,     // not an error: nothing can be taken or given now, the other side will say when
    RM_ECONF = -2,     // the configuration
    RM_ENOHOST = -3,   // the pool has no usable host
    RM_ECONNECT = -4,  // no connection: refused, unreachable, connect timeout
    RM_ETLS = -5,      // handshake or certificate
    RM_ERESET = -6,    // the peer went away: reset, or closed before the answer was whole
    RM_EPROTO = -7,    // the peer broke its protocol
    RM_ETIMEOUT = -8,  // the deadline passed
    RM_ETOOBIG = -9,   // over a limit on size, depth or number
    RM_EMEMORY = -10,  // the process-wide body budget is used up
    RM_ESTATUS = -11,  // a status that counts as failure (KrakenD: neither 200 nor 201)
    RM_EDECODE = -12,  // a body that is not what its encoding says
    RM_EPARAM = -13,   // a URL parameter that cannot be filled in
    RM_ECANCEL = -14,  // the client went away
    RM_EREQUEST = -15, // the client's request is wrong
    RM_EREDIRECT = -16,// a redirect that may not be followed
    RM_ESYS = -17,     // the operating system refused
    RM_EPART = -18,    // discovery: a part of the source was not found; what was found is there
    RM_ERATE = -19,    // a rate limit
    RM_EOPEN = -20,    // a circuit breaker is open
    RM_EDENIED = -21,  // a policy does not let it pass: who asks, or what is asked
};

// Filled once, by the function that knows. `text` is one line without a trailing full stop, without secrets and
// without internal addresses' credentials; it may be shown to a client where the configuration asks for that.
struct rm_err {
    int code;        // enum rm_code
    int status;      // the HTTP status that a backend's own error carries to the client, or 0
    char text[200];
};

// Fills *err (which may be NULL) and returns code, so that `return rm_fail(err, RM_ECONF, "…")` reads well.
int rm_fail(struct rm_err *err, int code, const char *fmt, ...) RM_PRINTF(3, 4);
const char *rm_code_name(int code); // "timeout", "connect", …: for logs and metrics labels

// ---- arena: memory by lifetime ------------------------------------------------------------------------------------

// A bump allocator: one owner, one thread at a time, freed as a whole. Allocation never fails (abort when the machine has no
// memory): whatever a peer can make large is bounded before. Blocks come from a cache when one is given.
struct rm_arena_block;
struct rm_arena_defer;
struct rm_block_cache;

struct rm_arena {
    char *pos, *end;
    struct rm_arena_block *blocks;
    struct rm_arena_defer *defers;
    struct rm_block_cache *cache; // may be NULL; one thread
    size_t bytes;                 // of all blocks, for limits and tests
};

struct rm_block_cache *rm_block_cache_new(size_t keep_bytes); // per worker: keeps that much for reuse
void rm_block_cache_free(struct rm_block_cache *);

void rm_arena_init(struct rm_arena *, struct rm_block_cache *cache);
void rm_arena_fini(struct rm_arena *); // runs the deferred clean-ups, last first, then gives all memory back
void *rm_arena_alloc(struct rm_arena *, size_t n) __attribute__((malloc, returns_nonnull)); // 16-aligned, not zeroed
void *rm_arena_zalloc(struct rm_arena *, size_t n) __attribute__((malloc, returns_nonnull));
#define RM_NEW(arena, type) ((type *)rm_arena_zalloc((arena), sizeof(type)))
#define RM_NEW_ARRAY(arena, type, n) ((type *)rm_arena_zalloc((arena), rm_mul_size((n), sizeof(type))))
size_t rm_mul_size(size_t a, size_t b); // aborts on overflow
struct rm_str rm_arena_dup(struct rm_arena *, struct rm_str); // a copy, with a NUL after it that does not count
char *rm_arena_cstr(struct rm_arena *, struct rm_str);        // a NUL-terminated copy
struct rm_str rm_arena_printf(struct rm_arena *, const char *fmt, ...) RM_PRINTF(2, 3);
void rm_arena_defer(struct rm_arena *, void (*fn)(void *), void *arg);

// ---- budget and buffer: what a peer fills ------------------------------------------------------------------------------

// One number for the whole process: how much memory bodies may take together (threats.md: 48 MiB). Any thread.
struct rm_budget {
    _Atomic size_t used;
    size_t limit; // bytes; constant after the start
};
// False: over the limit, nothing is charged. NULL takes everything. What was charged is released, by the same number, later.
bool rm_budget_charge(struct rm_budget *, size_t bytes) RM_MUST_CHECK;
void rm_budget_release(struct rm_budget *, size_t bytes);

// A growing byte buffer that never exceeds `max` and charges what it holds to `budget` (may be NULL). One thread.
// Zero-initialised with max set is empty and usable. Capacity is given back by rm_buf_free().
struct rm_buf {
    char *p;
    size_t n, cap;
    size_t max;
    struct rm_budget *budget;
};

void rm_buf_init(struct rm_buf *, size_t max, struct rm_budget *budget);
void rm_buf_free(struct rm_buf *); // empty afterwards, usable again
int rm_buf_reserve(struct rm_buf *, size_t more) RM_MUST_CHECK; // RM_OK, RM_ETOOBIG or RM_EMEMORY; contents stay
static inline int rm_buf_append(struct rm_buf *, struct rm_str) RM_MUST_CHECK;
int rm_buf_printf(struct rm_buf *, const char *fmt, ...) RM_PRINTF(2, 3) RM_MUST_CHECK;
static inline int rm_buf_append(struct rm_buf *b, struct rm_str text)
{
    int rc = text.n <= b->cap - b->n ? RM_OK : rm_buf_reserve(b, text.n);
    if (rc == RM_OK && text.n > 0) {
        memcpy(b->p + b->n, text.p, text.n);
        b->n += text.n;
    }
    return rc;
}
static inline struct rm_str rm_buf_str(const struct rm_buf *b)
{
    return (struct rm_str){b->p, b->n};
}

#endif
