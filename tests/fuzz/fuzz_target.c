// The request target, from raw bytes to what a router of some endpoints finds: values that reach an endpoint, and redirects.
// SPDX-License-Identifier: Apache-2.0
#include "base/pct.h"
#include "fake_plan.h"
#include "front/route.h"
#include "front/target.h"

static const char *const endpoints[] = {"GET /",          "GET /a/b",          "GET /u/{id}",
                                        "GET /u/me",      "POST /u/{x}/p/{y}", "GET /Case/",
                                        "GET /{a}/x/{b}", "PUT /{a}/x/y",      "GET /files/*",
                                        "PUT /{a}/*",     "POST /*",           NULL};

// What a wildcard stands for is sent on as it came: it begins with no empty segment, and none of it climbs.
static void target_check_rest(struct rm_arena *arena, struct rm_str rest, bool raw)
{
    struct rm_str decoded;
    int code = rm_pct_decode(arena, rest, false, &decoded);
    RM_ASSERT(code == RM_OK && !memchr(decoded.p, '\0', decoded.n) && !memchr(rest.p, '?', rest.n));
    RM_ASSERT(decoded.n == 0 || raw || decoded.p[0] != '/');
    for (size_t at = 0; at <= decoded.n;) {
        size_t end = at;
        while (end < decoded.n && decoded.p[end] != '/')
            end++;
        RM_ASSERT(!rm_target_is_dots(rm_str_sub(decoded, at, end)));
        at = end + 1;
    }
}

static void target_check(struct rm_arena *arena, const struct rm_router *router, struct rm_str method,
                         struct rm_str path, bool raw)
{
    struct rm_route r;
    rm_router_find(router, arena, method, path, &r);
    if (r.kind == RM_ROUTE_ENDPOINT) {
        size_t n = r.endpoint->conf->params.n;
        if (r.endpoint->conf->has_rest)
            target_check_rest(arena, r.params[--n], raw);
        for (size_t i = 0; i < n; i++) {
            struct rm_str value = r.params[i];
            RM_ASSERT(value.n > 0 && !memchr(value.p, '/', value.n) && !memchr(value.p, '\0', value.n));
            RM_ASSERT(!rm_target_is_dots(value));
            RM_ASSERT(raw || (!memchr(value.p, '%', value.n) && !memchr(value.p, '?', value.n)));
            for (size_t k = 0; k < value.n; k++)
                RM_ASSERT((unsigned char)value.p[k] >= 0x20 && value.p[k] != 0x7f);
        }
    }
    if (r.kind != RM_ROUTE_REDIRECT)
        return;
    // It stays on this host, is a path as it may stand in a header, and does not lead back to itself.
    RM_ASSERT(r.location.n > 0 && r.location.p[0] == '/' && (r.location.n == 1 || r.location.p[1] != '/'));
    struct rm_target again;
    RM_ASSERT(rm_target_split(r.location, &again) == RM_OK && rm_str_eq(again.path, r.location));
    RM_ASSERT(!rm_str_eq(r.location, path));
    struct rm_route next;
    rm_router_find(router, arena, method, r.location, &next);
    for (int i = 0; i < 3 && next.kind == RM_ROUTE_REDIRECT; i++)
        rm_router_find(router, arena, method, next.location, &next);
    RM_ASSERT(next.kind != RM_ROUTE_REDIRECT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "OPTIONS", "HEAD"};
    if (size < 1 || size > 4096)
        return 0;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_plan *plan = fake_plan_new(&arena, endpoints, NULL);
    struct rm_conf_router *conf = &plan->conf->router;
    unsigned bits = data[0] / RM_COUNT(methods);
    conf->disable_path_decoding = bits & 1;
    conf->remove_extra_slash = bits & 2;
    conf->disable_redirect_trailing_slash = bits & 4;
    conf->disable_redirect_fixed_path = bits & 8;
    conf->auto_options = plan->conf->echo_endpoint = bits & 16;
    struct rm_router *router;
    struct rm_err err;
    int code = rm_router_new(&router, plan, false, &err);
    RM_ASSERT(code == RM_OK);
    struct rm_target target;
    if (rm_target_split((struct rm_str){(const char *)data + 1, size - 1}, &target) == RM_OK) {
        RM_ASSERT(target.form != RM_TARGET_ABSOLUTE || rm_target_host_ok(target.authority));
        target_check(&arena, router, rm_str_of(methods[data[0] % RM_COUNT(methods)]), target.path, bits & 1);
    }
    rm_router_free(router);
    rm_arena_fini(&arena);
    return 0;
}
