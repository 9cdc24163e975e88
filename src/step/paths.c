// Dotted paths as a tree: built at load, searched per request. Its depth is the configuration's, so walking it may recurse.
// SPDX-License-Identifier: Apache-2.0
#include "step/paths.h"

size_t rm_path_split(struct rm_arena *arena, struct rm_str text, struct rm_str **parts)
{
    size_t n = 1;
    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '.';
    *parts = RM_NEW_ARRAY(arena, struct rm_str, n);
    size_t part = 0, from = 0;
    for (size_t i = 0; i <= text.n; i++) {
        if (i < text.n && text.p[i] != '.')
            continue;
        if (i > from)
            (*parts)[part] = rm_str_sub(text, from, i);
        part++;
        from = i + 1;
    }
    return n;
}

// The index of the child of that name, or of the first one behind where it belongs.
static uint32_t paths_search(const struct rm_path_node *node, struct rm_str name, bool *found)
{
    uint32_t low = 0, high = node->n;
    *found = false;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = rm_str_cmp(name, node->children[middle].name);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

const struct rm_path_node *rm_paths_find(const struct rm_path_node *node, struct rm_str name)
{
    bool found;
    uint32_t at = paths_search(node, name, &found);
    return found ? &node->children[at] : NULL;
}

static struct rm_path_node *paths_child(struct rm_arena *arena, struct rm_path_node *node, struct rm_str name)
{
    bool found;
    uint32_t at = paths_search(node, name, &found);
    if (!found) {
        struct rm_path_node *children = RM_NEW_ARRAY(arena, struct rm_path_node, node->n + 1);
        for (uint32_t i = 0; i < node->n; i++)
            children[i + (i >= at)] = node->children[i];
        children[at].name = name;
        node->children = children;
        node->n++;
    }
    return &node->children[at];
}

static void paths_add(struct rm_arena *arena, struct rm_path_node *node, struct rm_str text, enum rm_path_rule rule)
{
    struct rm_str *parts;
    size_t n = rm_path_split(arena, text, &parts);
    for (size_t i = 0; i < n; i++) {
        if (node->whole && rule == RM_PATH_OUTERMOST)
            return;
        node->whole = false;
        node = paths_child(arena, node, parts[i]);
    }
    node->whole = true;
    node->children = NULL;
    node->n = 0;
}

int rm_paths_compile(struct rm_arena *arena, struct rm_value *list, enum rm_path_rule rule, struct rm_path_node **root,
                     struct rm_err *err)
{
    *root = NULL;
    rm_value_open(arena, list);
    for (struct rm_value *item = list->first; item; item = item->next) {
        if (item->type != RM_STRING)
            return rm_fail(err, RM_ECONF, "expected a list of paths as text");
        if (!*root)
            *root = RM_NEW(arena, struct rm_path_node);
        paths_add(arena, *root, rm_arena_dup(arena, rm_value_text(arena, item)), rule);
    }
    return RM_OK;
}

uint32_t rm_paths_depth(const struct rm_path_node *node)
{
    uint32_t deepest = 0;
    for (uint32_t i = 0; i < node->n; i++) {
        uint32_t depth = 1 + rm_paths_depth(&node->children[i]);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}
