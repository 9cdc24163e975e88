// A loop, a transport, a scripted backend and exchanges between them, for the tests of net/.
// SPDX-License-Identifier: Apache-2.0
#ifndef SUPPORT_NET_RIG_H
#define SUPPORT_NET_RIG_H

#include "backend.h"

#include <remora/transport.h>

// The engine that rig_set_up() takes. The same cases hold for each one; where an engine cannot but differ, the case says why.
extern const struct rm_transport_ops *rig_net;
// The tests of a program with every engine, one group each. 0: all passed.
#define rig_run_tests(tests, set_up_all, tear_down_all)                                                                \
    (rig_net = &rm_transport_h1, cmocka_run_group_tests_name("h1", tests, set_up_all, tear_down_all)) +                \
        (rig_net = &rm_transport_curl, cmocka_run_group_tests_name("curl", tests, set_up_all, tear_down_all))

struct rig {
    const struct rm_transport_ops *net;
    struct rm_loop *loop;
    struct rm_arena arena; // of all exchanges
    struct rm_transport_conf conf;
    void *engine;
    struct backend backend;
    struct rm_host host; // the backend's
    struct rig_call *calls; // that run, the newest first
    unsigned running;       // how many
    uint64_t turns;
    bool (*until)(struct rig *);
    struct rm_hook hook;
    struct rm_timer guard;
};

// An exchange, what came of it, and how its body comes and goes.
struct rig_call {
    struct rig *rig;
    struct rig_call *next;
    struct rm_exchange *x;
    bool done;
    int code;
    struct rm_err err;
    // Sink: takes what comes, counted; keeps the first bytes.
    struct rm_answer_sink sink;
    bool streams;
    bool refuses_body;
    unsigned heads, chunks;
    bool reads;        // by itself, where the engine lets it: into a buffer of so many bytes
    size_t read_bytes; // at a time
    bool read_later;   // not before rig_read_on()
    unsigned told;     // that it can
    struct rm_task read;
    uint64_t got;
    char first[256];
    uint64_t again_at; // says RM_AGAIN once so many bytes are there, until rig_resume(); 0: never
    int fail_with;     // instead of taking a chunk
    void (*on_chunk)(struct rig_call *);
    void (*on_head)(struct rig_call *);
    // Source.
    struct rm_body_source source;
    uint64_t left;    // bytes to give
    uint64_t hold_at; // says RM_AGAIN when `given` is this, until rig_feed(); 0: never
    uint64_t given;
    int source_fails; // at the end of `left`
    unsigned starved;
};

void rig_set_up(struct rig *, const struct backend_tls *); // no engine yet: conf can be changed
void rig_open(struct rig *);                               // the engine, by conf
void rig_tear_down(struct rig *);

struct rig_call *rig_call(struct rig *, const char *method, const char *target); // deadline: far away
void rig_header(struct rig_call *, const char *name, const char *value);
void rig_stream(struct rig_call *);                                  // into the sink instead of x->body_out
void rig_feed_from(struct rig_call *, uint64_t bytes, bool chunked); // the source gives so many 'y'
void rig_start(struct rig_call *);
void rig_cancel(struct rig_call *);
void rig_resume(struct rig_call *);              // its sink can take again
void rig_body_ready(struct rig_call *);          // its source has bytes
void rig_reads(struct rig_call *, size_t bytes); // streams, and reads that many at a time
void rig_read_on(struct rig_call *);             // after read_later
void rig_deadline(struct rig_call *, uint64_t from_now_us);

void rig_run(struct rig *);                                    // until no exchange is running
void rig_run_until(struct rig *, bool (*until)(struct rig *)); // fails when it takes a minute
void rig_turns(struct rig *, unsigned ms); // lets the loop run for a while: to see that nothing happens
// Starts it, waits for its end and gives the code back.
int rig_do(struct rig_call *);
struct rig_call *rig_get(struct rig *, const char *target); // rig_do() of a plain GET

const char *rig_body(const struct rig_call *);                           // the collected body as a C string
const char *rig_answer_field(const struct rig_call *, const char *name); // NULL: none

#endif
