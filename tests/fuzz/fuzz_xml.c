// XML and feeds from any bytes: no crash, limits that hold, and XML that is written from what was read is read as the same again. Bit 0 of
// the first byte: xml or rss; bit 1: is_collection.
// SPDX-License-Identifier: Apache-2.0
#include <remora/codec.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rm_json_limits fuzz_limits = {64, 5000};

static uint32_t fuzz_count(struct rm_value *v, uint32_t depth)
{
    uint32_t n = 1;
    RM_ASSERT((v->flags & RM_V_RANGE) == 0 && depth < 1000);
    for (struct rm_value *child = v->first; child; child = child->next)
        n += fuzz_count(child, depth + 1);
    return n;
}

static struct rm_str fuzz_encode(struct rm_arena *arena, const struct rm_codec_ops *codec, struct rm_value *v)
{
    struct rm_buf buf;
    struct rm_err err;
    rm_buf_init(&buf, (size_t)64 << 20, NULL);
    int rc = codec->encode(arena, v, &buf, NULL, &err);
    RM_ASSERT(rc == RM_OK);
    struct rm_str text = rm_arena_dup(arena, rm_buf_str(&buf));
    rm_buf_free(&buf);
    return text;
}

// What is written is XML, and means the same from then on.
static void fuzz_there_and_back(struct rm_arena *arena, struct rm_value *v)
{
    const struct rm_codec_ops *xml = rm_codec_find(RM_STR("xml"));
    const struct rm_json_limits none = {UINT32_MAX, UINT32_MAX};
    struct rm_str first = fuzz_encode(arena, xml, v);
    struct rm_err err;
    struct rm_decode_in in = {.body = first, .open_depth = 1, .limits = none};
    struct rm_value *again = NULL;
    if (xml->decode(arena, &in, &again, &err) != RM_OK) // letters beyond ASCII are not looked up
        return;
    in.body = fuzz_encode(arena, xml, again);
    RM_ASSERT(xml->decode(arena, &in, &again, &err) == RM_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_str body = {(const char *)data + 1, size - 1};
    const struct rm_codec_ops *codec = rm_codec_find((data[0] & 1) != 0 ? RM_STR("rss") : RM_STR("xml"));
    const struct rm_decode_in in = {
        .body = body, .is_collection = (data[0] & 2) != 0, .open_depth = 1, .limits = fuzz_limits};
    struct rm_value *v = NULL;
    struct rm_err err = {.text = ""};
    int rc = codec->decode(&arena, &in, &v, &err);
    RM_ASSERT(rc == RM_OK || rc == RM_EDECODE || rc == RM_ETOOBIG);
    if (rc == RM_OK) {
        RM_ASSERT(v && v->type == RM_OBJECT);
        uint32_t n = fuzz_count(v, 0);
        RM_ASSERT(codec->encode == NULL || n <= 2 * fuzz_limits.max_nodes + 3); // an element, its text, and the roots
        fuzz_encode(&arena, rm_codec_find(RM_STR("json")), v);
        fuzz_encode(&arena, rm_codec_find(RM_STR("yaml")), v);
        fuzz_there_and_back(&arena, v);
    } else {
        RM_ASSERT(err.text[0] != '\0');
    }
    rm_arena_fini(&arena);
    return 0;
}
