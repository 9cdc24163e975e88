// XML as events, for the codecs that make something of it. All of it is UTF-8; names and attributes live in the arena.
// SPDX-License-Identifier: Apache-2.0
#ifndef CODEC_MARKUP_H
#define CODEC_MARKUP_H

#include <remora/codec.h>

struct rm_markup_attr {
    struct rm_str name, value; // the name as written, its prefix included
};

// Any of them may end the reading with an error (its own, in *err).
struct rm_markup_sink {
    int (*start)(void *self, struct rm_str name, const struct rm_markup_attr *attrs, size_t n, struct rm_err *err);
    // A run of text, which does not outlive the call: comments, processing instructions, tags and the ends of CDATA cut it, entities
    // do not.
    int (*text)(void *self, struct rm_str text, struct rm_err *err);
    int (*end)(void *self, struct rm_err *err);
};

// Reads the first element and what is in it; what follows it is not looked at. Depth, elements and attributes are counted against
// in->limits. Entities that the document declares are refused, so that a small document stays small, as are UTF-16 and
// documents with external parts. RM_EDECODE, RM_ETOOBIG. Prefixes are not resolved: an undeclared one is none of its business.
int rm_markup_read(struct rm_arena *, const struct rm_decode_in *in, const struct rm_markup_sink *, void *self,
                   struct rm_err *err) RM_MUST_CHECK;

// What stands behind the prefix: "b" of "a:b".
struct rm_str rm_markup_local(struct rm_str name);

#endif
