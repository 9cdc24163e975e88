// What is wrong with a configuration, where, and under which path. For conf/, and for who shows a configuration.
// SPDX-License-Identifier: Apache-2.0
#ifndef CONF_FINDING_H
#define CONF_FINDING_H

#include "conf/conf.h"

// The path of a value, from the inside out; lives on the stack of whoever reads the configuration.
struct rm_path {
    const struct rm_path *up; // NULL: a member of the root
    struct rm_str name;       // empty: the item number `index` of a list
    size_t index;
};

// What every reader of a part of the configuration is given.
struct rm_reader {
    struct rm_conf *conf;
    struct rm_arena *arena; // the configuration's
    struct rm_findings *found;
    bool strict;
    const struct rm_sd_ops *const *providers; // as in rm_conf_options
};

void rm_reader_error(struct rm_reader *, const struct rm_path *, struct rm_place, const char *fmt, ...) RM_PRINTF(4, 5);
void rm_reader_warn(struct rm_reader *, const struct rm_path *, struct rm_place, const char *fmt, ...) RM_PRINTF(4, 5);
// A name that nobody knows: a warning, or with --strict an error. `names` are those that are known here.
void rm_reader_unknown(struct rm_reader *, const struct rm_path *, struct rm_place, const char *what,
                       const char *const *names, size_t n);

void rm_finding_add(struct rm_findings *, bool is_error, struct rm_place, struct rm_str path, struct rm_str text);
void rm_findings_sort(struct rm_findings *); // file order; what has no place first

// "backend[1].allow"
struct rm_str rm_path_format(struct rm_arena *, const struct rm_path *);
// For a message: what a person would call the value, "the text \"abc\"", "the number 5", "a list". Credentials in URLs are masked,
// control characters escaped, long texts cut. A NUL-terminated text.
const char *rm_value_describe(struct rm_arena *, const struct rm_value *);
const char *rm_text_quote(struct rm_arena *, struct rm_str); // the same for text alone, in double quotes
bool rm_is_secret_name(struct rm_str); // of a header, a pair or a cookie: its value must not be shown
// A URL or part of one without the secrets people put there: userinfo, and query values under names such as key or token.
struct rm_str rm_url_mask(struct rm_arena *, struct rm_str);

#endif
