// auth/validator: lets a request pass that brings a token which one of the configured keys has signed and whose claims fit; tells backends
// of them (krakend-behaviour.md §10.7).
// SPDX-License-Identifier: Apache-2.0
#ifndef POLICY_JWT_H
#define POLICY_JWT_H

#include "policy/claims.h"
#include "policy/jwk.h"
#include "policy/keyring.h"
#include <remora/policy.h>

extern const struct rm_check_ops rm_check_jwt; // 401, 403

struct rm_jwt_header {
    struct rm_names claim;
    struct rm_str header;
};

struct rm_jwt {
    enum rm_jws_alg alg; // the only one
    enum rm_jwk_by by;
    struct rm_str header, cookie; // where a token is looked for, in this order
    struct rm_claim_rules rules;
    const struct rm_jwt_header *propagate;
    size_t n_propagate;
    bool logs; // operation_debug: a line for each refusal
    struct rm_jwk_set keys;  // of a file, or
    struct rm_awaited *ring; // of a jwk_url: a token whose key is not there waits for it
};

// Reads a file of keys into jwt->keys: at load. RM_ECONF with why, also where none of them can be used with jwt->alg.
int rm_jwt_open_file(struct rm_jwt *, struct rm_arena *plan, struct rm_str path, struct rm_err *err) RM_MUST_CHECK;

#endif
