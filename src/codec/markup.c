// The XML reader: expat's events with limits, joined texts, and without anything that a document could make grow. The only file that
// knows expat.
// SPDX-License-Identifier: Apache-2.0
#include "codec/markup.h"

#include <expat.h>

struct markup {
    struct rm_arena *arena;
    const struct rm_decode_in *in;
    const struct rm_markup_sink *sink;
    void *self;
    struct rm_err *err;
    XML_Parser parser;
    struct rm_buf text; // the run that is being read
    uint32_t depth, nodes;
    int rc;
    bool is_over; // the first element has ended
};

static void markup_stop(struct markup *markup, int rc)
{
    markup->rc = rc;
    XML_StopParser(markup->parser, XML_FALSE);
}

static bool markup_count(struct markup *markup, size_t n)
{
    markup->nodes += n < UINT32_MAX - markup->nodes ? (uint32_t)n : UINT32_MAX - markup->nodes;
    if (markup->nodes <= markup->in->limits.max_nodes)
        return true;
    markup_stop(markup, rm_fail(markup->err, RM_ETOOBIG, "more than %u values", markup->in->limits.max_nodes));
    return false;
}

// Gives the run on. False: the reading is over.
static bool markup_flush(struct markup *markup)
{
    if (markup->rc != RM_OK || markup->is_over)
        return false;
    if (markup->text.n == 0)
        return true;
    int rc = markup->sink->text(markup->self, rm_buf_str(&markup->text), markup->err);
    markup->text.n = 0;
    if (rc != RM_OK)
        markup_stop(markup, rc);
    return rc == RM_OK;
}

static struct rm_str markup_text(struct markup *markup, const XML_Char *text)
{
    return rm_arena_dup(markup->arena, rm_str_of(text));
}

// ---- expat's events ------------------------------------------------------------------------------------------------

static void XMLCALL markup_start(void *self, const XML_Char *name, const XML_Char **atts)
{
    struct markup *markup = self;
    // Those that the document type would add do not count.
    size_t n = (size_t)XML_GetSpecifiedAttributeCount(markup->parser) / 2;
    if (!markup_flush(markup) || !markup_count(markup, 1 + n))
        return;
    if (markup->depth++ >= markup->in->limits.max_depth) {
        markup_stop(markup, rm_fail(markup->err, RM_ETOOBIG, "more than %u levels", markup->in->limits.max_depth));
        return;
    }
    struct rm_markup_attr *attrs = RM_NEW_ARRAY(markup->arena, struct rm_markup_attr, n > 0 ? n : 1);
    for (size_t i = 0; i < n; i++)
        attrs[i] = (struct rm_markup_attr){markup_text(markup, atts[2 * i]), markup_text(markup, atts[2 * i + 1])};
    int rc = markup->sink->start(markup->self, markup_text(markup, name), attrs, n, markup->err);
    if (rc != RM_OK)
        markup_stop(markup, rc);
}

static void XMLCALL markup_end(void *self, const XML_Char *name)
{
    struct markup *markup = self;
    (void)name;
    if (!markup_flush(markup))
        return;
    int rc = markup->sink->end(markup->self, markup->err);
    if (rc == RM_OK && --markup->depth > 0)
        return;
    markup->is_over = rc == RM_OK;
    markup_stop(markup, rc);
}

static void XMLCALL markup_chars(void *self, const XML_Char *text, int n)
{
    struct markup *markup = self;
    if (markup->rc == RM_OK && rm_buf_append(&markup->text, (struct rm_str){text, (size_t)n}) != RM_OK)
        markup_stop(markup, rm_fail(markup->err, RM_ETOOBIG, "a text is too long"));
}

static void XMLCALL markup_cut(void *self)
{
    markup_flush(self);
}

static void XMLCALL markup_comment(void *self, const XML_Char *text)
{
    (void)text;
    markup_flush(self);
}

static void XMLCALL markup_instruction(void *self, const XML_Char *target, const XML_Char *text)
{
    (void)target;
    (void)text;
    markup_flush(self);
}

static void XMLCALL markup_entity(void *self, const XML_Char *name, int is_parameter, const XML_Char *value, int n,
                                  const XML_Char *base, const XML_Char *system, const XML_Char *public,
                                  const XML_Char *notation)
{
    struct markup *markup = self;
    (void)name, (void)is_parameter, (void)value, (void)n, (void)base, (void)system, (void)public, (void)notation;
    markup_stop(markup, rm_fail(markup->err, RM_EDECODE, "the document declares an entity"));
}

static void XMLCALL markup_skipped(void *self, const XML_Char *name, int is_parameter)
{
    struct markup *markup = self;
    (void)name, (void)is_parameter;
    markup_stop(markup, rm_fail(markup->err, RM_EDECODE, "the document uses an entity that it does not bring"));
}

