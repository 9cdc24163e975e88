// The store of an HTTP cache (http_store.h). Eight shards by the key's hash, each a table of chains and a list by use.
// SPDX-License-Identifier: Apache-2.0
#include "policy/http_store.h"

#include "base/hash.h"
#include "loop/thread.h"

#define STORE_SHARDS 8
#define STORE_BUCKETS_FIRST 16
#define STORE_BUCKETS_MOST (1u << 20)
#define STORE_CHAIN_MOST 32 // whoever chooses keys, or what they vary on, makes no look-up slow

struct store_shard {
    struct rm_lock lock;
    struct rm_buf table; // struct rm_http_item *, n_buckets of them
    uint32_t n_buckets;  // a power of two
    uint32_t n;
    struct rm_list used;
};

struct rm_http_store {
    bool is_open; // by the thread that makes plans
    _Atomic uint32_t plans;
    _Atomic size_t bytes;
    _Atomic uint32_t items;
    struct store_shard shards[STORE_SHARDS];
};

// ---- items -----------------------------------------------------------------------------------------------------------

void rm_http_item_unref(struct rm_http_item *item)
{
    if (!item || atomic_fetch_sub_explicit(&item->refs, 1, memory_order_acq_rel) > 1)
        return;
    struct rm_buf memory = item->memory;
    rm_buf_free(&memory);
}

static struct rm_str item_text(char **at, struct rm_str text)
{
    char *to = *at;
    if (text.n > 0)
        memcpy(to, text.p, text.n);
    *at += text.n;
    return (struct rm_str){to, text.n};
}

static struct rm_str item_asked(const struct rm_headers *asked, struct rm_str name)
{
    const struct rm_header *header = rm_headers_find(asked, name);
    return header ? header->value : RM_STR("");
}

// The names in the answer's Vary fields, one after the other. False: no more.
struct vary_names {
    const struct rm_headers *answer;
    uint32_t field;
    struct rm_str rest;
};
static bool vary_next(struct vary_names *v, struct rm_str *name)
{
    for (;;) {
        while (v->rest.n > 0) {
            size_t n = 0;
            while (n < v->rest.n && v->rest.p[n] != ',' && v->rest.p[n] != ' ' && v->rest.p[n] != '\t')
                n++;
            *name = rm_str_sub(v->rest, 0, n);
            v->rest = rm_str_sub(v->rest, n < v->rest.n ? n + 1 : n, v->rest.n);
            if (name->n > 0)
                return true;
        }
        if (v->field >= v->answer->n)
            return false;
        const struct rm_header *header = &v->answer->v[v->field++];
        if (rm_str_eq_nocase(header->name, RM_STR("vary")))
            v->rest = header->value;
    }
}

static size_t item_size(struct rm_str key, const struct rm_headers *asked, const struct rm_http_item *what,
                        uint32_t *n_vary)
{
    size_t n = sizeof(struct rm_http_item) + key.n + what->body.n;
    for (uint32_t i = 0; i < what->headers.n; i++)
        n += sizeof(struct rm_header) + what->headers.v[i].name.n + what->headers.v[i].value.n;
    struct vary_names names = {.answer = &what->headers};
    struct rm_str name;
    for (*n_vary = 0; vary_next(&names, &name); ++*n_vary)
        n += sizeof(struct rm_header) + name.n + item_asked(asked, name).n;
    return n;
}

// A copy in one piece of memory; NULL where there is none, or it would be larger than `most`.
static struct rm_http_item *item_new(struct rm_str key, const struct rm_headers *asked, const struct rm_http_item *what,
                                     size_t most)
{
    uint32_t n_vary;
    struct rm_buf memory;
    rm_buf_init(&memory, most, NULL);
    size_t size = item_size(key, asked, what, &n_vary);
    if (rm_buf_reserve(&memory, size) != RM_OK)
        return NULL;
    struct rm_http_item *item = (struct rm_http_item *)(void *)memory.p;
    memset(item, 0, sizeof(*item));
    struct rm_header *v = (struct rm_header *)(item + 1);
    char *at = (char *)(v + what->headers.n + n_vary);
    item->status = what->status;
    item->freshness = what->freshness;
    item->stored_us = what->stored_us;
    item->headers = (struct rm_headers){v, what->headers.n, what->headers.n};
    item->vary = (struct rm_headers){v + what->headers.n, n_vary, n_vary};
    for (uint32_t i = 0; i < what->headers.n; i++) {
        item->headers.v[i].name = item_text(&at, what->headers.v[i].name);
        item->headers.v[i].value = item_text(&at, what->headers.v[i].value);
    }
    struct vary_names names = {.answer = &what->headers};
    struct rm_str name;
    for (uint32_t i = 0; vary_next(&names, &name); i++) {
        item->vary.v[i].name = item_text(&at, name);
        item->vary.v[i].value = item_text(&at, item_asked(asked, name));
    }
    item->key = item_text(&at, key);
    item->body = item_text(&at, what->body);
    RM_ASSERT((size_t)(at - memory.p) == size);
    item->hash = rm_hash_bytes(0, key);
    item->memory = memory;
    atomic_init(&item->refs, 1);
    return item;
}

