// The rss codec's input: RSS 2.0, RSS 1.0 (RDF), Atom and JSON feeds as the one object that KrakenD makes of them (krakend-behaviour.md §6): a
// feed's absent fields are null or empty, an item's are left out.
// SPDX-License-Identifier: Apache-2.0
#include "codec/codecs.h"
#include "codec/feed_date.h"
#include "codec/feed_module.h"
#include "codec/twins.h"

// What becomes a feed, or one of its items.
struct rss_entry {
    struct rm_str title, description, content, copyright, language, link, guid;
    struct rm_str published, updated;
    struct rm_str author;              // "Joe (joe@example.org)" and its variations
    struct rm_value *person, *persons; // of Atom
    struct rm_value *links, *categories, *enclosures, *custom;
    struct rm_value *extensions; // by prefix, by name, a list each; NULL: none
    struct rm_str image_url, image_title;
};

static bool rss_contains(struct rm_str text, const char *part)
{
    return text.n > 0 && memmem(text.p, text.n, part, strlen(part)) != NULL;
}

static void rss_or(struct rm_str *text, struct rm_str other)
{
    if (text->n == 0)
        *text = other;
}

// ---- people --------------------------------------------------------------------------------------------------------

static struct rm_value *rss_person(struct rm_arena *arena, struct rm_str name, struct rm_str email)
{
    struct rm_value *person = rm_value_new(arena, RM_OBJECT);
    rm_feed_set_text(arena, person, "name", name);
    rm_feed_set_text(arena, person, "email", email);
    return person;
}

// "joe@example.org (Joe)", "Joe (joe@example.org)", a name or an address alone; nothing of anything else.
static struct rm_value *rss_person_of(struct rm_arena *arena, struct rm_str text)
{
    const char *open = memchr(text.p, '(', text.n), *at = memchr(text.p, '@', text.n);
    if (!open && (text.p[text.n - 1] == ')' || (at && at == text.p)))
        return rss_person(arena, RM_STR(""), RM_STR(""));
    if (!open)
        return at ? rss_person(arena, RM_STR(""), text) : rss_person(arena, text, RM_STR(""));
    struct rm_str before = rm_feed_trim(rm_str_sub(text, 0, (size_t)(open - text.p)));
    struct rm_str inside = rm_str_sub(text, (size_t)(open - text.p) + 1, text.n);
    if (before.n == 0 || inside.n < 2 || inside.p[inside.n - 1] != ')')
        return rss_person(arena, RM_STR(""), RM_STR(""));
    inside.n--;
    if (memchr(before.p, '@', before.n))
        return rss_person(arena, inside, before);
    return memchr(inside.p, '@', inside.n) ? rss_person(arena, before, inside)
                                           : rss_person(arena, RM_STR(""), RM_STR(""));
}

// ---- RSS -----------------------------------------------------------------------------------------------------------

static void rss_read_link(struct rm_arena *arena, struct rss_entry *entry, const struct rm_feed_node *node)
{
    entry->link = rm_feed_text(arena, node, false);
    rss_or(&entry->link, rm_feed_attr(node, "href"));
    rm_feed_add_text(arena, &entry->links, entry->link);
}

static void rss_read_image(struct rm_arena *arena, struct rss_entry *entry, const struct rm_feed_node *node)
{
    for (const struct rm_feed_node *child = node->first; child; child = child->next) {
        if (rm_feed_is(child, "url"))
            entry->image_url = rm_feed_text(arena, child, false);
        else if (rm_feed_is(child, "title"))
            entry->image_title = rm_feed_text(arena, child, false);
    }
}

static struct rm_value *rss_enclosure(struct rm_arena *arena, const struct rm_feed_node *node, const char *url)
{
    struct rm_value *enclosure = rm_value_new(arena, RM_OBJECT);
    rm_feed_set_text(arena, enclosure, "url", rm_feed_attr(node, url));
    rm_feed_set_text(arena, enclosure, "length", rm_feed_attr(node, "length"));
    rm_feed_set_text(arena, enclosure, "type", rm_feed_attr(node, "type"));
    return enclosure;
}

