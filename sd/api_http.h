// Requests to an HTTP API, on the discovery loop. What k8s_watch.c needs of it is an interface, so that tests can play the server;
// api_http.c is the real one.
// SPDX-License-Identifier: Apache-2.0
#ifndef SD_API_HTTP_H
#define SD_API_HTTP_H

#include <remora/base.h>
#include <remora/loop.h>

struct rm_api_call;

struct rm_api {
    // `target` is path and query, copied. Nothing is called back from inside start.
    void (*start)(struct rm_api *, struct rm_api_call *, struct rm_str target);
    void (*cancel)(struct rm_api *, struct rm_api_call *); // nothing is called back any more. Never from inside `data`
};

// One request after the other. Belongs to the caller; zeroed, with its functions set, before its first start.
struct rm_api_call {
    void (*head)(struct rm_api_call *); // the status is known
    int (*data)(struct rm_api_call *,
                struct rm_str); // a piece of the body; anything but RM_OK ends the call with that code
    void (*done)(struct rm_api_call *);
    struct rm_str form; // what is posted, application/x-www-form-urlencoded; empty: a GET. Until it is done
    bool compress; // ask for gzip where the library can undo it: not for a stream, which would wait in its buffers
    // The answer.
    int status;              // 0: there is none
    uint64_t retry_after_us; // Retry-After in seconds; 0: none
    struct rm_err err;       // RM_OK: the answer is whole, whatever its status
    void *impl;              // the client's; NULL while nothing runs
};

// ---- the real one ------------------------------------------------------------------------------------------------------

// Where the server is and how to prove who we are; asked anew for each request. In the arena. An error fails that request.
struct rm_api_target {
    struct rm_str scheme, host; // IPv6 without brackets; a name is resolved by resolve.h
    uint16_t port;
    struct rm_str base_path;
    struct rm_str token;   // "": none is sent
    struct rm_str user, password; // of Basic authentication; user "": none
    struct rm_str ca_file; // "": the system's authorities. Read again for each connection
};
struct rm_api_client;
int rm_api_client_new(struct rm_api_client **out, struct rm_loop *,
                      int (*where)(void *arg, struct rm_arena *, struct rm_api_target *, struct rm_err *), void *arg,
                      struct rm_err *err) RM_MUST_CHECK;
struct rm_api *rm_api_client_api(struct rm_api_client *);
void rm_api_client_free(struct rm_api_client *); // no call may run; closes the connections. NULL is fine

#endif