static bool item_fits(const struct rm_http_item *item, const struct rm_headers *asked)
{
    for (uint32_t i = 0; i < item->vary.n; i++)
        if (!rm_str_eq(item_asked(asked, item->vary.v[i].name), item->vary.v[i].value))
            return false;
    return true;
}

// ---- shards, locked --------------------------------------------------------------------------------------------------

static struct store_shard *store_shard(struct rm_http_store *store, uint64_t hash)
{
    return &store->shards[hash >> 61];
}

static struct rm_http_item **shard_bucket(const struct store_shard *shard, uint64_t hash)
{
    struct rm_http_item **table = (struct rm_http_item **)(void *)shard->table.p;
    return &table[hash & (shard->n_buckets - 1)];
}

static bool shard_grow(struct store_shard *shard)
{
    struct store_shard larger = {.n_buckets = shard->n_buckets > 0 ? shard->n_buckets * 2 : STORE_BUCKETS_FIRST};
    size_t size = larger.n_buckets * sizeof(struct rm_http_item *);
    rm_buf_init(&larger.table, size, NULL);
    if (rm_buf_reserve(&larger.table, size) != RM_OK)
        return shard->n_buckets > 0;
    memset(larger.table.p, 0, size);
    for (uint32_t i = 0; i < shard->n_buckets; i++) {
        for (struct rm_http_item *item = *shard_bucket(shard, i), *next; item; item = next) {
            struct rm_http_item **to = shard_bucket(&larger, item->hash);
            next = item->next;
            item->next = *to;
            *to = item;
        }
    }
    rm_buf_free(&shard->table);
    shard->table = larger.table;
    shard->n_buckets = larger.n_buckets;
    return true;
}

static void shard_remove(struct rm_http_store *store, struct store_shard *shard, struct rm_http_item *item)
{
    struct rm_http_item **at = shard_bucket(shard, item->hash);
    while (*at != item)
        at = &(*at)->next;
    *at = item->next;
    rm_list_remove(&item->used);
    shard->n--;
    atomic_fetch_sub_explicit(&store->bytes, item->memory.cap, memory_order_relaxed);
    atomic_fetch_sub_explicit(&store->items, 1, memory_order_relaxed);
    rm_http_item_unref(item);
}

static bool store_is_over(struct rm_http_store *store, const struct rm_http_limits *limits)
{
    return atomic_load_explicit(&store->bytes, memory_order_relaxed) > limits->bytes ||
           (limits->items > 0 && atomic_load_explicit(&store->items, memory_order_relaxed) > limits->items);
}

// The one for the same request, and one of a chain that is too long.
static void shard_make_way(struct rm_http_store *store, struct store_shard *shard, const struct rm_http_item *item,
                           const struct rm_headers *asked)
{
    struct rm_http_item *oldest = NULL;
    unsigned n = 0;
    for (struct rm_http_item *at = *shard_bucket(shard, item->hash), *next; at; at = next) {
        next = at->next;
        if (rm_str_eq(at->key, item->key) && item_fits(at, asked)) {
            shard_remove(store, shard, at);
            continue;
        }
        n++;
        oldest = oldest && oldest->stored_us <= at->stored_us ? oldest : at;
    }
    if (n >= STORE_CHAIN_MOST)
        shard_remove(store, shard, oldest);
}

// Down to `keep` items: the ones not used for longest.
static void shard_trim(struct rm_http_store *store, struct store_shard *shard, uint32_t keep,
                       const struct rm_http_limits *limits)
{
    while (store_is_over(store, limits) && shard->n > keep)
        shard_remove(store, shard, rm_container_of(shard->used.prev, struct rm_http_item, used));
}

