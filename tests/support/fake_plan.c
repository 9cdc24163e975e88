// A plan made by hand; all of it lies in the given arena.
// SPDX-License-Identifier: Apache-2.0
#include "fake_plan.h"

#include "base/clock.h"

static void fake_endpoint(struct rm_arena *arena, struct rm_endpoint *endpoint, uint32_t index, const char *text)
{
    const char *space = strchr(text, ' ');
    RM_ASSERT(space);
    struct rm_conf_endpoint *conf = RM_NEW(arena, struct rm_conf_endpoint);
    conf->path = rm_arena_dup(arena, rm_str_of(space + 1));
    for (int m = 0; m < RM_METHODS; m++)
        if (rm_str_eq((struct rm_str){text, (size_t)(space - text)}, rm_str_of(rm_method_names[m])))
            conf->method = (enum rm_method)m;
    conf->params.v = RM_NEW_ARRAY(arena, struct rm_str, conf->path.n);
    for (size_t i = 0; i < conf->path.n; i++) {
        if (conf->path.p[i] != '{')
            continue;
        size_t end = i;
        while (conf->path.p[end] != '}')
            end++;
        conf->params.v[conf->params.n++] = rm_str_sub(conf->path, i + 1, end);
    }
    conf->has_rest = conf->path.p[conf->path.n - 1] == '*';
    if (conf->has_rest)
        conf->params.v[conf->params.n++] = RM_STR("*");
    conf->timeout_us = 2 * RM_SEC;
    endpoint->conf = conf;
    endpoint->index = index;
    endpoint->streams = rm_str_starts(conf->path, RM_STR("/stream"));
}

struct rm_plan *fake_plan_new(struct rm_arena *arena, const char *const *endpoints, struct rm_budget *budget)
{
    static struct rm_str headers[] = {{"X-Forwarded-For", 15}, {"X-Real-IP", 9}};
    static struct rm_str proxies[] = {{"127.0.0.0/8", 11}, {"::1/128", 7}};
    struct rm_conf *conf = RM_NEW(arena, struct rm_conf);
    conf->router.health_path = RM_STR("/__health");
    conf->router.forwarded_by_client_ip = true;
    conf->router.remote_ip_headers = (struct rm_strs){headers, RM_COUNT(headers)};
    conf->router.trusted_proxies = (struct rm_strs){proxies, RM_COUNT(proxies)};
    conf->limits = (struct rm_conf_limits){.head_bytes = 8192,
                                           .headers = 100,
                                           .client_body_bytes = 10 << 20,
                                           .backend_head_bytes = 64 << 10,
                                           .backend_body_bytes = 16 << 20,
                                           .json_depth = 512,
                                           .json_nodes = 200000,
                                           .bodies_bytes = 48 << 20,
                                           .connections = 4096,
                                           .head_timeout_us = 5 * RM_SEC,
                                           .idle_timeout_us = 60 * RM_SEC,
                                           .body_timeout_us = 10 * RM_SEC};
    struct rm_plan *plan = RM_NEW(arena, struct rm_plan);
    plan->refs = 1;
    plan->conf = conf;
    plan->budget = budget;
    plan->version_header = RM_STR("Version 0.1.0");
    plan->user_agent = RM_STR("remora/0.1.0");
    while (endpoints[plan->n_endpoints])
        plan->n_endpoints++;
    plan->endpoints = RM_NEW_ARRAY(arena, struct rm_endpoint, plan->n_endpoints);
    for (uint32_t i = 0; i < plan->n_endpoints; i++)
        fake_endpoint(arena, &plan->endpoints[i], i, endpoints[i]);
    return plan;
}
