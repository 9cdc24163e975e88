// What a person or a CI job sees: all findings in file order, one line each; the dump; and that neither shows a secret.
// SPDX-License-Identifier: Apache-2.0
#include "conf_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void test_all_errors(void **state)
{
    (void)state;
    struct conf_case c;
    conf_case_load(&c, "t.yaml",
                   "extra_config:\n"
                   "  auth/revoker: {}\n"
                   "  vendor/x: {}\n"
                   "endpoints:\n"
                   "- endpoint: /a\n"
                   "  timeout: 5\n"
                   "  backend:\n"
                   "  - {host: 'ftp://x', url_pattern: '/{id}', gruop: a}\n"
                   "- endpoint: /a\n"
                   "  method: TRACE\n"
                   "port: no\n"
                   "version: 4\n",
                   NULL);
    static const char *const lines[] = {
        "f.yaml:2:3: error: extra_config.auth/revoker: not in this version of remora (refuses tokens that were "
        "revoked): let what stands before remora do it",
        "f.yaml:3:3: warning: extra_config.vendor/x: unknown namespace, ignored",
        "f.yaml:6:12: error: endpoints[0].timeout: found the number 5, which has no unit: a duration is a string such "
        "as \"5ms\"",
        "f.yaml:8:12: error: endpoints[0].backend[0].host: the host \"ftp://x\" has a scheme that is neither http:// "
        "nor https://",
        "f.yaml:8:36: error: endpoints[0].backend[0].url_pattern: {id} is not defined: the endpoint's path has no "
        "parameters",
        "f.yaml:8:45: warning: endpoints[0].backend[0].gruop: unknown key of a backend, ignored: did you mean "
        "\"group\"?",
        "f.yaml:9:3: error: endpoints[1].backend: is missing: an endpoint needs a list of at least one backend",
        "f.yaml:9:13: error: endpoints[1].endpoint: the same method and path as endpoints[0] in line 5 column 13",
        "f.yaml:10:11: error: endpoints[1].method: found the text \"TRACE\", allowed is one of GET, POST, PUT, PATCH, "
        "DELETE",
        "f.yaml:11:7: error: port: the text \"no\" is no whole number",
        "f.yaml:12:10: error: version: found the number 4, allowed is 3 (or 2, which is read as 3)",
    };
    if (c.found.n != RM_COUNT(lines))
        conf_case_print(&c);
    assert_int_equal(c.found.n, RM_COUNT(lines));
    assert_int_equal(c.found.n_errors, RM_COUNT(lines) - 2);
    for (size_t i = 0; i < c.found.n; i++) {
        struct rm_str line = rm_finding_format(&c.arena, RM_STR("f.yaml"), &c.found.v[i]);
        assert_string_equal(rm_arena_cstr(&c.arena, line), lines[i]);
    }
    conf_case_free(&c);
}

// More findings than one growth of the list holds, and each of them once.
static void test_many(void **state)
{
    (void)state;
    struct conf_case c;
    struct rm_buf text;
    rm_buf_init(&text, 1 << 20, NULL);
    assert_int_equal(rm_buf_printf(&text, "version: 3\n"), RM_OK);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(rm_buf_printf(&text, "key_number_%d: 1\n", i), RM_OK);
    assert_int_equal(rm_buf_append(&text, (struct rm_str){"", 1}), RM_OK);
    conf_case_load(&c, "t.yaml", text.p, NULL);
    assert_int_equal(c.found.n, 1000);
    for (size_t i = 0; i < c.found.n; i++)
        assert_int_equal(c.found.v[i].place.line, i + 2);
    conf_case_free(&c);
    rm_buf_free(&text);
}

