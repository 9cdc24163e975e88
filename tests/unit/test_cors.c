// CORS and security/http: what each request is told, and which are answered or turned away.
// SPDX-License-Identifier: Apache-2.0
#include "policy/cors.h"
#include "policy/secure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

// One of what a browser says; what is left out is not sent.
#define ASK(method_, ...)                                                                                              \
    {                                                                                                                  \
        .method = (method_), __VA_ARGS__                                                                               \
    }
struct ask {
    const char *method, *origin, *wants, *headers, *private_network; // NULL: not sent
};

static void add(struct rm_arena *arena, struct rm_headers *headers, const char *name, const char *value)
{
    if (value)
        rm_headers_add(arena, headers, rm_str_of(name), rm_str_of(value));
}

// "name: value|…" of what is said on the answer.
static const char *said(struct rm_arena *arena, const struct rm_headers *headers)
{
    struct rm_str text = RM_STR("");
    for (uint32_t i = 0; i < headers->n; i++)
        text =
            rm_arena_printf(arena, "%.*s%s%.*s: %.*s", (int)text.n, text.p, i > 0 ? "|" : "", (int)headers->v[i].name.n,
                            headers->v[i].name.p, (int)headers->v[i].value.n, headers->v[i].value.p);
    return rm_arena_cstr(arena, text);
}

static void check_cors(const struct rm_cors_rule *rule, const struct ask *ask, int status, const char *headers)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_headers sent = {0};
    add(&arena, &sent, "origin", ask->origin);
    add(&arena, &sent, "access-control-request-method", ask->wants);
    add(&arena, &sent, "access-control-request-headers", ask->headers);
    add(&arena, &sent, "access-control-request-private-network", ask->private_network);
    struct rm_visit visit = {.arena = &arena, .headers = &sent, .method = rm_str_of(ask->method)};
    int rc = rm_check_cors.apply(rm_cors_new(&arena, rule), &visit);
    assert_int_equal(rc == RM_OK, status == 0);
    assert_int_equal(visit.refusal.status, status);
    assert_int_equal(visit.refusal.err.code, RM_OK); // a preflight is no failure
    assert_string_equal(said(&arena, &visit.always), headers);
    rm_arena_fini(&arena);
}

#define PREFLIGHT_VARY "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
#define ALLOWED(origin) "Vary: Origin|Access-Control-Allow-Origin: " origin

static struct rm_str origins[] = {{"https://shop.test", 17}, {"https://*.shop.test:8443", 24}};
static struct rm_str methods[] = {{"GET", 3}, {"DELETE", 6}};
static struct rm_str headers[] = {{"X-One", 5}, {"Content-Type", 12}};
static struct rm_str exposed[] = {{"X-Out", 5}, {"ETag", 4}};
static const struct rm_cors_rule by_name = {.origins = origins,
                                            .n_origins = 2,
                                            .methods = methods,
                                            .n_methods = 2,
                                            .headers = headers,
                                            .n_headers = 2,
                                            .exposed = exposed,
                                            .n_exposed = 2,
                                            .credentials = true,
                                            .preflight_status = 204,
                                            .max_age_s = 600};

