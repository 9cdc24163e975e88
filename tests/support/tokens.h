// Keys and signed tokens for tests, made by OpenSSL when they are asked for.
// SPDX-License-Identifier: Apache-2.0
#ifndef SUPPORT_TOKENS_H
#define SUPPORT_TOKENS_H

#include <remora/base.h>

struct token_key;

// "oct", "RSA", "RSA-1024", "P-256", "P-384", "P-521", "Ed25519". Lives as long as the arena.
struct token_key *token_key_new(struct rm_arena *, const char *kind);
// {"kty": …, its public part (of "oct" the secret), more}; `more` begins with a comma, or is empty.
struct rm_str token_jwk(struct rm_arena *, const struct token_key *, const char *more);
// {"keys":[…]} of one.
struct rm_str token_jwks(struct rm_arena *, const struct token_key *, const char *more);
// Signed as `alg` says with whatever key; "none" has an empty signature. `header` is what follows "alg" in the header, likewise.
struct rm_str token_make(struct rm_arena *, const struct token_key *, const char *alg, const char *header,
                         const char *payload);
struct rm_str token_base64url(struct rm_arena *, struct rm_str);
// The same, with these bytes as secret: what an attacker does who takes a public key for one.
struct token_key *token_key_of_secret(struct rm_arena *, struct rm_str);

#endif
