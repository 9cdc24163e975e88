// The steps on an answer: target, allow, deny, mapping, group. Each case runs at several depths of opening.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <remora/step.h>

#include "value_help.h"

struct step_case {
    const char *conf, *data, *want;
};

static void *opened(const struct rm_step_ops *step, const char *conf)
{
    void *self = NULL;
    struct rm_err err = {.text = ""};
    // A range in some cases; and the configuration's text goes away after the load.
    char *text = rm_arena_cstr(&value_arena, rm_str_of(conf));
    int rc = step->open(&self, &value_arena, value_parsed(text, conf[1] == 'a'), &err);
    if (rc != RM_OK)
        fail_msg("%s of %s: %s", step->name, conf, err.text);
    memset(text, '#', strlen(conf));
    return self;
}

static void check(const struct rm_step_ops *step, const struct step_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const void *self = opened(step, cases[i].conf);
        assert_non_null(self);
        for (uint32_t depth = 0; depth < 6; depth++) {
            struct rm_value *data = value_parsed(cases[i].data, depth < 5 ? depth : UINT32_MAX);
            struct rm_value *result = step->apply(self, &value_arena, data);
            assert_int_equal(result->type, RM_OBJECT);
            assert_null(result->next);
            value_check_tree(result);
            const char *text = value_written(result);
            if (strcmp(text, cases[i].want) != 0)
                fail_msg("%s %s of %s: %s", step->name, cases[i].conf, cases[i].data, text);
        }
    }
}

static uint32_t depth_of(const struct rm_step_ops *step, const char *conf)
{
    return step->depth(opened(step, conf));
}

#define DATA                                                                                                           \
    "{\"id\":1,\"name\":\"Ada\",\"addr\":{\"city\":\"London\",\"zip\":\"N1\",\"geo\":{\"lat\":1.5,\"lon\":2.5}},"      \
    "\"tags\":[{\"k\":1,\"v\":\"a\"},{\"k\":2,\"v\":\"b\"}],\"none\":null}"

static void target_takes_what_is_inside(void **state)
{
    (void)state;
    static const struct step_case cases[] = {
        {"\"addr\"", DATA, "{\"city\":\"London\",\"zip\":\"N1\",\"geo\":{\"lat\":1.5,\"lon\":2.5}}"},
        {"\"addr.geo\"", DATA, "{\"lat\":1.5,\"lon\":2.5}"},
        {"\"addr.missing\"", DATA, "{}"},
        {"\"missing\"", DATA, "{}"},
        {"\"missing.city\"", DATA, "{}"},
        {"\"name\"", DATA, "{}"},
        {"\"none\"", DATA, "{}"},
        {"\"tags\"", DATA, "{}"},
        {"\"tags.0\"", DATA, "{}"},
        {"\"collection\"", "{\"collection\":[{\"a\":1}]}", "{}"},
        {"\"Addr\"", DATA, "{}"},
        {"\"a.b\"", "{\"a.b\":{\"x\":1},\"a\":{\"b\":{\"y\":2}}}", "{\"y\":2}"}, // a dot is always a path
        {"\"a\"", "{\"a\":{\"x\":1},\"a\":{\"y\":2}}", "{\"y\":2}"},
        {"\"a\"", "{\"\\u0061\":{\"y\":2}}", "{\"y\":2}"},
        {"\"a.\"", "{\"a\":{\"\":{\"y\":2}}}", "{\"y\":2}"},
        {"\".\"", "{\"\":{\"\":{\"y\":2}}}", "{\"y\":2}"},
        {"\"caf\\u00e9\"", "{\"caf\xC3\xA9\":{\"y\":2}}", "{\"y\":2}"},
        {"\"a\"", "{}", "{}"},
    };
    check(&rm_step_target, cases, RM_COUNT(cases));
    assert_int_equal(depth_of(&rm_step_target, "\"a\""), 1);
    assert_int_equal(depth_of(&rm_step_target, "\"a.b.c\""), 3);
    assert_null(opened(&rm_step_target, "\"\""));
}

