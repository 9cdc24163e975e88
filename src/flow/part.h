// A part of an answer: what every call of flow brings back, whether it asked one backend or many.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_PART_H
#define FLOW_PART_H

#include "flow/plan.h"
#include "flow/request.h"
#include <remora/call.h>
#include <remora/value.h>

struct rm_part {
    struct rm_call call; // first. err: the failure, with a text that a client may see
    struct rm_request *rq;
    uint64_t deadline_us; // rm_loop_now_us() scale
    // Out, when the call is over.
    bool answered; // there is an answer, perhaps only a part of one: then call.err says what else failed
    bool complete;
    struct rm_value *data; // an object; NULL is a JSON null
    struct rm_str
        reasons; // of a group with failures: their texts, a line each, where the configuration shows them; else empty
    struct rm_headers passed; // response_headers of the backends that are in it
    bool fails; // a required backend has no answer: whatever there is else
    bool has_own; // return_error_code: the answer is the backend's own, body and Content-Type
    struct rm_str own_body, own_type;
};

// What is asked of a backend: the same for each host, and for each copy of a call (concurrent_calls).
struct rm_ask {
    struct rm_str target; // without the host's base path
    struct rm_headers headers;
    enum rm_gzip gzip;
    bool has_own_body;                  // own_body is sent in place of the client's
    struct rm_str own_body, more_query; // more_query: behind the target's
    struct rm_err err;                  // it cannot be asked
    struct rm_value *const *answers;    // in a sequence: of the backends before
    struct rm_fetch *fetches;           // whatever was made of it, the newest first
};
struct rm_fetch {
    struct rm_exchange *x;
    struct rm_fetch *next;
};

// One backend's place in an endpoint: a backend call, or a race of several.
struct rm_slot {
    struct rm_part part; // first
    const struct rm_backend *backend;
    struct rm_ask *ask;
    uint64_t started_us;
    // Of a failure, for the log only.
    struct rm_str where;  // "10.1.2.3:8080"
    struct rm_str detail; // what the transport said
};

struct rm_stream;

// backend.c: asks one host. `stream` NULL: the answer is collected and decoded; else its bytes go there.
struct rm_slot *rm_backend_new(struct rm_request *, const struct rm_backend *, struct rm_ask *, uint64_t deadline_us,
                               struct rm_stream *stream, struct rm_call *up, void (*on_done)(struct rm_call *));
struct rm_exchange *rm_backend_exchange(struct rm_slot *); // of a backend call: the running one; NULL: none

// rm_request_read() for it.
int64_t rm_backend_pull(struct rm_slot *, char *to, size_t n);

// race.c: concurrent_calls of them, the first complete answer wins.
struct rm_slot *rm_race_new(struct rm_request *, const struct rm_backend *, struct rm_ask *, uint64_t deadline_us,
                            struct rm_call *up, void (*on_done)(struct rm_call *));

// slot.c: what both begin with; the slot is zeroed.
void rm_slot_init(struct rm_slot *, const struct rm_call_ops *, struct rm_request *, const struct rm_backend *,
                  struct rm_ask *, uint64_t deadline_us, struct rm_call *up, void (*on_done)(struct rm_call *));
// Whichever of the two the endpoint asks for; the backend's own timeout counts from its start.
struct rm_slot *rm_slot_new(struct rm_request *, const struct rm_backend *, struct rm_ask *, uint64_t deadline_us,
                            struct rm_call *up, void (*on_done)(struct rm_call *));
void rm_slot_start(struct rm_slot *);
// The time is over: takes the result where there is one already, else cancels and leaves a timeout. Its on_done does not run.
void rm_slot_expire(struct rm_slot *);
// One warning about a failed one; nothing about others.
void rm_slot_log(const struct rm_slot *);

// all.c, seq.c: all backends of the endpoint; asks[i] is for backend i.
struct rm_part *rm_all_new(struct rm_request *, struct rm_ask *asks, uint64_t deadline_us, struct rm_call *up,
                           void (*on_done)(struct rm_call *));
struct rm_part *rm_seq_new(struct rm_request *, struct rm_ask *asks, uint64_t deadline_us, struct rm_call *up,
                           void (*on_done)(struct rm_call *));

#endif
