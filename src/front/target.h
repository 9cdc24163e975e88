// The request target (RFC 9112 3.2): cut into its parts, and a path's decoding. Pure functions.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_TARGET_H
#define FRONT_TARGET_H

#include <remora/base.h>

enum rm_target_form {
    RM_TARGET_ORIGIN,   // "/path?query"
    RM_TARGET_ABSOLUTE, // "http://host/path?query"
    RM_TARGET_ASTERISK  // "*"
};

// Slices of the target; `path` begins with '/' (or is "*"); it is still encoded.
struct rm_target {
    enum rm_target_form form;
    struct rm_str authority; // of the absolute form
    struct rm_str path;
    struct rm_str query; // without '?'
};

// RM_EREQUEST: neither of these forms, a control character, space or '#', a malformed escape in the path, or one that stands for a
// control character.
int rm_target_split(struct rm_str raw, struct rm_target *out) RM_MUST_CHECK;

// host, host:port or [v6]:port (RFC 3986 3.2.2), with the characters that names have: no userinfo, no escapes, no delimiters.
bool rm_target_host_ok(struct rm_str);

// "." and "..", also where their dots are escaped: a backend may take such a segment for a step in its tree.
bool rm_target_is_dots(struct rm_str segment);

#endif
