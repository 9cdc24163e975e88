// EndpointSlices to hosts, and texts to EndpointSlices: pure functions. Tests that begin with pNN are points of the provider's checklist;
// what a user sees of them is in tests/integration/test_kubernetes_hosts.py.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sd/k8s_event.h"
#include "sd/k8s_source.h"
#include "sd/k8s_store.h"

#include <stdio.h>
#include <stdlib.h>

static struct rm_arena arena;
static struct rm_k8s_store store;

static int setup(void **state)
{
    (void)state;
    rm_arena_init(&arena, NULL);
    rm_k8s_store_init(&store);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rm_k8s_store_free(&store);
    rm_arena_fini(&arena);
    return 0;
}

static struct rm_k8s_event event_of(const char *line)
{
    struct rm_k8s_event event;
    struct rm_err err = {0};
    if (rm_k8s_event_parse(&arena, rm_str_of(line), &event, &err) != RM_OK)
        fail_msg("%s: %s", err.text, line);
    return event;
}

#define PORT "{\"name\":\"http\",\"protocol\":\"TCP\",\"port\":8080}"

static void put(const char *name, const char *family, const char *endpoints, const char *ports)
{
    struct rm_str line =
        rm_arena_printf(&arena,
                        "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"%s\",\"namespace\":\"shop\","
                        "\"resourceVersion\":\"1\",\"labels\":{\"kubernetes.io/service-name\":\"cart\"}},"
                        "\"addressType\":\"%s\",\"endpoints\":%s,\"ports\":%s}}",
                        name, family, endpoints, ports);
    rm_k8s_slice_free(rm_k8s_store_put(&store, event_of(line.p).slice));
}

// "10.0.0.1:8080 10.0.0.2:8080!": '!' for a terminating host, '*' for a hinted one.
static const char *hosts(const struct rm_k8s_want *want)
{
    static char text[1024];
    struct rm_k8s_found found;
    size_t n = 0;
    rm_k8s_store_find(&store, &arena, want, &found);
    text[0] = '\0';
    for (size_t i = 0; i < found.n; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s:%u%s%s", i ? " " : "", (int)found.hosts[i].address.n,
                              found.hosts[i].address.p, found.hosts[i].port,
                              found.hosts[i].state == RM_HOST_TERMINATING ? "!" : "", found.hosts[i].hinted ? "*" : "");
    return text;
}

static const struct rm_k8s_want any = {
    .service = {"cart", 4}, .port = {"http", 4}, .fallback = {"http", 4}, .zone = {"zone-a", 6}, .node = {"node-1", 6}};

#define READY "\"conditions\":{\"ready\":true,\"serving\":true,\"terminating\":false}"
#define DRAINING "\"conditions\":{\"ready\":false,\"serving\":true,\"terminating\":true}"
#define AT(address, more) "{\"addresses\":[\"" address "\"]," more "}"

static void p22_p26_states(void **state)
{
    (void)state;
    static const struct {
        const char *endpoints, *expected;
    } cases[] = {
        {"null", ""},
        {"[]", ""},
        {"[{\"addresses\":[\"10.0.0.1\"]}]", "10.0.0.1:8080"},                                 // p25
        {"[{\"addresses\":[\"10.0.0.1\"],\"conditions\":{\"ready\":null}}]", "10.0.0.1:8080"}, // p25
        {"[{\"addresses\":[\"10.0.0.1\"],\"conditions\":{\"ready\":false}}]", ""},             // not terminating
        {"[{\"addresses\":[\"10.0.0.1\"],\"conditions\":{\"ready\":false,\"terminating\":true}}]", "10.0.0.1:8080!"},
        {"[{\"addresses\":[\"10.0.0.1\"],\"conditions\":{\"ready\":false,\"serving\":false,\"terminating\":true}}]",
         ""},
        {"[{\"addresses\":[\"10.0.0.1\"],\"conditions\":{\"ready\":true,\"terminating\":true}}]",
         "10.0.0.1:8080"}, // p27
        {"[" AT("10.0.0.2", READY) "," AT("10.0.0.1", DRAINING) "]", "10.0.0.1:8080! 10.0.0.2:8080"},
        {"[" AT("10.0.0.2", READY) "," AT("10.0.0.2", READY) "]", "10.0.0.2:8080"},
        {"[" AT("10.0.0.2", DRAINING) "," AT("10.0.0.2", READY) "]", "10.0.0.2:8080"},
        {"[" AT("10.0.0.2", "\"conditions\":{\"ready\":false}") "," AT("10.0.0.2", DRAINING) "]", ""}, // p22
        {"[{\"addresses\":[]},{\"addresses\":null},{},null,7," AT("10.0.0.9", READY) "]", "10.0.0.9:8080"},
        {"[" AT("10.0.0.256", READY) "," AT("fd00::1", READY) "," AT("", READY) "]", ""}, // no IPv4 addresses
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        put("a", "IPv4", cases[i].endpoints, "[" PORT "]");
        if (strcmp(hosts(&any), cases[i].expected) != 0)
            fail_msg("%s gives \"%s\"", cases[i].endpoints, hosts(&any));
    }
}

