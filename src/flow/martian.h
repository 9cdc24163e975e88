// modifier/martian: what its modifiers do to a backend's request and answer. Pure functions on one exchange; nothing is sent.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_MARTIAN_H
#define FLOW_MARTIAN_H

#include "conf/martian.h"
#include <remora/sd.h>
#include <remora/transport.h>

// What goes to a backend, and what came. One's own arrays of headers: they are changed in place.
struct rm_modified {
    struct rm_arena *arena;
    const struct rm_host *host;
    struct rm_str target; // without the host's base path
    struct rm_headers asked;
    int status; // of the answer
    struct rm_headers answer;
    struct rm_str body; // of the side that is modified, where one puts another in its place
    bool has_body;
    struct rm_matcher *matcher; // made when it is needed
};

// RM_ETOOBIG: a regular expression took too long.
int rm_martian_apply(const struct rm_martian *, enum rm_martian_side, struct rm_modified *,
                     struct rm_err *err) RM_MUST_CHECK;

#endif
