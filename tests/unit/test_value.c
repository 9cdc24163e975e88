// The value tree: look-ups, changes, merges, copies.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "value_help.h"

#include <stdio.h>

static struct rm_value *member(struct rm_value *object, const char *name)
{
    return rm_value_get(&value_arena, object, rm_str_of(name));
}

static struct rm_value *number(int n)
{
    return rm_value_integer(&value_arena, n);
}

static void set(struct rm_value *object, const char *name, struct rm_value *v)
{
    rm_value_set(&value_arena, object, rm_str_of(name), v);
    value_check_tree(object);
}

static bool drop(struct rm_value *object, const char *name)
{
    bool removed = rm_value_remove(&value_arena, object, rm_str_of(name));
    value_check_tree(object);
    return removed;
}

static void members_are_found_at_any_depth_of_opening(void **state)
{
    (void)state;
    for (uint32_t depth = 0; depth < 4; depth++) {
        struct rm_value *v = value_parsed("{\"a\":{\"b\":{\"c\":\"x\"}},\"caf\\u00e9\":1,\"\":2}", depth);
        struct rm_value *c = member(member(member(v, "a"), "b"), "c");
        assert_true(rm_str_eq(rm_value_text(&value_arena, c), RM_STR("x")));
        assert_int_equal(member(v, "caf\xC3\xA9")->type, RM_NUMBER);
        assert_int_equal(member(v, "")->type, RM_NUMBER);
        assert_null(member(v, "A"));
        assert_null(member(c, "a"));
        assert_null(member(value_parsed("[{\"a\":1}]", depth), "a"));
    }
    assert_int_equal(rm_value_text(&value_arena, value_parsed("1", 0)).n, 0);
    assert_int_equal(rm_value_text(&value_arena, value_parsed("[\"a\"]", 0)).n, 0);
}

static void set_replaces_in_place_or_appends(void **state)
{
    (void)state;
    for (uint32_t depth = 0; depth < 2; depth++) {
        struct rm_value *v = value_parsed("{\"a\":1,\"b\":2,\"c\":3}", depth);
        set(v, "b", number(20));
        assert_string_equal(value_written(v), "{\"a\":1,\"b\":20,\"c\":3}");
        set(v, "c", number(30)); // the last one
        set(v, "d", number(40));
        set(v, "a", rm_value_new(&value_arena, RM_NULL)); // the first one
        assert_string_equal(value_written(v), "{\"a\":null,\"b\":20,\"c\":30,\"d\":40}");
        set(v, "d", member(v, "d")); // itself
        assert_int_equal(v->n, 4);
    }
    struct rm_value *empty = rm_value_new(&value_arena, RM_OBJECT), *list = rm_value_new(&value_arena, RM_ARRAY);
    set(empty, "x", list);
    rm_value_append(list, number(1)); // the member is the node itself: it can still change
    rm_value_append(list, rm_value_new(&value_arena, RM_OBJECT));
    assert_string_equal(value_written(empty), "{\"x\":[1,{}]}");
    value_check_tree(empty);
}

static void remove_takes_one_member_out(void **state)
{
    (void)state;
    for (uint32_t depth = 0; depth < 2; depth++) {
        struct rm_value *v = value_parsed("{\"a\":1,\"b\":2,\"c\":3,\"b\":4}", depth);
        assert_false(drop(v, "x"));
        assert_true(drop(v, "b")); // every duplicate of it
        assert_false(drop(v, "b"));
        assert_true(drop(v, "c"));
        set(v, "d", number(5)); // behind the new last one
        assert_string_equal(value_written(v), "{\"a\":1,\"d\":5}");
        assert_true(drop(v, "a"));
        assert_true(drop(v, "d"));
        assert_string_equal(value_written(v), "{}");
        set(v, "e", number(6));
        assert_string_equal(value_written(v), "{\"e\":6}");
    }
    assert_false(rm_value_remove(&value_arena, number(1), RM_STR("a")));
}

static void a_merge_replaces_in_place_and_appends_in_order(void **state)
{
    (void)state;
    for (uint32_t depth = 0; depth < 3; depth++) {
        struct rm_value *dst = value_parsed("{\"a\":1,\"b\":{\"x\":1},\"c\":3}", depth);
        struct rm_value *src = value_parsed("{\"z\":0,\"b\":{\"y\":[ 2 ]},\"a\":null}", depth);
        rm_value_merge(&value_arena, dst, src);
        value_check_tree(dst);
        assert_int_equal(src->n, 0);
        // Shallow: objects are replaced whole.
        assert_string_equal(value_written(dst), "{\"a\":null,\"b\":{\"y\":[ 2 ]},\"c\":3,\"z\":0}");
        assert_non_null(member(member(dst, "b"), "y"));
        assert_null(member(member(dst, "b"), "x"));
    }
    struct rm_value *empty = rm_value_new(&value_arena, RM_OBJECT);
    rm_value_merge(&value_arena, empty, rm_value_new(&value_arena, RM_OBJECT));
    assert_string_equal(value_written(empty), "{}");
    rm_value_merge(&value_arena, empty, value_parsed("{\"a\":1}", 0));
    rm_value_merge(&value_arena, empty, rm_value_new(&value_arena, RM_OBJECT));
    assert_string_equal(value_written(empty), "{\"a\":1}");
}

