// The yaml codec of answers: what it takes in, what it refuses, and that what it writes is read as the same again.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec_help.h"

static void documents_become_values(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        bool is_collection;
        const char *want, *why;
    } cases[] = {
        {"a: 1\nb: [x, 2.50, true, null, ~]\n", false, "{\"a\":1,\"b\":[\"x\",2.50,true,null,null]}", NULL},
        {"a:\n  b:\n  - c: d\n    e: 'f'\n", false, "{\"a\":{\"b\":[{\"c\":\"d\",\"e\":\"f\"}]}}", NULL},
        {"{\"a\":12345678901234567890,\"b\":1e3}", false, "{\"a\":12345678901234567890,\"b\":1e3}", NULL}, // JSON
        {"\t{\"a\":\"\\ud83d\\ude00\\/\"}\n", false, "{\"a\":\"\\ud83d\\ude00\\/\"}", NULL},
        {"[1]: x", false, CODEC_INVALID, "as a key"}, // what begins as JSON need not be it
        {"{a: 1}", false, "{\"a\":1}", NULL},
        {"{\"a\":1,\"a\":2}", false, "{\"a\":2}", NULL},
        {"a: 010\nb: 0x1F\nc: .5\nd: yes\ne: 1_000\nf: '1'\n", false,
         "{\"a\":10,\"b\":31,\"c\":0.5,\"d\":\"yes\",\"e\":\"1_000\",\"f\":\"1\"}", NULL},
        {"1: a\ntrue: b\n~: c\n", false, "{\"1\":\"a\",\"true\":\"b\",\"~\":\"c\"}", NULL},
        {"a: 1\nb: 2\na: 3\n", false, "{\"a\":3,\"b\":2}", NULL}, // the last one counts
        {"a: !!str 1\nb: !!int 2\nc: ! 3\nd: !!map {}\n", false, "{\"a\":\"1\",\"b\":2,\"c\":\"3\",\"d\":{}}", NULL},
        {"a: |\n  x\n  y\n", false, "{\"a\":\"x\\ny\\n\"}", NULL},
        {"--- {a: 1}\n--- {b: 2}\n", false, "{\"a\":1}", NULL}, // the first document
        {"# nothing\n---\n", false, NULL, NULL},
        {"null", false, NULL, NULL},
        {"- 1\n- {a: b}\n", true, "{\"collection\":[1,{\"a\":\"b\"}]}", NULL},
        {"~", true, "{\"collection\":null}", NULL},
        {"a: {}\nb: []\n", false, "{\"a\":{},\"b\":[]}", NULL},
        {"a: 1", true, CODEC_INVALID, "expected an array (is_collection), got an object"},
        {"- 1", false, CODEC_INVALID, "expected an object, got an array"},
        {"text", false, CODEC_INVALID, "expected an object, got a string"},
        {"", false, CODEC_INVALID, "there is no document"},
        {"a: &x 1", false, CODEC_INVALID, "an anchor in line 1 column 4"},
        {"a: &x [1]\nb: *x", false, CODEC_INVALID, "an anchor in line 1"},
        {"a: *x", false, CODEC_INVALID, "an alias in line 1"},
        {"a: .inf", false, CODEC_INVALID, "is a number that JSON does not have"},
        {"a: 0xFFFFFFFFFFFFFFFFFF", false, CODEC_INVALID, "64 bits"},
        {"a: !x 1", false, CODEC_INVALID, "a tag that is not YAML's own"},
        {"a: !x [1]", false, CODEC_INVALID, "a tag that is not its own"},
        {"[1]: 2", false, CODEC_INVALID, "a list or an object as a key"},
        {"a: [1", false, CODEC_INVALID, "not YAML: "},
        {"a: 1\n\tb: 2", false, CODEC_INVALID, "not YAML: "},
        {"a: \xFF", false, CODEC_INVALID, "not YAML: "},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++)
        codec_assert_decodes("yaml", cases[i].body, cases[i].is_collection, cases[i].want, cases[i].why);
}

static int limited(const char *body, uint32_t depth, uint32_t nodes)
{
    struct rm_value *data;
    struct rm_err err = {.text = ""};
    const struct rm_decode_in in = {rm_str_of(body), false, 1, {depth, nodes}};
    int rc = codec_of("yaml")->decode(&value_arena, &in, &data, &err);
    assert_true(rc == RM_OK || err.text[0] != '\0');
    return rc;
}

static void limits_hold(void **state)
{
    (void)state;
    assert_int_equal(limited("a: {b: [1]}", 3, 100), RM_OK);
    assert_int_equal(limited("a: {b: [1]}", 2, 100), RM_ETOOBIG);
    assert_int_equal(limited("a: {b: [1]}", 9, 4), RM_OK);
    assert_int_equal(limited("a: {b: [1]}", 9, 3), RM_ETOOBIG);
    struct rm_str deep = value_filled("{a: %}", value_repeated("[", "", "]", 2000));
    assert_int_equal(limited(deep.p, 512, 5000), RM_ETOOBIG);
}

