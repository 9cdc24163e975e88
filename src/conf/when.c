// extra_config.remora.when of a backend: on what it depends whether the backend is asked.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#include "value/regex.h"

#define AT(member) offsetof(struct rm_conf_backend, when.member)

static const struct rm_field when_rows[] = {
    {.name = "value",
     .type = RM_FIELD_STRING,
     .offset = AT(text),
     .doc =
         "what is looked at: param:NAME, header:NAME, query:NAME, or in a sequence resp0_field of an earlier answer"},
    {.name = "equals", .type = RM_FIELD_STRING, .offset = AT(equals), .doc = "the backend is asked when it is this"},
    {.name = "matches",
     .type = RM_FIELD_STRING,
     .offset = AT(matches),
     .doc = "or when this regular expression matches somewhere in it"},
    {.name = "not", .type = RM_FIELD_BOOL, .offset = AT(negated), .doc = "when it is not so"},
};
const struct rm_fields rm_when_fields = {.v = when_rows, .n = RM_COUNT(when_rows), .what = "key of remora.when"};

static void when_source(struct rm_reader *r, const struct rm_path *path, struct rm_place place,
                        const struct rm_conf_endpoint *endpoint, size_t index, struct rm_conf_when *when)
{
    static const struct rm_str param = {"param:", 6}, header = {"header:", 7}, query = {"query:", 6};
    struct rm_str text = when->text;
    uint64_t backend;
    struct rm_str field;
    if (rm_str_starts(text, param) && text.n > param.n) {
        if (rm_param_find(r, path, place, rm_str_sub(text, param.n, text.n), endpoint, &when->param))
            when->of = RM_WHEN_PARAM;
    } else if (rm_str_starts(text, header) && rm_is_token(rm_str_sub(text, header.n, text.n))) {
        when->of = RM_WHEN_HEADER;
        when->name = rm_str_sub(text, header.n, text.n);
    } else if (rm_str_starts(text, query) && text.n > query.n) {
        when->of = RM_WHEN_QUERY;
        when->name = rm_str_sub(text, query.n, text.n);
    } else if (rm_pattern_resp(text, &backend, &field)) {
        when->of = RM_WHEN_FIELD;
        when->backend = (uint32_t)backend;
        when->field = rm_pattern_split(r->arena, field);
        if (!endpoint->sequential)
            rm_reader_error(r, path, place,
                            "%s needs the answer of another backend: set extra_config.proxy.sequential to true",
                            rm_text_quote(r->found->arena, text));
        else if (backend >= index)
            rm_reader_error(r, path, place,
                            "%s names a backend that is not called before this one, which is number %zu",
                            rm_text_quote(r->found->arena, text), index);
    } else {
        rm_reader_error(r, path, place, "found %s, allowed is param:NAME, header:NAME, query:NAME or resp0_field",
                        rm_text_quote(r->found->arena, text));
    }
}

void rm_when_check(struct rm_reader *r, const struct rm_path *extra, struct rm_value *object,
                   const struct rm_conf_endpoint *endpoint, size_t index, struct rm_conf_backend *backend)
{
    struct rm_conf_when *when = &backend->when;
    struct rm_path own = {.up = extra, .name = RM_STR("remora")}, path = {.up = &own, .name = RM_STR("when")},
                   value = {.up = &path, .name = RM_STR("value")}, matches = {.up = &path, .name = RM_STR("matches")};
    struct rm_value *space = object ? rm_value_get(r->arena, object, own.name) : NULL;
    struct rm_value *given = space && space->type == RM_OBJECT ? rm_value_get(r->arena, space, path.name) : NULL;
    if (!given || given->type != RM_OBJECT)
        return;
    const struct rm_value *text = rm_value_get(r->arena, given, value.name);
    const struct rm_value *pattern = rm_value_get(r->arena, given, matches.name);
    when->has_equals = rm_value_get(r->arena, given, RM_STR("equals")) != NULL;
    if (rm_str_eq(endpoint->output_encoding, RM_STR("no-op")))
        rm_reader_error(r, &path, rm_doc_key_place(given),
                        "not with the output_encoding no-op: there would be no answer");
    if (when->text.n == 0)
        rm_reader_error(r, &value, rm_doc_place(given), "is missing: what is looked at");
    else
        when_source(r, &value, rm_doc_place(text), endpoint, index, when);
    if (when->has_equals && when->matches.n > 0)
        rm_reader_error(r, &matches, rm_doc_place(pattern), "there is \"equals\" already");
    struct rm_err err;
    if (when->matches.n > 0 && rm_regex_compile(r->arena, when->matches, &when->regex, &err) != RM_OK)
        rm_reader_error(r, &matches, rm_doc_place(pattern), "no regular expression: %s", err.text);
}