// Those that are texts, of a channel or an item. False: it is none of them.
static bool rss_read_text(struct rm_arena *arena, struct rss_entry *entry, const struct rm_feed_node *node,
                          bool is_item)
{
    const struct {
        const char *name;
        struct rm_str *to;
    } texts[] = {
        {"title", &entry->title},
        {"description", &entry->description},
        {"pubDate", &entry->published},
        {is_item ? "author" : "managingEditor", &entry->author},
        {is_item ? "guid" : "lastBuildDate", is_item ? &entry->guid : &entry->updated},
        {is_item ? "encoded" : "language", is_item ? &entry->content : &entry->language},
        {is_item ? NULL : "copyright", &entry->copyright},
    };
    for (size_t i = 0; i < RM_COUNT(texts); i++) {
        if (texts[i].name && rm_feed_is(node, texts[i].name)) {
            *texts[i].to = rm_feed_text(arena, node, false);
            return true;
        }
    }
    return false;
}

// The fields that a module brings where the feed's own are missing, and the picture.
static void rss_complete(struct rm_arena *arena, struct rss_entry *entry)
{
    rm_feed_join_extensions(arena, entry->extensions);
    rss_or(&entry->title, rm_feed_value_of(arena, entry->extensions, "dc", "title"));
    rss_or(&entry->author, rm_feed_value_of(arena, entry->extensions, "dc", "author"));
    rss_or(&entry->author, rm_feed_value_of(arena, entry->extensions, "dc", "creator"));
    rss_or(&entry->author, rm_feed_value_of(arena, entry->extensions, "itunes", "author"));
    rss_or(&entry->image_url, rm_feed_itunes_image(arena, entry->extensions));
    struct rm_value *media = rm_feed_extensions_of(arena, entry->extensions, "media", "content");
    for (struct rm_value *one = media ? media->first : NULL; one && entry->image_url.n == 0; one = one->next) {
        if (rss_contains(rm_feed_attr_of(arena, one, "type"), "image") ||
            rss_contains(rm_feed_attr_of(arena, one, "medium"), "image"))
            entry->image_url = rm_feed_attr_of(arena, one, "url");
    }
    struct rm_str keywords = rm_feed_value_of(arena, entry->extensions, "itunes", "keywords");
    for (size_t i = 0, from = 0; keywords.n > 0 && i <= keywords.n; i++) {
        if (i < keywords.n && keywords.p[i] != ',')
            continue;
        rm_feed_add_text(arena, &entry->categories, rm_str_sub(keywords, from, i));
        from = i + 1;
    }
    struct rm_value *subjects = rm_feed_extensions_of(arena, entry->extensions, "dc", "subject");
    for (struct rm_value *one = subjects ? subjects->first : NULL; one; one = one->next)
        rm_feed_add_text(arena, &entry->categories, rm_feed_member(arena, one, "value"));
    if (entry->author.n > 0)
        entry->person = rss_person_of(arena, entry->author);
}

static void rss_read_item(struct rm_arena *arena, struct rss_entry *item, const struct rm_feed_node *node)
{
    for (const struct rm_feed_node *child = node->first; child; child = child->next) {
        if (!child->written.p)
            continue;
        if (rm_feed_is_extension(child)) {
            rm_feed_add_extension(arena, &item->extensions, child);
        } else if (rm_feed_is(child, "link")) {
            rss_read_link(arena, item, child);
        } else if (rm_feed_is(child, "enclosure")) {
            rm_feed_add(arena, &item->enclosures, rss_enclosure(arena, child, "url"));
            if (item->image_url.n == 0 && rm_str_starts(rm_feed_attr(child, "type"), RM_STR("image/")))
                item->image_url = rm_feed_attr(child, "url");
        } else if (rm_feed_is(child, "category")) {
            rm_feed_add_text(arena, &item->categories, rm_feed_text(arena, child, false));
        } else if (!rss_read_text(arena, item, child, true) && !rm_feed_is(child, "comments") &&
                   !rm_feed_is(child, "source")) {
            if (!item->custom)
                item->custom = rm_value_new(arena, RM_OBJECT);
            rm_twins_put(item->custom, child->name, rm_value_string(arena, rm_feed_text(arena, child, false)));
        }
    }
    rss_complete(arena, item);
    if (item->custom)
        rm_twins_join(arena, item->custom, rm_twins_last);
    rss_or(&item->description, rm_feed_value_of(arena, item->extensions, "dc", "description"));
    rss_or(&item->description, rm_feed_value_of(arena, item->extensions, "itunes", "summary"));
    rss_or(&item->published, rm_feed_value_of(arena, item->extensions, "dc", "date"));
}