static void allow_keeps_branches(void **state)
{
    (void)state;
    static const struct step_case cases[] = {
        {"[\"name\"]", DATA, "{\"name\":\"Ada\"}"},
        {"[\"none\",\"id\"]", DATA, "{\"id\":1,\"none\":null}"}, // in the order of the answer
        {"[\"addr\"]", DATA, "{\"addr\":{\"city\":\"London\",\"zip\":\"N1\",\"geo\":{\"lat\":1.5,\"lon\":2.5}}}"},
        {"[\"addr.city\"]", DATA, "{\"addr\":{\"city\":\"London\"}}"},
        {"[\"addr.geo.lat\",\"addr.zip\",\"id\"]", DATA, "{\"id\":1,\"addr\":{\"zip\":\"N1\",\"geo\":{\"lat\":1.5}}}"},
        {"[\"addr\",\"addr.city\"]", DATA, "{\"addr\":{\"city\":\"London\"}}"},
        {"[\"addr.geo.lat\",\"addr.geo\"]", DATA,
         "{\"addr\":{\"geo\":{\"lat\":1.5,\"lon\":2.5}}}"}, // the later one counts
        {"[\"tags\"]", DATA, "{\"tags\":[{\"k\":1,\"v\":\"a\"},{\"k\":2,\"v\":\"b\"}]}"},
        {"[\"tags.k\",\"tags.0.k\"]", DATA, "{}"}, // arrays are not entered
        {"[\"addr.missing\"]", DATA, "{}"},        // a parent without children goes
        {"[\"addr.missing\",\"id\"]", DATA, "{\"id\":1}"},
        {"[\"Name\"]", DATA, "{}"},
        {"[\"name.x\"]", DATA, "{}"},
        {"[\"a\"]", "{\"a\":{}}", "{\"a\":{}}"}, // empty, but asked for
        {"[\"a.b\"]", "{\"a\":{}}", "{}"},
        {"[\"x.y\"]", "{\"x.y\":1,\"x\":{\"y\":2,\"z\":3}}", "{\"x\":{\"y\":2}}"},
        {"[\"a\"]", "{\"\\u0061\":1,\"b\":2,\"a\":3}", "{\"a\":3}"},
        {"[\"a\"]", "{}", "{}"},
        {"[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"]", "{\"f\":1,\"g\":2,\"a\":3,\"0\":4,\"c\":5}",
         "{\"f\":1,\"a\":3,\"c\":5}"},
    };
    check(&rm_step_allow, cases, RM_COUNT(cases));
    assert_int_equal(depth_of(&rm_step_allow, "[\"a\"]"), 1);
    assert_int_equal(depth_of(&rm_step_allow, "[\"a\",\"b.c.d\",\"e.f\"]"), 3);
    assert_int_equal(depth_of(&rm_step_allow, "[\"b.c.d\",\"b\"]"), 1);
    assert_null(opened(&rm_step_allow, "[]"));
}

static void deny_removes_branches(void **state)
{
    (void)state;
    static const struct step_case cases[] = {
        {"[\"addr\",\"tags\",\"none\"]", DATA, "{\"id\":1,\"name\":\"Ada\"}"},
        {"[\"addr.geo\",\"tags\",\"none\"]", DATA,
         "{\"id\":1,\"name\":\"Ada\",\"addr\":{\"city\":\"London\",\"zip\":\"N1\"}}"},
        {"[\"a.b\"]", "{\"a\":{\"b\":1}}", "{\"a\":{}}"}, // parents stay
        {"[\"a.b.c\",\"a.b.d\"]", "{\"a\":{\"b\":{\"c\":1,\"d\":2}}}", "{\"a\":{\"b\":{}}}"},
        {"[\"a.b\",\"a\"]", "{\"a\":{\"b\":1},\"c\":2}", "{\"c\":2}"},
        {"[\"a\",\"a.b\"]", "{\"a\":{\"b\":1},\"c\":2}", "{\"c\":2}"},
        {"[\"t.k\",\"t.0\",\"t.0.k\"]", "{\"t\":[{\"k\":1}]}", "{\"t\":[{\"k\":1}]}"}, // arrays are not entered
        {"[\"missing\",\"a.missing\",\"a.b.c\"]", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}"},
        {"[\"A\"]", "{\"a\":1}", "{\"a\":1}"},
        {"[\"x.y\"]", "{\"x.y\":1,\"x\":{\"y\":2,\"z\":3}}", "{\"x.y\":1,\"x\":{\"z\":3}}"},
        {"[\"a\"]", "{\"a\":1,\"b\":2,\"a\":3,\"\\u0061\":4}", "{\"b\":2}"}, // however it is spelt, however often
        {"[\"a.s\"]", "{\"a\":{\"s\":1,\"t\":2,\"\\u0073\":3}}", "{\"a\":{\"t\":2}}"},
        {"[\"b\"]", "{\"a\":1,\"b\":2}", "{\"a\":1}"},
        {"[\"a\",\"b\"]", "{\"a\":1,\"b\":2}", "{}"},
        {"[\"a\"]", "{}", "{}"},
    };
    check(&rm_step_deny, cases, RM_COUNT(cases));
    assert_int_equal(depth_of(&rm_step_deny, "[\"a\",\"b.c.d\"]"), 3);
    assert_int_equal(depth_of(&rm_step_deny, "[\"b.c.d\",\"b\"]"), 1);
    assert_int_equal(depth_of(&rm_step_deny, "[\"b\",\"b.c.d\"]"), 1);
    assert_null(opened(&rm_step_deny, "[]"));
}

