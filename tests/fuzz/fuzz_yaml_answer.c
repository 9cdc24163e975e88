// YAML answers from any bytes: no crash, limits that hold, and YAML that is written from what was read, or from JSON, is read as the same
// value again. Bit 0 of the first byte: the bytes are YAML or JSON; bit 1: is_collection.
// SPDX-License-Identifier: Apache-2.0
#include <remora/codec.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rm_json_limits fuzz_limits = {64, 5000};

static struct rm_str fuzz_encode(struct rm_arena *arena, const char *codec, struct rm_value *v)
{
    struct rm_buf buf;
    struct rm_err err;
    rm_buf_init(&buf, (size_t)64 << 20, NULL);
    int rc = rm_codec_find(rm_str_of(codec))->encode(arena, v, &buf, NULL, &err);
    RM_ASSERT(rc == RM_OK);
    struct rm_str text = rm_arena_dup(arena, rm_buf_str(&buf));
    rm_buf_free(&buf);
    return text;
}

// Every node for itself, so that two trees of one meaning give one text whatever their strings looked like.
static struct rm_value *fuzz_plain(struct rm_arena *arena, struct rm_value *v)
{
    rm_value_open(arena, v);
    for (struct rm_value *child = v->first; child; child = child->next)
        fuzz_plain(arena, child);
    if (v->type == RM_STRING) {
        v->raw = rm_value_text(arena, v);
        v->flags = RM_V_PLAIN;
    }
    return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_str body = {(const char *)data + 1, size - 1};
    const struct rm_codec_ops *codec = rm_codec_find((data[0] & 1) != 0 ? RM_STR("json") : RM_STR("yaml"));
    struct rm_decode_in in = {
        .body = body, .is_collection = (data[0] & 2) != 0, .open_depth = 1, .limits = fuzz_limits};
    struct rm_value *v = NULL;
    struct rm_err err = {.text = ""};
    int rc = codec->decode(&arena, &in, &v, &err);
    RM_ASSERT(rc == RM_OK || rc == RM_EDECODE || rc == RM_ETOOBIG);
    RM_ASSERT(rc == RM_OK || err.text[0] != '\0');
    if (rc == RM_OK && v) {
        const struct rm_json_limits none = {UINT32_MAX, UINT32_MAX};
        struct rm_str want = fuzz_encode(&arena, "json", fuzz_plain(&arena, v));
        fuzz_encode(&arena, "xml", v);
        in = (struct rm_decode_in){.body = fuzz_encode(&arena, "yaml", v), .open_depth = 1, .limits = none};
        struct rm_value *again = NULL;
        rc = rm_codec_find(RM_STR("yaml"))->decode(&arena, &in, &again, &err);
        RM_ASSERT(rc == RM_OK && again);
        RM_ASSERT(rm_str_eq(fuzz_encode(&arena, "json", fuzz_plain(&arena, again)), want));
    }
    rm_arena_fini(&arena);
    return 0;
}
