// The pure rules of net/: hop-by-hop fields, redirects, what a request may hold, header lists, peers.
// SPDX-License-Identifier: Apache-2.0
#include "net/hop.h"
#include "net/peers.h"
#include "net/redirect.h"
#include "net/request.h"
#include "net/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct rm_arena arena;
static struct rm_err err;

static int set_up(void **state)
{
    (void)state;
    rm_arena_init(&arena, NULL);
    memset(&err, 0, sizeof(err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rm_arena_fini(&arena);
    return 0;
}

static bool has(const struct rm_headers *headers, const char *name)
{
    return rm_headers_find(headers, rm_str_of(name)) != NULL;
}

// ---- header lists and hop-by-hop ---------------------------------------------------------------------------------------

static void lists_grow_and_keep_their_order(void **state)
{
    (void)state;
    struct rm_headers headers = {.n = 0};
    static char names[200][4];
    for (int i = 0; i < 200; i++) {
        names[i][0] = (char)('a' + i / 26);
        names[i][1] = (char)('a' + i % 26);
        rm_headers_add(&arena, &headers, rm_str_of(names[i]), RM_STR("v"));
    }
    assert_int_equal(headers.n, 200);
    for (int i = 0; i < 200; i++)
        assert_true(rm_str_eq(headers.v[i].name, rm_str_of(names[i])));
    assert_ptr_equal(rm_headers_find(&headers, RM_STR("HR")), &headers.v[7 * 26 + 17]);
    assert_null(rm_headers_find(&headers, RM_STR("a")));
}

static void hop_fields_are_removed(void **state)
{
    (void)state;
    static const char *const gone[] = {"Connection", "Keep-Alive",     "Proxy-Authenticate",  "PROXY-Connection",
                                       "TE",         "Trailer",        "Transfer-Encoding",   "Upgrade",
                                       "X-Secret",   "http2-settings", "Proxy-Authorization", "X-Other"};
    static const char *const kept[] = {"Content-Type", "Tea", "Proxy", "Upgrades", "X-Kept", "Close", "Te-Deum"};
    struct rm_headers headers = {.n = 0};
    for (size_t i = 0; i < RM_COUNT(gone); i++)
        rm_headers_add(&arena, &headers, rm_str_of(gone[i]), RM_STR("close, x-SECRET ,, keep-alive"));
    for (size_t i = 0; i < RM_COUNT(kept); i++)
        rm_headers_add(&arena, &headers, rm_str_of(kept[i]), RM_STR("v"));
    rm_headers_add(&arena, &headers, RM_STR("connection"), RM_STR("X-Other"));
    rm_hop_strip(&headers);
    assert_int_equal(headers.n, RM_COUNT(kept));
    for (size_t i = 0; i < RM_COUNT(kept); i++)
        assert_true(rm_str_eq(headers.v[i].name, rm_str_of(kept[i])));
}

static void a_huge_connection_list_lets_nothing_through(void **state)
{
    (void)state;
    struct rm_headers headers = {.n = 0};
    struct rm_buf list;
    rm_buf_init(&list, 1 << 20, NULL);
    for (int i = 0; i < 100; i++)
        assert_int_equal(rm_buf_printf(&list, "x%d,", i), RM_OK);
    rm_headers_add(&arena, &headers, RM_STR("Connection"), rm_buf_str(&list));
    rm_headers_add(&arena, &headers, RM_STR("X99"), RM_STR("v"));
    rm_hop_strip(&headers);
    assert_false(has(&headers, "X99"));
    rm_buf_free(&list);
}

// ---- redirects -----------------------------------------------------------------------------------------------------------

static const struct rm_host host = {
    .scheme = {"http", 4}, .address = {"127.0.0.1", 9}, .name = {"a.example", 9}, .port = 80};

static int redirect(const char *method, int status, const char *location, const char *target, struct rm_redirect *out)
{
    struct rm_header header = {RM_STR("Location"), rm_str_of(location)};
    struct rm_redirect_in in = {.method = rm_str_of(method),
                                .target = rm_str_of(target),
                                .host = &host,
                                .status = status,
                                .location = location ? &header : NULL};
    return rm_redirect_next(&arena, &in, out, &err);
}

static void references_are_resolved(void **state)
{
    (void)state;
    // The examples of RFC 3986 5.4 that stay at the host, for the base http://a.example/b/c/d;p?q, and more.
    static const char *const rows[][2] = {
        {"g", "/b/c/g"},
        {"./g", "/b/c/g"},
        {"g/", "/b/c/g/"},
        {"/g", "/g"},
        {"?y", "/b/c/d;p?y"},
        {"g?y", "/b/c/g?y"},
        {"#s", "/b/c/d;p?q"},
        {"g#s", "/b/c/g"},
        {"g?y#s", "/b/c/g?y"},
        {";x", "/b/c/;x"},
        {"g;x?y#s", "/b/c/g;x?y"},
        {".", "/b/c/"},
        {"./", "/b/c/"},
        {"..", "/b/"},
        {"../", "/b/"},
        {"../g", "/b/g"},
        {"../..", "/"},
        {"../../g", "/g"},
        {"../../../g", "/g"},
        {"/./g", "/g"},
        {"/../g", "/g"},
        {"g.", "/b/c/g."},
        {"..g", "/b/c/..g"},
        {"./../g", "/b/g"},
        {"./g/.", "/b/c/g/"},
        {"g/./h", "/b/c/g/h"},
        {"g/../h", "/b/c/h"},
        {"g;x=1/../y", "/b/c/y"},
        {"g?y/../x", "/b/c/g?y/../x"},
        {"http://a.example/x", "/x"},
        {"HTTP://A.EXAMPLE:80/x", "/x"},
        {"http://a.example:/x", "/x"},
        {"http://a.example", "/"},
        {"http://a.example?z", "/?z"},
        {"//a.example/x/../y", "/y"},
        {"/a b\"c", "/a%20b%22c"},
        {"/caf\xc3\xa9?\xe2\x82\xac", "/caf%C3%A9?%E2%82%AC"},
        {"/%2e%2e/x", "/%2e%2e/x"},
        {"/?", "/?"},
        {"//a.example:80//x", "//x"},
    };
    for (size_t i = 0; i < RM_COUNT(rows); i++) {
        struct rm_redirect out;
        int rc = redirect("GET", 302, rows[i][0], "/b/c/d;p?q", &out);
        if (rc != 1 || !rm_str_eq(out.target, rm_str_of(rows[i][1])))
            fail_msg("%s: %d, %.*s instead of %s", rows[i][0], rc, rc == 1 ? (int)out.target.n : 0, out.target.p,
                     rows[i][1]);
    }
}

static void a_base_of_two_slashes_is_a_path(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"?y", "//b/c?y"}, {"g", "//b/g"}, {"/g", "/g"}, {"..", "//"}, {"", NULL}};
    for (size_t i = 0; i < RM_COUNT(rows); i++) {
        struct rm_redirect out;
        int rc = redirect("GET", 302, rows[i][0], "//b/c?q", &out);
        assert_int_equal(rc, rows[i][1] != NULL);
        if (rc == 1 && !rm_str_eq(out.target, rm_str_of(rows[i][1])))
            fail_msg("%s: %.*s", rows[i][0], (int)out.target.n, out.target.p);
    }
}

