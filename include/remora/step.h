// Steps: plain functions on one backend's answer (or on the merged one). A step cannot wait. What is not configured is left out
// of the plan, so that it costs nothing.
// SPDX-License-Identifier: Apache-2.0
#ifndef REMORA_STEP_H
#define REMORA_STEP_H

#include <remora/base.h>
#include <remora/value.h>

// `conf` is the value of the step's key in the configuration, already of the type that the field table asks for.
struct rm_step_ops {
    const char *name; // "target", "allow", "deny", "mapping", "flatmap_filter", "group"
    // At load. *self lies in `arena` (the plan's) and is immutable afterwards; it is left NULL when there is nothing to do.
    int (*open)(void **self, struct rm_arena *arena, struct rm_value *conf, struct rm_err *err);
    // Per request, any worker. `data` is an object, or NULL for a JSON null; the result, one of the two as well, takes its place (it may be
    // the same node).
    struct rm_value *(*apply)(const void *self, struct rm_arena *request, struct rm_value *data);
    // How many levels below the root apply() looks into: for the parser's open_depth.
    uint32_t (*depth)(const void *self);
};

extern const struct rm_step_ops rm_step_target, rm_step_allow, rm_step_deny, rm_step_mapping, rm_step_group,
    rm_step_flatmap;

#endif
