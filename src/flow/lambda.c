// Lambda's Invoke (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html) over any transport of HTTP. Owns nothing but what lies in
// the plan's and the request's arenas.
// SPDX-License-Identifier: Apache-2.0
#include "flow/lambda.h"

#include "base/clock.h"
#include "flow/local.h"
#include "net/sigv4.h"
#include "value/base64.h"

#include <stdlib.h>

#define LAMBDA_PAUSE_US (100 * RM_MS) // before the first repetition; twice as long before each other one

struct rm_lambda {
    const struct rm_conf_lambda *conf;
    struct rm_sigv4_key key;
    struct rm_str *names; // of the endpoint's parameters, in lower case
    size_t n_names;
};

static struct rm_str lambda_variable(struct rm_arena *arena, const char *name)
{
    return rm_arena_dup(arena, rm_str_of(getenv(name)));
}

int rm_lambda_compile(struct rm_arena *arena, const struct rm_conf_backend *conf,
                      const struct rm_conf_endpoint *endpoint, const struct rm_lambda **out, struct rm_err *err)
{
    struct rm_lambda *lambda = RM_NEW(arena, struct rm_lambda);
    lambda->conf = &conf->lambda;
    lambda->key = (struct rm_sigv4_key){.id = lambda_variable(arena, "AWS_ACCESS_KEY_ID"),
                                        .secret = lambda_variable(arena, "AWS_SECRET_ACCESS_KEY"),
                                        .token = lambda_variable(arena, "AWS_SESSION_TOKEN")};
    lambda->names = RM_NEW_ARRAY(arena, struct rm_str, endpoint->params.n);
    lambda->n_names = endpoint->params.n;
    for (size_t i = 0; i < endpoint->params.n; i++) {
        char *name = rm_arena_cstr(arena, endpoint->params.v[i]);
        for (char *p = name; *p; p++)
            *p = *p >= 'A' && *p <= 'Z' ? (char)(*p + ('a' - 'A')) : *p;
        lambda->names[i] = rm_str_of(name);
    }
    *out = lambda;
    if (lambda->key.id.n == 0 || lambda->key.secret.n == 0)
        return rm_fail(
            err, RM_ECONF,
            "no credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; other sources are not in this version");
    return RM_OK;
}

// ---- the request -----------------------------------------------------------------------------------------------------

static void lambda_free(void *arg)
{
    rm_buf_free(arg);
}

static int lambda_params(const struct rm_lambda *lambda, struct rm_request *rq, struct rm_str *out)
{
    const struct rm_plan *plan = rq->flow->plan;
    struct rm_value *object = rm_value_new(&rq->arena, RM_OBJECT);
    for (size_t i = 0; i < lambda->n_names; i++)
        rm_value_set(&rq->arena, object, lambda->names[i], rm_value_string(&rq->arena, rq->params[i]));
    struct rm_buf *buf = RM_NEW(&rq->arena, struct rm_buf);
    rm_buf_init(buf, plan->conf->limits.bodies_bytes, plan->budget);
    rm_arena_defer(&rq->arena, lambda_free, buf);
    int rc = rm_json_write(&rq->arena, object, buf);
    *out = rm_buf_str(buf);
    return rc;
}

static void lambda_keep(struct rm_arena *arena, const struct rm_headers *from, struct rm_str name,
                        struct rm_headers *to)
{
    const struct rm_header *header = rm_headers_find(from, name);
    if (header)
        rm_headers_add(arena, to, header->name, header->value);
}

void rm_lambda_ask(const struct rm_lambda *lambda, struct rm_request *rq, struct rm_ask *ask)
{
    struct rm_arena *arena = &rq->arena;
    const struct rm_conf_lambda *conf = lambda->conf;
    struct rm_str function = conf->function.n > 0 ? conf->function : rq->params[conf->param];
    struct rm_str name = rm_sigv4_encode(arena, function);
    struct rm_headers headers = {0};
    ask->target = rm_arena_printf(arena, "/2015-03-31/functions/%.*s/invocations", (int)name.n, name.p);
    rm_headers_add(arena, &headers, RM_STR("Content-Type"), RM_STR("application/json"));
    rm_headers_add(arena, &headers, RM_STR("X-Amz-Invocation-Type"), RM_STR("RequestResponse"));
    rm_headers_add(arena, &headers, RM_STR("X-Amz-Log-Type"), RM_STR("None"));
    lambda_keep(arena, &ask->headers, RM_STR("user-agent"), &headers);
    lambda_keep(arena, &ask->headers, RM_STR("traceparent"), &headers);
    lambda_keep(arena, &ask->headers, RM_STR("tracestate"), &headers);
    ask->headers = headers;
    if (function.n == 0)
        rm_fail(&ask->err, RM_EPARAM, "the name of the function is empty");
    if (!conf->sends_params)
        return;
    ask->has_own_body = true;
    int rc = lambda_params(lambda, rq, &ask->own_body);
    if (rc != RM_OK)
        rm_fail(&ask->err, rc, "no room left for the parameters");
}

