// Documents: YAML and JSON to one tree, the core schema, anchors and merges, places, and what is refused where.
// SPDX-License-Identifier: Apache-2.0
#include "conf/doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

// The document as compact JSON; the caller frees it.
static char *doc_json(const char *file, struct rm_str text)
{
    struct rm_doc doc;
    struct rm_err err;
    struct rm_buf out;
    if (rm_doc_parse(&doc, rm_str_of(file), text, &err) < 0) {
        print_error("%u:%u: %s\n", doc.failed.line, doc.failed.column, err.text);
        fail_msg("refused: %.*s", (int)text.n, text.p);
    }
    rm_buf_init(&out, 1 << 24, NULL);
    assert_int_equal(rm_json_write(&doc.arena, doc.root, &out), RM_OK);
    assert_int_equal(rm_buf_append(&out, (struct rm_str){"", 1}), RM_OK);
    rm_doc_free(&doc);
    return out.p;
}

static void doc_yields(const char *file, const char *text, const char *json)
{
    char *got = doc_json(file, rm_str_of(text));
    assert_string_equal(got, json);
    free(got);
}

static void doc_refuses_text(const char *file, struct rm_str text, uint32_t line, uint32_t column, const char *phrase)
{
    struct rm_doc doc;
    struct rm_err err = {.text = ""};
    int rc = rm_doc_parse(&doc, rm_str_of(file), text, &err);
    if (rc == RM_OK)
        fail_msg("accepted: %.*s", (int)(text.n < 200 ? text.n : 200), text.p);
    assert_int_equal(rc, RM_ECONF);
    if (!strstr(err.text, phrase) || doc.failed.line != line || doc.failed.column != column)
        fail_msg("%.*s\nsaid %u:%u: %s\nnot  %u:%u: %s", (int)(text.n < 200 ? text.n : 200), text.p, doc.failed.line,
                 doc.failed.column, err.text, line, column, phrase);
    rm_doc_free(&doc);
}

static void doc_refuses(const char *file, const char *text, uint32_t line, uint32_t column, const char *phrase)
{
    doc_refuses_text(file, rm_str_of(text), line, column, phrase);
}

static void test_core_schema(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"~", "null"},
        {"", "null"},
        {"null", "null"},
        {"Null", "null"},
        {"nULL", "\"nULL\""},
        {"true", "true"},
        {"True", "true"},
        {"FALSE", "false"},
        {"on", "\"on\""},
        {"yes", "\"yes\""},
        {"No", "\"No\""},
        {"y", "\"y\""},
        {"010", "10"},
        {"0", "0"},
        {"-0", "-0"},
        {"00", "0"},
        {"+12", "12"},
        {"-007", "-7"},
        {"0o17", "15"},
        {"0x1F", "31"},
        {"0xffffffffffffffff", "18446744073709551615"},
        {"1.10", "1.10"},
        {"1e3", "1e3"},
        {".5", "0.5"},
        {"-.5", "-0.5"},
        {"5.", "5.0"},
        {"5.e2", "5.0e2"},
        {"1E+05", "1E+05"},
        {"12345678901234567890123", "12345678901234567890123"},
        {"01.5", "1.5"},
        {"1_000", "\"1_000\""},
        {"0b11", "\"0b11\""},
        {"0x1g", "\"0x1g\""},
        {"0xAa", "170"},
        {"0o07", "7"},
        {"0o8", "\"0o8\""},
        {"1.2.3", "\"1.2.3\""},
        {"1e", "\"1e\""},
        {"+", "\"+\""},
        {".", "\".\""},
        {"-", "[null]"},
        {"12:30:45", "\"12:30:45\""},
        {"2001-01-01", "\"2001-01-01\""},
        {"'010'", "\"010\""},
        {"\"true\"", "\"true\""},
        {"0x", "\"0x\""},
        {"!!str 12", "\"12\""},
        {"! 12", "\"12\""},
        {"!!int 012", "12"},
        {"!!float 1", "1"},
        {"!!bool true", "true"},
        {"!!null ''", "null"},
        {"!!seq [1]", "[1]"},
        {"!!map {a: 1}", "{\"a\":1}"},
        {"|\n  x\n  y\n", "\"x\\ny\\n\""},
        {">-\n  x\n  y\n", "\"x y\""},
        {"\"\\u00e9\\x41\"", "\"\xc3\xa9"
                             "A\""},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        char text[200], json[200];
        snprintf(text, sizeof(text), "v: %s", cases[i][0]);
        snprintf(json, sizeof(json), "{\"v\":%s}", cases[i][1]);
        if (!strcmp(cases[i][0], "-"))
            snprintf(text, sizeof(text), "v:\n-");
        doc_yields("t.yaml", text, json);
    }
}

