// What the codecs' tests have in common: a body in, its value as JSON text; a value in, a body out. On top of value_help.h.
// SPDX-License-Identifier: Apache-2.0
#ifndef SUPPORT_CODEC_HELP_H
#define SUPPORT_CODEC_HELP_H

#include <remora/codec.h>

#include "value_help.h"

#define CODEC_INVALID ((const char *)1)

const struct rm_codec_ops *codec_of(const char *name);
int codec_decode(const char *name, struct rm_str body, bool is_collection, uint32_t depth, struct rm_value **out,
                 struct rm_err *err);
// Decodes at several depths; `want` is the data as text, NULL: no data, CODEC_INVALID: refused with a text that holds `why`.
void codec_assert_decodes(const char *name, const char *body, bool is_collection, const char *want, const char *why);
void codec_assert_encodes(const char *name, struct rm_value *data, struct rm_str want);

#endif