// ---- encodings that expat does not know ----------------------------------------------------------------------------

static int XMLCALL markup_encoding(void *self, const XML_Char *name, XML_Encoding *encoding)
{
    static const uint16_t windows_1252[32] = {
        0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
        0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
        0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178,
    };
    static const struct {
        uint8_t byte;
        uint16_t character;
    } latin_9[] = {{0xA4, 0x20AC}, {0xA6, 0x160}, {0xA8, 0x161}, {0xB4, 0x17D},
                   {0xB8, 0x17E},  {0xBC, 0x152}, {0xBD, 0x153}, {0xBE, 0x178}};
    (void)self;
    bool is_windows = rm_str_eq_nocase(rm_str_of(name), RM_STR("windows-1252"));
    if (!is_windows && !rm_str_eq_nocase(rm_str_of(name), RM_STR("iso-8859-15")))
        return XML_STATUS_ERROR;
    for (int i = 0; i < 256; i++)
        encoding->map[i] = i;
    for (size_t i = 0; is_windows && i < RM_COUNT(windows_1252); i++)
        encoding->map[0x80 + i] = windows_1252[i];
    for (size_t i = 0; !is_windows && i < RM_COUNT(latin_9); i++)
        encoding->map[latin_9[i].byte] = latin_9[i].character;
    encoding->data = NULL;
    encoding->convert = NULL;
    encoding->release = NULL;
    return XML_STATUS_OK;
}

static bool markup_is_wide(struct rm_str body)
{
    return rm_str_starts(body, RM_STR("\xFF\xFE")) || rm_str_starts(body, RM_STR("\xFE\xFF")) ||
           (body.n >= 2 && (body.p[0] == '\0' || body.p[1] == '\0'));
}

// ---- the whole -----------------------------------------------------------------------------------------------------

// In pieces: expat's lengths are ints, and a stop is noticed.
static int markup_parse(struct markup *markup)
{
    const size_t most = (size_t)1 << 20;
    struct rm_str left = markup->in->body;
    enum XML_Status status = XML_STATUS_OK;
    do {
        size_t n = left.n < most ? left.n : most;
        status = XML_Parse(markup->parser, left.p, (int)n, n == left.n);
        left = rm_str_sub(left, n, left.n);
    } while (status == XML_STATUS_OK && left.n > 0);
    if (markup->rc != RM_OK || markup->is_over)
        return markup->rc;
    RM_ASSERT(status != XML_STATUS_OK); // a document has an element
    return rm_fail(markup->err, RM_EDECODE, "not XML: %s in line %lu column %lu",
                   XML_ErrorString(XML_GetErrorCode(markup->parser)),
                   (unsigned long)XML_GetCurrentLineNumber(markup->parser),
                   (unsigned long)XML_GetCurrentColumnNumber(markup->parser) + 1);
}

int rm_markup_read(struct rm_arena *arena, const struct rm_decode_in *in, const struct rm_markup_sink *sink, void *self,
                   struct rm_err *err)
{
    if (markup_is_wide(in->body))
        return rm_fail(err, RM_EDECODE, "not XML: UTF-16 is not read");
    struct markup markup = {.arena = arena, .in = in, .sink = sink, .self = self, .err = err};
    markup.parser = XML_ParserCreate(NULL);
    if (!markup.parser)
        return rm_fail(err, RM_EMEMORY, "no memory is left for the XML reader");
    rm_buf_init(&markup.text, 4 * in->body.n + 16, NULL); // in UTF-8 it may be longer than in the body
    XML_SetUserData(markup.parser, &markup);
    XML_SetElementHandler(markup.parser, markup_start, markup_end);
    XML_SetCharacterDataHandler(markup.parser, markup_chars);
    XML_SetCommentHandler(markup.parser, markup_comment);
    XML_SetCdataSectionHandler(markup.parser, markup_cut, markup_cut);
    XML_SetProcessingInstructionHandler(markup.parser, markup_instruction);
    XML_SetEntityDeclHandler(markup.parser, markup_entity);
    XML_SetSkippedEntityHandler(markup.parser, markup_skipped);
    XML_SetUnknownEncodingHandler(markup.parser, markup_encoding, NULL);
    int rc = markup_parse(&markup);
    rm_buf_free(&markup.text);
    XML_ParserFree(markup.parser);
    return rc;
}

struct rm_str rm_markup_local(struct rm_str name)
{
    const char *colon = memchr(name.p, ':', name.n);
    size_t at = colon ? (size_t)(colon - name.p) : 0;
    if (at == 0 || at + 1 == name.n || memchr(colon + 1, ':', name.n - at - 1))
        return name;
    return rm_str_sub(name, at + 1, name.n);
}