static void test_same_tree(void **state)
{
    (void)state;
    const char *json = "{\"a\":[1,2.50,-3e2,{\"b\":null}],\"c\":\"x\\ny\",\"d\":{},\"e\":[],\"404\":true,\"\":false}";
    doc_yields("t.json",
               "\n{ \"a\" : [1,2.50, -3e2 , {\"b\":null}],\r\n\"c\": \"x\\ny\",\t\"d\":{ },\"e\":[ ], \"404\": true, "
               "\"\": false }\n",
               json);
    doc_yields("t.yml", "a: [1, 2.50, -3e2, {b: ~}]\nc: \"x\\ny\"\nd: {}\ne: []\n404: true\n'': false\n", json);
    doc_yields("T.YAML", "a:\n- 1\n- 2.50\n- -3e2\n- b:\nc: |-\n  x\n  y\nd: {}\ne: []\n\"404\": true\n\"\": false\n",
               json);
}

static void test_escapes(void **state)
{
    (void)state;
    doc_yields("t.json", "{\"k\\u00e9\\\"\":\"\\ud83d\\ude00\\/\"}", "{\"k\xc3\xa9\\\"\":\"\xf0\x9f\x98\x80/\"}");
}

static void test_anchors(void **state)
{
    (void)state;
    doc_yields("t.yaml", "a: &x [1, {b: 2}]\nc: *x\nd: [*x]\n",
               "{\"a\":[1,{\"b\":2}],\"c\":[1,{\"b\":2}],\"d\":[[1,{\"b\":2}]]}");
    doc_yields("t.yaml", "a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}"); // the nearest before it
    doc_yields("t.yaml", "&k key: 1\nv: *k\n", "{\"key\":1,\"v\":\"key\"}");
    doc_yields("t.yaml", "a: &k text\n*k : 1\n", "{\"a\":\"text\",\"text\":1}");
}

static void test_merges(void **state)
{
    (void)state;
    doc_yields("t.yaml", "d: &d {a: 1, b: 2}\ne:\n  <<: *d\n  b: 3\n",
               "{\"d\":{\"a\":1,\"b\":2},\"e\":{\"b\":3,\"a\":1}}");
    doc_yields("t.yaml", "d: &d {a: 1}\nf: &f {a: 5, c: 6}\ne:\n  c: 7\n  <<: [*d, *f, {z: 9}]\n",
               "{\"d\":{\"a\":1},\"f\":{\"a\":5,\"c\":6},\"e\":{\"c\":7,\"a\":1,\"z\":9}}");
    doc_yields("t.yaml", "d: &d {a: 1}\ne: &e\n  <<: *d\n  b: 2\nf:\n  <<: *e\n",
               "{\"d\":{\"a\":1},\"e\":{\"b\":2,\"a\":1},\"f\":{\"b\":2,\"a\":1}}");
    doc_yields("t.yaml", "e:\n  <<: &x {a: 1}\nf: *x\n", "{\"e\":{\"a\":1},\"f\":{\"a\":1}}");
    doc_yields("t.yaml", "\"<<\": {a: 1}\n", "{\"<<\":{\"a\":1}}"); // quoted: a key like others
    doc_refuses("t.yaml", "a:\n  <<: 5\n", 2, 7, "<< takes an object");
    doc_refuses("t.yaml", "a:\n  <<: [{b: 1}, 5]\n", 2, 16, "<< takes an object");
    doc_refuses("t.yaml", "a:\n  <<: {b: 1}\n  <<: {c: 1}\n", 3, 3, "second <<");
}

