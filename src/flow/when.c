// Conditions on a backend (when.h). Pure but for the arena.
// SPDX-License-Identifier: Apache-2.0
#include "flow/when.h"

#include "base/pct.h"
#include "flow/url.h"
#include "value/regex.h"

// False: there is no such value.
static bool when_value(const struct rm_conf_when *when, const struct rm_request *rq, struct rm_value *const *answers,
                       struct rm_arena *arena, struct rm_str *out)
{
    const struct rm_header *header;
    struct rm_str rest = rq->query, key;
    struct rm_query_pair pair;
    switch (when->of) {
    case RM_WHEN_PARAM:
        *out = rq->params[when->param];
        return true;
    case RM_WHEN_HEADER:
        header = rm_headers_find(&rq->headers, when->name);
        *out = header ? header->value : RM_STR("");
        return header != NULL;
    case RM_WHEN_QUERY:
        while (rm_query_next(&rest, &pair))
            if (rm_pct_decode(arena, pair.key, true, &key) == RM_OK && rm_str_eq(key, when->name))
                return rm_pct_decode(arena, pair.value, true, out) == RM_OK;
        return false;
    case RM_WHEN_FIELD:
        return answers && answers[when->backend] &&
               rm_url_field(arena, answers[when->backend], when->field, out) == RM_OK;
    case RM_WHEN_ALWAYS:
        break;
    }
    return false;
}

bool rm_when_holds(const struct rm_conf_when *when, const struct rm_request *rq, struct rm_value *const *answers,
                   struct rm_arena *arena)
{
    struct rm_str value = {"", 0};
    struct rm_err err;
    bool holds = when_value(when, rq, answers, arena, &value);
    if (holds && when->has_equals)
        holds = rm_str_eq(value, when->equals);
    else if (holds && when->regex)
        holds = rm_regex_match(when->regex, rm_matcher_new(arena, RM_MATCHER_STEPS), value, &err) == 1;
    return holds != when->negated;
}
