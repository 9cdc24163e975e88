// What may be sent: the checks of an exchange's input and the choice of its header lines. Free of any library's types.
// SPDX-License-Identifier: Apache-2.0
#ifndef NET_REQUEST_H
#define NET_REQUEST_H

#include <remora/transport.h>

// RM_OK, or RM_EREQUEST when a method, target, host name, header name or value would break the request's framing: CR, LF, NUL and
// the like are refused, never mended.
int rm_request_check(const struct rm_exchange *, struct rm_err *err) RM_MUST_CHECK;

// Fields that the transport itself writes, or that concern one connection: those of the caller's headers are left out.
bool rm_request_skips(struct rm_str name);

// How the body is announced.
enum rm_request_body {
    RM_REQUEST_NO_BODY,
    RM_REQUEST_BUFFER, // Content-Length, x->body (maybe empty: POST, PUT and PATCH always say how long, RFC 9110 8.6)
    RM_REQUEST_SOURCE, // x->source; chunked when its length is unknown
};
enum rm_request_body rm_request_body_of(const struct rm_exchange *);

// May be sent again when a kept connection died under it (RFC 9110 9.2.2): GET, HEAD, OPTIONS, PUT, DELETE with a body that is still
// there.
bool rm_request_is_repeatable(const struct rm_exchange *);

// True when Accept-Encoding: gzip has to be added: asked for, not in the headers, and neither HEAD nor a range.
bool rm_request_asks_gzip(const struct rm_exchange *);

// The method, the target and each header line, every one with a NUL behind it, appended to `out` in libcurl's notation: "Name;" is an
// empty value, "Name:" keeps libcurl from adding a field of its own. *n_lines: without method and target. RM_EREQUEST when it is
// more than out->max.
int rm_request_text(const struct rm_exchange *, bool keep_alive, struct rm_buf *out, size_t *n_lines,
                    struct rm_err *err) RM_MUST_CHECK;

// The head as it goes on the wire, appended to `out`: request line, `host_line` with its CRLF, the caller's headers, the transport's own.
// RM_EREQUEST when it is more than out->max.
int rm_request_head(const struct rm_exchange *, struct rm_str host_line, bool keep_alive, struct rm_buf *out,
                    struct rm_err *err) RM_MUST_CHECK;

#endif
