// Configurations that are accepted: what they mean, with defaults and inheritance applied.
// SPDX-License-Identifier: Apache-2.0
#include "conf_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define assert_str(got, want) assert_string_equal(rm_arena_cstr(&c.arena, (got)), (want))

static void test_defaults(void **state)
{
    (void)state;
    struct conf_case c;
    conf_case_good(&c, "t.json", "{\"version\": 3}", false);
    const struct rm_conf *conf = c.conf;
    assert_int_equal(conf->n_endpoints, 0);
    assert_int_equal(conf->port, 8080);
    assert_int_equal(conf->listen_ip.n, 0);
    assert_int_equal(conf->timeout_us, 2000000);
    assert_int_equal(conf->max_idle_connections_per_host, 250);
    assert_int_equal(conf->max_idle_connections, 0);
    assert_int_equal(conf->idle_connection_timeout_us, 4000000);
    assert_int_equal(conf->dialer_keep_alive_us, 15000000);
    assert_int_equal(conf->dialer_timeout_us, 0);
    assert_int_equal(conf->response_header_timeout_us, 0);
    assert_int_equal(conf->dns_cache_ttl_us, 30000000);
    assert_int_equal(conf->max_shutdown_wait_us, 0);
    assert_int_equal(conf->log_level, RM_INFO);
    assert_true(conf->log_stdout);
    assert_int_equal(conf->workers, 0);
    assert_str(conf->admin.ip, "127.0.0.1");
    assert_int_equal(conf->admin.port, 8091);
    assert_true(conf->admin.is_default);
    assert_int_equal(conf->probes.port, 0);
    assert_false(conf->client_tls.insecure);
    assert_str(conf->router.health_path, "/__health");
    assert_true(conf->router.forwarded_by_client_ip);
    assert_int_equal(conf->router.remote_ip_headers.n, 2);
    assert_str(conf->router.remote_ip_headers.v[0], "X-Forwarded-For");
    assert_int_equal(conf->router.trusted_proxies.n, 2);
    assert_str(conf->router.trusted_proxies.v[0], "127.0.0.0/8");
    assert_str(conf->router.trusted_proxies.v[1], "::1/128");
    assert_null(conf->router.error_body_404);
    const struct rm_conf_limits *limits = &conf->limits;
    assert_int_equal(limits->head_bytes, 8 << 10);
    assert_int_equal(limits->headers, 100);
    assert_int_equal(limits->client_body_bytes, 10 << 20);
    assert_int_equal(limits->backend_head_bytes, 64 << 10);
    assert_int_equal(limits->backend_body_bytes, 16 << 20);
    assert_int_equal(limits->json_depth, 512);
    assert_int_equal(limits->json_nodes, 200000);
    assert_int_equal(limits->bodies_bytes, 48 << 20);
    assert_int_equal(limits->connections, 1024);
    assert_int_equal(limits->head_timeout_us, 5000000);
    assert_int_equal(limits->idle_timeout_us, 60000000);
    assert_int_equal(limits->body_timeout_us, 10000000);
    conf_case_free(&c);
}

static void test_listeners(void **state)
{
    (void)state;
    static const char *const off[] = {"false", "''"};
    struct conf_case c;
    for (size_t i = 0; i < RM_COUNT(off); i++) {
        char text[200];
        snprintf(text, sizeof(text), "version: 3\nextra_config: {remora: {admin: {listen: %s}}}\n", off[i]);
        conf_case_good(&c, "t.yaml", text, false);
        assert_int_equal(c.conf->admin.port, 0);
        conf_case_free(&c);
    }
    conf_case_good(&c, "t.yaml",
                   "version: 3\n"
                   "extra_config: {remora: {admin: {listen: '127.0.0.1:8091'}, probes: {listen: '[::]:8090'}}}\n",
                   false);
    assert_str(c.conf->admin.ip, "127.0.0.1");
    assert_int_equal(c.conf->admin.port, 8091);
    assert_false(c.conf->admin.is_default); // asked for: that it is taken is an error
    assert_str(c.conf->probes.ip, "::");
    assert_int_equal(c.conf->probes.port, 8090);
    const char *dump = rm_conf_dump(c.conf, &c.arena).p;
    assert_non_null(strstr(dump, "\"listen\": \"127.0.0.1:8091\""));
    assert_non_null(strstr(dump, "\"listen\": \"[::]:8090\""));
    conf_case_free(&c);
}

