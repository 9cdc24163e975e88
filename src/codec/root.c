// What the codecs that read or write a whole tree have in common: the rule for its root, and what is said of a full buffer.
// SPDX-License-Identifier: Apache-2.0
#include "codec/codecs.h"

// "an array", for a message.
static const char *root_a(const struct rm_value *v)
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

struct rm_value *rm_codec_wrap(struct rm_arena *arena, struct rm_str name, struct rm_value *v)
{
    struct rm_value *object = rm_value_new(arena, RM_OBJECT);
    rm_value_set(arena, object, name, v);
    return object;
}

int rm_codec_root(struct rm_arena *arena, const struct rm_decode_in *in, struct rm_value *root, struct rm_value **out,
                  struct rm_err *err)
{
    if (in->is_collection) {
        // KrakenD reads null as a list that is not there, and still has a member for it.
        if (root->type != RM_ARRAY && root->type != RM_NULL)
            return rm_fail(err, RM_EDECODE, "expected an array (is_collection), got %s", root_a(root));
        *out = rm_codec_wrap(arena, RM_STR("collection"), root);
        return RM_OK;
    }
    if (root->type != RM_OBJECT && root->type != RM_NULL)
        return rm_fail(err, RM_EDECODE, "expected an object, got %s", root_a(root));
    *out = root->type == RM_NULL ? NULL : root;
    return RM_OK;
}

int rm_codec_full(const struct rm_buf *out, int rc, struct rm_err *err)
{
    if (rc == RM_OK)
        return RM_OK;
    if (rc == RM_ETOOBIG)
        return rm_fail(err, rc, "the answer would be larger than %zu bytes", out->max);
    return rm_fail(err, rc, "no memory is left for the answer");
}
