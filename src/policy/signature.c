// OpenSSL's side of tokens: the only place where signatures are computed. Leaves no error in OpenSSL's queue, which TLS on the same thread
// would take for its own.
// SPDX-License-Identifier: Apache-2.0
#include "policy/signature.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#define SIG_SECRET_BYTES_LEAST 16 // RFC 7518 3.2 says the hash's length; KrakenD has no limit
#define SIG_RSA_BITS_LEAST 2048   // RFC 7518 3.3
#define SIG_RSA_BITS_MOST 8192    // what verifying costs grows with the square
#define SIG_RSA_EXPONENT_MOST 8
#define SIG_COORDINATE_MOST 66

enum sig_kind { SIG_SECRET, SIG_RSA, SIG_P256, SIG_P384, SIG_P521, SIG_ED25519 };

struct rm_sig_key {
    enum sig_kind kind;
    struct rm_str secret;
    EVP_PKEY *public;
    size_t coordinate; // bytes of each of an ECDSA signature's two numbers
};

static const struct {
    const char *name, *group;
    enum sig_kind kind;
    size_t bytes;
} sig_curves[] = {
    {"P-256", "prime256v1", SIG_P256, 32}, {"P-384", "secp384r1", SIG_P384, 48}, {"P-521", "secp521r1", SIG_P521, 66}};

static void sig_free_public(void *key)
{
    EVP_PKEY_free(key);
}

static struct rm_sig_key *sig_new(struct rm_arena *arena, enum sig_kind kind, EVP_PKEY *public)
{
    struct rm_sig_key *key = RM_NEW(arena, struct rm_sig_key);
    key->kind = kind;
    key->public = public;
    if (public)
        rm_arena_defer(arena, sig_free_public, public);
    return key;
}

int rm_sig_secret(struct rm_arena *arena, struct rm_str k, struct rm_sig_key **out, struct rm_err *err)
{
    if (k.n < SIG_SECRET_BYTES_LEAST)
        return rm_fail(err, RM_EDENIED, "a secret of %zu bytes, at least %d are needed", k.n, SIG_SECRET_BYTES_LEAST);
    *out = sig_new(arena, SIG_SECRET, NULL);
    (*out)->secret = k;
    return RM_OK;
}

// NULL: OpenSSL does not take it. Uses up `build`.
static EVP_PKEY *sig_from(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    ERR_clear_error();
    return key;
}

static BIGNUM *sig_number(struct rm_str bytes)
{
    BIGNUM *number = BN_bin2bn((const unsigned char *)bytes.p, (int)bytes.n, NULL);
    RM_ASSERT(number);
    return number;
}

int rm_sig_rsa(struct rm_arena *arena, struct rm_str n, struct rm_str e, struct rm_sig_key **out, struct rm_err *err)
{
    if (n.n * 8 > SIG_RSA_BITS_MOST || e.n > SIG_RSA_EXPONENT_MOST)
        return rm_fail(err, RM_EDENIED, "an RSA key with numbers too large");
    BIGNUM *modulus = sig_number(n), *exponent = sig_number(e);
    int bits = BN_num_bits(modulus);
    bool odd = BN_is_odd(modulus) && BN_is_odd(exponent) && !BN_is_one(exponent);
    EVP_PKEY *public = NULL;
    if (bits >= SIG_RSA_BITS_LEAST && odd) {
        OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
        RM_ASSERT(build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
                  OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1);
        public = sig_from("RSA", build);
    }
    BN_free(modulus);
    BN_free(exponent);
    if (bits < SIG_RSA_BITS_LEAST)
        return rm_fail(err, RM_EDENIED, "an RSA key of %d bits, at least %d are needed", bits, SIG_RSA_BITS_LEAST);
    if (!public)
        return rm_fail(err, RM_EDENIED, "numbers that are no RSA key");
    *out = sig_new(arena, SIG_RSA, public);
    return RM_OK;
}

int rm_sig_ec(struct rm_arena *arena, struct rm_str curve, struct rm_str x, struct rm_str y, struct rm_sig_key **out,
              struct rm_err *err)
{
    size_t i = 0;
    while (i < RM_COUNT(sig_curves) && !rm_str_eq(curve, rm_str_of(sig_curves[i].name)))
        i++;
    if (i == RM_COUNT(sig_curves))
        return rm_fail(err, RM_EDENIED, "an EC key of a curve that is not P-256, P-384 or P-521");
    size_t bytes = sig_curves[i].bytes;
    if (x.n != bytes || y.n != bytes) // RFC 7518 6.2.1.2
        return rm_fail(err, RM_EDENIED, "an EC key whose numbers have not the length of its curve");
    unsigned char point[1 + 2 * SIG_COORDINATE_MOST] = {4}; // uncompressed (SEC 1, 2.3.3)
    memcpy(point + 1, x.p, bytes);
    memcpy(point + 1 + bytes, y.p, bytes);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    RM_ASSERT(build &&
              OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, sig_curves[i].group, 0) == 1 &&
              OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * bytes) == 1);
    EVP_PKEY *public = sig_from("EC", build);
    if (!public)
        return rm_fail(err, RM_EDENIED, "an EC key that is no point of its curve");
    *out = sig_new(arena, sig_curves[i].kind, public);
    (*out)->coordinate = bytes;
    return RM_OK;
}

