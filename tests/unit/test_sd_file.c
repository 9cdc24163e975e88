// What a new provider takes: tests/support/sd_file.c, and one line in the registry, which the build adds to a copy of it
// (CMakeLists.txt). The configuration knows it then, the cache opens it, lists follow the file.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf_case.h"
#include "pool/cache.h"
#include "sd/registry.h"
#include "sd_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CONFIG(path)                                                                                                   \
    "version: 3\nendpoints:\n- endpoint: /x\n  backend:\n  - url_pattern: /y\n    sd: file\n    host: " path "\n"

static char path[sizeof(P_tmpdir) + 40];

static void write_hosts(const char *text)
{
    char fresh[sizeof(path) + 8];
    snprintf(fresh, sizeof(fresh), "%s.new", path);
    FILE *file = fopen(fresh, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(fresh, path), 0);
}

static void the_registry_has_it_and_the_others(void **state)
{
    (void)state;
    assert_ptr_equal(rm_sd_find(RM_STR("file")), &rm_sd_file);
    assert_ptr_equal(rm_sd_find(RM_STR("static")), &rm_sd_static);
    assert_ptr_equal(rm_sd_find(RM_STR("dns")), &rm_sd_dns);
}

static void the_configuration_takes_it(void **state)
{
    (void)state;
    struct conf_case c;
    conf_case_good(&c, "t.yaml", CONFIG("/etc/shop.hosts"), false);
    assert_true(rm_str_eq(c.conf->endpoints[0].backends[0].hosts.v[0], RM_STR("/etc/shop.hosts")));
    conf_case_free(&c);
    conf_case_load(&c, "t.yaml", CONFIG("shop.hosts"), NULL);
    assert_int_equal(c.rc, RM_ECONF);
    assert_non_null(conf_case_find(&c, (struct rm_place){7, 11}, "endpoints[0].backend[0].host",
                                   "takes the absolute path of one file"));
    conf_case_free(&c);
}

static void lists_follow_the_file(void **state)
{
    (void)state;
    struct pool pool;
    const char *host = path;
    write_hosts("http://10.0.0.1:8080\nhttp://10.0.0.2\n");
    pool_open(&pool, rm_sd_find(RM_STR("file")), 1, &host);
    assert_string_equal(pool_text(&pool), "10.0.0.1:8080 10.0.0.2:80"); // from inside open
    write_hosts("http://10.0.0.3\n");
    wait_for(&pool, "10.0.0.3:80");
    write_hosts("nonsense\n");
    wait_for_failure(&pool, 0);
    assert_string_equal(pool_text(&pool), "10.0.0.3:80");
    write_hosts("");
    wait_for(&pool, "");
    pool_close(&pool);
}

static void the_cache_opens_it(void **state)
{
    (void)state;
    struct rm_str host = rm_str_of(path);
    struct rm_source source = {.provider = RM_STR("file"), .hosts = &host, .n_hosts = 1};
    struct rm_cache_entry *entry;
    struct rm_cache_state now;
    write_hosts("http://10.0.0.1\nhttp://10.0.0.2\n");
    struct rm_cache *cache = rm_cache_new(loop);
    assert_int_equal(rm_cache_acquire(cache, &source, &entry, NULL), RM_OK);
    rm_cache_look(entry, &now);
    assert_int_equal(now.list->n, 2);
    rm_cache_release(entry);
    rm_cache_free(cache);
}

static int setup(void **state)
{
    snprintf(path, sizeof(path), "%s/remora-sd-file-XXXXXX", P_tmpdir);
    int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    close(fd);
    return sd_setup(state);
}

static int teardown(void **state)
{
    unlink(path);
    return sd_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_registry_has_it_and_the_others),
        cmocka_unit_test(the_configuration_takes_it),
        cmocka_unit_test_setup_teardown(lists_follow_the_file, setup, teardown),
        cmocka_unit_test_setup_teardown(the_cache_opens_it, setup, teardown),
    };
    return cmocka_run_group_tests_name("sd_file", tests, NULL, NULL);
}
