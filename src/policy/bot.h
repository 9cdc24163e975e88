// Clients that say by their User-Agent that they are bots (security/bot-detector): no defence against one that lies.
// SPDX-License-Identifier: Apache-2.0
#ifndef POLICY_BOT_H
#define POLICY_BOT_H

#include "value/regex.h"
#include <remora/policy.h>

// Lists and patterns live as long as the plan. Asked in this order: an empty one, allow, deny, patterns.
struct rm_bot_rule {
    const struct rm_str *allow, *deny; // whole values
    size_t n_allow, n_deny;
    const struct rm_regex *const *patterns; // of bots
    size_t n_patterns;
    bool empty_is_bot;
};

extern const struct rm_check_ops rm_check_bot; // of the service, or of an endpoint: 403
void *rm_bot_new(struct rm_arena *plan, const struct rm_bot_rule *);

#endif
