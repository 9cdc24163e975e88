// security/bot-detector: the User-Agent against lists and patterns. A value that takes too long to match is a bot's.
// SPDX-License-Identifier: Apache-2.0
#include "policy/bot.h"

void *rm_bot_new(struct rm_arena *plan, const struct rm_bot_rule *rule)
{
    struct rm_bot_rule *self = RM_NEW(plan, struct rm_bot_rule);
    *self = *rule;
    return self;
}

static bool bot_lists(const struct rm_str *list, size_t n, struct rm_str agent)
{
    bool found = false;
    for (size_t i = 0; !found && i < n; i++)
        found = rm_str_eq(list[i], agent);
    return found;
}

static bool bot_is(const struct rm_bot_rule *self, struct rm_visit *visit, struct rm_str agent)
{
    struct rm_err err;
    if (agent.n == 0)
        return self->empty_is_bot;
    if (bot_lists(self->allow, self->n_allow, agent))
        return false;
    if (bot_lists(self->deny, self->n_deny, agent))
        return true;
    int match = 0;
    struct rm_matcher *matcher = self->n_patterns > 0 ? rm_matcher_new(visit->arena, RM_MATCHER_STEPS) : NULL;
    for (size_t i = 0; match == 0 && i < self->n_patterns; i++)
        match = rm_regex_match(self->patterns[i], matcher, agent, &err);
    return match != 0;
}

static int bot_apply(const void *check, struct rm_visit *visit)
{
    const struct rm_header *agent = rm_headers_find(visit->headers, RM_STR("user-agent"));
    if (!bot_is(check, visit, agent ? agent->value : RM_STR("")))
        return RM_OK;
    visit->refusal.status = 403;
    return rm_fail(&visit->refusal.err, RM_EDENIED, "the client is a bot");
}

const struct rm_check_ops rm_check_bot = {.name = "security/bot-detector", .apply = bot_apply};
