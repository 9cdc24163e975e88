// Codecs: a backend's bytes to a value, a value to the client's bytes. Pure functions: no I/O, no waiting, any thread.
// SPDX-License-Identifier: Apache-2.0
#ifndef REMORA_CODEC_H
#define REMORA_CODEC_H

#include <remora/base.h>
#include <remora/value.h>

struct rm_decode_in {
    struct rm_str body;  // must outlive the value
    bool is_collection;  // KrakenD's backend key: the root is an array, which becomes {"collection": […]}
    uint32_t open_depth; // levels that the later steps look into (a hint: rm_value_open() opens more)
    struct rm_json_limits limits;
};

struct rm_codec_ops {
    const char *name; // value of "encoding" or "output_encoding"
    // Content-Type of what encode() writes; NULL when it cannot encode.
    const char *content_type;
    // The decoded object, or *out = NULL for a JSON null. Member NULL: cannot decode. RM_EDECODE, RM_ETOOBIG.
    int (*decode)(struct rm_arena *, const struct rm_decode_in *, struct rm_value **out, struct rm_err *err);
    // Appends. data NULL: "no data" (JSON null). Member NULL: cannot encode. RM_ETOOBIG, RM_EMEMORY. `refs` takes large parts of the
    // decoded bodies, which are then not copied; NULL: everything is.
    int (*encode)(struct rm_arena *scratch, struct rm_value *data, struct rm_buf *out, struct rm_refs *refs,
                  struct rm_err *err);
    // Which codec encodes in place of this one, by a client's Accept header (empty: there is none). Member NULL: itself.
    const struct rm_codec_ops *(*pick)(struct rm_str accept);
};

extern const struct rm_codec_ops *const rm_codecs[];          // src/codec/registry.c; NULL ends it
const struct rm_codec_ops *rm_codec_find(struct rm_str name); // exact, case-sensitive; NULL: no such codec

#endif