static void mapping_renames_members(void **state)
{
    (void)state;
    static const struct step_case cases[] = {
        {"{\"a\":\"x\"}", "{\"a\":1,\"b\":2}", "{\"x\":1,\"b\":2}"},
        {"{\"missing\":\"b\"}", "{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":2}"}, // nothing comes, so nothing goes
        {"{\"a\":\"b\"}", "{\"a\":1,\"b\":2,\"c\":3}", "{\"b\":1,\"c\":3}"},
        {"{\"c\":\"b\"}", "{\"a\":1,\"b\":2,\"c\":3}", "{\"a\":1,\"b\":3}"},
        {"{\"a\":\"a\"}", "{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":2}"},
        {"{\"a\":\"b\",\"b\":\"a\"}", "{\"a\":1,\"b\":2}", "{\"b\":1,\"a\":2}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":1,\"b\":2,\"c\":3}", "{\"b\":1,\"c\":2}"},
        {"{\"b\":\"c\",\"a\":\"b\"}", "{\"c\":3,\"a\":1,\"b\":2}", "{\"b\":1,\"c\":2}"},
        {"{\"a\":\"x\",\"b\":\"x\"}", "{\"b\":2,\"a\":1,\"x\":0}", "{\"x\":2}"}, // the later rule counts
        {"{\"b\":\"x\",\"a\":\"x\"}", "{\"b\":2,\"a\":1,\"x\":0}", "{\"x\":1}"},
        {"{\"a\":\"x\",\"b\":\"x\"}", "{\"a\":1,\"x\":0}", "{\"x\":1}"},
        {"{\"name\":\"person.name\"}", "{\"name\":\"Ada\"}", "{\"person\":\"Ada\"}"},
        {"{\"a\":\".x\"}", "{\"a\":1}", "{\"\":1}"},
        {"{\"a.b\":\"x\"}", "{\"a\":{\"b\":1},\"a.b\":2}", "{\"a\":{\"b\":1},\"x\":2}"}, // the old name is literal
        {"{\"A\":\"x\"}", "{\"a\":1}", "{\"a\":1}"},
        {"{\"a\":\"x\"}", "{\"a\":{\"a\":1}}", "{\"x\":{\"a\":1}}"}, // the root's members only
        {"{\"a\":\"x\"}", "{\"a\":1,\"\\u0061\":2}", "{\"x\":2}"},
        {"{\"a\":\"\\\"\"}", "{\"a\":1}", "{\"\\\"\":1}"},
        {"{\"a\":\"x\"}", "{}", "{}"},
    };
    check(&rm_step_mapping, cases, RM_COUNT(cases));
    assert_int_equal(depth_of(&rm_step_mapping, "{\"a\":\"b.c.d\"}"), 1);
    assert_null(opened(&rm_step_mapping, "{}"));
}

static void group_wraps(void **state)
{
    (void)state;
    static const struct step_case cases[] = {
        {"\"g\"", "{\"a\":{\"b\":[1]}}", "{\"g\":{\"a\":{\"b\":[1]}}}"},
        {"\"g\"", "{}", "{\"g\":{}}"},
        {"\"g.h\"", "{\"a\":1}", "{\"g.h\":{\"a\":1}}"},
        {"\"\\n\"", "{\"a\":1}", "{\"\\n\":{\"a\":1}}"},
    };
    check(&rm_step_group, cases, RM_COUNT(cases));
    assert_int_equal(depth_of(&rm_step_group, "\"g\""), 0);
    assert_null(opened(&rm_step_group, "\"\""));
}

