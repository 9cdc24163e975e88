// What a backend's answer is worth: the status rule, decoding, and the steps. Cannot wait. Owns nothing: bodies belong to their
// exchange, values to the request's arena.
// SPDX-License-Identifier: Apache-2.0
#include "flow/backend.h"
#include "flow/local.h"

static struct rm_str answer_type(const struct rm_exchange *x)
{
    const struct rm_header *type = rm_headers_find(&x->answer, RM_STR("content-type"));
    return type ? type->value : (struct rm_str){NULL, 0};
}

// return_error_details: the failure becomes data; empty fields are left out.
static void answer_details(const struct rm_backend *backend, const struct rm_exchange *x, struct rm_part *out)
{
    struct rm_arena *arena = out->call.arena;
    struct rm_value *details = rm_value_new(arena, RM_OBJECT);
    struct rm_str body = rm_buf_str(&x->body_out), type = answer_type(x);
    rm_value_set(arena, details, RM_STR("http_status_code"), rm_value_integer(arena, x->status));
    if (body.n > 0)
        rm_value_set(arena, details, RM_STR("http_body"), rm_value_string(arena, body));
    if (type.n > 0)
        rm_value_set(arena, details, RM_STR("http_body_encoding"), rm_value_string(arena, type));
    out->data = rm_value_new(arena, RM_OBJECT);
    rm_value_set(arena, out->data, backend->error_key, details);
    out->answered = true; // but not complete
}

static void answer_bad_status(const struct rm_backend *backend, const struct rm_exchange *x, struct rm_part *out)
{
    if (backend->error_key.n > 0) {
        answer_details(backend, x, out);
        return;
    }
    rm_fail(&out->call.err, RM_ESTATUS, "invalid status code %d", x->status);
    if (backend->conf->return_error_code) {
        out->call.err.status = x->status;
        out->has_own = true;
        out->own_body = rm_buf_str(&x->body_out);
        out->own_type = answer_type(x);
    } else if (backend->lambda ||
               (out->rq->endpoint->conf->status == RM_CONF_HONEST && x->status >= 400 && x->status < 500)) {
        out->call.err.status = x->status;
    }
}

struct answer_loan {
    struct rm_budget *budget;
    size_t bytes;
};

static void answer_repay(void *arg)
{
    const struct answer_loan *loan = arg;
    rm_budget_release(loan->budget, loan->bytes);
}

// What the values have taken counts as a body until the request is over: a node is 64 bytes, where its text may be two.
static int answer_charge(struct rm_arena *arena, struct rm_budget *budget, size_t bytes, struct rm_err *err)
{
    if (bytes == 0)
        return RM_OK;
    if (!rm_budget_charge(budget, bytes))
        return rm_fail(err, RM_EMEMORY, "no room left for the values of an answer");
    struct answer_loan *loan = RM_NEW(arena, struct answer_loan);
    *loan = (struct answer_loan){budget, bytes};
    rm_arena_defer(arena, answer_repay, loan);
    return RM_OK;
}

static void answer_pass_headers(const struct rm_backend *backend, const struct rm_exchange *x, struct rm_part *out)
{
    const struct rm_strs *names = &backend->conf->response_headers;
    for (uint32_t i = 0; names->n > 0 && i < x->answer.n; i++)
        for (size_t k = 0; k < names->n; k++)
            if (rm_str_eq_nocase(names->v[k], x->answer.v[i].name))
                rm_headers_add(out->call.arena, &out->passed, x->answer.v[i].name, x->answer.v[i].value);
}

void rm_answer_take(const struct rm_backend *backend, const struct rm_exchange *x, struct rm_part *out)
{
    struct rm_arena *arena = out->call.arena;
    if (!backend->decoder) { // its status is not looked at either (krakend-behaviour.md §6.6)
        out->data = rm_value_new(arena, RM_OBJECT);
        out->answered = out->complete = true;
        return;
    }
    if (x->status != 200 && x->status != 201) {
        answer_bad_status(backend, x, out);
        return;
    }
    const struct rm_conf_limits *limits = &out->rq->flow->plan->conf->limits;
    struct rm_decode_in in = {
        .body = rm_buf_str(&x->body_out),
        .is_collection = backend->conf->is_collection,
        .open_depth = backend->open_depth,
        .limits = {.max_depth = limits->json_depth, .max_nodes = limits->json_nodes},
    };
    struct rm_value *data = NULL;
    size_t before = arena->bytes;
    if (backend->decoder->decode(arena, &in, &data, &out->call.err) != RM_OK)
        return;
    if (answer_charge(arena, out->rq->flow->plan->budget, arena->bytes - before, &out->call.err) != RM_OK)
        return;
    before = arena->bytes;
    for (uint32_t i = 0; i < backend->n_steps; i++)
        data = backend->steps[i].ops->apply(backend->steps[i].self, arena, data);
    if (answer_charge(arena, out->rq->flow->plan->budget, arena->bytes - before, &out->call.err) != RM_OK)
        return;
    out->data = data;
    out->answered = out->complete = true;
    answer_pass_headers(backend, x, out);
}