static void test_inheritance(void **state)
{
    (void)state;
    struct conf_case c;
    conf_case_good(&c, "t.yaml",
                   "version: '3'\n" // weak typing, as in KrakenD
                   "port: \"9000\"\n"
                   "timeout: 3s\n"
                   "cache_ttl: 1h\n"
                   "host: [a, 'https://b:8443/']\n"
                   "output_encoding: json-collection\n"
                   "echo_endpoint: \"true\"\n"
                   "endpoints:\n"
                   "- endpoint: one\n"
                   "  method: post\n"
                   "  backend:\n"
                   "  - url_pattern: x\n"
                   "  - {url_pattern: /y, host: c, method: get, encoding: SafeJSON}\n"
                   "- endpoint: /two/{id}/\n"
                   "  timeout: 500ms\n"
                   "  cache_ttl: 0s\n" // 0 is not given
                   "  concurrent_calls: 2.0\n"
                   "  output_encoding: fast-json\n"
                   "  input_headers: '*'\n"
                   "  input_query_strings: [a, b]\n"
                   "  backend:\n"
                   "  - url_pattern: /z\n"
                   "    input_headers: [X-A]\n"
                   "    extra_config: {remora: {timeout: 200ms, transport: curl}}\n",
                   false);
    const struct rm_conf_endpoint *one = &c.conf->endpoints[0], *two = &c.conf->endpoints[1];
    assert_int_equal(c.conf->port, 9000);
    assert_true(c.conf->echo_endpoint);
    assert_str(one->path, "/one");
    assert_int_equal(one->method, RM_POST);
    assert_int_equal(one->timeout_us, 3000000);
    assert_int_equal(one->cache_ttl_us, UINT64_C(3600000000));
    assert_int_equal(one->concurrent_calls, 1);
    assert_str(one->output_encoding, "json-collection");
    assert_int_equal(one->n_backends, 2);
    assert_int_equal(one->backends[0].method, RM_POST);
    assert_str(one->backends[0].url_pattern, "/x");
    assert_str(one->backends[0].sd, "static");
    assert_str(one->backends[0].encoding, "json");
    assert_int_equal(one->backends[0].hosts.n, 2);
    assert_str(one->backends[0].hosts.v[0], "http://a");
    assert_str(one->backends[0].hosts.v[1], "https://b:8443");
    assert_int_equal(one->backends[0].place.line, 12);
    assert_int_equal(one->backends[0].timeout_us, 0);
    assert_int_equal(one->backends[1].method, RM_GET);
    assert_int_equal(one->backends[1].hosts.n, 1);
    assert_str(one->backends[1].hosts.v[0], "http://c");
    assert_str(one->backends[1].encoding, "safejson");
    assert_str(two->path, "/two/{id}/");
    assert_int_equal(two->params.n, 1);
    assert_str(two->params.v[0], "id");
    assert_int_equal(two->timeout_us, 500000);
    assert_int_equal(two->cache_ttl_us, UINT64_C(3600000000));
    assert_int_equal(two->concurrent_calls, 2);
    assert_str(two->output_encoding, "json");
    assert_true(two->all_headers);
    assert_int_equal(two->input_headers.n, 0);
    assert_false(two->all_query_strings);
    assert_int_equal(two->input_query_strings.n, 2);
    assert_true(two->backends[0].has_input_headers);
    assert_false(two->backends[0].has_input_query_strings);
    assert_false(one->backends[0].has_input_headers);
    assert_int_equal(two->backends[0].timeout_us, 200000);
    conf_case_free(&c);
}

// 0 means "not given" in KrakenD, and null does everywhere.
static void test_unset(void **state)
{
    (void)state;
    struct conf_case c;
    conf_case_good(
        &c, "t.json",
        "{\"version\": 3, \"port\": 0, \"timeout\": \"0s\", \"max_header_bytes\": 0, \"idle_timeout\": 0, \"host\": "
        "null, "
        "\"endpoints\": null, \"extra_config\": null, \"tls\": null, \"client_tls\": null, \"listen_ip\": \"\", "
        "\"async_agent\": [], \"use_h2c\": false, \"max_idle_connections_per_host\": 0, \"name\": null}",
        false);
    assert_int_equal(c.conf->port, 8080);
    assert_int_equal(c.conf->timeout_us, 2000000);
    assert_int_equal(c.conf->limits.head_bytes, 8192);
    assert_int_equal(c.conf->limits.idle_timeout_us, 60000000);
    assert_int_equal(c.conf->max_idle_connections_per_host, 250);
    conf_case_free(&c);
    conf_case_good(
        &c, "t.json",
        "{\"version\": 3, \"tls\": {\"disabled\": true}, \"endpoints\": [{\"endpoint\": \"/x\", \"method\": \"\", "
        "\"timeout\": null, \"extra_config\": null, \"concurrent_calls\": 0, \"output_encoding\": \"\", \"backend\": "
        "[{\"host\": \"h\", \"url_pattern\": \"/\", \"target\": \"\", \"allow\": [], \"deny\": null, \"mapping\": {}, "
        "\"group\": \"\", \"encoding\": \"\", \"sd\": \"\", \"extra_config\": {\"proxy\": {\"shadow\": false, "
        "\"flatmap_filter\": []}, \"qos/http-cache\": null}}]}]}",
        false);
    const struct rm_conf_backend *backend = &c.conf->endpoints[0].backends[0];
    assert_null(backend->target);
    assert_null(backend->allow);
    assert_null(backend->deny);
    assert_null(backend->mapping);
    assert_null(backend->group);
    assert_str(backend->encoding, "json");
    assert_int_equal(c.conf->endpoints[0].concurrent_calls, 1);
    conf_case_free(&c);
}

static void test_limits(void **state)
{
    (void)state;
    struct conf_case c;
    conf_case_good(&c, "t.yaml",
                   "version: 3\nmax_header_bytes: 16384\nread_header_timeout: 1s\nidle_timeout: 30s\nread_timeout: 3s\n"
                   "write_timeout: 7s\n",
                   false);
    assert_int_equal(c.conf->limits.head_bytes, 16384);
    assert_int_equal(c.conf->limits.head_timeout_us, 1000000);
    assert_int_equal(c.conf->limits.idle_timeout_us, 30000000);
    assert_int_equal(c.conf->limits.body_timeout_us, 7000000); // the longer one
    conf_case_free(&c);
    conf_case_good(
        &c, "t.yaml",
        "version: 3\nextra_config:\n  remora:\n    workers: 3\n    limits: {head_bytes: 32KiB, body_timeout: 20s, "
        "client_body_bytes: 1048576, json_depth: 10}\nmax_header_bytes: 16384\nread_timeout: 3s\n",
        false);
    assert_int_equal(c.conf->limits.head_bytes, 32 << 10); // remora's own name wins
    assert_int_equal(c.conf->limits.body_timeout_us, 20000000);
    assert_int_equal(c.conf->limits.client_body_bytes, 1 << 20);
    assert_int_equal(c.conf->limits.json_depth, 10);
    assert_int_equal(c.conf->limits.json_nodes, 200000);
    assert_int_equal(c.conf->workers, 3);
    conf_case_free(&c);
}

