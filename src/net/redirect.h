// What a 3xx answer means for the next request. A pure function: flow/ counts the hops and sends the request; the engines never
// follow by themselves.
// SPDX-License-Identifier: Apache-2.0
#ifndef NET_REDIRECT_H
#define NET_REDIRECT_H

#include <remora/transport.h>

#define RM_REDIRECTS_MOST 10 // KrakenD, by Go's http.Client

struct rm_redirect_in {
    struct rm_str method;             // of the request that was answered
    struct rm_str target;             // its origin-form target: the base of a relative reference
    const struct rm_host *host;       // where it was sent
    bool has_body;                    // it had a body
    bool send_body_on_redirect;       // backend/http/client.send_body_on_redirect
    int status;                       // of the answer
    const struct rm_header *location; // its Location field; NULL: none
};

struct rm_redirect {
    struct rm_str method;
    struct rm_str target; // in the arena
    bool keep_body;
};

// 1: follow *out. 0: not a redirect (another status, or no Location): the answer is final. RM_EREDIRECT: it may not be
// followed: another scheme, host or port, a malformed Location, or a 307/308 whose body may not be sent again.
// 301, 302 and 303 turn every method but HEAD into GET and drop the body; 307 and 308 keep both (RFC 9110 15.4).
int rm_redirect_next(struct rm_arena *, const struct rm_redirect_in *, struct rm_redirect *out,
                     struct rm_err *err) RM_MUST_CHECK;

#endif
