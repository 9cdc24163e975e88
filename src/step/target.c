// target: the object at a dotted path takes the place of the answer.
// SPDX-License-Identifier: Apache-2.0
#include <remora/step.h>

#include "step/paths.h"

struct target {
    size_t n;
    struct rm_str *parts;
};

static int target_open(void **self, struct rm_arena *arena, struct rm_value *conf, struct rm_err *err)
{
    if (conf->type != RM_STRING)
        return rm_fail(err, RM_ECONF, "expected a path as text");
    struct rm_str text = rm_value_text(arena, conf);
    if (text.n == 0)
        return RM_OK;
    struct target *target = RM_NEW(arena, struct target);
    target->n = rm_path_split(arena, rm_arena_dup(arena, text), &target->parts);
    *self = target;
    return RM_OK;
}

static struct rm_value *target_apply(const void *self, struct rm_arena *request, struct rm_value *data)
{
    const struct target *target = self;
    for (size_t i = 0; data && i < target->n; i++)
        data = rm_value_get(request, data, target->parts[i]);
    if (!data || data->type != RM_OBJECT)
        return rm_value_new(request, RM_OBJECT);
    data->key = (struct rm_str){NULL, 0};
    data->next = NULL;
    return data;
}

static uint32_t target_depth(const void *self)
{
    return (uint32_t)((const struct target *)self)->n;
}

const struct rm_step_ops rm_step_target = {"target", target_open, target_apply, target_depth};
