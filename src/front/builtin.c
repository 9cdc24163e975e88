// The built-in endpoints, as KrakenD answers them (krakend-behaviour.md §2.5). Each says only what its own caller sent.
// SPDX-License-Identifier: Apache-2.0
#include "front/builtin.h"
#include "base/clock.h"
#include "base/pct.h"
#include "front/answer.h"
#include <remora/log.h>

static void builtin_set(struct rm_client *c, struct rm_value *object, struct rm_str name, struct rm_str text)
{
    rm_value_set(&c->rq.arena, object, name, rm_value_string(&c->rq.arena, text));
}

// `budget` counts what a client can make long; NULL: the answer is short, and comes when all memory for bodies is used up too.
static void builtin_json(struct rm_client *c, const struct rm_value *document, struct rm_budget *budget)
{
    struct rm_reply *reply = &c->rq.reply;
    rm_buf_init(&reply->body, SIZE_MAX, budget);
    if (rm_json_write(&c->rq.arena, document, &reply->body) != RM_OK) {
        rm_answer_refuse(c, 503, RM_STR("503 no memory for the body"));
        return;
    }
    reply->status = 200;
    rm_headers_add(&c->rq.arena, &reply->headers, RM_STR("Content-Type"), RM_STR("application/json; charset=utf-8"));
}

static void builtin_health(struct rm_client *c)
{
    struct rm_value *document = rm_value_new(&c->rq.arena, RM_OBJECT);
    char now[32];
    rm_clock_format(rm_clock_wall_us(), now, sizeof(now));
    rm_value_set(&c->rq.arena, document, RM_STR("agents"), rm_value_new(&c->rq.arena, RM_OBJECT));
    builtin_set(c, document, RM_STR("now"), rm_arena_dup(&c->rq.arena, rm_str_of(now)));
    builtin_set(c, document, RM_STR("status"), RM_STR("ok"));
    builtin_json(c, document, NULL);
}

// The list at `name`, made where it is missing.
static struct rm_value *builtin_list(struct rm_client *c, struct rm_value *object, struct rm_str name)
{
    struct rm_value *list = rm_value_get(&c->rq.arena, object, name);
    if (!list) {
        list = rm_value_new(&c->rq.arena, RM_ARRAY);
        rm_value_set(&c->rq.arena, object, name, list);
    }
    return list;
}

static struct rm_value *builtin_query(struct rm_client *c)
{
    struct rm_value *object = rm_value_new(&c->rq.arena, RM_OBJECT);
    struct rm_str rest = c->rq.query;
    struct rm_query_pair pair;
    while (rm_query_next(&rest, &pair)) {
        struct rm_str key, value;
        if (rm_pct_decode(&c->rq.arena, pair.key, true, &key) != RM_OK ||
            rm_pct_decode(&c->rq.arena, pair.value, true, &value) != RM_OK)
            continue;
        rm_value_append(builtin_list(c, object, key), rm_value_string(&c->rq.arena, value));
    }
    return object;
}

// "content-type" as "Content-Type": Go's form, which KrakenD shows.
static struct rm_str builtin_header_name(struct rm_client *c, struct rm_str name)
{
    char *text = rm_arena_cstr(&c->rq.arena, name);
    bool first = true;
    for (size_t i = 0; i < name.n; i++) {
        if (first && text[i] >= 'a' && text[i] <= 'z')
            text[i] = (char)(text[i] - 'a' + 'A');
        else if (!first && text[i] >= 'A' && text[i] <= 'Z')
            text[i] = (char)(text[i] - 'A' + 'a');
        first = text[i] == '-';
    }
    return (struct rm_str){text, name.n};
}

static struct rm_value *builtin_headers(struct rm_client *c)
{
    struct rm_value *object = rm_value_new(&c->rq.arena, RM_OBJECT);
    for (uint32_t i = 0; i < c->rq.headers.n; i++) {
        const struct rm_header *h = &c->rq.headers.v[i];
        if (rm_str_eq_nocase(h->name, RM_STR("host")))
            continue;
        rm_value_append(builtin_list(c, object, builtin_header_name(c, h->name)),
                        rm_value_string(&c->rq.arena, h->value));
    }
    return object;
}

static void builtin_echo(struct rm_client *c)
{
    struct rm_arena *arena = &c->rq.arena;
    struct rm_value *document = rm_value_new(arena, RM_OBJECT);
    struct rm_value *details = rm_value_new(arena, RM_OBJECT);
    struct rm_str path = c->path;
    if (rm_pct_decode(arena, c->path, false, &path) != RM_OK)
        path = c->path;
    builtin_set(c, document, RM_STR("req_uri"), c->target);
    builtin_set(c, details, RM_STR("user"), RM_STR(""));
    builtin_set(c, details, RM_STR("host"), c->rq.host);
    builtin_set(c, details, RM_STR("path"), path);
    builtin_set(c, details, RM_STR("query"), c->rq.query);
    builtin_set(c, details, RM_STR("fragment"), RM_STR(""));
    rm_value_set(arena, document, RM_STR("req_uri_details"), details);
    builtin_set(c, document, RM_STR("req_method"), c->method);
    rm_value_set(arena, document, RM_STR("req_querystring"), builtin_query(c));
    builtin_set(c, document, RM_STR("req_body"), c->rq.body);
    rm_value_set(arena, document, RM_STR("req_headers"), builtin_headers(c));
    builtin_json(c, document, c->serving->plan->budget);
    rm_buf_free(&c->body); // written
}

// Names only: a header's value may be a secret.
static void builtin_debug(struct rm_client *c)
{
    if (rm_log_on(RM_DEBUG)) {
        struct rm_str names = {"", 0};
        for (uint32_t i = 0; i < c->rq.headers.n; i++)
            names = rm_arena_printf(&c->rq.arena, "%.*s%s%.*s", (int)names.n, names.p, i ? "," : "",
                                    (int)c->rq.headers.v[i].name.n, c->rq.headers.v[i].name.p);
        rm_log(RM_DEBUG, "debug endpoint method=%.*s path=%.*s client=%.*s headers=%.*s", (int)c->method.n, c->method.p,
               (int)c->path.n, c->path.p, (int)c->rq.client_ip.n, c->rq.client_ip.p, (int)names.n, names.p);
    }
    struct rm_value *document = rm_value_new(&c->rq.arena, RM_OBJECT);
    builtin_set(c, document, RM_STR("message"), RM_STR("pong"));
    builtin_json(c, document, NULL);
}

void rm_builtin_answer(struct rm_client *c)
{
    switch (c->builtin) {
    case RM_ROUTE_HEALTH:
        builtin_health(c);
        break;
    case RM_ROUTE_ECHO:
        builtin_echo(c);
        break;
    default:
        builtin_debug(c);
        break;
    }
}
