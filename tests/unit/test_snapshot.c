// Lists of hosts: copied whole, counted across threads, compared.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loop/thread.h"
#include "pool/snapshot.h"

static struct rm_host some_host(void)
{
    return (struct rm_host){.scheme = RM_STR("https"),
                            .address = RM_STR("2001:db8::1"),
                            .name = RM_STR("shop.example"),
                            .base_path = RM_STR("/base"),
                            .port = 8443,
                            .weight = 7,
                            .priority = 2,
                            .zone = RM_STR("a"),
                            .state = RM_HOST_TERMINATING};
}

static void a_list_copies_all_text(void **state)
{
    (void)state;
    char name[] = "shop.example";
    struct rm_host hosts[2] = {some_host(), some_host()};
    hosts[1].name = rm_str_of(name);
    hosts[1].address = (struct rm_str){NULL, 0};
    struct rm_snapshot *list = rm_snapshot_new(hosts, 2);
    memset(name, 'x', sizeof(name) - 1);
    memset(hosts, 0xa5, sizeof(hosts));
    assert_int_equal(list->n, 2);
    assert_int_equal(list->serial, 0);
    const struct rm_host *host = &list->host[0];
    assert_true(rm_str_eq(host->scheme, RM_STR("https")));
    assert_true(rm_str_eq(host->address, RM_STR("2001:db8::1")));
    assert_true(rm_str_eq(host->base_path, RM_STR("/base")));
    assert_true(rm_str_eq(host->zone, RM_STR("a")));
    assert_int_equal(host->port, 8443);
    assert_int_equal(host->weight, 7);
    assert_int_equal(host->priority, 2);
    assert_int_equal(host->state, RM_HOST_TERMINATING);
    assert_true(rm_str_eq(list->host[1].name, RM_STR("shop.example")));
    assert_int_equal(list->host[1].address.n, 0);
    rm_snapshot_unref(list);
    rm_snapshot_unref(NULL);
}

static void an_empty_list_is_a_list(void **state)
{
    (void)state;
    struct rm_snapshot *list = rm_snapshot_new(NULL, 0);
    assert_int_equal(list->n, 0);
    rm_snapshot_unref(list);
}

static void comparing_sees_every_member(void **state)
{
    (void)state;
    struct rm_host host = some_host();
    struct rm_snapshot *a = rm_snapshot_new(&host, 1);
    for (int member = 0; member <= 9; member++) {
        host = some_host();
        switch (member) {
        case 1:
            host.scheme = RM_STR("http");
            break;
        case 2:
            host.address = RM_STR("2001:db8::2");
            break;
        case 3:
            host.name = RM_STR("Shop.example");
            break;
        case 4:
            host.base_path = RM_STR("");
            break;
        case 5:
            host.port++;
            break;
        case 6:
            host.weight++;
            break;
        case 7:
            host.priority++;
            break;
        case 8:
            host.zone = RM_STR("b");
            break;
        case 9:
            host.state = RM_HOST_READY;
            break;
        default:
            break;
        }
        struct rm_snapshot *b = rm_snapshot_new(&host, 1);
        b->serial = 99;
        assert_int_equal(rm_snapshot_equal(a, b), member == 0);
        assert_int_equal(rm_host_same(&a->host[0], &b->host[0]), member != 2 && member != 3 && member != 5);
        rm_snapshot_unref(b);
    }
    struct rm_host two[2] = {some_host(), some_host()};
    struct rm_snapshot *b = rm_snapshot_new(two, 2);
    assert_false(rm_snapshot_equal(a, b));
    assert_false(rm_snapshot_equal(b, a));
    rm_snapshot_unref(b);
    rm_snapshot_unref(a);
}

static void use_it(void *arg)
{
    struct rm_snapshot *list = arg;
    for (int i = 0; i < 20000; i++) {
        struct rm_snapshot *mine = rm_snapshot_ref(list);
        RM_ASSERT(mine->host[0].port == 8443);
        rm_snapshot_unref(mine);
    }
    rm_snapshot_unref(list);
}

// The last of three threads frees it; the sanitizers watch.
static void references_are_counted_across_threads(void **state)
{
    (void)state;
    struct rm_host host = some_host();
    struct rm_snapshot *list = rm_snapshot_new(&host, 1);
    struct rm_thread *threads[3];
    for (size_t i = 0; i < RM_COUNT(threads); i++)
        assert_int_equal(rm_thread_start(&threads[i], "user", use_it, rm_snapshot_ref(list), NULL), RM_OK);
    rm_snapshot_unref(list);
    for (size_t i = 0; i < RM_COUNT(threads); i++)
        rm_thread_join(threads[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_copies_all_text),
        cmocka_unit_test(an_empty_list_is_a_list),
        cmocka_unit_test(comparing_sees_every_member),
        cmocka_unit_test(references_are_counted_across_threads),
    };
    return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