static void test_yaml_refused(void **state)
{
    (void)state;
    doc_refuses("t.yaml", "a: 1\nb: 2\na: 3\n", 3, 1, "\"a\" is there twice, first in line 1 column 1");
    doc_refuses("t.yaml", "x: {a: 1, b: 2, a: 3}\n", 1, 17, "twice, first in line 1 column 5");
    doc_refuses("t.yaml", "a: 1\n'a': 3\n", 2, 1, "twice");
    doc_refuses("t.yaml", "a:\n\t- x\n", 2, 1, "a tab: YAML is");
    doc_refuses("t.yaml", "a:\n  b: 1\n \tc: 2\n", 3, 2, "a tab: YAML is");
    doc_refuses("t.yaml", "a: [1, 2\nb: 3\n", 2, 2, "flow sequence of line 1 column 4");
    doc_refuses("t.yaml", "a: \"x\n", 2, 1, "end of stream");
    doc_refuses("t.yaml", "a: *nope\n", 1, 4, "*nope has no anchor");
    doc_refuses("t.yaml", "a: &x [1, *x]\n", 1, 11, "*x is inside its own anchor");
    doc_refuses("t.yaml", "a: .nan\n", 1, 4, "a number that JSON does not have");
    doc_refuses("t.yaml", "a: -.Inf\n", 1, 4, "a number that JSON does not have");
    doc_refuses("t.yaml", "a: 0x1ffffffffffffffff\n", 1, 4, "more than 64 bits");
    doc_refuses("t.yaml", "a: !own x\n", 1, 4, "\"!own\" is no tag of YAML's own");
    doc_refuses("t.yaml", "a: !!binary x\n", 1, 4, "not known here");
    doc_refuses("t.yaml", "a: !!int x\n", 1, 4, "does not fit");
    doc_refuses("t.yaml", "a: !!int 1.5\n", 1, 4, "does not fit");
    doc_refuses("t.yaml", "a: !!float .nan\n", 1, 4, "a number that JSON does not have");
    doc_refuses("t.yaml", "a: [1\n", 2, 1, "flow sequence");
    doc_refuses("t.yaml", "a: {b: 1, b: 2}\n", 1, 11, "twice");
    doc_refuses("t.yaml", "a: &x {b: 1}\nc:\n  - *x\n  - <<: *x\n  - <<: *y\n", 5, 9, "*y has no anchor");
    doc_refuses("t.yaml", "a: !!set {b}\n", 1, 4, "not known here");
    doc_refuses("t.yaml", "? [1]\n: 2\n", 1, 3, "cannot be a key");
    doc_refuses("t.yaml", "a: &x [1]\n*x : 2\n", 2, 1, "is a key, but names no text");
    doc_refuses("t.yaml", "a: 1\n---\nb: 2\n", 2, 1, "second document");
    doc_refuses("t.yaml", "", 1, 1, "empty");
    doc_refuses("t.yaml", "  \n\n", 1, 1, "empty");
    doc_refuses("t.yaml", "# only a comment\n", 1, 1, "empty");
    doc_refuses("t.yaml", "- a\n- b\n", 1, 1, "a list: a configuration is an object");
    doc_refuses("t.yaml", "just text\n", 1, 1, "a single value");
    doc_refuses("t.yaml", "a: \x01\n", 1, 4, "control characters");
    doc_refuses("t.yaml", "\xc3\xa9\xc3\xa9: 1\n\xc3\xa9\xc3\xa9: *b\n", 2, 5,
                "*b has no anchor"); // columns are characters
}

