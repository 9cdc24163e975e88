// What modules add to a feed, as values: {prefix: {name: [{name, value, attrs, children}]}}. NULL stands for no extensions at all.
// SPDX-License-Identifier: Apache-2.0
#ifndef CODEC_FEED_MODULE_H
#define CODEC_FEED_MODULE_H

#include "codec/feed_tree.h"

void rm_feed_add_extension(struct rm_arena *, struct rm_value **extensions, const struct rm_feed_node *);
void rm_feed_join_extensions(struct rm_arena *,
                             struct rm_value *extensions); // when all are added, before one is looked for

struct rm_value *rm_feed_extensions_of(struct rm_arena *, struct rm_value *extensions, const char *prefix,
                                       const char *name); // the list; NULL: none
// The text of the first one; empty: none.
struct rm_str rm_feed_value_of(struct rm_arena *, struct rm_value *extensions, const char *prefix, const char *name);
struct rm_str rm_feed_attr_of(struct rm_arena *, struct rm_value *extension, const char *name);

struct rm_str rm_feed_itunes_image(struct rm_arena *, struct rm_value *extensions);
struct rm_value *rm_feed_itunes(struct rm_arena *, struct rm_value *extensions);      // itunesExt; NULL: none
struct rm_value *rm_feed_dublin_core(struct rm_arena *, struct rm_value *extensions); // dcExt; NULL: none

// For what is left out where it is not there: a NULL member, an empty text.
void rm_feed_set(struct rm_arena *, struct rm_value *object, const char *name, struct rm_value *member);
void rm_feed_set_text(struct rm_arena *, struct rm_value *object, const char *name, struct rm_str text);
// To a list that is made when it is needed.
void rm_feed_add(struct rm_arena *, struct rm_value **list, struct rm_value *item);
void rm_feed_add_text(struct rm_arena *, struct rm_value **list, struct rm_str text);
struct rm_str rm_feed_member(struct rm_arena *, struct rm_value *object, const char *name); // its text; empty: none

#endif
