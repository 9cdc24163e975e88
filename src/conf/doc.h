// A configuration file as a tree: the JSON value's nodes, made from YAML or JSON text, and where in the file each of them stands.
// Owns the text and the tree. Knows nothing of KrakenD's keys.
// SPDX-License-Identifier: Apache-2.0
#ifndef CONF_DOC_H
#define CONF_DOC_H

#include <remora/value.h>

struct rm_place {
    uint32_t line, column; // from 1, the column in characters; 0: unknown
};

struct rm_doc {
    struct rm_arena arena;
    struct rm_str file; // as the user named it
    struct rm_str text;
    struct rm_value *root;
    size_t n_values;
    struct rm_place failed; // where rm_doc_load() or rm_doc_parse() failed; line 0: the file as a whole
};

// By the file's extension: .yaml/.yml is YAML 1.1 as libyaml reads it, with the core schema of 1.2 for scalars (so `on`, `yes` and 010
// are text, text and ten; numbers keep their text), anchors, aliases and merges (<<); anything else is strict JSON (RFC 8259). Errors,
// all RM_ECONF: more than 8 MiB, 100,000 values (aliases expanded) or 100 levels, a byte order mark, text that is not UTF-8, a
// duplicate key, a root that is no object. On failure doc->failed says where, and the document must be freed all the same.
int rm_doc_load(struct rm_doc *, const char *path, struct rm_err *err) RM_MUST_CHECK;
// The same from memory: for tests and fuzzing. The text is copied.
int rm_doc_parse(struct rm_doc *, struct rm_str file, struct rm_str text, struct rm_err *err) RM_MUST_CHECK;
void rm_doc_free(struct rm_doc *);

// A string that is not in the file (the environment's): it has no place, but may be asked for it.
struct rm_value *rm_doc_text_value(struct rm_doc *, struct rm_str text);

// Both take a value of a document only. They live as long as the document.
struct rm_place rm_doc_place(const struct rm_value *); // of the value; what an alias brings stands where it was written
struct rm_place rm_doc_key_place(const struct rm_value *); // of its key; the value's own for list items

#endif
