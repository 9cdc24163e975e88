// The rss codec: feeds of each kind as KrakenD shows them (recorded answers), their variations, and dates.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec/feed_date.h"
#include "codec_help.h"

static void feeds_become_objects(void **state)
{
    (void)state;
    static const struct {
        const char *body, *want;
    } cases[] = {
        {"<?xml version=\"1.0\"?><rss "
         "version=\"2.0\"><channel><title>T</title><link>http://l</link><description>D</description><language>en</"
         "language><copyright>C</copyright><pubDate>Mon, 02 Jan 2006 15:04:05 "
         "GMT</pubDate><category>k</category><image><url>http://i/x.png</url><title>it</title><link>l</link></"
         "image><item><title>A</title><link>http://a</link><description>&lt;b&gt;x&lt;/b&gt;</description><guid>g1</"
         "guid><pubDate>Tue, 03 Jan 2006 15:04:05 GMT</pubDate><author>e@x "
         "(Joe)</author><category>c1</category><category>c2</category><enclosure url=\"http://e/m.mp3\" length=\"10\" "
         "type=\"audio/mpeg\"/></item><item><title>B</title></item></channel></rss>",
         "{\"items\":[{\"title\":\"A\",\"description\":\"<b>x</b>\",\"link\":\"http://a\",\"links\":[\"http://"
         "a\"],\"published\":\"Tue, 03 Jan 2006 15:04:05 "
         "GMT\",\"publishedParsed\":\"2006-01-03T15:04:05Z\",\"author\":{\"name\":\"Joe\",\"email\":\"e@x\"},"
         "\"authors\":[{\"name\":\"Joe\",\"email\":\"e@x\"}],\"guid\":\"g1\",\"categories\":[\"c1\",\"c2\"],"
         "\"enclosures\":[{\"url\":\"http://e/m.mp3\",\"length\":\"10\",\"type\":\"audio/"
         "mpeg\"}]},{\"title\":\"B\"}],\"author\":null,\"categories\":[\"k\"],\"custom\":null,\"copyright\":\"C\","
         "\"description\":\"D\",\"type\":\"rss\",\"language\":\"en\",\"title\":\"T\",\"published\":\"Mon, 02 Jan 2006 "
         "15:04:05 GMT\",\"updated\":\"\",\"img_url\":\"http://i/x.png\"}"},
        {"<?xml version=\"1.0\" encoding=\"utf-8\"?><feed "
         "xmlns=\"http://www.w3.org/2005/Atom\"><title>T</title><subtitle>S</subtitle><updated>2003-12-13T18:30:02Z</"
         "updated><author><name>J</name><email>j@x</email></author><id>urn:1</id><entry><title>E</title><link "
         "href=\"http://e\"/><id>urn:2</id><updated>2003-12-13T18:30:02Z</updated><summary>s</summary><content "
         "type=\"html\">&lt;p&gt;c&lt;/p&gt;</content></entry></feed>",
         "{\"items\":[{\"title\":\"E\",\"description\":\"s\",\"content\":\"<p>c</p>\",\"link\":\"http://"
         "e\",\"links\":[\"http://"
         "e\"],\"updated\":\"2003-12-13T18:30:02Z\",\"updatedParsed\":\"2003-12-13T18:30:02Z\",\"published\":\"2003-12-"
         "13T18:30:02Z\",\"publishedParsed\":\"2003-12-13T18:30:02Z\",\"guid\":\"urn:2\"}],\"author\":{\"name\":\"J\","
         "\"email\":\"j@x\"},\"categories\":null,\"custom\":null,\"copyright\":\"\",\"description\":\"S\",\"type\":"
         "\"atom\",\"language\":\"\",\"title\":\"T\",\"published\":\"\",\"updated\":\"2003-12-13T18:30:02Z\"}"},
        {"<?xml version=\"1.0\"?><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" "
         "xmlns=\"http://purl.org/rss/1.0/\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><channel "
         "rdf:about=\"x\"><title>T</title><link>http://l</link><description>D</description></channel><item "
         "rdf:about=\"y\"><title>A</title><link>http://a</link><dc:creator>me</"
         "dc:creator><dc:date>2001-01-01T00:00:00Z</dc:date></item></rdf:RDF>",
         "{\"items\":[{\"title\":\"A\",\"link\":\"http://a\",\"links\":[\"http://"
         "a\"],\"published\":\"2001-01-01T00:00:00Z\",\"publishedParsed\":\"2001-01-01T00:00:00Z\",\"author\":{"
         "\"name\":\"me\"},\"authors\":[{\"name\":\"me\"}],\"dcExt\":{\"creator\":[\"me\"],\"date\":[\"2001-01-01T00:"
         "00:00Z\"]},\"extensions\":{\"dc\":{\"creator\":[{\"name\":\"creator\",\"value\":\"me\",\"attrs\":{},"
         "\"children\":{}}],\"date\":[{\"name\":\"date\",\"value\":\"2001-01-01T00:00:00Z\",\"attrs\":{},\"children\":{"
         "}}]}}}],\"author\":null,\"categories\":null,\"custom\":null,\"copyright\":\"\",\"description\":\"D\","
         "\"type\":\"rss\",\"language\":\"\",\"title\":\"T\",\"published\":\"\",\"updated\":\"\"}"},
        {"<?xml version=\"1.0\"?><rss version=\"2.0\" xmlns:itunes=\"http://www.itunes.com/dtds/podcast-1.0.dtd\" "
         "xmlns:media=\"http://search.yahoo.com/mrss/\"><channel><title>T</title><itunes:author>ia</"
         "itunes:author><item><title>A</title><itunes:duration>10</itunes:duration><media:content url=\"u\" "
         "type=\"t\"/></item></channel></rss>",
         "{\"items\":[{\"title\":\"A\",\"itunesExt\":{\"duration\":\"10\"},\"extensions\":{\"itunes\":{\"duration\":[{"
         "\"name\":\"duration\",\"value\":\"10\",\"attrs\":{},\"children\":{}}]},\"media\":{\"content\":[{\"name\":"
         "\"content\",\"value\":\"\",\"attrs\":{\"url\":\"u\",\"type\":\"t\"},\"children\":{}}]}}}],\"author\":{"
         "\"name\":\"ia\"},\"categories\":null,\"custom\":null,\"copyright\":\"\",\"description\":\"\",\"type\":"
         "\"rss\",\"language\":\"\",\"title\":\"T\",\"published\":\"\",\"updated\":\"\"}"},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        codec_assert_decodes("rss", cases[i].body, false, cases[i].want, NULL);
        codec_assert_decodes("rss", cases[i].body, true, cases[i].want, NULL); // is_collection means nothing here
    }
}

