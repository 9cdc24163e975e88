// Field tables: one row a key says its name, type, place in the struct, default, old name and meaning. They drive reading, checking,
// unknown-key warnings, the environment's overrides and the reference page. For conf/ only.
// SPDX-License-Identifier: Apache-2.0
#ifndef CONF_FIELD_H
#define CONF_FIELD_H

#include "conf/finding.h"

enum rm_field_type {
    RM_FIELD_STRING,       // struct rm_str, without control characters
    RM_FIELD_BOOL,         // bool
    RM_FIELD_U16,          // uint16_t, min to max
    RM_FIELD_U32,          // uint32_t, min to max
    RM_FIELD_SIZE,         // size_t of bytes, min to max
    RM_FIELD_SIZE32,       // the same as uint32_t
    RM_FIELD_DURATION,     // uint64_t of microseconds; min and max too
    RM_FIELD_STRINGS,      // struct rm_strs; a plain string is a list of one
    RM_FIELD_DECIMAL,      // double, not negative
    RM_FIELD_CHOICE,       // an enum; one of `choices`, case-insensitive where not lenient
    RM_FIELD_OBJECT,       // struct rm_value *: an object
    RM_FIELD_ANY,          // struct rm_value *: any JSON
    RM_FIELD_STEP_STRING,  // struct rm_value *, for a step: a string; NULL when empty
    RM_FIELD_STEP_STRINGS, // a list of strings; NULL when empty
    RM_FIELD_STEP_NAMES,   // an object of strings; NULL when empty
    RM_FIELD_LISTEN,       // struct rm_conf_listen: "ADDRESS:PORT"; false or "": none
    RM_FIELD_NESTED,       // an object whose table is `nested`; its base is the member at `offset`, or RM_NOWHERE: the same base
    RM_FIELD_SWITCH,       // the same, or true, or false: a bool that says whether it is on; default on
    RM_FIELD_CUSTOM,       // read() does it all
    RM_FIELD_LATER, // not in this version: an error that ends in `note`, unless it is off (null, false, 0, "", [] or {})
};

enum { RM_NOWHERE = 0xffff }; // offset of a key that is checked, but that nothing reads

struct rm_field {
    const char *name;
    enum rm_field_type type;
    size_t offset;
    const char *fallback; // the default as a file would say it; NULL: the member is left as it is
    uint64_t min, max;    // max 0: no limit
    bool zero_is_unset;   // as in KrakenD: 0 (or "") leaves the default
    bool is_secret; // STRING: shown as *** by check -d
    bool lenient;         // BOOL, CHOICE: as in KrakenD, a value that does not fit is left out; here with a warning
    const char *old_name; // of KrakenD 1.x
    const char *const *choices;
    size_t n_choices;
    // CUSTOM: reads; others: checks `base` further after the value was taken.
    void (*read)(struct rm_reader *, const struct rm_path *, struct rm_value *, void *base);
    const struct rm_fields *nested;
    const char *note; // LATER: what to do; others: a warning that remora has no use for the key
    const char *doc;  // one line for the reference
};

struct rm_fields {
    const struct rm_field *v;
    size_t n;
    const char *what; // "key of an endpoint": for "unknown …"
    const struct rm_fields *const *levels; // NULL, or the namespace's tables at all levels, up to a NULL
    bool is_optional; // a namespace that changes something by being there: the bool at `given` says whether it is
    size_t given;
    bool is_closed;   // what it does not name is an error, not only with --strict
    bool weak;        // KrakenD's weak typing: "9000" for numbers, "true" for booleans
    // What the members mean together, after all of them were read; may be NULL.
    void (*finish)(struct rm_reader *, const struct rm_path *, struct rm_value *object, void *base);
};

void *rm_field_nested_base(const struct rm_field *, const void *base); // what the rows of `nested` are read into

void rm_fields_defaults(struct rm_reader *, const struct rm_fields *, void *base);
// Every member of `object`, in file order; what it does not name is left as it is. `path` is the object's own, NULL for the root.
void rm_fields_read(struct rm_reader *, const struct rm_fields *, const struct rm_path *path, struct rm_value *object,
                    void *base);
// One scalar field from text that is not in the file (the environment). False: there is a finding.
bool rm_field_read_text(struct rm_reader *, const struct rm_field *, const struct rm_path *path, struct rm_str text,
                        void *base);
bool rm_field_is_scalar(const struct rm_field *);
// What may stand there, for a message and for the reference: "a duration from 1s to 1h". Empty: read() alone knows.
struct rm_str rm_field_allowed(struct rm_arena *, const struct rm_field *);

// Comments: keys that begin with @, $, _ or #, as in KrakenD's schema.
bool rm_key_is_comment(struct rm_str key);
// False, with a finding: the value is no object.
bool rm_object_expect(struct rm_reader *, const struct rm_path *path, const struct rm_value *value);
// The text of a string without control characters; false with a finding.
bool rm_string_expect(struct rm_reader *, const struct rm_path *path, const struct rm_value *value, struct rm_str *out);
// A list of such strings, or one of them alone.
bool rm_strings_expect(struct rm_reader *, const struct rm_path *path, const struct rm_value *value,
                       struct rm_strs *out);
// listen.c: RM_FIELD_LISTEN. `path` NULL: it is the table's default. The text that reads as the same again.
void rm_listen_take(struct rm_reader *, const struct rm_path *path, const struct rm_value *value, void *to);
struct rm_str rm_listen_format(struct rm_arena *, const struct rm_conf_listen *);
bool rm_value_is_off(const struct rm_value *); // null, false, 0, "", [] or {}

#endif