// Where the shard of a new item had not enough to give, the next ones do.
static void store_trim_others(struct rm_http_store *store, uint64_t hash, const struct rm_http_limits *limits)
{
    for (uint64_t i = 1; i < STORE_SHARDS && store_is_over(store, limits); i++) {
        struct store_shard *shard = &store->shards[((hash >> 61) + i) % STORE_SHARDS];
        rm_lock_take(&shard->lock);
        shard_trim(store, shard, 0, limits);
        rm_lock_give(&shard->lock);
    }
}

static void store_clear(struct rm_http_store *store)
{
    for (size_t i = 0; i < STORE_SHARDS; i++) {
        struct store_shard *shard = &store->shards[i];
        rm_lock_take(&shard->lock);
        while (shard->n > 0)
            shard_remove(store, shard, rm_container_of(shard->used.prev, struct rm_http_item, used));
        rm_buf_free(&shard->table);
        shard->n_buckets = 0;
        rm_lock_give(&shard->lock);
    }
}

// ---- http_store.h ----------------------------------------------------------------------------------------------------

static void store_leave(void *arg)
{
    struct rm_http_store *store = arg;
    if (atomic_fetch_sub_explicit(&store->plans, 1, memory_order_acq_rel) == 1)
        store_clear(store);
}

struct rm_http_store *rm_http_store_open(struct rm_arena *plan, struct rm_policy_cells *cells, struct rm_str key)
{
    struct rm_http_store *store = rm_policy_cell(cells, plan, key, sizeof(*store));
    for (size_t i = 0; i < STORE_SHARDS && !store->is_open; i++) {
        rm_lock_init(&store->shards[i].lock);
        rm_list_init(&store->shards[i].used);
    }
    store->is_open = true;
    atomic_fetch_add_explicit(&store->plans, 1, memory_order_acq_rel);
    rm_arena_defer(plan, store_leave, store);
    return store;
}

struct rm_http_item *rm_http_store_get(struct rm_http_store *store, struct rm_str key, const struct rm_headers *asked)
{
    uint64_t hash = rm_hash_bytes(0, key);
    struct store_shard *shard = store_shard(store, hash);
    struct rm_http_item *found = NULL;
    rm_lock_take(&shard->lock);
    for (struct rm_http_item *at = shard->n_buckets > 0 ? *shard_bucket(shard, hash) : NULL; at && !found;
         at = at->next)
        if (at->hash == hash && rm_str_eq(at->key, key) && item_fits(at, asked))
            found = at;
    if (found) {
        atomic_fetch_add_explicit(&found->refs, 1, memory_order_relaxed);
        rm_list_remove(&found->used);
        rm_list_push_front(&shard->used, &found->used);
    }
    rm_lock_give(&shard->lock);
    return found;
}

void rm_http_store_put(struct rm_http_store *store, const struct rm_http_limits *limits, struct rm_str key,
                       const struct rm_headers *asked, const struct rm_http_item *what)
{
    struct rm_http_item *item = item_new(key, asked, what, limits->bytes / 8);
    if (!item)
        return;
    uint64_t hash = item->hash;
    struct store_shard *shard = store_shard(store, hash);
    rm_lock_take(&shard->lock);
    if (shard->n < shard->n_buckets || shard->n_buckets == STORE_BUCKETS_MOST || shard_grow(shard)) {
        shard_make_way(store, shard, item, asked);
        struct rm_http_item **bucket = shard_bucket(shard, item->hash);
        item->next = *bucket;
        *bucket = item;
        rm_list_push_front(&shard->used, &item->used);
        shard->n++;
        atomic_fetch_add_explicit(&store->bytes, item->memory.cap, memory_order_relaxed);
        atomic_fetch_add_explicit(&store->items, 1, memory_order_relaxed);
        shard_trim(store, shard, 1, limits);
        item = NULL;
    }
    rm_lock_give(&shard->lock);
    store_trim_others(store, hash, limits);
    rm_http_item_unref(item);
}

void rm_http_store_drop(struct rm_http_store *store, struct rm_str key)
{
    uint64_t hash = rm_hash_bytes(0, key);
    struct store_shard *shard = store_shard(store, hash);
    rm_lock_take(&shard->lock);
    for (struct rm_http_item *at = shard->n_buckets > 0 ? *shard_bucket(shard, hash) : NULL, *next; at; at = next) {
        next = at->next;
        if (rm_str_eq(at->key, key))
            shard_remove(store, shard, at);
    }
    rm_lock_give(&shard->lock);
}

struct rm_http_stats rm_http_store_stats(struct rm_http_store *store)
{
    return (struct rm_http_stats){.bytes = atomic_load_explicit(&store->bytes, memory_order_relaxed),
                                  .items = atomic_load_explicit(&store->items, memory_order_relaxed)};
}