// The JSON text of a member of the feed, or of its first item.
static const char *field(const char *body, const char *item_field, const char *feed_field)
{
    struct rm_value *feed = NULL;
    struct rm_err err = {.text = ""};
    if (codec_decode("rss", rm_str_of(body), false, 1, &feed, &err) != RM_OK)
        fail_msg("%s: %s", body, err.text);
    if (item_field)
        feed = rm_value_get(&value_arena, feed, RM_STR("items"))->first;
    struct rm_value *member = rm_value_get(&value_arena, feed, rm_str_of(item_field ? item_field : feed_field));
    return member ? value_written(member) : "nothing";
}

#define ITEM(s)                                                                                                        \
    "<rss xmlns:dc='http://purl.org/dc/elements/1.1/' "                                                                \
    "xmlns:content='http://purl.org/rss/1.0/modules/content/'><channel><item>" s "</item></channel></rss>"
#define CHANNEL(s) "<rss xmlns:dc='http://purl.org/dc/elements/1.1/'><channel>" s "</channel></rss>"
#define ENTRY(s) "<feed xmlns='http://www.w3.org/2005/Atom'><entry>" s "</entry></feed>"
#define ATOM(s) "<feed xmlns='http://www.w3.org/2005/Atom' xml:lang='de'>" s "</feed>"

