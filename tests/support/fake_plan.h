// A plan made by hand, without the configuration loader: endpoints by "METHOD /path", defaults as rm_conf_load() has them. What it
// made can be changed until the router or the front end takes it.
// SPDX-License-Identifier: Apache-2.0
#ifndef SUPPORT_FAKE_PLAN_H
#define SUPPORT_FAKE_PLAN_H

#include "flow/plan.h"

// `endpoints` ends in NULL. A path that begins with "/stream" makes an endpoint that streams.
struct rm_plan *fake_plan_new(struct rm_arena *, const char *const *endpoints, struct rm_budget *budget);

#endif
