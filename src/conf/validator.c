// extra_config["auth/validator"] of endpoints. KrakenD answers 401 for ever where this is wrong; here it is an error.
// SPDX-License-Identifier: Apache-2.0
#include "conf/load.h"

#define AT(member) offsetof(struct rm_conf_endpoint, validator.member)
#define HOUR UINT64_C(3600000000)
#define LATER(key, text)                                                                                               \
    {                                                                                                                  \
        .name = key, .type = RM_FIELD_LATER, .offset = RM_NOWHERE, .note = text, .doc = "not in this version"          \
    }

static const char *const validator_by[] = {"kid", "x5t", "x5t#S256", "kid_x5t"}; // as enum rm_conf_key_by
static const char *const validator_matchers[] = {"any", "all"};                  // as enum rm_conf_matcher

static void validator_header(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    struct rm_str name = ((struct rm_conf_endpoint *)base)->validator.header;
    if (!rm_is_token(name))
        rm_reader_error(r, path, rm_doc_place(value), "%s is no header's name", rm_text_quote(r->found->arena, name));
}

static void validator_cookie(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    struct rm_str name = ((struct rm_conf_endpoint *)base)->validator.cookie;
    if (!rm_is_token(name)) // RFC 6265 4.1.1
        rm_reader_error(r, path, rm_doc_place(value), "%s is no cookie's name", rm_text_quote(r->found->arena, name));
}

// One ["claim", "Header"].
static void validator_pair(struct rm_reader *r, const struct rm_path *path, struct rm_value *value,
                           struct rm_conf_propagate *out)
{
    struct rm_strs pair = {NULL, 0};
    if (!rm_strings_expect(r, path, value, &pair))
        return;
    if (value->type != RM_ARRAY || pair.n != 2 || pair.v[0].n == 0)
        rm_reader_error(r, path, rm_doc_place(value), "allowed is a pair: a claim and the header that gets it");
    else if (!rm_is_token(pair.v[1]))
        rm_reader_error(r, path, rm_doc_place(value), "%s is no header's name",
                        rm_text_quote(r->found->arena, pair.v[1]));
    else
        *out = (struct rm_conf_propagate){.claim = pair.v[0], .header = pair.v[1]};
}

static void validator_propagate(struct rm_reader *r, const struct rm_path *path, struct rm_value *value, void *base)
{
    struct rm_conf_validator *validator = &((struct rm_conf_endpoint *)base)->validator;
    if (value->type == RM_NULL)
        return;
    if (value->type != RM_ARRAY) {
        rm_reader_error(r, path, rm_doc_place(value), "found %s, allowed is a list of pairs of a claim and a header",
                        rm_value_describe(r->found->arena, value));
        return;
    }
    validator->propagate = RM_NEW_ARRAY(r->arena, struct rm_conf_propagate, value->n);
    validator->n_propagate = value->n;
    struct rm_value *pair = value->first;
    for (size_t i = 0; pair; i++, pair = pair->next) {
        struct rm_path at = {.up = path, .index = i};
        validator_pair(r, &at, pair, &validator->propagate[i]);
    }
}

static const struct rm_field validator_rows[] = {
    {.name = "alg",
     .type = RM_FIELD_CHOICE,
     .offset = AT(alg),
     .choices = rm_jws_alg_names,
     .n_choices = RM_JWS_ALGS,
     .doc = "the one algorithm of the tokens' signatures; must be there"},
    {.name = "jwk_local_path",
     .type = RM_FIELD_STRING,
     .offset = AT(jwk_local_path),
     .doc = "a file with the set of keys (RFC 7517), read at the start and by a reload"},
    {.name = "jwk_url",
     .type = RM_FIELD_STRING,
     .offset = AT(jwk_url),
     .doc = "where the set of keys is fetched from: now, every cache_duration, and for a key that is not known"},
    {.name = "disable_jwk_security",
     .type = RM_FIELD_BOOL,
     .offset = AT(disable_jwk_security),
     .doc = "jwk_url may be http"},
    {.name = "jwk_local_ca",
     .type = RM_FIELD_STRING,
     .offset = AT(jwk_local_ca),
     .doc = "a PEM file: the authorities that jwk_url's certificate may be of, instead of the system's"},
    {.name = "cache", .type = RM_FIELD_BOOL, .offset = RM_NOWHERE, .doc = "ignored: keys are kept"},
    {.name = "cache_duration",
     .type = RM_FIELD_U32,
     .offset = AT(cache_duration_s),
     .fallback = "900",
     .min = 10,
     .max = 7 * 86400,
     .zero_is_unset = true,
     .doc = "seconds after which the keys are fetched again"},
    {.name = "failed_jwk_key_cooldown",
     .type = RM_FIELD_DURATION,
     .offset = AT(cooldown_us),
     .fallback = "10s",
     .min = 1000000,
     .max = HOUR,
     .zero_is_unset = true,
     .doc = "how long after a fetch no other one is made for a key that is not known"},
    {.name = "key_identify_strategy",
     .type = RM_FIELD_CHOICE,
     .offset = AT(key_by),
     .fallback = "kid",
     .choices = validator_by,
     .n_choices = RM_COUNT(validator_by),
     .zero_is_unset = true,
     .doc = "what of the token's header names the key"},
    {.name = "auth_header_name",
     .type = RM_FIELD_STRING,
     .offset = AT(header),
     .fallback = "Authorization",
     .zero_is_unset = true,
     .read = validator_header,
     .doc = "the header that has the token, \"Bearer \" before it or not"},
    {.name = "cookie_key",
     .type = RM_FIELD_STRING,
     .offset = AT(cookie),
     .fallback = "access_token",
     .zero_is_unset = true,
     .read = validator_cookie,
     .doc = "the cookie that has it where the header has none"},
    {.name = "leeway",
     .type = RM_FIELD_DURATION,
     .offset = AT(leeway_us),
     .fallback = "1s",
     .max = HOUR,
     .doc = "how far exp, nbf and iat may be off"},
    {.name = "issuer", .type = RM_FIELD_STRING, .offset = AT(issuer), .doc = "what iss must be"},
    {.name = "audience", .type = RM_FIELD_STRINGS, .offset = AT(audience), .doc = "each of these must stand in aud"},
    {.name = "roles_key",
     .type = RM_FIELD_STRING,
     .offset = AT(roles_key),
     .fallback = "roles",
     .zero_is_unset = true,
     .doc = "the claim that has the roles: a list, or words"},
    {.name = "roles_key_is_nested",
     .type = RM_FIELD_BOOL,
     .offset = AT(roles_key_is_nested),
     .doc = "dots of roles_key lead into objects"},
    {.name = "roles", .type = RM_FIELD_STRINGS, .offset = AT(roles), .doc = "one of these is needed, else 403"},
    {.name = "scopes_key",
     .type = RM_FIELD_STRING,
     .offset = AT(scopes_key),
     .doc = "the claim that has the scopes: a list, or words; dots lead into objects"},
    {.name = "scopes",
     .type = RM_FIELD_STRINGS,
     .offset = AT(scopes),
     .doc = "of these scopes_matcher is needed, else 403"},
    {.name = "scopes_matcher",
     .type = RM_FIELD_CHOICE,
     .offset = AT(scopes_matcher),
     .fallback = "any",
     .choices = validator_matchers,
     .n_choices = RM_COUNT(validator_matchers),
     .zero_is_unset = true,
     .doc = "any of the scopes, or all"},
    {.name = "propagate_claims",
     .type = RM_FIELD_ANY,
     .offset = AT(propagate_value),
     .read = validator_propagate,
     .doc = "pairs [claim, header]: backends get the claim, if input_headers has the header"},
    {.name = "operation_debug",
     .type = RM_FIELD_BOOL,
     .offset = AT(operation_debug),
     .doc = "a line in the log for each refusal, without the token"},
    LATER("propagate_claims_preserve_array", "lists are joined with commas"),
    LATER("jwk_fingerprints", "give the authority of jwk_url to jwk_local_ca"),
    LATER("cipher_suites", "OpenSSL's are used"),
    LATER("secret_url", "name a file of keys: jwk_local_path"),
    LATER("cypher_key", "name a file of keys: jwk_local_path"),
};

