// The chunked coding, strictly read (RFC 9112 7.1): no size without digits, no bare LF, bounded extensions and trailers. It holds no
// bytes but those of an unfinished trailer line.
// SPDX-License-Identifier: Apache-2.0
#ifndef NET_CHUNKED_H
#define NET_CHUNKED_H

#include <remora/base.h>

enum rm_chunked_state {
    RM_CHUNKED_SIZE,
    RM_CHUNKED_PAD, // white space behind the size
    RM_CHUNKED_EXT,
    RM_CHUNKED_SIZE_LF,
    RM_CHUNKED_BODY,
    RM_CHUNKED_BODY_CR,
    RM_CHUNKED_BODY_LF,
    RM_CHUNKED_TRAILER,
    RM_CHUNKED_OVER,
};

struct rm_chunked {
    enum rm_chunked_state state;
    uint64_t left; // of this chunk, or its size so far
    uint32_t digits;
    uint32_t ext_bytes; // of all chunks
    char *line;         // of the trailer section, in the arena
    uint32_t line_n;
};

enum rm_chunked_found {
    RM_CHUNKED_MORE,  // all is used up
    RM_CHUNKED_DATA,  // *found: body bytes at the front of *in; rm_chunked_take() moves on
    RM_CHUNKED_FIELD, // *found: a trailer line with its CRLF, valid until the next call, in the input or in the arena
    RM_CHUNKED_END,   // the body is whole; what is left in *in does not belong to it
};

// Zero-initialised is the beginning. Framing is taken from *in at once. RM_EPROTO, RM_ETOOBIG.
int rm_chunked_next(struct rm_chunked *, struct rm_arena *, struct rm_str *in, struct rm_str *found,
                    struct rm_err *err) RM_MUST_CHECK;
void rm_chunked_take(struct rm_chunked *, struct rm_str *in, size_t n);

#endif
