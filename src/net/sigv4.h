// AWS Signature Version 4 in headers: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
// Pure but for the arena. libcurl's own is wrong for paths with ':' or '%', for queries that are not sorted, and for repeated headers.
// SPDX-License-Identifier: Apache-2.0
#ifndef NET_SIGV4_H
#define NET_SIGV4_H

#include <remora/transport.h>

struct rm_sigv4_key {
    struct rm_str id, secret, token; // token: "" where the key is a lasting one
};

struct rm_sigv4_in {
    struct rm_str method, target; // as they go on the wire; the path is encoded once there
    struct rm_str host;           // the value of the Host header
    const struct rm_headers
        *headers; // that will be sent: Content-Type and X-Amz-* are signed, whatever a proxy may change is not
    struct rm_str payload;
    struct rm_str region, service; // "eu-west-1", "lambda"
    int64_t unix_s;
};

// Percent-encodes all but RFC 3986's unreserved characters: a function's name, or ARN, in a path.
struct rm_str rm_sigv4_encode(struct rm_arena *, struct rm_str);

// Adds X-Amz-Date, X-Amz-Security-Token (with a token) and Authorization to in->headers, in a list of its own:
// *to, which may be the same.
void rm_sigv4_sign(struct rm_arena *, const struct rm_sigv4_key *, const struct rm_sigv4_in *, struct rm_headers *to);

#endif