// ---- Atom ----------------------------------------------------------------------------------------------------------

// XHTML is what stands there, without the one <div> around it.
static struct rm_str rss_atom_text(struct rm_arena *arena, const struct rm_feed_node *node)
{
    if (!rm_str_eq_nocase(rm_feed_attr(node, "type"), RM_STR("xhtml")))
        return rm_feed_text(arena, node, false);
    const struct rm_feed_node *only = NULL;
    for (const struct rm_feed_node *child = node->first; child; child = child->next) {
        if (!child->written.p && rm_feed_trim(child->text).n == 0)
            continue;
        if (only || !child->written.p || !rm_str_eq_nocase(child->name, RM_STR("div")))
            return rm_feed_text(arena, node, true);
        only = child;
    }
    return only ? rm_feed_text(arena, only, true) : RM_STR("");
}

static struct rm_value *rss_atom_person(struct rm_arena *arena, const struct rm_feed_node *node)
{
    struct rm_str name = RM_STR(""), email = RM_STR("");
    for (const struct rm_feed_node *child = node->first; child; child = child->next) {
        if (rm_feed_is(child, "name"))
            name = rss_atom_text(arena, child);
        else if (rm_feed_is(child, "email"))
            email = rss_atom_text(arena, child);
    }
    return rss_person(arena, name, email);
}

static void rss_atom_link(struct rm_arena *arena, struct rss_entry *entry, const struct rm_feed_node *node)
{
    struct rm_str rel = rm_feed_attr(node, "rel"), href = rm_feed_attr(node, "href");
    bool is_alternate = rel.n == 0 || rm_str_eq(rel, RM_STR("alternate"));
    if (is_alternate)
        rss_or(&entry->link, href);
    if (is_alternate || rm_str_eq(rel, RM_STR("self")))
        rm_feed_add_text(arena, &entry->links, href);
    if (rm_str_eq(rel, RM_STR("enclosure")))
        rm_feed_add(arena, &entry->enclosures, rss_enclosure(arena, node, "href"));
}

// Of a feed and of its entries, which have the same elements but for the names of some. False: it is none of them.
static bool rss_atom_text_field(struct rm_arena *arena, struct rss_entry *entry, const struct rm_feed_node *node,
                                bool is_item)
{
    const struct {
        const char *name, *old; // old: of Atom 0.3
        struct rm_str *to;
    } texts[] = {
        {"title", NULL, &entry->title},
        {"updated", "modified", &entry->updated},
        {is_item ? "summary" : "subtitle", is_item ? NULL : "tagline", &entry->description},
        {is_item ? "published" : "rights", is_item ? "issued" : "copyright",
         is_item ? &entry->published : &entry->copyright},
        {is_item ? "content" : "logo", NULL, is_item ? &entry->content : &entry->image_url},
        {is_item ? "id" : NULL, NULL, &entry->guid},
    };
    for (size_t i = 0; i < RM_COUNT(texts); i++) {
        if (texts[i].name && (rm_feed_is(node, texts[i].name) || (texts[i].old && rm_feed_is(node, texts[i].old)))) {
            *texts[i].to = rss_atom_text(arena, node);
            return true;
        }
    }
    return false;
}

static void rss_atom_read(struct rm_arena *arena, struct rss_entry *entry, const struct rm_feed_node *node,
                          bool is_item)
{
    struct rm_str icon = RM_STR("");
    for (const struct rm_feed_node *child = node->first; child; child = child->next) {
        if (!child->written.p || rss_atom_text_field(arena, entry, child, is_item))
            continue;
        if (rm_feed_is_extension(child)) {
            rm_feed_add_extension(arena, &entry->extensions, child);
        } else if (rm_feed_is(child, "link")) {
            rss_atom_link(arena, entry, child);
        } else if (rm_feed_is(child, "author")) {
            struct rm_value *person = rss_atom_person(arena, child);
            entry->person = entry->person ? entry->person : rm_value_copy(arena, person);
            rm_feed_add(arena, &entry->persons, person);
        } else if (rm_feed_is(child, "category")) {
            struct rm_str label = rm_feed_attr(child, "label");
            rss_or(&label, rm_feed_attr(child, "term"));
            rm_feed_add_text(arena, &entry->categories, label);
        } else if (!is_item && rm_feed_is(child, "icon")) {
            icon = rss_atom_text(arena, child);
        }
    }
    rm_feed_join_extensions(arena, entry->extensions);
    if (is_item) {
        rss_or(&entry->published, entry->updated);
    } else {
        rss_or(&entry->image_url, icon);
        entry->language = rm_feed_attr(node, "lang");
    }
}

