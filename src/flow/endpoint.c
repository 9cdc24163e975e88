// The root of a request: what is asked of each backend, then one, all or a sequence of them, then the reply. The reply goes out when
// the root is over. Owns the frames below through the request's arena.
// SPDX-License-Identifier: Apache-2.0
#include "flow/endpoint.h"

#include "flow/backend.h"
#include "flow/deadline.h"
#include "flow/graphql.h"
#include "flow/lambda.h"
#include "flow/head.h"
#include "flow/local.h"
#include "flow/reply.h"

struct endpoint_call {
    struct rm_part part; // first
    struct rm_part *below;
    struct rm_ask *asks;         // one for each backend; NULL when nothing was asked
    struct rm_deadline deadline; // of a single backend; groups have their own
};

int rm_endpoint_asks(struct rm_request *rq, struct rm_ask **out, struct rm_err *err)
{
    const struct rm_endpoint *endpoint = rq->endpoint;
    const struct rm_plan *plan = rq->flow->plan;
    struct rm_ask *asks = RM_NEW_ARRAY(&rq->arena, struct rm_ask, endpoint->n_backends);
    struct rm_url_in in = {.params = rq->params, .query = rq->query, .claims = rq->visit ? rq->visit->claims : NULL};
    for (uint32_t i = 0; i < endpoint->n_backends; i++) {
        const struct rm_url *url = &endpoint->backends[i].url;
        int rc = url->wants_answers ? RM_OK : rm_url_build(url, &rq->arena, &in, &asks[i].target, err);
        if (rc != RM_OK)
            return rc;
    }
    struct rm_head_in head = {
        .client = &rq->headers, .client_ip = rq->client_ip, .client_host = rq->host, .user_agent = plan->user_agent};
    struct rm_headers common;
    rm_head_build(&rq->arena, &endpoint->headers, &head, &common);
    for (uint32_t i = 0; i < endpoint->n_backends; i++) {
        const struct rm_filter *filter = &endpoint->backends[i].headers;
        asks[i].headers = common;
        if (!filter->all)
            rm_head_narrow(&rq->arena, filter, &common, &asks[i].headers);
        if (endpoint->backends[i].graphql)
            rm_graphql_ask(endpoint->backends[i].graphql, rq, &asks[i]);
        if (endpoint->backends[i].lambda)
            rm_lambda_ask(endpoint->backends[i].lambda, rq, &asks[i]);
        asks[i].gzip = rm_head_gzip(&asks[i].headers, endpoint->streams, plan->conf->disable_compression);
    }
    *out = asks;
    return RM_OK;
}

static void endpoint_below_done(struct rm_call *);
static void endpoint_expired(struct rm_deadline *);

static void endpoint_start(struct rm_call *call)
{
    struct endpoint_call *root = (struct endpoint_call *)call;
    struct rm_request *rq = root->part.rq;
    const struct rm_endpoint *endpoint = rq->endpoint;
    int rc = endpoint->n_backends > 0 ? rm_endpoint_asks(rq, &root->asks, &call->err)
                                      : rm_fail(&call->err, RM_ENOHOST, "no backends but shadow backends");
    if (rc != RM_OK) {
        rm_call_done(call);
        return;
    }
    struct rm_ask *asks = root->asks;
    uint64_t deadline_us = rm_loop_now_us(rq->loop) + endpoint->group_us;
    if (endpoint->n_backends == 1) {
        rm_deadline_start(&root->deadline, rq->loop, deadline_us, endpoint_expired);
        struct rm_slot *slot = rm_slot_new(rq, endpoint->backends, asks, deadline_us, call, endpoint_below_done);
        root->below = &slot->part;
        rm_slot_start(slot);
        return;
    }
    root->below = endpoint->conf->sequential ? rm_seq_new(rq, asks, deadline_us, call, endpoint_below_done)
                                             : rm_all_new(rq, asks, deadline_us, call, endpoint_below_done);
    rm_call_start(&root->below->call);
}

static void endpoint_cancel(struct rm_call *call)
{
    struct endpoint_call *root = (struct endpoint_call *)call;
    rm_deadline_stop(&root->deadline);
    rm_call_cancel(&root->below->call);
}