static void test_json_refused(void **state)
{
    (void)state;
    doc_refuses("t.json", "{\"a\": 1,\n \"a\": 2}", 2, 2, "\"a\" is there twice, first in line 1 column 2");
    doc_refuses("t.json", "{\"a\": 1,\n \"\\u0061\": 2}", 2, 2, "twice");
    doc_refuses("t.json", "{\"a\": 1,}", 1, 9, "trailing comma");
    doc_refuses("t.json", "{\"a\": [1,\n]}", 2, 1, "trailing comma");
    doc_refuses("t.json", "{\"a\": 1} x", 1, 10, "more text behind");
    doc_refuses("t.json", "{\"a\": 1}{}", 1, 9, "more text behind");
    doc_refuses("t.json", "{\"a\": 1 // c\n}", 1, 9, "no comments");
    doc_refuses("t.json", "{ # c\n}", 1, 3, "no comments");
    doc_refuses("t.json", "{'a': 1}", 1, 2, "double ones");
    doc_refuses("t.json", "{a: 1}", 1, 2, "a name in double quotes");
    doc_refuses("t.json", "{\"a\" 1}", 1, 6, "without ':'");
    doc_refuses("t.json", "{\"a\": 1 \"b\": 2}", 1, 9, "a comma");
    doc_refuses("t.json", "{\"a\": [1, 2", 1, 12, "ends too early");
    doc_refuses("t.json", "{\"a\":", 1, 6, "ends too early");
    doc_refuses("t.json", "{", 1, 2, "ends too early");
    doc_refuses("t.json", "{\"a\": 01}", 1, 8, "leading zero");
    doc_refuses("t.json", "{\"a\": +1}", 1, 7, "no value begins like this");
    doc_refuses("t.json", "{\"a\": tru}", 1, 7, "no value begins like this");
    doc_refuses("t.json", "{\"a\": True}", 1, 7, "no value begins like this");
    doc_refuses("t.json", "{\"a\": \"x\ny\"}", 1, 9, "control character");
    doc_refuses("t.json", "{\"a\": \"\\q\"}", 1, 8, "unknown escape");
    doc_refuses("t.json", "{\"a\": \"x}", 1, 10, "does not end");
    doc_refuses("t.json", "[1, 2]", 1, 1, "a list: a configuration is an object");
    doc_refuses("t.json", " null", 1, 2, "a single value");
    doc_refuses("t.json", "", 1, 1, "empty");
    doc_refuses("t.json", "\n \t\r\n", 1, 1, "empty");
    doc_refuses("t.json", "{]", 1, 2, "a name in double quotes");
    doc_refuses("t.json", "\r\n{\r\n\"a\": x}", 3, 6, "no value begins");
    doc_refuses("t.toml", "a = 1", 0, 0, "TOML");
}

static void test_bytes_refused(void **state)
{
    (void)state;
    doc_refuses("t.json", "\xef\xbb\xbf{}", 1, 1, "byte order mark");
    doc_refuses("t.yaml",
                "\xef\xbb\xbf"
                "a: 1",
                1, 1, "byte order mark");
    doc_refuses_text("t.yaml",
                     (struct rm_str){"\xff\xfe"
                                     "a\0:\0",
                                     6},
                     1, 1, "UTF-16");
    doc_refuses_text("t.yaml", (struct rm_str){"a: \0\n", 5}, 1, 4, "control characters");
    doc_refuses_text("t.json", (struct rm_str){"{\"a\": \0}", 8}, 1, 7, "no value begins");
    static const char *const wrong[] = {"\x80",
                                        "\xc0\xaf",
                                        "\xc3",
                                        "\xe0\x9f\xbf",
                                        "\xed\xa0\x80",
                                        "\xf0\x8f\xbf\xbf",
                                        "\xf4\x90\x80\x80",
                                        "\xf5\x80\x80\x80",
                                        "\xff"};
    for (size_t i = 0; i < RM_COUNT(wrong); i++) {
        char text[64];
        snprintf(text, sizeof(text), "{\n\"a\": \"\xc3\xa9%s\"}", wrong[i]);
        doc_refuses("t.json", text, 2, 8, "is not UTF-8");
        doc_refuses("t.yaml", text, 2, 8, "is not UTF-8");
    }
    doc_yields("t.json", "{\"\xed\x9f\xbf\":\"\xf4\x8f\xbf\xbf\xe0\xa0\x80\xee\x80\x80\xf0\x90\x80\x80\xc2\x80\"}",
               "{\"\xed\x9f\xbf\":\"\xf4\x8f\xbf\xbf\xe0\xa0\x80\xee\x80\x80\xf0\x90\x80\x80\xc2\x80\"}");
}

