// Bytes on their way through. What was taken is given up when more is appended, so a slow peer costs a memmove, not memory.
// SPDX-License-Identifier: Apache-2.0
#include "front/spool.h"

int rm_spool_put(struct rm_spool *s, struct rm_str data)
{
    if (s->taken > 0 && (s->taken == s->buf.n || data.n > s->buf.cap - s->buf.n)) {
        s->buf.n -= s->taken;
        memmove(s->buf.p, s->buf.p + s->taken, s->buf.n);
        s->taken = 0;
    }
    return rm_buf_append(&s->buf, data);
}

size_t rm_spool_take(struct rm_spool *s, char *to, size_t n)
{
    if (n > rm_spool_size(s))
        n = rm_spool_size(s);
    if (n > 0)
        memcpy(to, s->buf.p + s->taken, n);
    s->taken += n;
    return n;
}
