// A request as policies see it. Knows neither endpoints' calls nor the front end.
// SPDX-License-Identifier: Apache-2.0
#include "flow/visit.h"

#include "net/hop.h"

struct rm_visit *rm_visit_of(struct rm_request *rq)
{
    struct rm_visit *visit = rq->visit;
    if (!visit) {
        visit = rq->visit = RM_NEW(&rq->arena, struct rm_visit);
        rm_hop_strip(&rq->headers); // or a client's Connection could name what a policy puts there
    }
    visit->arena = &rq->arena;
    visit->loop = rq->loop;
    visit->headers = &rq->headers;
    visit->query = rq->query;
    visit->host = rq->host;
    visit->client_ip = rq->client_ip;
    visit->peer_trusted = rq->peer_trusted;
    visit->params = rq->params;
    visit->body = rq->body;
    visit->has_body = rq->has_body;
    return visit;
}

void rm_visit_refuse(struct rm_request *rq, const struct rm_refusal *refusal)
{
    struct rm_reply *reply = &rq->reply;
    RM_ASSERT(refusal->status > 0);
    rq->err = refusal->err;
    reply->status = refusal->status;
    for (uint32_t i = 0; i < refusal->headers.n; i++)
        rm_headers_add(&rq->arena, &reply->headers, refusal->headers.v[i].name, refusal->headers.v[i].value);
    rm_buf_init(&reply->body, refusal->body.n, NULL); // small, and never refused for want of memory
    if (rm_buf_append(&reply->body, refusal->body) == RM_OK && refusal->type.n > 0)
        rm_headers_add(&rq->arena, &reply->headers, RM_STR("Content-Type"), refusal->type);
}

bool rm_visit_service(struct rm_request *rq, const struct rm_checks *checks, bool is_health)
{
    struct rm_visit *visit = rq->visit;
    for (uint32_t i = 0; i < checks->n; i++) {
        const struct rm_checkpoint *check = &checks->v[i];
        if (is_health && !check->on_health)
            continue;
        int said = check->ops->apply(check->self, visit);
        if (said == RM_OK)
            continue;
        RM_ASSERT(said != RM_AGAIN);
        rm_visit_refuse(rq, &visit->refusal);
        return false;
    }
    return true;
}
