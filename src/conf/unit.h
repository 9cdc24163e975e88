// Durations, sizes and whole numbers as people write them. Pure functions. For conf/, and for who shows a configuration.
// SPDX-License-Identifier: Apache-2.0
#ifndef CONF_UNIT_H
#define CONF_UNIT_H

#include <remora/base.h>

// All give NULL, or why the text is none: a phrase that follows what was found.

// Go's time.ParseDuration: "1m30s", "500ms", "1.5h", "0". Parts of a microsecond are rounded up. Not negative.
const char *rm_duration_parse(struct rm_str text, uint64_t *us);
// Bytes: "8192", "16MiB" (KiB, MiB, GiB; also Ki, Mi, Gi).
const char *rm_size_parse(struct rm_str text, uint64_t *bytes);
// A JSON number's or a person's text: "8080", "8080.0", "1e3"; no fraction that counts, not negative.
const char *rm_whole_parse(struct rm_str text, uint64_t *n);

// The shortest exact text: "1500ms", "2s", "16MiB".
struct rm_str rm_duration_format(struct rm_arena *, uint64_t us);
struct rm_str rm_size_format(struct rm_arena *, uint64_t bytes);

#endif
