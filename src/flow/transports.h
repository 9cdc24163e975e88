// What a plan's backends are asked over: distinct transports, each with its settings. Opens none: that is a worker's (flow.h).
// SPDX-License-Identifier: Apache-2.0
#ifndef REMORA_FLOW_TRANSPORTS_H
#define REMORA_FLOW_TRANSPORTS_H

#include <remora/transport.h>

struct rm_conf_backend;
struct rm_plan;

struct rm_plan_transport {
    const struct rm_transport_ops *ops;
    struct rm_transport_conf conf; // its texts are the plan's configuration's
};

// Its index in plan->transports, which has room for one a backend. Backends whose transport and settings are equal share one.
uint32_t rm_plan_add_transport(struct rm_plan *, const struct rm_conf_backend *);

// Equal ones may share what one of them has opened, over a reload too.
bool rm_plan_transport_same(const struct rm_plan_transport *, const struct rm_plan_transport *);

#endif
