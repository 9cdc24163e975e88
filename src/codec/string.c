// The string codec: a body as {"content": text}, and `content` as a body of plain text.
// SPDX-License-Identifier: Apache-2.0
#include "codec/codecs.h"

static int string_decode(struct rm_arena *arena, const struct rm_decode_in *in, struct rm_value **out,
                         struct rm_err *err)
{
    (void)err;
    *out = rm_value_new(arena, RM_OBJECT);
    rm_value_set(arena, *out, RM_STR("content"), rm_value_string(arena, in->body));
    return RM_OK;
}

static int string_encode(struct rm_arena *scratch, struct rm_value *data, struct rm_buf *out, struct rm_refs *refs,
                         struct rm_err *err)
{
    struct rm_value *content = data ? rm_value_get(scratch, data, RM_STR("content")) : NULL;
    if (!content || content->type != RM_STRING)
        return RM_OK;
    // A body that came in as text goes out with the same bytes, in whatever character set it is.
    struct rm_str text = (content->flags & RM_V_PLAIN) != 0 ? content->raw : rm_value_text(scratch, content);
    return rm_codec_full(out, rm_refs_add(refs, out, text) ? RM_OK : rm_buf_append(out, text), err);
}

const struct rm_codec_ops rm_codec_string = {
    .name = "string", .content_type = "text/plain; charset=utf-8", .decode = string_decode, .encode = string_encode};
