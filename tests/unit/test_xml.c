// The xml codec: what KrakenD makes of an element (recorded answers), what is refused, limits, and the way back.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec_help.h"

struct xml_case {
    const char *body;
    bool is_collection;
    const char *want, *why;
};

static void check(const struct xml_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        codec_assert_decodes("xml", cases[i].body, cases[i].is_collection, cases[i].want, cases[i].why);
}

static void elements_become_members(void **state)
{
    (void)state;
    static const struct xml_case cases[] = {
        {"<Person id=\"1\" lang=\"en\">Bob</Person>", false,
         "{\"Person\":{\"-id\":\"1\",\"-lang\":\"en\",\"#text\":\"Bob\"}}", NULL},
        {"<Person id=\"1\"><FullName>Alice</FullName><Email where=\"home\"><Addr>a@x</Addr></Email><Email "
         "where=\"work\"><Addr>b@y</Addr></Email><Group><Value>Friends</Value><Value>Squash</Value></Group></Person>",
         false,
         "{\"Person\":{\"-id\":\"1\",\"FullName\":\"Alice\",\"Email\":[{\"-where\":\"home\",\"Addr\":\"a@x\"},{\"-"
         "where\":\"work\",\"Addr\":\"b@y\"}],\"Group\":{\"Value\":[\"Friends\",\"Squash\"]}}}",
         NULL},
        {"<p>Hello <b>big</b> world <i>x</i>!</p>", false, "{\"p\":{\"b\":\"big\",\"i\":\"x\",\"#text\":\"Hello\"}}",
         NULL},
        {"<r><a/><b></b><c> </c><d x=\"1\"/></r>", false,
         "{\"r\":{\"a\":\"\",\"b\":\"\",\"c\":\"\",\"d\":{\"-x\":\"1\"}}}", NULL},
        {"<s:Envelope xmlns:s=\"http://soap\" xmlns=\"http://def\"><s:Body><m:R xmlns:m=\"urn:m\" "
         "m:at=\"1\"><v>1</v></m:R></s:Body></s:Envelope>",
         false,
         "{\"Envelope\":{\"-s\":\"http://soap\",\"-xmlns\":\"http://"
         "def\",\"Body\":{\"R\":{\"-m\":\"urn:m\",\"-at\":\"1\",\"v\":\"1\"}}}}",
         NULL},
        {"<?xml version=\"1.0\"?><!-- c --><r><?pi x?><a><![CDATA[<x>&amp;]]></a><!-- in --><b>t</b></r>", false,
         "{\"r\":{\"a\":\"<x>&amp;\",\"b\":\"t\"}}", NULL},
        {"<r><a>&lt;&amp;&gt;&quot;&apos;&#65;&#x42;</a></r>", false, "{\"r\":{\"a\":\"<&>\\\"'AB\"}}", NULL},
        {"<r><n>42</n><f>1.50</f><b>true</b><z>007</z></r>", false,
         "{\"r\":{\"n\":\"42\",\"f\":\"1.50\",\"b\":\"true\",\"z\":\"007\"}}", NULL},
        {"<r>\n  <a>  padded  </a>\n  <b>line1\nline2</b>\n</r>", false,
         "{\"r\":{\"a\":\"padded\",\"b\":\"line1\\nline2\"}}", NULL},
        {"<?xml version=\"1.0\"?><!DOCTYPE r [<!ENTITY e \"EXP\">]><r><a>&e;</a></r>", false, CODEC_INVALID,
         "declares an entity"},
        {"<r id=\"1\"><id>2</id><id>3</id></r>", false, "{\"r\":{\"-id\":\"1\",\"id\":[\"2\",\"3\"]}}", NULL},
        {"<l><i>1</i></l>", false, "{\"l\":{\"i\":\"1\"}}", NULL},
        {"<l><i>1</i><j>2</j><i>3</i></l>", false, "{\"l\":{\"i\":[\"1\",\"3\"],\"j\":\"2\"}}", NULL},
        {"<r><a>1</r>", false, CODEC_INVALID, "mismatched tag in line 1 column 10"},
        {"<r><a>1</a>", false, CODEC_INVALID, "no element found"},
        {"", false, CODEC_INVALID, "no element found"},
        {"<a>1</a><b>2</b>", false, "{\"a\":\"1\"}", NULL},
        {"<?xml version=\"1.0\"?><!DOCTYPE r [<!ENTITY e SYSTEM \"file:///etc/hostname\">]><r><a>&e;</a></r>", false,
         CODEC_INVALID, "declares an entity"},
        {"<?xml version=\"1.0\"?><!DOCTYPE r [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><r><a>&b;</a></r>", false,
         CODEC_INVALID, "declares an entity"},
        {"<r><a-b>1</a-b><a.b>2</a.b><a:c>3</a:c></r>", false, "{\"r\":{\"a-b\":\"1\",\"a.b\":\"2\",\"c\":\"3\"}}",
         NULL},
        {"<r>plain</r>", false, "{\"r\":\"plain\"}", NULL},
        {"<r/>", false, "{\"r\":\"\"}", NULL},
        {"\357\273\277<r><a>1</a></r>", false, "{\"r\":{\"a\":\"1\"}}", NULL},
        {"{\"a\":1}", false, CODEC_INVALID, "not well-formed"},
        {"<r><a>1</a>tail</r>", false, "{\"r\":{\"a\":\"1\",\"#text\":\"tail\"}}", NULL},
        {"<r x=\"1\">t<a>2</a></r>", false, "{\"r\":{\"-x\":\"1\",\"a\":\"2\",\"#text\":\"t\"}}", NULL},
        {"<r>&nbsp;x</r>", false, CODEC_INVALID, "undefined entity"},
        {"<r b=\"2\" a=\"1\" c=\"\"/>", false, "{\"r\":{\"-b\":\"2\",\"-a\":\"1\",\"-c\":\"\"}}", NULL},
        {"<Person id=\"1\"><FullName>Alice</FullName><Email where=\"home\"><Addr>a@x</Addr></Email><Email "
         "where=\"work\"><Addr>b@y</Addr></Email><Group><Value>Friends</Value><Value>Squash</Value></Group></Person>",
         true,
         "{\"collection\":{\"Person\":{\"-id\":\"1\",\"FullName\":\"Alice\",\"Email\":[{\"-where\":\"home\",\"Addr\":"
         "\"a@x\"},{\"-where\":\"work\",\"Addr\":\"b@y\"}],\"Group\":{\"Value\":[\"Friends\",\"Squash\"]}}}}",
         NULL},
        {"<r>plain</r>", true, "{\"collection\":{\"r\":\"plain\"}}", NULL},
        {"<r><a>x<![CDATA[y]]>z</a></r>", false, "{\"r\":{\"a\":\"z\"}}", NULL},
        {"<r><a>x<!--c-->y</a></r>", false, "{\"r\":{\"a\":\"y\"}}", NULL},
        {"<r k=\"1\">one<b/>two<c/>three</r>", false,
         "{\"r\":{\"-k\":\"1\",\"b\":\"\",\"c\":\"\",\"#text\":\"three\"}}", NULL},
        {"<r>one<b/>two<c/>three</r>", false, "{\"r\":{\"b\":\"\",\"c\":\"\",\"#text\":\"one\"}}", NULL},
        {"<r><b/>two<c/>three</r>", false, "{\"r\":{\"b\":\"\",\"c\":\"\",\"#text\":\"three\"}}", NULL},
        {"<r><a>x&amp;y\nz</a></r>", false, "{\"r\":{\"a\":\"x&y\\nz\"}}", NULL},
        {"<r><a>\302\240x\302\240</a></r>", false, "{\"r\":{\"a\":\"\302\240x\302\240\"}}", NULL},
        {"<r><a xml:lang=\"en\">t</a></r>", false, "{\"r\":{\"a\":{\"-lang\":\"en\",\"#text\":\"t\"}}}", NULL},
        {"<r><#text>1</#text></r>", false, CODEC_INVALID, "not well-formed"},
        {"<r><a><b/></a><a/><a>t</a></r>", false, "{\"r\":{\"a\":[{\"b\":\"\"},\"\",\"t\"]}}", NULL},
        // Beyond what was recorded.
        {"<r><?p?><a>x<?pi y?>z</a></r>", false, "{\"r\":{\"a\":\"z\"}}", NULL},
        {"<r x:a='1' y:a='2' a='3'/>", false, "{\"r\":{\"-a\":\"3\"}}", NULL},
        {"<r><b/><a/><b/><c/><b>3</b></r>", false, "{\"r\":{\"b\":[\"\",\"\",\"3\"],\"a\":\"\",\"c\":\"\"}}", NULL},
        {"<r><a:b:c/><x:/></r>", false, "{\"r\":{\"a:b:c\":\"\",\"x:\":\"\"}}", NULL},
        {"<!DOCTYPE r><r a='1'/>", false, "{\"r\":{\"-a\":\"1\"}}", NULL},
        {"<!DOCTYPE r [<!ATTLIST r b CDATA 'added'>]><r a='1'/>", false, "{\"r\":{\"-a\":\"1\"}}", NULL},
        {"<!DOCTYPE r SYSTEM 'http://x/y.dtd'><r>&e;</r>", false, CODEC_INVALID, "does not bring"},
        {"<!DOCTYPE r [<!ENTITY % p 'x'>]><r/>", false, CODEC_INVALID, "declares an entity"},
        {"<!DOCTYPE r SYSTEM 'x' [ %p; ]><r/>", false, "{\"r\":\"\"}", NULL},
        {"<r>\xFF</r>", false, CODEC_INVALID, "not well-formed"},
        {"<r a='1' a='2'/>", false, CODEC_INVALID, "duplicate attribute"},
        {"<r>a</r><", false, "{\"r\":\"a\"}", NULL},
        {"<?xml version='1.0' encoding='windows-1252'?><r>\x80\x99</r>", false, "{\"r\":\"\xE2\x82\xAC\xE2\x84\xA2\"}",
         NULL},
        {"<?xml version='1.0' encoding='ISO-8859-15'?><r>\xA4\xE9</r>", false, "{\"r\":\"\xE2\x82\xAC\xC3\xA9\"}",
         NULL},
        {"<?xml version='1.0' encoding='ISO-8859-1'?><r>caf\xE9</r>", false, "{\"r\":\"caf\xC3\xA9\"}", NULL},
        {"<?xml version='1.0' encoding='us-ascii'?><r>a</r>", false, "{\"r\":\"a\"}", NULL},
        {"<?xml version='1.0' encoding='Shift_JIS'?><r>a</r>", false, CODEC_INVALID, "unknown encoding"},
    };
    check(cases, RM_COUNT(cases));
    static const char wide[] = "\xFF\xFE<\0r\0/\0>\0";
    struct rm_value *data;
    struct rm_err err;
    assert_int_equal(codec_decode("xml", (struct rm_str){wide, 10}, false, 1, &data, &err), RM_EDECODE);
    assert_non_null(strstr(err.text, "UTF-16"));
    assert_int_equal(codec_decode("xml", (struct rm_str){wide + 2, 8}, false, 1, &data, &err), RM_EDECODE);
    assert_non_null(strstr(err.text, "UTF-16"));
}

