// The JSON codecs: json, fast-json, safejson, json-collection. Only what the root may be differs between them. Bytes
// behind the first value are ignored, as KrakenD does.
// SPDX-License-Identifier: Apache-2.0
#include "codec/codecs.h"

static const char json_type[] = "application/json; charset=utf-8";

// The wrapper takes one of the levels that are to be opened.
static uint32_t json_inner_depth(uint32_t open_depth)
{
    return open_depth > 0 && open_depth < UINT32_MAX ? open_depth - 1 : open_depth;
}

static int json_decode(struct rm_arena *arena, const struct rm_decode_in *in, struct rm_value **out, struct rm_err *err)
{
    struct rm_value *root;
    uint32_t open_depth = in->is_collection ? json_inner_depth(in->open_depth) : in->open_depth;
    int rc = rm_json_parse(arena, in->body, open_depth, &in->limits, &root, NULL, err);
    if (rc < 0)
        return rc;
    return rm_codec_root(arena, in, root, out, err);
}

static bool json_begins_object(struct rm_str text)
{
    size_t i = 0;
    while (i < text.n && (text.p[i] == ' ' || text.p[i] == '\n' || text.p[i] == '\r' || text.p[i] == '\t'))
        i++;
    return i < text.n && text.p[i] == '{';
}

// Any root: an object as it is, an array as `collection`, the rest as `content`.
static int json_decode_safe(struct rm_arena *arena, const struct rm_decode_in *in, struct rm_value **out,
                            struct rm_err *err)
{
    struct rm_value *root;
    uint32_t open_depth = json_begins_object(in->body) ? in->open_depth : json_inner_depth(in->open_depth);
    int rc = rm_json_parse(arena, in->body, open_depth, &in->limits, &root, NULL, err);
    if (rc < 0)
        return rc;
    if (root->type == RM_ARRAY)
        root = rm_codec_wrap(arena, RM_STR("collection"), root);
    else if (root->type != RM_OBJECT)
        root = rm_codec_wrap(arena, RM_STR("content"), root);
    *out = root;
    return RM_OK;
}

static int json_out(struct rm_arena *scratch, const struct rm_value *v, struct rm_buf *out, struct rm_refs *refs,
                    struct rm_err *err)
{
    return rm_codec_full(out, rm_json_write_refs(scratch, v, out, refs), err);
}

static int json_encode(struct rm_arena *scratch, struct rm_value *data, struct rm_buf *out, struct rm_refs *refs,
                       struct rm_err *err)
{
    return json_out(scratch, data, out, refs, err);
}

static int json_encode_collection(struct rm_arena *scratch, struct rm_value *data, struct rm_buf *out,
                                  struct rm_refs *refs, struct rm_err *err)
{
    struct rm_value *collection = data ? rm_value_get(scratch, data, RM_STR("collection")) : NULL;
    if (!collection)
        collection = rm_value_new(scratch, RM_ARRAY);
    return json_out(scratch, collection, out, refs, err);
}

const struct rm_codec_ops rm_codec_json = {
    .name = "json", .content_type = json_type, .decode = json_decode, .encode = json_encode};
const struct rm_codec_ops rm_codec_fast_json = {
    .name = "fast-json", .content_type = json_type, .decode = json_decode, .encode = json_encode};
const struct rm_codec_ops rm_codec_safejson = {.name = "safejson", .decode = json_decode_safe};
const struct rm_codec_ops rm_codec_json_collection = {
    .name = "json-collection", .content_type = json_type, .encode = json_encode_collection};