static void p21_p22_an_address_that_moves_between_slices(void **state)
{
    (void)state;
    put("a", "IPv4", "[" AT("10.0.0.1", READY) "," AT("10.0.0.2", READY) "]", "[" PORT "]");
    put("b", "IPv4", "[" AT("10.0.0.2", DRAINING) "," AT("10.0.0.3", READY) "]", "[" PORT "]");
    assert_string_equal(hosts(&any), "10.0.0.1:8080 10.0.0.2:8080 10.0.0.3:8080");
    rm_k8s_slice_free(rm_k8s_store_take(&store, RM_STR("shop"), RM_STR("a")));
    assert_string_equal(hosts(&any), "10.0.0.2:8080! 10.0.0.3:8080");
    assert_null(rm_k8s_store_take(&store, RM_STR("shop"), RM_STR("a")));
    assert_null(rm_k8s_store_take(&store, RM_STR("market"), RM_STR("b")));
}

static void p30_ports(void **state)
{
    (void)state;
    static const struct {
        const char *ports;
        struct rm_k8s_want want;
        const char *expected;
    } cases[] = {
        {"null", {.port = {"http", 4}}, ""},
        {"[" PORT "]", {.port = {"http", 4}}, "10.0.0.1:8080"},
        {"[" PORT "]", {.port = {"grpc", 4}}, ""},
        {"[" PORT "]", {.port_number = 8080}, "10.0.0.1:8080"},
        {"[" PORT "]", {.port_number = 80}, ""},
        {"[" PORT "]", {.port_number = 0}, "10.0.0.1:8080"},
        {"[{\"name\":\"\",\"port\":9000}]", {.port_number = 0}, "10.0.0.1:9000"},
        {"[{\"name\":null,\"port\":9000,\"protocol\":null}]", {.port_number = 0}, "10.0.0.1:9000"},
        {"[" PORT ",{\"name\":\"admin\",\"port\":9}]", {.port_number = 0}, ""},
        {"[" PORT ",{\"name\":\"dns\",\"port\":53,\"protocol\":\"UDP\"}]", {.port_number = 0}, "10.0.0.1:8080"},
        {"[{\"name\":\"http\",\"port\":53,\"protocol\":\"UDP\"}]", {.port = {"http", 4}}, ""},
        {"[{\"name\":\"http\",\"port\":53,\"protocol\":\"SCTP\"}]", {.port = {"http", 4}}, ""},
        {"[{\"name\":\"http\",\"port\":null}]", {.port = {"http", 4}}, ""},
        {"[{\"name\":\"http\",\"port\":0}]", {.port = {"http", 4}}, ""},
        {"[{\"name\":\"http\",\"port\":65536}]", {.port = {"http", 4}}, ""},
        {"[{\"name\":\"http\",\"port\":-1}]", {.port = {"http", 4}}, ""},
        {"[{\"name\":\"http\",\"port\":\"80\"}]", {.port = {"http", 4}}, ""},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_k8s_want want = cases[i].want;
        want.service = RM_STR("cart");
        put("a", "IPv4", "[" AT("10.0.0.1", READY) "]", cases[i].ports);
        if (strcmp(hosts(&want), cases[i].expected) != 0)
            fail_msg("number %zu gives \"%s\"", i, hosts(&want));
    }
    struct rm_k8s_found found;
    put("a", "IPv4", "[" AT("10.0.0.1", READY) "]", "[" PORT ",{\"name\":\"admin\",\"port\":9000}]");
    put("b", "IPv4", "[" AT("10.0.0.2", READY) "]", "[{\"name\":\"admin\",\"port\":9000}]");
    rm_k8s_store_find(&store, &arena, &any, &found);
    assert_int_equal(found.n, 1);
    assert_int_equal(found.n_no_port, 1);
    assert_int_equal(found.n_slices, 2);
    assert_true(rm_str_eq(found.ports, RM_STR("http=8080 admin=9000")));
}

