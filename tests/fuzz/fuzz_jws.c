// Tokens from any bytes: what is read can be told again, and the claims of what is no JSON object are none.
// SPDX-License-Identifier: Apache-2.0
#include "policy/claims.h"
#include "value/jws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool inside(struct rm_str part, struct rm_str whole)
{
    return part.p >= whole.p && part.p + part.n <= whole.p + whole.n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_str token = {(const char *)data, size};
    struct rm_jws jws;
    struct rm_err err = {0};
    struct rm_value *claims;
    int code = rm_jws_read(&arena, token, &jws, &err);
    RM_ASSERT(code == err.code && (code == RM_OK || code == RM_EDECODE || code == RM_EPROTO || code == RM_ETOOBIG));
    if (code == RM_OK) {
        RM_ASSERT(inside(jws.input, token) && token.p[jws.input.n] == '.' && jws.signature.n > 0);
        if (rm_jws_claims(&arena, &jws, &claims, &err) == RM_OK) {
            struct rm_claim_rules rules = {.roles_key = rm_claim_path(&arena, RM_STR("a.b"), true),
                                           .roles = {&RM_STR("r"), 1}};
            RM_ASSERT(claims->type == RM_OBJECT);
            code = rm_claims_check(&rules, &arena, claims, 1, &err);
            RM_ASSERT(code == RM_OK || err.status == 401 || err.status == 403);
            for (struct rm_value *claim = claims->first; claim; claim = claim->next)
                RM_ASSERT(rm_claim_text(&arena, claim).n <= 6 * size + 8);
        }
    }
    rm_arena_fini(&arena);
    return 0;
}
