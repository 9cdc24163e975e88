// extra_config["backend/graphql"] of backends.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#define AT(member) offsetof(struct rm_conf_backend, graphql.member)

enum { GRAPHQL_QUERY, GRAPHQL_MUTATION };
static const char *const graphql_types[] = {"query", "mutation"};
static const char *const graphql_methods[] = {"GET", "POST"}; // as enum rm_method

static const struct rm_field graphql_rows[] = {
    {.name = "type",
     .type = RM_FIELD_CHOICE,
     .offset = AT(type),
     .choices = graphql_types,
     .n_choices = RM_COUNT(graphql_types),
     .doc = "query, or mutation: its variables are the client's body"},
    {.name = "method",
     .type = RM_FIELD_CHOICE,
     .offset = AT(method),
     .fallback = "POST",
     .choices = graphql_methods,
     .n_choices = RM_COUNT(graphql_methods),
     .doc = "POST, or GET with the query in the URL"},
    {.name = "query", .type = RM_FIELD_ANY, .offset = AT(query_value), .doc = "the GraphQL text"},
    {.name = "query_path",
     .type = RM_FIELD_LATER,
     .offset = RM_NOWHERE,
     .note = "write the text under \"query\"",
     .doc = "not in this version"},
    {.name = "variables",
     .type = RM_FIELD_OBJECT,
     .offset = AT(variables),
     .doc = "values of variables; \"{param}\" is a parameter of the endpoint"},
    {.name = "operationName",
     .type = RM_FIELD_STRING,
     .offset = AT(operation_name),
     .doc = "which operation of the query"},
};

// Lines and tabs belong into the text of a query.
static void graphql_finish(struct rm_reader *r, const struct rm_path *path, struct rm_value *object, void *base)
{
    struct rm_conf_graphql *graphql = &((struct rm_conf_backend *)base)->graphql;
    const struct rm_path query = {.up = path, .name = RM_STR("query")}, type = {.up = path, .name = RM_STR("type")};
    const struct rm_value *text = rm_value_get(r->arena, object, query.name);
    const struct rm_value *path_value = rm_value_get(r->arena, object, RM_STR("query_path"));
    graphql->query = text && text->type == RM_STRING ? rm_value_text(r->arena, text) : RM_STR("");
    graphql->is_mutation = graphql->type == GRAPHQL_MUTATION;
    if (text && text->type != RM_STRING && text->type != RM_NULL)
        rm_reader_error(r, &query, rm_doc_place(text), "found %s, allowed is a string",
                        rm_value_describe(r->found->arena, text));
    else if (graphql->query.n == 0 && (!path_value || rm_value_is_off(path_value)))
        rm_reader_error(r, &query, rm_doc_place(text ? text : object), "is missing: the GraphQL text");
    if (!rm_value_get(r->arena, object, type.name))
        rm_reader_error(r, &type, rm_doc_place(object), "is missing: query or mutation");
}

const struct rm_fields rm_graphql_fields = {
    .v = graphql_rows, .n = RM_COUNT(graphql_rows), .what = "key of backend/graphql", .finish = graphql_finish};

static bool graphql_is_param(struct rm_reader *r, const struct rm_conf_endpoint *endpoint, const struct rm_value *v)
{
    struct rm_str text = rm_value_text(r->arena, v);
    if (text.n < 3 || text.p[0] != '{' || text.p[text.n - 1] != '}')
        return true;
    for (size_t i = 0; i < endpoint->params.n; i++) {
        if (rm_str_eq(rm_str_sub(text, 1, text.n - 1), endpoint->params.v[i]))
            return true;
    }
    return false;
}

void rm_graphql_check(struct rm_reader *r, const struct rm_path *extra, struct rm_value *object,
                      const struct rm_conf_endpoint *endpoint, struct rm_conf_backend *backend)
{
    const struct rm_path path = {.up = extra, .name = RM_STR("backend/graphql")};
    struct rm_conf_graphql *graphql = &backend->graphql;
    if (graphql->query.n == 0)
        return;
    backend->method = graphql->method;
    if (rm_str_eq(endpoint->output_encoding, RM_STR("no-op")))
        rm_reader_error(r, &path, rm_doc_key_place(object),
                        "not with the output_encoding no-op: it passes bodies through");
    const struct rm_path variables = {.up = &path, .name = RM_STR("variables")};
    for (struct rm_value *v = graphql->variables ? graphql->variables->first : NULL; v; v = v->next) {
        const struct rm_path at = {.up = &variables, .name = v->key};
        if (!graphql_is_param(r, endpoint, v))
            rm_reader_error(r, &at, rm_doc_place(v), "%s is no parameter of the endpoint",
                            rm_value_describe(r->found->arena, v));
    }
}
