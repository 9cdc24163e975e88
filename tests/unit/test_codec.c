// The codecs: what each takes in and gives out, and what its refusals say.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <remora/codec.h>

#include "codec_help.h"

static void the_registry_knows_these_and_no_other(void **state)
{
    (void)state;
    static const struct {
        const char *name, *type;
        bool decodes;
    } want[] = {{"json", "application/json; charset=utf-8", true},
                {"fast-json", "application/json; charset=utf-8", true},
                {"safejson", NULL, true},
                {"string", "text/plain; charset=utf-8", true},
                {"xml", "application/xml", true},
                {"rss", NULL, true},
                {"yaml", "application/yaml; charset=utf-8", true},
                {"json-collection", "application/json; charset=utf-8", false},
                {"negotiate", "application/json; charset=utf-8", false},
                {"no-op", NULL, false}};
    size_t n = 0;
    while (rm_codecs[n])
        n++;
    assert_int_equal(n, RM_COUNT(want));
    for (size_t i = 0; i < n; i++) {
        const struct rm_codec_ops *ops = codec_of(want[i].name);
        assert_int_equal(ops->decode != NULL, want[i].decodes);
        assert_int_equal(ops->encode != NULL, want[i].type != NULL);
        if (want[i].type)
            assert_string_equal(ops->content_type, want[i].type);
        else
            assert_null(ops->content_type);
    }
    static const char *const others[] = {"JSON", "Json", "XML", "jso", "json ", "", "noop"};
    for (size_t i = 0; i < RM_COUNT(others); i++)
        assert_null(rm_codec_find(rm_str_of(others[i])));
}

static void json_takes_an_object(void **state)
{
    (void)state;
    static const char *const names[] = {"json", "fast-json"};
    for (size_t i = 0; i < RM_COUNT(names); i++) {
        codec_assert_decodes(names[i], "{\"a\":1.10,\"b\":[18446744073709551616]}", false,
                             "{\"a\":1.10,\"b\":[18446744073709551616]}", NULL);
        codec_assert_decodes(names[i], " \n{} trash {", false, "{}", NULL);
        codec_assert_decodes(names[i], "{\"k\":1,\"z\":0,\"k\":2}", false, "{\"k\":2,\"z\":0}", NULL);
        codec_assert_decodes(names[i], "null", false, NULL, NULL);
        codec_assert_decodes(names[i], "[1]", false, CODEC_INVALID, "expected an object, got an array");
        codec_assert_decodes(names[i], "\"a\"", false, CODEC_INVALID, "expected an object, got a string");
        codec_assert_decodes(names[i], "1", false, CODEC_INVALID, "expected an object, got a number");
        codec_assert_decodes(names[i], "true", false, CODEC_INVALID, "expected an object, got a boolean");
        codec_assert_decodes(names[i], "false", false, CODEC_INVALID, "expected an object, got a boolean");
        codec_assert_decodes(names[i], "", false, CODEC_INVALID, "the text is empty");
        codec_assert_decodes(names[i], "  ", false, CODEC_INVALID, "ends before its value does");
        codec_assert_decodes(names[i], "{\"a\":", false, CODEC_INVALID, "ends before its value does");
        codec_assert_decodes(names[i], "\xEF\xBB\xBF{}", false, CODEC_INVALID, "begins no value at byte 0");
    }
}

static void json_takes_a_collection(void **state)
{
    (void)state;
    codec_assert_decodes("json", "[1,{\"a\":[2]}] x", true, "{\"collection\":[1,{\"a\":[2]}]}", NULL);
    codec_assert_decodes("json", "[]", true, "{\"collection\":[]}", NULL);
    codec_assert_decodes("fast-json", "[{\"a\":1,\"a\":2}]", true, "{\"collection\":[{\"a\":2}]}", NULL);
    codec_assert_decodes("json", "null", true, "{\"collection\":null}", NULL);
    codec_assert_decodes("json", "{\"id\":1}", true, CODEC_INVALID, "expected an array (is_collection), got an object");
    codec_assert_decodes("json", "", true, CODEC_INVALID, "empty");
}

