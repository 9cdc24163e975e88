// Targets: what placeholders and query pairs become on the wire, and what is refused.
// SPDX-License-Identifier: Apache-2.0
#include "flow/backend.h"
#include "flow_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

// One endpoint "/e/{a}/{b}" with one backend.
static const struct rm_url *url_of(struct flow_rig *rig, const char *pattern, const char *endpoint_keys,
                                   const char *backend_keys, const char *root_keys)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_str conf = rm_arena_printf(&arena,
                                         "%s 'endpoints': [{'endpoint': '/e/{a}/{b}' %s, 'backend': [{'host': "
                                         "['http://10.0.0.1:80'], 'url_pattern': '%s' %s}]}]",
                                         root_keys, endpoint_keys, pattern, backend_keys);
    flow_rig_start(rig, conf.p, NULL, 0);
    rm_arena_fini(&arena);
    return &rig->plan->endpoints[0].backends[0].url;
}

struct url_case {
    const char *pattern, *a, *b, *query, *names, *narrower;
    const char *target; // NULL: refused with 400
};

static void check_case(const struct url_case *c)
{
    struct flow_rig rig;
    struct rm_arena arena;
    char endpoint_keys[256] = "", backend_keys[256] = "";
    if (c->names)
        snprintf(endpoint_keys, sizeof endpoint_keys, ", 'input_query_strings': [%s]", c->names);
    if (c->narrower)
        snprintf(backend_keys, sizeof backend_keys, ", 'input_query_strings': [%s]", c->narrower);
    const struct rm_url *url = url_of(&rig, c->pattern, endpoint_keys, backend_keys, "");
    rm_arena_init(&arena, NULL);
    struct rm_str params[] = {rm_str_of(c->a ? c->a : "A"), rm_str_of(c->b ? c->b : "B")};
    struct rm_url_in in = {.params = params, .query = rm_str_of(c->query)};
    struct rm_str target = {NULL, 0};
    struct rm_err err = {0};
    int rc = rm_url_build(url, &arena, &in, &target, &err);
    if (c->target) {
        assert_int_equal(rc, RM_OK);
        assert_string_equal(rm_arena_cstr(&arena, target), c->target);
    } else {
        assert_int_equal(rc, RM_EPARAM);
        assert_int_equal(err.code, RM_EPARAM);
        assert_int_equal(err.status, 400);
        assert_null(target.p);
    }
    rm_arena_fini(&arena);
    flow_rig_stop(&rig);
}

static void check_cases(const struct url_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_case(&cases[i]);
}

// An endpoint "/e/{a}/*": what came for its wildcard goes behind the pattern's path.
static void the_rest_of_a_path(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *rest, *query, *target;
    } cases[] = {
        {"/", "x/y", "", "/x/y"},
        {"", "x", "", "/x"},
        {"/store", "x/y", "", "/store/x/y"},
        {"/store/", "x/y/", "", "/store/x/y/"},
        {"/store", "", "", "/store/"},
        {"/", "", "", "/"},
        {"/u/{a}", "x", "", "/u/A%20B/x"},
        {"/u/{a}/", "x", "", "/u/A%20B/x"},
        {"/store?v=1", "x", "q=1", "/store/x?v=1&q=1"},
        {"/?a={a}", "x", "", "/x?a=A%20B"},
        {"/store", "a%2Fb//c%3f", "q=1", "/store/a%2Fb//c%3f?q=1"},
        {"/", "a b\\\xc3\xa9#%", "", "/a%20b%5C%C3%A9%23%25"},
        {"/", "a:b@c;d=e,f!$&'()*+~", "", "/a:b@c;d=e,f!$&'()*+~"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct flow_rig rig;
        struct rm_arena arena;
        rm_arena_init(&arena, NULL);
        struct rm_str conf = rm_arena_printf(&arena,
                                             "'endpoints': [{'endpoint': '/e/{a}/*', 'input_query_strings': ['q'], 'backend': "
                                             "[{'host': ['http://10.0.0.1:80'], 'url_pattern': '%s'}]}]",
                                             cases[i].pattern);
        flow_rig_start(&rig, conf.p, NULL, 0);
        struct rm_str params[] = {RM_STR("A B"), rm_str_of(cases[i].rest)};
        struct rm_url_in in = {.params = params, .query = rm_str_of(cases[i].query)};
        struct rm_str target = {NULL, 0};
        struct rm_err err = {0};
        assert_int_equal(rm_url_build(&rig.plan->endpoints[0].backends[0].url, &arena, &in, &target, &err), RM_OK);
        assert_string_equal(rm_arena_cstr(&arena, target), cases[i].target);
        rm_arena_fini(&arena);
        flow_rig_stop(&rig);
    }
}

