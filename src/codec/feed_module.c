// Extensions of feeds: the elements of other namespaces as KrakenD shows them, and what iTunes and Dublin Core make of theirs.
// SPDX-License-Identifier: Apache-2.0
#include "codec/feed_module.h"

#include "codec/twins.h"

// ---- values --------------------------------------------------------------------------------------------------------

void rm_feed_set(struct rm_arena *arena, struct rm_value *object, const char *name, struct rm_value *member)
{
    if (member)
        rm_value_set(arena, object, rm_str_of(name), member);
}

// Left out where it is empty.
void rm_feed_set_text(struct rm_arena *arena, struct rm_value *object, const char *name, struct rm_str text)
{
    if (text.n > 0)
        rm_feed_set(arena, object, name, rm_value_string(arena, text));
}

void rm_feed_add(struct rm_arena *arena, struct rm_value **list, struct rm_value *item)
{
    if (!*list)
        *list = rm_value_new(arena, RM_ARRAY);
    rm_value_append(*list, item);
}

void rm_feed_add_text(struct rm_arena *arena, struct rm_value **list, struct rm_str text)
{
    rm_feed_add(arena, list, rm_value_string(arena, text));
}

// ---- extensions ----------------------------------------------------------------------------------------------------

static void module_join_lists(struct rm_arena *arena, struct rm_value *first, struct rm_value *twin)
{
    (void)arena;
    struct rm_value *next, *item = twin->first;
    for (; item; item = next) {
        next = item->next;
        rm_value_append(first, item);
    }
}

static void module_join_members(struct rm_arena *arena, struct rm_value *first, struct rm_value *twin)
{
    (void)arena;
    struct rm_value *next, *member = twin->first;
    for (; member; member = next) {
        next = member->next;
        rm_twins_put(first, member->key, member);
    }
}

static struct rm_value *module_extension(struct rm_arena *arena, const struct rm_feed_node *node);

// By name, a list each.
static struct rm_value *module_children(struct rm_arena *arena, const struct rm_feed_node *node)
{
    struct rm_value *children = rm_value_new(arena, RM_OBJECT);
    for (const struct rm_feed_node *child = node->first; child; child = child->next) {
        if (!child->written.p)
            continue;
        struct rm_value *list = rm_value_new(arena, RM_ARRAY);
        rm_value_append(list, module_extension(arena, child));
        rm_twins_put(children, child->name, list);
    }
    rm_twins_join(arena, children, module_join_lists);
    return children;
}

// Its own text, without that of its children. As deep as a feed may be.
static struct rm_value *module_extension(struct rm_arena *arena, const struct rm_feed_node *node)
{
    struct rm_value *extension = rm_value_new(arena, RM_OBJECT), *attrs = rm_value_new(arena, RM_OBJECT);
    struct rm_feed_node own = {.written = node->written};
    for (const struct rm_feed_node *child = node->first; child; child = child->next) {
        if (child->written.p)
            continue;
        struct rm_feed_node *text = RM_NEW(arena, struct rm_feed_node);
        text->text = child->text;
        if (own.last)
            own.last->next = text;
        else
            own.first = text;
        own.last = text;
    }
    for (size_t i = 0; i < node->n_attrs; i++)
        rm_twins_put(attrs, rm_markup_local(node->attrs[i].name), rm_value_string(arena, node->attrs[i].value));
    rm_twins_join(arena, attrs, rm_twins_last);
    rm_feed_set(arena, extension, "name", rm_value_string(arena, node->name));
    rm_feed_set(arena, extension, "value", rm_value_string(arena, rm_feed_text(arena, &own, false)));
    rm_feed_set(arena, extension, "attrs", attrs);
    rm_feed_set(arena, extension, "children", module_children(arena, node));
    return extension;
}