static void other_places_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "https://a.example/x",
        "http://b.example/x",
        "http://a.example.evil/x",
        "http://a.example:81/x",
        "http://a.example:080x/x",
        "http://a.example:99999/x",
        "http://a.example:4294967376/x", // 80 + 2^32
        "http://user@a.example/x",
        "http://a.example@evil/x",
        "http:/x",
        "http:x",
        "http:///x",
        "//b.example/x",
        "//",
        "ftp://a.example/x",
        "javascript:alert(1)",
        "http://[::1]/x",
        "http://[a.example/x",
        "/x\r\nX: y",
        "/x\x7f",
        "\x01",
    };
    for (size_t i = 0; i < RM_COUNT(rows); i++) {
        struct rm_redirect out;
        int rc = redirect("GET", 301, rows[i], "/b", &out);
        if (rc != RM_EREDIRECT || err.code != RM_EREDIRECT)
            fail_msg("%s: %d", rows[i], rc);
        assert_null(strstr(err.text, "example")); // no address of anybody
    }
}

static void literal_addresses(void **state)
{
    (void)state;
    struct rm_host six = {.scheme = RM_STR("https"), .address = RM_STR("::1"), .name = RM_STR("::1"), .port = 8443};
    struct rm_header location = {RM_STR("Location"), RM_STR("https://[::1]:8443/x")};
    struct rm_redirect_in in = {
        .method = RM_STR("GET"), .target = RM_STR("/"), .host = &six, .status = 302, .location = &location};
    struct rm_redirect out;
    assert_int_equal(rm_redirect_next(&arena, &in, &out, &err), 1);
    location.value = RM_STR("https://[::1]/x"); // 443
    assert_int_equal(rm_redirect_next(&arena, &in, &out, &err), RM_EREDIRECT);
}