static void literal_patterns(void **state)
{
    (void)state;
    static const struct url_case cases[] = {
        {.pattern = "/x", .target = "/x"},
        {.pattern = "x", .target = "/x"},
        {.pattern = "", .target = "/"},
        {.pattern = "req//pl/", .target = "/req//pl/"}, // no cleaning: krakend-behaviour.md §5.1
        {.pattern = "/x?fixed=1", .target = "/x?fixed=1"},
        {.pattern = "/../x", .target = "/../x"}, // the configuration may
    };
    check_cases(cases, RM_COUNT(cases));
    // Without placeholder and query, nothing is built.
    struct flow_rig rig;
    const struct rm_url *url = url_of(&rig, "/x?fixed=1", "", "", "");
    struct rm_url_in in = {.query = RM_STR("a=1")};
    struct rm_str target;
    struct rm_err err;
    assert_int_equal(rm_url_build(url, &rig.arena, &in, &target, &err), RM_OK);
    assert_ptr_equal(target.p, url->literal.p);
    flow_rig_stop(&rig);
}

static void params_in_the_path(void **state)
{
    (void)state;
    static const struct url_case cases[] = {
        {.pattern = "/u/{a}", .a = "42", .target = "/u/42"},
        {.pattern = "/u/{a}/y/{a}", .a = "42", .target = "/u/42/y/42"},
        {.pattern = "/u/{b}/{a}", .a = "1", .b = "2", .target = "/u/2/1"},
        {.pattern = "/u/{a}", .a = "a-b_c.d~e.json", .target = "/u/a-b_c.d~e.json"},
        {.pattern = "/u/{a}", .a = "a;b=c,d:e@f!g$h", .target = "/u/a;b=c,d:e@f!g$h"},
        {.pattern = "/u/{a}", .a = "a+b", .target = "/u/a+b"},
        {.pattern = "/u/{a}", .a = "a b", .target = "/u/a%20b"},
        {.pattern = "/u/{a}", .a = "a/b", .target = "/u/a%2Fb"},
        {.pattern = "/u/{a}", .a = "a?b#c", .target = "/u/a%3Fb%23c"},
        {.pattern = "/u/{a}", .a = "100%", .target = "/u/100%25"},
        {.pattern = "/u/{a}", .a = "%2e%2e", .target = "/u/%252e%252e"},
        {.pattern = "/u/{a}", .a = "a\\b", .target = "/u/a%5Cb"},
        {.pattern = "/u/{a}", .a = "\xC3\xA9", .target = "/u/%C3%A9"},
        {.pattern = "/u/{a}", .a = "a\r\nHost: x", .target = "/u/a%0D%0AHost:%20x"},
        {.pattern = "/u/{a}//x/./y", .a = "42", .target = "/u/42//x/./y"}, // what is written so stays so
        {.pattern = "/u/{a}.json", .a = "..", .target = "/u/...json"},
        {.pattern = "/u/x{a}/z", .a = ".", .target = "/u/x./z"},
        {.pattern = "/u/{a}", .a = "...", .target = "/u/..."},
    };
    check_cases(cases, RM_COUNT(cases));
}

