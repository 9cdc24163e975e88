// extra_config["qos/ratelimit/router"] of endpoints, ["qos/ratelimit/proxy"] of backends.
// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"
#include "conf/load.h"

#define AT(member) offsetof(struct rm_conf_endpoint, ratelimit.member)
#define AT_BACKEND(member) offsetof(struct rm_conf_backend, ratelimit.member)
#define SECOND UINT64_C(1000000)
#define YEAR (365 * 86400 * SECOND)

// What both have.
#define RATE_ROWS(at, max_rate_doc)                                                                                    \
    {.name = "max_rate", .type = RM_FIELD_DECIMAL, .offset = at(max_rate), .doc = max_rate_doc},                       \
        {.name = "capacity",                                                                                           \
         .type = RM_FIELD_U32,                                                                                         \
         .offset = at(capacity),                                                                                       \
         .max = UINT32_MAX,                                                                                            \
         .doc = "calls that may come at once; 0: as many as in a second, at least one"},                               \
    {                                                                                                                  \
        .name = "every", .type = RM_FIELD_DURATION, .offset = at(every_us), .fallback = "1s", .min = SECOND,           \
        .max = YEAR, .zero_is_unset = true, .doc = "the time that the rate is for"                                     \
    }

static const char *const ratelimit_strategies[] = {"none", "ip", "header", "param"}; // as enum rm_conf_by

static const struct rm_field ratelimit_rows[] = {
    RATE_ROWS(AT, "calls of the endpoint in each `every`, more get 503; 0: no limit"),
    {.name = "client_max_rate",
     .type = RM_FIELD_DECIMAL,
     .offset = AT(client_max_rate),
     .doc = "the same for each client, which gets 429; 0: no limit"},
    {.name = "client_capacity",
     .type = RM_FIELD_U32,
     .offset = AT(client_capacity),
     .max = UINT32_MAX,
     .doc = "of a client's calls that may come at once"},
    {.name = "strategy",
     .type = RM_FIELD_CHOICE,
     .offset = AT(strategy),
     .fallback = "none",
     .choices = ratelimit_strategies,
     .n_choices = RM_COUNT(ratelimit_strategies),
     .lenient = true,
     .doc = "what tells clients apart: ip, header or param"},
    {.name = "key",
     .type = RM_FIELD_STRING,
     .offset = AT(key),
     .doc = "the header or parameter; for ip, a header in which a trusted proxy says the address"},
    {.name = "num_shards",
     .type = RM_FIELD_ANY,
     .offset = RM_NOWHERE,
     .doc = "ignored: the table of clients has a fixed size"},
    {.name = "cleanup_period", .type = RM_FIELD_ANY, .offset = RM_NOWHERE, .doc = "ignored"},
    {.name = "cleanup_threads", .type = RM_FIELD_ANY, .offset = RM_NOWHERE, .doc = "ignored"},
};

static void ratelimit_param(struct rm_reader *r, const struct rm_path *path, struct rm_place place,
                            struct rm_conf_endpoint *endpoint)
{
    struct rm_str name = endpoint->ratelimit.key;
    const char **names = RM_NEW_ARRAY(r->found->arena, const char *, endpoint->params.n + 1);
    for (size_t i = 0; i < endpoint->params.n; i++) {
        endpoint->ratelimit.param = (uint32_t)i;
        if (rm_str_eq(endpoint->params.v[i], name))
            return;
        names[i] = rm_arena_cstr(r->found->arena, endpoint->params.v[i]);
    }
    const char *near = rm_nearest(name, names, endpoint->params.n);
    rm_reader_error(r, path, place, "the endpoint has no parameter {%.*s}%s%s%s", (int)name.n, name.p,
                    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static void ratelimit_finish(struct rm_reader *r, const struct rm_path *path, struct rm_value *object, void *base)
{
    struct rm_conf_endpoint *endpoint = base;
    const struct rm_conf_ratelimit *rate = &endpoint->ratelimit;
    struct rm_path key = {.up = path, .name = RM_STR("key")}, client = {.up = path, .name = RM_STR("client_max_rate")};
    const struct rm_value *text = rm_value_get(r->arena, object, key.name);
    struct rm_place place = rm_doc_place(text ? text : object);
    if (!(rate->client_max_rate > 0))
        return;
    if (rate->strategy == RM_CONF_BY_NOTHING)
        rm_reader_warn(r, &client, rm_doc_key_place(rm_value_get(r->arena, object, client.name)),
                       "no effect, as in KrakenD: no \"strategy\" (ip, header or param) tells clients apart");
    else if (rate->strategy != RM_CONF_BY_IP && rate->key.n == 0)
        rm_reader_error(r, &key, place, "is missing: which %s tells clients apart",
                        ratelimit_strategies[rate->strategy]);
    else if (rate->strategy == RM_CONF_BY_PARAM)
        ratelimit_param(r, &key, place, endpoint);
    else if (rate->key.n > 0 && !rm_is_token(rate->key))
        rm_reader_error(r, &key, place, "%s is no header's name", rm_text_quote(r->found->arena, rate->key));
}

const struct rm_fields rm_ratelimit_fields = {.v = ratelimit_rows,
                                              .n = RM_COUNT(ratelimit_rows),
                                              .what = "key of qos/ratelimit/router",
                                              .is_optional = true,
                                              .given = AT(is_given),
                                              .finish = ratelimit_finish};

static const struct rm_field ratelimit_backend_rows[] = {
    RATE_ROWS(AT_BACKEND, "calls of the backend in each `every`, more fail; 0: no limit"),
};
const struct rm_fields rm_ratelimit_backend_fields = {.v = ratelimit_backend_rows,
                                                      .n = RM_COUNT(ratelimit_backend_rows),
                                                      .what = "key of qos/ratelimit/proxy",
                                                      .is_optional = true,
                                                      .given = AT_BACKEND(is_given)};
