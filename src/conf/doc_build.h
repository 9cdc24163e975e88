// What the two readers of a document build its tree with. For doc.c, yaml.c and json_doc.c only.
// SPDX-License-Identifier: Apache-2.0
#ifndef CONF_DOC_BUILD_H
#define CONF_DOC_BUILD_H

#include "base/map.h"
#include "conf/doc.h"

enum { RM_DOC_DEPTH = 100, RM_DOC_VALUES = 100000 };

// Names of one object that is being built: few are searched one by one, many through a map.
struct rm_doc_names {
    struct rm_map map;
};

int rm_doc_fail(struct rm_doc *, struct rm_place, struct rm_err *err, const char *fmt, ...) RM_PRINTF(4, 5);

// A value that stands at `place`. Text (of strings and numbers) must live as long as the document; strings are decoded text.
// Fails when there are too many.
int rm_doc_add(struct rm_doc *, enum rm_type, struct rm_str text, struct rm_place place, struct rm_value **out,
               struct rm_err *err) RM_MUST_CHECK;
// Puts `value` into `object` under `key`; a name that is there already is an error that says where the first one is.
int rm_doc_put(struct rm_doc *, struct rm_doc_names *, struct rm_value *object, struct rm_str key,
               struct rm_place key_place, struct rm_value *value, struct rm_err *err) RM_MUST_CHECK;
struct rm_value *rm_doc_find(struct rm_doc_names *, const struct rm_value *object, struct rm_str key); // NULL: none

struct rm_place rm_doc_place_at(struct rm_str text, size_t offset);      // of a byte of the text
struct rm_str rm_doc_text_at(struct rm_str text, struct rm_place place); // the rest of the text from a place on

// Fill doc->root from doc->text, which is valid UTF-8 without a byte order mark.
int rm_yaml_read(struct rm_doc *, struct rm_err *err) RM_MUST_CHECK;
int rm_json_read(struct rm_doc *, struct rm_err *err) RM_MUST_CHECK;

#endif