static void test_dns(void **state)
{
    (void)state;
    struct conf_case c;
    conf_case_good(&c, "t.yaml", "version: 3\n", false);
    assert_int_equal(c.conf->dns.servers.n, 0);
    assert_int_equal(c.conf->dns.timeout_us, 2000000);
    assert_int_equal(c.conf->dns.min_ttl_us, 1000000);
    assert_int_equal(c.conf->dns.max_ttl_us, 3600000000);
    conf_case_free(&c);
    conf_case_good(
        &c, "t.yaml",
        "version: 3\nextra_config:\n  remora:\n    dns:\n      servers: [10.96.0.10, '10.0.0.1:5353', fd00::1, "
        "'[fd00:0::2]', '[::1]:54']\n      timeout: 500ms\n      min_ttl: 2s\n      max_ttl: 1m\n",
        false);
    static const char *const servers[] = {"10.96.0.10:53", "10.0.0.1:5353", "[fd00::1]:53", "[fd00:0::2]:53",
                                          "[::1]:54"};
    assert_int_equal(c.conf->dns.servers.n, RM_COUNT(servers));
    for (size_t i = 0; i < RM_COUNT(servers); i++)
        assert_str(c.conf->dns.servers.v[i], servers[i]);
    assert_int_equal(c.conf->dns.timeout_us, 500000);
    assert_int_equal(c.conf->dns.min_ttl_us, 2000000);
    assert_int_equal(c.conf->dns.max_ttl_us, 60000000);
    conf_case_free(&c);
}

// What another provider than static looks for stays as it is written: nothing is made a URL of it, nor inherited.
static void test_srv_names(void **state)
{
    (void)state;
    static const char *const names[] = {"_http._tcp.cart.shop.svc.cluster.local", "cart.shop.svc.cluster.local.",
                                        "cart"};
    for (size_t i = 0; i < RM_COUNT(names); i++) {
        struct conf_case c;
        char text[300];
        snprintf(text, sizeof(text),
                 "version: 3\nhost: other\nendpoints:\n- endpoint: /x\n  backend:\n  - url_pattern: /y\n    sd: dns\n"
                 "    sd_scheme: https\n    host: [%s]\n    disable_host_sanitize: %s\n",
                 names[i], i ? "true" : "false");
        conf_case_good(&c, "t.yaml", text, false);
        const struct rm_conf_backend *backend = &c.conf->endpoints[0].backends[0];
        assert_str(backend->sd, "dns");
        assert_str(backend->sd_scheme, "https");
        assert_int_equal(backend->hosts.n, 1);
        assert_str(backend->hosts.v[0], names[i]);
        conf_case_free(&c);
    }
}

static void test_balance(void **state)
{
    (void)state;
    struct conf_case c;
    conf_case_good(&c, "t.yaml", "version: 3\nendpoints: [{endpoint: /x, backend: [{host: h, url_pattern: /}]}]\n",
                   false);
    const struct rm_conf_balance *b = &c.conf->endpoints[0].backends[0].balance;
    assert_int_equal(b->balancer, RM_CONF_ROUND_ROBIN);
    assert_int_equal(b->hash_on, RM_HASH_ON_NOTHING);
    assert_int_equal(b->zone, RM_CONF_ZONE_HINTS);
    assert_int_equal(b->zone_min_percent, 20);
    assert_int_equal(b->subset, 0);
    assert_true(b->retries && b->ejects);
    assert_int_equal(b->retry_attempts, 3);
    assert_int_equal(b->retry_budget_percent, 20);
    assert_int_equal(b->retry_attempt_us, 0);
    assert_int_equal(b->eject_after, 5);
    assert_int_equal(b->eject_base_us, 1000000);
    assert_int_equal(b->eject_max_us, 30000000);
    assert_int_equal(b->eject_max_percent, 50);
    assert_int_equal(c.conf->hold_us, 0);
    assert_int_equal(c.conf->hold_missing_us, 30000000);
    assert_int_equal(c.conf->zone.n, 0);
    conf_case_free(&c);
    conf_case_good(&c, "t.yaml",
                   "version: 3\n"
                   "extra_config: {remora: {discovery: {hold: 10m, hold_missing: 0s}, kubernetes: {zone: z}}}\n"
                   "endpoints:\n"
                   "- endpoint: /x/{a}/{b}\n"
                   "  backend:\n"
                   "  - {host: h, url_pattern: /1, extra_config: {remora: {balancer: hash, hash_on: 'header:X-User', "
                   "zone: prefer, zone_min_percent: 0, subset: 20, retry: {attempts: 2, budget_percent: 0, "
                   "attempt_timeout: 300ms}, eject: {after: 1, base: 5ms, max: 1m, max_percent: 100}}}}\n"
                   "  - {host: h, url_pattern: /2, extra_config: {remora: {balancer: hash, hash_on: 'param:b', retry: "
                   "false, eject: false}}}\n"
                   "  - {host: h, url_pattern: /3, extra_config: {remora: {balancer: hash, hash_on: client_ip, zone: "
                   "off, retry: true, eject: {}}}}\n"
                   "  - {host: h, url_pattern: /4, extra_config: {remora: {balancer: least_request}}}\n",
                   false);
    const struct rm_conf_backend *backends = c.conf->endpoints[0].backends;
    b = &backends[0].balance;
    assert_int_equal(b->balancer, RM_CONF_HASH);
    assert_int_equal(b->hash_on, RM_HASH_ON_HEADER);
    assert_str(b->hash_header, "X-User");
    assert_int_equal(b->zone, RM_CONF_ZONE_PREFER);
    assert_int_equal(b->zone_min_percent, 0);
    assert_int_equal(b->subset, 20);
    assert_int_equal(b->retry_attempts, 2);
    assert_int_equal(b->retry_budget_percent, 0);
    assert_int_equal(b->retry_attempt_us, 300000);
    assert_int_equal(b->eject_after, 1);
    assert_int_equal(b->eject_base_us, 5000);
    assert_int_equal(b->eject_max_us, 60000000);
    assert_int_equal(b->eject_max_percent, 100);
    b = &backends[1].balance;
    assert_int_equal(b->hash_on, RM_HASH_ON_PARAM);
    assert_int_equal(b->hash_param, 1);
    assert_false(b->retries || b->ejects);
    b = &backends[2].balance;
    assert_int_equal(b->hash_on, RM_HASH_ON_CLIENT_IP);
    assert_int_equal(b->zone, RM_CONF_ZONE_OFF);
    assert_true(b->retries && b->ejects);
    assert_int_equal(b->eject_after, 5);
    assert_int_equal(backends[3].balance.balancer, RM_CONF_LEAST_REQUEST);
    assert_int_equal(c.conf->hold_us, 600000000);
    assert_int_equal(c.conf->hold_missing_us, 0);
    conf_case_free(&c);
}

