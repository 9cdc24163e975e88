// One item of a backend's "host" list, taken apart: "http://name:8080", "https://[2001:db8::1]/base".
// SPDX-License-Identifier: Apache-2.0
#ifndef SD_ORIGIN_H
#define SD_ORIGIN_H

#include <remora/base.h>

struct rm_origin {
    struct rm_str scheme;    // "http" or "https"
    struct rm_str name;      // a DNS name, or an IP literal (IPv6 without brackets, in its shortest form)
    struct rm_str base_path; // "" or "/…", as written
    uint16_t port;           // the scheme's default when none is written
    bool is_literal;         // name is an address: never for DNS
    bool is_v6;
};

// RFC 3986 3.2 without user information, query and fragment. RM_ECONF. Slices of `text`, but for an IPv6 literal (in the arena).
int rm_origin_parse(struct rm_arena *, struct rm_str text, struct rm_origin *out, struct rm_err *err) RM_MUST_CHECK;

#endif
