// Key sets from any bytes: each key that is taken is of exactly one family of algorithms, and verifies no signature of zeros.
// SPDX-License-Identifier: Apache-2.0
#include "policy/jwk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char zeros[64];
    struct rm_arena arena;
    struct rm_jwk_set set;
    struct rm_err err = {0};
    rm_arena_init(&arena, NULL);
    int code = rm_jwk_set_read(&arena, (struct rm_str){(const char *)data, size}, &set, &err);
    RM_ASSERT(code == RM_OK || (code == err.code && (code == RM_EDECODE || code == RM_ETOOBIG)));
    for (uint32_t i = 0; code == RM_OK && i < set.n; i++) {
        int fits = 0;
        for (int alg = 0; alg < RM_JWS_ALGS; alg++) {
            if (!rm_sig_fits(set.v[i].key, alg))
                continue;
            fits++;
            RM_ASSERT(!rm_sig_verify(set.v[i].key, alg, RM_STR("a.b"), (struct rm_str){zeros, sizeof(zeros)}));
        }
        RM_ASSERT(fits == 1 || fits == 3 || fits == 6);
    }
    rm_arena_fini(&arena);
    return 0;
}