static void dot_and_empty_segments_are_refused(void **state)
{
    (void)state;
    static const struct url_case cases[] = {
        {.pattern = "/u/{a}", .a = ".."},
        {.pattern = "/u/{a}", .a = "."},
        {.pattern = "/u/{a}/x", .a = ".."},
        {.pattern = "/{a}", .a = ".."},
        {.pattern = "/u/{a}?q=1", .a = ".."},
        {.pattern = "/u/.{a}/x", .a = "."},
        {.pattern = "/u/{a}{b}/x", .a = ".", .b = "."},
        {.pattern = "/u/%2e{a}", .a = "."},
        {.pattern = "/u/%2E{a}", .a = "."},
        {.pattern = "/u/{a}/x", .a = ""},
        {.pattern = "/u/{a}", .a = ""},
        {.pattern = "/u/{a}{b}", .a = "", .b = ""},
    };
    check_cases(cases, RM_COUNT(cases));
}

static void params_in_the_query(void **state)
{
    (void)state;
    static const struct url_case cases[] = {
        {.pattern = "/x?user={a}&fixed=1", .a = "42", .target = "/x?user=42&fixed=1"},
        {.pattern = "/x?{a}={b}", .a = "k&k", .b = "v=v", .target = "/x?k%26k=v%3Dv"},
        {.pattern = "/x?u={a}", .a = "a b+c#d\xC3\xA9{", .target = "/x?u=a%20b%2Bc%23d%C3%A9%7B"},
        {.pattern = "/x?u={a}", .a = "..", .target = "/x?u=.."},
        {.pattern = "/x?u={a}", .a = "", .target = "/x?u="},
        {.pattern = "/x?u=/{a}/", .a = "../..", .target = "/x?u=/..%2F../"},
        {.pattern = "/x/{b}?u=/{a}/&v=/{a}", .a = "..", .target = "/x/B?u=/../&v=/.."},
        {.pattern = "/x/{a}?u={a}", .a = "a/b", .target = "/x/a%2Fb?u=a%2Fb"},
    };
    check_cases(cases, RM_COUNT(cases));
}

static void query_pairs_that_pass(void **state)
{
    (void)state;
    static const struct url_case cases[] = {
        {.pattern = "/x", .query = "a=1&b=2", .target = "/x"}, // none by default
        {.pattern = "/x", .query = "a=1&b=2&c=3", .names = "'a', 'c'", .target = "/x?a=1&c=3"},
        {.pattern = "/x", .query = "c=3&a=1", .names = "'a', 'c'", .target = "/x?c=3&a=1"}, // in the client's order
        {.pattern = "/x", .query = "a=1&b=0&a=2&a=1", .names = "'a'", .target = "/x?a=1&a=2&a=1"},
        {.pattern = "/x", .query = "a=&b", .names = "'a', 'b'", .target = "/x?a=&b"},
        {.pattern = "/x", .query = "page=1&Page=2", .names = "'Page'", .target = "/x?Page=2"},
        {.pattern = "/x",
         .query = "ids[]=1&ids%5B%5D=2&ids%5b%5d=3",
         .names = "'ids[]'",
         .target = "/x?ids[]=1&ids%5B%5D=2&ids%5b%5d=3"},
        {.pattern = "/x",
         .query = "%61=1&b=2",
         .names = "'a'",
         .target = "/x?%61=1"}, // compared decoded, passed as it came
        {.pattern = "/x", .query = "a+b=1&a%20b=2", .names = "'a b'", .target = "/x?a+b=1&a%20b=2"},
        {.pattern = "/x", .query = "a=x%26y%3Dz", .names = "'a'", .target = "/x?a=x%26y%3Dz"},
        {.pattern = "/x", .query = "a=x%26b%3D1&b=2", .names = "'a'", .target = "/x?a=x%26b%3D1"},
        {.pattern = "/x",
         .query = "a%zz=1&a=2",
         .names = "'a%zz', 'a'",
         .target = "/x?a=2"}, // a malformed key equals nothing
        {.pattern = "/x", .query = "a%00=1&a=2", .names = "'a'", .target = "/x?a=2"},
        {.pattern = "/x", .query = "&&a=1&&&b=2&", .names = "'a', 'b'", .target = "/x?a=1&b=2"},
        {.pattern = "/x", .query = "a=1?b=2/..", .names = "'a'", .target = "/x?a=1?b=2/.."},
        {.pattern = "/x", .query = "b=2", .names = "'a'", .target = "/x"},
        {.pattern = "/x", .query = "", .names = "'a'", .target = "/x"},
        {.pattern = "/x", .query = "=1&a=2", .names = "'a'", .target = "/x?a=2"},
        // to a server that separates pairs by ';' too, this is a name that was not asked for
        {.pattern = "/x", .query = "a=1;b=2&a=3", .names = "'a'", .target = "/x?a=3"},
        {.pattern = "/x", .query = "a;b=2", .names = "'a', 'a;b'", .target = "/x"},
        {.pattern = "/x", .query = "a=1;b=2&c=3", .names = "'*'", .narrower = "'a'", .target = "/x"},
        {.pattern = "/x", .query = "a=1%3Bb=2", .names = "'a'", .target = "/x?a=1%3Bb=2"},
        // everything
        {.pattern = "/x", .query = "a=1;b=2", .names = "'*'", .target = "/x?a=1;b=2"},
        {.pattern = "/x", .query = "a=1&&b&%zz=", .names = "'*'", .target = "/x?a=1&&b&%zz="},
        {.pattern = "/x", .query = "q=\"<x>\"|{}", .names = "'*'", .target = "/x?q=\"<x>\"|{}"},
        // what may stand nowhere in a target is encoded, whatever let it in
        {.pattern = "/x", .query = "a=\xC3\xA9 #\x01\x7F", .names = "'*'", .target = "/x?a=%C3%A9%20%23%01%7F"},
        {.pattern = "/x", .query = "a=\r\nX: y", .names = "'a'", .target = "/x?a=%0D%0AX:%20y"},
    };
    check_cases(cases, RM_COUNT(cases));
}

