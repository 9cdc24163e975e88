// allow and deny: keep or remove members by dotted paths. Objects only: arrays are never entered.
// SPDX-License-Identifier: Apache-2.0
#include <remora/step.h>

#include "step/paths.h"

static bool filter_allow(struct rm_arena *arena, const struct rm_path_node *rules, struct rm_value *object);

// Does this member stay? Its own members are filtered on the way.
static bool filter_allow_member(struct rm_arena *arena, const struct rm_path_node *rules, struct rm_value *member)
{
    const struct rm_path_node *rule = rm_paths_find(rules, member->key);
    if (!rule)
        return false;
    return rule->whole || (member->type == RM_OBJECT && filter_allow(arena, rule, member));
}

// Keeps the members that `stays` wants. True: one is left.
static bool filter_members(struct rm_arena *arena, const struct rm_path_node *rules, struct rm_value *object,
                           bool (*stays)(struct rm_arena *, const struct rm_path_node *, struct rm_value *))
{
    rm_value_open(arena, object);
    struct rm_value *list = object->first;
    struct rm_value **place = &object->first;
    object->last = NULL;
    object->n = 0;
    while (list) {
        struct rm_value *member = list;
        list = list->next;
        if (!stays(arena, rules, member))
            continue;
        *place = member;
        place = &member->next;
        object->last = member;
        object->n++;
    }
    *place = NULL;
    return object->n > 0;
}

static bool filter_allow(struct rm_arena *arena, const struct rm_path_node *rules, struct rm_value *object)
{
    return filter_members(arena, rules, object, filter_allow_member);
}

static bool filter_deny_member(struct rm_arena *arena, const struct rm_path_node *rules, struct rm_value *member)
{
    const struct rm_path_node *rule = rm_paths_find(rules, member->key);
    if (rule && rule->whole)
        return false;
    if (rule && member->type == RM_OBJECT)
        filter_members(arena, rule, member, filter_deny_member); // it stays even when nothing is left in it
    return true;
}

static int allow_open(void **self, struct rm_arena *arena, struct rm_value *conf, struct rm_err *err)
{
    struct rm_path_node *root;
    int rc = rm_paths_compile(arena, conf, RM_PATH_LAST, &root, err);
    if (rc == RM_OK)
        *self = root;
    return rc;
}

static struct rm_value *allow_apply(const void *self, struct rm_arena *request, struct rm_value *data)
{
    if (data)
        filter_allow(request, self, data);
    return data;
}

static int deny_open(void **self, struct rm_arena *arena, struct rm_value *conf, struct rm_err *err)
{
    struct rm_path_node *root;
    int rc = rm_paths_compile(arena, conf, RM_PATH_OUTERMOST, &root, err);
    if (rc == RM_OK)
        *self = root;
    return rc;
}

static struct rm_value *deny_apply(const void *self, struct rm_arena *request, struct rm_value *data)
{
    if (data)
        filter_members(request, self, data, filter_deny_member);
    return data;
}

static uint32_t filter_depth(const void *self)
{
    return rm_paths_depth(self);
}

const struct rm_step_ops rm_step_allow = {"allow", allow_open, allow_apply, filter_depth};
const struct rm_step_ops rm_step_deny = {"deny", deny_open, deny_apply, filter_depth};
