// String content between its forms: source text (between the quotes), decoded text, text to be written.
// SPDX-License-Identifier: Apache-2.0
#ifndef VALUE_JSON_TEXT_H
#define VALUE_JSON_TEXT_H

#include <remora/base.h>

// Decoded, valid UTF-8. `flags` are the string's RM_V_*; raw itself when it needs no change, else in the arena.
struct rm_str rm_json_text(struct rm_arena *, struct rm_str raw, unsigned flags);

// Decodes valid source text into out, which has room for raw.n bytes: enough unless raw needs RM_V_REWRITE.
size_t rm_json_decode(struct rm_str raw, char *out);

// Appends decoded text as string content: quote, backslash and control characters escaped, what is no UTF-8 as U+FFFD.
int rm_json_escape(struct rm_buf *, struct rm_str text) RM_MUST_CHECK;

// Appends source text with U+FFFD in the place of invalid bytes and lone surrogates; its other escapes stay as they are.
int rm_json_mend(struct rm_buf *, struct rm_str raw) RM_MUST_CHECK;

#endif
