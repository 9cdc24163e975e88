// The plan: sources told apart, times, steps in order, and how deep answers are opened.
// SPDX-License-Identifier: Apache-2.0
#include "flow/backend.h"
#include "flow_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void equal_sources_are_one(void **state)
{
    (void)state;
    struct flow_rig rig;
    flow_rig_start(
        &rig,
        "'host': ['http://10.0.0.1:80'], 'endpoints': ["
        "{'endpoint': '/a', 'backend': [{'url_pattern': '/1'}, {'url_pattern': '/2', 'host': ['http://10.0.0.2:80']}]},"
        "{'endpoint': '/b', 'backend': [{'url_pattern': '/3', 'host': ['http://10.0.0.1:80']}, {'url_pattern': '/4', "
        "'host': "
        "['http://10.0.0.2:80', 'http://10.0.0.1:80']}, {'url_pattern': '/5', 'host': ['http://10.0.0.1:80', "
        "'http://10.0.0.2:80']}]}]",
        NULL, 0);
    const struct rm_endpoint *a = &rig.plan->endpoints[0], *b = &rig.plan->endpoints[1];
    assert_int_equal(rig.plan->n_sources, 4); // the order of hosts is part of a source
    assert_int_equal(rig.plan->views[a->backends[0].view].source, 0);
    assert_int_equal(rig.plan->views[a->backends[1].view].source, 1);
    assert_int_equal(rig.plan->views[b->backends[0].view].source, 0);
    assert_int_equal(rig.plan->views[b->backends[1].view].source, 2);
    assert_int_equal(rig.plan->views[b->backends[2].view].source, 3);
    assert_int_equal(b->index, 1);
    flow_rig_stop(&rig);
    flow_rig_start(&rig,
                   "'host': ['http://10.0.0.1:80'], 'endpoints': [{'endpoint': '/a', 'backend': [{'url_pattern': "
                   "'/1'}, {'url_pattern': "
                   "'/2', 'sd_scheme': 'https'}]}]",
                   NULL, 0);
    assert_int_equal(rig.plan->n_sources, 2);
    flow_rig_stop(&rig);
}

static void times(void **state)
{
    (void)state;
    struct flow_rig rig;
    flow_rig_start(&rig,
                   "'host': ['http://10.0.0.1:80'], 'timeout': '1s', 'cache_ttl': '3600s', 'endpoints': ["
                   "{'endpoint': '/one', 'backend': [{'url_pattern': '/1'}]},"
                   "{'endpoint': '/two', 'timeout': '333us', 'concurrent_calls': 3, 'backend': [{'url_pattern': '/1'}, "
                   "{'url_pattern': '/2'}]},"
                   "{'endpoint': '/one-of-a-sequence', 'extra_config': {'proxy': {'sequential': true}}, 'backend': "
                   "[{'url_pattern': '/1'}]},"
                   "{'endpoint': '/stream', 'output_encoding': 'no-op', 'concurrent_calls': 3, 'backend': "
                   "[{'url_pattern': '/1'}]}]",
                   NULL, 0);
    const struct rm_endpoint *e = rig.plan->endpoints;
    static const struct {
        uint64_t deadline_us, group_us, race_us;
        uint32_t calls;
        bool streams;
    } want[] = {{1000000, 1000000, 750000, 1, false},
                {333, 283, 249, 3, false},
                {1000000, 1000000, 750000, 1, false},
                {1000000, 1000000, 750000, 1, true}};
    for (size_t i = 0; i < RM_COUNT(want); i++) {
        assert_int_equal(e[i].deadline_us, want[i].deadline_us);
        assert_int_equal(e[i].group_us, want[i].group_us);
        assert_int_equal(e[i].race_us, want[i].race_us);
        assert_int_equal(e[i].calls, want[i].calls);
        assert_int_equal(e[i].streams, want[i].streams);
        assert_int_equal(e[i].encoder == NULL, want[i].streams);
        assert_memory_equal(e[i].cache_control.p, "public, max-age=3600", e[i].cache_control.n);
    }
    flow_rig_stop(&rig);
}

static void check_depth(const char *backend_keys, const char *endpoint_keys, const char *second, uint32_t depth,
                        uint32_t n_steps)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_str conf = rm_arena_printf(&arena,
                                         "'host': ['http://10.0.0.1:80'], 'endpoints': [{'endpoint': '/e' %s, "
                                         "'backend': [{'url_pattern': '/1' %s} %s]}]",
                                         endpoint_keys, backend_keys, second);
    struct flow_rig rig;
    flow_rig_start(&rig, conf.p, NULL, 0);
    const struct rm_backend *backend = rig.plan->endpoints[0].backends;
    assert_int_equal(backend->open_depth, depth);
    assert_int_equal(backend->n_steps, n_steps);
    flow_rig_stop(&rig);
    rm_arena_fini(&arena);
}

