// JWK sets (RFC 7517): the keys that may have signed a token. Immutable once read; freed with the arena.
// SPDX-License-Identifier: Apache-2.0
#ifndef POLICY_JWK_H
#define POLICY_JWK_H

#include "policy/signature.h"

#define RM_JWK_SET_BYTES_MOST ((size_t)512 << 10)
#define RM_JWK_SET_KEYS_MOST 200

struct rm_jwk {
    struct rm_str kid, x5t, x5t_s256; // "" where there is none
    struct rm_str alg;                // the only one that it may be used with; "": any that fits
    struct rm_sig_key *key;
};

struct rm_jwk_set {
    struct rm_jwk *v;
    uint32_t n;
    uint32_t n_left_out;
    struct rm_err left_out; // why the last of those was: kinds that remora has not, for other uses than signatures, too weak
};

// Members of a set that cannot be used are left out (RFC 7517 5); a set that is none is RM_EDECODE or RM_ETOOBIG.
int rm_jwk_set_read(struct rm_arena *, struct rm_str text, struct rm_jwk_set *out, struct rm_err *err) RM_MUST_CHECK;

enum rm_jwk_by { RM_JWK_BY_KID, RM_JWK_BY_X5T, RM_JWK_BY_X5T_S256, RM_JWK_BY_KID_X5T }; // KrakenD's key_identify_strategy

// The key that the token names, if it may be used with this algorithm; NULL: none. A token that names none has keys without a name.
const struct rm_jwk *rm_jwk_find(const struct rm_jwk_set *, enum rm_jwk_by, const struct rm_jws *, enum rm_jws_alg);
// Whether any key of the set may be used with it.
bool rm_jwk_has(const struct rm_jwk_set *, enum rm_jws_alg);

#endif
