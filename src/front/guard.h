// The request guard: what libmicrohttpd lets through and remora must not (threats.md). A pure function over what was parsed; run
// in the handler's first call, where a refusal closes the connection.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_GUARD_H
#define FRONT_GUARD_H

#include "front/target.h"
#include <remora/transport.h>

struct rm_guard_limits {
    uint32_t head_bytes; // request line and headers
    uint32_t headers;
};

struct rm_guard_in {
    struct rm_str method, target, version; // as they came: "GET", "/a?b", "HTTP/1.1"
    const struct rm_headers *headers;
};

struct rm_guard_out {
    struct rm_target target;
    struct rm_str host;     // the authority where the target has one, else Host; empty only with HTTP/1.0
    int64_t content_length; // -1: none was said
    bool chunked;
    size_t head_bytes;  // what the request line and the headers took
    const char *reason; // of a refusal: for the log, without anything that the client sent
};

// 0: let it through; else the status to refuse it with: 400, 405 (CONNECT), 414, 417, 431, 501, 505.
int rm_guard_check(const struct rm_guard_limits *, const struct rm_guard_in *, struct rm_guard_out *);

bool rm_guard_is_token(struct rm_str); // RFC 9110 5.6.2

#endif
