// The keys of a jwk_url as an awaited value.
// SPDX-License-Identifier: Apache-2.0
#ifndef POLICY_KEYRING_H
#define POLICY_KEYRING_H

#include "policy/awaited.h"
#include "policy/jwk.h"

struct rm_keys {
    struct rm_awaited_value value; // first
    struct rm_jwk_set set;
};

// Replaces the keys. An error, and they stay: no set of keys, or none in it that can be used.
int rm_keyring_put(struct rm_awaited *, struct rm_str text, struct rm_err *err) RM_MUST_CHECK;

#endif
