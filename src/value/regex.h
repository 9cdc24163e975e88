// Regular expressions of the configuration, matched against what peers send: PCRE2 with a bound on the work. RE2's syntax, which KrakenD
// has, is taken; PCRE2 knows more (look-around, back references), which KrakenD refuses. As in RE2, $ is the end of the text only, . no
// line feed, and \C is refused. In RE2, \s has no vertical tab and a repeat counts to 1000 at most.
// SPDX-License-Identifier: Apache-2.0
#ifndef VALUE_REGEX_H
#define VALUE_REGEX_H

#include <remora/base.h>

// Immutable; any thread. Lives as long as the arena.
struct rm_regex;
// RM_ECONF: the text says what is wrong and where.
int rm_regex_compile(struct rm_arena *, struct rm_str pattern, const struct rm_regex **out,
                     struct rm_err *err) RM_MUST_CHECK;

// What matching needs, with the steps that are left for all matches together: an item of the pattern, or a byte of the text that it was
// carried over, is one. In a request's arena, one thread.
struct rm_matcher;
#define RM_MATCHER_STEPS UINT64_C(4000000) // about 30 ms
struct rm_matcher *rm_matcher_new(struct rm_arena *, uint64_t steps);
// For work that is no matching: false when none are left.
bool rm_matcher_spend(struct rm_matcher *, uint64_t steps) RM_MUST_CHECK;

// Somewhere in `text`: 1 yes, 0 no, RM_ETOOBIG when the steps are used up. Bytes that are no UTF-8 match nothing.
int rm_regex_match(const struct rm_regex *, struct rm_matcher *, struct rm_str text, struct rm_err *err) RM_MUST_CHECK;

#endif
