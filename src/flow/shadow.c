// What is sent to an endpoint's shadow backends: a request of its own that nobody waits for, with copies of all that it needs of the
// client's. Owns its arena and its body, counts as a request of its flow, and ends with its last call or its own deadline.
// SPDX-License-Identifier: Apache-2.0
#include "flow/shadow.h"

#include "flow/backend.h"
#include "flow/endpoint.h"
#include "flow/local.h"

#include <remora/log.h>

struct shadow {
    struct rm_request rq; // first; the shadow lies in its arena
    struct rm_shadows *among;
    struct rm_list link;
    struct rm_buf body;
    void *held;
    struct rm_part *calls;
};

static struct shadow *shadow_copy(const struct rm_request *rq)
{
    struct rm_arena arena;
    rm_arena_init(&arena, rq->shadows->blocks);
    struct shadow *shadow = RM_NEW(&arena, struct shadow);
    struct rm_request *to = &shadow->rq;
    to->arena = arena;
    to->loop = rq->loop;
    to->flow = rq->flow;
    to->endpoint = rq->endpoint->shadow;
    to->query = rm_arena_dup(&to->arena, rq->query);
    size_t n_params = rq->endpoint->conf->params.n;
    to->params = RM_NEW_ARRAY(&to->arena, struct rm_str, n_params);
    for (size_t i = 0; i < n_params; i++)
        to->params[i] = rm_arena_dup(&to->arena, rq->params[i]);
    for (uint32_t i = 0; i < rq->headers.n; i++)
        rm_headers_add(&to->arena, &to->headers, rm_arena_dup(&to->arena, rq->headers.v[i].name),
                       rm_arena_dup(&to->arena, rq->headers.v[i].value));
    to->host = rm_arena_dup(&to->arena, rq->host);
    to->client_ip = rm_arena_dup(&to->arena, rq->client_ip);
    to->peer_trusted = rq->peer_trusted;
    to->has_body = rq->has_body;
    return shadow;
}

static int shadow_copy_body(struct shadow *shadow, const struct rm_request *rq)
{
    rm_buf_init(&shadow->body, rq->body.n, rq->flow->plan->budget);
    int code = rm_buf_reserve(&shadow->body, rq->body.n);
    if (code == RM_OK)
        code = rm_buf_append(&shadow->body, rq->body);
    shadow->rq.body = rm_buf_str(&shadow->body);
    return code;
}

static void shadow_free(struct shadow *shadow)
{
    struct rm_arena arena = shadow->rq.arena; // shadow lies in it
    rm_buf_free(&shadow->body);
    rm_arena_fini(&arena);
}

static void shadow_leave(struct shadow *shadow)
{
    struct rm_shadows *among = shadow->among;
    void *held = shadow->held;
    rm_list_remove(&shadow->link);
    among->n--;
    shadow_free(shadow);
    among->release(held);
}

static void shadow_over(struct rm_call *call)
{
    shadow_leave((struct shadow *)((struct rm_part *)call)->rq);
}

static void shadow_drop(const struct rm_request *rq, const char *why)
{
    const struct rm_endpoint *endpoint = rq->endpoint->shadow;
    struct rm_str path = endpoint->conf->path;
    for (uint32_t i = 0; i < endpoint->n_backends; i++)
        rm_counts_at(&rq->flow->counts, rm_counts_of_backend(endpoint, endpoint->backends[i].index))->dropped++;
    rm_log(RM_DEBUG, "shadow backends not asked endpoint=\"%s %.*s\" text=\"%s\"",
           rm_method_names[endpoint->conf->method], (int)path.n, path.p, why);
}

void rm_shadow_send(struct rm_request *rq)
{
    struct rm_shadows *among = rq->shadows;
    if (among->n >= rq->flow->plan->conf->limits.shadow_requests) {
        shadow_drop(rq, "limits.shadow_requests of them run");
        return;
    }
    struct shadow *shadow = shadow_copy(rq);
    struct rm_ask *asks = NULL;
    struct rm_err err;
    int rc = shadow_copy_body(shadow, rq);
    if (rc != RM_OK)
        (void)rm_fail(&err, rc, "no room left for a copy of the body");
    else
        rc = rm_endpoint_asks(&shadow->rq, &asks, &err);
    if (rc != RM_OK) {
        shadow_drop(rq, err.text);
        shadow_free(shadow);
        return;
    }
    shadow->among = among;
    shadow->held = among->hold(rq);
    shadow->calls = rm_all_new(&shadow->rq, asks, rm_loop_now_us(rq->loop) + shadow->rq.endpoint->group_us, NULL,
                               shadow_over);
    rm_list_push_back(&among->running, &shadow->link);
    among->n++;
    rm_call_start(&shadow->calls->call);
}

void rm_shadows_end(struct rm_shadows *shadows)
{
    while (!rm_list_empty(&shadows->running)) {
        struct shadow *shadow = rm_container_of(shadows->running.next, struct shadow, link);
        rm_call_cancel(&shadow->calls->call);
        shadow_leave(shadow);
    }
}
