// The root of a request that is decoded, merged and encoded.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_ENDPOINT_H
#define FLOW_ENDPOINT_H

#include "flow/part.h"

// rm_call_start() starts it, rm_call_cancel() ends it; when it is over it answers through rq->out.
struct rm_call *rm_endpoint_new(struct rm_request *);

// What is asked of each backend; where a client's parameter cannot be used, RM_EPARAM with status 400 before anything is asked. Targets
// that need earlier answers are left empty. The array is in the request's arena.
int rm_endpoint_asks(struct rm_request *, struct rm_ask **out, struct rm_err *err) RM_MUST_CHECK;

#endif
