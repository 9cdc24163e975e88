// What a verified token's claims (RFC 7519 4) must say, and their values as text. Pure.
// SPDX-License-Identifier: Apache-2.0
#ifndef POLICY_CLAIMS_H
#define POLICY_CLAIMS_H

#include <remora/value.h>

struct rm_names {
    const struct rm_str *v;
    size_t n;
};

struct rm_claim_rules {
    uint64_t leeway_us;
    struct rm_str issuer;     // "": any
    struct rm_names audience; // each must be one of the token's; none: any
    struct rm_names roles_key, roles;   // any of them; none: no role is needed
    struct rm_names scopes_key, scopes; // any of them, or all
    bool all_scopes;
};

// Where a claim is: its name, or with `nested` the names down to it, between dots. A name that begins with "http" is one name, as claims of
// public names are (RFC 7519 4.2). Borrows the text.
struct rm_names rm_claim_path(struct rm_arena *, struct rm_str name, bool nested);
// NULL: there is none.
struct rm_value *rm_claim_at(struct rm_arena *, struct rm_value *claims, struct rm_names path);
// As KrakenD writes it: text as it is, a whole number without fraction, a list with commas between, an object as JSON, "" for null and none.
struct rm_str rm_claim_text(struct rm_arena *, struct rm_value *claim);

// RM_EDENIED with why, and in err->status 401 (times, issuer, audience) or 403 (roles, scopes).
int rm_claims_check(const struct rm_claim_rules *, struct rm_arena *, struct rm_value *claims, int64_t wall_us,
                    struct rm_err *err) RM_MUST_CHECK;

#endif