static void p31_scheme(void **state)
{
    (void)state;
    static const struct {
        const char *app;
        struct rm_str scheme, fallback;
        const char *expected;
    } cases[] = {
        {"null", {"", 0}, {"http", 4}, "http"},          {"\"http\"", {"", 0}, {"https", 5}, "https"},
        {"\"https\"", {"", 0}, {"http", 4}, "https"},    {"\"HTTPS\"", {"", 0}, {"http", 4}, "https"},
        {"\"https\"", {"http", 4}, {"http", 4}, "http"}, {"\"kubernetes.io/h2c\"", {"", 0}, {"http", 4}, "http"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_k8s_want want = any;
        struct rm_k8s_found found;
        struct rm_str ports =
            rm_arena_printf(&arena, "[{\"name\":\"http\",\"port\":80,\"appProtocol\":%s}]", cases[i].app);
        want.scheme = cases[i].scheme;
        want.fallback = cases[i].fallback;
        put("a", "IPv4", "[" AT("10.0.0.1", READY) "]", ports.p);
        rm_k8s_store_find(&store, &arena, &want, &found);
        assert_int_equal(found.n, 1);
        assert_true(rm_str_eq(found.hosts[0].scheme, rm_str_of(cases[i].expected)));
    }
}

#define POD(uid) "\"targetRef\":{\"kind\":\"Pod\",\"uid\":\"" uid "\"},"

static void p32_families(void **state)
{
    (void)state;
    struct rm_k8s_want v4 = any, v6 = any;
    v4.addresses = RM_K8S_ONLY_IPV4;
    v6.addresses = RM_K8S_ONLY_IPV6;
    put("a", "IPv4", "[" AT("10.0.0.1", POD("1") READY) "," AT("10.0.0.2", POD("2") DRAINING) "]", "[" PORT "]");
    put("b", "IPv6", "[" AT("fd00::1", POD("1") READY) "," AT("fd00::2", POD("2") READY) "," AT("fd00::3", READY) "]",
        "[" PORT "]");
    put("c", "FQDN", "[" AT("cart.test", READY) "]", "[" PORT "]");
    assert_string_equal(hosts(&v4), "10.0.0.1:8080 10.0.0.2:8080!");
    assert_string_equal(hosts(&v6), "fd00::1:8080 fd00::2:8080 fd00::3:8080");
    // Once a pod: IPv4 where both are as good, else the one that is ready. Without a uid nobody knows.
    assert_string_equal(hosts(&any), "10.0.0.1:8080 fd00::2:8080 fd00::3:8080");
    struct rm_k8s_found found;
    rm_k8s_store_find(&store, &arena, &any, &found);
    assert_true(found.is_fqdn);
}

#define ZONES(...) "\"hints\":{\"forZones\":[" __VA_ARGS__ "]},"
#define NODES(...) "\"hints\":{\"forNodes\":[" __VA_ARGS__ "]},"
#define NAME(name) "{\"name\":\"" name "\"}"

static void p34_hints(void **state)
{
    (void)state;
    struct rm_k8s_want nowhere = any;
    nowhere.zone = nowhere.node = RM_STR("");
    static const struct {
        const char *endpoints, *expected;
    } cases[] = {
        {"[" AT("10.0.0.1", ZONES(NAME("zone-a")) READY) "," AT("10.0.0.2", ZONES(NAME("zone-b")) READY) "]",
         "10.0.0.1:8080* 10.0.0.2:8080"},
        {"[" AT("10.0.0.1", ZONES(NAME("zone-b") "," NAME("zone-a")) READY) "]", "10.0.0.1:8080*"},
        {"[" AT("10.0.0.1", ZONES(NAME("zone-a")) READY) "," AT("10.0.0.2", READY) "]", "10.0.0.1:8080 10.0.0.2:8080"},
        {"[" AT("10.0.0.1", ZONES(NAME("zone-b")) READY) "]", "10.0.0.1:8080"},
        // Those that are not ready are not asked for a hint, and get none.
        {"[" AT("10.0.0.1", ZONES(NAME("zone-a")) READY) "," AT("10.0.0.2", ZONES(NAME("zone-a")) DRAINING) "]",
         "10.0.0.1:8080* 10.0.0.2:8080!"},
        {"[" AT("10.0.0.1", ZONES(NAME("zone-a")) DRAINING) "]", "10.0.0.1:8080!"},
        {"[" AT("10.0.0.1", NODES(NAME("node-1")) READY) "," AT("10.0.0.2", NODES(NAME("node-2")) READY) "]",
         "10.0.0.1:8080* 10.0.0.2:8080"},
        {"[" AT("10.0.0.1", "\"hints\":null," READY) "]", "10.0.0.1:8080"},
        {"[" AT("10.0.0.1", ZONES("{},null,7") READY) "]", "10.0.0.1:8080"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        put("a", "IPv4", cases[i].endpoints, "[" PORT "]");
        if (strcmp(hosts(&any), cases[i].expected) != 0)
            fail_msg("%s gives \"%s\"", cases[i].endpoints, hosts(&any));
        assert_null(strchr(hosts(&nowhere), '*'));
    }
}

// ---- texts -----------------------------------------------------------------------------------------------------------------

static void p03_p20_events(void **state)
{
    (void)state;
    struct rm_k8s_event event =
        event_of("{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"EndpointSlice\",\"apiVersion\":\"discovery.k8s.io/"
                 "v1\",\"metadata\":{"
                 "\"resourceVersion\":\"382\"},\"addressType\":\"\",\"endpoints\":null,\"ports\":null}}");
    assert_int_equal(event.kind, RM_K8S_BOOKMARK);
    assert_true(rm_str_eq(event.version, RM_STR("382")));
    assert_null(event.slice);
    event = event_of(
        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"metadata\":{},\"message\":\"too old\",\"reason\":"
        "\"Expired\",\"code\":410}}");
    assert_int_equal(event.kind, RM_K8S_ERROR);
    assert_int_equal(event.error.code, 410);
    assert_false(event.error.is_future);
    assert_true(rm_str_eq(event.error.message, RM_STR("too old")));
    event = event_of("{\"type\":\"ERROR\",\"object\":{\"code\":504,\"details\":{\"causes\":[{\"reason\":"
                     "\"ResourceVersionTooLarge\"}]}}}");
    assert_true(event.error.is_future);
    event = event_of("{\"type\":\"SOMETHING\",\"object\":{}}");
    assert_int_equal(event.kind, RM_K8S_OTHER);
    static const char *const broken[] = {
        "",
        "{",
        "[]",
        "7",
        "{\"type\":\"ADDED\"}",
        "{\"type\":7,\"object\":{}}",
        "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}",
        "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"1\"}}}",
        "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":7}}}",
        "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"1\"}}} {}",
    };
    for (size_t i = 0; i < RM_COUNT(broken); i++)
        assert_int_equal(rm_k8s_event_parse(&arena, rm_str_of(broken[i]), &event, NULL), RM_EDECODE);
}

