// base64url (RFC 4648 5) without padding, as JOSE writes it (RFC 7515 2). Strict: one text for each sequence of bytes.
// SPDX-License-Identifier: Apache-2.0
#ifndef VALUE_BASE64URL_H
#define VALUE_BASE64URL_H

#include <remora/base.h>

// Into the arena. RM_EDECODE: another character, padding, or bits behind the last byte that are not zero.
int rm_base64url_decode(struct rm_arena *, struct rm_str text, struct rm_str *out) RM_MUST_CHECK;

#endif
