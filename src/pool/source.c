// Whether two sources are one. Owns nothing.
// SPDX-License-Identifier: Apache-2.0
#include "pool/source.h"

bool rm_source_same(const struct rm_source *a, const struct rm_source *b)
{
    if (a->n_hosts != b->n_hosts || a->refresh_us != b->refresh_us || !rm_str_eq(a->provider, b->provider) ||
        !rm_str_eq(a->scheme, b->scheme))
        return false;
    for (size_t i = 0; i < a->n_hosts; i++)
        if (!rm_str_eq(a->hosts[i], b->hosts[i]))
            return false;
    return true;
}
