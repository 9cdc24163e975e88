// The table of service discovery providers, by the value of a backend's "sd" key. Owns nothing.
// SPDX-License-Identifier: Apache-2.0
#include "sd/registry.h"

#define ADDRESS(ops) &ops,

const struct rm_sd_ops *const rm_sd_providers[] = {RM_SD_PROVIDERS(ADDRESS) NULL};

const struct rm_sd_ops *rm_sd_find(struct rm_str name)
{
    for (const struct rm_sd_ops *const *ops = rm_sd_providers; *ops; ops++)
        if (rm_str_eq(name, rm_str_of((*ops)->name)))
            return *ops;
    return NULL;
}
