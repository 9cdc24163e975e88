// The router: what a method and a path find, and what they get where they find nothing.
// SPDX-License-Identifier: Apache-2.0
#include "fake_plan.h"
#include "front/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct rm_arena arena;
static struct rm_plan *plan;

static const char *const endpoints[] = {"GET /",
                                        "GET /a",
                                        "POST /a",
                                        "GET /a/b",
                                        "GET /u/{id}",
                                        "GET /u/me",
                                        "POST /u/{other}",
                                        "DELETE /u/me",
                                        "GET /u/{id}/posts/{post}",
                                        "GET /u/me/settings",
                                        "GET /Mixed/Case/{id}",
                                        "GET /slash/",
                                        "GET /deep/{a}/x/{b}/y",
                                        "GET /deep/one/x/{b}/z",
                                        "PUT /put",
                                        "PATCH /put",
                                        NULL};

// What rm_router_find() says, as one line of text.
static struct rm_str route_say(const struct rm_router *router, const char *method, const char *path)
{
    struct rm_route r;
    rm_router_find(router, &arena, rm_str_of(method), rm_str_of(path), &r);
    struct rm_str out = {"?", 1};
    switch (r.kind) {
    case RM_ROUTE_ENDPOINT:
        out = rm_arena_printf(&arena, "%s %.*s", rm_method_names[r.endpoint->conf->method],
                              (int)r.endpoint->conf->path.n, r.endpoint->conf->path.p);
        for (size_t i = 0; i < r.endpoint->conf->params.n; i++)
            out = rm_arena_printf(&arena, "%.*s [%.*s]", (int)out.n, out.p, (int)r.params[i].n, r.params[i].p);
        return out;
    case RM_ROUTE_HEALTH:
        return RM_STR("health");
    case RM_ROUTE_ECHO:
        return RM_STR("echo");
    case RM_ROUTE_DEBUG:
        return RM_STR("debug");
    case RM_ROUTE_REDIRECT:
        return rm_arena_printf(&arena, "to %.*s", (int)r.location.n, r.location.p);
    case RM_ROUTE_OPTIONS:
        return rm_arena_printf(&arena, "options %.*s", (int)r.allow.n, r.allow.p);
    case RM_ROUTE_NOT_FOUND:
        return RM_STR("404");
    case RM_ROUTE_NOT_ALLOWED:
        return rm_arena_printf(&arena, "405 %.*s", (int)r.allow.n, r.allow.p);
    case RM_ROUTE_BAD_PARAM:
        return RM_STR("400");
    }
    return out;
}

struct route_case {
    const char *method, *path, *said;
};

static void route_check(const struct route_case *cases, size_t n)
{
    struct rm_router *router;
    struct rm_err err;
    assert_int_equal(rm_router_new(&router, plan, false, &err), RM_OK);
    for (size_t i = 0; i < n; i++) {
        struct rm_str said = route_say(router, cases[i].method, cases[i].path);
        if (!rm_str_eq(said, rm_str_of(cases[i].said)))
            fail_msg("%s %s: %.*s, not %s", cases[i].method, cases[i].path, (int)said.n, said.p, cases[i].said);
    }
    rm_router_free(router);
}