static void test_hosts(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        // as written, disable_host_sanitize, understood
        {"h", "false", "http://h"},
        {"h:80", "false", "http://h:80"},
        {"h:1", "false", "http://h:1"},
        {"H.example_x-1.com/", "false", "http://H.example_x-1.com"},
        {"http://h", "false", "http://h"},
        {"https://h:65535/", "false", "https://h:65535"},
        {"127.0.0.1:9", "false", "http://127.0.0.1:9"},
        {"http://h/", "true", "http://h/"},
        {"http://h:1/base", "true", "http://h:1/base"},
        {"https://[::1]:8443/a%20b", "true", "https://[::1]:8443/a%20b"},
        {"http://[fe80::1]", "true", "http://[fe80::1]"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct conf_case c;
        char text[300];
        snprintf(text, sizeof(text),
                 "{\"version\": 3, \"endpoints\": [{\"endpoint\": \"/x\", \"backend\": [{\"host\": \"%s\", "
                 "\"url_pattern\": \"/\", "
                 "\"disable_host_sanitize\": %s}]}]}",
                 cases[i][0], cases[i][1]);
        conf_case_good(&c, "t.json", text, false);
        assert_int_equal(c.conf->endpoints[0].backends[0].hosts.n, 1);
        assert_str(c.conf->endpoints[0].backends[0].hosts.v[0], cases[i][2]);
        conf_case_free(&c);
    }
}

// The pieces of backend 1's pattern as one text: literal, <number> of a parameter, [backend:path/path]; '~' before what is in the query.
static const char *pieces_of(struct conf_case *c, const char *pattern)
{
    char text[600];
    snprintf(text, sizeof(text),
             "{\"version\": 3, \"host\": \"h\", \"endpoints\": [{\"endpoint\": \"/{a}/x/{b-c}\", \"extra_config\": "
             "{\"proxy\": "
             "{\"sequential\": true}}, \"backend\": [{\"url_pattern\": \"/\"}, {\"url_pattern\": \"%s\"}]}]}",
             pattern);
    conf_case_good(c, "t.json", text, false);
    const struct rm_conf_backend *backend = &c->conf->endpoints[0].backends[1];
    struct rm_str out = RM_STR("");
    for (size_t i = 0; i < backend->n_pieces; i++) {
        const struct rm_piece *piece = &backend->pieces[i];
        const char *mark = piece->in_query ? "~" : "";
        if (piece->kind == RM_PIECE_TEXT)
            out = rm_arena_printf(&c->arena, "%s%s%.*s|", out.p, mark, (int)piece->text.n, piece->text.p);
        else if (piece->kind == RM_PIECE_PARAM)
            out = rm_arena_printf(&c->arena, "%s%s<%u>|", out.p, mark, piece->param);
        else {
            out = rm_arena_printf(&c->arena, "%s%s[%u:", out.p, mark, piece->backend);
            for (size_t k = 0; k < piece->path.n; k++)
                out = rm_arena_printf(&c->arena, "%s%s%.*s", out.p, k > 0 ? "/" : "", (int)piece->path.v[k].n,
                                      piece->path.v[k].p);
            out = rm_arena_printf(&c->arena, "%s]|", out.p);
        }
    }
    return out.p;
}

