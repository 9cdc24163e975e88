// GraphQL over HTTP: {"query", "operationName", "variables"} as a body, or as a query string. See graphql.h.
// SPDX-License-Identifier: Apache-2.0
#include "flow/graphql.h"

#include "base/pct.h"
#include "flow/head.h"
#include "flow/local.h"

struct graphql_param {
    struct rm_str variable;
    uint32_t param; // of the endpoint
};

struct rm_graphql {
    const struct rm_conf_graphql *conf;
    struct graphql_param *params; // variables that are "{param}"
    uint32_t n_params;
};

struct rm_graphql *rm_graphql_compile(struct rm_arena *arena, const struct rm_conf_graphql *conf,
                                      const struct rm_conf_endpoint *endpoint)
{
    struct rm_graphql *graphql = RM_NEW(arena, struct rm_graphql);
    graphql->conf = conf;
    uint32_t n = conf->variables ? conf->variables->n : 0;
    graphql->params = RM_NEW_ARRAY(arena, struct graphql_param, n > 0 ? n : 1);
    for (struct rm_value *variable = n > 0 ? conf->variables->first : NULL; variable; variable = variable->next) {
        struct rm_str text = rm_value_text(arena, variable);
        for (uint32_t i = 0; text.n > 2 && i < endpoint->params.n; i++) {
            if (text.p[0] == '{' && text.p[text.n - 1] == '}' &&
                rm_str_eq(rm_str_sub(text, 1, text.n - 1), endpoint->params.v[i]))
                graphql->params[graphql->n_params++] = (struct graphql_param){variable->key, i};
        }
    }
    return graphql;
}

// The configured variables with the client's values; NULL: there are none.
static struct rm_value *graphql_variables(const struct rm_graphql *graphql, struct rm_request *rq)
{
    if (!graphql->conf->variables)
        return NULL;
    struct rm_value *variables = rm_value_copy(&rq->arena, graphql->conf->variables);
    for (uint32_t i = 0; i < graphql->n_params; i++)
        rm_value_set(&rq->arena, variables, graphql->params[i].variable,
                     rm_value_string(&rq->arena, rq->params[graphql->params[i].param]));
    return variables;
}

// A mutation's: the client's body over the configured ones.
static int graphql_mutate(struct rm_request *rq, struct rm_value **variables, struct rm_err *err)
{
    const struct rm_conf_limits *limits = &rq->flow->plan->conf->limits;
    const struct rm_json_limits json = {.max_depth = limits->json_depth, .max_nodes = limits->json_nodes};
    struct rm_value *body = NULL;
    struct rm_err why = {.code = RM_OK};
    int rc = rm_json_parse(&rq->arena, rq->body, 1, &json, &body, NULL, &why);
    if (rc != RM_OK)
        return rm_fail(err, RM_EDECODE, "the variables of the mutation: %s", why.text);
    if (body->type != RM_OBJECT)
        return rm_fail(err, RM_EDECODE, "the variables of the mutation: the body is no JSON object");
    if (!*variables)
        *variables = rm_value_new(&rq->arena, RM_OBJECT);
    rm_value_merge(&rq->arena, *variables, body);
    return RM_OK;
}

static void graphql_free(void *arg)
{
    rm_buf_free(arg);
}

// JSON text that lives as long as the request, and counts as a body until then.
static int graphql_write(struct rm_request *rq, const struct rm_value *v, struct rm_str *text, struct rm_err *err)
{
    const struct rm_plan *plan = rq->flow->plan;
    struct rm_buf *buf = RM_NEW(&rq->arena, struct rm_buf);
    rm_buf_init(buf, plan->conf->limits.bodies_bytes, plan->budget);
    rm_arena_defer(&rq->arena, graphql_free, buf);
    int rc = rm_json_write(&rq->arena, v, buf);
    *text = rm_buf_str(buf);
    return rc == RM_OK ? RM_OK : rm_fail(err, RM_EMEMORY, "no room left for a GraphQL query");
}

static void graphql_add(struct rm_request *rq, struct rm_str *query, const char *name, struct rm_str value)
{
    struct rm_str coded = rm_pct_encode_query(&rq->arena, value);
    *query = rm_arena_printf(&rq->arena, "%.*s%s%s=%.*s", (int)query->n, query->n > 0 ? query->p : "",
                             query->n > 0 ? "&" : "", name, (int)coded.n, coded.p);
}

static int graphql_query(const struct rm_graphql *graphql, struct rm_request *rq, struct rm_value *variables,
                         struct rm_ask *ask, struct rm_err *err)
{
    struct rm_str text;
    graphql_add(rq, &ask->more_query, "query", graphql->conf->query);
    if (graphql->conf->operation_name.n > 0)
        graphql_add(rq, &ask->more_query, "operationName", graphql->conf->operation_name);
    if (!variables)
        return RM_OK;
    int rc = graphql_write(rq, variables, &text, err);
    if (rc == RM_OK)
        graphql_add(rq, &ask->more_query, "variables", text);
    return rc;
}

static int graphql_body(const struct rm_graphql *graphql, struct rm_request *rq, struct rm_value *variables,
                        struct rm_ask *ask, struct rm_err *err)
{
    struct rm_arena *arena = &rq->arena;
    struct rm_value *root = rm_value_new(arena, RM_OBJECT);
    rm_value_set(arena, root, RM_STR("query"), rm_value_string(arena, graphql->conf->query));
    if (graphql->conf->operation_name.n > 0)
        rm_value_set(arena, root, RM_STR("operationName"), rm_value_string(arena, graphql->conf->operation_name));
    if (variables)
        rm_value_set(arena, root, RM_STR("variables"), variables);
    return graphql_write(rq, root, &ask->own_body, err);
}

void rm_graphql_ask(const struct rm_graphql *graphql, struct rm_request *rq, struct rm_ask *ask)
{
    struct rm_value *variables = graphql_variables(graphql, rq);
    struct rm_headers without;
    rm_head_without_content(&rq->arena, &ask->headers, &without);
    ask->headers = without;
    ask->has_own_body = true;
    if (graphql->conf->is_mutation && graphql_mutate(rq, &variables, &ask->err) != RM_OK)
        return;
    if (graphql->conf->method == RM_GET) {
        if (graphql_query(graphql, rq, variables, ask, &ask->err) == RM_OK)
            return;
    } else if (graphql_body(graphql, rq, variables, ask, &ask->err) == RM_OK) {
        rm_headers_add(&rq->arena, &ask->headers, RM_STR("Content-Type"), RM_STR("application/json"));
    }
}