void rm_feed_add_extension(struct rm_arena *arena, struct rm_value **extensions, const struct rm_feed_node *node)
{
    struct rm_value *names = rm_value_new(arena, RM_OBJECT), *list = rm_value_new(arena, RM_ARRAY);
    rm_value_append(list, module_extension(arena, node));
    rm_twins_put(names, node->name, list);
    if (!*extensions)
        *extensions = rm_value_new(arena, RM_OBJECT);
    rm_twins_put(*extensions, node->prefix, names);
}

void rm_feed_join_extensions(struct rm_arena *arena, struct rm_value *extensions)
{
    if (!extensions)
        return;
    rm_twins_join(arena, extensions, module_join_members);
    for (struct rm_value *names = extensions->first; names; names = names->next)
        rm_twins_join(arena, names, module_join_lists);
}

// The list of extensions of that name; NULL: none.
struct rm_value *rm_feed_extensions_of(struct rm_arena *arena, struct rm_value *extensions, const char *prefix,
                                       const char *name)
{
    struct rm_value *names = extensions ? rm_value_get(arena, extensions, rm_str_of(prefix)) : NULL;
    return names ? rm_value_get(arena, names, rm_str_of(name)) : NULL;
}

struct rm_str rm_feed_member(struct rm_arena *arena, struct rm_value *object, const char *name)
{
    struct rm_value *member = rm_value_get(arena, object, rm_str_of(name));
    return member ? rm_value_text(arena, member) : RM_STR("");
}

struct rm_str rm_feed_attr_of(struct rm_arena *arena, struct rm_value *extension, const char *name)
{
    return rm_feed_member(arena, rm_value_get(arena, extension, RM_STR("attrs")), name);
}

// The text of the first one.
struct rm_str rm_feed_value_of(struct rm_arena *arena, struct rm_value *extensions, const char *prefix,
                               const char *name)
{
    struct rm_value *list = rm_feed_extensions_of(arena, extensions, prefix, name);
    return list ? rm_feed_member(arena, list->first, "value") : RM_STR("");
}

// ---- iTunes and Dublin Core ----------------------------------------------------------------------------------------

struct rm_str rm_feed_itunes_image(struct rm_arena *arena, struct rm_value *extensions)
{
    struct rm_value *list = rm_feed_extensions_of(arena, extensions, "itunes", "image");
    return list ? rm_feed_attr_of(arena, list->first, "href") : RM_STR("");
}

struct rm_value *rm_feed_itunes(struct rm_arena *arena, struct rm_value *extensions)
{
    static const char *const names[] = {"author",   "block",   "duration",   "explicit",          "keywords",
                                        "subtitle", "summary", "image",      "isClosedCaptioned", "episode",
                                        "season",   "order",   "episodeType"};
    if (!extensions || !rm_value_get(arena, extensions, RM_STR("itunes")))
        return NULL;
    struct rm_value *itunes = rm_value_new(arena, RM_OBJECT);
    for (size_t i = 0; i < RM_COUNT(names); i++) {
        bool is_image = strcmp(names[i], "image") == 0;
        rm_feed_set_text(arena, itunes, names[i],
                         is_image ? rm_feed_itunes_image(arena, extensions)
                                  : rm_feed_value_of(arena, extensions, "itunes", names[i]));
    }
    return itunes;
}

struct rm_value *rm_feed_dublin_core(struct rm_arena *arena, struct rm_value *extensions)
{
    static const char *const names[] = {"title",       "creator",  "author",   "subject", "description", "publisher",
                                        "contributor", "date",     "type",     "format",  "identifier",  "source",
                                        "language",    "relation", "coverage", "rights"};
    if (!extensions || !rm_value_get(arena, extensions, RM_STR("dc")))
        return NULL;
    struct rm_value *core = rm_value_new(arena, RM_OBJECT);
    for (size_t i = 0; i < RM_COUNT(names); i++) {
        struct rm_value *list = rm_feed_extensions_of(arena, extensions, "dc", names[i]), *texts = NULL;
        for (struct rm_value *one = list ? list->first : NULL; one; one = one->next)
            rm_feed_add_text(arena, &texts, rm_feed_member(arena, one, "value"));
        rm_feed_set(arena, core, names[i], texts);
    }
    return core;
}