void rm_lambda_sign(const struct rm_lambda *lambda, struct rm_exchange *x)
{
    const struct rm_host *host = x->host;
    struct rm_arena *arena = x->call.arena;
    bool is_v6 = memchr(host->name.p, ':', host->name.n) != NULL;
    bool is_https = rm_str_eq(host->scheme, RM_STR("https"));
    struct rm_str port = {"", 0};
    if (host->port != (is_https ? 443 : 80)) // as it stands in Host
        port = rm_arena_printf(arena, ":%u", host->port);
    struct rm_sigv4_in in = {.method = x->method,
                             .target = x->target,
                             .host = rm_arena_printf(arena, "%s%.*s%s%.*s", is_v6 ? "[" : "", (int)host->name.n,
                                                     host->name.p, is_v6 ? "]" : "", (int)port.n, port.p),
                             .headers = &x->headers,
                             .payload = x->body,
                             .region = lambda->conf->region,
                             .service = RM_STR("lambda"),
                             .unix_s = rm_clock_wall_us() / (int64_t)RM_SEC};
    rm_sigv4_sign(arena, &lambda->key, &in, &x->headers);
}

uint64_t rm_lambda_pause_us(const struct rm_lambda *lambda, int status, uint32_t times)
{
    if (times >= lambda->conf->max_retries || (status != 429 && status < 500))
        return 0;
    return LAMBDA_PAUSE_US << times;
}

// ---- the answer ------------------------------------------------------------------------------------------------------

static int lambda_body(struct rm_arena *arena, struct rm_value *wrapper, struct rm_str *out, struct rm_err *err)
{
    struct rm_value *body = rm_value_get(arena, wrapper, RM_STR("body"));
    const struct rm_value *encoded = rm_value_get(arena, wrapper, RM_STR("isBase64Encoded"));
    *out = (struct rm_str){"", 0};
    if (!body || body->type == RM_NULL)
        return RM_OK;
    if (body->type != RM_STRING)
        return rm_fail(err, RM_EDECODE, "the function's \"body\" is no string");
    *out = rm_value_text(arena, body);
    if (!encoded || encoded->type != RM_TRUE)
        return RM_OK;
    if (rm_base64_decode(arena, *out, out) != RM_OK)
        return rm_fail(err, RM_EDECODE, "the function's \"body\" is not in base64");
    return RM_OK;
}

static void lambda_headers(struct rm_arena *arena, struct rm_value *wrapper, struct rm_headers *out)
{
    struct rm_value *headers = rm_value_get(arena, wrapper, RM_STR("headers"));
    if (!headers || headers->type != RM_OBJECT)
        return;
    rm_value_open(arena, headers);
    for (const struct rm_value *one = headers->first; one; one = one->next)
        if (one->type == RM_STRING)
            rm_headers_add(arena, out, one->key, rm_value_text(arena, one));
}

static const struct rm_exchange *lambda_unwrap(struct rm_arena *arena, const struct rm_exchange *x, struct rm_err *err)
{
    static const struct rm_json_limits limits = {.max_depth = 512, .max_nodes = 200000};
    struct rm_value *wrapper = NULL;
    struct rm_err why;
    if (rm_json_parse(arena, rm_buf_str(&x->body_out), 1, &limits, &wrapper, NULL, &why) != RM_OK) {
        rm_fail(err, RM_EDECODE, "the function's answer: %s", why.text);
        return NULL;
    }
    struct rm_value *status = rm_value_get(arena, wrapper, RM_STR("statusCode"));
    if (!status) // the whole is the body
        return x;
    long code = status->type == RM_NUMBER ? strtol(rm_arena_cstr(arena, status->raw), NULL, 10) : 0;
    struct rm_exchange *out = rm_arena_alloc(arena, sizeof(*out));
    struct rm_str body;
    *out = *x;
    if (code < 100 || code > 599) {
        rm_fail(err, RM_EDECODE, "the function's \"statusCode\" is no status");
        return NULL;
    }
    if (lambda_body(arena, wrapper, &body, err) != RM_OK)
        return NULL;
    out->status = (int)code;
    out->answer = (struct rm_headers){0};
    lambda_headers(arena, wrapper, &out->answer);
    out->body_out = (struct rm_buf){.p = (char *)(uintptr_t)body.p, .n = body.n}; // borrowed
    return out;
}

const struct rm_exchange *rm_lambda_answer(const struct rm_lambda *lambda, struct rm_arena *arena,
                                           const struct rm_exchange *x, struct rm_err *err)
{
    const struct rm_header *failure = rm_headers_find(&x->answer, RM_STR("x-amz-function-error"));
    if (failure && lambda->conf->error == RM_CONF_LAMBDA_ERROR) {
        rm_fail(err, RM_ESTATUS, "the function has failed");
        return NULL;
    }
    bool wrapped = x->status == 200 && !failure && lambda->conf->answer == RM_CONF_LAMBDA_API_GATEWAY;
    return wrapped ? lambda_unwrap(arena, x, err) : x;
}
