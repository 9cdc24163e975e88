// A backend of the plan, and what becomes of its answer. The call is in part.h.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_BACKEND_H
#define FLOW_BACKEND_H

#include "flow/part.h"
#include "flow/url.h"

struct rm_graphql; // graphql.h
struct rm_lambda;  // lambda.h

struct rm_backend_step {
    const struct rm_step_ops *ops;
    const void *self;
};

// Immutable; in the plan's arena.
struct rm_backend {
    const struct rm_conf_backend *conf;
    uint32_t index;           // in its endpoint
    uint32_t view, transport; // in the plan
    struct rm_str method;
    struct rm_url url;
    struct rm_filter headers;           // second filter; all: there is none
    const struct rm_codec_ops *decoder; // NULL (no-op): whatever it answers contributes nothing
    struct rm_backend_step *steps;      // in the order that they are applied
    uint32_t n_steps;
    uint32_t open_depth;
    uint64_t timeout_us; // its own; 0: the endpoint's
    const struct rm_graphql *graphql; // NULL: none
    const struct rm_lambda *lambda;   // NULL: it is none
    struct rm_str error_key;          // return_error_details: "error_x"; empty: off
    const struct rm_admissions *admissions; // NULL: none
    const struct rm_http_cache *cache;      // policy/http_cache.h; NULL: none
};

// answer.c: an answer's status, body and steps, into `out` (answered, complete, data, err, own_body, own_type).
void rm_answer_take(const struct rm_backend *, const struct rm_exchange *, struct rm_part *out);

#endif
