// See bodies.h. As in KrakenD (krakend-behaviour.md §7.11) whatever the method is: no body is a body that does not fit. The text of a refusal
// reaches the client only with return_error_msg.
// SPDX-License-Identifier: Apache-2.0
#include "policy/bodies.h"

// Of each body, for all patterns, comparisons and looks at it.
#define BODIES_STEPS_A_BYTE 2

struct bodies {
    const struct rm_schema *schema;
    struct rm_json_limits limits;
    struct rm_budget *budget;
};

void *rm_bodies_new(struct rm_arena *plan, const struct rm_schema *schema, const struct rm_json_limits *limits,
                    struct rm_budget *budget)
{
    struct bodies *self = RM_NEW(plan, struct bodies);
    *self = (struct bodies){schema, *limits, budget};
    if (self->limits.max_depth > RM_SCHEMA_DEPTH)
        self->limits.max_depth = RM_SCHEMA_DEPTH;
    return self;
}

static int bodies_check(const struct bodies *self, struct rm_arena *scratch, struct rm_str body, struct rm_err *err)
{
    struct rm_value *document = NULL;
    size_t used = 0;
    if (body.n == 0)
        return rm_fail(err, RM_EDENIED, "could not validate an empty body");
    int rc = rm_json_parse(scratch, body, UINT32_MAX, &self->limits, &document, &used, err);
    if (rc == RM_OK && used != body.n)
        rc = rm_fail(err, RM_EDECODE, "more text behind the JSON, at byte %zu", used);
    size_t bytes = scratch->bytes;
    if (rc == RM_OK && !rm_budget_charge(self->budget, bytes))
        return rm_fail(err, RM_EMEMORY, "no room left for the values of a body");
    if (rc != RM_OK)
        return rc;
    struct rm_matcher *matcher = rm_matcher_new(scratch, RM_MATCHER_STEPS + BODIES_STEPS_A_BYTE * body.n);
    rc = rm_schema_check(self->schema, scratch, matcher, document, err);
    rm_budget_release(self->budget, bytes);
    return rc;
}

static int bodies_apply(const void *of, struct rm_visit *visit)
{
    struct rm_arena scratch; // not the request's, which lasts as long as the backends take
    struct rm_err why = {.code = RM_OK};
    rm_arena_init(&scratch, NULL);
    int rc = bodies_check(of, &scratch, visit->body, &why);
    rm_arena_fini(&scratch);
    if (rc == RM_OK)
        return RM_OK;
    visit->refusal.err = why;
    if (rc != RM_EMEMORY) {
        visit->refusal.err.code = RM_EDENIED;
        visit->refusal.err.status = 400;
    }
    return visit->refusal.err.code;
}

const struct rm_check_ops rm_check_bodies = {.name = "validation/json-schema", .apply = bodies_apply};
