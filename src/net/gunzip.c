// gzip by zlib; the only file that includes zlib.h. Memory comes from the exchange's arena, so nothing has to be given back when an
// exchange ends early.
// SPDX-License-Identifier: Apache-2.0
#include "net/gunzip.h"

#include <limits.h>
#include <zlib.h>

#define GUNZIP_ONLY_GZIP 16 // added to the window's bits: neither zlib's own header nor raw deflate

struct rm_gunzip {
    z_stream z;
    bool in_member;
};

static void *gunzip_alloc(void *arena, unsigned n, unsigned size)
{
    return rm_arena_alloc(arena, rm_mul_size(n, size));
}

static void gunzip_free(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

struct rm_gunzip *rm_gunzip_new(struct rm_arena *arena)
{
    struct rm_gunzip *gunzip = RM_NEW(arena, struct rm_gunzip);
    gunzip->z.zalloc = gunzip_alloc;
    gunzip->z.zfree = gunzip_free;
    gunzip->z.opaque = arena;
    // It fails only for want of memory or for another zlib than the one compiled against.
    RM_ASSERT(inflateInit2(&gunzip->z, MAX_WBITS + GUNZIP_ONLY_GZIP) == Z_OK);
    return gunzip;
}

int rm_gunzip_run(struct rm_gunzip *gunzip, struct rm_str *in, char *out, size_t out_size, size_t *made,
                  struct rm_err *err)
{
    RM_ASSERT(in->n <= UINT_MAX && out_size > 0 && out_size <= UINT_MAX);
    z_stream *z = &gunzip->z;
    union {
        const char *borrowed;
        unsigned char *z; // zlib's type is not const; it does not write there
    } next = {.borrowed = in->p};
    z->next_in = next.z;
    z->avail_in = (unsigned)in->n;
    z->next_out = (unsigned char *)out;
    z->avail_out = (unsigned)out_size;
    int rc = Z_OK;
    if (gunzip->in_member || z->avail_in > 0) {
        gunzip->in_member = true;
        rc = inflate(z, Z_NO_FLUSH);
    }
    if (rc == Z_STREAM_END) {
        gunzip->in_member = false;
        rc = inflateReset(z);
    }
    *made = out_size - z->avail_out;
    *in = rm_str_sub(*in, in->n - z->avail_in, in->n);
    if (rc != Z_OK && rc != Z_BUF_ERROR)
        return rm_fail(err, RM_EDECODE, "broken gzip data");
    return RM_OK;
}

int rm_gunzip_end(const struct rm_gunzip *gunzip, struct rm_err *err)
{
    return gunzip->in_member ? rm_fail(err, RM_EDECODE, "gzip data that ends early") : RM_OK;
}
