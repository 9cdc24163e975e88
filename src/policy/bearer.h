// OAuth2 client credentials (auth/client-credentials, RFC 6749 4.4): a token of remora's own for a backend, as an awaited value, and the admission
// that puts it into each call.
// SPDX-License-Identifier: Apache-2.0
#ifndef POLICY_BEARER_H
#define POLICY_BEARER_H

#include "policy/awaited.h"
#include <remora/policy.h>

#define RM_BEARER_BYTES_MOST ((size_t)64 << 10) // of the server's answer

extern const struct rm_admission_ops rm_admission_bearer;
void *rm_bearer_new(struct rm_arena *plan, struct rm_awaited *from);

// An answer of the token's server (RFC 6749 5.1). *lasts_us: until it is over; 0: it does not say. An error, and the token before stays.
int rm_bearer_put(struct rm_awaited *, struct rm_str text, uint64_t now_us, uint64_t *lasts_us,
                  struct rm_err *err) RM_MUST_CHECK;

#endif
