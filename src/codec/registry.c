// The table of codecs.
// SPDX-License-Identifier: Apache-2.0
#include "codec/codecs.h"

// The body passes through untouched: there is nothing to decode or encode, and the front end streams.
static const struct rm_codec_ops registry_no_op = {.name = "no-op"};

const struct rm_codec_ops *const rm_codecs[] = {
    &rm_codec_json, &rm_codec_fast_json,       &rm_codec_safejson,  &rm_codec_string, &rm_codec_xml, &rm_codec_rss,
    &rm_codec_yaml, &rm_codec_json_collection, &rm_codec_negotiate, &registry_no_op,  NULL,
};

const struct rm_codec_ops *rm_codec_find(struct rm_str name)
{
    for (const struct rm_codec_ops *const *codec = rm_codecs; *codec; codec++) {
        if (rm_str_eq(name, rm_str_of((*codec)->name)))
            return *codec;
    }
    return NULL;
}
