// A second opinion on JSON for tests: a simple recursive parser that shares no code and no idea with src/value.
// SPDX-License-Identifier: Apache-2.0
#ifndef SUPPORT_JSON_REF_H
#define SUPPORT_JSON_REF_H

#include <stdbool.h>
#include <stddef.h>

// Reads one value from the start of text and writes it in one canonical form: no white space, names and strings decoded (U+FFFD for
// what is no UTF-8) with a fixed way of escaping, the last of several equal names in the place of the first, numbers as they came.
// The result is malloc'ed and NUL-terminated; NULL: invalid, deeper than max_depth or more than max_nodes values. *used (may be
// NULL) is the end of the value and of the white space behind it.
char *json_ref(const char *text, size_t n, unsigned max_depth, unsigned max_nodes, size_t *used);

#endif