static void p01_a_list_has_its_own_version(void **state)
{
    (void)state;
    struct rm_k8s_page page;
    static const char list[] =
        "{\"kind\":\"EndpointSliceList\",\"metadata\":{\"resourceVersion\":\"9\",\"continue\":\"c\"},"
        "\"items\":[{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"10\"}}]}";
    assert_int_equal(rm_k8s_page_parse(&arena, RM_STR(list), &page, NULL), RM_OK);
    assert_true(rm_str_eq(page.version, RM_STR("9")) && rm_str_eq(page.more, RM_STR("c")));
    assert_int_equal(page.n, 1);
    rm_k8s_slice_free(page.slices[0]);
    assert_int_equal(rm_k8s_page_parse(&arena, RM_STR("{\"kind\":\"Status\"}"), &page, NULL), RM_EDECODE);
    assert_int_equal(rm_k8s_page_parse(&arena, RM_STR("{\"kind\":\"EndpointSliceList\",\"metadata\":{}}"), &page, NULL),
                     RM_EDECODE);
    struct rm_k8s_status status;
    rm_k8s_status_parse(&arena, RM_STR("Too many requests\n"), &status);
    assert_int_equal(status.code, 0);
}

struct lines {
    char text[256];
    int stop_after;
};

static int take_line(void *arg, struct rm_str line)
{
    struct lines *lines = arg;
    size_t n = strlen(lines->text);
    snprintf(lines->text + n, sizeof(lines->text) - n, "<%.*s>", (int)line.n, line.p);
    return --lines->stop_after == 0 ? RM_ESTATUS : RM_OK;
}