static int limited(const char *body, uint32_t depth, uint32_t nodes)
{
    struct rm_value *data;
    struct rm_err err = {.text = ""};
    const struct rm_decode_in in = {rm_str_of(body), false, 1, {depth, nodes}};
    int rc = codec_of("xml")->decode(&value_arena, &in, &data, &err);
    assert_true(rc == RM_OK || err.text[0] != '\0');
    return rc;
}

static void limits_hold(void **state)
{
    (void)state;
    assert_int_equal(limited("<a><b><c/></b></a>", 3, 100), RM_OK);
    assert_int_equal(limited("<a><b><c/></b></a>", 2, 100), RM_ETOOBIG);
    assert_int_equal(limited("<a x='1'><b/><c y='2'/></a>", 9, 5), RM_OK);
    assert_int_equal(limited("<a x='1'><b/><c y='2'/></a>", 9, 4), RM_ETOOBIG);
    struct rm_str deep = value_repeated("<a>", "", "</a>", 5000);
    assert_int_equal(limited(deep.p, 5000, 5000), RM_OK);
    assert_int_equal(limited(deep.p, 512, 5000), RM_ETOOBIG);
}

// A test that hangs has failed.
static void many_names_are_no_trap(void **state)
{
    (void)state;
    struct rm_buf body;
    rm_buf_init(&body, 64 << 20, NULL);
    assert_int_equal(rm_buf_append(&body, RM_STR("<r>")), RM_OK);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(rm_buf_printf(&body, "<n%d/>", i), RM_OK);
    assert_int_equal(rm_buf_append(&body, RM_STR("<n7/></r>")), RM_OK);
    struct rm_value *data = NULL;
    assert_int_equal(codec_decode("xml", rm_buf_str(&body), false, 1, &data, NULL), RM_OK);
    assert_int_equal(data->first->n, 100000);
    assert_int_equal(rm_value_get(&value_arena, data->first, RM_STR("n7"))->n, 2);
    rm_buf_free(&body);
}

