// The tree of a feed, from markup's events. See feed_tree.h.
// SPDX-License-Identifier: Apache-2.0
#include "codec/feed_tree.h"

#define FEED_SPACES 64 // namespaces in use at once; what is declared beyond them keeps its prefix

struct feed_space {
    struct rm_str prefix, usual; // the default namespace's prefix is empty
    uint32_t depth;
};

struct feed_builder {
    struct rm_arena *arena;
    struct rm_feed_node *root;
    struct rm_feed_node *open[RM_FEED_DEPTH];
    uint32_t depth;
    struct feed_space spaces[FEED_SPACES];
    size_t n_spaces;
};

// ---- namespaces ----------------------------------------------------------------------------------------------------

// The prefix that readers know a namespace by, or the one that the feed gives it.
static struct rm_str feed_usual(struct rm_str uri, struct rm_str prefix)
{
    static const struct {
        const char *uri, *prefix;
    } known[] = {
        {"http://purl.org/dc/elements/1.1/", "dc"},
        {"http://purl.org/dc/terms/", "dcterms"},
        {"http://purl.org/rss/1.0/modules/content/", "content"},
        {"http://purl.org/rss/1.0/modules/slash/", "slash"},
        {"http://purl.org/rss/1.0/modules/syndication/", "sy"},
        {"http://purl.org/rss/1.0/modules/threading/", "thr"},
        {"http://rssnamespace.org/feedburner/ext/1.0", "feedburner"},
        {"http://search.yahoo.com/mrss", "media"},
        {"http://search.yahoo.com/mrss/", "media"},
        {"http://wellformedweb.org/commentAPI/", "wfw"},
        {"http://www.georss.org/georss", "georss"},
        {"http://www.itunes.com/DTDs/PodCast-1.0.dtd", "itunes"},
        {"http://www.itunes.com/dtds/podcast-1.0.dtd", "itunes"},
        {"http://www.opengis.net/gml", "gml"},
        {"http://www.w3.org/1999/02/22-rdf-syntax-ns#", "rdf"},
        {"http://www.w3.org/1999/xhtml", "xhtml"},
        {"http://www.w3.org/2003/01/geo/wgs84_pos#", "geo"},
    };
    for (size_t i = 0; i < RM_COUNT(known); i++) {
        if (rm_str_eq(uri, rm_str_of(known[i].uri)))
            return rm_str_of(known[i].prefix);
    }
    return prefix;
}

static struct rm_str feed_prefix_of(struct rm_str name)
{
    struct rm_str local = rm_markup_local(name);
    return local.n < name.n ? rm_str_sub(name, 0, name.n - local.n - 1) : RM_STR("");
}

static void feed_declare(struct feed_builder *builder, const struct rm_markup_attr *attr)
{
    bool is_default = rm_str_eq(attr->name, RM_STR("xmlns"));
    if ((!is_default && !rm_str_starts(attr->name, RM_STR("xmlns:"))) || builder->n_spaces == FEED_SPACES)
        return;
    struct rm_str prefix = is_default ? RM_STR("") : rm_str_sub(attr->name, 6, attr->name.n);
    builder->spaces[builder->n_spaces++] =
        (struct feed_space){prefix, feed_usual(rm_feed_trim(attr->value), prefix), builder->depth};
}

static struct rm_str feed_resolve(const struct feed_builder *builder, struct rm_str prefix)
{
    for (size_t i = builder->n_spaces; i > 0; i--) {
        if (rm_str_eq(builder->spaces[i - 1].prefix, prefix))
            return builder->spaces[i - 1].usual;
    }
    return prefix;
}

// ---- events --------------------------------------------------------------------------------------------------------

static struct rm_feed_node *feed_add(struct feed_builder *builder)
{
    struct rm_feed_node *node = RM_NEW(builder->arena, struct rm_feed_node);
    struct rm_feed_node *parent = builder->depth > 0 ? builder->open[builder->depth - 1] : NULL;
    if (!parent)
        builder->root = node;
    else if (parent->last)
        parent->last->next = node;
    else
        parent->first = node;
    if (parent)
        parent->last = node;
    return node;
}

static int feed_start(void *self, struct rm_str name, const struct rm_markup_attr *attrs, size_t n, struct rm_err *err)
{
    struct feed_builder *builder = self;
    (void)err;
    for (size_t i = 0; i < n; i++)
        feed_declare(builder, &attrs[i]);
    struct rm_feed_node *node = feed_add(builder);
    node->written = name;
    node->prefix = feed_resolve(builder, feed_prefix_of(name));
    node->name = rm_markup_local(name);
    node->attrs = attrs;
    node->n_attrs = n;
    RM_ASSERT(builder->depth < RM_FEED_DEPTH);
    builder->open[builder->depth++] = node;
    return RM_OK;
}

static int feed_text(void *self, struct rm_str text, struct rm_err *err)
{
    struct feed_builder *builder = self;
    (void)err;
    if (builder->depth > 0)
        feed_add(builder)->text = rm_arena_dup(builder->arena, text);
    return RM_OK;
}

