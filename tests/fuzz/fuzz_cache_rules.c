// Headers of any bytes, as lines: what an HTTP cache makes of them stays within its promises, and never loosens what was forbidden.
// SPDX-License-Identifier: Apache-2.0
#include "policy/http_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rm_headers headers_of(struct rm_arena *arena, struct rm_str text)
{
    struct rm_headers headers = {0};
    while (text.n > 0) {
        const char *end = memchr(text.p, '\n', text.n);
        size_t n = end ? (size_t)(end - text.p) : text.n;
        const char *colon = memchr(text.p, ':', n);
        size_t name = colon ? (size_t)(colon - text.p) : 0;
        if (colon)
            rm_headers_add(arena, &headers, rm_str_sub(text, 0, name), rm_str_sub(text, name + 1, n));
        text = rm_str_sub(text, end ? n + 1 : n, text.n);
    }
    return headers;
}

static bool in_range(int64_t seconds)
{
    return seconds >= RM_CACHE_UNSAID && seconds <= RM_CACHE_SECONDS_MOST;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rm_headers nothing;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_headers headers = headers_of(&arena, (struct rm_str){(const char *)data, size});
    struct rm_cache_control said;
    struct rm_freshness out;
    rm_cache_control_read(&headers, &said);
    RM_ASSERT(in_range(said.max_age) && in_range(said.s_maxage) && in_range(said.min_fresh) &&
              in_range(said.stale_if_error));
    RM_ASSERT(!said.no_store || rm_cache_must_bypass(&headers));
    RM_ASSERT(!said.no_cache || !rm_cache_is_fresh(&said, 0, RM_CACHE_SECONDS_MOST));
    if (rm_cache_may_store(200, &nothing, &headers, 784111777, 0, &out)) {
        RM_ASSERT(!said.no_store && !said.is_private && !rm_headers_find(&headers, RM_STR("set-cookie")));
        RM_ASSERT(out.lifetime_s >= 0 && out.lifetime_s <= RM_CACHE_SECONDS_MOST && out.age_s >= 0);
        RM_ASSERT(!said.no_cache || out.lifetime_s == 0);
        RM_ASSERT(out.stale_if_error_s == 0 || !said.must_revalidate);
        // With credentials it is stored for the same time, or not at all.
        struct rm_header authorization = {RM_STR("Authorization"), RM_STR("x")};
        struct rm_headers asked = {&authorization, 1, 1};
        struct rm_freshness again;
        if (rm_cache_may_store(200, &asked, &headers, 784111777, 0, &again))
            RM_ASSERT(again.lifetime_s == out.lifetime_s);
    }
    rm_arena_fini(&arena);
    return 0;
}
