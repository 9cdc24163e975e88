// extra_config["security/bot-detector"] of the service and of endpoints.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#include "value/regex.h"

static void bot_compile(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, struct rm_conf_bot *bot)
{
    const struct rm_value *item = value->type == RM_ARRAY ? value->first : value;
    const struct rm_regex **patterns = RM_NEW_ARRAY(r->arena, const struct rm_regex *, bot->pattern_texts.n);
    for (size_t i = 0; i < bot->pattern_texts.n; i++, item = item->next) {
        struct rm_path at = {.up = path, .index = i};
        struct rm_err err;
        if (rm_regex_compile(r->arena, bot->pattern_texts.v[i], &patterns[i], &err) != RM_OK)
            rm_reader_error(r, value->type == RM_ARRAY ? &at : path, rm_doc_place(item), "%s", err.text);
    }
    bot->patterns = patterns;
}

static void bot_service_patterns(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    bot_compile(r, path, value, &((struct rm_conf *)base)->bot);
}

static void bot_endpoint_patterns(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    bot_compile(r, path, value, &((struct rm_conf_endpoint *)base)->bot);
}

#define BOT_ROWS(owner, compile)                                                                                       \
    {.name = "allow",                                                                                                  \
     .type = RM_FIELD_STRINGS,                                                                                         \
     .offset = offsetof(owner, bot.allow),                                                                             \
     .doc = "values of User-Agent, whole, that pass whatever else is said"},                                           \
        {.name = "deny",                                                                                               \
         .type = RM_FIELD_STRINGS,                                                                                     \
         .offset = offsetof(owner, bot.deny),                                                                          \
         .doc = "values, whole, that get 403"},                                                                        \
        {.name = "patterns",                                                                                           \
         .type = RM_FIELD_STRINGS,                                                                                     \
         .offset = offsetof(owner, bot.pattern_texts),                                                                 \
         .read = compile,                                                                                              \
         .doc = "regular expressions: a value with a match gets 403"},                                                 \
        {.name = "empty_user_agent_is_bot",                                                                            \
         .type = RM_FIELD_BOOL,                                                                                        \
         .offset = offsetof(owner, bot.empty_is_bot),                                                                  \
         .doc = "403 without a User-Agent, too"},                                                                      \
    {                                                                                                                  \
        .name = "cache_size", .type = RM_FIELD_U32, .offset = RM_NOWHERE, .max = UINT32_MAX,                           \
        .note = "each request is looked at anew, in microseconds", .doc = "no effect"                                  \
    }

static const struct rm_field bot_service_rows[] = {BOT_ROWS(struct rm_conf, bot_service_patterns)};
static const struct rm_field bot_endpoint_rows[] = {BOT_ROWS(struct rm_conf_endpoint, bot_endpoint_patterns)};

const struct rm_fields rm_bot_fields = {.v = bot_service_rows,
                                        .n = RM_COUNT(bot_service_rows),
                                        .what = "key of security/bot-detector",
                                        .is_optional = true,
                                        .given = offsetof(struct rm_conf, bot.is_given)};
const struct rm_fields rm_bot_endpoint_fields = {.v = bot_endpoint_rows,
                                                 .n = RM_COUNT(bot_endpoint_rows),
                                                 .what = "key of security/bot-detector",
                                                 .is_optional = true,
                                                 .given = offsetof(struct rm_conf_endpoint, bot.is_given)};