static void fields_of_items(void **state)
{
    (void)state;
    static const struct {
        const char *body, *field, *want;
    } cases[] = {
        {ITEM(""), "title", "nothing"},
        {ITEM("<TITLE> a &amp; b </TITLE>"), "title", "\"a & b\""},
        {ITEM("<title><![CDATA[<i>x</i>]]> &lt;y&gt;</title>"), "title", "\"<i>x</i> <y>\""},
        {ITEM("<title>a<b c='1'>d</b><e/></title>"), "title", "\"a<b c=\\\"1\\\">d</b><e/>\""},
        {ITEM("<dc:title>t</dc:title>"), "title", "\"t\""},
        {ITEM("<description>d</description><dc:description>e</dc:description>"), "description", "\"d\""},
        {ITEM("<content:encoded>c</content:encoded>"), "content", "\"c\""},
        {ITEM("<link href='u'/><link>v</link>"), "links", "[\"u\",\"v\"]"},
        {ITEM("<author>joe@x.org (Joe)</author>"), "author", "{\"name\":\"Joe\",\"email\":\"joe@x.org\"}"},
        {ITEM("<author>Joe (joe@x.org)</author>"), "author", "{\"name\":\"Joe\",\"email\":\"joe@x.org\"}"},
        {ITEM("<author>Joe</author>"), "authors", "[{\"name\":\"Joe\"}]"},
        {ITEM("<author>joe@x.org</author>"), "author", "{\"email\":\"joe@x.org\"}"},
        {ITEM("<author>(x</author>"), "author", "{}"},
        {ITEM("<author>()</author>"), "author", "{}"},
        {ITEM("<author></author>"), "author", "nothing"},
        {ITEM("<category>a</category><category>b</category><dc:subject>c</dc:subject>"), "categories",
         "[\"a\",\"b\",\"c\"]"},
        {ITEM("<pubDate>tomorrow</pubDate>"), "publishedParsed", "nothing"},
        {ITEM("<pubDate>Mon, 02 Jan 2006 15:04:05 +0200</pubDate>"), "publishedParsed", "\"2006-01-02T13:04:05Z\""},
        {ITEM("<own>x</own><own>y</own><comments>z</comments>"), "custom", "{\"own\":\"y\"}"},
        {ITEM("<enclosure url='u' type='image/png'/>"), "image", "{\"url\":\"u\"}"},
        {ITEM("<x:y k='v' xmlns:x='http://purl.org/dc/elements/1.1/'>z</x:y>"), "extensions",
         "{\"dc\":{\"y\":[{\"name\":\"y\",\"value\":\"z\",\"attrs\":{\"k\":\"v\",\"x\":\"http://purl.org/dc/elements/"
         "1.1/\"},"
         "\"children\":{}}]}}"},
        {ITEM("<m:a><m:b>1</m:b>t<m:b>2</m:b></m:a><m:a/>"), "extensions",
         "{\"m\":{\"a\":[{\"name\":\"a\",\"value\":\"t\",\"attrs\":{},\"children\":{\"b\":[{\"name\":\"b\",\"value\":"
         "\"1\","
         "\"attrs\":{},\"children\":{}},{\"name\":\"b\",\"value\":\"2\",\"attrs\":{},\"children\":{}}]}},{\"name\":"
         "\"a\","
         "\"value\":\"\",\"attrs\":{},\"children\":{}}]}}"},
        {ENTRY("<title type='text'>a</title>"), "title", "\"a\""},
        {ENTRY("<content type='xhtml'> <div>x<b>&lt;</b></div> </content>"), "content", "\"x<b>&lt;</b>\""},
        {ENTRY("<content type='xhtml'><p>x</p><p>y</p></content>"), "content", "\"<p>x</p><p>y</p>\""},
        {ENTRY("<link rel='self' href='s'/><link href='a'/><link rel='edit' href='e'/>"), "links", "[\"s\",\"a\"]"},
        {ENTRY("<link rel='self' href='s'/><link href='a'/>"), "link", "\"a\""},
        {ENTRY("<link rel='enclosure' href='e' length='3' type='t'/>"), "enclosures",
         "[{\"url\":\"e\",\"length\":\"3\",\"type\":\"t\"}]"},
        {ENTRY("<author><name>a</name></author><author><email>b</email></author>"), "authors",
         "[{\"name\":\"a\"},{\"email\":\"b\"}]"},
        {ENTRY("<author><name>a</name></author><author><email>b</email></author>"), "author", "{\"name\":\"a\"}"},
        {ENTRY("<category term='t'/><category term='u' label='l'/>"), "categories", "[\"t\",\"l\"]"},
        {ENTRY("<issued>2003-12-13T18:30:02.250-05:00</issued>"), "publishedParsed", "\"2003-12-13T23:30:02.25Z\""},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        const char *got = field(cases[i].body, cases[i].field, NULL);
        if (strcmp(got, cases[i].want) != 0)
            fail_msg("%s of %s: %s", cases[i].field, cases[i].body, got);
    }
}