static void test_places(void **state)
{
    (void)state;
    static const char *const files[] = {"t.json", "t.yaml"};
    static const char text[] = "{\"a\":\n  [10,\n   {\"\xc3\xa9\": true, \"k\":  \"v\"}]}";
    for (size_t i = 0; i < RM_COUNT(files); i++) {
        struct rm_doc doc;
        struct rm_err err;
        assert_int_equal(rm_doc_parse(&doc, rm_str_of(files[i]), rm_str_of(text), &err), RM_OK);
        const struct rm_value *list = doc.root->first, *object = list->first->next, *v = object->first->next;
        assert_int_equal(rm_doc_place(doc.root).line, 1);
        assert_int_equal(rm_doc_place(doc.root).column, 1);
        assert_int_equal(rm_doc_key_place(list).column, 2);
        assert_int_equal(rm_doc_place(list).line, 2);
        assert_int_equal(rm_doc_place(list).column, 3);
        assert_int_equal(rm_doc_place(list->first).column, 4);
        assert_int_equal(rm_doc_key_place(list->first).column, 4); // no key: the value's own
        assert_int_equal(rm_doc_place(object).line, 3);
        assert_int_equal(rm_doc_place(object).column, 4);
        assert_int_equal(rm_doc_key_place(v).column, 16);
        assert_int_equal(rm_doc_place(v).column, 22);
        rm_doc_free(&doc);
    }
}

// What an alias brings stands where it was written, under the key that brought it.
static void test_alias_places(void **state)
{
    (void)state;
    struct rm_doc doc;
    struct rm_err err;
    assert_int_equal(rm_doc_parse(&doc, RM_STR("t.yaml"), RM_STR("a: &x\n  k: 1\nb: *x\n"), &err), RM_OK);
    const struct rm_value *b = doc.root->last;
    assert_int_equal(rm_doc_key_place(b).line, 3);
    assert_int_equal(rm_doc_place(b->first).line, 2);
    assert_int_equal(rm_doc_key_place(b->first).line, 2);
    rm_doc_free(&doc);
}

