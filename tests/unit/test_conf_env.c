// What wins over the file: the environment and the command line.
// SPDX-License-Identifier: Apache-2.0
#include "conf_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char env_file[] =
    "version: 3\nport: 1000\nextra_config: {remora: {workers: 2, limits: {head_bytes: 2KiB}}}\n"
    "endpoints: [{endpoint: /x, backend: [{host: h, url_pattern: /}]}]\n";

static void env_load(struct conf_case *c, const char *const *environ)
{
    struct rm_conf_options options = {.environ = environ};
    conf_case_load(c, "t.yaml", env_file, &options);
}

static void test_overrides(void **state)
{
    (void)state;
    static const char *const environ[] = {"PATH=/bin",
                                          "KRAKEND_PORT=2000",
                                          "KRAKEND_TIMEOUT=5s",
                                          "KRAKEND_NAME=n=1",
                                          "KRAKEND_DEBUG_ENDPOINT=true",
                                          "KRAKEND_HOST=ignored",
                                          "KRAKEND_VERSION=2.13",
                                          "KRAKEND_",
                                          "KRAKEND",
                                          "KRAKEND_PORTS=1",
                                          "KRAKEND_CACHE_TTL=1m",
                                          "KRAKEND_WRITE_TIMEOUT=9s",
                                          "KRAKEND_MAX_HEADER_BYTES=4096",
                                          "KRAKEND_ENDPOINTS=[]",
                                          NULL};
    struct conf_case c;
    env_load(&c, environ);
    assert_int_equal(c.found.n, 0);
    assert_int_equal(c.conf->port, 2000);
    assert_int_equal(c.conf->timeout_us, 5000000); // though the file does not have the key
    assert_int_equal(c.conf->endpoints[0].timeout_us, 5000000);
    assert_int_equal(c.conf->endpoints[0].cache_ttl_us, 60000000);
    assert_true(rm_str_eq(c.conf->name, RM_STR("n=1")));
    assert_true(c.conf->debug_endpoint);
    assert_int_equal(c.conf->workers, 2);
    assert_int_equal(c.conf->hosts.n, 0);
    assert_int_equal(c.conf->limits.body_timeout_us, 9000000);
    assert_int_equal(c.conf->limits.head_bytes, 4096);
    conf_case_free(&c);
}

static void test_remora_wins(void **state)
{
    (void)state;
    static const char *const environ[] = {"REMORA_PORT=3000",  "KRAKEND_PORT=2000", "REMORA_WORKERS=4",
                                          "REMORA_ZONE=eu-1a", "KRAKEND_WORKERS=7", NULL};
    struct conf_case c;
    env_load(&c, environ);
    assert_int_equal(c.conf->port, 3000);
    assert_int_equal(c.conf->workers, 4);
    assert_true(rm_str_eq(c.conf->zone, RM_STR("eu-1a")));
    conf_case_free(&c);
    struct rm_conf_options options = {.environ = environ, .port = 4000, .debug = true};
    conf_case_load(&c, "t.yaml", env_file, &options);
    assert_int_equal(c.conf->port, 4000); // -p wins over all
    assert_int_equal(c.conf->log_level, RM_DEBUG);
    assert_true(c.conf->debug_endpoint);
    conf_case_free(&c);
}

static void test_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *variable;
        const char *path, *phrase;
    } cases[] = {
        {"KRAKEND_PORT=http", "KRAKEND_PORT", "the text \"http\" is no whole number"},
        {"REMORA_PORT=70000", "REMORA_PORT", "allowed is a whole number from 1 to 65535"},
        {"KRAKEND_TIMEOUT=3000", "KRAKEND_TIMEOUT", "has no unit"},
        {"REMORA_WORKERS=many", "REMORA_WORKERS", "is no whole number"},
        {"KRAKEND_LISTEN_IP=localhost", "KRAKEND_LISTEN_IP", "is no IP address"},
        {"KRAKEND_ECHO_ENDPOINT=on", "KRAKEND_ECHO_ENDPOINT", "allowed is true or false"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        const char *const environ[] = {cases[i].variable, NULL};
        struct conf_case c;
        env_load(&c, environ);
        assert_int_equal(c.found.n_errors, 1);
        const struct rm_finding *f = conf_case_says(&c, cases[i].path, cases[i].phrase);
        assert_non_null(f);
        assert_int_equal(f->place.line, 0);
        conf_case_free(&c);
    }
}

// Kubernetes sets REMORA_PORT for a Service called remora; an empty variable is one that is not set.
static void test_not_ours(void **state)
{
    (void)state;
    static const char *const environ[] = {"REMORA_PORT=tcp://10.0.0.1:80", "KRAKEND_PORT=", "REMORA_TIMEOUT=", NULL};
    struct conf_case c;
    env_load(&c, environ);
    assert_int_equal(c.rc, RM_OK);
    assert_int_equal(c.found.n, 1);
    assert_non_null(conf_case_says(&c, "REMORA_PORT", "enableServiceLinks"));
    assert_int_equal(c.conf->port, 1000);
    assert_int_equal(c.conf->timeout_us, 2000000);
    conf_case_free(&c);
}

// One letter of a name of ours is told; other people's variables and those of Services are not.
static void test_misspelt(void **state)
{
    (void)state;
    static const char *const environ[] = {"REMORA_PROT=9000",    "REMORA_SERVICE_HOST=10.0.0.1",
                                          "REMORA_NODE=n",       "REMORA_PORT_8080_TCP_ADDR=10.0.0.1",
                                          "REMORA_URL=http://a", NULL};
    struct conf_case c;
    env_load(&c, environ);
    assert_int_equal(c.rc, RM_OK);
    assert_int_equal(c.found.n, 1);
    assert_non_null(conf_case_says(&c, "REMORA_PROT", "did you mean \"REMORA_PORT\"?"));
    conf_case_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overrides), cmocka_unit_test(test_remora_wins), cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_not_ours),  cmocka_unit_test(test_misspelt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
