// From JSON to keys. Knows members of a JWK, not what OpenSSL makes of them (signature.c).
// SPDX-License-Identifier: Apache-2.0
#include "policy/jwk.h"

#include "value/base64url.h"

// A member in base64url; missing it is empty.
static int jwk_bytes(struct rm_arena *arena, struct rm_value *jwk, const char *name, struct rm_str *out,
                     struct rm_err *err)
{
    struct rm_str text;
    int code = rm_strict_text(arena, jwk, name, &text, err);
    if (code == RM_OK && rm_base64url_decode(arena, text, out) != RM_OK)
        code = rm_fail(err, RM_EDECODE, "\"%s\" is not in base64url", name);
    return code;
}

// The public part alone is looked at.
static int jwk_key(struct rm_arena *arena, struct rm_value *jwk, struct rm_str kty, struct rm_sig_key **out,
                   struct rm_err *err)
{
    struct rm_str curve, first, second = RM_STR("");
    bool is_rsa = rm_str_eq(kty, RM_STR("RSA")), is_ec = rm_str_eq(kty, RM_STR("EC"));
    bool is_okp = rm_str_eq(kty, RM_STR("OKP")), is_secret = rm_str_eq(kty, RM_STR("oct"));
    if (!is_rsa && !is_ec && !is_okp && !is_secret)
        return rm_fail(err, RM_EDENIED, "a \"kty\" that is not RSA, EC, OKP or oct");
    int code = rm_strict_text(arena, jwk, "crv", &curve, err);
    if (code == RM_OK)
        code = jwk_bytes(arena, jwk, is_rsa ? "n" : is_secret ? "k" : "x", &first, err);
    if (code == RM_OK && (is_rsa || is_ec))
        code = jwk_bytes(arena, jwk, is_rsa ? "e" : "y", &second, err);
    if (code != RM_OK)
        return code;
    if (is_rsa)
        return rm_sig_rsa(arena, first, second, out, err);
    if (is_ec)
        return rm_sig_ec(arena, curve, first, second, out, err);
    return is_okp ? rm_sig_okp(arena, curve, first, out, err) : rm_sig_secret(arena, first, out, err);
}

// "use" and "key_ops" (RFC 7517 4.2, 4.3), where they are there.
static int jwk_use(struct rm_arena *arena, struct rm_value *jwk, struct rm_err *err)
{
    struct rm_str use;
    struct rm_value *ops = rm_value_get(arena, jwk, RM_STR("key_ops"));
    bool verifies = !ops;
    int code = rm_strict_text(arena, jwk, "use", &use, err);
    if (code != RM_OK)
        return code;
    if (ops && ops->type == RM_ARRAY) {
        rm_value_open(arena, ops);
        for (const struct rm_value *op = ops->first; op; op = op->next)
            verifies |= op->type == RM_STRING && rm_str_eq(rm_value_text(arena, op), RM_STR("verify"));
    }
    if (!verifies || (use.n > 0 && !rm_str_eq(use, RM_STR("sig"))))
        return rm_fail(err, RM_EDENIED, "a key that is not for verifying signatures");
    return RM_OK;
}

static int jwk_read(struct rm_arena *arena, struct rm_value *value, struct rm_jwk *out, struct rm_err *err)
{
    struct rm_str kty = RM_STR("");
    *out = (struct rm_jwk){.key = NULL};
    if (value->type != RM_OBJECT)
        return rm_fail(err, RM_EDECODE, "a key that is no object");
    const struct {
        const char *name;
        struct rm_str *to;
    } members[] = {
        {"kty", &kty}, {"kid", &out->kid}, {"alg", &out->alg}, {"x5t", &out->x5t}, {"x5t#S256", &out->x5t_s256}};
    int code = RM_OK;
    for (size_t i = 0; code == RM_OK && i < RM_COUNT(members); i++)
        code = rm_strict_text(arena, value, members[i].name, members[i].to, err);
    if (code == RM_OK)
        code = jwk_use(arena, value, err);
    return code == RM_OK ? jwk_key(arena, value, kty, &out->key, err) : code;
}

int rm_jwk_set_read(struct rm_arena *arena, struct rm_str text, struct rm_jwk_set *out, struct rm_err *err)
{
    static const struct rm_json_limits limits = {.max_depth = 16, .max_nodes = 20000};
    struct rm_value *root;
    if (text.n > RM_JWK_SET_BYTES_MOST)
        return rm_fail(err, RM_ETOOBIG, "the key set is longer than %zu bytes", RM_JWK_SET_BYTES_MOST);
    int code = rm_strict_object(arena, rm_arena_dup(arena, text), &limits, "the key set", &root, err);
    if (code != RM_OK)
        return code;
    struct rm_value *keys = rm_value_get(arena, root, RM_STR("keys"));
    if (!keys || keys->type != RM_ARRAY)
        return rm_fail(err, RM_EDECODE, "the key set has no list \"keys\"");
    rm_value_open(arena, keys);
    if (keys->n > RM_JWK_SET_KEYS_MOST)
        return rm_fail(err, RM_ETOOBIG, "the key set has more than %d keys", RM_JWK_SET_KEYS_MOST);
    *out = (struct rm_jwk_set){.v = RM_NEW_ARRAY(arena, struct rm_jwk, keys->n)};
    for (struct rm_value *value = keys->first; value; value = value->next) {
        if (jwk_read(arena, value, &out->v[out->n], &out->left_out) == RM_OK)
            out->n++;
        else
            out->n_left_out++;
    }
    return RM_OK;
}

static bool jwk_may(const struct rm_jwk *jwk, enum rm_jws_alg alg)
{
    return rm_sig_fits(jwk->key, alg) && (jwk->alg.n == 0 || rm_str_eq(jwk->alg, rm_str_of(rm_jws_alg_names[alg])));
}

static bool jwk_is_named(const struct rm_jwk *jwk, enum rm_jwk_by by, const struct rm_jws *jws)
{
    switch (by) {
    case RM_JWK_BY_KID:
        return rm_str_eq(jwk->kid, jws->kid);
    case RM_JWK_BY_X5T:
        return rm_str_eq(jwk->x5t, jws->x5t);
    case RM_JWK_BY_X5T_S256:
        return rm_str_eq(jwk->x5t_s256, jws->x5t_s256);
    case RM_JWK_BY_KID_X5T:
        return rm_str_eq(jwk->kid, jws->kid) && rm_str_eq(jwk->x5t, jws->x5t);
    }
    return false;
}

const struct rm_jwk *rm_jwk_find(const struct rm_jwk_set *set, enum rm_jwk_by by, const struct rm_jws *jws,
                                 enum rm_jws_alg alg)
{
    for (uint32_t i = 0; i < set->n; i++) {
        if (jwk_is_named(&set->v[i], by, jws) && jwk_may(&set->v[i], alg))
            return &set->v[i];
    }
    return NULL;
}

bool rm_jwk_has(const struct rm_jwk_set *set, enum rm_jws_alg alg)
{
    for (uint32_t i = 0; i < set->n; i++) {
        if (jwk_may(&set->v[i], alg))
            return true;
    }
    return false;
}
