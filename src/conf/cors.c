// extra_config["security/cors"] of the service.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#define AT(member) offsetof(struct rm_conf, cors.member)
#define YEAR UINT64_C(31536000000000)

// As many as there are are checked; what the lists are without the file is set here, too.
static void cors_finish(struct rm_reader *r, const struct rm_path *path, struct rm_value *object, void *base)
{
    static struct rm_str any[] = {{"*", 1}}, simple[] = {{"GET", 3}, {"HEAD", 4}, {"POST", 4}};
    struct rm_conf_cors *cors = &((struct rm_conf *)base)->cors;
    if (cors->allow_origins.n == 0)
        cors->allow_origins = (struct rm_strs){any, RM_COUNT(any)};
    if (cors->allow_headers.n == 0)
        cors->allow_headers = (struct rm_strs){any, RM_COUNT(any)};
    if (cors->allow_methods.n == 0)
        cors->allow_methods = (struct rm_strs){simple, RM_COUNT(simple)};
    struct rm_path at = {.up = path, .name = RM_STR("allow_origins")};
    for (size_t i = 0; i < cors->allow_origins.n; i++) {
        struct rm_str origin = cors->allow_origins.v[i];
        const char *star = origin.n > 0 ? memchr(origin.p, '*', origin.n) : NULL;
        if (origin.n == 0 || (star && memchr(star + 1, '*', origin.n - (size_t)(star - origin.p) - 1)))
            rm_reader_error(
                r, &at, rm_doc_place(rm_value_get(r->arena, object, at.name)),
                "%s is no origin: allowed is \"*\", or a scheme with a host such as https://shop.example.com, "
                "in which one \"*\" may stand",
                rm_text_quote(r->found->arena, origin));
    }
}

static void cors_methods(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    struct rm_strs *methods = &((struct rm_conf *)base)->cors.allow_methods;
    for (size_t i = 0; i < methods->n; i++) {
        if (!rm_is_token(methods->v[i]))
            rm_reader_error(r, path, rm_doc_place(value), "%s is no method",
                            rm_text_quote(r->found->arena, methods->v[i]));
        char *upper = rm_arena_alloc(r->arena, methods->v[i].n);
        for (size_t k = 0; k < methods->v[i].n; k++) {
            char c = methods->v[i].p[k];
            upper[k] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        }
        methods->v[i].p = upper;
    }
}

static void cors_exposed(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    struct rm_strs *names = &((struct rm_conf *)base)->cors.expose_headers;
    rm_header_names_check(r, path, value, names, NULL);
}

static void cors_allowed(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    struct rm_strs *names = &((struct rm_conf *)base)->cors.allow_headers;
    bool all = false; // which empties the list, and that is all again
    rm_header_names_check(r, path, value, names, &all);
}

static const struct rm_field cors_rows[] = {
    {.name = "allow_origins",
     .type = RM_FIELD_STRINGS,
     .offset = AT(allow_origins),
     .doc = "whose scripts may call: \"*\" (without it all), https://shop.example.com, https://*.example.com"},
    {.name = "allow_methods",
     .type = RM_FIELD_STRINGS,
     .offset = AT(allow_methods),
     .read = cors_methods,
     .doc = "methods that scripts may use; without it GET, HEAD and POST"},
    {.name = "allow_headers",
     .type = RM_FIELD_STRINGS,
     .offset = AT(allow_headers),
     .read = cors_allowed,
     .doc = "headers that scripts may send; without it all"},
    {.name = "expose_headers",
     .type = RM_FIELD_STRINGS,
     .offset = AT(expose_headers),
     .read = cors_exposed,
     .doc = "headers of answers that scripts may read"},
    {.name = "allow_credentials",
     .type = RM_FIELD_BOOL,
     .offset = AT(allow_credentials),
     .doc = "cookies and client certificates may come; browsers want origins by name for that"},
    {.name = "allow_private_network",
     .type = RM_FIELD_BOOL,
     .offset = AT(allow_private_network),
     .doc = "pages of the public internet may call"},
    {.name = "options_passthrough",
     .type = RM_FIELD_BOOL,
     .offset = AT(options_passthrough),
     .doc = "a preflight goes on to the router, too"},
    {.name = "options_success_status",
     .type = RM_FIELD_U32,
     .offset = AT(options_success_status),
     .fallback = "204",
     .min = 200,
     .max = 299,
     .zero_is_unset = true,
     .doc = "status of the answer to a preflight"},
    {.name = "max_age",
     .type = RM_FIELD_DURATION,
     .offset = AT(max_age_us),
     .max = YEAR,
     .doc = "how long a browser may keep what a preflight said; 0: not said"},
    {.name = "debug", .type = RM_FIELD_BOOL, .offset = RM_NOWHERE, .note = "run -d logs all", .doc = "ignored"},
};
const struct rm_fields rm_cors_fields = {.v = cors_rows,
                                         .n = RM_COUNT(cors_rows),
                                         .what = "key of security/cors",
                                         .is_optional = true,
                                         .given = AT(is_given),
                                         .finish = cors_finish};
