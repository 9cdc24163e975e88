// A request's start, end and backpressure, for the front end (request.h). Owns nothing.
// SPDX-License-Identifier: Apache-2.0
#include "flow/request.h"

#include "flow/endpoint.h"
#include "flow/gate.h"
#include "flow/shadow.h"
#include "flow/stream.h"

void rm_request_start(struct rm_request *rq)
{
    RM_ASSERT(!rq->root && rq->endpoint && rq->flow && rq->out);
    if (!rq->endpoint->checks || rm_gate_endpoint(rq))
        rm_request_go(rq);
}

void rm_request_go(struct rm_request *rq)
{
    rq->root = rq->endpoint->streams ? rm_stream_new(rq) : rm_endpoint_new(rq);
    rm_call_start(rq->root);
    if (rq->endpoint->shadow)
        rm_shadow_send(rq);
}

void rm_request_cancel(struct rm_request *rq)
{
    if (rq->gate)
        rm_call_cancel(rq->gate);
    if (rq->root)
        rm_call_cancel(rq->root);
}

void rm_request_writable(struct rm_request *rq)
{
    if (rq->root && rq->endpoint->streams)
        rm_stream_writable(rq->root);
}

int64_t rm_request_read(struct rm_request *rq, char *to, size_t n)
{
    return rq->root && rq->endpoint->streams ? rm_stream_read(rq->root, to, n) : 0;
}

void rm_request_body_ready(struct rm_request *rq)
{
    if (rq->root && rq->endpoint->streams)
        rm_stream_body_ready(rq->root);
}
