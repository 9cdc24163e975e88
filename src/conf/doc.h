// A configuration file as a tree: the JSON value's nodes, made from YAML or JSON text, and where in the file each of them stands.
// Owns the text and the tree. Knows nothing of KrakenD's keys.
// SPDX-License-Identifier: Apache-2.0
#ifndef CONF_DOC_H
#define CONF_DOC_H

#include <remora/value.h>

struct rm_place {
    uint32_t line, column; // from 1; 0: unknown
};

struct rm_doc {
    struct rm_arena arena;
    struct rm_str file; // as the user named it
    struct rm_str text;
    struct rm_value *root;
    struct rm_doc_marks *marks; // value -> places
};

// By the file's extension: .yaml/.yml is YAML 1.1 as libyaml reads it, with the core schema of 1.2 for scalars (so `on`, `yes` and 010 are text,
// text and ten; numbers keep their text), anchors, aliases (at most 100,000 nodes after expansion) and merges (<<); anything else is strict JSON. A duplicate key is an error.
// Error text begins "FILE:LINE:COLUMN: ". At most 8 MiB.
int rm_doc_load(struct rm_doc *, const char *path, struct rm_err *err) RM_MUST_CHECK;
// The same from memory: for tests and fuzzing. The text is copied.
int rm_doc_parse(struct rm_doc *, struct rm_str file, struct rm_str text, struct rm_err *err) RM_MUST_CHECK;
void rm_doc_free(struct rm_doc *);

struct rm_place rm_doc_place(const struct rm_doc *, const struct rm_value *);     // of the value
struct rm_place rm_doc_key_place(const struct rm_doc *, const struct rm_value *); // of its key; the value's own for list items

#endif