// Messages are one printable line, however the configuration looks.
static void test_printable(void **state)
{
    (void)state;
    struct conf_case c;
    conf_case_load(&c, "t.json",
                   "{\"version\": 3, \"a\\nb\\u0007\": 1, \"port\": \"\\u001b[31m\\n\", \"name\": [], \"host\": "
                   "\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
                   "\xc3\xa9\xc3\xa9"
                   "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
                   "\xc3\xa9\xc3\xa9"
                   "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\", \"\": 1}",
                   NULL);
    assert_int_equal(c.found.n, 5);
    assert_non_null(conf_case_says(&c, "[\"a\\x0ab\\x07\"]", "unknown key"));
    assert_non_null(conf_case_says(&c, "port", "\"\\x1b[31m\\x0a\" is no whole number"));
    assert_non_null(conf_case_says(&c, "host", "\xc3\xa9...\""));
    for (size_t i = 0; i < c.found.n; i++) {
        struct rm_str line = rm_finding_format(&c.arena, RM_STR("f"), &c.found.v[i]);
        for (size_t k = 0; k < line.n; k++)
            assert_true((unsigned char)line.p[k] >= 0x20);
    }
    conf_case_free(&c);
}

// A long text is cut between characters, wherever the limit falls.
static void test_cut(void **state)
{
    (void)state;
    for (int before = 0; before < 4; before++) {
        char name[200], text[300];
        snprintf(name, sizeof(name), "%.*s\xf0\x9f\x98\x80\xf0\x9f\x98\x80", 52 + before,
                 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
        snprintf(text, sizeof(text), "version: 3\nport: %sx\n", name);
        struct conf_case c;
        conf_case_load(&c, "t.yaml", text, NULL);
        char want[300]; // 60 bytes at most, the second character whole or not at all
        snprintf(want, sizeof(want), "\"%.*s...\"", before == 0 ? 60 : 52 + before + 4, name);
        assert_non_null(conf_case_says(&c, "port", want));
        conf_case_free(&c);
    }
}

static void test_no_place(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_findings found = {.arena = &arena};
    struct rm_conf *conf = NULL;
    const struct rm_conf_options options = {.strict = false};
    assert_int_equal(rm_conf_load("no/such/file.yaml", &options, &conf, &found, &arena), RM_ECONF);
    assert_null(conf);
    assert_int_equal(found.n, 1);
    struct rm_str line = rm_finding_format(&arena, RM_STR("no/such/file.yaml"), &found.v[0]);
    assert_string_equal(rm_arena_cstr(&arena, line),
                        "no/such/file.yaml: error: cannot read the file: No such file or directory");
    rm_arena_fini(&arena);
}

// ---- the dump ------------------------------------------------------------------------------------------------------

static char *dump_of(const char *file, const char *text)
{
    struct conf_case c;
    conf_case_good(&c, file, text, true);
    char *dump = strdup(rm_conf_dump(c.conf, &c.arena).p);
    conf_case_free(&c);
    return dump;
}

static void dump_same(const char *file, const char *text, const char *other_file, const char *other)
{
    char *a = dump_of(file, text), *b = dump_of(other_file, other);
    assert_string_equal(a, b);
    free(a);
    free(b);
}

static const char report_yaml[] =
    "# everything that there is, in YAML\n"
    "_defaults: &defaults\n"
    "  host: [a, b:81]\n"
    "  encoding: safejson\n"
    "version: 3\n"
    "name: caf\xc3\xa9\n"
    "port: 8_0\n"
    "timeout: 1m30s\n"
    "cache_ttl: 0.5h\n"
    "max_header_bytes: 0x4000\n"
    "max_idle_connections_per_host: 010\n"
    "debug_endpoint: True\n"
    "client_tls: {ca_certs: ca.pem, client_certs: [{certificate: c, private_key: k}], min_version: TLS12}\n"
    "extra_config:\n"
    "  telemetry/logging: {level: debug, prefix: '[R]', stdout: false}\n"
    "  router:\n"
    "    return_error_msg: true\n"
    "    error_body: {404: {code: 404, v: 1.50, big: 12345678901234567890, e: 1e3, n: ~, s: \"on\"}}\n"
    "  remora: {workers: 2, limits: {bodies_bytes: 1GiB, json_nodes: 1e6}}\n"
    "endpoints:\n"
    "- endpoint: /p/{id}\n"
    "  method: PATCH\n"
    "  timeout: 1500000us\n"
    "  concurrent_calls: 3\n"
    "  input_headers: ['*']\n"
    "  input_query_strings: [q, \"*\"]\n"
    "  extra_config:\n"
    "    proxy: {sequential: true, static: {data: {a: .5, b: [on, yes, no]}, strategy: errored}}\n"
    "  backend:\n"
    "  - <<: *defaults\n"
    "    url_pattern: /a/{id}?x=%20&y=1\n"
    "    allow: [a.b, c]\n"
    "    mapping: {a: b}\n"
    "    extra_config: {backend/http: {return_error_details: d}, backend/http/client: {client_tls: {client_certs: "
    "[{certificate: c, private_key: k}]}}}\n"
    "  - <<: [{encoding: string, method: GET}, *defaults]\n"
    "    url_pattern: /b/{resp0_content.id}\n"
    "    target: t\n"
    "    deny: x\n"
    "    group: g\n"
    "    extra_config: {remora: {timeout: 250ms}}\n"
    "- endpoint: /raw\n"
    "  output_encoding: no-op\n"
    "  backend:\n"
    "  - {host: 'http://h:1/base', disable_host_sanitize: true, url_pattern: /r, is_collection: false}\n";

static const char report_json[] =
    "{\"version\":\"3\",\"name\":\"caf\\u00e9\",\"port\":80,\"timeout\":\"90s\",\"cache_ttl\":\"30m\",\"max_header_"
    "bytes\":\"16384\","
    "\"max_idle_connections_per_host\":1e1,\"debug_endpoint\":\"true\",\"client_tls\":{\"ca_certs\":[\"ca.pem\"],"
    "\"client_certs\":"
    "[{\"certificate\":\"c\",\"private_key\":\"k\"}],\"min_version\":\"TLS12\"},\"extra_config\":{"
    "\"github_com/luraproject/lura/router/"
    "gin\":{\"return_error_msg\":true,\"error_body\":{\"404\":{\"code\":404,\"v\":1.50,\"big\":"
    "12345678901234567890,\"e\":1e3,\"n\":null,\"s\":\"on\"}}},\"github_com/devopsfaith/"
    "krakend-gologging\":{\"level\":\"DEBUG\","
    "\"prefix\":\"[R]\",\"stdout\":false},\"remora\":{\"workers\":2.0,\"limits\":{\"bodies_bytes\":\"1024MiB\",\"json_"
    "nodes\":1000000}}},"
    "\"endpoints\":[{\"endpoint\":\"/p/"
    "{id}\",\"method\":\"patch\",\"timeout\":\"1.5s\",\"concurrent_calls\":\"3\",\"input_headers\":"
    "\"*\",\"input_query_strings\":\"*\",\"extra_config\":{\"github.com/devopsfaith/krakend/"
    "proxy\":{\"strategy\":\"sequential\","
    "\"static\":{\"data\":{\"a\":0.5,\"b\":[\"on\",\"yes\",\"no\"]},\"strategy\":\"errored\"}}},\"backend\":[{\"host\":"
    "[\"http://a/\","
    "\"b:81\"],\"encoding\":\"SAFEJSON\",\"url_pattern\":\"/a/"
    "{id}?x=%20&y=1\",\"whitelist\":[\"a.b\",\"c\"],\"mapping\":{\"a\":\"b\"},"
    "\"extra_config\":{\"github.com/devopsfaith/krakend/"
    "http\":{\"return_error_details\":\"d\"},\"backend/http/client\":{\"client_tls\":{\"client_certs\":[{\"certificate\":"
    "\"c\",\"private_key\":\"k\"}]}}}},{\"host\":[\"a\",\"b:81\"],"
    "\"encoding\":\"string\",\"method\":\"GET\",\"url_pattern\":\"b/"
    "{resp0_content.id}\",\"target\":\"t\",\"blacklist\":[\"x\"],"
    "\"group\":\"g\",\"extra_config\":{\"remora\":{\"timeout\":\"250ms\"}}}]},{\"endpoint\":\"raw\",\"output_"
    "encoding\":\"no-op\","
    "\"backend\":[{\"host\":[\"http://h:1/base\"],\"disable_host_sanitize\":true,\"url_pattern\":\"/r\"}]}]}";

static void test_dump_same(void **state)
{
    (void)state;
    char yaml[sizeof(report_yaml)];
    memcpy(yaml, report_yaml, sizeof(yaml));
    memmove(strstr(yaml, "8_0") + 1, strstr(yaml, "8_0") + 2,
            strlen(strstr(yaml, "8_0") + 2) + 1); // 8_0 is text in YAML 1.2
    dump_same("t.yaml", yaml, "t.json", report_json);
    struct conf_case c;
    conf_case_load(&c, "t.yaml", report_yaml, NULL);
    assert_int_equal(c.found.n_errors, 1);
    assert_non_null(conf_case_says(&c, "port", "\"8_0\" is no whole number"));
    conf_case_free(&c);
}

// A dump is a configuration, and means the same.
static void test_dump_again(void **state)
{
    (void)state;
    static const char *const texts[] = {"{\"version\": 3}", report_json};
    for (size_t i = 0; i < RM_COUNT(texts); i++) {
        char *dump = dump_of("t.json", texts[i]);
        dump_same("t.json", dump, "t.json", texts[i]);
        dump_same("t.yaml", dump, "t.json", texts[i]); // JSON is YAML
        struct conf_case c;
        conf_case_good(&c, "t.json", dump, false); // without a warning
        conf_case_free(&c);
        free(dump);
    }
}

static void test_dump_shows(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "\"logger_skip_paths\": [],\n",
        "{\n  \"version\": 3,\n",
        "\n  \"timeout\": \"90s\",\n",
        "\"head_bytes\": \"16KiB\"",
        "\"bodies_bytes\": \"1GiB\"",
        "\"level\": \"DEBUG\"",
        "\"idle_timeout\": \"1m\"",
        "\"big\": 12345678901234567890,",
        "\"v\": 1.50,",
        "\"certificate\": \"c\"",
        "\"http://b:81\"\n",
        "\"strategy\": \"errored\"",
        "\"input_headers\": [\n        \"*\"\n      ]",
        "\"encoding\": \"no-op\"",
        "\"url_pattern\": \"/b/{resp0_content.id}\"",
        "\"name\": \"caf\xc3\xa9\"",
    };
    char *dump = dump_of("t.json", report_json);
    for (size_t i = 0; i < RM_COUNT(parts); i++) {
        if (!strstr(dump, parts[i]))
            fail_msg("no %s in\n%s", parts[i], dump);
    }
    free(dump);
}

