// KrakenD's rate limits: of an endpoint and of each of its clients (qos/ratelimit/router), and of a backend (qos/ratelimit/proxy).
// SPDX-License-Identifier: Apache-2.0
#ifndef POLICY_RATELIMIT_H
#define POLICY_RATELIMIT_H

#include "policy/cell.h"
#include "policy/rate.h"
#include <remora/policy.h>

extern const struct rm_check_ops rm_check_rate;   // 503
extern const struct rm_check_ops rm_check_client; // 429
extern const struct rm_admission_ops rm_admission_rate;

// For rm_check_rate and rm_admission_rate; `key` is the cell's.
void *rm_ratelimit_new(struct rm_arena *plan, struct rm_policy_cells *, struct rm_str key, struct rm_rate);

// Who a client is. Without what says so (a header that is not there) a request is refused.
enum rm_client_by {
    RM_CLIENT_BY_IP, // behind trusted proxies; with a name: the first address of that header, where a trusted proxy sent it
    RM_CLIENT_BY_HEADER, // the header `name`
    RM_CLIENT_BY_PARAM,  // the endpoint's parameter number `param`
};
struct rm_client_limit {
    struct rm_rate rate;
    enum rm_client_by by;
    struct rm_str name; // lives as long as the plan
    uint32_t param;
};
void *rm_client_limit_new(struct rm_arena *plan, struct rm_policy_cells *, struct rm_str key,
                          const struct rm_client_limit *);

#endif
