// group: wraps the answer in an object of one member, even an empty answer or null. A dot in the name is a dot.
// SPDX-License-Identifier: Apache-2.0
#include <remora/step.h>

static int group_open(void **self, struct rm_arena *arena, struct rm_value *conf, struct rm_err *err)
{
    if (conf->type != RM_STRING)
        return rm_fail(err, RM_ECONF, "expected a name as text");
    struct rm_str text = rm_value_text(arena, conf);
    if (text.n == 0)
        return RM_OK;
    struct rm_str *name = RM_NEW(arena, struct rm_str);
    *name = rm_arena_dup(arena, text);
    *self = name;
    return RM_OK;
}

static struct rm_value *group_apply(const void *self, struct rm_arena *request, struct rm_value *data)
{
    struct rm_value *wrapper = rm_value_new(request, RM_OBJECT);
    rm_value_set(request, wrapper, *(const struct rm_str *)self, data ? data : rm_value_new(request, RM_NULL));
    return wrapper;
}

static uint32_t group_depth(const void *self)
{
    (void)self;
    return 0;
}

const struct rm_step_ops rm_step_group = {"group", group_open, group_apply, group_depth};
