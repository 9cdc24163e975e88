// The codecs of this folder, for the registry.
// SPDX-License-Identifier: Apache-2.0
#ifndef CODEC_CODECS_H
#define CODEC_CODECS_H

#include <remora/codec.h>

extern const struct rm_codec_ops rm_codec_json, rm_codec_fast_json, rm_codec_safejson; // json.c
extern const struct rm_codec_ops rm_codec_json_collection;                             // json.c
extern const struct rm_codec_ops rm_codec_negotiate;                                   // negotiate.c
extern const struct rm_codec_ops rm_codec_rss;                                         // rss.c
extern const struct rm_codec_ops rm_codec_string;                                      // string.c
extern const struct rm_codec_ops rm_codec_xml;                                         // xml.c
extern const struct rm_codec_ops rm_codec_yaml;                                        // yaml.c

// xml_write.c
int rm_xml_encode(struct rm_arena *scratch, struct rm_value *data, struct rm_buf *out, struct rm_refs *refs,
                  struct rm_err *err);

// root.c: what a decoded document may be: an object, a list where is_collection says so, or null.
int rm_codec_root(struct rm_arena *, const struct rm_decode_in *, struct rm_value *root, struct rm_value **out,
                  struct rm_err *err);
struct rm_value *rm_codec_wrap(struct rm_arena *, struct rm_str name, struct rm_value *); // {name: value}
// root.c: fills *err for a buffer that took no more (RM_ETOOBIG, RM_EMEMORY) and returns rc; RM_OK is no failure.
int rm_codec_full(const struct rm_buf *out, int rc, struct rm_err *err);

#endif
