// What a YAML scalar is: the core schema of YAML 1.2 (10.3.2). Pure functions; knows no library.
// Implemented in src/value.
// SPDX-License-Identifier: Apache-2.0
#ifndef REMORA_SCALAR_H
#define REMORA_SCALAR_H

#include <remora/value.h>

// A plain scalar: null, a boolean, a number or text. *raw is a number as JSON writes it (010 is 10, 0x1f is 31, .5 is 0.5, otherwise
// as it stands). NULL, or why it has no value here.
const char *rm_yaml_resolve(struct rm_arena *, struct rm_str text, enum rm_type *type, struct rm_str *raw);
// One with a tag of YAML's own ("str", "int", …).
const char *rm_yaml_tagged(struct rm_arena *, struct rm_str tag, struct rm_str text, enum rm_type *type,
                           struct rm_str *raw);

#endif