static void safejson_takes_anything(void **state)
{
    (void)state;
    for (int is_collection = 0; is_collection < 2; is_collection++) { // which it does not look at
        codec_assert_decodes("safejson", "{\"a\":1}", is_collection, "{\"a\":1}", NULL);
        codec_assert_decodes("safejson", "[1,[2]]", is_collection, "{\"collection\":[1,[2]]}", NULL);
        codec_assert_decodes("safejson", "\"x\"", is_collection, "{\"content\":\"x\"}", NULL);
        codec_assert_decodes("safejson", "1e400", is_collection, "{\"content\":1e400}", NULL);
        codec_assert_decodes("safejson", "null", is_collection, "{\"content\":null}", NULL);
        codec_assert_decodes("safejson", "oops", is_collection, CODEC_INVALID, "begins no value");
        codec_assert_decodes("safejson", "", is_collection, CODEC_INVALID, "empty");
    }
}

static void the_depth_is_the_datas_not_the_bodys(void **state)
{
    (void)state;
    struct rm_value *data;
    assert_int_equal(codec_decode("json", RM_STR("{\"a\":{\"b\":{}}}"), false, 2, &data, NULL), RM_OK);
    assert_int_equal(data->first->flags, 0);
    assert_int_equal(data->first->first->flags, RM_V_RANGE);
    assert_int_equal(codec_decode("json", RM_STR("[{\"b\":{}}]"), true, 1, &data, NULL), RM_OK);
    assert_int_equal(data->first->flags, RM_V_RANGE); // the list is at depth 1
    assert_int_equal(codec_decode("json", RM_STR("[{\"b\":{}}]"), true, 2, &data, NULL), RM_OK);
    assert_int_equal(data->first->flags, 0);
    assert_int_equal(data->first->first->flags, RM_V_RANGE);
    assert_int_equal(codec_decode("safejson", RM_STR(" [1,[2]]"), false, 1, &data, NULL), RM_OK);
    assert_int_equal(data->first->flags, RM_V_RANGE); // a hundred thousand numbers are no reason for as many nodes
    assert_int_equal(codec_decode("safejson", RM_STR("\n\t {\"a\":[1]}"), true, 1, &data, NULL), RM_OK);
    assert_int_equal(data->flags, 0);
    assert_int_equal(data->first->flags, RM_V_RANGE);
}

static void limits_are_kept(void **state)
{
    (void)state;
    static const char *const names[] = {"json", "fast-json", "safejson"};
    for (size_t i = 0; i < RM_COUNT(names); i++) {
        struct rm_value *data;
        struct rm_err err;
        struct rm_decode_in in = {RM_STR("{\"a\":{\"b\":[1]}}"), false, 1, {3, 4}};
        assert_int_equal(codec_of(names[i])->decode(&value_arena, &in, &data, &err), RM_OK);
        in.limits.max_depth = 2;
        assert_int_equal(codec_of(names[i])->decode(&value_arena, &in, &data, &err), RM_ETOOBIG);
        in.limits = (struct rm_json_limits){3, 3};
        assert_int_equal(codec_of(names[i])->decode(&value_arena, &in, &data, &err), RM_ETOOBIG);
    }
}

static void json_gives_the_data_out(void **state)
{
    (void)state;
    static const char *const names[] = {"json", "fast-json", "negotiate"};
    for (size_t i = 0; i < RM_COUNT(names); i++) {
        codec_assert_encodes(names[i], value_parsed("{\"b\":1,\"a\":\"<&>\"}", 1), RM_STR("{\"b\":1,\"a\":\"<&>\"}"));
        codec_assert_encodes(names[i], value_parsed("{}", 0), RM_STR("{}"));
        codec_assert_encodes(names[i], NULL, RM_STR("null"));
    }
}

