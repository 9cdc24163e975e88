// The engine on a bench: a configuration as text, the scripted transport below it, a client that writes down what it gets, and
// virtual time. Link with flow_rig.c, transport.c and vloop.c, layers flow, codec, step; not sd: the rig brings the provider "static".
// SPDX-License-Identifier: Apache-2.0
#ifndef SUPPORT_FLOW_RIG_H
#define SUPPORT_FLOW_RIG_H

#include "flow/flow.h"
#include "flow/shadow.h"
#include "transport.h"
#include "vloop.h"

struct flow_rig {
    struct rm_loop *loop;
    struct rm_plan *plan;
    struct rm_flow *flow;
    struct rm_block_cache *blocks;
    struct rm_shadows shadows;
    int held; // the flow, by shadow calls
    struct rm_budget budget;
    struct fake_transport net;
    struct rm_plan_transport transport, *transports[1]; // the plan's, with the fake in the real one's place
    struct rm_cache *cache;
    struct rm_cache_entry **entries;
    struct rm_arena arena;
};

// `members` are the root's but "version", with ' for ". Hosts are "http://ADDRESS:PORT"; "http://0.0.0.0:1" alone is an empty list.
void flow_rig_start(struct flow_rig *, const char *members, struct fake_answer *answers, size_t n_answers);
// Also checks that everything came back: exchanges, bodies' budget, timers, hosts.
void flow_rig_stop(struct flow_rig *);
// The configuration alone.
struct rm_conf *flow_rig_conf(struct rm_arena *, const char *members);

// What a client sends; zero members are left out.
struct flow_ask {
    uint32_t endpoint;     // index in the configuration
    const char *params[4]; // decoded
    const char *query;
    const char *headers[8]; // "Name: value"
    const char *body;
    struct rm_body_source *source;
};

// A request and what came of it. The request's memory is gone as soon as it is over, as the front end does it.
struct flow_client {
    struct rm_request rq;
    // How the client takes a stream.
    size_t accept_n; // chunks to take before saying RM_AGAIN; SIZE_MAX: all
    int n_again;
    // What came.
    int n_whole, n_head, n_chunk, n_end, n_cut;
    bool over;
    int status;
    const char *headers;  // "Name: value\n" each
    const char *trailers; // likewise
    const char *body;
    size_t body_n;
    int64_t length;
    uint32_t n_refs;   // parts of the whole reply that were not copied
    size_t held_bytes; // of the bodies' budget, when the whole reply came
    bool completed;
    struct rm_err err;
    uint64_t started_us, over_us;
    struct flow_rig *rig;
};

struct flow_client *flow_start(struct flow_rig *, const struct flow_ask *);
// Starts it and runs until nothing more happens.
struct flow_client *flow_run(struct flow_rig *, const struct flow_ask *);
// The client goes away: cancels, and frees the request.
void flow_hang_up(struct flow_client *);
void flow_take(struct flow_client *, size_t n_chunks); // the client has room for so many more chunks
// An answer that waits (FAKE_WAITS) comes at this time. When said before a request's start, before the request's own deadlines, as
// descriptors come before timers.
void flow_poke_at(struct flow_rig *, const char *target, uint64_t at_us);
// The value of a header in "Name: value\n" text, in the rig's arena; NULL: there is none.
const char *flow_header(struct flow_client *, const char *name);

#endif
