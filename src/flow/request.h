// One client request on its way through remora: what came in, what goes out, and the call tree between. The front end makes it, flow
// answers it. One worker's thread; everything lies in the request's arena.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_REQUEST_H
#define FLOW_REQUEST_H

#include "flow/plan.h"
#include <remora/call.h>
#include <remora/policy.h>
#include <remora/transport.h>

struct rm_request;
struct rm_shadows; // shadow.h

// What goes to the client. Filled by flow; header slices live in the request's arena or the plan.
struct rm_reply {
    int status;
    struct rm_headers headers;  // Content-Length, Transfer-Encoding, Connection and Date are the front end's
    struct rm_buf body;         // of a whole reply; the front end frees it, after a cancel too
    struct rm_refs *refs;       // what belongs into it and lies elsewhere in the request; NULL: nothing
    int64_t length;             // of a streamed reply: bytes to come, -1 when unknown
    struct rm_headers trailers; // of a streamed reply, before end()
};

// The way back, implemented by the front end. Exactly one of { whole } or { head, chunk*, end | cut } happens per request, from the
// loop's ready queue or a descriptor's callback, never from inside rm_request_start(). After whole, end or cut flow never touches the
// request again: the front end frees it.
struct rm_reply_sink {
    void (*whole)(struct rm_request *);
    void (*head)(struct rm_request *); // reply.status, headers, length are set
    int (*chunk)(struct rm_request *,
                 struct rm_str data); // all or nothing: RM_OK, or RM_AGAIN: rm_request_writable() follows
    // May be NULL. The same bytes can be taken by rm_request_read(), without a copy: true, and it is told again after RM_AGAIN.
    bool (*readable)(struct rm_request *);
    void (*end)(struct rm_request *); // the body ended well; trailers are set
    void (*cut)(struct rm_request *); // the body broke: the client must see a broken answer
};

struct rm_request {
    struct rm_arena arena;
    struct rm_loop *loop;
    struct rm_flow *flow;
    const struct rm_endpoint *endpoint;
    const struct rm_reply_sink *out;
    struct rm_shadows *shadows; // its worker's; NULL only where no endpoint is
    // In: constant after rm_request_start().
    struct rm_str query;           // raw, without '?'
    struct rm_str *params;         // decoded, in the order of endpoint->conf->params
    struct rm_headers headers;     // all of the client's, after the guard, as they came
    struct rm_str host;            // the client's Host
    struct rm_str client_ip;       // behind trusted proxies
    bool peer_trusted;             // the peer is one of these
    struct rm_str body;            // buffered body
    bool has_body;                 // there was one (possibly empty: Content-Length: 0 is a body of no bytes)
    struct rm_body_source *source; // instead of body, only where endpoint->streams
    // Out.
    struct rm_reply reply;
    bool completed;    // X-Krakend-Completed: true was said; for the access log
    struct rm_err err; // the first failure, for the access log
    struct rm_call *root;
    // Where policies look at it; NULL elsewhere.
    struct rm_visit *visit;
    struct rm_call *gate; // runs before the root: a check waits, or has refused
};

// Starts the endpoint's call tree. Never answers before it returns.
void rm_request_start(struct rm_request *);
void rm_request_go(struct rm_request *); // for the gate: all checks are passed
// The client is gone, or the front end gives up: cancels every call under it. Nothing arrives afterwards. Also fine when it is over.
void rm_request_cancel(struct rm_request *);
void rm_request_writable(struct rm_request *);   // after chunk() said RM_AGAIN
void rm_request_body_ready(struct rm_request *); // the source has bytes, ended or broke
// After readable() said true. > 0 bytes, RM_AGAIN, or 0: nothing more comes this way, end() or cut() follows.
int64_t rm_request_read(struct rm_request *, char *to, size_t n);

// Replies that no endpoint makes (404, 405, 413, …): status, X-Krakend and X-Krakend-Completed: false where KrakenD has them.
void rm_reply_plain(struct rm_request *, const struct rm_plan *, int status, struct rm_str content_type,
                    struct rm_str body);

#endif
