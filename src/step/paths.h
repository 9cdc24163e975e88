// Dotted paths of the configuration ("a.b.c") as a tree, for the steps that walk an answer along many of them at once.
// SPDX-License-Identifier: Apache-2.0
#ifndef STEP_PATHS_H
#define STEP_PATHS_H

#include <remora/value.h>

struct rm_path_node {
    struct rm_str name;
    bool whole; // a path ends here: what lies below belongs to it; has no children then
    uint32_t n;
    struct rm_path_node *children; // sorted by name
};

enum rm_path_rule {
    RM_PATH_LAST,      // of a path and one inside it, the one listed later counts (KrakenD's allow)
    RM_PATH_OUTERMOST, // the shorter one counts (deny)
};

// Splits text at its dots. The parts lie in the arena; text itself is borrowed.
size_t rm_path_split(struct rm_arena *, struct rm_str text, struct rm_str **parts);

// Compiles a list of paths into *root (whose own name is empty). NULL when the list is empty. RM_ECONF: an item is no text.
int rm_paths_compile(struct rm_arena *, struct rm_value *list, enum rm_path_rule, struct rm_path_node **root,
                     struct rm_err *err) RM_MUST_CHECK;

const struct rm_path_node *rm_paths_find(const struct rm_path_node *node, struct rm_str name); // a child; NULL: none
uint32_t rm_paths_depth(const struct rm_path_node *node); // parts of the longest path

#endif