static void calls_of_origins(void **state)
{
    (void)state;
    static const char full[] = ALLOWED("https://shop.test") "|Access-Control-Allow-Credentials: true"
                                                            "|Access-Control-Expose-Headers: X-Out, ETag";
    static const struct {
        struct ask ask;
        const char *headers;
    } cases[] = {
        {ASK("GET", .origin = "https://shop.test"), full},
        {ASK("GET", .origin = NULL), "Vary: Origin"},
        {ASK("GET", .origin = "https://evil.test"), "Vary: Origin"},
        {ASK("GET", .origin = "http://shop.test"), "Vary: Origin"},
        {ASK("GET", .origin = "https://shop.test.evil.test"), "Vary: Origin"},
        {ASK("GET", .origin = "null"), "Vary: Origin"},
        {ASK("POST", .origin = "https://shop.test"), "Vary: Origin"},
        {ASK("OPTIONS", .origin = "https://shop.test"), full}, // no preflight: it names no method
        {ASK("GET", .origin = "https://a.shop.test:8443"),
         ALLOWED("https://a.shop.test:8443") "|Access-Control-Allow-Credentials: true"
                                             "|Access-Control-Expose-Headers: X-Out, ETag"},
        {ASK("GET", .origin = "https://a.shop.test"), "Vary: Origin"},
        {ASK("GET", .origin = "https://.shop.test:844"), "Vary: Origin"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++)
        check_cors(&by_name, &cases[i].ask, 0, cases[i].headers);
}

static void preflights(void **state)
{
    (void)state;
    static const char yes[] =
        PREFLIGHT_VARY "|Access-Control-Allow-Origin: https://shop.test"
                       "|Access-Control-Allow-Credentials: true|Access-Control-Allow-Methods: DELETE";
    static const struct {
        struct ask ask;
        const char *headers; // added to `yes`; NULL: nothing is allowed
    } cases[] = {
        {ASK("OPTIONS", .origin = "https://shop.test", .wants = "DELETE"), "|Access-Control-Max-Age: 600"},
        {ASK("OPTIONS", .origin = "https://shop.test", .wants = "DELETE", .headers = "x-one ,\tcontent-type"),
         "|Access-Control-Allow-Headers: x-one ,\tcontent-type|Access-Control-Max-Age: 600"},
        {ASK("OPTIONS", .origin = "https://shop.test", .wants = "DELETE", .headers = "x-one,x-two"), NULL},
        {ASK("OPTIONS", .origin = "https://shop.test", .wants = "PUT"), NULL},
        {ASK("OPTIONS", .origin = "https://shop.test", .wants = "delete"), NULL}, // methods have case
        {ASK("OPTIONS", .origin = "https://evil.test", .wants = "DELETE"), NULL},
        {ASK("OPTIONS", .origin = NULL, .wants = "DELETE"), NULL},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        char text[600];
        snprintf(text, sizeof(text), "%s%s", cases[i].headers ? yes : PREFLIGHT_VARY,
                 cases[i].headers ? cases[i].headers : "");
        check_cors(&by_name, &cases[i].ask, 204, text);
    }
}

static void all_origins_and_the_private_network(void **state)
{
    (void)state;
    static struct rm_str any[] = {{"*", 1}};
    const struct rm_cors_rule open = {.origins = any,
                                      .n_origins = 1,
                                      .methods = methods,
                                      .n_methods = 2,
                                      .headers = any,
                                      .n_headers = 1,
                                      .private_network = true,
                                      .passes_preflight = true,
                                      .preflight_status = 200};
    check_cors(&open, &(struct ask)ASK("GET", .origin = "https://x.test"), 0, ALLOWED("*"));
    check_cors(&open,
               &(struct ask)ASK("OPTIONS", .origin = "https://x.test", .wants = "GET", .headers = "x-any",
                                .private_network = "true"),
               0,
               PREFLIGHT_VARY ", Access-Control-Request-Private-Network|Access-Control-Allow-Origin: *"
                              "|Access-Control-Allow-Methods: GET|Access-Control-Allow-Headers: x-any"
                              "|Access-Control-Allow-Private-Network: true");
}

// ---- security/http ---------------------------------------------------------------------------------------------------

struct secure_case {
    const char *host, *forwarded_host, *proto;
    bool trusted, is_tls;
    int status; // 0: goes on
    const char *location, *always;
};

static void check_secure(const struct rm_secure_rule *rule, const struct secure_case *one)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_headers sent = {0};
    add(&arena, &sent, "X-Forwarded-Hosts", one->forwarded_host);
    add(&arena, &sent, "X-Forwarded-Proto", one->proto);
    struct rm_visit visit = {.arena = &arena,
                             .headers = &sent,
                             .host = rm_str_of(one->host),
                             .path = RM_STR("/a%20b"),
                             .query = RM_STR("q=1"),
                             .peer_trusted = one->trusted,
                             .is_tls = one->is_tls};
    int rc = rm_check_secure.apply(rm_secure_new(&arena, rule), &visit);
    assert_int_equal(rc == RM_OK, one->status == 0);
    assert_int_equal(visit.refusal.status, one->status);
    const struct rm_header *location = rm_headers_find(&visit.refusal.headers, RM_STR("Location"));
    assert_string_equal(location ? rm_arena_cstr(&arena, location->value) : "", one->location ? one->location : "");
    assert_string_equal(said(&arena, &visit.always), one->always ? one->always : "");
    rm_arena_fini(&arena);
}

static void hosts_and_redirects(void **state)
{
    (void)state;
    static struct rm_str hosts[] = {{"shop.test", 9}}, from[] = {{"X-Forwarded-Hosts", 17}};
    static struct rm_header proto[] = {{{"X-Forwarded-Proto", 17}, {"https", 5}}};
    static struct rm_header sts[] = {{{"S", 1}, {"60", 2}}}, frame[] = {{{"F", 1}, {"DENY", 4}}};
    struct rm_secure_rule rule = {.allowed_hosts = hosts,
                                  .n_allowed_hosts = 1,
                                  .host_headers = from,
                                  .n_host_headers = 1,
                                  .tls_headers = {proto, 1, 1},
                                  .redirects = true,
                                  .always = {frame, 1, 1},
                                  .over_tls = {sts, 1, 1}};
    static const struct secure_case cases[] = {
        {"shop.test", NULL, NULL, false, true, 0, NULL, "F: DENY|S: 60"},
        {"SHOP.test", NULL, NULL, false, true, 0, NULL, "F: DENY|S: 60"},
        {"evil.test", NULL, NULL, false, true, 500, NULL, NULL},
        {"", NULL, NULL, false, true, 500, NULL, NULL},
        {"shop.test", NULL, NULL, false, false, 301, "https://shop.test/a%20b?q=1", NULL},
        // What a proxy says counts where the proxy is trusted.
        {"10.0.0.1", "shop.test", "https", true, false, 0, NULL, "F: DENY|S: 60"},
        {"10.0.0.1", "shop.test", "https", false, false, 500, NULL, NULL},
        {"shop.test", NULL, "https", false, false, 301, "https://shop.test/a%20b?q=1", NULL},
        {"shop.test", NULL, "http", true, false, 301, "https://shop.test/a%20b?q=1", NULL},
        {"shop.test", "evil.test", "https", true, false, 500, NULL, NULL},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++)
        check_secure(&rule, &cases[i]);
    rule.redirect_host = RM_STR("www.shop.test");
    check_secure(&rule, &(struct secure_case){"shop.test", NULL, NULL, false, false, 301,
                                              "https://www.shop.test/a%20b?q=1", NULL});
    rule.redirects = false;
    check_secure(&rule, &(struct secure_case){"shop.test", NULL, NULL, false, false, 0, NULL, "F: DENY"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_of_origins),
        cmocka_unit_test(preflights),
        cmocka_unit_test(all_origins_and_the_private_network),
        cmocka_unit_test(hosts_and_redirects),
    };
    return cmocka_run_group_tests_name("cors", tests, NULL, NULL);
}