static void test_bounds(void **state)
{
    (void)state;
    static const char opening[] = "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[";
    static const char closing[] = "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]";
    // Ten levels of nine aliases each: 3.4e9 values if nobody counts.
    struct rm_buf text;
    rm_buf_init(&text, 64 << 20, NULL);
    assert_int_equal(rm_buf_printf(&text, "a0: &a0 x\n"), RM_OK);
    for (int i = 1; i < 11; i++) {
        assert_int_equal(rm_buf_printf(&text, "a%d: &a%d [", i, i), RM_OK);
        for (int k = 0; k < 9; k++)
            assert_int_equal(rm_buf_printf(&text, "%s*a%d", k > 0 ? "," : "", i - 1), RM_OK);
        assert_int_equal(rm_buf_printf(&text, "]\n"), RM_OK);
    }
    doc_refuses_text("t.yaml", rm_buf_str(&text), 7, 10, "more than 100000 values");

    // Depth by aliases: each level holds the one before, twice as deep.
    text.n = 0;
    assert_int_equal(rm_buf_printf(&text, "a0: &a0 [[[[[[[[[[1]]]]]]]]]]\n"), RM_OK);
    for (int i = 1; i < 8; i++)
        assert_int_equal(rm_buf_printf(&text, "a%d: &a%d [[[[[[[[[[[[[[*a%d]]]]]]]]]]]]]]\n", i, i, i - 1), RM_OK);
    struct rm_doc doc;
    struct rm_err err;
    assert_int_equal(rm_doc_parse(&doc, RM_STR("t.yaml"), rm_buf_str(&text), &err), RM_ECONF);
    assert_non_null(strstr(err.text, "more than 100 levels"));
    rm_doc_free(&doc);

    for (int depth = 99; depth <= 100; depth++) { // brackets, inside the root object
        for (int is_yaml = 0; is_yaml < 2; is_yaml++) {
            text.n = 0;
            assert_int_equal(rm_buf_printf(&text, "{\"a\":"), RM_OK);
            for (int i = 0; i < depth; i++)
                assert_int_equal(rm_buf_append(&text, RM_STR("[")), RM_OK);
            for (int i = 0; i < depth; i++)
                assert_int_equal(rm_buf_append(&text, RM_STR("]")), RM_OK);
            assert_int_equal(rm_buf_append(&text, RM_STR("}")), RM_OK);
            const char *file = is_yaml ? "t.yaml" : "t.json";
            if (depth == 100) {
                doc_refuses_text(file, rm_buf_str(&text), 1, 105, "more than 100 levels");
            } else {
                char *json = doc_json(file, rm_buf_str(&text));
                free(json);
            }
        }
    }

    for (int more = 0; more < 2; more++) { // the root, 50 lists, and 49 or 50 around an alias of them
        text.n = 0;
        assert_int_equal(rm_buf_printf(&text, "a: &a %.50s1%.50s\nb: %.*s*a %.*s\n", opening, closing, 49 + more,
                                       opening, 49 + more, closing),
                         RM_OK);
        if (more > 0) {
            doc_refuses_text("t.yaml", rm_buf_str(&text), 2, 54, "more than 100 levels");
        } else {
            char *json = doc_json("t.yaml", rm_buf_str(&text));
            free(json);
        }
    }

    text.n = 0;
    assert_int_equal(rm_buf_printf(&text, "{\"a\":[0"), RM_OK);
    for (int i = 0; i < 99998; i++)
        assert_int_equal(rm_buf_append(&text, RM_STR(",0")), RM_OK);
    assert_int_equal(rm_buf_append(&text, RM_STR("]}")), RM_OK);
    doc_refuses_text("t.json", rm_buf_str(&text), 1, 7 + 2 * 99998, "more than 100000 values");

    // Many names in one object: found twice without comparing each with each.
    text.n = 0;
    assert_int_equal(rm_buf_printf(&text, "{"), RM_OK);
    for (int i = 0; i < 50000; i++)
        assert_int_equal(rm_buf_printf(&text, "\"k%d\":1,\n", i), RM_OK);
    assert_int_equal(rm_buf_printf(&text, "\"k777\":1}"), RM_OK);
    doc_refuses_text("t.json", rm_buf_str(&text), 50001, 1, "\"k777\" is there twice, first in line 778 column 1");

    struct rm_buf huge;
    rm_buf_init(&huge, 16 << 20, NULL);
    assert_int_equal(rm_buf_reserve(&huge, (8 << 20) + 1), RM_OK);
    memset(huge.p, ' ', (8 << 20) + 1);
    doc_refuses_text("t.json", (struct rm_str){huge.p, (8 << 20) + 1}, 0, 0, "more than 8388608 bytes");
    doc_refuses_text("t.json", (struct rm_str){huge.p, 8 << 20}, 1, 1, "empty");
    rm_buf_free(&huge);
    rm_buf_free(&text);
}

static void test_load(void **state)
{
    (void)state;
    struct rm_doc doc;
    struct rm_err err;
    char path[] = "test_conf_doc.XXXXXX.json";
    int fd = mkstemps(path, 5);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "{\"a\": 1}", 8), 8);
    close(fd);
    assert_int_equal(rm_doc_load(&doc, path, &err), RM_OK);
    assert_int_equal(doc.root->n, 1);
    rm_doc_free(&doc);
    unlink(path);
    assert_int_equal(rm_doc_load(&doc, path, &err), RM_ECONF);
    assert_non_null(strstr(err.text, "No such file"));
    assert_int_equal(doc.failed.line, 0);
    rm_doc_free(&doc);
    assert_int_equal(rm_doc_load(&doc, "/", &err), RM_ECONF);
    assert_non_null(strstr(err.text, "directory"));
    rm_doc_free(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_core_schema),  cmocka_unit_test(test_same_tree),     cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_anchors),      cmocka_unit_test(test_merges),        cmocka_unit_test(test_yaml_refused),
        cmocka_unit_test(test_json_refused), cmocka_unit_test(test_bytes_refused), cmocka_unit_test(test_places),
        cmocka_unit_test(test_alias_places), cmocka_unit_test(test_bounds),        cmocka_unit_test(test_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
