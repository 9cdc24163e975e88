// The tree of path segments: building at load, walking per request. A walk allocates nothing and recurses no deeper than the tree.
// SPDX-License-Identifier: Apache-2.0
#include "front/route_tree.h"

// Takes the first segment off `rest`, which has no leading slash; *more says whether a slash followed.
static struct rm_str tree_segment(struct rm_str *rest, bool *more)
{
    const char *slash = rest->n > 0 ? memchr(rest->p, '/', rest->n) : NULL;
    size_t end = slash ? (size_t)(slash - rest->p) : rest->n;
    struct rm_str segment = rm_str_sub(*rest, 0, end);
    *more = slash != NULL;
    *rest = rm_str_sub(*rest, slash ? end + 1 : end, rest->n);
    return segment;
}

// The place of `text` among the children: *found tells whether it is there.
static size_t tree_place(const struct route_node *node, struct rm_str text, bool *found)
{
    size_t low = 0, high = node->n_statics;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = rm_str_cmp(node->statics[middle]->text, text);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = false;
    return low;
}

static struct route_node *tree_child(struct rm_arena *arena, struct route_node *node, struct rm_str text, bool is_last)
{
    if (is_last && rm_str_eq(text, RM_STR("*"))) {
        if (!node->rest)
            node->rest = RM_NEW(arena, struct route_node);
        return node->rest;
    }
    if (text.n > 2 && text.p[0] == '{' && text.p[text.n - 1] == '}') {
        if (!node->param)
            node->param = RM_NEW(arena, struct route_node);
        return node->param;
    }
    bool found;
    size_t at = tree_place(node, text, &found);
    if (found)
        return node->statics[at];
    if (node->n_statics == node->cap_statics) {
        size_t cap = node->cap_statics ? 2 * node->cap_statics : 4;
        struct route_node **statics = RM_NEW_ARRAY(arena, struct route_node *, cap);
        if (node->n_statics)
            memcpy(statics, node->statics, node->n_statics * sizeof(struct route_node *));
        node->statics = statics;
        node->cap_statics = cap;
    }
    memmove(node->statics + at + 1, node->statics + at, (node->n_statics - at) * sizeof(struct route_node *));
    node->statics[at] = RM_NEW(arena, struct route_node);
    node->statics[at]->text = text;
    node->n_statics++;
    return node->statics[at];
}

struct route_node *route_tree_put(struct rm_arena *arena, struct route_node *root, struct rm_str path)
{
    if (path.n == 0 || path.p[0] != '/')
        return NULL;
    struct rm_str rest = rm_str_sub(path, 1, path.n);
    struct route_node *node = root;
    bool more = true;
    while (more) {
        struct rm_str segment = tree_segment(&rest, &more);
        node = tree_child(arena, node, segment, !more);
    }
    return node;
}

bool route_node_has(const struct route_node *node, int method)
{
    if (method >= 0)
        return node->endpoints[method] || (method == RM_GET && node->health);
    for (int m = 0; m < RM_METHODS; m++)
        if (route_node_has(node, m))
            return true;
    return false;
}

static const struct route_node *tree_walk(const struct route_node *node, struct rm_str rest, size_t depth,
                                          size_t n_params, struct route_walk *walk)
{
    bool more, found;
    struct rm_str all = rest, segment = tree_segment(&rest, &more);
    size_t from = 0, to = node->n_statics;
    if (!walk->nocase) {
        from = tree_place(node, segment, &found);
        to = found ? from + 1 : from;
    }
    for (size_t i = from; i < to; i++) {
        const struct route_node *child = node->statics[i];
        if (walk->nocase && !rm_str_eq_nocase(child->text, segment))
            continue;
        if (walk->taken)
            walk->taken[depth] = child;
        const struct route_node *leaf = child;
        if (more)
            leaf = tree_walk(child, rest, depth + 1, n_params, walk);
        else if (!route_node_has(child, walk->method))
            leaf = NULL;
        if (leaf)
            return leaf;
    }
    if (node->param && segment.n > 0) {
        walk->params[n_params] = segment;
        if (walk->taken)
            walk->taken[depth] = node->param;
        const struct route_node *leaf = node->param;
        if (more)
            leaf = tree_walk(node->param, rest, depth + 1, n_params + 1, walk);
        else if (!route_node_has(node->param, walk->method))
            leaf = NULL;
        if (leaf)
            return leaf;
    }
    if (!node->rest || (segment.n == 0 && all.n > 0) || !route_node_has(node->rest, walk->method))
        return NULL;
    walk->params[n_params] = all;
    if (walk->taken)
        walk->taken[depth] = node->rest;
    return node->rest;
}

const struct route_node *route_tree_find(const struct route_node *root, struct rm_str path, struct route_walk *walk)
{
    if (path.n == 0 || path.p[0] != '/')
        return NULL;
    return tree_walk(root, rm_str_sub(path, 1, path.n), 0, 0, walk);
}
