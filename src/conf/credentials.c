// extra_config["auth/client-credentials"] of backends.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#include "base/pct.h"

#define AT(member) offsetof(struct rm_conf_backend, credentials.member)

static const struct rm_field credentials_rows[] = {
    {.name = "client_id",
     .type = RM_FIELD_STRING,
     .offset = AT(client_id),
     .doc = "who remora is for the token's server"},
    {.name = "client_secret",
     .type = RM_FIELD_STRING,
     .offset = AT(client_secret),
     .is_secret = true,
     .doc = "how it proves that"},
    {.name = "token_url", .type = RM_FIELD_STRING, .offset = AT(token_url), .doc = "where tokens are fetched from"},
    {.name = "scopes", .type = RM_FIELD_STRING, .offset = AT(scopes), .doc = "what is asked for, with commas between"},
    {.name = "endpoint_params",
     .type = RM_FIELD_OBJECT,
     .offset = AT(params),
     .doc = "what is sent besides: names, and a list of values of each"},
    {.name = "is_disabled", .type = RM_FIELD_BOOL, .offset = AT(is_disabled), .doc = "calls go without a token"},
};

static void credentials_add(struct rm_arena *arena, struct rm_str *form, struct rm_str name, struct rm_str value)
{
    struct rm_str left = rm_pct_encode_query(arena, name), right = rm_pct_encode_query(arena, value);
    *form = rm_arena_printf(arena, "%.*s%s%.*s=%.*s", (int)form->n, form->n ? form->p : "", form->n ? "&" : "",
                            (int)left.n, left.p, (int)right.n, right.p);
}

static void credentials_form(struct rm_reader *r, const struct rm_path *path, struct rm_conf_credentials *c)
{
    struct rm_path params = {.up = path, .name = RM_STR("endpoint_params")};
    credentials_add(r->arena, &c->form, RM_STR("grant_type"), RM_STR("client_credentials"));
    if (c->scopes.n > 0) {
        char *scopes = rm_arena_cstr(r->arena, c->scopes);
        for (char *p = scopes; *p; p++)
            *p = *p == ',' ? ' ' : *p;
        credentials_add(r->arena, &c->form, RM_STR("scope"), rm_str_of(scopes));
    }
    for (struct rm_value *m = c->params ? c->params->first : NULL; m; m = m->next) {
        struct rm_path at = {.up = &params, .name = m->key};
        struct rm_strs values = {NULL, 0};
        if (!rm_strings_expect(r, &at, m, &values))
            continue;
        for (size_t i = 0; i < values.n; i++)
            credentials_add(r->arena, &c->form, m->key, values.v[i]);
    }
}

static void credentials_finish(struct rm_reader *r, const struct rm_path *path, struct rm_value *object, void *base)
{
    struct rm_conf_credentials *c = &((struct rm_conf_backend *)base)->credentials;
    const struct {
        struct rm_str name, value;
    } needed[] = {{RM_STR("client_id"), c->client_id},
                  {RM_STR("client_secret"), c->client_secret},
                  {RM_STR("token_url"), c->token_url}};
    for (size_t i = 0; i < RM_COUNT(needed) && !c->is_disabled; i++) {
        struct rm_path at = {.up = path, .name = needed[i].name};
        if (needed[i].value.n == 0)
            rm_reader_error(r, &at, rm_doc_place(object), "is missing");
    }
    struct rm_path url = {.up = path, .name = RM_STR("token_url")};
    const char *why = c->token_url.n > 0 ? rm_url_wrong(c->token_url) : NULL;
    if (why)
        rm_reader_error(r, &url, rm_doc_place(rm_value_get(r->arena, object, url.name)), "%s %s",
                        rm_text_quote(r->found->arena, c->token_url), why);
    credentials_form(r, path, c);
}

const struct rm_fields rm_credentials_fields = {.v = credentials_rows,
                                                .n = RM_COUNT(credentials_rows),
                                                .what = "key of auth/client-credentials",
                                                .is_optional = true,
                                                .given = AT(is_given),
                                                .finish = credentials_finish};