static void methods_and_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        int status;
        bool body, send;
        int rc;
        const char *next;
        bool keep;
    } rows[] = {
        {"GET", 301, false, false, 1, "GET", false},
        {"POST", 301, true, false, 1, "GET", false},
        {"POST", 302, true, true, 1, "GET", false},
        {"POST", 303, true, false, 1, "GET", false},
        {"PUT", 302, true, false, 1, "GET", false},
        {"DELETE", 303, false, false, 1, "GET", false},
        {"HEAD", 301, false, false, 1, "HEAD", false},
        {"HEAD", 303, false, false, 1, "HEAD", false},
        {"GET", 307, false, false, 1, "GET", false},
        {"POST", 307, false, false, 1, "POST", false},
        {"POST", 307, true, false, RM_EREDIRECT, NULL, false},
        {"POST", 308, true, false, RM_EREDIRECT, NULL, false},
        {"POST", 307, true, true, 1, "POST", true},
        {"PATCH", 308, true, true, 1, "PATCH", true},
        {"GET", 300, false, false, 0, NULL, false},
        {"GET", 304, false, false, 0, NULL, false},
        {"GET", 305, false, false, 0, NULL, false},
        {"GET", 200, false, false, 0, NULL, false},
        {"GET", 201, false, false, 0, NULL, false},
    };
    for (size_t i = 0; i < RM_COUNT(rows); i++) {
        struct rm_header location = {RM_STR("Location"), RM_STR("/n")};
        struct rm_redirect_in in = {.method = rm_str_of(rows[i].method),
                                    .target = RM_STR("/"),
                                    .host = &host,
                                    .has_body = rows[i].body,
                                    .send_body_on_redirect = rows[i].send,
                                    .status = rows[i].status,
                                    .location = &location};
        struct rm_redirect out;
        assert_int_equal(rm_redirect_next(&arena, &in, &out, &err), rows[i].rc);
        if (rows[i].rc != 1)
            continue;
        assert_true(rm_str_eq(out.method, rm_str_of(rows[i].next)));
        assert_int_equal(out.keep_body, rows[i].keep);
        assert_true(rm_str_eq(out.target, RM_STR("/n")));
    }
}

static void without_location_it_is_final(void **state)
{
    (void)state;
    struct rm_redirect out;
    assert_int_equal(redirect("GET", 302, NULL, "/b", &out), 0);
    assert_int_equal(redirect("GET", 302, "", "/b", &out), 0);
}

// ---- requests ------------------------------------------------------------------------------------------------------------

static struct rm_exchange exchange(const char *method, const char *target)
{
    return (struct rm_exchange){.host = &host, .method = rm_str_of(method), .target = rm_str_of(target)};
}

