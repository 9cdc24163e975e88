// A scripted HTTP backend of raw bytes on 127.0.0.1, in the same loop as what it tests: non-blocking, no thread. Each connection
// walks through a list of steps; what it received and how it ended is written down.
// SPDX-License-Identifier: Apache-2.0
#ifndef SUPPORT_BACKEND_H
#define SUPPORT_BACKEND_H

#include <remora/loop.h>

enum backend_do {
    BACKEND_END,     // nothing more: the connection stays open and unread
    BACKEND_REQUEST, // take a whole request
    BACKEND_HEAD,    // take a request's head; its body stays unread
    BACKEND_TAKE,    // take n bytes of whatever comes
    BACKEND_SEND,    // send bytes
    BACKEND_FILL,    // send n times 'x'
    BACKEND_CHUNKS,  // send n bytes of 'x' in chunks of 16 KiB, without the last chunk
    BACKEND_HOLD,    // wait for backend_go()
    BACKEND_CLOSE,   // close; with unread bytes that is a reset
    BACKEND_SHUT,    // end of our bytes only
    BACKEND_RESET,   // RST
    BACKEND_AGAIN,   // from the first step
};

struct backend_step {
    enum backend_do what;
    const char *bytes;
    size_t n; // 0 with bytes: a C string
};

// How to speak TLS; tls.h has one. NULL in backend_start(): plain text.
struct backend_tls {
    void *(*accept)(const struct backend_tls *, int fd);
    // Like read() and write(); *again with -1: would block. 0 from recv: the end.
    int64_t (*recv)(void *session, char *to, size_t n, bool *again);
    int64_t (*send)(void *session, const char *p, size_t n, bool *again);
    void (*free)(void *session, bool politely);
};

struct backend {
    struct rm_loop *loop;
    const struct backend_tls *tls;
    struct rm_fd listener;
    uint16_t port;
    // Connection i gets the i-th script, all further ones the last.
    const struct backend_step *scripts[8];
    size_t n_scripts;
    struct backend_conn *conns;
    // What happened.
    unsigned accepted, open, holding, requests;
    unsigned peer_closed; // connections that the other side ended, politely or not
    struct rm_buf head;   // the last request's, with its empty line
    struct rm_buf body;   // the last request's, without chunk framing: its first 1 MiB
    uint64_t body_n;      // all of it
    bool body_chunked, body_whole;
    uint64_t sent; // bytes, on all connections
};

void backend_start(struct backend *, struct rm_loop *, const struct backend_tls *);
void backend_stop(struct backend *);
void backend_script(struct backend *, const struct backend_step *steps); // one more script
void backend_go(struct backend *);                                       // all that hold go on

// The value of a field of the last request, "" when empty, NULL when there is none. Valid until the next call.
const char *backend_field(const struct backend *, const char *name);
unsigned backend_count_field(const struct backend *, const char *name);
bool backend_line_is(const struct backend *, const char *request_line);

#endif