static void fields_of_feeds(void **state)
{
    (void)state;
    static const struct {
        const char *body, *field, *want;
    } cases[] = {
        {"<rss/>", "items", "[]"},
        {"<rss/>", "title", "\"\""},
        {"<rss/>", "author", "null"},
        {"<rss/>", "img_url", "nothing"},
        {CHANNEL("<webMaster>w@x (W)</webMaster>"), "author", "{\"name\":\"W\",\"email\":\"w@x\"}"},
        {CHANNEL("<lastBuildDate>l</lastBuildDate>"), "updated", "\"l\""},
        {CHANNEL("<dc:date>d</dc:date><dc:rights>r</dc:rights>"), "copyright", "\"r\""},
        {CHANNEL("<itunes:category text='a'><itunes:category "
                 "text='b'/></itunes:category><itunes:keywords>c,d</itunes:keywords>"),
         "categories", "[\"c\",\"d\",\"a\",\"b\"]"},
        {CHANNEL("<itunes:image href='i'/>"), "img_url", "\"i\""},
        {CHANNEL("<media:content medium='image' url='m'/>"), "img_url", "\"m\""},
        {"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><image><url>u</url></image></rdf:RDF>",
         "img_url", "\"u\""},
        {ATOM("<icon>i</icon>"), "img_url", "\"i\""},
        {ATOM("<icon>i</icon><logo>l</logo>"), "img_url", "\"l\""},
        {ATOM(""), "language", "\"de\""},
        {ATOM("<rights>r</rights>"), "copyright", "\"r\""},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        const char *got = field(cases[i].body, NULL, cases[i].field);
        if (strcmp(got, cases[i].want) != 0)
            fail_msg("%s of %s: %s", cases[i].field, cases[i].body, got);
    }
}

static void json_feeds_are_feeds(void **state)
{
    (void)state;
    codec_assert_decodes(
        "rss",
        " {\"version\":\"https://jsonfeed.org/version/"
        "1.1\",\"title\":\"T\",\"description\":\"D\",\"icon\":\"i\",\"language\":\"en\","
        "\"author\":{\"name\":\"Joe "
        "(j@x)\"},\"items\":[{\"id\":7,\"url\":\"u\",\"external_url\":\"e\",\"title\":\"A\\n\","
        "\"summary\":\"s\",\"content_text\":\"c\",\"banner_image\":\"b\",\"date_published\":\"2020-01-02T03:04:05+01:"
        "00\","
        "\"authors\":[{\"name\":\"K\"},{}],\"tags\":[\"x\",\"y\"],\"attachments\":[{\"url\":\"a\",\"mime_type\":\"m\","
        "\"size_in_bytes\":9}]},{}]}",
        false,
        "{\"items\":[{\"title\":\"A\\n\",\"description\":\"s\",\"content\":\"c\",\"link\":\"u\",\"links\":[\"u\",\"e\"]"
        ","
        "\"published\":\"2020-01-02T03:04:05+01:00\",\"publishedParsed\":\"2020-01-02T02:04:05Z\",\"authors\":[{"
        "\"name\":\"K\"},"
        "{}],\"guid\":\"7\",\"image\":{\"url\":\"b\"},\"categories\":[\"x\",\"y\"],\"enclosures\":[{\"url\":\"a\","
        "\"length\":\"9\",\"type\":\"m\"}]},{}],\"author\":{\"name\":\"Joe\",\"email\":\"j@x\"},\"categories\":null,"
        "\"custom\":null,"
        "\"copyright\":\"\",\"description\":\"D\",\"type\":\"json\",\"language\":\"en\",\"title\":\"T\","
        "\"published\":\"2020-01-02T03:04:05+01:00\",\"updated\":\"\",\"img_url\":\"i\"}",
        NULL);
    codec_assert_decodes("rss", "{", false, CODEC_INVALID, "invalid JSON");
    static const char *const odd[] = {"{}", "{\"items\":{}}",
                                      "{\"items\":[1,[],null,{\"tags\":[1],\"author\":[]}],\"title\":[]}"};
    for (size_t i = 0; i < RM_COUNT(odd); i++) {
        struct rm_value *data = NULL;
        assert_int_equal(codec_decode("rss", rm_str_of(odd[i]), false, 1, &data, NULL), RM_OK);
    }
}

