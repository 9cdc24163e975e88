// CORS (security/cors, WHATWG Fetch 3.2): which origins' scripts may read answers; the preflight is answered here. Nothing is refused: a
// browser that misses the headers refuses by itself.
// SPDX-License-Identifier: Apache-2.0
#ifndef POLICY_CORS_H
#define POLICY_CORS_H

#include <remora/policy.h>

// Lists and texts live as long as the plan.
struct rm_cors_rule {
    const struct rm_str *origins; // "*", "https://shop.test", "https://*.shop.test"
    size_t n_origins;
    const struct rm_str *methods; // in capitals
    size_t n_methods;
    const struct rm_str *headers; // that a client may send; "*": all
    size_t n_headers;
    const struct rm_str *exposed; // that a script may read
    size_t n_exposed;
    bool credentials, private_network;
    bool passes_preflight; // a preflight goes on to the endpoint, with its headers
    int preflight_status;
    uint64_t max_age_s; // 0: not said
};

extern const struct rm_check_ops rm_check_cors; // of the service
void *rm_cors_new(struct rm_arena *plan, const struct rm_cors_rule *);

#endif