// ---- the object ----------------------------------------------------------------------------------------------------

static struct rm_value *rss_image(struct rm_arena *arena, const struct rss_entry *entry)
{
    if (entry->image_url.n == 0)
        return NULL;
    struct rm_value *image = rm_value_new(arena, RM_OBJECT);
    rm_feed_set_text(arena, image, "url", entry->image_url);
    rm_feed_set_text(arena, image, "title", entry->image_title);
    return image;
}

static struct rm_value *rss_item_value(struct rm_arena *arena, const struct rss_entry *item, bool is_atom)
{
    struct rm_value *value = rm_value_new(arena, RM_OBJECT), *persons = item->persons;
    if (item->person && !persons)
        rm_feed_add(arena, &persons, rm_value_copy(arena, item->person));
    rm_feed_set_text(arena, value, "title", item->title);
    rm_feed_set_text(arena, value, "description", item->description);
    rm_feed_set_text(arena, value, "content", item->content);
    rm_feed_set_text(arena, value, "link", item->link);
    rm_feed_set(arena, value, "links", item->links);
    rm_feed_set_text(arena, value, "updated", item->updated);
    rm_feed_set_text(arena, value, "updatedParsed", rm_feed_date(arena, item->updated));
    rm_feed_set_text(arena, value, "published", item->published);
    rm_feed_set_text(arena, value, "publishedParsed", rm_feed_date(arena, item->published));
    rm_feed_set(arena, value, "author", item->person);
    rm_feed_set(arena, value, "authors", persons);
    rm_feed_set_text(arena, value, "guid", item->guid);
    rm_feed_set(arena, value, "image", is_atom ? NULL : rss_image(arena, item));
    rm_feed_set(arena, value, "categories", item->categories);
    rm_feed_set(arena, value, "enclosures", item->enclosures);
    rm_feed_set(arena, value, "dcExt", is_atom ? NULL : rm_feed_dublin_core(arena, item->extensions));
    rm_feed_set(arena, value, "itunesExt", is_atom ? NULL : rm_feed_itunes(arena, item->extensions));
    rm_feed_set(arena, value, "extensions", item->extensions);
    rm_feed_set(arena, value, "custom", item->custom);
    return value;
}

static struct rm_value *rss_feed_value(struct rm_arena *arena, const struct rss_entry *feed, const char *type,
                                       struct rm_value *items)
{
    struct rm_value *value = rm_value_new(arena, RM_OBJECT);
    rm_feed_set(arena, value, "items", items);
    rm_feed_set(arena, value, "author", feed->person ? feed->person : rm_value_new(arena, RM_NULL));
    rm_feed_set(arena, value, "categories", feed->categories ? feed->categories : rm_value_new(arena, RM_NULL));
    rm_feed_set(arena, value, "custom", rm_value_new(arena, RM_NULL));
    const struct {
        const char *name;
        struct rm_str text;
    } texts[] = {{"copyright", feed->copyright}, {"description", feed->description},
                 {"type", rm_str_of(type)},      {"language", feed->language},
                 {"title", feed->title},         {"published", feed->published},
                 {"updated", feed->updated}};
    for (size_t i = 0; i < RM_COUNT(texts); i++)
        rm_feed_set(arena, value, texts[i].name, rm_value_string(arena, texts[i].text));
    rm_feed_set_text(arena, value, "img_url", feed->image_url);
    return value;
}

static struct rm_value *rss_of_atom(struct rm_arena *arena, const struct rm_feed_node *root)
{
    struct rss_entry feed = {.title = {NULL, 0}};
    struct rm_value *items = rm_value_new(arena, RM_ARRAY);
    rss_atom_read(arena, &feed, root, false);
    for (const struct rm_feed_node *node = root->first; node; node = node->next) {
        struct rss_entry item = {.title = {NULL, 0}};
        if (!rm_feed_is(node, "entry"))
            continue;
        rss_atom_read(arena, &item, node, true);
        rm_value_append(items, rss_item_value(arena, &item, true));
    }
    return rss_feed_value(arena, &feed, "atom", items);
}

