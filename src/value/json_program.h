// A compiled schema: for json_schema.c, which makes it, and json_check.c, which walks it.
// SPDX-License-Identifier: Apache-2.0
#ifndef VALUE_JSON_PROGRAM_H
#define VALUE_JSON_PROGRAM_H

#include "value/json_format.h"
#include "value/json_number.h"
#include "value/json_schema.h"

struct schema_list {
    const struct rm_schema **v;
    uint32_t n;
};

struct schema_bound {
    struct rm_str text; // empty: there is none
    struct rm_number n;
};

// All that is known of a member's name, by properties, required and dependencies.
struct schema_name {
    struct rm_str name;
    const struct rm_schema *schema; // of its value; NULL: none
    bool is_required;
    struct rm_str *needs; // members that must be there with it
    uint32_t n_needs;
    const struct rm_schema *whole; // what the object must be with it
};

struct schema_pattern {
    struct rm_str text;
    const struct rm_regex *regex;
    const struct rm_schema *schema;
};

struct rm_schema {
    const struct rm_value *from;
    bool is_false;
    uint32_t types;                      // a bit an enum schema_type; 0: any
    struct rm_str ref_text;              // p NULL: it is no reference
    const struct rm_schema *ref;         // then nothing else counts
    struct rm_value *choices, *constant; // enum, const
    struct schema_bound minimum, above, maximum, below, multiple;
    uint64_t min_length, max_length, min_items, max_items, min_members, max_members;
    struct rm_str pattern_text;
    const struct rm_regex *pattern, *format_pattern;
    const struct rm_format *format;
    const struct rm_schema *items, *more_items, *contains; // items: of each
    struct schema_list item_list;                          // of the first ones, in place of items
    bool is_unique;
    struct schema_name *names; // sorted
    uint32_t n_names, n_required;
    struct schema_pattern *patterns;
    uint32_t n_patterns;
    const struct rm_schema *other_members, *member_names;
    struct schema_list all_of, any_of, one_of;
    const struct rm_schema *not_, *if_, *then, *otherwise;
    struct rm_schema *next; // the one compiled before
    uint8_t visit;          // while loops are looked for
};

enum schema_type {
    SCHEMA_NULL,
    SCHEMA_BOOLEAN,
    SCHEMA_INTEGER,
    SCHEMA_NUMBER,
    SCHEMA_STRING,
    SCHEMA_ARRAY,
    SCHEMA_OBJECT,
    SCHEMA_TYPES
};
extern const char *const schema_types[SCHEMA_TYPES];

#endif