static void answers_are_opened_as_deep_as_needed(void **state)
{
    (void)state;
    static const char other[] = ", {'url_pattern': '/2'}";
    static const char seq[] = ", 'extra_config': {'proxy': {'sequential': true}}";
    check_depth("", "", "", 0, 0); // copied as one range
    check_depth("", "", other, 1, 0);
    check_depth("", ", 'extra_config': {'proxy': {'static': {'data': {'a': 1}}}}", "", 1, 0);
    check_depth(", 'mapping': {'a': 'b'}", "", "", 1, 1);
    check_depth(", 'group': 'g'", "", "", 0, 1);
    check_depth(", 'group': 'g'", "", other, 0, 1); // the merge sees the wrapper only
    check_depth(", 'allow': ['a', 'b.c.d', 'e.f']", "", "", 3, 1);
    check_depth(", 'deny': ['a.b']", "", "", 2, 1);
    check_depth(", 'allow': ['a'], 'deny': ['b.c.d.e']", "", "", 1, 1); // allow wins
    check_depth(", 'target': 'a.b'", "", "", 2, 1);
    check_depth(", 'target': 'a.b'", "", other, 3, 1);
    check_depth(", 'target': 'a.b', 'allow': ['c.d'], 'mapping': {'c': 'x'}, 'group': 'g'", "", other, 4, 4);
    check_depth("", seq, ", {'url_pattern': '/2/{resp0_a.b.c}'}", 3, 0);
    check_depth(", 'group': 'g'", seq, ", {'url_pattern': '/2/{resp0_g.b.c}'}", 2, 1);
    check_depth("", seq, ", {'url_pattern': '/2'}, {'url_pattern': '/3/{resp1_a.b.c}'}", 1, 0); // another's field
    check_depth("", seq, ", {'url_pattern': '/2/{resp0_a.b.c.d}/{resp0_a}'}", 4, 0);
    check_depth(", 'target': 't', 'group': 'g'", seq, ", {'url_pattern': '/2/{resp0_g.b}'}", 2, 2);
}

static void a_flatmap_opens_what_its_paths_name(void **state)
{
    (void)state;
#define FLATMAP(ops) ", 'extra_config': {'proxy': {'flatmap_filter': [" ops "]}}"
    static const char other[] = ", {'url_pattern': '/2'}";
    check_depth(FLATMAP("{'type': 'del', 'args': ['a', 'b.*.c']}"), "", "", 3, 1);
    check_depth(", 'allow': ['a.b.c.d.e'], 'mapping': {'a': 'b'}" FLATMAP("{'type': 'del', 'args': ['a']}"), "", "", 1,
                1);
    check_depth(", 'target': 't', 'group': 'g'" FLATMAP("{'type': 'move', 'args': ['a', 'b.c']}"), "", "", 3, 3);
    check_depth("", FLATMAP("{'type': 'del', 'args': ['a.b.c']}"), other, 3, 0);
    check_depth(", 'group': 'g'", FLATMAP("{'type': 'append', 'args': ['g.b', 'c']}"), other, 2, 1);
    check_depth("", FLATMAP("{'type': 'del', 'args': ['a.b']}"), "", 2, 0);
}

static void outgoing_settings_reach_the_transport(void **state)
{
    (void)state;
    struct flow_rig rig;
    flow_rig_start(
        &rig,
        "'dialer_timeout': '3s', 'idle_connection_timeout': '4s', 'response_header_timeout': '5s', "
        "'dialer_keep_alive': '6s', "
        "'max_idle_connections_per_host': 7, 'max_idle_connections': 8, 'disable_keep_alives': true, 'client_tls': "
        "{'allow_insecure_connections': true, 'disable_system_ca_pool': true, 'ca_certs': ['ca.pem'], 'client_certs': "
        "[{'certificate': 'c.pem', 'private_key': 'k.pem'}]}, 'endpoints': [{'endpoint': '/a', 'backend': "
        "[{'url_pattern': '/'}]}]",
        NULL, 0);
    const struct rm_transport_conf *conf = &rig.net.conf;
    assert_int_equal(conf->connect_timeout_us, 3000000);
    assert_int_equal(conf->idle_timeout_us, 4000000);
    assert_int_equal(conf->response_header_timeout_us, 5000000);
    assert_int_equal(conf->tcp_keep_alive_us, 6000000);
    assert_int_equal(conf->max_idle_per_host, 7);
    assert_int_equal(conf->max_idle, 8);
    assert_false(conf->keep_alive);
    assert_true(conf->tls_insecure && conf->tls_no_system_ca);
    assert_int_equal(conf->n_tls_ca_files, 1);
    assert_true(rm_str_eq(conf->tls_ca_files[0], RM_STR("ca.pem")));
    assert_true(rm_str_eq(conf->tls_cert_file, RM_STR("c.pem")));
    assert_true(rm_str_eq(conf->tls_key_file, RM_STR("k.pem")));
    flow_rig_stop(&rig);
}

