// See regex.h. PCRE2's own limits count anew at each place of the text where a match may begin, so that they bound nothing; callouts at
// each item of a pattern count the steps instead. All memory is the arena's. No JIT: it has no callouts, and needs writable code pages.
// SPDX-License-Identifier: Apache-2.0
#include "value/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define REGEX_HEAP_KIB 256 // of one matcher, for backtracking

struct rm_regex {
    pcre2_code *code;
};

struct rm_matcher {
    uint64_t left;
    size_t at; // where the last callout was
    pcre2_match_data *data;
    pcre2_match_context *context;
};

static void *regex_alloc(size_t n, void *arena)
{
    return rm_arena_alloc(arena, n);
}

static void regex_free(void *p, void *arena)
{
    (void)p, (void)arena; // with the arena
}

// An ancestor of all that the library makes here; it keeps `arena` as a number that callbacks get back.
static pcre2_general_context *regex_context(struct rm_arena *arena)
{
    pcre2_general_context *context = pcre2_general_context_create(regex_alloc, regex_free, arena);
    RM_ASSERT(context); // an arena never fails
    return context;
}

int rm_regex_compile(struct rm_arena *arena, struct rm_str pattern, const struct rm_regex **out, struct rm_err *err)
{
    static const uint32_t options =
        PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT;
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_compile_context *context = pcre2_compile_context_create(regex_context(arena));
    RM_ASSERT(context);
    (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    struct rm_regex *regex = RM_NEW(arena, struct rm_regex);
    regex->code = pcre2_compile((PCRE2_SPTR)(pattern.p ? pattern.p : ""), pattern.n, options, &code, &at, context);
    if (!regex->code) {
        char why[120];
        (void)pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
        return rm_fail(err, RM_ECONF, "%s, at its byte %zu", why, (size_t)at);
    }
    *out = regex;
    return RM_OK;
}

static int regex_step(pcre2_callout_block *block, void *arg)
{
    struct rm_matcher *matcher = arg;
    size_t at = block->current_position;
    size_t moved = at > matcher->at ? at - matcher->at : matcher->at - at;
    matcher->at = at;
    return rm_matcher_spend(matcher, 1 + moved) ? 0 : PCRE2_ERROR_CALLOUT;
}

struct rm_matcher *rm_matcher_new(struct rm_arena *arena, uint64_t steps)
{
    pcre2_general_context *context = regex_context(arena);
    struct rm_matcher *matcher = RM_NEW(arena, struct rm_matcher);
    matcher->left = steps;
    matcher->data = pcre2_match_data_create(1, context);
    matcher->context = pcre2_match_context_create(context);
    RM_ASSERT(matcher->data && matcher->context);
    (void)pcre2_set_heap_limit(matcher->context, REGEX_HEAP_KIB);
    (void)pcre2_set_callout(matcher->context, regex_step, matcher);
    return matcher;
}

bool rm_matcher_spend(struct rm_matcher *matcher, uint64_t steps)
{
    bool enough = matcher->left >= steps;
    matcher->left = enough ? matcher->left - steps : 0;
    return enough;
}

int rm_regex_match(const struct rm_regex *regex, struct rm_matcher *matcher, struct rm_str text, struct rm_err *err)
{
    matcher->at = 0;
    if (!rm_matcher_spend(matcher, 1 + text.n / 16)) // what the library looks for before it matches
        return rm_fail(err, RM_ETOOBIG, "a regular expression takes too long");
    int rc =
        pcre2_match(regex->code, (PCRE2_SPTR)(text.n > 0 ? text.p : ""), text.n, 0, 0, matcher->data, matcher->context);
    if (rc >= 0)
        return 1;
    if (rc == PCRE2_ERROR_NOMATCH)
        return 0;
    return rm_fail(err, RM_ETOOBIG, "a regular expression takes too long");
}
