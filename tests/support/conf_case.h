// Configurations in tests: loads a text, keeps what was found, and finds one finding among it.
// SPDX-License-Identifier: Apache-2.0
#ifndef SUPPORT_CONF_CASE_H
#define SUPPORT_CONF_CASE_H

#include "conf/conf.h"

struct conf_case {
    struct rm_arena arena;
    struct rm_findings found;
    struct rm_conf *conf; // NULL: refused
    int rc;
};

// The file's name says what it is: "t.yaml" or "t.json". `options` may be NULL.
void conf_case_load(struct conf_case *, const char *file, const char *text, const struct rm_conf_options *options);
// Loads and fails the test when there is any error, or (unless `warnings`) any warning; prints them.
void conf_case_good(struct conf_case *, const char *file, const char *text, bool warnings);
void conf_case_free(struct conf_case *);
void conf_case_print(const struct conf_case *);

// The finding at this place and path whose text holds the phrase; NULL: none.
const struct rm_finding *conf_case_find(const struct conf_case *, struct rm_place, const char *path,
                                        const char *phrase);
// The same anywhere.
const struct rm_finding *conf_case_says(const struct conf_case *, const char *path, const char *phrase);

// Takes the mark out of a text (a copy in the arena) and says where it stood, in characters.
const char *conf_case_unmark(struct conf_case *, const char *text, char mark, struct rm_place *place);

#endif
