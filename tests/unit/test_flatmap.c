// The step flatmap_filter: what del, move and append do to objects and lists, at every depth of opening.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <remora/step.h>

#include "value_help.h"

struct flatmap_case {
    const char *ops; // pairs of type and args: "del a.b c; move a b"
    const char *data, *want;
};

// The configuration's form of the ops.
static struct rm_value *conf_of(const char *ops)
{
    struct rm_str conf = RM_STR("[");
    const char *separator = "";
    for (const char *op = ops; *op; op += *op == ';') {
        size_t type = strcspn(op, " "), end = strcspn(op, ";");
        struct rm_str args = {op + type, end - type};
        conf = rm_arena_printf(&value_arena, "%.*s%s{\"type\":\"%.*s\",\"args\":[", (int)conf.n, conf.p, separator,
                               (int)type, op);
        for (size_t i = 0, n = 0; i < args.n; i++) {
            if (args.p[i] == ' ')
                conf = rm_arena_printf(&value_arena, "%.*s%s\"", (int)conf.n, conf.p, n++ > 0 ? "\"," : "");
            else
                conf = rm_arena_printf(&value_arena, "%.*s%c", (int)conf.n, conf.p, args.p[i]);
        }
        conf = rm_arena_printf(&value_arena, "%.*s\"]}", (int)conf.n, conf.p);
        separator = ",";
        op += end;
    }
    return value_parsed(rm_arena_printf(&value_arena, "%.*s]", (int)conf.n, conf.p).p, 0);
}

static void *opened(const char *ops)
{
    void *self = NULL;
    struct rm_err err = {.text = ""};
    if (rm_step_flatmap.open(&self, &value_arena, conf_of(ops), &err) != RM_OK)
        fail_msg("%s: %s", ops, err.text);
    return self;
}

static void check(const struct flatmap_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const void *self = opened(cases[i].ops);
        for (uint32_t depth = 0; depth < 7; depth++) {
            struct rm_value *data = value_parsed(cases[i].data, depth < 6 ? depth : UINT32_MAX);
            struct rm_value *result = rm_step_flatmap.apply(self, &value_arena, data);
            if (result) {
                assert_int_equal(result->type, RM_OBJECT);
                value_check_tree(result);
            }
            const char *text = value_written(result);
            if (strcmp(text, cases[i].want) != 0)
                fail_msg("%s of %s: %s", cases[i].ops, cases[i].data, text);
        }
    }
}

#define DATA "{\"a\":{\"b\":1,\"c\":{\"d\":2}},\"l\":[{\"i\":1,\"n\":\"x\"},{\"i\":2}],\"s\":\"t\"}"

static void del_removes(void **state)
{
    (void)state;
    static const struct flatmap_case cases[] = {
        {"del a.b", DATA, "{\"a\":{\"c\":{\"d\":2}},\"l\":[{\"i\":1,\"n\":\"x\"},{\"i\":2}],\"s\":\"t\"}"},
        {"del a s", DATA, "{\"l\":[{\"i\":1,\"n\":\"x\"},{\"i\":2}]}"},
        {"del l.*.i a s", DATA, "{\"l\":[{\"n\":\"x\"},null]}"}, // what is emptied is null
        {"del l.0 a s", DATA, "{\"l\":[{\"i\":2}]}"},
        {"del l.0 l.1 a s", DATA, "{\"l\":null}"}, // an item keeps its index
        {"del l.0;del l.1.i;del a", DATA, "{\"l\":[null],\"s\":\"t\"}"},
        {"del l.* a", DATA, "{\"l\":null,\"s\":\"t\"}"},
        {"del a.* l", DATA, "{\"a\":null,\"s\":\"t\"}"},
        {"del a.*.d l", DATA, "{\"a\":{\"b\":1,\"c\":null},\"s\":\"t\"}"},
        {"del *", DATA, "null"},
        {"del a l s", DATA, "null"},
        {"del a.x x s.t l.2 l.-1 l.00 l.x a.b.c l.4294967296", DATA, DATA},
        {"del a", "{}", "{}"},
        {"del a.x", "{\"a\":{}}", "{\"a\":{}}"}, // nothing was taken out
        {"del a.*", "{\"a\":[]}", "{\"a\":[]}"},
        {"del a.b", "{\"a.b\":1,\"a\":{\"b\":2,\"c\":3}}", "{\"a.b\":1,\"a\":{\"c\":3}}"},
        {"del a.*.*.0", "{\"a\":[[[1,2],[3]],[[4,5]]]}", "{\"a\":[[[2],null],[[5]]]}"},
        {"del l.0;del l.10", "{\"l\":[0,1,2,3,4,5,6,7,8,9,10,11]}", "{\"l\":[1,2,3,4,5,6,7,8,9,11]}"},
        {"del a.", "{\"a\":{\"\":1,\"b\":2}}", "{\"a\":{\"b\":2}}"},
        {"unknown a;del a", "{\"a\":1,\"b\":2}", "{\"b\":2}"},
    };
    check(cases, RM_COUNT(cases));
}