static const struct rm_transport_ops *transport_of(const struct rm_plan *plan, uint32_t backend)
{
    return plan->transports[plan->endpoints[0].backends[backend].transport]->ops;
}

// A worker opens only those that are in use.
static void transports_are_chosen_for_each_backend(void **state)
{
    (void)state;
    struct rm_arena arena;
    struct rm_plan *plan;
    struct rm_err err;
    rm_arena_init(&arena, NULL);
    static const char *const members[] = {
        "'endpoints': [{'endpoint': '/a', 'backend': [{'url_pattern': '/1'}, {'url_pattern': '/2', 'extra_config': "
        "{'remora': {'transport': 'curl'}}}, {'url_pattern': '/3'}]}]",
        "'endpoints': [{'endpoint': '/a', 'backend': [{'url_pattern': '/1', 'extra_config': {'remora': {'transport': "
        "'curl'}}}]}]",
    };
    assert_int_equal(rm_plan_new(&plan, flow_rig_conf(&arena, members[0]), NULL, NULL, &err), RM_OK);
    assert_int_equal(plan->n_transports, 2);
    assert_ptr_equal(transport_of(plan, 0), &rm_transport_h1);
    assert_ptr_equal(transport_of(plan, 1), &rm_transport_curl);
    assert_ptr_equal(transport_of(plan, 2), &rm_transport_h1);
    rm_plan_unref(plan);
    assert_int_equal(rm_plan_new(&plan, flow_rig_conf(&arena, members[1]), NULL, NULL, &err), RM_OK);
    assert_int_equal(plan->n_transports, 1);
    assert_ptr_equal(transport_of(plan, 0), &rm_transport_curl);
    rm_plan_unref(plan);
    rm_arena_fini(&arena);
}

// A backend's own client_tls is instead of the service's, and those with the same one share what is opened.
static void transports_are_as_many_as_there_are_settings(void **state)
{
    (void)state;
    struct rm_arena arena;
    struct rm_plan *plan;
    struct rm_err err;
    rm_arena_init(&arena, NULL);
#define OWN_TLS(tls) "'extra_config': {'backend/http/client': {'client_tls': " tls "}}"
    static const char members[] =
        "'client_tls': {'ca_certs': ['a.pem'], 'min_version': 'TLS13'}, 'endpoints': [{'endpoint': '/a', 'backend': ["
        "{'url_pattern': '/1'}, {'url_pattern': '/2', " OWN_TLS("{'ca_certs': ['b.pem']}") "}, "
        "{'url_pattern': '/3', " OWN_TLS("{'ca_certs': ['b.pem'], 'min_version': ''}") "}, "
        "{'url_pattern': '/4', " OWN_TLS("{}") "}, {'url_pattern': '/5', " OWN_TLS("null") "}]}]";
    assert_int_equal(rm_plan_new(&plan, flow_rig_conf(&arena, members), NULL, NULL, &err), RM_OK);
    const struct rm_backend *backends = plan->endpoints[0].backends;
    static const uint32_t expected[] = {0, 1, 1, 2, 0};
    assert_int_equal(plan->n_transports, 3);
    for (size_t i = 0; i < RM_COUNT(expected); i++)
        assert_int_equal(backends[i].transport, expected[i]);
    assert_true(rm_str_eq(plan->transports[0]->conf.tls_ca_files[0], RM_STR("a.pem")));
    assert_true(rm_str_eq(plan->transports[1]->conf.tls_ca_files[0], RM_STR("b.pem")));
    assert_int_equal(plan->transports[1]->conf.tls_min_version.n, 0);
    assert_int_equal(plan->transports[2]->conf.n_tls_ca_files, 0);
    rm_plan_unref(plan);
    rm_arena_fini(&arena);
}

