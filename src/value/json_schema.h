// JSON Schema, draft-07 (and the booleans of draft-04's exclusiveMinimum): a schema compiled into an immutable program, and values checked
// against it. References stay within the document. Every number is exact, every pattern and every step is bounded.
// SPDX-License-Identifier: Apache-2.0
#ifndef VALUE_JSON_SCHEMA_H
#define VALUE_JSON_SCHEMA_H

#include "value/regex.h"
#include <remora/value.h>

struct rm_schema;

// What compiling says beside its result. `where` is a value of the schema.
struct rm_schema_report {
    const struct rm_value *where; // of the failure
    // A keyword or a format that means nothing here; `kind` "keyword" or "format".
    void (*unknown)(void *arg, const struct rm_value *where, struct rm_str name, const char *kind);
    void *arg;
};

// `root` is opened throughout and outlives the program. RM_ECONF.
int rm_schema_compile(struct rm_arena *, struct rm_value *root, const struct rm_schema **out, struct rm_schema_report *,
                      struct rm_err *err) RM_MUST_CHECK;
bool rm_schema_is_keyword(struct rm_str name);

// A document that is checked has no more levels than this.
#define RM_SCHEMA_DEPTH 256

// `document` is opened throughout. RM_EDENIED: it does not fit, and the text says first what (gojsonschema's words; nothing of the document
// but names of members, cut and printable). RM_ETOOBIG: the matcher's steps are used up, or it is nested too deep.
int rm_schema_check(const struct rm_schema *, struct rm_arena *scratch, struct rm_matcher *, struct rm_value *document,
                    struct rm_err *err) RM_MUST_CHECK;

#endif
