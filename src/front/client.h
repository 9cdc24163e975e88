// One request of a client, from its request line to the last byte of its answer: what libmicrohttpd reports of it, what flow does
// for it, and which of the two may go on. Lies in its own arena, which dies when libmicrohttpd says that the request is over.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_CLIENT_H
#define FRONT_CLIENT_H

#include "flow/request.h"
#include "front/conn.h"
#include "front/spool.h"

enum rm_client_state {
    RM_CLIENT_NEW,       // its target is known
    RM_CLIENT_BODY,      // its body is collected
    RM_CLIENT_UPLOAD,    // its body goes on to flow as it comes
    RM_CLIENT_DISCARD,   // what still comes of its body is thrown away; an answer waits for the end of it
    RM_CLIENT_RUNNING,   // it is in, flow works
    RM_CLIENT_READY,     // its answer can be queued
    RM_CLIENT_SENDING,   // a whole answer goes out
    RM_CLIENT_STREAMING, // an answer goes out as it comes
    RM_CLIENT_DEAD       // the connection is to be closed
};

// A streamed body on its way up.
struct rm_upload {
    struct rm_body_source source; // flow's end
    struct rm_spool spool;
    bool waiting; // flow found nothing and wants to hear of more
    bool ended;
};

// A streamed body on its way down.
struct rm_download {
    struct rm_spool spool;
    bool waiting;  // flow had more than there was room for
    bool readable; // flow has bytes that libmicrohttpd's block can be filled with
    size_t filled; // of that block, with the last bytes: they go out when flow has had its last word
    bool ended, cut;
    bool until_close;      // its end is the end of the connection
    struct rm_task resume; // tells flow that there is room again
    size_t block;          // charged to the budget for libmicrohttpd's copy
    struct rm_timer retry; // the process-wide budget was used up: asks again
};

struct rm_client {
    struct rm_request rq; // first
    struct rm_conn *conn;
    struct rm_serving *serving; // counted: what the front end had when the request began
    enum rm_client_state state;
    bool started, over;                    // flow's call tree
    bool has_head;                         // rq.reply is of a streamed answer
    bool overdue;                          // its body is thrown away for too long
    struct rm_str method, target, version; // as they came; the target is a copy
    struct rm_str path;                    // raw, without query
    const struct rm_page *page;            // that it asks for
    int builtin;                           // enum rm_route_kind that answers once the body is in
    size_t head_bytes;                     // of its request line and headers
    size_t discarded;
    uint64_t started_us;
    uint64_t sent, received; // bytes of the answer's body, and of its own
    struct rm_buf body;
    struct rm_upload up;
    struct rm_download down;
    void *mhd_response; // libmicrohttpd's, while it lives
};

// What the caller (mhd.c) does next.
enum rm_verdict {
    RM_GO_ON,
    RM_WAIT,   // suspend; rm_mhd_resume() calls again
    RM_ANSWER, // queue what rm_answer_make() says
    RM_CLOSE
};

struct rm_client *rm_client_new(struct rm_conn *, struct rm_str target);
// In the order of libmicrohttpd's calls. The headers are in client->rq.headers; method and version live as long as the request.
enum rm_verdict rm_client_head(struct rm_client *, struct rm_str method, struct rm_str version);
enum rm_verdict rm_client_body(struct rm_client *, struct rm_str data, size_t *taken);
enum rm_verdict rm_client_end(struct rm_client *); // the request is in; again after each RM_WAIT
void rm_client_over(struct rm_client *);           // the answer is out, or the connection ends: frees

// The connection's: the client has hung up; the time of a body is over (false: it is given more).
void rm_client_gone(struct rm_client *);
bool rm_client_expired(struct rm_client *);

// Ends it: whatever it waits for is cancelled and its connection closed.
void rm_client_kill(struct rm_client *);
// For shadow calls, which outlive the request: what it is served with stays until it is released.
void *rm_client_hold(struct rm_request *);
void rm_client_release(void *held);
// For client_stream.c: a state in which libmicrohttpd is to call again.
void rm_client_wake(struct rm_client *);
void rm_client_discard(struct rm_client *); // the answer is known: what still comes of the body is thrown away

#endif
