// One request's token: found, read, verified, its claims checked, told to backends. Keys are the check's own; no text of a token reaches a
// log or an answer.
// SPDX-License-Identifier: Apache-2.0
#include "policy/jwt.h"

#include "base/clock.h"
#include <remora/log.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

// ---- keys from a file ------------------------------------------------------------------------------------------------

static int jwt_read_file(struct rm_arena *arena, const char *path, struct rm_str *out, struct rm_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe would hold the load up
    if (fd < 0)
        return rm_fail(err, RM_ECONF, "%s: %s", path, strerror(errno));
    char *text = rm_arena_alloc(arena, RM_JWK_SET_BYTES_MOST + 1);
    size_t n = 0;
    ssize_t got;
    while ((got = read(fd, text + n, RM_JWK_SET_BYTES_MOST + 1 - n)) > 0)
        n += (size_t)got;
    int why = got < 0 ? errno : 0;
    close(fd);
    *out = (struct rm_str){text, n};
    return why ? rm_fail(err, RM_ECONF, "%s: %s", path, strerror(why)) : RM_OK;
}

int rm_jwt_open_file(struct rm_jwt *jwt, struct rm_arena *plan, struct rm_str path, struct rm_err *err)
{
    const char *name = rm_arena_cstr(plan, path), *alg = rm_jws_alg_names[jwt->alg];
    struct rm_arena scratch;
    struct rm_str text;
    struct rm_err why;
    rm_arena_init(&scratch, NULL);
    int code = jwt_read_file(&scratch, name, &text, err);
    if (code == RM_OK && rm_jwk_set_read(plan, text, &jwt->keys, &why) != RM_OK)
        code = rm_fail(err, RM_ECONF, "%s: %s", name, why.text);
    rm_arena_fini(&scratch);
    if (code != RM_OK || rm_jwk_has(&jwt->keys, jwt->alg))
        return code;
    if (jwt->keys.n_left_out > 0)
        return rm_fail(err, RM_ECONF, "no key for %s (left out: %s) in %s", alg, jwt->keys.left_out.text, name);
    return rm_fail(err, RM_ECONF, "no key for %s in %s", alg, name);
}

// ---- the token -------------------------------------------------------------------------------------------------------

// The value of a cookie (RFC 6265 4.2.1).
static struct rm_str jwt_cookie(const struct rm_headers *headers, struct rm_str name)
{
    for (uint32_t i = 0; i < headers->n; i++) {
        if (!rm_str_eq_nocase(headers->v[i].name, RM_STR("cookie")))
            continue;
        for (struct rm_str rest = headers->v[i].value; rest.n > 0;) {
            const char *end = memchr(rest.p, ';', rest.n);
            size_t n = end ? (size_t)(end - rest.p) : rest.n;
            struct rm_str pair = rm_str_sub(rest, 0, n);
            rest = rm_str_sub(rest, end ? n + 1 : n, rest.n);
            while (pair.n > 0 && pair.p[0] == ' ')
                pair = rm_str_sub(pair, 1, pair.n);
            if (pair.n > name.n && pair.p[name.n] == '=' && rm_str_eq(rm_str_sub(pair, 0, name.n), name))
                return rm_str_sub(pair, name.n + 1, pair.n);
        }
    }
    return RM_STR("");
}

// "Bearer " before it may be missing, as in KrakenD.
static struct rm_str jwt_token(const struct rm_jwt *self, const struct rm_headers *headers)
{
    static const struct rm_str bearer = {"bearer ", 7};
    const struct rm_header *header = rm_headers_find(headers, self->header);
    struct rm_str token = header ? header->value : RM_STR("");
    if (token.n > bearer.n && rm_str_eq_nocase(rm_str_sub(token, 0, bearer.n), bearer))
        token = rm_str_sub(token, bearer.n, token.n);
    return token.n > 0 ? token : jwt_cookie(headers, self->cookie);
}

static int jwt_verify_by(const struct rm_jwt *self, const struct rm_jwk_set *keys, const struct rm_jws *jws,
                         struct rm_err *err)
{
    const struct rm_jwk *jwk = rm_jwk_find(keys, self->by, jws, self->alg);
    if (!jwk)
        return rm_fail(err, RM_AGAIN, "no key is the one that the token names");
    if (!rm_sig_verify(jwk->key, self->alg, jws->input, jws->signature))
        return rm_fail(err, RM_EDENIED, "the signature is wrong");
    return RM_OK;
}

