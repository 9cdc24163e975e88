// A list of names that may pass, compiled at load: of headers (ASCII case folded) or of query keys (exact). Immutable.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_FILTER_H
#define FLOW_FILTER_H

#include <remora/base.h>

struct rm_filter {
    bool all;  // everything passes
    bool fold; // names are compared without case
    const struct rm_filter_name *names;
    uint32_t n;
};

// The names are copied into the arena.
void rm_filter_compile(struct rm_filter *, struct rm_arena *, const struct rm_str *names, size_t n, bool all,
                       bool fold);
bool rm_filter_passes(const struct rm_filter *, struct rm_str name);

#endif
