// Answers of a token's server of any bytes: what is taken is a token that a header may carry.
// SPDX-License-Identifier: Apache-2.0
#include "policy/bearer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rm_arena plan;
    struct rm_err err = {0};
    struct rm_loop *loop;
    uint64_t lasts_us = 0;
    rm_arena_init(&plan, NULL);
    int code = rm_loop_new(&loop, &err);
    RM_ASSERT(code == RM_OK);
    struct rm_awaited *to = rm_awaited_open(&plan, NULL, RM_STR("x"));
    code = rm_bearer_put(to, (struct rm_str){(const char *)data, size}, 1000, &lasts_us, &err);
    RM_ASSERT(code == err.code || code == RM_OK);
    struct rm_headers headers = {0};
    struct rm_departure departure = {.arena = &plan, .loop = loop, .headers = &headers};
    uint64_t ticket;
    int said = rm_admission_bearer.enter(rm_bearer_new(&plan, to), &departure, &ticket, &err);
    RM_ASSERT(said == RM_OK ? code == RM_OK : true);
    for (uint32_t i = 0; i < headers.n; i++)
        for (size_t k = 7; k < headers.v[i].value.n; k++)
            RM_ASSERT(headers.v[i].value.p[k] > ' ' && headers.v[i].value.p[k] < 0x7f);
    rm_arena_fini(&plan);
    rm_loop_free(loop);
    return 0;
}
