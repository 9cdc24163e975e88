// The JSON codecs: json, fast-json, safejson, json-collection, negotiate. Only what the root may be differs between them. Bytes
// behind the first value are ignored, as KrakenD does.
// SPDX-License-Identifier: Apache-2.0
#include "codec/codecs.h"

static const char json_type[] = "application/json; charset=utf-8";

// "an array", for a message.
static const char *json_a(const struct rm_value *v)
{
    switch ((enum rm_type)v->type) {
    case RM_NULL:
        return "null";
    case RM_FALSE:
    case RM_TRUE:
        return "a boolean";
    case RM_NUMBER:
        return "a number";
    case RM_STRING:
        return "a string";
    case RM_ARRAY:
        return "an array";
    case RM_OBJECT:
        return "an object";
    }
    return "something else";
}

static struct rm_value *json_wrap(struct rm_arena *arena, struct rm_str name, struct rm_value *v)
{
    struct rm_value *object = rm_value_new(arena, RM_OBJECT);
    rm_value_set(arena, object, name, v);
    return object;
}

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
    if (in->is_collection) {
        // KrakenD reads null as a list that is not there, and still has a member for it.
        if (root->type != RM_ARRAY && root->type != RM_NULL)
            return rm_fail(err, RM_EDECODE, "expected an array (is_collection), got %s", json_a(root));
        *out = json_wrap(arena, RM_STR("collection"), root);
        return RM_OK;
    }
    if (root->type != RM_OBJECT && root->type != RM_NULL)
        return rm_fail(err, RM_EDECODE, "expected an object, got %s", json_a(root));
    *out = root->type == RM_NULL ? NULL : root;
    return RM_OK;
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
        root = json_wrap(arena, RM_STR("collection"), root);
    else if (root->type != RM_OBJECT)
        root = json_wrap(arena, RM_STR("content"), root);
    *out = root;
    return RM_OK;
}

static int json_out(struct rm_arena *scratch, const struct rm_value *v, struct rm_buf *out, struct rm_refs *refs,
                    struct rm_err *err)
{
    int rc = rm_json_write_refs(scratch, v, out, refs);
    if (rc == RM_ETOOBIG)
        return rm_fail(err, rc, "the answer would be larger than %zu bytes", out->max);
    if (rc < 0)
        return rm_fail(err, rc, "no memory is left for the answer");
    return RM_OK;
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

const struct rm_codec_ops rm_codec_json = {"json", json_type, json_decode, json_encode};
const struct rm_codec_ops rm_codec_fast_json = {"fast-json", json_type, json_decode, json_encode};
const struct rm_codec_ops rm_codec_safejson = {"safejson", NULL, json_decode_safe, NULL};
const struct rm_codec_ops rm_codec_json_collection = {"json-collection", json_type, NULL, json_encode_collection};
// Chooses by the Accept header; json is the only one of its targets that remora has.
const struct rm_codec_ops rm_codec_negotiate = {"negotiate", json_type, NULL, json_encode};
