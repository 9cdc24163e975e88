// Keys that verify signatures, and the verification (RFC 7518, RFC 8037). What a key can verify follows from the key alone. Immutable: any
// thread, many at a time.
// SPDX-License-Identifier: Apache-2.0
#ifndef POLICY_SIGNATURE_H
#define POLICY_SIGNATURE_H

#include "value/jws.h"

struct rm_sig_key;

// From a JWK's decoded members, which lie in the arena; freed with it. RM_EDENIED with why: too weak (RSA below 2048 bits, a secret below 16 bytes), not on its
// curve, or of a kind that remora has not.
int rm_sig_secret(struct rm_arena *, struct rm_str k, struct rm_sig_key **out, struct rm_err *err) RM_MUST_CHECK;
int rm_sig_rsa(struct rm_arena *, struct rm_str n, struct rm_str e, struct rm_sig_key **out,
               struct rm_err *err) RM_MUST_CHECK;
int rm_sig_ec(struct rm_arena *, struct rm_str curve, struct rm_str x, struct rm_str y, struct rm_sig_key **out,
              struct rm_err *err) RM_MUST_CHECK;
int rm_sig_okp(struct rm_arena *, struct rm_str curve, struct rm_str x, struct rm_sig_key **out,
               struct rm_err *err) RM_MUST_CHECK;

// Whether the key is of this algorithm's kind, and curve.
bool rm_sig_fits(const struct rm_sig_key *, enum rm_jws_alg);
// The key fits the algorithm. A comparison of secrets takes as long whatever differs.
bool rm_sig_verify(const struct rm_sig_key *, enum rm_jws_alg, struct rm_str input, struct rm_str signature);

#endif