int rm_sig_okp(struct rm_arena *arena, struct rm_str curve, struct rm_str x, struct rm_sig_key **out,
               struct rm_err *err)
{
    if (!rm_str_eq(curve, RM_STR("Ed25519")))
        return rm_fail(err, RM_EDENIED, "an OKP key of a curve that is not Ed25519");
    EVP_PKEY *public =
        x.n == 32 ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)x.p, x.n) : NULL;
    ERR_clear_error();
    if (!public)
        return rm_fail(err, RM_EDENIED, "an Ed25519 key that has not 32 bytes");
    *out = sig_new(arena, SIG_ED25519, public);
    return RM_OK;
}

bool rm_sig_fits(const struct rm_sig_key *key, enum rm_jws_alg alg)
{
    switch (alg) {
    case RM_HS256:
    case RM_HS384:
    case RM_HS512:
        return key->kind == SIG_SECRET;
    case RM_RS256:
    case RM_RS384:
    case RM_RS512:
    case RM_PS256:
    case RM_PS384:
    case RM_PS512:
        return key->kind == SIG_RSA;
    case RM_ES256:
        return key->kind == SIG_P256;
    case RM_ES384:
        return key->kind == SIG_P384;
    case RM_ES512:
        return key->kind == SIG_P521;
    case RM_EDDSA:
        return key->kind == SIG_ED25519;
    case RM_JWS_ALGS:
        break;
    }
    return false;
}

// ---- verifying -------------------------------------------------------------------------------------------------------

// NULL for Ed25519, which has a hash of its own.
static const EVP_MD *sig_hash(enum rm_jws_alg alg)
{
    static const unsigned bits[RM_JWS_ALGS] = {256, 384, 512, 256, 384, 512, 256, 384, 512, 256, 384, 512, 0};
    return bits[alg] == 256 ? EVP_sha256() : bits[alg] == 384 ? EVP_sha384() : bits[alg] == 512 ? EVP_sha512() : NULL;
}

static bool sig_verify_secret(const struct rm_sig_key *key, enum rm_jws_alg alg, struct rm_str input,
                              struct rm_str signature)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!HMAC(sig_hash(alg), key->secret.p, (int)key->secret.n, (const unsigned char *)input.p, input.n, mac, &n))
        return false;
    return signature.n == n && CRYPTO_memcmp(mac, signature.p, n) == 0;
}

// JOSE has the two numbers side by side (RFC 7518 3.4), OpenSSL wants them in DER. The bytes, or 0. OPENSSL_free().
static size_t sig_der(const struct rm_sig_key *key, struct rm_str signature, unsigned char **der)
{
    *der = NULL;
    if (signature.n != 2 * key->coordinate)
        return 0;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    RM_ASSERT(pair && ECDSA_SIG_set0(pair, sig_number(rm_str_sub(signature, 0, key->coordinate)),
                                     sig_number(rm_str_sub(signature, key->coordinate, signature.n))) == 1);
    int n = i2d_ECDSA_SIG(pair, der);
    ECDSA_SIG_free(pair);
    return n > 0 ? (size_t)n : 0;
}

static bool sig_verify_public(const struct rm_sig_key *key, enum rm_jws_alg alg, struct rm_str input,
                              const unsigned char *signature, size_t n)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *more;
    bool is_pss = alg >= RM_PS256 && alg <= RM_PS512;
    bool fits = ctx && EVP_DigestVerifyInit(ctx, &more, sig_hash(alg), NULL, key->public) == 1 &&
                (!is_pss || (EVP_PKEY_CTX_set_rsa_padding(more, RSA_PKCS1_PSS_PADDING) == 1 &&
                             EVP_PKEY_CTX_set_rsa_pss_saltlen(more, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
                EVP_DigestVerify(ctx, signature, n, (const unsigned char *)input.p, input.n) == 1;
    EVP_MD_CTX_free(ctx);
    return fits;
}

bool rm_sig_verify(const struct rm_sig_key *key, enum rm_jws_alg alg, struct rm_str input, struct rm_str signature)
{
    RM_ASSERT(rm_sig_fits(key, alg));
    bool fits;
    if (key->kind == SIG_SECRET) {
        fits = sig_verify_secret(key, alg, input, signature);
    } else if (key->coordinate > 0) {
        unsigned char *der;
        size_t n = sig_der(key, signature, &der);
        fits = n > 0 && sig_verify_public(key, alg, input, der, n);
        OPENSSL_free(der);
    } else {
        fits = sig_verify_public(key, alg, input, (const unsigned char *)signature.p, signature.n);
    }
    ERR_clear_error();
    return fits;
}