static void query_of_pattern_and_client(void **state)
{
    (void)state;
    static const struct url_case cases[] = {
        {.pattern = "/x?fixed=yes", .query = "a=1", .names = "'a'", .target = "/x?fixed=yes&a=1"},
        {.pattern = "/x?", .query = "a=1", .names = "'a'", .target = "/x?a=1"},
        {.pattern = "/x?f=1&", .query = "a=1", .names = "'a'", .target = "/x?f=1&a=1"},
        {.pattern = "/x?f={a}", .a = "v&w", .query = "a=1", .names = "'a'", .target = "/x?f=v%26w&a=1"},
        {.pattern = "/x?f={a}", .a = "v&", .query = "a=1", .names = "'*'", .target = "/x?f=v%26&a=1"},
        {.pattern = "/x?{a}", .a = "v", .query = "a=1", .names = "'a'", .target = "/x?v&a=1"},
        {.pattern = "/x/{a}", .a = "v", .query = "a=1", .names = "'a'", .target = "/x/v?a=1"},
        {.pattern = "/x/{a}", .a = "v?w=1", .query = "a=1", .names = "'a'", .target = "/x/v%3Fw=1?a=1"},
    };
    check_cases(cases, RM_COUNT(cases));
}

static void backend_filter_narrows(void **state)
{
    (void)state;
    static const struct url_case cases[] = {
        {.pattern = "/x", .query = "a=1&b=2&c=3", .names = "'*'", .narrower = "'b'", .target = "/x?b=2"},
        {.pattern = "/x",
         .query = "a=1&b=2",
         .names = "'a'",
         .narrower = "'a', 'b'",
         .target = "/x?a=1"}, // it cannot widen
        {.pattern = "/x", .query = "a=1&b=2", .narrower = "'a'", .target = "/x"},
        {.pattern = "/x", .query = "B=1&b=2", .names = "'*'", .narrower = "'b'", .target = "/x?b=2"},
        {.pattern = "/x?f=1", .query = "a=1&f=2", .names = "'a', 'f'", .narrower = "'a'", .target = "/x?f=1&a=1"},
    };
    check_cases(cases, RM_COUNT(cases));
}

