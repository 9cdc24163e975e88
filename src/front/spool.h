// Bytes on their way through: appended at one end, taken from the other. Capped and charged like any buffer that a peer fills.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_SPOOL_H
#define FRONT_SPOOL_H

#include <remora/base.h>

struct rm_spool {
    struct rm_buf buf;
    size_t taken; // of buf, from the front
};

static inline size_t rm_spool_size(const struct rm_spool *s)
{
    return s->buf.n - s->taken;
}
// All or nothing: RM_OK, or rm_buf's RM_ETOOBIG and RM_EMEMORY.
int rm_spool_put(struct rm_spool *, struct rm_str data) RM_MUST_CHECK;
size_t rm_spool_take(struct rm_spool *, char *to, size_t n); // up to n bytes

#endif
