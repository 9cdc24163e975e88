// Counts, and the access log's line. Never the query (it may hold tokens), never a header.
// SPDX-License-Identifier: Apache-2.0
#include "front/access.h"
#include "flow/trace.h"

#include <remora/log.h>

#define ACCESS_HUNG_UP 499 // nobody to answer; nginx's number for it

// Probes and scrapes come all day long.
static enum rm_level access_level(const struct rm_client *c)
{
    return c->conn->front->shared->pages ? RM_DEBUG : RM_INFO;
}

static bool access_wanted(const struct rm_client *c)
{
    const struct rm_conf_router *router = &c->serving->plan->conf->router;
    if (router->disable_access_log || !rm_log_on(access_level(c)))
        return false;
    for (size_t i = 0; i < router->logger_skip_paths.n; i++)
        if (rm_str_eq(c->path, router->logger_skip_paths.v[i]))
            return false;
    return true;
}

struct access_end {
    bool broken, hung_up; // the client has not had all of it; nor any of it
    int status;
    uint64_t us;
};

static void access_count(const struct rm_client *c, const struct access_end *end)
{
    const struct rm_ended ended = {
        .status = end->hung_up ? 0 : end->status,
        .code = c->rq.err.code,
        .begun = c->started && c->rq.endpoint,
        .cancelled = end->hung_up || (end->broken && !c->down.cut),
        .incomplete = c->rq.endpoint && !c->rq.endpoint->streams && !c->rq.completed,
        .sent_bytes = c->sent,
        .received_bytes = c->received,
        .took_us = end->us,
    };
    rm_flow_count_end(c->rq.flow, c->rq.endpoint, &ended);
}

static void access_log(const struct rm_client *c, const struct access_end *end)
{
    struct rm_str trace = rm_trace_id(&c->rq.headers);
    struct rm_str path = c->path.n > 0 ? c->path : RM_STR("-");
    const char *client = c->rq.client_ip.n > 0 ? c->rq.client_ip.p : c->conn->peer;
    int client_n = (int)(c->rq.client_ip.n > 0 ? c->rq.client_ip.n : strlen(c->conn->peer));
    rm_log(access_level(c), "request method=%.*s path=%.*s status=%d duration_ms=%llu.%03u bytes=%llu client=%.*s%s%s%s%s%.*s",
           (int)c->method.n, c->method.p, (int)path.n, path.p,
           end->status, (unsigned long long)(end->us / 1000),
           (unsigned)(end->us % 1000), (unsigned long long)c->sent, client_n, client, end->broken ? " cut=true" : "",
           c->rq.err.code ? " error=" : "", c->rq.err.code ? rm_code_name(c->rq.err.code) : "",
           trace.n > 0 ? " trace_id=" : "", (int)trace.n, trace.p);
}

void rm_access_note(const struct rm_client *c)
{
    bool answered = c->state == RM_CLIENT_SENDING || c->state == RM_CLIENT_STREAMING || c->overdue;
    bool broken = c->state == RM_CLIENT_STREAMING ? c->down.cut || !c->over : c->state == RM_CLIENT_DEAD;
    bool hung_up = broken && !answered;
    const struct access_end end = {.broken = broken,
                                   .hung_up = hung_up,
                                   .status = hung_up ? ACCESS_HUNG_UP : c->rq.reply.status,
                                   .us = rm_loop_now_us(c->rq.loop) - c->started_us};
    if (c->rq.flow)
        access_count(c, &end);
    if (access_wanted(c))
        access_log(c, &end);
}