static void rss_read_items(struct rm_arena *arena, struct rm_value *items, const struct rm_feed_node *parent)
{
    for (const struct rm_feed_node *node = parent->first; node; node = node->next) {
        struct rss_entry item = {.title = {NULL, 0}};
        if (!rm_feed_is(node, "item"))
            continue;
        rss_read_item(arena, &item, node);
        rm_value_append(items, rss_item_value(arena, &item, false));
    }
}

static void rss_read_channel(struct rm_arena *arena, struct rss_entry *feed, const struct rm_feed_node *channel)
{
    struct rm_str web_master = RM_STR("");
    for (const struct rm_feed_node *node = channel->first; node; node = node->next) {
        if (!node->written.p || rm_feed_is(node, "item") || rss_read_text(arena, feed, node, false))
            continue;
        if (rm_feed_is_extension(node))
            rm_feed_add_extension(arena, &feed->extensions, node);
        else if (rm_feed_is(node, "category"))
            rm_feed_add_text(arena, &feed->categories, rm_feed_text(arena, node, false));
        else if (rm_feed_is(node, "image"))
            rss_read_image(arena, feed, node);
        else if (rm_feed_is(node, "webMaster"))
            web_master = rm_feed_text(arena, node, false);
    }
    rss_or(&feed->author, web_master);
    rss_complete(arena, feed);
    rss_or(&feed->description, rm_feed_value_of(arena, feed->extensions, "itunes", "summary"));
    struct rm_value *categories = rm_feed_extensions_of(arena, feed->extensions, "itunes", "category");
    for (struct rm_value *one = categories ? categories->first : NULL; one; one = one->next) {
        rm_feed_add_text(arena, &feed->categories, rm_feed_attr_of(arena, one, "text"));
        struct rm_value *below = rm_value_get(arena, rm_value_get(arena, one, RM_STR("children")), RM_STR("category"));
        if (below)
            rm_feed_add_text(arena, &feed->categories, rm_feed_attr_of(arena, below->first, "text"));
    }
    rss_or(&feed->updated, rm_feed_value_of(arena, feed->extensions, "dc", "date"));
    rss_or(&feed->language, rm_feed_value_of(arena, feed->extensions, "dc", "language"));
    rss_or(&feed->copyright, rm_feed_value_of(arena, feed->extensions, "dc", "rights"));
}

// Items stand in the channel, or beside it (RDF).
static struct rm_value *rss_of_rss(struct rm_arena *arena, const struct rm_feed_node *root)
{
    struct rss_entry feed = {.title = {NULL, 0}};
    struct rm_value *items = rm_value_new(arena, RM_ARRAY);
    const struct rm_feed_node *channel = NULL;
    for (const struct rm_feed_node *node = root->first; node; node = node->next) {
        if (rm_feed_is(node, "channel"))
            channel = node;
    }
    if (channel) {
        rss_read_channel(arena, &feed, channel);
        rss_read_items(arena, items, channel);
    }
    rss_read_items(arena, items, root);
    for (const struct rm_feed_node *node = root->first; node; node = node->next) {
        if (rm_feed_is(node, "image"))
            rss_read_image(arena, &feed, node);
    }
    return rss_feed_value(arena, &feed, "rss", items);
}

// ---- JSON Feed -----------------------------------------------------------------------------------------------------

// A number is taken for text: ids are numbers in some feeds.
static struct rm_str rss_json_text(struct rm_arena *arena, struct rm_value *object, const char *name)
{
    struct rm_value *member = rm_value_get(arena, object, rm_str_of(name));
    return !member ? RM_STR("") : member->type == RM_NUMBER ? member->raw : rm_value_text(arena, member);
}

static struct rm_value *rss_json_list(struct rm_arena *arena, struct rm_value *object, const char *name)
{
    struct rm_value *list = rm_value_get(arena, object, rm_str_of(name));
    if (!list || list->type != RM_ARRAY)
        return NULL;
    rm_value_open(arena, list);
    return list->first;
}

static struct rm_value *rss_json_person(struct rm_arena *arena, struct rm_value *author)
{
    struct rm_str name = rss_json_text(arena, author, "name");
    return name.n > 0 ? rss_person_of(arena, name) : rss_person(arena, RM_STR(""), RM_STR(""));
}

