// validation/json-schema: a check that a client's body is JSON that fits a schema.
// SPDX-License-Identifier: Apache-2.0
#ifndef POLICY_BODIES_H
#define POLICY_BODIES_H

#include "value/json_schema.h"
#include <remora/policy.h>

// The schema and the budget (may be NULL) outlive the plan. What the body's values take is charged while they are checked.
void *rm_bodies_new(struct rm_arena *plan, const struct rm_schema *, const struct rm_json_limits *, struct rm_budget *);
extern const struct rm_check_ops rm_check_bodies;

#endif