static void move_renames_promotes_and_embeds(void **state)
{
    (void)state;
    static const struct flatmap_case cases[] = {
        // As deep: a new last name.
        {"move a z", "{\"a\":1,\"b\":2}", "{\"z\":1,\"b\":2}"},
        {"move a b", "{\"a\":1,\"b\":2,\"c\":3}", "{\"b\":1,\"c\":3}"}, // what is moved wins
        {"move b a", "{\"a\":1,\"b\":2,\"c\":3}", "{\"a\":2,\"c\":3}"},
        {"move a a", "{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":2}"},
        {"move a.b x.y", "{\"a\":{\"b\":1},\"x\":5}", "{\"a\":{\"y\":1},\"x\":5}"},
        {"move l.*.n l.*.m", "{\"l\":[{\"n\":1},{\"o\":2},{\"n\":3,\"m\":4},5]}",
         "{\"l\":[{\"m\":1},{\"o\":2},{\"m\":3},5]}"},
        {"move l.0 l.first;del l.first", "{\"l\":[1,2]}", "{\"l\":[2]}"},
        {"move l.0 l.first;del l.0", "{\"l\":[1,2]}", "{\"l\":[1,2]}"},
        {"move l.0 l.1;del l.1", "{\"l\":[1,2,3]}", "{\"l\":[2,3]}"},
        {"move x y", "{\"a\":1}", "{\"a\":1}"},
        // Shallower: out of its object.
        {"move a.b x", "{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":{\"c\":2},\"x\":1}"},
        {"move a.b x", "{\"a\":{\"b\":1}}", "{\"a\":null,\"x\":1}"},
        {"move a.b a", "{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":1}"},
        {"move a.b.c a.x", "{\"a\":{\"b\":{\"c\":1,\"d\":2}}}", "{\"a\":{\"b\":{\"d\":2},\"x\":1}}"},
        {"move a.b.c t.x", "{\"a\":{\"b\":{\"c\":1}},\"t\":{}}", "{\"a\":{\"b\":null},\"t\":{\"x\":1}}"},
        {"move a.b.c t.x", "{\"a\":{\"b\":{\"c\":1,\"d\":2}}}", "{\"a\":{\"b\":{\"d\":2}},\"x\":1}"}, // no t
        {"move a.b.c t.x", "{\"a\":{\"b\":{\"c\":1,\"d\":2}},\"t\":5}", "{\"a\":{\"b\":{\"d\":2}},\"t\":{\"x\":1}}"},
        {"move l.*.a.b l.*.x", "{\"l\":[{\"a\":{\"b\":1,\"c\":0}},{},{\"a\":{\"b\":2}}]}",
         "{\"l\":[{\"a\":{\"c\":0},\"x\":1},{},{\"a\":null,\"x\":2}]}"},
        {"move o.*.a.b.e o.*.c.x", "{\"o\":{\"p\":{\"a\":{\"b\":{\"e\":1}},\"c\":{\"d\":2}}}}",
         "{\"o\":{\"p\":{\"a\":{\"b\":null},\"c\":{\"d\":2,\"x\":1}}}}"},
        {"move l.*.a x", "{\"l\":[{\"a\":1},{\"a\":2},{\"b\":3}]}",
         "{\"l\":[null,null,{\"b\":3}],\"x\":2}"}, // the last
        {"move l.*.a.b t.x", "{\"l\":[{\"a\":{\"b\":1}},{\"a\":{\"b\":2}}],\"t\":[0]}",
         "{\"l\":[{\"a\":null},{\"a\":null}],\"t\":[0,1,2]}"}, // into a list: all of them
        {"move o.*.k.v o.v", "{\"o\":{\"a\":{\"k\":{\"v\":1}},\"b\":{\"k\":{\"v\":2}}}}",
         "{\"o\":{\"a\":{\"k\":null},\"b\":{\"k\":null},\"v\":2}}"},
        {"move a.b.c t.x;del t.0;del t.x", "{\"a\":{\"b\":{\"c\":1}},\"t\":[7,8]}", "{\"a\":{\"b\":null},\"t\":[8]}"},
        // Deeper: into new objects beside where it was.
        {"move a b.c", "{\"a\":1}", "{\"b\":{\"c\":1}}"},
        {"move a b.c", "{\"a\":1,\"b\":{\"d\":2}}", "{\"b\":{\"d\":2,\"c\":1}}"},
        {"move a b.c", "{\"a\":1,\"b\":5}", "{\"b\":{\"c\":1}}"},
        {"move a b.c", "{\"a\":1,\"b\":[5]}", "{\"b\":[5,1]}"},
        {"move a b.0.c", "{\"a\":1,\"b\":[{\"d\":2}]}", "{\"b\":[{\"d\":2,\"c\":1}]}"},
        {"move a a.b.c", "{\"a\":1}", "{\"a\":{\"b\":{\"c\":1}}}"},
        {"move b.x new.deep.x", "{\"b\":{\"x\":1,\"y\":2}}", "{\"b\":{\"y\":2,\"deep\":{\"x\":1}}}"},
        {"move l.*.a l.*.b.c", "{\"l\":[{\"a\":1},{\"z\":2},{\"a\":3}]}",
         "{\"l\":[{\"b\":{\"c\":1}},{\"z\":2},{\"b\":{\"c\":3}}]}"},
        {"move l.0 l.x.y", "{\"l\":[1,2]}", "{\"l\":[2,{\"y\":1}]}"},
    };
    check(cases, RM_COUNT(cases));
}

static void append_joins_lists(void **state)
{
    (void)state;
    static const struct flatmap_case cases[] = {
        {"append a b", "{\"a\":[1,{\"x\":2}],\"b\":[3]}", "{\"b\":[3,1,{\"x\":2}]}"},
        {"append a b", "{\"a\":[],\"b\":[3]}", "{\"b\":[3]}"},
        {"append a b", "{\"a\":[1],\"b\":[]}", "{\"b\":[1]}"},
        {"append a b", "{\"a\":[1],\"b\":{}}", "{\"a\":[1],\"b\":{}}"},
        {"append a b", "{\"a\":{},\"b\":[1]}", "{\"a\":{},\"b\":[1]}"},
        {"append a b", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"append a b", "{\"b\":[1]}", "{\"b\":[1]}"},
        {"append x.a y.b", "{\"x\":{\"a\":[1]},\"y\":{\"b\":[2]}}", "{\"x\":null,\"y\":{\"b\":[2,1]}}"},
        {"append l.1 l", "{\"l\":[1,[2,3],4]}", "{\"l\":[1,4,2,3]}"},
        {"append a b;del b.1", "{\"a\":[1],\"b\":[3]}", "{\"b\":[3]}"},
        {"del b.0;append a b;del b.2", "{\"a\":[7,8],\"b\":[3,4]}", "{\"b\":[4,8]}"},
        {"del a.0;append a b", "{\"a\":[7,8],\"b\":[3,4]}", "{\"b\":[3,4,8]}"},
        {"append l.*.i ids", "{\"l\":[{\"i\":1,\"n\":1},{\"n\":2},{\"i\":3,\"n\":3}],\"ids\":[0]}",
         "{\"l\":[{\"n\":1},{\"n\":2},{\"n\":3}],\"ids\":[0,1,null,3]}"},
        {"append o.* ids", "{\"o\":{\"a\":1,\"b\":2},\"ids\":[]}", "{\"o\":null,\"ids\":[1,2]}"},
        {"append o.*.*.v ids", "{\"o\":{\"a\":[{\"v\":1},{\"v\":2}],\"b\":[{\"v\":3}]},\"ids\":[]}",
         "{\"o\":{\"a\":[null,null],\"b\":[null]},\"ids\":[[1,2],[3]]}"},
        {"append l.*.i ids", "{\"l\":[],\"ids\":[0]}", "{\"l\":[],\"ids\":[0]}"},
        {"append a a.0", "{\"a\":[[1],2]}", "null"}, // conf/ refuses it; nothing may hang
        {"append a.0 a.0", "{\"a\":[[1],2]}", "{\"a\":[2]}"},
    };
    check(cases, RM_COUNT(cases));
}

static void operations_follow_each_other(void **state)
{
    (void)state;
    static const struct flatmap_case cases[] = {
        {"move a.c c;del a;move l.*.i l.*.key", DATA,
         "{\"l\":[{\"key\":1,\"n\":\"x\"},{\"key\":2}],\"s\":\"t\",\"c\":{\"d\":2}}"},
        {"del a.*;move s a.x", "{\"a\":{\"b\":1},\"s\":2}", "{\"a\":{\"x\":2}}"}, // filled again
        {"del *;move a b", "{\"a\":1}", "null"},
        {"del a.*;move s a.x", "{\"a\":[1,2],\"s\":3}", "{\"a\":[3]}"},
        {"move a.b x;move x y.z", "{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":{\"c\":2},\"y\":{\"z\":1}}"},
        {"move a.b x", "{\"a\":{\"b\":1,\"\\u0062\":2,\"c\":3},\"\\u0078\":0}", "{\"a\":{\"c\":3},\"x\":2}"},
    };
    check(cases, RM_COUNT(cases));
}

static void null_stays_null(void **state)
{
    (void)state;
    assert_null(rm_step_flatmap.apply(opened("del a"), &value_arena, NULL));
}

static void depth_is_that_of_the_longest_path(void **state)
{
    (void)state;
    static const struct {
        const char *ops;
        uint32_t depth;
    } cases[] = {{"del a", 1}, {"del a;del b.*.c", 3}, {"move a.b c", 2}, {"move a c.d.e", 3}, {"append a.b c", 3}};
    for (size_t i = 0; i < RM_COUNT(cases); i++)
        assert_int_equal(rm_step_flatmap.depth(opened(cases[i].ops)), cases[i].depth);
}

// Many matches must cost what many members cost: a test that hangs has failed.
static void many_matches_are_no_trap(void **state)
{
    (void)state;
    struct rm_str items = value_repeated("{\"a\":{\"b\":1},\"c\":{}},", "{}", "", 40000);
    struct rm_str list = value_filled("{\"l\":[%],\"t\":{}}", items);
    static const char *const ops[] = {"move l.*.a.b t.x",          "move l.*.a.b x",
                                      "move l.*.a.b l.*.c.x",      "move l.*.a l.*.x.y",
                                      "del l.0 l.1 l.39999 l.*.a", "append l.*.a.b l.0"};
    for (size_t i = 0; i < RM_COUNT(ops); i++)
        assert_non_null(rm_step_flatmap.apply(opened(ops[i]), &value_arena, value_parsed(list.p, 4)));
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    static const char *const confs[] = {
        "[{\"type\":\"move\",\"args\":[\"a\"]}]",
        "[{\"type\":\"move\",\"args\":[]}]",
        "[{\"type\":\"append\",\"args\":[\"a\"]}]",
        "[{\"type\":\"del\"}]",
        "[{\"type\":\"del\",\"args\":\"a\"}]",
        "[{\"type\":\"del\",\"args\":[]}]",
        "[{\"type\":\"move\",\"args\":[\"a.*.b.c\",\"x.*.d\"]}]",
    };
    for (size_t i = 0; i < RM_COUNT(confs); i++) {
        void *self = NULL;
        struct rm_err err = {.text = ""};
        assert_int_equal(rm_step_flatmap.open(&self, &value_arena, value_parsed(confs[i], 0), &err), RM_ECONF);
        assert_null(self);
        assert_true(err.text[0] != '\0');
    }
    assert_null(opened(""));
    assert_null(opened("nothing a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VALUE_TEST(del_removes),
        VALUE_TEST(move_renames_promotes_and_embeds),
        VALUE_TEST(append_joins_lists),
        VALUE_TEST(operations_follow_each_other),
        VALUE_TEST(null_stays_null),
        VALUE_TEST(depth_is_that_of_the_longest_path),
        VALUE_TEST(many_matches_are_no_trap),
        VALUE_TEST(wrong_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
