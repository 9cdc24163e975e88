// From a configuration's policies to the plan's checks and admissions, in the order in which KrakenD runs them. The only place that knows
// which policies there are.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_POLICIES_H
#define FLOW_POLICIES_H

#include "flow/plan.h"

// Each leaves NULL where nothing is configured. RM_ECONF with a text that names no place.
int rm_policies_of_service(struct rm_plan *, struct rm_err *err);
int rm_policies_of_endpoint(struct rm_plan *, struct rm_endpoint *, struct rm_err *err);
int rm_policies_of_backend(struct rm_plan *, const struct rm_endpoint *, struct rm_backend *, struct rm_err *err);

// For rm_breaker_state(); NULL: the backend has none.
const void *rm_policies_breaker(const struct rm_backend *);

#endif