// What a feed and its items have in common.
static void rss_json_read(struct rm_arena *arena, struct rss_entry *entry, struct rm_value *object)
{
    struct rm_value *author = rm_value_get(arena, object, RM_STR("author"));
    if (author && author->type == RM_OBJECT)
        entry->person = rss_json_person(arena, author);
    for (struct rm_value *one = rss_json_list(arena, object, "authors"); one; one = one->next)
        rm_feed_add(arena, &entry->persons, rss_json_person(arena, one));
    entry->title = rss_json_text(arena, object, "title");
    entry->published = rss_json_text(arena, object, "date_published");
    entry->updated = rss_json_text(arena, object, "date_modified");
}

static void rss_json_item(struct rm_arena *arena, struct rss_entry *item, struct rm_value *object)
{
    rss_json_read(arena, item, object);
    item->guid = rss_json_text(arena, object, "id");
    item->description = rss_json_text(arena, object, "summary");
    item->content = rss_json_text(arena, object, "content_html");
    rss_or(&item->content, rss_json_text(arena, object, "content_text"));
    item->image_url = rss_json_text(arena, object, "image");
    rss_or(&item->image_url, rss_json_text(arena, object, "banner_image"));
    item->link = rss_json_text(arena, object, "url");
    const struct rm_str links[] = {item->link, rss_json_text(arena, object, "external_url")};
    for (size_t i = 0; i < RM_COUNT(links); i++) {
        if (links[i].n > 0)
            rm_feed_add_text(arena, &item->links, links[i]);
    }
    for (struct rm_value *tag = rss_json_list(arena, object, "tags"); tag; tag = tag->next)
        rm_feed_add_text(arena, &item->categories, rm_value_text(arena, tag));
    for (struct rm_value *one = rss_json_list(arena, object, "attachments"); one; one = one->next) {
        struct rm_value *enclosure = rm_value_new(arena, RM_OBJECT);
        rm_feed_set_text(arena, enclosure, "url", rss_json_text(arena, one, "url"));
        rm_feed_set_text(arena, enclosure, "length", rss_json_text(arena, one, "size_in_bytes"));
        rm_feed_set_text(arena, enclosure, "type", rss_json_text(arena, one, "mime_type"));
        rm_feed_add(arena, &item->enclosures, enclosure);
    }
}

static int rss_of_json(struct rm_arena *arena, const struct rm_decode_in *in, struct rm_value **out, struct rm_err *err)
{
    struct rm_value *root, *items = rm_value_new(arena, RM_ARRAY);
    struct rss_entry feed = {.title = {NULL, 0}};
    int rc = rm_json_parse(arena, in->body, 3, &in->limits, &root, NULL, err);
    if (rc != RM_OK)
        return rc;
    rss_json_read(arena, &feed, root);
    feed.description = rss_json_text(arena, root, "description");
    feed.language = rss_json_text(arena, root, "language");
    feed.image_url = rss_json_text(arena, root, "icon");
    feed.published = feed.updated = RM_STR(""); // the newest item's
    for (struct rm_value *object = rss_json_list(arena, root, "items"); object; object = object->next) {
        struct rss_entry item = {.title = {NULL, 0}};
        rss_json_item(arena, &item, object);
        if (items->n == 0) {
            feed.published = item.published;
            feed.updated = item.updated;
        }
        rm_value_append(items, rss_item_value(arena, &item, false));
    }
    *out = rss_feed_value(arena, &feed, "json", items);
    return RM_OK;
}

static int rss_decode(struct rm_arena *arena, const struct rm_decode_in *in, struct rm_value **out, struct rm_err *err)
{
    struct rm_feed_node *root = NULL;
    if (rm_str_starts(rm_feed_trim(in->body), RM_STR("{")))
        return rss_of_json(arena, in, out, err);
    int rc = rm_feed_read(arena, in, &root, err);
    if (rc != RM_OK)
        return rc;
    if (rm_str_eq_nocase(root->name, RM_STR("feed")))
        *out = rss_of_atom(arena, root);
    else if (rm_str_eq_nocase(root->name, RM_STR("rss")) || rm_str_eq_nocase(root->name, RM_STR("rdf")))
        *out = rss_of_rss(arena, root);
    else
        return rm_fail(err, RM_EDECODE, "no feed: the first element is neither rss, rdf nor feed");
    return RM_OK;
}

const struct rm_codec_ops rm_codec_rss = {.name = "rss", .decode = rss_decode};