static void endpoint_below_done(struct rm_call *call)
{
    struct endpoint_call *root = (struct endpoint_call *)call->up;
    struct rm_part *part = &root->part;
    const struct rm_part *below = root->below;
    rm_deadline_stop(&root->deadline);
    if (part->rq->endpoint->n_backends == 1)
        rm_slot_log((const struct rm_slot *)below);
    part->answered = below->answered;
    part->complete = below->complete;
    part->data = below->data;
    part->reasons = below->reasons;
    part->fails = below->fails || (part->rq->endpoint->n_backends == 1 && below->call.err.code != RM_OK &&
                                   part->rq->endpoint->backends->conf->required);
    part->passed = below->passed;
    part->has_own = below->has_own;
    part->own_body = below->own_body;
    part->own_type = below->own_type;
    part->call.err = below->call.err;
    rm_call_done(&part->call);
}

static void endpoint_expired(struct rm_deadline *deadline)
{
    struct endpoint_call *root = rm_container_of(deadline, struct endpoint_call, deadline);
    rm_slot_expire((struct rm_slot *)root->below);
    endpoint_below_done(&root->below->call);
}

// Whether a part of the reply lies in this body.
static bool endpoint_needs(const struct rm_refs *refs, const struct rm_buf *body)
{
    for (uint32_t i = 0; refs && i < refs->n; i++) {
        if (refs->v[i].text.p >= body->p && refs->v[i].text.p < body->p + body->n)
            return true;
    }
    return false;
}

// The reply is written: what it was made of must not wait for a slow client to read it, but for bodies that go out as they are.
// Returns how much memory those keep.
static size_t endpoint_drop_bodies(struct endpoint_call *root)
{
    size_t kept = 0;
    const struct rm_refs *refs = root->part.rq->reply.refs;
    for (uint32_t i = 0; root->asks && i < root->part.rq->endpoint->n_backends; i++) {
        for (struct rm_fetch *fetch = root->asks[i].fetches; fetch; fetch = fetch->next) {
            if (endpoint_needs(refs, &fetch->x->body_out))
                kept += fetch->x->body_out.cap;
            else
                rm_buf_free(&fetch->x->body_out);
        }
    }
    return kept;
}

// A small part of large bodies is copied after all, so that these can go. Without memory for that they stay.
static void endpoint_copy_refs(struct rm_request *rq)
{
    struct rm_buf whole;
    struct rm_str parts[RM_REFS_PARTS];
    uint32_t n = rm_refs_parts(rq->reply.refs, rm_buf_str(&rq->reply.body), parts);
    rm_buf_init(&whole, rq->reply.body.n + rq->reply.refs->bytes, rq->flow->plan->budget);
    if (rm_buf_reserve(&whole, whole.max) != RM_OK)
        return;
    for (uint32_t i = 0; i < n; i++) {
        int rc = rm_buf_append(&whole, parts[i]);
        RM_ASSERT(rc == RM_OK);
    }
    rm_buf_free(&rq->reply.body);
    rq->reply.body = whole;
    rq->reply.refs = NULL;
}

static void endpoint_over(struct rm_call *call)
{
    struct endpoint_call *root = (struct endpoint_call *)call;
    struct rm_request *rq = root->part.rq;
    rq->err = call->err;
    rm_reply_merged(&root->part);
    size_t kept = endpoint_drop_bodies(root);
    if (rq->reply.refs && rq->reply.refs->bytes < kept / 2) {
        endpoint_copy_refs(rq);
        endpoint_drop_bodies(root);
    }
    rq->out->whole(rq);
}

static const struct rm_call_ops endpoint_ops = {"endpoint", endpoint_start, endpoint_cancel};

struct rm_call *rm_endpoint_new(struct rm_request *rq)
{
    struct endpoint_call *root = RM_NEW(&rq->arena, struct endpoint_call);
    rm_call_init(&root->part.call, &endpoint_ops, rq->loop, &rq->arena, NULL, endpoint_over);
    root->part.rq = rq;
    return &root->part.call;
}
