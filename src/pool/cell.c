// Cells of a source's hosts. Their memory is given back with the last list and the cache entry; until then cells that no list has any
// more are used again.
// SPDX-License-Identifier: Apache-2.0
#include "pool/cell.h"

#include "pool/snapshot.h"

struct rm_cells *rm_cells_new(void)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_cells *cells = RM_NEW(&arena, struct rm_cells);
    atomic_init(&cells->refs, 1);
    cells->arena = arena;
    return cells;
}

void rm_cells_unref(struct rm_cells *cells)
{
    if (!cells || atomic_fetch_sub_explicit(&cells->refs, 1, memory_order_acq_rel) != 1)
        return;
    struct rm_arena arena = cells->arena;
    rm_arena_fini(&arena);
}

// `from`: where the search for an unused one goes on; all before it are in use.
static struct rm_host_cell *cells_take(struct rm_cells *cells, struct rm_host_cell **from)
{
    struct rm_host_cell *cell = *from;
    while (cell && atomic_load_explicit(&cell->lists, memory_order_acquire) > 0)
        cell = cell->next;
    *from = cell ? cell->next : NULL;
    if (cell) {
        struct rm_host_cell *next = cell->next;
        *cell = (struct rm_host_cell){.next = next};
    } else {
        cell = RM_NEW(&cells->arena, struct rm_host_cell);
        cell->next = cells->all;
        cells->all = cell;
    }
    atomic_init(&cell->lists, 1);
    return cell;
}

void rm_cells_attach(struct rm_cells *cells, struct rm_snapshot *list, const struct rm_snapshot *old)
{
    RM_ASSERT(!list->cells && (!old || old->cells == cells));
    struct rm_arena scratch;
    rm_arena_init(&scratch, NULL);
    const uint32_t *match = rm_snapshot_match(&scratch, list, old);
    struct rm_host_cell **cell = rm_snapshot_set_cells(list, cells), *from = cells->all;
    for (uint32_t i = 0; i < list->n; i++) {
        if (match[i] == RM_NOWHERE_IN_LIST) {
            cell[i] = cells_take(cells, &from);
        } else {
            cell[i] = old->cell[match[i]];
            atomic_fetch_add_explicit(&cell[i]->lists, 1, memory_order_relaxed);
        }
    }
    rm_arena_fini(&scratch);
}