static void in_a_row_they_do_what_krakend_does(void **state)
{
    (void)state;
    const void *target = opened(&rm_step_target, "\"addr\""), *deny = opened(&rm_step_deny, "[\"zip\",\"geo.lon\"]"),
               *mapping = opened(&rm_step_mapping, "{\"city\":\"town\"}"), *group = opened(&rm_step_group, "\"place\"");
    for (uint32_t depth = 0; depth < 5; depth++) {
        struct rm_value *v = value_parsed(DATA, depth);
        v = rm_step_target.apply(target, &value_arena, v);
        v = rm_step_deny.apply(deny, &value_arena, v);
        v = rm_step_mapping.apply(mapping, &value_arena, v);
        v = rm_step_group.apply(group, &value_arena, v);
        assert_string_equal(value_written(v), "{\"place\":{\"town\":\"London\",\"geo\":{\"lat\":1.5}}}");
    }
}

static void many_names_at_once(void **state)
{
    (void)state;
    struct rm_buf conf, data, want;
    rm_buf_init(&conf, 1 << 20, NULL);
    rm_buf_init(&data, 1 << 20, NULL);
    rm_buf_init(&want, 1 << 20, NULL);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(rm_buf_printf(&data, "%s\"n%d\":%d", i ? "," : "{", i, i), RM_OK);
        if (i % 3 == 0) {
            assert_int_equal(rm_buf_printf(&conf, "%s\"n%d\"", i ? "," : "[", 498 - i), RM_OK);
            assert_int_equal(rm_buf_printf(&want, "%s\"n%d\":%d", i ? "," : "{", i, i), RM_OK);
        }
    }
    struct step_case one = {rm_arena_printf(&value_arena, "%.*s]", (int)conf.n, conf.p).p,
                            rm_arena_printf(&value_arena, "%.*s}", (int)data.n, data.p).p,
                            rm_arena_printf(&value_arena, "%.*s}", (int)want.n, want.p).p};
    check(&rm_step_allow, &one, 1);
    rm_buf_free(&conf);
    rm_buf_free(&data);
    rm_buf_free(&want);
}

static void wrong_configurations_are_refused(void **state)
{
    (void)state;
    static const struct {
        const struct rm_step_ops *step;
        const char *conf;
    } cases[] = {{&rm_step_target, "1"},       {&rm_step_group, "[\"a\"]"},     {&rm_step_allow, "[\"a\",1]"},
                 {&rm_step_deny, "[null]"},    {&rm_step_mapping, "{\"a\":1}"}, {&rm_step_mapping, "[\"a\"]"},
                 {&rm_step_allow, "[[\"a\"]]"}};
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        void *self = NULL;
        struct rm_err err = {.text = ""};
        assert_int_equal(cases[i].step->open(&self, &value_arena, value_parsed(cases[i].conf, 1), &err), RM_ECONF);
        assert_null(self);
        assert_true(strlen(err.text) > 0);
    }
}

static void null_is_wrapped_or_stays_null(void **state)
{
    (void)state;
    static const struct {
        const struct rm_step_ops *step;
        const char *conf, *want;
    } cases[] = {
        {&rm_step_target, "\"a\"", "{}"},          {&rm_step_allow, "[\"a\"]", "null"},
        {&rm_step_deny, "[\"a\"]", "null"},        {&rm_step_mapping, "{\"a\":\"b\"}", "null"},
        {&rm_step_group, "\"g\"", "{\"g\":null}"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        const struct rm_step_ops *step = cases[i].step;
        const struct rm_value *result = step->apply(opened(step, cases[i].conf), &value_arena, NULL);
        assert_string_equal(value_written(result), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VALUE_TEST(target_takes_what_is_inside),
        VALUE_TEST(allow_keeps_branches),
        VALUE_TEST(deny_removes_branches),
        VALUE_TEST(mapping_renames_members),
        VALUE_TEST(group_wraps),
        VALUE_TEST(in_a_row_they_do_what_krakend_does),
        VALUE_TEST(many_names_at_once),
        VALUE_TEST(null_is_wrapped_or_stays_null),
        VALUE_TEST(wrong_configurations_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