static void json_collection_gives_the_list_out(void **state)
{
    (void)state;
    for (uint32_t depth = 0; depth < 3; depth++) {
        codec_assert_encodes("json-collection", value_parsed("{\"x\":1,\"collection\":[1,{\"a\":2}]}", depth),
                             RM_STR("[1,{\"a\":2}]"));
        codec_assert_encodes("json-collection", value_parsed("{\"collection\":{\"a\":1}}", depth), RM_STR("{\"a\":1}"));
        codec_assert_encodes("json-collection", value_parsed("{\"x\":[1]}", depth), RM_STR("[]"));
        codec_assert_encodes("json-collection", value_parsed("{}", depth), RM_STR("[]"));
    }
    codec_assert_encodes("json-collection", NULL, RM_STR("[]"));
}

static void string_takes_and_gives_text(void **state)
{
    (void)state;
    codec_assert_decodes("string", "say \"hi\"\n", false, "{\"content\":\"say \\\"hi\\\"\\n\"}", NULL);
    codec_assert_decodes("string", "{\"a\":1}", true, "{\"content\":\"{\\\"a\\\":1}\"}", NULL);
    codec_assert_decodes("string", "", false, "{\"content\":\"\"}", NULL);
    codec_assert_decodes("string", "caf\xE9", false, "{\"content\":\"caf\xEF\xBF\xBD\"}", NULL);

    struct rm_value *data;
    struct rm_str bytes = RM_STR("caf\xE9 \\n \0 end"); // what came in as text goes out byte for byte
    assert_int_equal(codec_decode("string", bytes, false, 1, &data, NULL), RM_OK);
    codec_assert_encodes("string", data, bytes);
    codec_assert_encodes("string", value_parsed("{\"content\":\"a\\n\\u00e9\\ud800\"}", 0),
                         RM_STR("a\n\xC3\xA9\xEF\xBF\xBD"));
    static const char *const without[] = {"{}", "{\"content\":1}", "{\"content\":null}", "{\"content\":[\"a\"]}",
                                          "{\"Content\":\"a\"}"};
    for (size_t i = 0; i < RM_COUNT(without); i++)
        codec_assert_encodes("string", value_parsed(without[i], 1), RM_STR(""));
    codec_assert_encodes("string", NULL, RM_STR(""));
}

static void an_answer_over_the_limits_is_said_so(void **state)
{
    (void)state;
    static const char *const names[] = {"json", "fast-json", "negotiate", "json-collection", "string", "xml", "yaml"};
    struct rm_budget budget = {.limit = 3};
    for (size_t i = 0; i < RM_COUNT(names); i++) {
        struct rm_err err;
        struct rm_buf small, poor;
        struct rm_value *data = value_parsed("{\"content\":\"abcdef\",\"collection\":[1,2,3]}", 1);
        rm_buf_init(&small, 5, NULL);
        rm_buf_init(&poor, 1000, &budget);
        assert_int_equal(codec_of(names[i])->encode(&value_arena, data, &small, NULL, &err), RM_ETOOBIG);
        assert_non_null(strstr(err.text, "larger than 5 bytes"));
        assert_int_equal(codec_of(names[i])->encode(&value_arena, data, &poor, NULL, &err), RM_EMEMORY);
        assert_int_equal(err.code, RM_EMEMORY);
        rm_buf_free(&small);
        rm_buf_free(&poor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VALUE_TEST(the_registry_knows_these_and_no_other),
        VALUE_TEST(json_takes_an_object),
        VALUE_TEST(json_takes_a_collection),
        VALUE_TEST(safejson_takes_anything),
        VALUE_TEST(the_depth_is_the_datas_not_the_bodys),
        VALUE_TEST(limits_are_kept),
        VALUE_TEST(json_gives_the_data_out),
        VALUE_TEST(json_collection_gives_the_list_out),
        VALUE_TEST(string_takes_and_gives_text),
        VALUE_TEST(an_answer_over_the_limits_is_said_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
