// Signed tokens in compact form (RFC 7515 7.1, RFC 7519). What a header says is only a claim until the signature fits: here nothing is
// verified, and nothing is chosen by what stands in it. Pure.
// SPDX-License-Identifier: Apache-2.0
#ifndef VALUE_JWS_H
#define VALUE_JWS_H

#include <remora/value.h>

// RFC 7518 3.1, RFC 8037 3.1. There is no "none".
enum rm_jws_alg {
    RM_HS256,
    RM_HS384,
    RM_HS512,
    RM_RS256,
    RM_RS384,
    RM_RS512,
    RM_ES256,
    RM_ES384,
    RM_ES512,
    RM_PS256,
    RM_PS384,
    RM_PS512,
    RM_EDDSA,
    RM_JWS_ALGS
};
extern const char *const rm_jws_alg_names[RM_JWS_ALGS];

#define RM_JWS_BYTES_MOST ((size_t)16 << 10) // of a token

struct rm_jws {
    struct rm_str alg;                 // as it says
    struct rm_str kid, x5t, x5t_s256;  // "" where it says none
    struct rm_str input;               // what is signed: the first two parts with their dot
    struct rm_str payload;             // decoded
    struct rm_str signature;           // decoded
};

// RM_EDECODE: not three parts of base64url, a header that is no object of JSON or says something twice or in another type; RM_EPROTO: it has
// "crit" (RFC 7515 4.1.11: extensions that must be understood; remora has none) or "b64". RM_ETOOBIG.
int rm_jws_read(struct rm_arena *, struct rm_str token, struct rm_jws *out, struct rm_err *err) RM_MUST_CHECK;

// The claims, once the signature fits: one object of JSON, no name twice, well-formed Unicode.
int rm_jws_claims(struct rm_arena *, const struct rm_jws *, struct rm_value **out, struct rm_err *err) RM_MUST_CHECK;

// One object of JSON in `text`, in which no object has a name twice and all text is Unicode: what is signed, or names keys, must mean the same to
// every reader. RM_EDECODE, RM_ETOOBIG; `what` is for the message.
int rm_strict_object(struct rm_arena *, struct rm_str text, const struct rm_json_limits *, const char *what,
                     struct rm_value **out, struct rm_err *err) RM_MUST_CHECK;
// A member that may be missing ("" then), but must be a string otherwise.
int rm_strict_text(struct rm_arena *, struct rm_value *object, const char *name, struct rm_str *out,
                   struct rm_err *err) RM_MUST_CHECK;

#endif
