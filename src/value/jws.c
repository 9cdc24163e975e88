// Reading a compact token. Owns nothing; all texts lie in the arena or in the token.
// SPDX-License-Identifier: Apache-2.0
#include "value/jws.h"

#include "value/base64url.h"

const char *const rm_jws_alg_names[RM_JWS_ALGS] = {
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA"};

int rm_strict_object(struct rm_arena *arena, struct rm_str text, const struct rm_json_limits *limits, const char *what,
                     struct rm_value **out, struct rm_err *err)
{
    struct rm_value *value;
    struct rm_err why;
    size_t used;
    // Left closed, the root tells whether anything below it is there twice or is no Unicode.
    int code = rm_json_parse(arena, text, 0, limits, &value, &used, &why);
    if (code != RM_OK)
        return rm_fail(err, code, "%s: %s", what, why.text);
    if (used != text.n || value->type != RM_OBJECT)
        return rm_fail(err, RM_EDECODE, "%s is no single object of JSON", what);
    if (value->flags & RM_V_REWRITE)
        return rm_fail(err, RM_EDECODE, "%s has a name twice, or text that is no Unicode", what);
    rm_value_open(arena, value);
    *out = value;
    return RM_OK;
}

int rm_strict_text(struct rm_arena *arena, struct rm_value *object, const char *name, struct rm_str *out,
                   struct rm_err *err)
{
    struct rm_value *value = rm_value_get(arena, object, rm_str_of(name));
    *out = RM_STR("");
    if (!value)
        return RM_OK;
    if (value->type != RM_STRING)
        return rm_fail(err, RM_EDECODE, "\"%s\" is no string", name);
    *out = rm_value_text(arena, value);
    return RM_OK;
}

static int jws_header(struct rm_arena *arena, struct rm_str text, struct rm_jws *jws, struct rm_err *err)
{
    static const struct rm_json_limits limits = {.max_depth = 8, .max_nodes = 100};
    static const char *const extensions[] = {"crit", "b64"};
    struct rm_value *header;
    int code = rm_strict_object(arena, text, &limits, "the token's header", &header, err);
    if (code != RM_OK)
        return code;
    for (size_t i = 0; i < RM_COUNT(extensions); i++) {
        if (rm_value_get(arena, header, rm_str_of(extensions[i])))
            return rm_fail(err, RM_EPROTO, "the token's header has \"%s\"", extensions[i]);
    }
    const struct {
        const char *name;
        struct rm_str *to;
    } members[] = {{"alg", &jws->alg}, {"kid", &jws->kid}, {"x5t", &jws->x5t}, {"x5t#S256", &jws->x5t_s256}};
    for (size_t i = 0; code == RM_OK && i < RM_COUNT(members); i++)
        code = rm_strict_text(arena, header, members[i].name, members[i].to, err);
    return code;
}

int rm_jws_read(struct rm_arena *arena, struct rm_str token, struct rm_jws *out, struct rm_err *err)
{
    if (token.n > RM_JWS_BYTES_MOST)
        return rm_fail(err, RM_ETOOBIG, "the token is longer than %zu bytes", RM_JWS_BYTES_MOST);
    const char *first = token.n > 0 ? memchr(token.p, '.', token.n) : NULL;
    size_t header = first ? (size_t)(first - token.p) : 0;
    const char *second = first ? memchr(first + 1, '.', token.n - header - 1) : NULL;
    size_t signed_n = second ? (size_t)(second - token.p) : 0;
    // A dot more is no character of base64url.
    if (header == 0 || signed_n <= header + 1 || signed_n + 1 >= token.n)
        return rm_fail(err, RM_EDECODE, "the token is no header, payload and signature with dots between");
    struct rm_str text;
    *out = (struct rm_jws){.input = rm_str_sub(token, 0, signed_n)};
    if (rm_base64url_decode(arena, rm_str_sub(token, 0, header), &text) != RM_OK ||
        rm_base64url_decode(arena, rm_str_sub(token, header + 1, signed_n), &out->payload) != RM_OK ||
        rm_base64url_decode(arena, rm_str_sub(token, signed_n + 1, token.n), &out->signature) != RM_OK)
        return rm_fail(err, RM_EDECODE, "a part of the token is not in base64url");
    return jws_header(arena, text, out, err);
}

int rm_jws_claims(struct rm_arena *arena, const struct rm_jws *jws, struct rm_value **out, struct rm_err *err)
{
    static const struct rm_json_limits limits = {.max_depth = 32, .max_nodes = 4000};
    return rm_strict_object(arena, jws->payload, &limits, "the token's payload", out, err);
}
