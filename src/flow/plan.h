// The plan: the configuration made ready to be walked. Small immutable arrays; every name is resolved, every step opened, every URL
// cut into pieces, every header list compiled, every timeout a number. Counted, so that a reload can swap it.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_PLAN_H
#define FLOW_PLAN_H

#include "conf/conf.h"
#include "flow/filter.h"
#include "flow/transports.h"
#include "pool/balance.h"
#include <remora/codec.h>
#include <remora/policy.h>
#include <remora/sd.h>
#include <remora/step.h>

#define RM_VERSION_HEADER_NAME "X-Krakend"

struct rm_backend;      // flow/backend.h
struct rm_policy_cells; // policy/cell.h
struct rm_awaited;      // policy/awaited.h

// What the plan needs from elsewhere while it serves: the keys of a jwk_url, or a token for a backend (with a client's name).
struct rm_plan_fetch {
    struct rm_awaited *to;
    struct rm_str url, ca_file;           // "": the system's authorities
    struct rm_str client, secret, form;   // of a token; form: what is posted beside them, encoded
    uint64_t refresh_us, cooldown_us;     // refresh_us 0: when it is over
};

struct rm_endpoint {
    const struct rm_conf_endpoint *conf;
    uint32_t index; // in the plan
    bool streams;   // no-op: the bodies go through as they come, in both directions
    // What is below is flow's own.
    const struct rm_codec_ops *encoder; // NULL: no-op
    uint64_t deadline_us;               // of the whole: the endpoint's timeout
    uint64_t group_us;                  // 85 % of it with several backends or a sequence, else the whole
    uint32_t calls;                     // of each backend at once: concurrent_calls; 1 where it streams
    uint64_t race_us;                   // 75 % of the whole, for several of them
    struct rm_filter headers;           // which of the client's go on
    const struct rm_checks *checks;     // NULL: none
    struct rm_str cache_control;        // "public, max-age=90", or empty
    void *flatmap;                      // rm_step_flatmap on the merged answer; NULL: none
    struct rm_backend *backends;        // those that make the answer, then the shadow backends
    uint32_t n_backends, n_shadows;
    const struct rm_endpoint *shadow;   // asks the shadow backends (shadow.h); NULL: there is none to ask
    uint32_t first_count; // its first backend's place in a worker's counts (counts.h)
};

// What a worker has one view for.
struct rm_plan_view {
    uint32_t source;
    struct rm_balance balance;
};

struct rm_plan {
    _Atomic uint32_t refs;
    struct rm_arena arena;
    struct rm_conf *conf; // owned
    struct rm_endpoint *endpoints;
    uint32_t n_endpoints, n_backends; // n_backends: of all endpoints
    const struct rm_source *sources; // distinct ones
    uint32_t n_sources;
    const struct rm_plan_view *views; // distinct ones; a backend names its by index
    uint32_t n_views;
    struct rm_plan_transport **transports; // distinct ones; a backend names its by index
    uint32_t n_transports;
    struct rm_plan_fetch *fetches; // distinct ones
    uint32_t n_fetches;
    struct rm_budget *budget;       // of bodies; of the process, not of the plan
    const struct rm_checks *checks; // of every request, before the endpoint's; NULL: none
    struct rm_policy_cells *cells;  // of the process, likewise; NULL: the plan has its own
    struct rm_str version_header; // value of X-Krakend: "Version 0.1.0" or "Version undefined" (hide_version_header)
    struct rm_str user_agent;     // "remora/0.1.0" towards backends
};

// Takes the configuration over, also when it fails. `budget` and `cells` outlive the plan; without them (NULL) it counts for itself.
int rm_plan_new(struct rm_plan **out, struct rm_conf *, struct rm_budget *budget, struct rm_policy_cells *cells,
                struct rm_err *err) RM_MUST_CHECK;
struct rm_plan *rm_plan_ref(struct rm_plan *);
void rm_plan_unref(struct rm_plan *);

#endif
