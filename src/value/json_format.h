// What "format" of a JSON Schema means, as far as KrakenD's library checks it.
// SPDX-License-Identifier: Apache-2.0
#ifndef VALUE_JSON_FORMAT_H
#define VALUE_JSON_FORMAT_H

#include "value/regex.h"

// A pattern, a function, or both.
struct rm_format {
    const char *name, *pattern;
    bool (*fits)(struct rm_arena *scratch, struct rm_str text);
};

const struct rm_format *rm_format_find(struct rm_str name); // NULL: unknown

#endif
