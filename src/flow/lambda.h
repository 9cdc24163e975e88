// A backend that is an AWS Lambda function (backend/lambda): what it is asked, the signature of the request, and what its answer is worth. In
// between it is a backend like others: an exchange, a deadline, counts, policies, steps.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_LAMBDA_H
#define FLOW_LAMBDA_H

#include "flow/part.h"

struct rm_lambda;

// RM_ECONF: the environment has no credentials.
int rm_lambda_compile(struct rm_arena *, const struct rm_conf_backend *, const struct rm_conf_endpoint *,
                      const struct rm_lambda **out, struct rm_err *err) RM_MUST_CHECK;

// Target, headers and payload (of a GET: the endpoint's parameters) into the ask; an error there when it cannot be asked.
void rm_lambda_ask(const struct rm_lambda *, struct rm_request *, struct rm_ask *);
// The exchange as it is about to start gets its signature.
void rm_lambda_sign(const struct rm_lambda *, struct rm_exchange *);
// The pause before the call is made again, after `times` of them; 0: the answer counts.
uint64_t rm_lambda_pause_us(const struct rm_lambda *, int status, uint32_t times);
// The answer as data: the exchange itself, or what an API Gateway would have made of it. NULL: the function has failed.
const struct rm_exchange *rm_lambda_answer(const struct rm_lambda *, struct rm_arena *, const struct rm_exchange *,
                                           struct rm_err *err);

#endif
