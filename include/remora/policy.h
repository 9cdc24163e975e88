// Policies: what is asked of a client's request before any backend is asked (a check), and of a backend's call before it and after it
// (an admission). Each is opened at load, by a function of its own header in src/policy, and is immutable or made of atomics afterwards:
// any worker asks it. What it must give back it registers with rm_arena_defer() of the plan's arena. What is not configured is left out of
// the plan, so that it costs one test for NULL.
// SPDX-License-Identifier: Apache-2.0
#ifndef REMORA_POLICY_H
#define REMORA_POLICY_H

#include <remora/base.h>
#include <remora/call.h>
#include <remora/transport.h>
#include <remora/value.h>

// How a policy turns a client's request away.
struct rm_refusal {
    // Of an answer of the policy's own, which has none of KrakenD's headers, as it comes from before the endpoint. 0: the endpoint has
    // failed with `err`, and is answered as any failure of it is (err.status is its status, where it has one).
    int status;
    struct rm_headers headers;
    struct rm_str type, body; // may be empty
    struct rm_err err;        // why: for the log and the counts, by its code
};

// A client's request as policies see it. Slices of the request, which live as long as it.
struct rm_visit {
    struct rm_arena *arena; // the request's
    struct rm_loop *loop;   // its worker's
    // In.
    struct rm_headers
        *headers;        // all of the client's. A check may add and change: backends get those that input_headers names
    struct rm_str query; // raw, without '?'
    struct rm_str host;
    struct rm_str client_ip;     // behind trusted proxies
    bool peer_trusted;           // the peer is one of these: what it says of its client counts
    struct rm_str method, path;  // for the service's checks only; as they came
    bool is_tls;                 // likewise
    const struct rm_str *params; // for an endpoint's only: decoded, in the order of its parameters
    struct rm_str body;          // likewise; nothing where it is streamed
    bool has_body;
    // Out.
    struct rm_headers
        always; // of every answer to this request, whoever makes it; names that are there already are replaced, but Vary
    struct rm_refusal refusal; // zeroed before
    struct rm_value *claims;   // an object: what a token says, where one was checked
};

struct rm_check_ops {
    const char *name; // KrakenD's namespace, "qos/ratelimit/router"
    // RM_OK: go on. RM_AGAIN: something must be had first, see wait(). Another code: refused, and visit->refusal says how.
    int (*apply)(const void *self, struct rm_visit *);
    // NULL: it never says RM_AGAIN; no check of the service does. Else the call that waits, new, in the request's arena. However it ends,
    // apply() is asked once more, and RM_AGAIN is a failure then. The endpoint's timeout bounds it.
    struct rm_call *(*wait)(const void *self, struct rm_visit *, struct rm_call *up, void (*on_done)(struct rm_call *));
};

// In the order in which they are asked. In the plan.
struct rm_checks {
    uint32_t n;
    struct rm_checkpoint {
        const struct rm_check_ops *ops;
        const void *self;
        bool on_health; // of the service: asked for the health page, too
    } * v;
};

// A call of a backend as its policies see it.
struct rm_departure {
    struct rm_arena *arena; // the request's
    struct rm_loop *loop;
    struct rm_headers *headers;   // that will be sent: one may add
    const struct rm_visit *visit; // the client's; NULL where no policy has looked at it
};

struct rm_admission_ops {
    const char *name;
    // A host is known, nothing is sent. RM_OK: go on; what is written into *ticket comes back to leave(). RM_AGAIN: as a check's. Another
    // code, with *err: the call fails, and no host is asked.
    int (*enter)(const void *self, struct rm_departure *, uint64_t *ticket, struct rm_err *err);
    struct rm_call *(*wait)(const void *self, struct rm_departure *, struct rm_call *up,
                            void (*on_done)(struct rm_call *)); // NULL: as above
    // May be NULL. After enter() said RM_OK, once: RM_OK, the code of the failure, or RM_ECANCEL when nobody wants the answer any more.
    void (*leave)(const void *self, uint64_t ticket, uint64_t now_us, int code);
};

// As checks; left in the opposite order.
struct rm_admissions {
    uint32_t n;
    struct rm_admission {
        const struct rm_admission_ops *ops;
        const void *self;
    } * v;
};

#endif
