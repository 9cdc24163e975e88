// A page of an API server's list, and the same bytes as a refusal's body.
// SPDX-License-Identifier: Apache-2.0
#include "sd/k8s_event.h"
#include "sd/k8s_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rm_arena arena;
    struct rm_k8s_store store;
    struct rm_k8s_page page;
    struct rm_k8s_status status;
    struct rm_k8s_found found;
    struct rm_str text = {(const char *)data, size};
    struct rm_err err;
    rm_arena_init(&arena, NULL);
    rm_k8s_store_init(&store);
    int code = rm_k8s_page_parse(&arena, text, &page, &err);
    RM_ASSERT(code == RM_OK ? page.version.n > 0 : page.n == 0);
    for (size_t i = 0; i < page.n; i++)
        rm_k8s_slice_free(rm_k8s_store_put(&store, page.slices[i]));
    struct rm_k8s_want want = {.service = RM_STR("cart"), .port = RM_STR("http"), .zone = RM_STR("zone-b")};
    rm_k8s_store_find(&store, &arena, &want, &found);
    RM_ASSERT(found.n <= found.n_endpoints && found.n_slices <= page.n);
    rm_k8s_status_parse(&arena, text, &status);
    RM_ASSERT(status.code >= 0 && status.code < 1000);
    rm_k8s_store_free(&store);
    rm_arena_fini(&arena);
    return 0;
}
