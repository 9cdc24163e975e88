// The gate: asks an endpoint's checks (include/remora/policy.h), one after the other, before anything else of it runs.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_GATE_H
#define FLOW_GATE_H

#include "flow/request.h"

// True: all let it pass. False: the gate answers through rq->out, or waits and goes on with rm_request_go() later.
bool rm_gate_endpoint(struct rm_request *);

#endif