static void raw_params_keep_their_escapes(void **state)
{
    (void)state;
    static const char root[] = "'extra_config': {'router': {'disable_path_decoding': true}},";
    static const struct {
        const char *pattern, *a, *target;
    } cases[] = {
        {"/u/{a}", "a%2Fb", "/u/a%2Fb"},
        {"/u/{a}", "a%252Fb", "/u/a%252Fb"},
        {"/u/{a}", "%09%90%aF%Fa%0f%A9", "/u/%09%90%aF%Fa%0f%A9"},
        {"/u/{a}", "%z4%4z%G0%0g%/9", "/u/%25z4%254z%25G0%250g%25%2F9"},
        {"/u?q={a}", "a+b", "/u?q=a%2Bb"},
        {"/u/{a}", "100%", "/u/100%25"},
        {"/u/{a}", "%zz%4", "/u/%25zz%254"},
        {"/u/{a}", "a b", "/u/a%20b"},
        {"/u/{a}", "..", NULL},
        {"/u/{a}", "%2e%2E", NULL},
        {"/u/{a}", ".%2e", NULL},
        {"/u?q={a}", "a%2Fb%26c", "/u?q=a%2Fb%26c"},
        {"/u?q={a}", "a%zz", NULL},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct flow_rig rig;
        const struct rm_url *url = url_of(&rig, cases[i].pattern, "", "", root);
        struct rm_arena arena;
        rm_arena_init(&arena, NULL);
        struct rm_str params[] = {rm_str_of(cases[i].a), RM_STR("")};
        struct rm_url_in in = {.params = params};
        struct rm_str target;
        struct rm_err err = {0};
        int rc = rm_url_build(url, &arena, &in, &target, &err);
        assert_int_equal(rc, cases[i].target ? RM_OK : RM_EPARAM);
        if (cases[i].target)
            assert_string_equal(rm_arena_cstr(&arena, target), cases[i].target);
        else
            assert_true(err.status == 400 && err.code == RM_EPARAM && err.text[0] != '\0');
        rm_arena_fini(&arena);
        flow_rig_stop(&rig);
    }
}

// ---- fields of earlier answers ---------------------------------------------------------------------------------------

static const char answer_text[] =
    "{\"s\":\"a b/c?d\",\"esc\":\"\\u0041\\n\",\"n\":12345678901234567890,\"f\":1.50,\"e\":1e3,\"t\":true,\"no\":false,"
    "\"nil\":null,\"list\":[1,\"two\",false,2.50],\"none\":[],\"deep\":{\"er\":{\"x\":\"y\"},\"l\":[{\"k\":1}]},"
    "\"mixed\":[1,null],\"nested\":[[1]],\"empty\":\"\",\"dots\":\"..\",\"a.b\":\"dotted\",\"nul\":\"\\u0000\"}";

struct field_case {
    const char *path; // of {resp0_…}
    bool in_query;
    const char *text; // in the target; NULL: that backend fails
};

