// extra_config["backend/lambda"] of backends, and what remora adds to it. The backend's hosts, method and URL are then AWS's.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#include <stdlib.h>

#define AT(member) offsetof(struct rm_conf_backend, lambda.member)

static const struct rm_field lambda_rows[] = {
    {.name = "function_name",
     .type = RM_FIELD_STRING,
     .offset = AT(function),
     .doc = "the function: its name, name:qualifier, or ARN"},
    {.name = "function_param_name",
     .type = RM_FIELD_STRING,
     .offset = AT(param_name),
     .fallback = "function",
     .zero_is_unset = true,
     .doc = "without function_name: the endpoint's parameter that names it"},
    {.name = "region",
     .type = RM_FIELD_STRING,
     .offset = AT(region),
     .doc = "without it the ARN's, AWS_REGION or AWS_DEFAULT_REGION"},
    {.name = "endpoint",
     .type = RM_FIELD_STRING,
     .offset = AT(endpoint),
     .doc = "the URL of the service, without it https://lambda.REGION.amazonaws.com"},
    {.name = "max_retries",
     .type = RM_FIELD_U32,
     .offset = AT(max_retries),
     .fallback = "3",
     .max = 10,
     .doc = "after 429 and 5xx, with growing pauses, while there is time"},
};
const struct rm_fields rm_lambda_fields = {.v = lambda_rows,
                                           .n = RM_COUNT(lambda_rows),
                                           .what = "key of backend/lambda",
                                           .weak = true,
                                           .is_optional = true,
                                           .given = AT(is_given)};

static const char *const lambda_errors[] = {"error", "data"};           // enum rm_conf_lambda_error
static const char *const lambda_answers[] = {"payload", "api_gateway"}; // enum rm_conf_lambda_answer
static const struct rm_field lambda_own_rows[] = {
    {.name = "function_error",
     .type = RM_FIELD_CHOICE,
     .offset = AT(error),
     .choices = lambda_errors,
     .n_choices = RM_COUNT(lambda_errors),
     .fallback = "error",
     .doc =
         "a function that has failed is a failure of the backend; data: as in KrakenD its error object is the answer"},
    {.name = "answer",
     .type = RM_FIELD_CHOICE,
     .offset = AT(answer),
     .choices = lambda_answers,
     .n_choices = RM_COUNT(lambda_answers),
     .fallback = "payload",
     .doc = "what the function gives back: the data, or statusCode, headers and body as for an API Gateway"},
};
const struct rm_fields rm_lambda_own_fields = {
    .v = lambda_own_rows, .n = RM_COUNT(lambda_own_rows), .what = "key of remora.lambda"};

static bool lambda_is_region(struct rm_str region)
{
    for (size_t i = 0; i < region.n; i++)
        if (!((region.p[i] >= 'a' && region.p[i] <= 'z') || (region.p[i] >= '0' && region.p[i] <= '9') ||
              region.p[i] == '-'))
            return false;
    return region.n > 0;
}

// "arn:aws:lambda:REGION:account:function:name"; empty: it is none.
static struct rm_str lambda_arn_region(struct rm_str name)
{
    struct rm_str rest = name, part = {"", 0};
    if (!rm_str_starts(name, RM_STR("arn:")))
        return part;
    for (int i = 0; i < 4; i++) {
        const char *colon = memchr(rest.p, ':', rest.n);
        if (!colon)
            return (struct rm_str){"", 0};
        part = rm_str_sub(rest, 0, (size_t)(colon - rest.p));
        rest = rm_str_sub(rest, part.n + 1, rest.n);
    }
    return part;
}

static void lambda_region(struct rm_reader *r, const struct rm_path *path, struct rm_place place,
                          struct rm_conf_lambda *lambda)
{
    struct rm_path at = {.up = path, .name = RM_STR("region")};
    static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    if (lambda->region.n == 0)
        lambda->region = lambda_arn_region(lambda->function);
    for (size_t i = 0; lambda->region.n == 0 && i < RM_COUNT(variables); i++)
        lambda->region = rm_arena_dup(r->arena, rm_str_of(getenv(variables[i])));
    if (lambda->region.n == 0)
        rm_reader_error(r, &at, place, "is missing, here, in the function's ARN and in AWS_REGION");
    else if (!lambda_is_region(lambda->region))
        rm_reader_error(r, &at, place, "found %s, allowed is a region such as eu-west-1",
                        rm_text_quote(r->found->arena, lambda->region));
}

static void lambda_host(struct rm_reader *r, const struct rm_path *path, struct rm_place place,
                        struct rm_conf_backend *backend)
{
    const struct rm_conf_lambda *lambda = &backend->lambda;
    struct rm_path at = {.up = path, .name = RM_STR("endpoint")};
    struct rm_str *host = RM_NEW(r->arena, struct rm_str);
    *host = lambda->endpoint;
    const char *why = host->n > 0 ? rm_url_wrong(*host) : NULL;
    if (why) {
        rm_reader_error(r, &at, place, "%s %s", rm_text_quote(r->found->arena, *host), why);
        return;
    }
    if (host->n == 0)
        *host = rm_arena_printf(r->arena, "https://lambda.%.*s.amazonaws.com%s", (int)lambda->region.n,
                                lambda->region.p, rm_str_starts(lambda->region, RM_STR("cn-")) ? ".cn" : "");
    while (host->n > 0 && host->p[host->n - 1] == '/')
        host->n--;
    backend->hosts = (struct rm_strs){host, 1};
    backend->sd = RM_STR("static");
    backend->disable_host_sanitize = true; // a path before AWS's is kept
}

void rm_lambda_check(struct rm_reader *r, const struct rm_path *extra, struct rm_value *object,
                     const struct rm_conf_endpoint *endpoint, struct rm_conf_backend *backend)
{
    struct rm_conf_lambda *lambda = &backend->lambda;
    const struct rm_path path = {.up = extra, .name = RM_STR("backend/lambda")},
                         param = {.up = &path, .name = RM_STR("function_param_name")};
    if (!lambda->is_given)
        return;
    const struct rm_place place = rm_doc_key_place(rm_value_get(r->arena, object, path.name) ?: object);
    if (rm_str_eq(endpoint->output_encoding, RM_STR("no-op")))
        rm_reader_error(r, &path, place, "not with the output_encoding no-op: it passes bodies through");
    bool found = lambda->function.n > 0;
    for (size_t i = 0; i < endpoint->params.n && !found; i++) {
        lambda->param = (uint32_t)i;
        found = rm_str_eq_nocase(endpoint->params.v[i], lambda->param_name);
    }
    if (!found)
        rm_reader_error(r, &param, place, "the endpoint has no parameter {%.*s}: name one, or the function_name",
                        (int)lambda->param_name.n, lambda->param_name.p);
    lambda_region(r, &path, place, lambda);
    lambda_host(r, &path, place, backend);
    lambda->sends_params = backend->method == RM_GET;
    backend->method = RM_POST;
    backend->url_pattern = RM_STR("/"); // whatever is written there, as in KrakenD
}
