// The target of a backend call: the url_pattern's pieces, the endpoint's parameters and earlier answers' fields in them, and the
// client's query pairs that may pass. Everything that is filled in is percent-encoded, so that it cannot leave its place. Pure.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_URL_H
#define FLOW_URL_H

#include "conf/conf.h"
#include "flow/filter.h"

// Longer targets are refused with RM_ETOOBIG: an earlier answer's field may be megabytes long.
#define RM_URL_MOST ((size_t)64 << 10)

// Compiled at load.
struct rm_url {
    const struct rm_piece *pieces;
    size_t n_pieces;
    struct rm_str literal; // without placeholders: the whole pattern, beginning with '/'
    bool is_literal;
    bool has_query;            // the pattern has a '?'
    bool ends_open;            // it ends in '?' or '&': a pair may follow without another '&'
    bool wants_answers;        // a piece is a field of an earlier answer
    bool raw_params;           // router.disable_path_decoding: parameters are segments as they came
    struct rm_filter queries;  // input_query_strings of the endpoint
    struct rm_filter narrower; // and of the backend; all: there is none
};

struct rm_url_in {
    const struct rm_str *params;     // in the endpoint's order
    struct rm_str query;             // the client's, raw, without '?'
    struct rm_value *claims;         // of the client's token; NULL: there is none
    struct rm_value *const *answers; // of the backends before, NULL for a JSON null; only where wants_answers
};

void rm_url_compile(struct rm_url *, struct rm_arena *, const struct rm_conf_backend *, const struct rm_conf_endpoint *,
                    bool raw_params);

// RM_EPARAM: a placeholder without a usable value, or a value that would make an empty or a dot segment ("." and ".."; RFC 3986
// 5.2.4); err->status is 400 where the client gave that value, also in its token. RM_ETOOBIG. `err` may not be NULL.
int rm_url_build(const struct rm_url *, struct rm_arena *, const struct rm_url_in *, struct rm_str *target,
                 struct rm_err *err) RM_MUST_CHECK;

// The text of the field at `path` of an answer (krakend-behaviour.md §4): a string as it is, a number as it was written, true and
// false, an array of such values joined with commas. RM_EPARAM: missing, null, an object, or an array with such members.
int rm_url_field(struct rm_arena *, struct rm_value *answer, struct rm_strs path, struct rm_str *out) RM_MUST_CHECK;

#endif