static void test_pieces(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"/", "/|"},
        {"", "/|"},
        {"a//b/", "/a//b/|"},
        {"/u/{a}", "/u/|<0>|"},
        {"/{b-c}/{a}.json", "/|<1>|/|<0>|.json|"},
        {"/{a}{a}", "/|<0>|<0>|"},
        {"/{a}?q={b-c}&x=1", "/|<0>|~?q=|~<1>|~&x=1|"},
        {"/y?", "/y|~?|"},
        {"?a?b", "/|~?a?b|"},
        {"/y/{resp0_id}", "/y/|[0:id]|"},
        {"/y?i={resp0_a.b.c}", "/y|~?i=|~[0:a/b/c]|"},
        {"/y/{resp00_x_y}", "/y/|[0:x_y]|"},
        {"/a b/\xc3\xa9/%2F/[x]", "/a%20b/%C3%A9/%2F/[x]|"},
        {"/a?b=c d&e=<\xc3\xa9>&ids[]=1", "/a|~?b=c%20d&e=%3C%C3%A9%3E&ids[]=1|"},
        {"/%2F", "/%2F|"},
        {"/a%2f?b=%20", "/a%2f|~?b=%20|"},
        {"/{}/{a b}/{", "/%7B%7D/%7Ba%20b%7D/%7B|"}, // no placeholders: literal, as in KrakenD
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct conf_case c;
        assert_string_equal(pieces_of(&c, cases[i][0]), cases[i][1]);
        conf_case_free(&c);
    }
}

// A parameter of the endpoint comes before what its name looks like.
static void test_piece_names(void **state)
{
    (void)state;
    struct conf_case c;
    conf_case_good(
        &c, "t.yaml",
        "version: 3\nendpoints:\n- endpoint: /{resp0_id}\n  backend: [{host: h, url_pattern: '/{resp0_id}'}]\n", false);
    assert_int_equal(c.conf->endpoints[0].backends[0].pieces[1].kind, RM_PIECE_PARAM);
    conf_case_free(&c);
}

static void test_encodings(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        // backend's, endpoint's, understood
        {"json", "json", "json", "json"},
        {"fast-json", "fast-json", "json", "json"},
        {"STRING", "string", "string", "string"},
        {"nonsense", "json", "json", "json"},
        {"json", "nonsense", "json", "json"},
        {"string", "nonsense", "string", "string"}, // the renderer named like the only backend's encoding
        {"safejson", "nonsense", "safejson", "json"},
        {"json", "no-op", "no-op", "no-op"},
        {"no-op", "json", "no-op", "json"},
        {"json", "negotiate", "json", "negotiate"},
        {"json", "json-collection", "json", "json-collection"},
        {"XML", "xml", "xml", "xml"},
        {"rss", "yaml", "rss", "yaml"},
        {"yaml", "json", "yaml", "json"},
        {"xml", "nonsense", "xml", "xml"},
        {"yaml", "nonsense", "yaml", "yaml"},
        {"rss", "nonsense", "rss", "json"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct conf_case c;
        char text[300];
        snprintf(text, sizeof(text),
                 "version: 3\nendpoints:\n- endpoint: /x\n  output_encoding: %s\n  backend: [{host: h, url_pattern: /, "
                 "encoding: %s}]\n",
                 cases[i][1], cases[i][0]);
        conf_case_good(&c, "t.yaml", text, true);
        assert_str(c.conf->endpoints[0].backends[0].encoding, cases[i][2]);
        assert_str(c.conf->endpoints[0].output_encoding, cases[i][3]);
        conf_case_free(&c);
    }
}

static void test_proxy(void **state)
{
    (void)state;
    static const struct {
        const char *proxy;
        bool sequential;
    } cases[] = {
        {"sequential: true", true},
        {"sequential: false", false},
        {"strategy: sequential", true},
        {"strategy: sequential, sequential: false", true},
        {"sequential: true, strategy: parallel", false},
        {"strategy: other, sequential: true", true},
        {"sequential: 'true'", false},
        {"sequential: 1", false},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct conf_case c;
        char text[300];
        snprintf(text, sizeof(text),
                 "version: 3\nendpoints:\n- endpoint: /x\n  extra_config: {proxy: {%s}}\n  backend: [{host: h, "
                 "url_pattern: /}]\n",
                 cases[i].proxy);
        conf_case_good(&c, "t.yaml", text, true);
        assert_int_equal(c.conf->endpoints[0].sequential, cases[i].sequential);
        conf_case_free(&c);
    }
    static const char *const strategies[] = {"always", "success", "errored", "complete", "incomplete", "Success", "5"};
    for (size_t i = 0; i < RM_COUNT(strategies); i++) {
        struct conf_case c;
        char text[300];
        snprintf(text, sizeof(text),
                 "version: 3\nendpoints:\n- endpoint: /x\n  extra_config: {proxy: {static: {data: {n: 1.50}, strategy: "
                 "%s}}}\n"
                 "  backend: [{host: h, url_pattern: /}]\n",
                 strategies[i]);
        conf_case_good(&c, "t.yaml", text, true);
        assert_int_equal(c.conf->endpoints[0].static_when, i < 5 ? (int)i : RM_STATIC_ALWAYS);
        assert_str(c.conf->endpoints[0].static_data->first->raw, "1.50");
        assert_int_equal(c.found.n, i < 5 ? 0 : 1);
        conf_case_free(&c);
    }
}

