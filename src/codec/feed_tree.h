// A feed's XML as a tree whose prefixes are what they stand for. Lies in the arena, and is immutable when it is read.
// SPDX-License-Identifier: Apache-2.0
#ifndef CODEC_FEED_TREE_H
#define CODEC_FEED_TREE_H

#include "codec/markup.h"

#define RM_FEED_DEPTH 100 // elements inside each other: what walks the tree may recurse

struct rm_feed_node {
    struct rm_str written; // the name with its prefix as it stands there; NULL: a text
    struct rm_str prefix;  // usual one of its namespace; empty: the feed's own elements
    struct rm_str name;    // without prefix
    struct rm_str text;    // of a text
    const struct rm_markup_attr *attrs;
    size_t n_attrs;
    struct rm_feed_node *first, *last, *next; // elements and texts
};

int rm_feed_read(struct rm_arena *, const struct rm_decode_in *, struct rm_feed_node **root,
                 struct rm_err *err) RM_MUST_CHECK;

// An element of the feed's own, whatever case its name is written in.
bool rm_feed_is(const struct rm_feed_node *, const char *name);
bool rm_feed_is_extension(const struct rm_feed_node *); // of another namespace, but for the content module
struct rm_str rm_feed_attr(const struct rm_feed_node *, const char *name); // by its name without prefix; empty: none
// What is in the element, trimmed: its text, and elements as they would be written. `as_markup`: text is escaped as in a document.
struct rm_str rm_feed_text(struct rm_arena *, const struct rm_feed_node *, bool as_markup);
struct rm_str rm_feed_trim(struct rm_str);

#endif
