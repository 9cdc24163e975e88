// extra_config["qos/http-cache"] of backends.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#define AT(member) offsetof(struct rm_conf_backend, http_cache.member)

static const struct rm_field http_cache_rows[] = {
    {.name = "shared",
     .type = RM_FIELD_BOOL,
     .offset = AT(shared),
     .doc = "one store for all backends that say so: the same URL is asked for once; else the backend has its own"},
    {.name = "max_items",
     .type = RM_FIELD_U32,
     .offset = AT(max_items),
     .max = UINT32_MAX,
     .doc = "answers in the store; 0: as many as there is room for"},
    {.name = "max_size",
     .type = RM_FIELD_SIZE,
     .offset = AT(max_bytes),
     .fallback = "16MiB",
     .min = 4096,
     .max = (uint64_t)1 << 40,
     .zero_is_unset = true,
     .doc = "memory of the store, which no answer takes more than an eighth of"},
};
const struct rm_fields rm_http_cache_fields = {.v = http_cache_rows,
                                               .n = RM_COUNT(http_cache_rows),
                                               .what = "key of qos/http-cache",
                                               .is_optional = true,
                                               .given = AT(is_given)};