static int setup(void **state)
{
    (void)state;
    rm_arena_init(&arena, NULL);
    plan = fake_plan_new(&arena, endpoints, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rm_arena_fini(&arena);
    return 0;
}

static void route_defaults(void **state)
{
    (void)state;
    static const struct route_case cases[] = {
        {"GET", "/", "GET /"},
        {"GET", "/a", "GET /a"},
        {"POST", "/a", "POST /a"},
        {"GET", "/a/b", "GET /a/b"},
        {"GET", "/%61", "GET /a"},
        {"GET", "/u/7", "GET /u/{id} [7]"},
        {"POST", "/u/7", "POST /u/{other} [7]"},
        {"GET", "/u/me", "GET /u/me"},
        {"GET", "/u/%6de", "GET /u/me"},
        {"GET", "/u/mean", "GET /u/{id} [mean]"},
        {"GET", "/u/m", "GET /u/{id} [m]"},
        {"POST", "/u/me", "POST /u/{other} [me]"}, // static has no POST: the parameter does
        {"DELETE", "/u/me", "DELETE /u/me"},
        {"GET", "/u/me/posts/1", "GET /u/{id}/posts/{post} [me] [1]"}, // back from the static branch
        {"GET", "/u/me/settings", "GET /u/me/settings"},
        {"GET", "/u/a%20b", "GET /u/{id} [a b]"},
        {"GET", "/u/a+b", "GET /u/{id} [a+b]"},
        {"GET", "/u/a;b=c,d:e@f!g$h", "GET /u/{id} [a;b=c,d:e@f!g$h]"},
        {"GET", "/u/%C3%A9", "GET /u/{id} [\xc3\xa9]"},
        {"GET", "/u/...", "GET /u/{id} [...]"},
        {"GET", "/deep/one/x/2/y", "GET /deep/{a}/x/{b}/y [one] [2]"},
        {"GET", "/deep/one/x/2/z", "GET /deep/one/x/{b}/z [2]"},
        {"GET", "/deep/two/x/2/z", "404"},
        {"GET", "/slash/", "GET /slash/"},
        {"GET", "/__health", "health"},
        // An escaped slash separates.
        {"GET", "/u/a%2Fb", "404"},
        {"GET", "/a%2fb", "GET /a/b"},
        // Parameters that would change a URL.
        {"GET", "/u/a%252Fb", "400"},
        {"GET", "/u/100%25", "400"},
        {"GET", "/u/a%3Fb", "400"},
        {"GET", "/u/a%23b", "400"},
        {"GET", "/u/..", "400"},
        {"GET", "/u/%2e%2E", "400"},
        {"GET", "/u/.", "400"},
        {"GET", "/u/%2e/posts/1", "400"},
        {"GET", "/u/%zz", "400"},
        // Nothing there.
        {"GET", "/b", "404"},
        {"GET", "/a/b/c", "404"},
        {"GET", "/__echo/x", "404"},
        {"GET", "/__debug/x", "404"},
        {"BREW", "/nope", "404"},
        // There, but not so.
        {"PUT", "/a", "405 GET, POST"},
        {"HEAD", "/a", "405 GET, POST"},
        {"OPTIONS", "/a", "405 GET, POST"},
        {"get", "/a", "405 GET, POST"},
        {"GET", "/put", "405 PATCH, PUT"},
        {"PUT", "/u/me", "405 DELETE, GET, POST"},
        {"POST", "/__health", "405 GET"},
        {"HEAD", "/__health", "405 GET"},
        // Slashes.
        {"GET", "/a/", "to /a"},
        {"POST", "/a/", "to /a"},
        {"PUT", "/a/", "404"},
        {"GET", "/slash", "to /slash/"},
        {"GET", "/u/7/", "to /u/7"},
        {"GET", "/u/a%20b/", "to /u/a%20b"},
        {"GET", "/u/\\evil/", "to /u/%5Cevil"},
        {"GET", "/u/", "to /u"}, // which is 404, as in KrakenD
        {"GET", "/u", "404"},
        {"GET", "/__health/", "to /__health"},
        {"GET", "/a//b", "to /a/b"},
        {"GET", "//a", "to /a"},
        {"GET", "//", "to /"},
        {"GET", "/a//", "to /a"},
        {"GET", "/u//7", "to /u/7"},
        {"GET", "/u//posts/1", "404"},
        {"GET", "/a/./b", "to /a/b"},
        {"GET", "/x/../a/b", "to /a/b"},
        {"GET", "/../../a", "to /a"},
        // Case.
        {"GET", "/A", "to /a"},
        {"GET", "/mixed/case/Xy", "to /Mixed/Case/Xy"},
        {"GET", "/mixed/case/x%20y", "to /Mixed/Case/x%20y"},
        {"GET", "/MIXED//CASE/x/", "to /Mixed/Case/x"},
        {"GET", "/U/ME/SETTINGS", "to /u/me/settings"},
    };
    route_check(cases, RM_COUNT(cases));
}

static void route_no_redirects(void **state)
{
    (void)state;
    plan->conf->router.disable_redirect_trailing_slash = true;
    static const struct route_case no_slash[] = {
        {"GET", "/a/", "404"},  {"GET", "/slash", "404"}, {"GET", "/u/", "404"},
        {"GET", "/A", "to /a"}, {"GET", "/A/", "404"},    {"GET", "/a//b", "to /a/b"},
    };
    route_check(no_slash, RM_COUNT(no_slash));
    plan->conf->router.disable_redirect_fixed_path = true;
    static const struct route_case none[] = {
        {"GET", "/a/", "404"}, {"GET", "/A", "404"}, {"GET", "/a//b", "404"}, {"GET", "/a", "GET /a"}};
    route_check(none, RM_COUNT(none));
    plan->conf->router.disable_redirect_trailing_slash = false;
    static const struct route_case no_fixing[] = {
        {"GET", "/a/", "to /a"}, {"GET", "/A/", "404"}, {"GET", "//a", "404"}};
    route_check(no_fixing, RM_COUNT(no_fixing));
}

static void route_options(void **state)
{
    (void)state;
    plan->conf->router.auto_options = true;
    plan->conf->router.remove_extra_slash = true;
    static const struct route_case cases[] = {
        {"OPTIONS", "/a", "options GET, POST"},
        {"OPTIONS", "/u/7", "options GET, POST"},
        {"OPTIONS", "/nope", "404"},
        {"PUT", "/a", "405 GET, POST, OPTIONS"},
        {"GET", "//a///b", "GET /a/b"},
        {"GET", "/u//7", "GET /u/{id} [7]"},
        {"GET", "/slash//", "GET /slash/"},
        {"GET", "/a/b/", "to /a/b"},
    };
    route_check(cases, RM_COUNT(cases));
}

static void route_no_405(void **state)
{
    (void)state;
    plan->conf->router.disable_handle_method_not_allowed = true;
    static const struct route_case cases[] = {{"PUT", "/a", "404"}, {"GET", "/a", "GET /a"}};
    route_check(cases, RM_COUNT(cases));
}

static void route_raw(void **state)
{
    (void)state;
    plan->conf->router.disable_path_decoding = true;
    static const struct route_case cases[] = {
        {"GET", "/u/a%2Fb", "GET /u/{id} [a%2Fb]"},
        {"GET", "/u/a%252Fb", "GET /u/{id} [a%252Fb]"},
        {"GET", "/u/a%3Fb", "GET /u/{id} [a%3Fb]"},
        {"GET", "/u/a%20b/", "to /u/a%20b"},
        {"GET", "/%61", "404"},
        {"GET", "/u/%2e%2e", "400"},
        {"GET", "/mixed/CASE/a%2Fb", "to /Mixed/Case/a%2Fb"},
    };
    route_check(cases, RM_COUNT(cases));
}

static const char *const wild[] = {"GET /files/*",       "POST /files/{id}", "GET /files/one", "GET /files/deep/{a}/x",
                                   "GET /t/{tenant}/d/*", "PUT /",           "GET /*",         NULL};

static void route_wild(void **state)
{
    (void)state;
    plan = fake_plan_new(&arena, wild, NULL);
    static const struct route_case cases[] = {
        {"GET", "/files/a", "GET /files/* [a]"},
        {"GET", "/files/a/b/c", "GET /files/* [a/b/c]"},
        {"GET", "/files/a/b/", "GET /files/* [a/b/]"},
        {"GET", "/files/a//b", "GET /files/* [a//b]"},
        {"GET", "/files/", "GET /files/* []"},
        {"GET", "/files/one", "GET /files/one"},
        {"GET", "/files/one/two", "GET /files/* [one/two]"}, // back from the static branch
        {"GET", "/files/deep/1/x", "GET /files/deep/{a}/x [1]"},
        {"GET", "/files/deep/1/y", "GET /files/* [deep/1/y]"}, // and from the parameter
        {"POST", "/files/a", "POST /files/{id} [a]"},
        {"POST", "/files/a/b", "405 GET"},
        {"GET", "/t/acme/d/x/y", "GET /t/{tenant}/d/* [acme] [x/y]"},
        {"GET", "/t/%61cme/d/%78/y", "GET /t/{tenant}/d/* [acme] [%78/y]"},
        {"GET", "/t/a%3Fb/d/x", "400"}, // the parameter's rules hold
        // What follows is as it came.
        {"GET", "/files/a%2Fb", "GET /files/* [a%2Fb]"},
        {"GET", "/files%2Fa%2Fb", "GET /files/* [a%2Fb]"},
        {"GET", "/files/a%3Fb%25%23", "GET /files/* [a%3Fb%25%23]"},
        {"GET", "/files/%e2%82%ac+1", "GET /files/* [%e2%82%ac+1]"},
        // Nothing climbs, in whatever dress.
        {"GET", "/files/..", "400"},
        {"GET", "/files/a/../b", "400"},
        {"GET", "/files/./b", "400"},
        {"GET", "/files/a/%2e%2E/b", "400"},
        {"GET", "/files/a%2F..%2Fb", "400"},
        {"GET", "/files/a/..%2fb", "400"},
        {"GET", "/files/a/.", "400"},
        {"GET", "/files/a/...", "GET /files/* [a/...]"},
        {"GET", "/files/%zz", "400"},
        // All that nothing else takes.
        {"GET", "/", "GET /* []"},
        {"PUT", "/", "PUT /"},
        {"GET", "/files", "GET /* [files]"},
        {"GET", "/nope/at/all", "GET /* [nope/at/all]"},
        {"GET", "/__health", "health"},
        {"GET", "//evil/x", "to /evil/x"},
        {"DELETE", "/nope", "405 GET"},
    };
    route_check(cases, RM_COUNT(cases));
    plan->conf->router.remove_extra_slash = true;
    static const struct route_case clean[] = {{"GET", "//files//a//b%20c%2Fd", "GET /files/* [a/b%20c/d]"},
                                              {"GET", "/files/a%2Fb", "GET /files/* [a%2Fb]"},
                                              {"GET", "/files//", "GET /files/* []"}};
    route_check(clean, RM_COUNT(clean));
    plan->conf->router.remove_extra_slash = false;
    plan->conf->router.disable_path_decoding = true;
    static const struct route_case raw[] = {{"GET", "/files/a%2Fb/%63", "GET /files/* [a%2Fb/%63]"},
                                            {"GET", "/files/a%2F..%2fb", "400"},
                                            {"GET", "/files/%2e%2e/b", "400"}};
    route_check(raw, RM_COUNT(raw));
}

static void route_wild_redirects(void **state)
{
    (void)state;
    static const char *const below[] = {"GET /Files/*", NULL};
    plan = fake_plan_new(&arena, below, NULL);
    static const struct route_case cases[] = {
        {"GET", "/Files", "to /Files/"},
        {"GET", "/files/a/B", "to /Files/a/B"},
        {"GET", "/Files//a", "to /Files/a"},
        {"GET", "/x/../files/a%20b", "to /Files/a%20b"},
        {"GET", "/", "404"},
        {"GET", "/Filesystem", "404"},
    };
    route_check(cases, RM_COUNT(cases));
}

static void route_builtins(void **state)
{
    (void)state;
    plan->conf->echo_endpoint = true;
    plan->conf->debug_endpoint = true;
    plan->conf->router.health_path = RM_STR("/alive");
    static const struct route_case cases[] = {
        {"GET", "/alive", "health"},         {"GET", "/__health", "404"},     {"GET", "/__echo/x", "echo"},
        {"POST", "/__echo/", "echo"},        {"BREW", "/__echo/a/b", "echo"}, {"GET", "/__echo", "to /__echo/"},
        {"DELETE", "/__debug/", "debug"},    {"HEAD", "/__debug/x", "debug"}, {"GET", "/__debugx", "404"},
        {"GET", "/__debug", "to /__debug/"},
    };
    route_check(cases, RM_COUNT(cases));
    plan->conf->router.disable_health = true;
    static const struct route_case off[] = {{"GET", "/alive", "404"}};
    route_check(off, RM_COUNT(off));
}

static void route_debug_option(void **state)
{
    (void)state;
    struct rm_router *router;
    assert_int_equal(rm_router_new(&router, plan, true, NULL), RM_OK);
    struct rm_str said = route_say(router, "GET", "/__debug/x");
    assert_true(rm_str_eq(said, RM_STR("debug")));
    rm_router_free(router);
}

static void route_refuses(void **state)
{
    (void)state;
    static const char *const twice[] = {"GET /u/{a}", "GET /u/{b}", NULL};
    static const char *const no_slash[] = {"GET a", NULL};
    static const char *const health[] = {"GET /__health", NULL};
    const char *const *all[] = {twice, no_slash, health};
    for (size_t i = 0; i < RM_COUNT(all); i++) {
        struct rm_router *router = NULL;
        struct rm_err err;
        assert_int_equal(rm_router_new(&router, fake_plan_new(&arena, all[i], NULL), false, &err), RM_ECONF);
        assert_null(router);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(route_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(route_no_redirects, setup, teardown),
        cmocka_unit_test_setup_teardown(route_options, setup, teardown),
        cmocka_unit_test_setup_teardown(route_no_405, setup, teardown),
        cmocka_unit_test_setup_teardown(route_raw, setup, teardown),
        cmocka_unit_test_setup_teardown(route_wild, setup, teardown),
        cmocka_unit_test_setup_teardown(route_wild_redirects, setup, teardown),
        cmocka_unit_test_setup_teardown(route_builtins, setup, teardown),
        cmocka_unit_test_setup_teardown(route_debug_option, setup, teardown),
        cmocka_unit_test_setup_teardown(route_refuses, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