static const char secrets_martian[] =
    "version: 3\nendpoints: [{endpoint: /a, backend: [{host: h, url_pattern: /b, extra_config: {modifier/martian: "
    "{fifo.Group: "
    "{modifiers: [{header.Modifier: {name: Authorization, value: HIDDEN}}, {header.Modifier: {name: X-Api-Key, value: "
    "HIDDEN}}, {header.Modifier: {name: X-Plain, value: shown}}]}}}}]}]\n";

static void test_secrets(void **state)
{
    (void)state;
    char *dump =
        dump_of("t.yaml", "version: 3\nendpoints:\n- endpoint: /x\n  backend:\n  - host: h\n    url_pattern: "
                          "/a?apikey=HIDDEN1&x=1&access_token=HIDDEN2&Signature=HIDDEN3&y=2&PASSWORD=HIDDEN4\n");
    assert_null(strstr(dump, "HIDDEN"));
    assert_non_null(strstr(dump, "\"/a?apikey=***&x=1&access_token=***&Signature=***&y=2&PASSWORD=***\""));
    free(dump);
    dump = dump_of("t.yaml", "version: 3\nendpoints:\n- endpoint: /{a}\n  backend:\n  - host: h\n    url_pattern: "
                             "/a?token={a}&key=&&x&auth&key=HIDDEN&\n");
    assert_null(strstr(dump, "HIDDEN"));
    assert_non_null(strstr(dump, "\"/a?token={a}&key=***&&x&auth&key=***&\"")); // a placeholder is no secret
    free(dump);
    dump = dump_of("t.yaml", secrets_martian);
    assert_null(strstr(dump, "HIDDEN"));
    assert_non_null(strstr(dump, "\"shown\""));
    free(dump);
    static const char *const texts[] = {
        "version: 3\nhost: http://user:HIDDEN@h\n",
        "version: 3\nhost: user:HIDDEN@h\n",
        "version: 3\nhost: ftp://HIDDEN@h/\n",
        "version: 3\nhost: 'http://h?token=HIDDEN'\n",
        "version: 3\nendpoints: https://u:HIDDEN@h\n",
        "version: 3\ntimeout: https://u:HIDDEN@h\n",
        "version: 3\nendpoints:\n- endpoint: /x\n  backend: [{disable_host_sanitize: true, url_pattern: /, host: "
        "'https://u:HIDDEN@h/p'}]\n",
        "version: 3\nextra_config: {auth/validator: {secret: HIDDEN}, auth/client-credentials: HIDDEN}\n",
        "version: 3\nclient_secret: HIDDEN\n",
    };
    for (size_t i = 0; i < RM_COUNT(texts); i++) {
        struct conf_case c;
        conf_case_load(&c, "t.yaml", texts[i], NULL);
        assert_true(c.found.n > 0);
        for (size_t k = 0; k < c.found.n; k++) {
            struct rm_str line = rm_finding_format(&c.arena, RM_STR("f"), &c.found.v[k]);
            if (memmem(line.p, line.n, "HIDDEN", 6))
                fail_msg("%.*s", (int)line.n, line.p);
        }
        conf_case_free(&c);
    }
}