static void validator_url(struct rm_reader *r, const struct rm_path *path, struct rm_value *object,
                          const struct rm_conf_validator *validator)
{
    struct rm_path at = {.up = path, .name = RM_STR("jwk_url")};
    struct rm_str url = validator->jwk_url;
    if (url.n == 0)
        return;
    const struct rm_place place = rm_doc_place(rm_value_get(r->arena, object, at.name));
    const char *why = rm_url_wrong(url);
    if (why)
        rm_reader_error(r, &at, place, "%s %s", rm_text_quote(r->found->arena, url), why);
    else if (rm_str_starts(url, RM_STR("http://")) && !validator->disable_jwk_security)
        rm_reader_error(r, &at, place,
                        "keys that come by http are anybody's: write https, or \"disable_jwk_security\": true");
}

static void validator_finish(struct rm_reader *r, const struct rm_path *path, struct rm_value *object, void *base)
{
    const struct rm_conf_endpoint *endpoint = base;
    const struct rm_conf_validator *validator = &endpoint->validator;
    struct rm_path alg = {.up = path, .name = RM_STR("alg")}, file = {.up = path, .name = RM_STR("jwk_local_path")},
                   key = {.up = path, .name = RM_STR("scopes_key")},
                   propagate = {.up = path, .name = RM_STR("propagate_claims")};
    const struct rm_value *given = rm_value_get(r->arena, object, alg.name);
    if (!given || given->type == RM_NULL)
        rm_reader_error(r, &alg, rm_doc_place(object),
                        "is missing: the algorithm of the tokens' signatures, RS256 for example");
    if (validator->jwk_local_path.n == 0 && validator->jwk_url.n == 0)
        rm_reader_error(r, &file, rm_doc_place(object), "is missing: where the keys are; jwk_url says it, too");
    if (validator->jwk_local_path.n > 0 && validator->jwk_url.n > 0)
        rm_reader_error(r, &file, rm_doc_place(object), "keys come from jwk_local_path or from jwk_url, not from both");
    validator_url(r, path, object, validator);
    if (validator->scopes.n > 0 && validator->scopes_key.n == 0)
        rm_reader_error(r, &key, rm_doc_place(object), "is missing: which claim has the scopes");
    for (size_t i = 0; i < validator->n_propagate && !endpoint->all_headers; i++) {
        struct rm_str header = validator->propagate[i].header;
        bool is_listed = header.n == 0; // there is a finding
        for (size_t k = 0; k < endpoint->input_headers.n; k++)
            is_listed |= rm_str_eq_nocase(endpoint->input_headers.v[k], header);
        struct rm_path at = {.up = &propagate, .index = i};
        if (!is_listed)
            rm_reader_warn(r, &at, rm_doc_place(rm_value_get(r->arena, object, propagate.name)),
                           "no effect: input_headers has no %s", rm_text_quote(r->found->arena, header));
    }
}

const struct rm_fields rm_validator_fields = {.v = validator_rows,
                                              .n = RM_COUNT(validator_rows),
                                              .what = "key of auth/validator",
                                              .is_optional = true,
                                              .given = AT(is_given),
                                              .finish = validator_finish};