static int feed_end(void *self, struct rm_err *err)
{
    struct feed_builder *builder = self;
    (void)err;
    builder->depth--;
    while (builder->n_spaces > 0 && builder->spaces[builder->n_spaces - 1].depth >= builder->depth)
        builder->n_spaces--;
    return RM_OK;
}

int rm_feed_read(struct rm_arena *arena, const struct rm_decode_in *in, struct rm_feed_node **root, struct rm_err *err)
{
    static const struct rm_markup_sink sink = {feed_start, feed_text, feed_end};
    struct feed_builder *builder = RM_NEW(arena, struct feed_builder);
    struct rm_decode_in shallow = *in;
    builder->arena = arena;
    if (shallow.limits.max_depth > RM_FEED_DEPTH)
        shallow.limits.max_depth = RM_FEED_DEPTH;
    int rc = rm_markup_read(arena, &shallow, &sink, builder, err);
    *root = builder->root;
    return rc;
}

// ---- looking -------------------------------------------------------------------------------------------------------

bool rm_feed_is(const struct rm_feed_node *node, const char *name)
{
    return node->written.p && !rm_feed_is_extension(node) && rm_str_eq_nocase(node->name, rm_str_of(name));
}

bool rm_feed_is_extension(const struct rm_feed_node *node)
{
    static const char *const own[] = {"", "rss", "rdf", "content"};
    for (size_t i = 0; i < RM_COUNT(own); i++) {
        if (rm_str_eq(node->prefix, rm_str_of(own[i])))
            return false;
    }
    return true;
}

struct rm_str rm_feed_attr(const struct rm_feed_node *node, const char *name)
{
    for (size_t i = 0; i < node->n_attrs; i++) {
        if (rm_str_eq(rm_markup_local(node->attrs[i].name), rm_str_of(name)))
            return node->attrs[i].value;
    }
    return RM_STR("");
}

struct rm_str rm_feed_trim(struct rm_str text)
{
    static const char space[] = " \t\r\n\v\f";
    size_t from = 0, to = text.n;
    while (from < to && text.p[from] != '\0' && strchr(space, text.p[from]))
        from++;
    while (to > from && text.p[to - 1] != '\0' && strchr(space, text.p[to - 1]))
        to--;
    return rm_str_sub(text, from, to);
}

static void feed_put(struct rm_buf *buf, struct rm_str text)
{
    int rc = rm_buf_append(buf, text);
    RM_ASSERT(rc == RM_OK); // no cap: it is a few times the body at most
}

static void feed_put_escaped(struct rm_buf *buf, struct rm_str text)
{
    size_t from = 0;
    for (size_t i = 0; i < text.n; i++) {
        struct rm_str escape = text.p[i] == '&'   ? RM_STR("&amp;")
                               : text.p[i] == '<' ? RM_STR("&lt;")
                               : text.p[i] == '>' ? RM_STR("&gt;")
                               : text.p[i] == '"' ? RM_STR("&quot;")
                                                  : RM_STR("");
        if (escape.n == 0)
            continue;
        feed_put(buf, rm_str_sub(text, from, i));
        feed_put(buf, escape);
        from = i + 1;
    }
    feed_put(buf, rm_str_sub(text, from, text.n));
}

static void feed_put_inside(struct rm_buf *buf, const struct rm_feed_node *node, bool as_markup)
{
    for (const struct rm_feed_node *child = node->first; child; child = child->next) {
        if (!child->written.p) {
            (as_markup ? feed_put_escaped : feed_put)(buf, child->text);
            continue;
        }
        feed_put(buf, RM_STR("<"));
        feed_put(buf, child->written);
        for (size_t i = 0; i < child->n_attrs; i++) {
            feed_put(buf, RM_STR(" "));
            feed_put(buf, child->attrs[i].name);
            feed_put(buf, RM_STR("=\""));
            feed_put_escaped(buf, child->attrs[i].value);
            feed_put(buf, RM_STR("\""));
        }
        if (!child->first) {
            feed_put(buf, RM_STR("/>"));
            continue;
        }
        feed_put(buf, RM_STR(">"));
        feed_put_inside(buf, child, as_markup);
        feed_put(buf, RM_STR("</"));
        feed_put(buf, child->written);
        feed_put(buf, RM_STR(">"));
    }
}

struct rm_str rm_feed_text(struct rm_arena *arena, const struct rm_feed_node *node, bool as_markup)
{
    if (!node->first)
        return RM_STR("");
    if (!node->first->next && !node->first->written.p && !as_markup)
        return rm_feed_trim(node->first->text);
    struct rm_buf buf;
    rm_buf_init(&buf, SIZE_MAX / 4, NULL);
    feed_put_inside(&buf, node, as_markup);
    struct rm_str text = rm_arena_dup(arena, rm_feed_trim(rm_buf_str(&buf)));
    rm_buf_free(&buf);
    return text;
}
