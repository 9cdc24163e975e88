// The character classes and lists of HTTP fields (RFC 9110 5.6), shared by what is read and what is written. Pure functions.
// SPDX-License-Identifier: Apache-2.0
#ifndef NET_TEXT_H
#define NET_TEXT_H

#include <remora/base.h>

bool rm_text_is_token(struct rm_str);      // a method or field name; never empty
bool rm_text_is_host(struct rm_str);       // letters, digits, '-', '.', '_', ':'; never empty
bool rm_text_is_value(struct rm_str);      // field content: tab, space, visible, bytes above 0x7f; may be empty
struct rm_str rm_text_trim(struct rm_str); // without spaces and tabs around it
// The next non-empty member of a comma-separated list; *rest moves behind it. False at the end.
bool rm_text_next_member(struct rm_str *rest, struct rm_str *member);

#endif