static void bad_requests_are_refused(void **state)
{
    (void)state;
    static const char *const methods[] = {"", "GE T", "GET\r\n", "CONNECT", "G\xc3\xa9T", "GET:"};
    static const char *const targets[] = {"", "x", "*", "http://a/", "/a b", "/a\r\n", "/a\t", "/a#b", "/a\x7f"};
    static const struct rm_str names[] = {{"", 0}, {"a b", 3}, {"a:", 2}, {"a\r", 2}, {"\xc3\xa9", 2}, {"a\0b", 3}};
    static const struct rm_str values[] = {{"a\r\nb", 4}, {"a\n", 2},  {"\r", 1},
                                           {"a\0b", 3},   {"\x7f", 1}, {"\x1b[", 2}};
    static const char *const hosts[] = {"", "a/b", "a@b", "a b", "a%00", "a\r\n", "[::1]", "a?b", "a#b", "\xc3\xa9"};
    for (size_t i = 0; i < RM_COUNT(methods); i++) {
        struct rm_exchange x = exchange(methods[i], "/");
        assert_int_equal(rm_request_check(&x, &err), RM_EREQUEST);
    }
    for (size_t i = 0; i < RM_COUNT(targets); i++) {
        struct rm_exchange x = exchange("GET", targets[i]);
        assert_int_equal(rm_request_check(&x, &err), RM_EREQUEST);
    }
    for (size_t i = 0; i < RM_COUNT(names); i++) {
        struct rm_exchange x = exchange("GET", "/");
        rm_headers_add(&arena, &x.headers, names[i], RM_STR("v"));
        assert_int_equal(rm_request_check(&x, &err), RM_EREQUEST);
    }
    for (size_t i = 0; i < RM_COUNT(values); i++) {
        struct rm_exchange x = exchange("GET", "/");
        rm_headers_add(&arena, &x.headers, RM_STR("X"), values[i]);
        assert_int_equal(rm_request_check(&x, &err), RM_EREQUEST);
    }
    for (size_t i = 0; i < RM_COUNT(hosts); i++) {
        struct rm_host other = host;
        struct rm_exchange x = exchange("GET", "/");
        x.host = &other;
        other.name = rm_str_of(hosts[i]);
        assert_int_equal(rm_request_check(&x, &err), RM_EREQUEST);
    }
    struct rm_host other = host;
    struct rm_exchange x = exchange("GET", "/");
    x.host = &other;
    other.scheme = RM_STR("ftp");
    assert_int_equal(rm_request_check(&x, &err), RM_EREQUEST);
}

static void good_requests_pass(void **state)
{
    (void)state;
    static const char *const targets[] = {"/", "//", "/a/../b", "/%00", "/caf\xc3\xa9?q={id}|^", "/?"};
    for (size_t i = 0; i < RM_COUNT(targets); i++) {
        struct rm_exchange x = exchange("PROPFIND", targets[i]);
        rm_headers_add(&arena, &x.headers, RM_STR("X-a.b_c!"), RM_STR("\tv \xff"));
        rm_headers_add(&arena, &x.headers, RM_STR("Empty"), RM_STR(""));
        assert_int_equal(rm_request_check(&x, &err), RM_OK);
    }
}

static void body_kinds(void **state)
{
    (void)state;
    struct rm_body_source source = {.length = -1};
    struct rm_exchange x = exchange("GET", "/");
    assert_int_equal(rm_request_body_of(&x), RM_REQUEST_NO_BODY);
    x.has_body = true;
    assert_int_equal(rm_request_body_of(&x), RM_REQUEST_BUFFER);
    x.source = &source;
    assert_int_equal(rm_request_body_of(&x), RM_REQUEST_SOURCE);
    x.method = RM_STR("HEAD");
    assert_int_equal(rm_request_body_of(&x), RM_REQUEST_NO_BODY);
    x = exchange("POST", "/");
    assert_int_equal(rm_request_body_of(&x), RM_REQUEST_BUFFER);
    x = exchange("DELETE", "/");
    assert_int_equal(rm_request_body_of(&x), RM_REQUEST_NO_BODY);
}