static void fields_of_earlier_answers(void **state)
{
    (void)state;
    static const struct field_case cases[] = {
        {"s", false, "a%20b%2Fc%3Fd"},
        {"s", true, "a%20b%2Fc%3Fd"},
        {"esc", false, "A%0A"},
        {"n", false, "12345678901234567890"},
        {"f", false, "1.50"},
        {"e", true, "1e3"},
        {"t", false, "true"},
        {"no", false, "false"},
        {"nil", false, NULL},
        {"nil", true, NULL},
        {"list", false, "1,two,false,2.50"},
        {"list", true, "1%2Ctwo%2Cfalse%2C2.50"},
        {"none", true, ""},
        {"none", false, NULL}, // an empty segment
        {"empty", true, ""},
        {"empty", false, NULL},
        {"dots", false, NULL},
        {"dots", true, ".."},
        {"nul", true, "%00"},
        {"deep.er.x", false, "y"},
        {"deep", true, NULL},
        {"deep.er", true, NULL},
        {"deep.l", true, NULL},
        {"deep.l.0", true, NULL},
        {"deep.l.k", true, NULL},
        {"mixed", true, NULL},
        {"nested", true, NULL},
        {"missing", true, NULL},
        {"missing.s", true, NULL}, // KrakenD would find `s` at the root
        {"s.x", true, NULL},
        {"a.b", true, NULL},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        char conf[512];
        snprintf(conf, sizeof conf,
                 "'endpoints': [{'endpoint': '/e', 'extra_config': {'proxy': {'sequential': true}}, 'backend': ["
                 "{'host': ['http://10.0.0.1:80'], 'url_pattern': '/first'},"
                 "{'host': ['http://10.0.0.1:80'], 'url_pattern': '/x%s{resp0_%s}%s'}]}]",
                 cases[i].in_query ? "?q=" : "/", cases[i].path, cases[i].in_query ? "" : "/z");
        struct flow_rig rig;
        flow_rig_start(&rig, conf, NULL, 0);
        struct rm_arena arena;
        rm_arena_init(&arena, NULL);
        struct rm_json_limits limits = {512, 1000};
        struct rm_value *answer;
        struct rm_err err = {0};
        assert_int_equal(rm_json_parse(&arena, rm_str_of(answer_text), 1, &limits, &answer, NULL, &err), RM_OK);
        struct rm_url_in in = {.answers = &answer};
        struct rm_str target;
        int rc = rm_url_build(&rig.plan->endpoints[0].backends[1].url, &arena, &in, &target, &err);
        if (cases[i].text) {
            assert_int_equal(rc, RM_OK);
            struct rm_str want = cases[i].in_query ? rm_arena_printf(&arena, "/x?q=%s", cases[i].text)
                                                   : rm_arena_printf(&arena, "/x/%s/z", cases[i].text);
            assert_string_equal(rm_arena_cstr(&arena, target), want.p);
        } else {
            assert_int_equal(rc, RM_EPARAM);
            assert_int_equal(err.status, 0); // not the client's fault
        }
        rm_arena_fini(&arena);
        flow_rig_stop(&rig);
    }
}

static void a_null_answer_has_no_fields(void **state)
{
    (void)state;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_str name = RM_STR("x"), out;
    assert_int_equal(rm_url_field(&arena, NULL, (struct rm_strs){&name, 1}, &out), RM_EPARAM);
    rm_arena_fini(&arena);
}

static void long_targets_are_refused(void **state)
{
    (void)state;
    struct flow_rig rig;
    const struct rm_url *url = url_of(&rig, "/x/{a}?q={b}", "", "", "");
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    char *text = rm_arena_alloc(&arena, RM_URL_MOST);
    memset(text, 'a', RM_URL_MOST);
    struct rm_str target = {NULL, 0};
    struct rm_err err = {0};
    // "/x/" + "?q=" are 6 bytes.
    struct rm_str fits[] = {{text, RM_URL_MOST - 7}, {text, 1}}, over[] = {{text, RM_URL_MOST - 6}, {text, 1}};
    struct rm_url_in in = {.params = fits};
    assert_int_equal(rm_url_build(url, &arena, &in, &target, &err), RM_OK);
    assert_int_equal(target.n, RM_URL_MOST);
    in.params = over;
    assert_int_equal(rm_url_build(url, &arena, &in, &target, &err), RM_ETOOBIG);
    assert_int_equal(err.code, RM_ETOOBIG);
    rm_arena_fini(&arena);
    flow_rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literal_patterns),
        cmocka_unit_test(the_rest_of_a_path),
        cmocka_unit_test(params_in_the_path),
        cmocka_unit_test(dot_and_empty_segments_are_refused),
        cmocka_unit_test(params_in_the_query),
        cmocka_unit_test(query_pairs_that_pass),
        cmocka_unit_test(query_of_pattern_and_client),
        cmocka_unit_test(backend_filter_narrows),
        cmocka_unit_test(raw_params_keep_their_escapes),
        cmocka_unit_test(fields_of_earlier_answers),
        cmocka_unit_test(a_null_answer_has_no_fields),
        cmocka_unit_test(long_targets_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
