// Replies: X-Krakend, X-Krakend-Completed, Cache-Control, Content-Type, error texts and the encoded body (krakend-behaviour.md
// §2.2-2.4, §7.9). Owns nothing: header texts are the plan's or the arena's, the body goes to the front end.
// SPDX-License-Identifier: Apache-2.0
#include "flow/reply.h"

#include "flow/local.h"
#include "flow/status.h"

#include <remora/log.h>

#define REPLY_COMPLETED "X-Krakend-Completed"
#define REPLY_REF_LEAST ((size_t)16 << 10) // a shorter copy is cheaper than another piece for the kernel to gather

static void reply_add(struct rm_request *rq, struct rm_str name, struct rm_str value)
{
    rm_headers_add(&rq->arena, &rq->reply.headers, name, value);
}

static void reply_begin(struct rm_request *rq, const struct rm_plan *plan, int status, bool completed)
{
    rq->reply.status = status;
    rq->completed = completed;
    reply_add(rq, RM_STR(RM_VERSION_HEADER_NAME), plan->version_header);
    reply_add(rq, RM_STR(REPLY_COMPLETED), completed ? RM_STR("true") : RM_STR("false"));
}

// remora's own texts are small and have no budget, so that a refusal does not fail for want of memory. A backend's body that finds
// none left is left out.
static void reply_text(struct rm_request *rq, struct rm_budget *budget, struct rm_str type, struct rm_str body)
{
    rm_buf_init(&rq->reply.body, body.n, budget);
    if (rm_buf_append(&rq->reply.body, body) == RM_OK && type.n > 0)
        reply_add(rq, RM_STR("Content-Type"), type);
}

void rm_reply_failed(const struct rm_part *part)
{
    struct rm_request *rq = part->rq;
    const struct rm_plan *plan = rq->flow->plan;
    reply_begin(rq, plan, rm_status_of(&part->call.err, rq->endpoint->conf->status == RM_CONF_HONEST),
                false);
    if (!plan->conf->router.return_error_msg)
        return;
    // return_error_code: what the backend said, empty or not.
    if (part->has_own)
        reply_text(rq, plan->budget, part->own_type, part->own_body);
    else
        reply_text(rq, NULL, RM_STR("text/plain; charset=utf-8"),
                   part->reasons.n ? part->reasons : rm_str_of(part->call.err.text));
}

static bool reply_static_applies(enum rm_static_when when, const struct rm_part *part)
{
    bool failed = part->call.err.code != RM_OK;
    switch (when) {
    case RM_STATIC_ALWAYS:
        return true;
    case RM_STATIC_SUCCESS:
        return !failed;
    case RM_STATIC_ERRORED:
        return failed;
    case RM_STATIC_COMPLETE:
        return !failed && part->answered && part->complete;
    case RM_STATIC_INCOMPLETE:
        return !part->answered || !part->complete;
    }
    return false;
}

static void reply_add_static(struct rm_part *part)
{
    const struct rm_conf_endpoint *conf = part->rq->endpoint->conf;
    struct rm_arena *arena = &part->rq->arena;
    if (!conf->static_data || !reply_static_applies(conf->static_when, part))
        return;
    if (!part->data)
        part->data = rm_value_new(arena, RM_OBJECT);
    rm_value_merge(arena, part->data, rm_value_copy(arena, conf->static_data));
    part->answered = true;
}

static const struct rm_codec_ops *reply_encoder(const struct rm_request *rq)
{
    const struct rm_codec_ops *encoder = rq->endpoint->encoder;
    if (!encoder->pick)
        return encoder;
    const struct rm_header *accept = rm_headers_find(&rq->headers, RM_STR("accept"));
    return encoder->pick(accept ? accept->value : RM_STR(""));
}

void rm_reply_merged(struct rm_part *part)
{
    struct rm_request *rq = part->rq;
    const struct rm_plan *plan = rq->flow->plan;
    const struct rm_endpoint *endpoint = rq->endpoint;
    if (part->fails) {
        rm_reply_failed(part);
        return;
    }
    // KrakenD leaves it out with a single backend and when one has failed, and so shows what it was to delete.
    if (endpoint->flatmap)
        part->data = rm_step_flatmap.apply(endpoint->flatmap, &rq->arena, part->data);
    reply_add_static(part);
    if (!part->answered) {
        rm_reply_failed(part);
        return;
    }
    const struct rm_codec_ops *encoder = reply_encoder(rq);
    struct rm_err err = {0};
    struct rm_refs *refs = rm_arena_alloc(&rq->arena, sizeof(*refs));
    refs->least = REPLY_REF_LEAST;
    refs->bytes = refs->n = 0;
    rm_buf_init(&rq->reply.body, plan->conf->limits.bodies_bytes, plan->budget);
    if (encoder->encode(&rq->arena, part->data, &rq->reply.body, refs, &err) != RM_OK) {
        rm_buf_free(&rq->reply.body);
        part->call.err = rm_status_public(&err);
        part->reasons = (struct rm_str){NULL, 0};
        rq->err = err;
        rm_log(RM_WARNING, "answer failed endpoint=\"%s %.*s\" error=%s text=\"%s\"",
               rm_method_names[endpoint->conf->method], (int)endpoint->conf->path.n, endpoint->conf->path.p,
               rm_code_name(err.code), err.text);
        rm_reply_failed(part);
        return;
    }
    rq->reply.refs = refs->n > 0 ? refs : NULL;
    bool completed = part->complete && part->data && !rm_value_is_empty_object(&rq->arena, part->data);
    reply_begin(rq, plan, 200, completed);
    if (completed && endpoint->cache_control.n > 0)
        reply_add(rq, RM_STR("Cache-Control"), endpoint->cache_control);
    for (uint32_t i = 0; i < part->passed.n; i++) {
        const struct rm_header *one = &part->passed.v[i];
        if (!rm_headers_find(&rq->reply.headers, one->name) || rm_str_eq_nocase(one->name, RM_STR("set-cookie")))
            reply_add(rq, one->name, one->value);
    }
    reply_add(rq, RM_STR("Content-Type"), rm_str_of(encoder->content_type));
    if (endpoint->encoder->pick)
        reply_add(rq, RM_STR("Vary"), RM_STR("Accept")); // for caches between here and the client
}

// What remora or its front end says itself.
static bool reply_is_ours(struct rm_str name)
{
    static const struct rm_str ours[] = {
        {RM_VERSION_HEADER_NAME, sizeof RM_VERSION_HEADER_NAME - 1},
        {REPLY_COMPLETED, sizeof REPLY_COMPLETED - 1},
        {"Content-Length", 14},
        {"Date", 4},
    };
    for (size_t i = 0; i < RM_COUNT(ours); i++) {
        if (rm_str_eq_nocase(name, ours[i]))
            return true;
    }
    return false;
}

void rm_reply_head(struct rm_request *rq, const struct rm_exchange *x)
{
    reply_begin(rq, rq->flow->plan, x->status, false);
    for (uint32_t i = 0; i < x->answer.n; i++) {
        if (!reply_is_ours(x->answer.v[i].name))
            reply_add(rq, x->answer.v[i].name, x->answer.v[i].value);
    }
    rq->reply.length = x->answer_length;
}

void rm_reply_plain(struct rm_request *rq, const struct rm_plan *plan, int status, struct rm_str content_type,
                    struct rm_str body)
{
    rq->reply.status = status;
    if (status == 404 || status == 405)
        reply_begin(rq, plan, status, false);
    reply_text(rq, NULL, body.n > 0 ? content_type : (struct rm_str){NULL, 0}, body);
}
