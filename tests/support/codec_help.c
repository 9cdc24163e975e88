// See codec_help.h.
// SPDX-License-Identifier: Apache-2.0
#include "codec_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

const struct rm_codec_ops *codec_of(const char *name)
{
    const struct rm_codec_ops *ops = rm_codec_find(rm_str_of(name));
    assert_non_null(ops);
    assert_string_equal(ops->name, name);
    return ops;
}

int codec_decode(const char *name, struct rm_str body, bool is_collection, uint32_t depth, struct rm_value **out,
                 struct rm_err *err)
{
    const struct rm_decode_in in = {body, is_collection, depth, value_limits};
    return codec_of(name)->decode(&value_arena, &in, out, err);
}

// Decodes at several depths; `want` is the data as text, NULL: no data, CODEC_INVALID: refused with err->text holding `why`.
void codec_assert_decodes(const char *name, const char *body, bool is_collection, const char *want, const char *why)
{
    for (uint32_t depth = 0; depth < 4; depth++) {
        struct rm_value *data = value_parsed("\"untouched\"", 0);
        struct rm_err err = {.text = ""};
        int rc = codec_decode(name, rm_str_of(body), is_collection, depth < 3 ? depth : UINT32_MAX, &data, &err);
        if (want == CODEC_INVALID) {
            if (rc != RM_EDECODE)
                fail_msg("%s took '%s'", name, body);
            if (!strstr(err.text, why))
                fail_msg("'%s' does not say '%s'", err.text, why);
            continue;
        }
        if (rc != RM_OK)
            fail_msg("%s of '%s': %s", name, body, err.text);
        if (!want) {
            assert_null(data);
            continue;
        }
        assert_int_equal(data->type, RM_OBJECT);
        assert_string_equal(value_written(data), want);
    }
}

void codec_assert_encodes(const char *name, struct rm_value *data, struct rm_str want)
{
    struct rm_buf buf;
    struct rm_err err = {.text = ""};
    rm_buf_init(&buf, 1000, NULL);
    assert_int_equal(codec_of(name)->encode(&value_arena, data, &buf, NULL, &err), RM_OK);
    if (!rm_str_eq(rm_buf_str(&buf), want))
        fail_msg("%s gave '%.*s'", name, (int)buf.n, buf.p);
    rm_buf_free(&buf);
}