static void p18_p19_lines_however_they_are_cut(void **state)
{
    (void)state;
    static const char text[] = "one\n\ntwo\r\n\r\nthree\nfour";
    for (size_t size = 1; size <= sizeof(text); size++) {
        struct rm_k8s_lines lines;
        struct lines got = {.stop_after = -1};
        rm_k8s_lines_init(&lines, 64);
        for (size_t at = 0; at < sizeof(text) - 1; at += size) {
            size_t n = sizeof(text) - 1 - at < size ? sizeof(text) - 1 - at : size;
            assert_int_equal(rm_k8s_lines_feed(&lines, (struct rm_str){text + at, n}, take_line, &got), RM_OK);
        }
        assert_string_equal(got.text, "<one><two><three>");
        rm_k8s_lines_free(&lines);
    }
    struct rm_k8s_lines lines;
    struct lines got = {.stop_after = 2};
    rm_k8s_lines_init(&lines, 4);
    assert_int_equal(rm_k8s_lines_feed(&lines, RM_STR("a\nb\nc\n"), take_line, &got), RM_ESTATUS);
    assert_string_equal(got.text, "<a><b>");
    rm_k8s_lines_free(&lines);
    got = (struct lines){.stop_after = -1};
    assert_int_equal(rm_k8s_lines_feed(&lines, RM_STR("1234\n"), take_line, &got), RM_OK);
    assert_int_equal(rm_k8s_lines_feed(&lines, RM_STR("123"), take_line, &got), RM_OK);
    assert_int_equal(rm_k8s_lines_feed(&lines, RM_STR("45"), take_line, &got), RM_ETOOBIG);
    rm_k8s_lines_free(&lines);
    assert_int_equal(rm_k8s_lines_feed(&lines, RM_STR("12345\n"), take_line, &got), RM_ETOOBIG);
    rm_k8s_lines_free(&lines);
}

static void p38_sources(void **state)
{
    (void)state;
    static const struct {
        const char *host, *scheme, *name, *service, *namespace_, *port;
        uint16_t number;
    } good[] = {
        {"cart", "", "cart", "cart", "", "", 0},
        {"cart:http", "", "cart", "cart", "", "http", 0},
        {"cart:8080", "", "cart", "cart", "", "", 8080},
        {"cart:8-080", "", "cart", "cart", "", "8-080", 0},
        {"http://cart.shop:http", "http", "cart.shop", "cart", "shop", "http", 0},
        {"https://cart.shop.svc:443/", "https", "cart.shop.svc", "cart", "shop", "", 443},
        {"cart.shop.svc.cluster.local.:web", "", "cart.shop.svc.cluster.local.", "cart", "shop", "web", 0},
        {"0-9.x", "", "0-9.x", "0-9", "x", "", 0},
    };
    static const char *const bad[] = {"",     ":80",       "cart:0",      "cart:65536",     "cart:a_b",  "-cart",
                                      "Cart", "cart..svc", "cart.shop.x", "cart.shop.svcs", "http://",   "ftp://cart",
                                      "c@rt", "[::1]:80",  "cart:http:",  "cart/x",         "cart:HTTP", ".cart",
                                      "a b",  "cart.-a",   "cart?x=1"};
    for (size_t i = 0; i < RM_COUNT(good); i++) {
        struct rm_str host = rm_str_of(good[i].host);
        struct rm_source source = {.hosts = &host, .n_hosts = 1};
        struct rm_k8s_source got;
        struct rm_err err = {0};
        if (rm_k8s_source_parse(&source, &got, &err) != RM_OK)
            fail_msg("%s: %s", good[i].host, err.text);
        assert_true(rm_str_eq(got.scheme, rm_str_of(good[i].scheme)) && rm_str_eq(got.name, rm_str_of(good[i].name)));
        assert_true(rm_str_eq(got.service, rm_str_of(good[i].service)));
        assert_true(rm_str_eq(got.namespace_, rm_str_of(good[i].namespace_)));
        assert_true(rm_str_eq(got.port, rm_str_of(good[i].port)) && got.port_number == good[i].number);
    }
    for (size_t i = 0; i < RM_COUNT(bad); i++) {
        struct rm_str host = rm_str_of(bad[i]);
        struct rm_source source = {.hosts = &host, .n_hosts = 1};
        struct rm_k8s_source got;
        if (rm_k8s_source_parse(&source, &got, NULL) != RM_ECONF)
            fail_msg("\"%s\" was taken", bad[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(p22_p26_states),
        TEST(p21_p22_an_address_that_moves_between_slices),
        TEST(p30_ports),
        TEST(p31_scheme),
        TEST(p32_families),
        TEST(p34_hints),
        TEST(p03_p20_events),
        TEST(p01_a_list_has_its_own_version),
        TEST(p18_p19_lines_however_they_are_cut),
        TEST(p38_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
