// Where an HTTP cache keeps answers: immutable, counted, found by key and by what they vary on; the one that has not been used for longest
// goes first. A store is a cell (cell.h): it outlives a reload. Any thread; a lock a shard, held for some pointers.
// SPDX-License-Identifier: Apache-2.0
#ifndef POLICY_HTTP_STORE_H
#define POLICY_HTTP_STORE_H

#include "base/list.h"
#include "policy/cell.h"
#include "policy/http_rules.h"

struct rm_http_store;

struct rm_http_limits {
    size_t bytes;   // of all answers in it, with their headers
    uint32_t items; // 0: as many as there is room for
};

struct rm_http_item {
    int status;
    struct rm_headers headers;
    struct rm_str body;
    struct rm_freshness freshness;
    uint64_t stored_us;     // rm_loop_now_us() scale; its age was freshness.age_s then
    struct rm_headers vary; // what the request had under the names that it varies on; "" where there was none
    struct rm_str key;
    // The store's.
    struct rm_buf memory; // holds all of it
    uint64_t hash;
    struct rm_list used; // of its shard, the newest first
    struct rm_http_item *next;
    _Atomic uint32_t refs;
};

// `plan`'s share in the store of this key. Empty where nobody had it, or nobody any more.
struct rm_http_store *rm_http_store_open(struct rm_arena *plan, struct rm_policy_cells *, struct rm_str key);

// The answer for a request with these headers: a reference. NULL: none.
struct rm_http_item *rm_http_store_get(struct rm_http_store *, struct rm_str key, const struct rm_headers *asked);
// Stores a copy of `what` (status, headers, body, freshness, stored_us) in the place of the one for the same request, and makes room by
// `limits`. What takes more than an eighth of them is left out.
void rm_http_store_put(struct rm_http_store *, const struct rm_http_limits *, struct rm_str key,
                       const struct rm_headers *asked, const struct rm_http_item *what);
// All answers of this key.
void rm_http_store_drop(struct rm_http_store *, struct rm_str key);

void rm_http_item_unref(struct rm_http_item *);

struct rm_http_stats {
    size_t bytes;
    uint32_t items;
};
struct rm_http_stats rm_http_store_stats(struct rm_http_store *);

#endif