static void members_become_elements(void **state)
{
    (void)state;
    static const struct {
        const char *data, *want;
    } cases[] = {
        {"{\"r\":\"plain\"}", "<r>plain</r>"},
        {"{\"r\":{\"b\":1,\"a\":[1.10,true,null,\"x\"],\"-id\":7}}",
         "<r id=\"7\"><a>1.10</a><a>true</a><a/><a>x</a><b>1</b></r>"},
        {"{\"x\":1,\"y\":\"s\"}", "<doc><x>1</x><y>s</y></doc>"},
        {"{\"l\":[{\"a\":1},{\"a\":2}]}", "<doc><l><a>1</a></l><l><a>2</a></l></doc>"},
        {"{\"l\":[[1,2],[],[3]],\"e\":[]}", "<doc><e/><l>1</l><l>2</l><l/><l>3</l></doc>"},
        {"{}", "<doc/>"},
        {"{\"a\":null}", "<a/>"},
        {"{\"a\":{}}", "<a/>"},
        {"{\"a\":\"\"}", "<a/>"},
        {"{\"a\":{\"-k\":\"v\",\"#text\":\"t\"}}", "<a k=\"v\">t</a>"},
        {"{\"a\":{\"#text\":\"t\",\"b\":1}}", "<a>t<b>1</b></a>"},
        {"{\"a\":{\"#text\":\"\",\"-k\":null}}", "<a k=\"\"/>"},
        {"{\"#text\":\"t\"}", "<doc>t</doc>"},
        {"{\"-k\":\"t\"}", "<doc k=\"t\"/>"},
        {"{\"a\":{\"-k\":[1],\"#text\":{\"b\":1}}}", "<a><_text><b>1</b></_text><_-k>1</_-k></a>"},
        {"{\"a\":\"<&>\\\"'\\r\\n\\u0001\\uFFFE\"}", "<a>&lt;&amp;&gt;\"'&#13;\n\xEF\xBF\xBD\xEF\xBF\xBD</a>"},
        {"{\"a\":{\"-k\":\"<&>\\\"'\\t\\n\"}}", "<a k=\"&lt;&amp;&gt;&quot;'&#9;&#10;\"/>"},
        {"{\"1 a><b\":{\"\":1,\"c:d\":2,\"caf\xC3\xA9\":3,\"-\":4,\"-x y\":5}}",
         "<_1_a__b x_y=\"5\"><_>1</_><_->4</_-><c_d>2</c_d><caf\xC3\xA9>3</caf\xC3\xA9></_1_a__b>"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        for (uint32_t depth = 0; depth < 4; depth++)
            codec_assert_encodes("xml", value_parsed(cases[i].data, depth), rm_str_of(cases[i].want));
    }
    codec_assert_encodes("xml", NULL, RM_STR("<doc/>"));
}

static void there_and_back(void **state)
{
    (void)state;
    static const char body[] =
        "<Person id=\"1\"><Email where=\"home\"><Addr>a@x</Addr></Email><Email where=\"work\"><Addr>b@y"
        "</Addr></Email><FullName>Alice</FullName><Group><Value>Friends</Value><Value>Squash</Value>"
        "</Group></Person>";
    struct rm_value *data;
    assert_int_equal(codec_decode("xml", rm_str_of(body), false, 1, &data, NULL), RM_OK);
    codec_assert_encodes("xml", data, rm_str_of(body));
}

static void a_full_buffer_is_an_error(void **state)
{
    (void)state;
    struct rm_err err = {.text = ""};
    for (size_t max = 0; max < 20; max++) {
        struct rm_buf buf;
        rm_buf_init(&buf, max, NULL);
        struct rm_value *data = value_parsed("{\"a\":{\"b\":[\"text\",{}]}}", 1);
        assert_int_equal(codec_of("xml")->encode(&value_arena, data, &buf, NULL, &err), RM_ETOOBIG);
        assert_non_null(strstr(err.text, "would be larger than"));
        rm_buf_free(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VALUE_TEST(elements_become_members), VALUE_TEST(limits_hold),    VALUE_TEST(many_names_are_no_trap),
        VALUE_TEST(members_become_elements), VALUE_TEST(there_and_back), VALUE_TEST(a_full_buffer_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