// ---- files ---------------------------------------------------------------------------------------------------------

static void report_file(char *path, const char *text)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

// In the place of front/tls.c.
static int report_pair(const char *certificate, const char *key, struct rm_err *err)
{
    if (!strcmp(certificate, "old.pem"))
        return rm_fail(err, RM_ETLS, "%s has expired", certificate);
    return strcmp(key, "/") ? RM_OK : rm_fail(err, RM_ECONF, "no key is %s", key);
}

static void test_files(void **state)
{
    (void)state;
    char good[] = "test_conf_report.XXXXXX", bad[] = "test_conf_report.XXXXXX";
    report_file(good, "text before\n-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n");
    report_file(bad, "no certificate\n");
    struct conf_case c;
    char text[400];
    snprintf(text, sizeof(text),
             "version: 3\nclient_tls:\n  ca_certs: [%s, %s, no-such-file]\n  client_certs:\n  - certificate: %s\n    "
             "private_key: /\n",
             good, bad, good);
    conf_case_good(&c, "t.yaml", text, false); // nothing is opened before it is asked for
    rm_conf_check_files(c.conf, &c.found, report_pair);
    assert_int_equal(c.found.n_errors, 3);
    assert_int_equal(c.found.n, 3);
    assert_non_null(conf_case_says(&c, "client_tls.ca_certs[1]", "no PEM in it"));
    const struct rm_finding *missing = conf_case_says(&c, "client_tls.ca_certs[2]", "\"no-such-file\": No such file");
    assert_non_null(missing);
    assert_int_equal(missing->place.line, 3);
    assert_non_null(conf_case_says(&c, "client_tls.client_certs[0]", "no key is /"));
    conf_case_free(&c);
    snprintf(text, sizeof(text),
             "version: 3\nendpoints:\n- endpoint: /a\n  backend:\n  - {host: h, url_pattern: /}\n  - host: h\n    "
             "url_pattern: /\n    extra_config: {backend/http/client: {client_tls: {ca_certs: [%s]}}}\n",
             bad);
    conf_case_good(&c, "t.yaml", text, false);
    rm_conf_check_files(c.conf, &c.found, report_pair);
    assert_int_equal(c.found.n, 1);
    assert_non_null(conf_case_says(
        &c, "endpoints[0].backend[1].extra_config.backend/http/client.client_tls.ca_certs[0]", "no PEM in it"));
    conf_case_free(&c);
    snprintf(text, sizeof(text),
             "version: 3\ntls:\n  keys: [{public_key: a, private_key: b}, {public_key: old.pem, private_key: b}, "
             "{public_key: c, private_key: /}]\n  enable_mtls: true\n  ca_certs: %s\n",
             bad);
    conf_case_good(&c, "t.yaml", text, false);
    rm_conf_check_files(c.conf, &c.found, report_pair);
    assert_int_equal(c.found.n, 3);
    assert_int_equal(c.found.n_errors, 2);
    const struct rm_finding *old = conf_case_says(&c, "tls.keys[1]", "old.pem has expired");
    assert_non_null(old);
    assert_false(old->is_error);
    assert_non_null(conf_case_says(&c, "tls.keys[2]", "no key is /"));
    assert_non_null(conf_case_says(&c, "tls.ca_certs", "no PEM in it"));
    conf_case_free(&c);
    conf_case_good(&c, "t.yaml", "version: 3\ntls: {public_key: old.pem, private_key: b}\n", false);
    rm_conf_check_files(c.conf, &c.found, report_pair);
    assert_non_null(conf_case_says(&c, "tls", "old.pem has expired"));
    conf_case_free(&c);
    snprintf(text, sizeof(text), "version: 3\nclient_tls: {ca_certs: %s}\n", good);
    conf_case_good(&c, "t.yaml", text, false);
    rm_conf_check_files(c.conf, &c.found, report_pair);
    assert_int_equal(c.found.n, 0);
    conf_case_free(&c);
    snprintf(text, sizeof(text),
             "version: 3\nextra_config: {remora: {kubernetes: {token_file: no-token, ca_file: %s}}}\n", bad);
    conf_case_good(&c, "t.yaml", text, false);
    rm_conf_check_files(c.conf, &c.found, report_pair);
    assert_int_equal(c.found.n, 2);
    assert_non_null(conf_case_says(&c, "extra_config.remora.kubernetes.token_file", "\"no-token\": No such file"));
    assert_non_null(conf_case_says(&c, "extra_config.remora.kubernetes.ca_file", "no PEM in it"));
    conf_case_free(&c);
    snprintf(text, sizeof(text), "version: 3\nextra_config: {remora: {kubernetes: {token_file: %s, ca_file: %s}}}\n",
             bad, good);
    conf_case_good(&c, "t.yaml", text, false);
    rm_conf_check_files(c.conf, &c.found, report_pair);
    assert_int_equal(c.found.n, 0);
    conf_case_free(&c);
    conf_case_good(&c, "t.yaml", "version: 3\n", false);
    rm_conf_check_files(c.conf, &c.found, report_pair);
    assert_int_equal(c.found.n, 0);
    conf_case_free(&c);
    unlink(good);
    unlink(bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_errors), cmocka_unit_test(test_many),       cmocka_unit_test(test_printable),
        cmocka_unit_test(test_no_place),   cmocka_unit_test(test_cut),        cmocka_unit_test(test_dump_same),
        cmocka_unit_test(test_dump_again), cmocka_unit_test(test_dump_shows), cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
