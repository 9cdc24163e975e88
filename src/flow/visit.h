// A client's request as policies see it (include/remora/policy.h), the service's checks of it, and the answer of a policy that refused.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_VISIT_H
#define FLOW_VISIT_H

#include "flow/request.h"

// Made when it is asked for first; what the request has by now.
struct rm_visit *rm_visit_of(struct rm_request *);

// The service's checks, on a request that may have no endpoint. False: rq->reply is what the client gets.
bool rm_visit_service(struct rm_request *, const struct rm_checks *, bool is_health);

// Fills rq->reply and rq->err; the refusal has a status.
void rm_visit_refuse(struct rm_request *, const struct rm_refusal *);

#endif