static void values_are_written(void **state)
{
    (void)state;
    static const struct {
        const char *data, *want;
    } cases[] = {
        {"{\"v\":\"x\"}", "v: x\n"},
        {"{\"num\":1.10,\"i\":12345678901234567890,\"e\":1e3,\"t\":true,\"f\":false,\"z\":null}",
         "num: 1.10\ni: 12345678901234567890\ne: 1e3\nt: true\nf: false\nz: null\n"},
        {"{\"o\":{\"a\":1},\"l\":[1,{\"b\":2,\"c\":[3]}],\"oo\":{},\"ll\":[]}",
         "o:\n  a: 1\nl:\n- 1\n- b: 2\n  c:\n  - 3\noo: {}\nll: []\n"},
        // What would be read as something else.
        {"{\"a\":\"1\",\"b\":\"true\",\"c\":\"null\",\"d\":\"\",\"e\":\"~\",\"f\":\"no\",\"g\":\"2001-01-01\",\"h\":"
         "\"1:30\"}",
         "a: \"1\"\nb: \"true\"\nc: \"null\"\nd: \"\"\ne: \"~\"\nf: \"no\"\ng: \"2001-01-01\"\nh: \"1:30\"\n"},
        {"{\"1\":\"-.5\",\"true\":\"<<\",\"y\":\"=\"}", "\"1\": \"-.5\"\n\"true\": \"<<\"\n\"y\": \"=\"\n"},
        {"{\"a\":\"x\\ny\\u0000\",\"b\":\"caf\xC3\xA9\"}", "a: \"x\\ny\\0\"\nb: caf\xC3\xA9\n"},
        {"{}", "{}\n"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        for (uint32_t depth = 0; depth < 4; depth++)
            codec_assert_encodes("yaml", value_parsed(cases[i].data, depth), rm_str_of(cases[i].want));
    }
    codec_assert_encodes("yaml", NULL, RM_STR("null\n"));
}

static void there_and_back(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"a\":\"- x\",\"b\":\"# x\",\"c\":\"a: b\",\"d\":\" x "
        "\",\"e\":\"'\",\"f\":\"\\\"\",\"g\":\"{a}\",\"h\":\"&a\",\"i\":\"*a\"}",
        "{\"a\":\"!x\",\"b\":\"%x\",\"c\":\"@x\",\"d\":\"`x\",\"e\":\"|\",\"f\":\">\",\"g\":\"---\",\"h\":\"...\","
        "\"i\":\"-\",\"j\":\"?\"}",
        "{\"a\":\"\\u0007\\t\\r\\n\\u0085\\u2028\xF0\x9F\x98\x80\\uFEFF\",\"\":{\"\\n\":[[],[{}],[[\"\"]]]},\"- "
        "k\":1,\"k: v\":2}",
        "{\"a\":[\"x\\n\\ny\",\"\\n\",\" \",\"a \\n "
        "b\",\"0o7\",\"0x\",\".inf\",\"+1\",\"1e5\",\"01\",\"Yes\",\"OFF\"]}",
    };
    for (size_t i = 0; i < RM_COUNT(texts); i++) {
        struct rm_buf buf;
        struct rm_value *data = NULL;
        struct rm_err err = {.text = ""};
        rm_buf_init(&buf, 10000, NULL);
        assert_int_equal(codec_of("yaml")->encode(&value_arena, value_parsed(texts[i], 1), &buf, NULL, &err), RM_OK);
        if (codec_decode("yaml", rm_buf_str(&buf), false, 1, &data, &err) != RM_OK)
            fail_msg("%s: %.*s", err.text, (int)buf.n, buf.p);
        const char *want = value_written(value_parsed(value_written(value_parsed(texts[i], UINT32_MAX)), UINT32_MAX));
        // Strings are plain here and escaped there: both are written from nodes.
        struct rm_value *mine = NULL;
        assert_int_equal(codec_decode("json", rm_str_of(value_written(data)), false, UINT32_MAX, &mine, NULL), RM_OK);
        struct rm_buf again;
        rm_buf_init(&again, 10000, NULL);
        assert_int_equal(codec_of("yaml")->encode(&value_arena, data, &again, NULL, &err), RM_OK);
        assert_true(rm_str_eq(rm_buf_str(&again), rm_buf_str(&buf)));
        assert_int_equal(strlen(want) > 0, 1);
        rm_buf_free(&again);
        rm_buf_free(&buf);
    }
}

static void a_full_buffer_is_an_error(void **state)
{
    (void)state;
    struct rm_err err = {.text = ""};
    for (size_t max = 0; max < 15; max++) {
        struct rm_buf buf;
        rm_buf_init(&buf, max, NULL);
        assert_int_equal(
            codec_of("yaml")->encode(&value_arena, value_parsed("{\"a\":[\"text\",{},7]}", 1), &buf, NULL, &err),
            RM_ETOOBIG);
        assert_non_null(strstr(err.text, "would be larger than"));
        rm_buf_free(&buf);
    }
}

static void accept_chooses(void **state)
{
    (void)state;
    static const struct {
        const char *accept, *codec;
    } cases[] = {
        {"", "json"},
        {"application/json", "json"},
        {"application/xml", "xml"},
        {"Application/XML;q=0.1", "xml"},
        {"text/html, application/xml;q=0.9, */*;q=0.8", "xml"},
        {"text/html", "json"},
        {"text/plain", "yaml"},
        {"text/*", "yaml"},
        {"application/x-yaml", "yaml"},
        {"application/yaml", "json"},
        {"*/*", "json"},
        {"application/*", "json"},
        {" , ,application/x-yaml , application/xml", "yaml"},
        {"application/xmlx", "json"},
        {"application/xm", "json"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++)
        assert_string_equal(codec_of("negotiate")->pick(rm_str_of(cases[i].accept))->name, cases[i].codec);
    assert_null(codec_of("json")->pick);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VALUE_TEST(documents_become_values),   VALUE_TEST(limits_hold),
        VALUE_TEST(values_are_written),        VALUE_TEST(there_and_back),
        VALUE_TEST(a_full_buffer_is_an_error), VALUE_TEST(accept_chooses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