// n members named from `from` on, in which each value is `value`.
static struct rm_value *numbered(unsigned from, unsigned n, int value)
{
    struct rm_buf buf;
    rm_buf_init(&buf, 16 << 20, NULL);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(rm_buf_printf(&buf, "%s\"name-%u\":%d", i ? "," : "{", from + i, value), RM_OK);
    assert_int_equal(rm_buf_append(&buf, n ? RM_STR("}") : RM_STR("{}")), RM_OK);
    struct rm_value *v = value_parsed(rm_arena_cstr(&value_arena, rm_buf_str(&buf)), 0);
    rm_buf_free(&buf);
    return v;
}

static void merges_of_any_size(void **state)
{
    (void)state;
    static const unsigned sizes[] = {0, 1, 3, 4, 5, 8, 13, 40, 700};
    for (size_t i = 0; i < RM_COUNT(sizes); i++) {
        for (size_t k = 0; k < RM_COUNT(sizes); k++) {
            unsigned a = sizes[i], b = sizes[k], from = a / 2; // the second half of a is in b too, if b is large enough
            struct rm_value *dst = numbered(0, a, 1);
            rm_value_merge(&value_arena, dst, numbered(from, b, 2));
            unsigned names = from + b > a ? from + b : a, at = 0;
            assert_int_equal(dst->n, names);
            for (struct rm_value *m = dst->first; m; m = m->next, at++) {
                char name[32];
                snprintf(name, sizeof(name), "name-%u", at);
                assert_true(rm_str_eq(m->key, rm_str_of(name)));
                assert_true(rm_str_eq(m->raw, at >= from && at < from + b ? RM_STR("2") : RM_STR("1")));
            }
            assert_int_equal(at, names);
        }
    }
    // In linear time: minutes otherwise.
    struct rm_value *dst = numbered(0, 150000, 1);
    rm_value_merge(&value_arena, dst, numbered(75000, 150000, 2));
    assert_int_equal(dst->n, 225000);
}