static void test_graphql(void **state)
{
    (void)state;
    struct conf_case c;
    conf_case_good(
        &c, "t.yaml",
        "version: 3\nendpoints:\n- endpoint: /x/{id}\n  backend:\n"
        "  - {host: h, url_pattern: /, extra_config: {backend/graphql: {type: query, query: \"{\\n a\\t}\", "
        "variables: {v: '{id}'}, operationName: Q}}}\n"
        "  - {host: h, url_pattern: /, method: PUT, extra_config: {backend/graphql: {type: Mutation, query: m, "
        "method: get}}}\n"
        "  - {host: h, url_pattern: /, method: PUT}\n",
        false);
    const struct rm_conf_backend *backends = c.conf->endpoints[0].backends;
    assert_str(backends[0].graphql.query, "{\n a\t}");
    assert_str(backends[0].graphql.operation_name, "Q");
    assert_false(backends[0].graphql.is_mutation);
    assert_int_equal(backends[0].method, RM_POST);
    assert_true(backends[1].graphql.is_mutation);
    assert_int_equal(backends[1].method, RM_GET);
    assert_int_equal(backends[2].graphql.query.n, 0);
    assert_int_equal(backends[2].method, RM_PUT);
    conf_case_free(&c);
}

static void test_flatmap(void **state)
{
    (void)state;
    struct conf_case c;
    conf_case_good(
        &c, "t.yaml",
        "version: 3\nendpoints:\n- endpoint: /x\n  extra_config: {proxy: {flatmap_filter: [{type: move, args: "
        "['a.*.b.c', 'a.*.c']}, {type: append, args: ['l.*.i', k]}, {type: move, args: [l.0, l.x]}]}}\n"
        "  backend:\n"
        "  - {host: h, url_pattern: /, extra_config: {proxy: {flatmap_filter: [{type: del, args: [a.b, '*']}]}}}\n"
        "  - {host: h, url_pattern: /, allow: [a], extra_config: {proxy: {flatmap_filter: []}}}\n"
        "  - {host: h, url_pattern: /, allow: [], extra_config: {github.com/devopsfaith/krakend/proxy: "
        "{flatmap_filter: [{type: move, args: [a, b.c]}]}}}\n",
        false);
    const struct rm_conf_endpoint *endpoint = c.conf->endpoints;
    assert_int_equal(endpoint->flatmap->n, 3);
    assert_int_equal(endpoint->backends[0].flatmap->n, 1);
    assert_null(endpoint->backends[1].flatmap);
    assert_non_null(endpoint->backends[1].allow);
    assert_int_equal(endpoint->backends[2].flatmap->n, 1);
    conf_case_free(&c);
    conf_case_good(
        &c, "t.yaml",
        "version: 3\nendpoints:\n- endpoint: /x\n  backend:\n  - {host: h, url_pattern: /, target: t, allow: [a], "
        "deny: [b], mapping: {a: b}, group: g, extra_config: {proxy: {flatmap_filter: [{type: del, args: "
        "[a]}]}}}\n",
        true);
    const struct rm_conf_backend *backend = c.conf->endpoints[0].backends;
    assert_true(backend->flatmap && backend->target && backend->group);
    assert_false(backend->allow || backend->deny || backend->mapping);
    conf_case_free(&c);
}

static void test_backend_extra(void **state)
{
    (void)state;
    struct conf_case c;
    conf_case_good(
        &c, "t.yaml",
        "version: 3\nendpoints:\n- endpoint: /x\n  backend:\n  - host: h\n    url_pattern: /\n    extra_config:\n"
        "      github.com/devopsfaith/krakend/http: {return_error_details: alpha, return_error_code: true}\n"
        "      backend/http/client: {send_body_on_redirect: true}\n      '@comment': [1]\n    '@comment': x\n    _c: "
        "1\n"
        "    '#': 1\n",
        false);
    const struct rm_conf_backend *backend = &c.conf->endpoints[0].backends[0];
    assert_str(backend->return_error_details, "alpha");
    assert_true(backend->return_error_code);
    assert_true(backend->send_body_on_redirect);
    conf_case_free(&c);
}

// Version 2 with the names of 1.x.
static void test_old_names(void **state)
{
    (void)state;
    struct conf_case c;
    conf_case_good(
        &c, "t.json",
        "{\"version\": 2, \"extra_config\": {\"github_com/devopsfaith/krakend-gologging\": {\"level\": \"error\"}},\n"
        "\"endpoints\": [{\"endpoint\": \"/x\", \"querystring_params\": [\"a\"], \"headers_to_pass\": [\"X-A\"],\n"
        "\"backend\": [{\"host\": [\"h\"], \"url_pattern\": \"/\", \"whitelist\": [\"a.b\", \"c\"]}, {\"host\": "
        "[\"h\"], "
        "\"url_pattern\": \"/\", \"blacklist\": [\"d\"]}]}]}",
        true);
    assert_int_equal(c.found.n, 5);
    assert_int_equal(c.conf->log_level, RM_ERROR);
    const struct rm_conf_endpoint *endpoint = &c.conf->endpoints[0];
    assert_str(endpoint->input_query_strings.v[0], "a");
    assert_str(endpoint->input_headers.v[0], "X-A");
    assert_int_equal(endpoint->backends[0].allow->n, 2);
    assert_str(rm_value_text(&c.arena, endpoint->backends[0].allow->first), "a.b");
    assert_int_equal(endpoint->backends[1].deny->n, 1);
    conf_case_free(&c);
}

