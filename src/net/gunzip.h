// Inflating a gzip stream piece by piece. Bounded: one window, whatever the stream says; the caller bounds the output.
// SPDX-License-Identifier: Apache-2.0
#ifndef NET_GUNZIP_H
#define NET_GUNZIP_H

#include <remora/base.h>

struct rm_gunzip;

struct rm_gunzip *rm_gunzip_new(struct rm_arena *); // about 40 KiB of the arena; nothing to free

// Inflates from the front of *in, which moves on, into `out`; *made is how much it gave. Call it until *in is empty and *made is 0.
// RM_EDECODE: not gzip, broken, or something other than another gzip member behind it (RFC 1952 2.2).
int rm_gunzip_run(struct rm_gunzip *, struct rm_str *in, char *out, size_t out_size, size_t *made,
                  struct rm_err *err) RM_MUST_CHECK;

// RM_OK when the stream ended where a member ends (no bytes at all count as that), else RM_EDECODE.
int rm_gunzip_end(const struct rm_gunzip *, struct rm_err *err) RM_MUST_CHECK;

#endif