static void a_merge_by_each_rule(void **state)
{
    (void)state;
    static const char dst_text[] =
        "{\"a\":1,\"o\":{\"x\":{\"p\":[1],\"q\":1},\"y\":[1,{\"k\":1}],\"t\":{}},\"l\":[1,2],"
        "\"e\":[]}";
    static const char src_text[] = "{\"o\":{\"y\":[{\"k\":2}],\"x\":{\"p\":[2],\"r\":2},\"t\":[]},\"l\":[3],\"a\":2,"
                                   "\"e\":[4],\"n\":[5]}";
    static const struct {
        enum rm_merge_rule rule;
        const char *text;
    } cases[] = {
        {RM_MERGE_LAST, "{\"a\":2,\"o\":{\"y\":[{\"k\":2}],\"x\":{\"p\":[2],\"r\":2},\"t\":[]},\"l\":[3],\"e\":[4],"
                        "\"n\":[5]}"},
        {RM_MERGE_FIRST, "{\"a\":1,\"o\":{\"x\":{\"p\":[1],\"q\":1},\"y\":[1,{\"k\":1}],\"t\":{}},\"l\":[1,2],\"e\":[],"
                         "\"n\":[5]}"},
        {RM_MERGE_DEEP, "{\"a\":2,\"o\":{\"x\":{\"p\":[2],\"q\":1,\"r\":2},\"y\":[{\"k\":2}],\"t\":[]},\"l\":[3],"
                        "\"e\":[4],\"n\":[5]}"},
        {RM_MERGE_APPEND, "{\"a\":2,\"o\":{\"x\":{\"p\":[1,2],\"q\":1,\"r\":2},\"y\":[1,{\"k\":1},{\"k\":2}],\"t\":[]},"
                          "\"l\":[1,2,3],\"e\":[4],\"n\":[5]}"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        for (uint32_t depth = 0; depth < 5; depth++) { // opened before or on the way: the same
            struct rm_value *dst = value_parsed(dst_text, depth), *src = value_parsed(src_text, 4 - depth);
            rm_value_merge_by(&value_arena, cases[i].rule, dst, src);
            value_check_tree(dst);
            assert_string_equal(value_written(dst), cases[i].text);
        }
    }
}

// Nothing recurses: as deep as a document may be, and with as many names as there may be at a level.
static void deep_merges_of_any_size(void **state)
{
    (void)state;
    struct rm_buf deep;
    rm_buf_init(&deep, 16 << 20, NULL);
    for (int i = 0; i < 500; i++)
        assert_int_equal(rm_buf_append(&deep, RM_STR("{\"a\":")), RM_OK);
    assert_int_equal(rm_buf_append(&deep, RM_STR("[1]")), RM_OK);
    for (int i = 0; i < 500; i++)
        assert_int_equal(rm_buf_append(&deep, RM_STR("}")), RM_OK);
    const char *text = rm_arena_cstr(&value_arena, rm_buf_str(&deep));
    struct rm_value *dst = value_parsed(text, UINT32_MAX);
    for (int i = 0; i < 3; i++)
        rm_value_merge_by(&value_arena, RM_MERGE_APPEND, dst, value_parsed(text, UINT32_MAX));
    assert_non_null(strstr(value_written(dst), "[1,1,1,1]"));
    rm_buf_free(&deep);
    dst = numbered(0, 150000, 1);
    rm_value_merge_by(&value_arena, RM_MERGE_FIRST, dst, numbered(75000, 150000, 2));
    assert_int_equal(dst->n, 225000);
    assert_true(rm_str_eq(member(dst, "name-149999")->raw, RM_STR("1")));
    assert_true(rm_str_eq(member(dst, "name-150000")->raw, RM_STR("2")));
}

static void a_copy_shares_no_node(void **state)
{
    (void)state;
    const char *text = "{\"a\":[1,{\"b\":[true,{}]},[]],\"c\":{\"d\":{\"e\":\"x\"}},\"f\":{ }}";
    for (uint32_t depth = 0; depth < 5; depth++) {
        struct rm_value *v = value_parsed(text, depth), *copy = rm_value_copy(&value_arena, v);
        const char *before = value_written(v);
        value_check_tree(copy);
        assert_string_equal(value_written(copy), before);
        set(member(member(copy, "c"), "d"), "e", number(1));
        drop(copy, "f");
        rm_value_open(&value_arena, member(copy, "a"));
        rm_value_append(member(copy, "a"), number(2));
        assert_string_equal(value_written(v), before);
        value_check_tree(v);
    }
    struct rm_value *inner = value_parsed(text, UINT32_MAX)->first;
    assert_null(rm_value_copy(&value_arena, inner)->next); // a member's copy has left its neighbours
    assert_string_equal(value_written(rm_value_copy(&value_arena, number(7))), "7");
}

static void empty_objects_are_known_unopened(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool empty;
    } cases[] = {{"{}", true},  {"{ \n}", true}, {"{          }", true}, {"{\"a\":1}", false}, {" { \"a\":{}}", false},
                 {"[]", false}, {"null", false}, {"\"\"", false}};
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        for (uint32_t depth = 0; depth < 2; depth++)
            assert_int_equal(rm_value_is_empty_object(&value_arena, value_parsed(cases[i].text, depth)),
                             cases[i].empty);
    }
}

static void plain_text_is_made_valid_when_looked_at(void **state)
{
    (void)state;
    struct rm_str good = RM_STR("a\\\"b\n caf\xC3\xA9");
    struct rm_value *v = rm_value_string(&value_arena, good);
    assert_ptr_equal(rm_value_text(&value_arena, v).p, good.p); // backslashes mean nothing here
    v = rm_value_string(&value_arena, RM_STR("a\\u0041\xFFz"));
    assert_true(rm_str_eq(rm_value_text(&value_arena, v), RM_STR("a\\u0041\xEF\xBF\xBDz")));
    assert_string_equal(value_written(v), "\"a\\\\u0041\xEF\xBF\xBDz\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VALUE_TEST(members_are_found_at_any_depth_of_opening),
        VALUE_TEST(set_replaces_in_place_or_appends),
        VALUE_TEST(remove_takes_one_member_out),
        VALUE_TEST(a_merge_replaces_in_place_and_appends_in_order),
        VALUE_TEST(merges_of_any_size),
        VALUE_TEST(a_merge_by_each_rule),
        VALUE_TEST(deep_merges_of_any_size),
        VALUE_TEST(a_copy_shares_no_node),
        VALUE_TEST(empty_objects_are_known_unopened),
        VALUE_TEST(plain_text_is_made_valid_when_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
