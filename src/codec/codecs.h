// The codecs of this folder, for the registry.
// SPDX-License-Identifier: Apache-2.0
#ifndef CODEC_CODECS_H
#define CODEC_CODECS_H

#include <remora/codec.h>

extern const struct rm_codec_ops rm_codec_json, rm_codec_fast_json, rm_codec_safejson; // json.c
extern const struct rm_codec_ops rm_codec_json_collection, rm_codec_negotiate;         // json.c
extern const struct rm_codec_ops rm_codec_string;                                      // string.c

#endif