static void what_is_no_feed_is_refused(void **state)
{
    (void)state;
    codec_assert_decodes("rss", "<r>1</r>", false, CODEC_INVALID, "no feed");
    codec_assert_decodes("rss", "<rss><channel>", false, CODEC_INVALID, "not XML");
    codec_assert_decodes("rss", "", false, CODEC_INVALID, "not XML");
    struct rm_str deep = value_filled("<rss>%</rss>", value_repeated("<a>", "", "</a>", 200));
    struct rm_value *data = NULL;
    assert_int_equal(codec_decode("rss", deep, false, 1, &data, NULL), RM_ETOOBIG);
}

static void many_names_are_no_trap(void **state)
{
    (void)state;
    struct rm_buf body;
    rm_buf_init(&body, 64 << 20, NULL);
    assert_int_equal(rm_buf_append(&body, RM_STR("<rss><channel><item>")), RM_OK);
    for (int i = 0; i < 20000; i++)
        assert_int_equal(rm_buf_printf(&body, "<p%d:n a%d=''><x%d/></p%d:n><q:n%d/><c%d/>", i, i, i, i, i, i), RM_OK);
    assert_int_equal(rm_buf_append(&body, RM_STR("</item></channel></rss>")), RM_OK);
    struct rm_value *data = NULL;
    assert_int_equal(codec_decode("rss", rm_buf_str(&body), false, 1, &data, NULL), RM_OK);
    rm_buf_free(&body);
}

static void dates_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"Mon, 02 Jan 2006 15:04:05 GMT", "2006-01-02T15:04:05Z"},
        {"Mon, 2 Jan 2006 15:04:05 EST", "2006-01-02T20:04:05Z"},
        {"02 Jan 06 15:04 -0700", "2006-01-02T22:04:00Z"},
        {"Monday, 02-Jan-06 15:04:05 UTC", "2006-01-02T15:04:05Z"},
        {"31 December 1999 23:30:00 -01:00", "2000-01-01T00:30:00Z"},
        {"Sun, 01 Mar 1970 00:00:00 +0100", "1970-02-28T23:00:00Z"},
        {"01 Jan 2000 00:00:00 +0100", "1999-12-31T23:00:00Z"},
        {"29 Feb 2024 12:00:00 Z", "2024-02-29T12:00:00Z"},
        {"2006-01-02T15:04:05Z", "2006-01-02T15:04:05Z"},
        {"2006-01-02T15:04:05.123456789123+01:00", "2006-01-02T14:04:05.123456789Z"},
        {"2006-01-02T15:04:05.100Z", "2006-01-02T15:04:05.1Z"},
        {"2006-01-02T15:04:05.000Z", "2006-01-02T15:04:05Z"},
        {"2006-01-02 15:04", "2006-01-02T15:04:00Z"},
        {"2006-01-02", "2006-01-02T00:00:00Z"},
        {"", ""},
        {"tomorrow", ""},
        {"2006-13-02", ""},
        {"2006-02-30", ""},
        {"2006-01-02T", ""},
        {"2006-01-02T25:00:00Z", ""},
        {"29 Feb 2023 12:00:00 Z", ""},
        {"02 Foo 2006 15:04:05 GMT", ""},
        {"02 Jan 2006 15:04:05", ""},
        {"02 Jan 206 15:04:05 GMT", ""},
        {"Mon, 02 Jan 2006 15:04:05 XYZ", ""},
        {"Mon, 02 Jan 2006 15:04:05 GMT x", ""},
        {"2006-01-02T15:04:05.Z", ""},
        {"Mon", ""},
        {"02 Jan 2006 15:04:05 +2500", ""},
    };
    for (size_t i = 0; i < RM_COUNT(cases); i++) {
        struct rm_str got = rm_feed_date(&value_arena, rm_str_of(cases[i].text));
        if (!rm_str_eq(got, rm_str_of(cases[i].want)))
            fail_msg("%s: %.*s", cases[i].text, (int)got.n, got.p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VALUE_TEST(feeds_become_objects),
        VALUE_TEST(fields_of_items),
        VALUE_TEST(fields_of_feeds),
        VALUE_TEST(json_feeds_are_feeds),
        VALUE_TEST(what_is_no_feed_is_refused),
        VALUE_TEST(many_names_are_no_trap),
        VALUE_TEST(dates_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
