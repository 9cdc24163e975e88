// The strict parser of an answer's head (RFC 9112 2.2, 4, 5, 6), fed line by line by whichever engine reads the bytes. It decides
// how the body is framed; an engine whose own idea differs has to fail the exchange.
// SPDX-License-Identifier: Apache-2.0
#ifndef NET_ANSWER_HEAD_H
#define NET_ANSWER_HEAD_H

#include <remora/transport.h>

#define RM_HEAD_LINES_MOST 200 // of a final head, the interim ones before it and the trailers, together

struct rm_answer_head {
    // Set by rm_answer_head_init().
    struct rm_arena *arena;
    size_t max_bytes; // of all lines together, trailers too
    // The result, valid after RM_OK.
    int status;               // 200 to 999
    int minor;                // of HTTP/1.x
    int64_t length;           // Content-Length, -1: none
    bool chunked;             // Transfer-Encoding: chunked
    bool close;               // Connection: close, or HTTP/1.0 without keep-alive
    struct rm_headers fields; // all of them, as they came; names and values in the arena
    // The parser's.
    size_t bytes;
    uint32_t lines;
    bool in_fields;
    bool interim;
    bool whole;
};

void rm_answer_head_init(struct rm_answer_head *, struct rm_arena *, size_t max_bytes);

// One line with its CRLF. RM_AGAIN: give the next one (interim answers are swallowed). RM_OK: that was the empty line of the final
// head. RM_EPROTO: not HTTP/1, 101, or malformed. RM_ETOOBIG: too many bytes or lines.
int rm_answer_head_line(struct rm_answer_head *, struct rm_str line, struct rm_err *err) RM_MUST_CHECK;

// One line of the trailer section, added to `out`; an empty line is ignored. Fields that concern framing or routing are dropped
// (RFC 9110 6.5.1). RM_EPROTO, RM_ETOOBIG.
int rm_answer_trailer_line(struct rm_answer_head *, struct rm_str line, struct rm_headers *out,
                           struct rm_err *err) RM_MUST_CHECK;

#endif
