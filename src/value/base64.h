// Base64 (RFC 4648 4), with its padding; base64url.h is JOSE's.
// SPDX-License-Identifier: Apache-2.0
#ifndef VALUE_BASE64_H
#define VALUE_BASE64_H

#include <remora/base.h>

// Into the arena. RM_EDECODE: another character, or padding that is missing or too much.
int rm_base64_decode(struct rm_arena *, struct rm_str text, struct rm_str *out) RM_MUST_CHECK;

#endif