static void asking_for_gzip(void **state)
{
    (void)state;
    struct rm_exchange x = exchange("GET", "/");
    assert_false(rm_request_asks_gzip(&x));
    x.gzip = RM_GZIP_ASK;
    assert_true(rm_request_asks_gzip(&x));
    x.method = RM_STR("HEAD");
    assert_false(rm_request_asks_gzip(&x));
    x = exchange("GET", "/");
    x.gzip = RM_GZIP_ASK;
    rm_headers_add(&arena, &x.headers, RM_STR("range"), RM_STR("bytes=0-1"));
    assert_false(rm_request_asks_gzip(&x));
    x = exchange("GET", "/");
    x.gzip = RM_GZIP_ASK;
    rm_headers_add(&arena, &x.headers, RM_STR("accept-encoding"), RM_STR("br"));
    assert_false(rm_request_asks_gzip(&x));
}

// ---- peers ---------------------------------------------------------------------------------------------------------------

static unsigned dropped;

static void drop(struct rm_peer *peer)
{
    (void)peer;
    dropped++;
}

static void peers_differ_in_every_part(void **state)
{
    (void)state;
    struct rm_host hosts[5];
    struct rm_peer *first[5];
    struct rm_peers peers;
    for (size_t i = 0; i < 5; i++)
        hosts[i] = host;
    hosts[1].scheme = RM_STR("https");
    hosts[2].name = RM_STR("b.example");
    hosts[3].address = RM_STR("127.0.0.2");
    hosts[4].port = 81;
    dropped = 0;
    rm_peers_init(&peers, drop);
    for (size_t i = 0; i < 5; i++) {
        first[i] = rm_peer_get(&peers, &hosts[i]);
        for (size_t j = 0; j < i; j++)
            assert_ptr_not_equal(first[i], first[j]);
    }
    for (size_t i = 0; i < 5; i++) {
        assert_ptr_equal(rm_peer_get(&peers, &hosts[i]), first[i]);
        rm_peer_unref(&peers, first[i]);
        rm_peer_unref(&peers, first[i]);
    }
    assert_ptr_equal(rm_peer_get(&peers, &hosts[2]), first[2]); // kept for a while
    rm_peer_unref(&peers, first[2]);
    assert_int_equal(dropped, 0);
    rm_peers_fini(&peers);
    assert_int_equal(dropped, 5);
}

static void peers_that_nobody_uses_are_forgotten(void **state)
{
    (void)state;
    struct rm_host other = host;
    struct rm_peers peers;
    dropped = 0;
    rm_peers_init(&peers, drop);
    struct rm_peer *used = rm_peer_get(&peers, &host);
    for (uint16_t i = 1; i <= 2000; i++) {
        other.port = (uint16_t)(1000 + i);
        rm_peer_unref(&peers, rm_peer_get(&peers, &other));
    }
    assert_true(peers.n < 200);
    assert_int_equal(dropped + peers.n, 2001);
    assert_ptr_equal(rm_peer_get(&peers, &host), used);
    rm_peer_unref(&peers, used);
    rm_peer_unref(&peers, used);
    rm_peers_fini(&peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_grow_and_keep_their_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hop_fields_are_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_huge_connection_list_lets_nothing_through, set_up, tear_down),
        cmocka_unit_test_setup_teardown(references_are_resolved, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_base_of_two_slashes_is_a_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_places_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(literal_addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(methods_and_bodies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_location_it_is_final, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_requests_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(good_requests_pass, set_up, tear_down),
        cmocka_unit_test_setup_teardown(body_kinds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(asking_for_gzip, set_up, tear_down),
        cmocka_unit_test(peers_differ_in_every_part),
        cmocka_unit_test(peers_that_nobody_uses_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
