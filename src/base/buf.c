// Growing buffers for what a peer fills: always capped, and charged to the process-wide budget by what they hold.
// SPDX-License-Identifier: Apache-2.0
#include <remora/base.h>

#include <stdio.h>
#include <stdlib.h>

#define BUF_FIRST ((size_t)256)

// Adds first and looks after: two that race for the last bytes may both be refused, but the limit is never passed.
bool rm_budget_charge(struct rm_budget *budget, size_t bytes)
{
    if (!budget)
        return true;
    size_t before = atomic_fetch_add_explicit(&budget->used, bytes, memory_order_relaxed);
    if (before <= budget->limit && bytes <= budget->limit - before)
        return true;
    atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
    return false;
}

void rm_budget_release(struct rm_budget *budget, size_t bytes)
{
    if (!budget || bytes == 0)
        return;
    size_t before = atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
    RM_ASSERT(before >= bytes);
}

void rm_buf_init(struct rm_buf *buf, size_t max, struct rm_budget *budget)
{
    *buf = (struct rm_buf){.max = max, .budget = budget};
}

void rm_buf_free(struct rm_buf *buf)
{
    free(buf->p);
    rm_budget_release(buf->budget, buf->cap);
    rm_buf_init(buf, buf->max, buf->budget);
}

int rm_buf_reserve(struct rm_buf *buf, size_t more)
{
    if (more <= buf->cap - buf->n)
        return RM_OK;
    if (buf->n > buf->max || more > buf->max - buf->n)
        return RM_ETOOBIG;
    size_t need = buf->n + more;
    size_t cap = buf->cap > buf->max / 2 ? buf->max : buf->cap * 2;
    if (cap < BUF_FIRST)
        cap = BUF_FIRST < buf->max ? BUF_FIRST : buf->max;
    if (cap < need)
        cap = need;
    if (!rm_budget_charge(buf->budget, cap - buf->cap))
        return RM_EMEMORY;
    char *p = realloc(buf->p, cap);
    if (!p) {
        rm_budget_release(buf->budget, cap - buf->cap);
        return RM_EMEMORY;
    }
    buf->p = p;
    buf->cap = cap;
    return RM_OK;
}

int rm_buf_printf(struct rm_buf *buf, const char *fmt, ...)
{
    char small[256];
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(small, sizeof(small), fmt, args);
    va_end(args);
    RM_ASSERT(n >= 0);
    int rc;
    if ((size_t)n < sizeof(small)) {
        rc = rm_buf_append(buf, (struct rm_str){small, (size_t)n});
    } else {
        // vsnprintf wants room for its NUL, which may lie beyond max: a text that just fits is taken from a copy.
        char *whole = malloc((size_t)n + 1);
        rc = RM_EMEMORY;
        if (whole) {
            vsnprintf(whole, (size_t)n + 1, fmt, again);
            rc = rm_buf_append(buf, (struct rm_str){whole, (size_t)n});
        }
        free(whole);
    }
    va_end(again);
    return rc;
}
