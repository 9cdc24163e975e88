// From the text of a set of keys to the value (keyring.h).
// SPDX-License-Identifier: Apache-2.0
#include "policy/keyring.h"

int rm_keyring_put(struct rm_awaited *to, struct rm_str text, struct rm_err *err)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_keys *keys = RM_NEW(&arena, struct rm_keys);
    int code = rm_jwk_set_read(&arena, text, &keys->set, err);
    if (code == RM_OK && keys->set.n == 0)
        code = keys->set.n_left_out > 0
                   ? rm_fail(err, RM_EDECODE, "no key that can be used (left out: %s)", keys->set.left_out.text)
                   : rm_fail(err, RM_EDECODE, "no key in it");
    if (code != RM_OK) {
        rm_arena_fini(&arena);
        return code;
    }
    keys->value.arena = arena;
    rm_awaited_set(to, &keys->value);
    return RM_OK;
}