static void plans_are_counted(void **state)
{
    (void)state;
    struct flow_rig rig;
    flow_rig_start(&rig, "'endpoints': []", NULL, 0);
    assert_int_equal(rig.plan->n_endpoints, 0); // an empty gateway is one
    assert_int_equal(atomic_load(&rig.plan->refs), 2); // the rig's, the flow's
    struct rm_plan *plan = rm_plan_ref(rm_flow_plan(rig.flow));
    assert_ptr_equal(plan, rig.plan);
    assert_int_equal(atomic_load(&plan->refs), 3);
    rm_plan_unref(plan);
    rm_plan_unref(NULL);
    flow_rig_stop(&rig);
}

// A reload: what both plans say alike is shared, and lives as long as one of the flows.
static void flows_share_what_stays(void **state)
{
    (void)state;
#define TWO(a, b)                                                                                                      \
    "'endpoints': [{'endpoint': '/a', 'backend': [{'host': ['http://10.0.0." a ":80'], 'url_pattern': '/'}]},"         \
    "{'endpoint': '/b', 'backend': [{'host': ['http://10.0.0." b ":80'], 'url_pattern': '/'}]}]"
    struct flow_rig rig;
    struct rm_err err;
    struct rm_plan *plan;
    struct rm_flow *next, *last;
    struct rm_cache_entry *entries[2];
    flow_rig_start(&rig, TWO("1", "2"), NULL, 0);
    assert_int_equal(rm_plan_new(&plan, flow_rig_conf(&rig.arena, TWO("2", "3")), &rig.budget, NULL, &err), RM_OK);
    plan->transports[0]->ops = rig.transport.ops;
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(rm_cache_acquire(rig.cache, &plan->sources[i], &entries[i], &err), RM_OK);
    assert_int_equal(rm_flow_new(&next, rig.loop, plan, rig.cache, rig.flow, &err), RM_OK);
    assert_ptr_equal(rm_flow_view(next, 0), rm_flow_view(rig.flow, 1));
    assert_ptr_not_equal(rm_flow_view(next, 1), rm_flow_view(rig.flow, 0));
    assert_int_equal(rm_flow_new(&last, rig.loop, plan, rig.cache, next, &err), RM_OK);
    rm_flow_free(next);
    assert_ptr_equal(rm_flow_view(last, 0), rm_flow_view(rig.flow, 1));
    struct rm_flow *first = rig.flow;
    rig.flow = last;
    rm_flow_free(first);
    struct rm_snapshot *list = rm_pool_view_list(rm_flow_view(last, 0)); // it is still there
    assert_int_equal(list->n, 1);
    rm_snapshot_unref(list);
    rm_plan_unref(plan);
    for (uint32_t i = 0; i < 2; i++)
        rm_cache_release(rig.entries[i]);
    rig.entries[0] = entries[0];
    rig.entries[1] = entries[1];
    struct rm_plan *before = rig.plan;
    rig.plan = rm_plan_ref(rm_flow_plan(last));
    rm_plan_unref(before);
    flow_rig_stop(&rig);
}

// What rm_conf_load() would not let through says where it stands.
static void a_plan_that_cannot_be_made(void **state)
{
    (void)state;
    static const char members[] = "'endpoints': [{'endpoint': '/e', 'backend': [{'host': ['http://10.0.0.1:80'], "
                                  "'url_pattern': '/1', 'group': 'g'}]}]";
    for (int what = 0; what < 3; what++) {
        struct rm_arena arena;
        rm_arena_init(&arena, NULL);
        struct rm_conf *conf = flow_rig_conf(&arena, members);
        struct rm_conf_backend *backend = conf->endpoints[0].backends;
        if (what == 0)
            backend->encoding = RM_STR("morse");
        else if (what == 1)
            conf->endpoints[0].output_encoding = RM_STR("morse");
        else
            backend->group->type = RM_NULL;
        struct rm_budget budget = {.limit = SIZE_MAX};
        struct rm_plan *plan = NULL;
        struct rm_err err;
        assert_int_equal(rm_plan_new(&plan, conf, &budget, NULL, &err), RM_ECONF);
        assert_null(plan);
        assert_non_null(strstr(err.text, "rig.json:1:"));
        assert_non_null(strstr(err.text, what == 0 ? "encoding: " : what == 1 ? "output_encoding: " : "group: "));
        rm_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_sources_are_one),
        cmocka_unit_test(times),
        cmocka_unit_test(answers_are_opened_as_deep_as_needed),
        cmocka_unit_test(a_flatmap_opens_what_its_paths_name),
        cmocka_unit_test(outgoing_settings_reach_the_transport),
        cmocka_unit_test(transports_are_chosen_for_each_backend),
        cmocka_unit_test(transports_are_as_many_as_there_are_settings),
        cmocka_unit_test(plans_are_counted),
        cmocka_unit_test(flows_share_what_stays),
        cmocka_unit_test(a_plan_that_cannot_be_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
