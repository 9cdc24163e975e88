// Short ways to make and to look at JSON values in tests. What fails here fails the test that asked.
// SPDX-License-Identifier: Apache-2.0
#ifndef SUPPORT_VALUE_HELP_H
#define SUPPORT_VALUE_HELP_H

#include <remora/value.h>

extern const struct rm_json_limits value_limits; // the defaults
extern struct rm_arena value_arena;              // everything made here lies in it

int value_setup(void **state); // cmocka's: the arena
int value_teardown(void **state);
#define VALUE_TEST(name) cmocka_unit_test_setup_teardown(name, value_setup, value_teardown)

struct rm_value *value_parsed(const char *text, uint32_t open_depth);
const char *value_written(const struct rm_value *v);

// `times` copies of open, then middle, then as many of close.
struct rm_str value_repeated(const char *open, const char *middle, const char *close, size_t times);
// The template with `with` in the place of its '%'.
struct rm_str value_filled(const char *template, struct rm_str with);

// The counts, the last links and the names of the whole tree: unique in objects, none in arrays.
void value_check_tree(const struct rm_value *v);
// `text` at each depth of opening is written as `want`.
void value_assert_writes(const char *text, const char *want);
// `text`, at each depth of opening, is written as something that means what the reference parser says, and holds nothing that
// would have to be rewritten again.
void value_assert_means_the_same(struct rm_str text);

#endif
