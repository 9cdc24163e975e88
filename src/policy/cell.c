// Cells by key. A list that is walked at load only; one that nobody has any more is freed by the next walk.
// SPDX-License-Identifier: Apache-2.0
#include "policy/cell.h"

#include "base/list.h"

struct policy_cell {
    struct rm_list link;
    struct rm_arena arena; // holds this struct
    struct rm_str key;
    size_t size;
    void *cell;
    _Atomic uint32_t refs; // plans
};

struct rm_policy_cells {
    struct rm_arena arena; // holds this struct
    struct rm_list all;
};

struct rm_policy_cells *rm_policy_cells_new(void)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_policy_cells *cells = RM_NEW(&arena, struct rm_policy_cells);
    cells->arena = arena;
    rm_list_init(&cells->all);
    return cells;
}

static void cell_free(struct policy_cell *cell)
{
    RM_ASSERT(atomic_load_explicit(&cell->refs, memory_order_acquire) == 0);
    rm_list_remove(&cell->link);
    struct rm_arena arena = cell->arena;
    rm_arena_fini(&arena);
}

void rm_policy_cells_free(struct rm_policy_cells *cells)
{
    if (!cells)
        return;
    while (!rm_list_empty(&cells->all))
        cell_free(rm_container_of(cells->all.next, struct policy_cell, link));
    struct rm_arena arena = cells->arena;
    rm_arena_fini(&arena);
}

static void cell_unref(void *arg)
{
    struct policy_cell *cell = arg;
    atomic_fetch_sub_explicit(&cell->refs, 1, memory_order_release);
}

static struct policy_cell *cells_find(struct rm_policy_cells *cells, struct rm_str key)
{
    struct policy_cell *found = NULL;
    for (struct rm_list *at = cells->all.next, *next; at != &cells->all; at = next) {
        struct policy_cell *cell = rm_container_of(at, struct policy_cell, link);
        next = at->next;
        if (rm_str_eq(cell->key, key))
            found = cell;
        else if (atomic_load_explicit(&cell->refs, memory_order_acquire) == 0)
            cell_free(cell);
    }
    return found;
}

void *rm_policy_cell(struct rm_policy_cells *cells, struct rm_arena *plan, struct rm_str key, size_t size)
{
    if (!cells)
        return rm_arena_zalloc(plan, size);
    struct policy_cell *cell = cells_find(cells, key);
    if (!cell) {
        struct rm_arena arena;
        rm_arena_init(&arena, NULL);
        cell = RM_NEW(&arena, struct policy_cell);
        cell->key = rm_arena_dup(&arena, key);
        cell->size = size;
        cell->cell = rm_arena_zalloc(&arena, size);
        cell->arena = arena;
        rm_list_push_back(&cells->all, &cell->link);
    }
    RM_ASSERT(cell->size == size);
    atomic_fetch_add_explicit(&cell->refs, 1, memory_order_relaxed);
    rm_arena_defer(plan, cell_unref, cell);
    return cell->cell;
}
