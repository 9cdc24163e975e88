// The signer's side of JOSE (RFC 7515, RFC 7518, RFC 8037), written apart from what it tests. Owns nothing but what lies in the arena.
// SPDX-License-Identifier: Apache-2.0
#include "tokens.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <string.h>

struct token_key {
    const char *kind;
    EVP_PKEY *pair;
    struct rm_str secret;
};

static void key_free(void *pair)
{
    EVP_PKEY_free(pair);
}

struct rm_str token_base64url(struct rm_arena *arena, struct rm_str in)
{
    unsigned char *text = rm_arena_alloc(arena, in.n / 3 * 4 + 8);
    size_t n = (size_t)EVP_EncodeBlock(text, (const unsigned char *)in.p, (int)in.n);
    while (n > 0 && text[n - 1] == '=')
        n--;
    for (size_t i = 0; i < n; i++)
        text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    return (struct rm_str){(char *)text, n};
}

struct token_key *token_key_of_secret(struct rm_arena *arena, struct rm_str secret)
{
    struct token_key *key = RM_NEW(arena, struct token_key);
    key->kind = "oct";
    key->secret = rm_arena_dup(arena, secret);
    return key;
}

struct token_key *token_key_new(struct rm_arena *arena, const char *kind)
{
    if (strcmp(kind, "oct") == 0)
        return token_key_of_secret(arena, RM_STR("a secret of sixty-four bytes, as HS512 would have it, is here.."));
    struct token_key *key = RM_NEW(arena, struct token_key);
    key->kind = kind;
    if (strcmp(kind, "RSA") == 0)
        key->pair = EVP_RSA_gen(2048);
    else if (strcmp(kind, "RSA-1024") == 0)
        key->pair = EVP_RSA_gen(1024);
    else if (strcmp(kind, "Ed25519") == 0)
        key->pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    else
        key->pair = EVP_EC_gen(kind);
    RM_ASSERT(key->pair);
    rm_arena_defer(arena, key_free, key->pair);
    return key;
}

static struct rm_str key_number(struct rm_arena *arena, const struct token_key *key, const char *name, int bytes)
{
    BIGNUM *number = NULL;
    RM_ASSERT(EVP_PKEY_get_bn_param(key->pair, name, &number) == 1);
    int n = bytes > 0 ? bytes : BN_num_bytes(number);
    unsigned char *out = rm_arena_alloc(arena, (size_t)n);
    RM_ASSERT(BN_bn2binpad(number, out, n) == n);
    BN_free(number);
    return token_base64url(arena, (struct rm_str){(char *)out, (size_t)n});
}

static int key_coordinate(const struct token_key *key)
{
    return strcmp(key->kind, "P-256") == 0 ? 32 : strcmp(key->kind, "P-384") == 0 ? 48 : 66;
}

struct rm_str token_jwk(struct rm_arena *arena, const struct token_key *key, const char *more)
{
    struct rm_str a, b;
    if (!key->pair) {
        a = token_base64url(arena, key->secret);
        return rm_arena_printf(arena, "{\"kty\":\"oct\",\"k\":\"%.*s\"%s}", (int)a.n, a.p, more);
    }
    if (strncmp(key->kind, "RSA", 3) == 0) {
        a = key_number(arena, key, OSSL_PKEY_PARAM_RSA_N, 0);
        b = key_number(arena, key, OSSL_PKEY_PARAM_RSA_E, 0);
        return rm_arena_printf(arena, "{\"kty\":\"RSA\",\"n\":\"%.*s\",\"e\":\"%.*s\"%s}", (int)a.n, a.p, (int)b.n, b.p,
                               more);
    }
    if (strcmp(key->kind, "Ed25519") == 0) {
        unsigned char raw[32];
        size_t n = sizeof(raw);
        RM_ASSERT(EVP_PKEY_get_raw_public_key(key->pair, raw, &n) == 1);
        a = token_base64url(arena, (struct rm_str){(char *)raw, n});
        return rm_arena_printf(arena, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%.*s\"%s}", (int)a.n, a.p, more);
    }
    a = key_number(arena, key, OSSL_PKEY_PARAM_EC_PUB_X, key_coordinate(key));
    b = key_number(arena, key, OSSL_PKEY_PARAM_EC_PUB_Y, key_coordinate(key));
    return rm_arena_printf(arena, "{\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"%.*s\",\"y\":\"%.*s\"%s}", key->kind, (int)a.n,
                           a.p, (int)b.n, b.p, more);
}