static void test_step_values(void **state)
{
    (void)state;
    struct conf_case c;
    conf_case_good(&c, "t.yaml",
                   "version: 3\nendpoints:\n- endpoint: /x\n  backend:\n  - {host: h, url_pattern: /, target: a.b, "
                   "allow: x.y, mapping: "
                   "{a: b}, group: \"g\\u00e9\"}\n",
                   false);
    const struct rm_conf_backend *backend = &c.conf->endpoints[0].backends[0];
    assert_int_equal(backend->target->type, RM_STRING);
    assert_int_equal(backend->allow->type, RM_ARRAY); // a plain string is a list of one
    assert_int_equal(backend->allow->n, 1);
    assert_int_equal(backend->mapping->type, RM_OBJECT);
    assert_str(rm_value_text(&c.arena, backend->group), "g\xc3\xa9");
    conf_case_free(&c);
    // A list that a template left a hole in still lets nothing through that it does not name; no list at all is none.
    conf_case_good(
        &c, "t.yaml",
        "version: 3\nendpoints:\n- endpoint: /x\n  backend:\n  - {host: h, url_pattern: /, allow: [\"\"]}\n  - "
        "{host: h, url_pattern: /, allow: []}\n  - {host: h, url_pattern: /, allow: \"\"}\n",
        false);
    backend = c.conf->endpoints[0].backends;
    assert_non_null(backend[0].allow);
    assert_int_equal(backend[0].allow->n, 1);
    assert_null(backend[1].allow);
    assert_null(backend[2].allow);
    conf_case_free(&c);
}

