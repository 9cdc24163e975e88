// What the tables of modifier/martian read into, and the tables. For martian.c and martian_keys.c only.
// SPDX-License-Identifier: Apache-2.0
#ifndef CONF_MARTIAN_KEYS_H
#define CONF_MARTIAN_KEYS_H

#include "conf/load.h"
#include "conf/martian.h"

struct martian_in {
    struct rm_martian out;
    struct rm_strs scope;
    struct rm_str coded_body, regex;
    struct rm_str domain;
    uint32_t max_age;
    bool http_only, secure, aggregate_errors;
    struct rm_value *then, *otherwise, *modifiers, *priority;
};

// One row a modifier: what it is, where it can do something.
struct martian_known {
    const char *name;
    enum rm_martian_kind kind;
    uint32_t sides;
    const struct rm_fields *fields;
};

const struct martian_known *rm_martian_known(struct rm_str name); // NULL: unknown, or absent
bool rm_martian_is_absent(struct rm_str name);                    // KrakenD has it
// An object that holds a modifier, without a word on what it means: what is unknown or absent is said, with the nearest name.
extern const struct rm_fields rm_martian_one_fields;
extern const struct rm_fields rm_martian_item_fields; // of priority.Group
// martian.c: the namespace's own object.
void rm_martian_root(struct rm_reader *, const struct rm_path *, struct rm_value *object, void *backend);

#endif
