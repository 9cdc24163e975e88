// Lists of hosts: immutable once shared, counted. One allocation holds a list and all its texts.
// SPDX-License-Identifier: Apache-2.0
#include "pool/snapshot.h"

#include "base/hash.h"
#include "pool/cell.h"

struct snapshot_memory {
    struct rm_arena arena; // holds this struct and the snapshot that follows it
};

static struct snapshot_memory *snapshot_memory(struct rm_snapshot *snapshot)
{
    return (struct snapshot_memory *)snapshot - 1;
}
_Static_assert(sizeof(struct snapshot_memory) % _Alignof(struct rm_snapshot) == 0, "the snapshot behind it is aligned");

struct rm_snapshot *rm_snapshot_new(const struct rm_host *hosts, size_t n)
{
    RM_ASSERT(n <= UINT32_MAX);
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    size_t bytes = sizeof(struct snapshot_memory) + sizeof(struct rm_snapshot) + rm_mul_size(n, sizeof(*hosts));
    struct snapshot_memory *memory = rm_arena_zalloc(&arena, bytes);
    struct rm_snapshot *snapshot = (struct rm_snapshot *)(memory + 1);
    atomic_init(&snapshot->refs, 1);
    snapshot->n = (uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        struct rm_host *host = &snapshot->host[i];
        *host = hosts[i];
        host->scheme = rm_arena_dup(&arena, hosts[i].scheme);
        host->address = rm_arena_dup(&arena, hosts[i].address);
        host->name = rm_arena_dup(&arena, hosts[i].name);
        host->base_path = rm_arena_dup(&arena, hosts[i].base_path);
        host->zone = rm_arena_dup(&arena, hosts[i].zone);
    }
    memory->arena = arena;
    return snapshot;
}

struct rm_snapshot *rm_snapshot_ref(struct rm_snapshot *snapshot)
{
    uint32_t before = atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
    RM_ASSERT(before > 0 && before < UINT32_MAX);
    return snapshot;
}

void rm_snapshot_unref(struct rm_snapshot *snapshot)
{
    if (!snapshot)
        return;
    // Whoever drops the last reference frees it, after what all others have done with it.
    uint32_t before = atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel);
    RM_ASSERT(before > 0);
    if (before > 1)
        return;
    for (uint32_t i = 0; snapshot->cells && i < snapshot->n; i++)
        atomic_fetch_sub_explicit(&snapshot->cell[i]->lists, 1, memory_order_release);
    rm_cells_unref(snapshot->cells);
    struct rm_arena arena = snapshot_memory(snapshot)->arena;
    rm_arena_fini(&arena);
}

struct rm_host_cell **rm_snapshot_set_cells(struct rm_snapshot *snapshot, struct rm_cells *cells)
{
    struct rm_host_cell **cell =
        RM_NEW_ARRAY(&snapshot_memory(snapshot)->arena, struct rm_host_cell *, snapshot->n + (size_t)1);
    atomic_fetch_add_explicit(&cells->refs, 1, memory_order_relaxed);
    snapshot->cells = cells;
    snapshot->cell = cell;
    return cell;
}

// ---- comparing -------------------------------------------------------------------------------------------------------

bool rm_host_same(const struct rm_host *a, const struct rm_host *b)
{
    return a->port == b->port && rm_str_eq(a->address, b->address) && rm_str_eq(a->name, b->name);
}

static bool host_equal(const struct rm_host *a, const struct rm_host *b)
{
    return rm_host_same(a, b) && rm_str_eq(a->scheme, b->scheme) && rm_str_eq(a->base_path, b->base_path) &&
           a->weight == b->weight && a->priority == b->priority && rm_str_eq(a->zone, b->zone) &&
           a->state == b->state && a->hinted == b->hinted;
}

bool rm_snapshot_equal(const struct rm_snapshot *a, const struct rm_snapshot *b)
{
    if (a->n != b->n)
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (!host_equal(&a->host[i], &b->host[i]))
            return false;
    return true;
}

uint64_t rm_host_hash(const struct rm_host *host)
{
    return rm_hash_bytes(rm_hash_bytes(host->port, host->name), host->address);
}

// A hash table of old's hosts: buckets hold place + 1 of the first, chains keep the order.
struct match_table {
    uint32_t *bucket, *next;
    uint64_t mask;
};

static struct match_table match_table(struct rm_arena *arena, const struct rm_snapshot *old)
{
    struct match_table table = {.mask = 1};
    while (table.mask < old->n)
        table.mask = table.mask * 2 + 1;
    table.bucket = RM_NEW_ARRAY(arena, uint32_t, table.mask + 1);
    table.next = RM_NEW_ARRAY(arena, uint32_t, old->n);
    for (uint32_t i = old->n; i-- > 0;) {
        uint32_t *bucket = &table.bucket[rm_host_hash(&old->host[i]) & table.mask];
        table.next[i] = *bucket;
        *bucket = i + 1;
    }
    return table;
}

uint32_t *rm_snapshot_match(struct rm_arena *arena, const struct rm_snapshot *list, const struct rm_snapshot *old)
{
    uint32_t *to = RM_NEW_ARRAY(arena, uint32_t, list->n + (size_t)1);
    struct match_table table = {0};
    bool *taken = RM_NEW_ARRAY(arena, bool, (old ? old->n : 0) + (size_t)1);
    uint32_t expected = 0; // lists mostly keep their order
    for (uint32_t i = 0; i < list->n; i++) {
        to[i] = RM_NOWHERE_IN_LIST;
        if (!old)
            continue;
        uint32_t at = expected;
        if (at >= old->n || taken[at] || !rm_host_same(&old->host[at], &list->host[i])) {
            if (!table.bucket)
                table = match_table(arena, old);
            at = table.bucket[rm_host_hash(&list->host[i]) & table.mask];
            while (at > 0 && (taken[at - 1] || !rm_host_same(&old->host[at - 1], &list->host[i])))
                at = table.next[at - 1];
            if (at == 0)
                continue;
            at--;
        }
        taken[at] = true;
        to[i] = at;
        expected = at + 1;
    }
    return to;
}