static void test_server_tls(void **state)
{
    (void)state;
    struct conf_case c;
    conf_case_good(&c, "t.yaml", "version: 3\ntls: {public_key: c.pem, private_key: k.pem}\n", true);
    const struct rm_conf_server_tls *tls = &c.conf->tls;
    assert_int_equal(tls->n_keys, 1);
    assert_str(tls->keys[0].certificate, "c.pem");
    assert_str(tls->keys[0].key, "k.pem");
    assert_int_equal(tls->min_version, RM_CONF_TLS13); // as in KrakenD
    assert_int_equal(tls->max_version, RM_CONF_TLS13);
    assert_false(tls->enable_mtls);
    assert_string_equal(tls->groups, "X25519:P-256:P-384:P-521");
    conf_case_free(&c);

    conf_case_good(&c, "t.yaml",
                   "version: 3\ntls:\n  keys:\n  - {public_key: a.pem, private_key: a.key}\n  - {public_key: b.pem, private_key: "
                   "b.key}\n  min_version: TLS12\n  cipher_suites: [49200, 49195]\n  curve_preferences: [24, 23]\n  enable_mtls: "
                   "true\n  ca_certs: [x.pem, y.pem]\n  disable_system_ca_pool: false\n",
                   true);
    tls = &c.conf->tls;
    assert_int_equal(tls->n_keys, 2);
    assert_str(tls->keys[1].certificate, "b.pem");
    assert_int_equal(tls->min_version, RM_CONF_TLS12);
    assert_string_equal(tls->ciphers12, "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256");
    // A version of which the list names none keeps its own.
    assert_string_equal(tls->ciphers13, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
    assert_string_equal(tls->groups, "P-384:P-256");
    assert_true(tls->enable_mtls);
    assert_int_equal(tls->ca_certs.n, 2);
    assert_false(tls->no_system_ca);
    conf_case_free(&c);

    conf_case_good(&c, "t.yaml", "version: 3\ntls: {disabled: true, keys: [{public_key: a, private_key: b}]}\n", true);
    assert_int_equal(c.conf->tls.n_keys, 0);
    conf_case_free(&c);
}

static void test_client_tls(void **state)
{
    (void)state;
    struct conf_case c;
    conf_case_good(
        &c, "t.yaml",
        "version: 3\nclient_tls:\n  ca_certs: [a.pem, b.pem]\n  disable_system_ca_pool: true\n  client_certs: "
        "[{certificate: "
        "c.pem, private_key: k.pem}]\n  min_version: TLS12\n  max_version: TLS13\nallow_insecure_connections: false\n",
        false);
    const struct rm_conf_tls *tls = &c.conf->client_tls;
    assert_int_equal(tls->ca_certs.n, 2);
    assert_true(tls->disable_system_ca_pool);
    assert_str(tls->cert_file, "c.pem");
    assert_str(tls->key_file, "k.pem");
    assert_str(tls->min_version, "TLS12");
    assert_false(tls->insecure);
    conf_case_free(&c);
    static const char *const insecure[] = {
        "client_tls: {allow_insecure_connections: true}\nallow_insecure_connections: false",
        "allow_insecure_connections: true\nclient_tls: {allow_insecure_connections: false}"};
    for (size_t i = 0; i < RM_COUNT(insecure); i++) {
        char text[200];
        snprintf(text, sizeof(text), "version: 3\n%s\n", insecure[i]);
        conf_case_good(&c, "t.yaml", text, false);
        assert_true(c.conf->client_tls.insecure);
        conf_case_free(&c);
    }
}

// "*" is all, wherever it stands in the list.
static void test_all(void **state)
{
    (void)state;
    static const char *const lists[] = {"'*'", "['*']", "['*', a]", "[a, '*']", "[a, '*', b]"};
    for (size_t i = 0; i < RM_COUNT(lists); i++) {
        struct conf_case c;
        char text[300];
        snprintf(text, sizeof(text),
                 "version: 3\nendpoints:\n- endpoint: /x\n  input_headers: %s\n  input_query_strings: %s\n  backend: "
                 "[{host: h, "
                 "url_pattern: /, input_headers: [Az09-_!#], input_query_strings: a}]\n",
                 lists[i], lists[i]);
        conf_case_good(&c, "t.yaml", text, false);
        const struct rm_conf_endpoint *endpoint = &c.conf->endpoints[0];
        assert_true(endpoint->all_headers);
        assert_int_equal(endpoint->input_headers.n, 0);
        assert_true(endpoint->all_query_strings);
        assert_int_equal(endpoint->input_query_strings.n, 0);
        assert_true(endpoint->backends[0].has_input_query_strings);
        conf_case_free(&c);
    }
}

static void test_proxies(void **state)
{
    (void)state;
    struct conf_case c;
    conf_case_good(&c, "t.yaml",
                   "version: 3\nextra_config: {router: {trusted_proxies: [10.0.0.1/32, 0.0.0.0/0, '::/0', '::1/128', "
                   "10.1.2.3, 'fe80::1']}}\n",
                   false);
    assert_int_equal(c.conf->router.trusted_proxies.n, 6);
    conf_case_free(&c);
}

// A Service is named in the provider's own words, which stay as they are; k8s is the same provider.
static void test_kubernetes(void **state)
{
    (void)state;
    struct conf_case c;
    conf_case_good(
        &c, "t.yaml",
        "version: 3\nextra_config:\n  remora:\n    kubernetes:\n      api_server: https://[fd00::1]:6443/k8s\n"
        "      token_file: /t\n      ca_file: /c\n      namespace: shop-1\n      zone: zone-a\n      node: n1\n"
        "      addresses: ipv6\nendpoints:\n"
        "- {endpoint: /a, backend: [{host: 'cart:http', sd: k8s, url_pattern: /}]}\n"
        "- {endpoint: /b, backend: [{host: ['https://cart.shop.svc.cluster.local:http'], sd: kubernetes, "
        "sd_scheme: https, url_pattern: /}]}\n",
        false);
    const struct rm_conf_kubernetes *k = &c.conf->kubernetes;
    assert_true(rm_str_eq(k->api_server, RM_STR("https://[fd00::1]:6443/k8s")));
    assert_true(rm_str_eq(k->token_file, RM_STR("/t")) && rm_str_eq(k->ca_file, RM_STR("/c")));
    assert_true(rm_str_eq(k->namespace_, RM_STR("shop-1")) && rm_str_eq(k->node, RM_STR("n1")));
    assert_true(rm_str_eq(c.conf->zone, RM_STR("zone-a")));
    assert_int_equal(k->addresses, RM_CONF_IPV6);
    const struct rm_conf_backend *a = c.conf->endpoints[0].backends, *b = c.conf->endpoints[1].backends;
    assert_true(rm_str_eq(a->sd, RM_STR("k8s")) && rm_str_eq(b->sd, RM_STR("kubernetes")));
    assert_true(rm_str_eq(a->hosts.v[0], RM_STR("cart:http")));
    assert_true(rm_str_eq(b->hosts.v[0], RM_STR("https://cart.shop.svc.cluster.local:http")));
    assert_true(rm_str_eq(b->sd_scheme, RM_STR("https")));
    conf_case_free(&c);
    conf_case_good(&c, "t.yaml", "version: 3\n", false);
    assert_int_equal(c.conf->kubernetes.addresses, RM_CONF_BOTH);
    assert_int_equal(c.conf->kubernetes.api_server.n, 0);
    conf_case_free(&c);
}

// Routes that are no conflict.
static void test_routes(void **state)
{
    (void)state;
    struct conf_case c;
    conf_case_good(&c, "t.yaml",
                   "version: 3\nhost: h\nendpoints:\n"
                   "- {endpoint: '/u/{a}', backend: [&b {url_pattern: /}]}\n"
                   "- {endpoint: '/u/{b}', method: POST, backend: [*b]}\n"
                   "- {endpoint: /u/me, backend: [*b]}\n"
                   "- {endpoint: '/u/{a}/z', backend: [*b]}\n"
                   "- {endpoint: '/u/{a}/', backend: [*b]}\n"
                   "- {endpoint: '/{x}', backend: [*b]}\n"
                   "- {endpoint: /, backend: [*b]}\n"
                   "- {endpoint: /__healthz, backend: [*b]}\n"
                   "- {endpoint: /x/alive, method: PUT, backend: [*b]}\n"
                   "- {endpoint: '/lit/pre{x}', backend: [*b]}\n" // literal text
                   "- {endpoint: '/lit/pre{y}', backend: [*b]}\n"
                   "extra_config: {router: {health_path: /x/alive}}\n",
                   true);
    assert_int_equal(c.conf->n_endpoints, 11);
    conf_case_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),    cmocka_unit_test(test_inheritance), cmocka_unit_test(test_unset),
        cmocka_unit_test(test_dns),         cmocka_unit_test(test_srv_names),   cmocka_unit_test(test_limits),
        cmocka_unit_test(test_balance),     cmocka_unit_test(test_hosts),       cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_piece_names), cmocka_unit_test(test_encodings),   cmocka_unit_test(test_proxy),
        cmocka_unit_test(test_flatmap),     cmocka_unit_test(test_graphql),     cmocka_unit_test(test_backend_extra),
        cmocka_unit_test(test_old_names),   cmocka_unit_test(test_step_values), cmocka_unit_test(test_client_tls), cmocka_unit_test(test_server_tls),
        cmocka_unit_test(test_routes),      cmocka_unit_test(test_all),         cmocka_unit_test(test_proxies),
        cmocka_unit_test(test_kubernetes),  cmocka_unit_test(test_listeners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