// RM_AGAIN: the token's key is not there, and may come.
static int jwt_verify(const struct rm_jwt *self, const struct rm_visit *visit, struct rm_str token,
                      struct rm_value **claims, struct rm_err *err)
{
    static const struct rm_jwk_set none;
    struct rm_jws jws;
    int code = rm_jws_read(visit->arena, token, &jws, err);
    if (code != RM_OK)
        return code;
    // The configuration's algorithm, for a key of its kind: what the token says must be the same, and decides nothing.
    if (!rm_str_eq(jws.alg, rm_str_of(rm_jws_alg_names[self->alg])))
        return rm_fail(err, RM_EDENIED, "the token is not signed with %s", rm_jws_alg_names[self->alg]);
    struct rm_keys *keys = self->ring ? (struct rm_keys *)rm_awaited_get(self->ring) : NULL;
    code = jwt_verify_by(self, keys ? &keys->set : self->ring ? &none : &self->keys, &jws, err);
    rm_awaited_unref(keys ? &keys->value : NULL);
    if (code == RM_AGAIN && !(self->ring && rm_awaited_may_wait(self->ring, rm_loop_now_us(visit->loop))))
        code = RM_EDENIED;
    return code == RM_OK ? rm_jws_claims(visit->arena, &jws, claims, err) : code;
}

// ---- claims to backends ----------------------------------------------------------------------------------------------

static bool jwt_is_line(struct rm_str value)
{
    for (size_t i = 0; i < value.n; i++) {
        if ((unsigned char)value.p[i] < 0x20 || value.p[i] == 0x7f)
            return false;
    }
    return true;
}

static void jwt_remove(struct rm_headers *headers, struct rm_str name)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < headers->n; i++) {
        if (!rm_str_eq_nocase(headers->v[i].name, name))
            headers->v[kept++] = headers->v[i];
    }
    headers->n = kept;
}

// Whatever a client has sent under these names is gone, also where the token has no such claim.
static int jwt_propagate(const struct rm_jwt *self, struct rm_visit *visit, struct rm_value *claims, struct rm_err *err)
{
    for (size_t i = 0; i < self->n_propagate; i++) {
        const struct rm_jwt_header *to = &self->propagate[i];
        struct rm_str value = rm_claim_text(visit->arena, rm_claim_at(visit->arena, claims, to->claim));
        if (!jwt_is_line(value)) {
            err->status = 401;
            return rm_fail(err, RM_EDENIED, "a claim has control characters: it cannot be header %.*s",
                           (int)to->header.n, to->header.p);
        }
        jwt_remove(visit->headers, to->header);
        rm_headers_add(visit->arena, visit->headers, to->header, value);
    }
    return RM_OK;
}

// ---- the check -------------------------------------------------------------------------------------------------------

// RFC 6750 3: without a token nothing but the scheme is said.
static int jwt_refuse(const struct rm_jwt *self, struct rm_visit *visit, struct rm_str token)
{
    struct rm_refusal *refusal = &visit->refusal;
    refusal->status = refusal->err.status == 403 ? 403 : 401;
    struct rm_str challenge = refusal->status == 403 ? RM_STR("Bearer error=\"insufficient_scope\"")
                              : token.n > 0          ? RM_STR("Bearer error=\"invalid_token\"")
                                                     : RM_STR("Bearer");
    rm_headers_add(visit->arena, &refusal->headers, RM_STR("WWW-Authenticate"), challenge);
    refusal->err.code = RM_EDENIED;
    if (self->logs)
        rm_log(RM_WARNING, "token refused status=%d text=\"%s\"", refusal->status, refusal->err.text);
    return RM_EDENIED;
}

static int jwt_apply(const void *of, struct rm_visit *visit)
{
    const struct rm_jwt *self = of;
    struct rm_err *err = &visit->refusal.err;
    struct rm_value *claims = NULL;
    struct rm_str token = jwt_token(self, visit->headers);
    *err = (struct rm_err){0}; // of before it waited
    int code = token.n > 0 ? jwt_verify(self, visit, token, &claims, err) : rm_fail(err, RM_EDENIED, "no token");
    if (code == RM_AGAIN)
        return code;
    if (code == RM_OK)
        code = rm_claims_check(&self->rules, visit->arena, claims, rm_clock_wall_us(), err);
    if (code == RM_OK)
        code = jwt_propagate(self, visit, claims, err);
    if (code != RM_OK)
        return jwt_refuse(self, visit, token);
    visit->claims = claims;
    return RM_OK;
}

static struct rm_call *jwt_wait(const void *of, struct rm_visit *visit, struct rm_call *up,
                                void (*on_done)(struct rm_call *))
{
    const struct rm_jwt *self = of;
    return rm_awaited_wait(self->ring, visit->loop, visit->arena, up, on_done);
}

const struct rm_check_ops rm_check_jwt = {"auth/validator", jwt_apply, jwt_wait};