struct rm_str token_jwks(struct rm_arena *arena, const struct token_key *key, const char *more)
{
    struct rm_str jwk = token_jwk(arena, key, more);
    return rm_arena_printf(arena, "{\"keys\":[%.*s]}", (int)jwk.n, jwk.p);
}

static struct rm_str token_sign_pair(struct rm_arena *arena, const struct token_key *key, const char *alg,
                                     const EVP_MD *hash, struct rm_str input)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *more;
    RM_ASSERT(EVP_DigestSignInit(ctx, &more, hash, NULL, key->pair) == 1);
    if (alg[0] == 'P')
        RM_ASSERT(EVP_PKEY_CTX_set_rsa_padding(more, RSA_PKCS1_PSS_PADDING) == 1 &&
                  EVP_PKEY_CTX_set_rsa_pss_saltlen(more, RSA_PSS_SALTLEN_DIGEST) == 1);
    size_t n = 1024;
    unsigned char *out = rm_arena_alloc(arena, n);
    RM_ASSERT(EVP_DigestSign(ctx, out, &n, (const unsigned char *)input.p, input.n) == 1);
    EVP_MD_CTX_free(ctx);
    if (alg[0] != 'E' || hash == NULL)
        return (struct rm_str){(char *)out, n};
    const unsigned char *der = out;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
    int bytes = key_coordinate(key);
    unsigned char *raw = rm_arena_alloc(arena, (size_t)bytes * 2);
    RM_ASSERT(sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, bytes) == bytes &&
              BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + bytes, bytes) == bytes);
    ECDSA_SIG_free(sig);
    return (struct rm_str){(char *)raw, (size_t)bytes * 2};
}

static struct rm_str token_sign(struct rm_arena *arena, const struct token_key *key, const char *alg,
                                struct rm_str input)
{
    const char *bits = strlen(alg) == 5 ? alg + 2 : "";
    const EVP_MD *hash = strcmp(bits, "256") == 0   ? EVP_sha256()
                         : strcmp(bits, "384") == 0 ? EVP_sha384()
                         : strcmp(bits, "512") == 0 ? EVP_sha512()
                                                    : NULL;
    if (strcmp(alg, "none") == 0)
        return RM_STR("");
    if (key->pair)
        return token_sign_pair(arena, key, alg, strcmp(alg, "EdDSA") == 0 ? NULL : hash, input);
    unsigned char *mac = rm_arena_alloc(arena, EVP_MAX_MD_SIZE);
    unsigned n = 0;
    RM_ASSERT(HMAC(hash, key->secret.p, (int)key->secret.n, (const unsigned char *)input.p, input.n, mac, &n));
    return (struct rm_str){(char *)mac, n};
}

struct rm_str token_make(struct rm_arena *arena, const struct token_key *key, const char *alg, const char *header,
                         const char *payload)
{
    struct rm_str first = token_base64url(arena, rm_arena_printf(arena, "{\"alg\":\"%s\"%s}", alg, header));
    struct rm_str second = token_base64url(arena, rm_str_of(payload));
    struct rm_str input = rm_arena_printf(arena, "%.*s.%.*s", (int)first.n, first.p, (int)second.n, second.p);
    struct rm_str third = token_base64url(arena, token_sign(arena, key, alg, input));
    return rm_arena_printf(arena, "%.*s.%.*s", (int)input.n, input.p, (int)third.n, third.p);
}
