// Percent-coding of URL parts (RFC 3986 2.1) and the query's key=value pairs. Pure functions.
// SPDX-License-Identifier: Apache-2.0
#ifndef BASE_PCT_H
#define BASE_PCT_H

#include <remora/base.h>

// Decodes %XX (and + as a space where plus is true) into the arena; a malformed escape (or a NUL) gives RM_EREQUEST. Without escapes the slice itself is given back.
int rm_pct_decode(struct rm_arena *, struct rm_str in, bool plus, struct rm_str *out) RM_MUST_CHECK;

// Encodes all that may not stand in one path segment: kept are the unreserved, sub-delims, ':' and '@' (RFC 3986 3.3 pchar); '/', '?', '#', '%', space,
// controls and non-ASCII bytes are encoded. The slice itself when nothing needs it.
struct rm_str rm_pct_encode_segment(struct rm_arena *, struct rm_str in);
// Encodes for the value of a query pair: kept are unreserved and -._~ ; the rest as %XX (a space as %20).
struct rm_str rm_pct_encode_query(struct rm_arena *, struct rm_str in);

// Walks "a=1&b&c=2": gives each pair's raw bytes (without '&'), its raw key and raw value. Empty pairs are skipped.
struct rm_query_pair {
    struct rm_str pair, key, value;
};
bool rm_query_next(struct rm_str *rest, struct rm_query_pair *out);

#endif
