// The rules in KrakenD's order: times, issuer, audience, then roles and scopes. Texts of a token reach messages by name only, never by value.
// SPDX-License-Identifier: Apache-2.0
#include "policy/claims.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

// ---- values ----------------------------------------------------------------------------------------------------------

struct rm_names rm_claim_path(struct rm_arena *arena, struct rm_str name, bool nested)
{
    struct rm_str *v = RM_NEW_ARRAY(arena, struct rm_str, name.n + 1);
    struct rm_names path = {v, 0};
    size_t from = 0;
    for (size_t i = 0; nested && !rm_str_starts(name, RM_STR("http")) && i < name.n; i++) {
        if (name.p[i] != '.')
            continue;
        v[path.n++] = rm_str_sub(name, from, i);
        from = i + 1;
    }
    v[path.n++] = rm_str_sub(name, from, name.n);
    return path;
}

struct rm_value *rm_claim_at(struct rm_arena *arena, struct rm_value *claims, struct rm_names path)
{
    struct rm_value *at = claims;
    for (size_t i = 0; at && i < path.n; i++)
        at = at->type == RM_OBJECT ? rm_value_get(arena, at, path.v[i]) : NULL;
    return at;
}

static struct rm_str claim_write(struct rm_arena *arena, const struct rm_value *value)
{
    struct rm_buf out;
    rm_buf_init(&out, SIZE_MAX, NULL); // as long as a token at most
    int code = rm_json_write(arena, value, &out);
    struct rm_str text = code == RM_OK ? rm_arena_dup(arena, rm_buf_str(&out)) : RM_STR("");
    rm_buf_free(&out);
    return text;
}

// Compact, also what was not opened and so would be written with its white space, which may be lines.
static struct rm_str claim_json(struct rm_arena *arena, const struct rm_value *value)
{
    const struct rm_json_limits limits = {UINT32_MAX, UINT32_MAX}; // the token's have held
    struct rm_value *opened;
    struct rm_str text = claim_write(arena, value);
    int code = rm_json_parse(arena, text, UINT32_MAX, &limits, &opened, NULL, NULL);
    return code == RM_OK ? claim_write(arena, opened) : RM_STR("");
}

static struct rm_str claim_number(struct rm_arena *arena, struct rm_str raw)
{
    double n = strtod(rm_arena_cstr(arena, raw), NULL);
    bool is_plain = !memchr(raw.p, '.', raw.n) && !memchr(raw.p, 'e', raw.n) && !memchr(raw.p, 'E', raw.n);
    if (is_plain || fabs(n) > 9007199254740992.0 || n < floor(n) || n > floor(n))
        return raw;
    return rm_arena_printf(arena, "%" PRId64, (int64_t)n);
}

static struct rm_str claim_scalar(struct rm_arena *arena, const struct rm_value *claim)
{
    switch ((enum rm_type)claim->type) {
    case RM_STRING:
        return rm_value_text(arena, claim);
    case RM_NUMBER:
        return claim_number(arena, claim->raw);
    case RM_TRUE:
        return RM_STR("true");
    case RM_FALSE:
        return RM_STR("false");
    case RM_ARRAY:
    case RM_OBJECT:
        return claim_json(arena, claim);
    case RM_NULL:
        break;
    }
    return RM_STR("");
}

struct rm_str rm_claim_text(struct rm_arena *arena, struct rm_value *claim)
{
    if (!claim)
        return RM_STR("");
    if (claim->type != RM_ARRAY)
        return claim_scalar(arena, claim);
    rm_value_open(arena, claim);
    struct rm_str *texts = RM_NEW_ARRAY(arena, struct rm_str, claim->n);
    size_t n = 0, bytes = 0;
    for (const struct rm_value *item = claim->first; item; item = item->next, n++) {
        texts[n] = claim_scalar(arena, item);
        bytes += texts[n].n + 1;
    }
    char *text = rm_arena_alloc(arena, bytes);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            text[at++] = ',';
        if (texts[i].n > 0)
            memcpy(text + at, texts[i].p, texts[i].n);
        at += texts[i].n;
    }
    return (struct rm_str){text, at};
}

// ---- lists -----------------------------------------------------------------------------------------------------------

static bool claim_has_word(struct rm_str text, struct rm_str word)
{
    size_t from = 0;
    for (size_t i = 0; i <= text.n; i++) {
        if (i < text.n && text.p[i] != ' ')
            continue;
        if (rm_str_eq(rm_str_sub(text, from, i), word))
            return true;
        from = i + 1;
    }
    return false;
}

// A list of strings, or a string: as `is_words`, its words.
static bool claim_has(struct rm_arena *arena, struct rm_value *claim, struct rm_str name, bool is_words)
{
    if (!claim)
        return false;
    if (claim->type == RM_STRING) {
        struct rm_str text = rm_value_text(arena, claim);
        return is_words ? claim_has_word(text, name) : rm_str_eq(text, name);
    }
    if (claim->type != RM_ARRAY)
        return false;
    rm_value_open(arena, claim);
    for (const struct rm_value *item = claim->first; item; item = item->next) {
        if (item->type == RM_STRING && rm_str_eq(rm_value_text(arena, item), name))
            return true;
    }
    return false;
}

static size_t claim_count(struct rm_arena *arena, struct rm_value *claim, struct rm_names names, bool is_words)
{
    size_t n = 0;
    for (size_t i = 0; i < names.n; i++)
        n += claim_has(arena, claim, names.v[i], is_words);
    return n;
}

// ---- the rules -------------------------------------------------------------------------------------------------------

static int claims_deny(struct rm_err *err, int status, const char *why)
{
    (void)rm_fail(err, RM_EDENIED, "%s", why);
    err->status = status;
    return RM_EDENIED;
}

// A NumericDate (RFC 7519 2) in seconds; *is_there says whether the token has it.
static bool claims_time(struct rm_arena *arena, struct rm_value *claims, struct rm_str name, double *out,
                        bool *is_there)
{
    const struct rm_value *claim = rm_value_get(arena, claims, name);
    *is_there = claim != NULL;
    if (claim && claim->type == RM_NUMBER)
        *out = strtod(rm_arena_cstr(arena, claim->raw), NULL);
    return !claim || claim->type == RM_NUMBER;
}

static int claims_times(const struct rm_claim_rules *rules, struct rm_arena *arena, struct rm_value *claims,
                        int64_t wall_us, struct rm_err *err)
{
    double now = (double)wall_us / 1e6, leeway = (double)rules->leeway_us / 1e6, at = 0;
    bool is_there;
    if (!claims_time(arena, claims, RM_STR("exp"), &at, &is_there))
        return claims_deny(err, 401, "\"exp\" is no number");
    if (is_there && now - leeway > at)
        return claims_deny(err, 401, "the token has expired");
    if (!claims_time(arena, claims, RM_STR("nbf"), &at, &is_there))
        return claims_deny(err, 401, "\"nbf\" is no number");
    if (is_there && now + leeway < at)
        return claims_deny(err, 401, "the token is not valid yet");
    if (!claims_time(arena, claims, RM_STR("iat"), &at, &is_there))
        return claims_deny(err, 401, "\"iat\" is no number");
    if (is_there && now + leeway < at)
        return claims_deny(err, 401, "the token was issued in the future");
    return RM_OK;
}

int rm_claims_check(const struct rm_claim_rules *rules, struct rm_arena *arena, struct rm_value *claims,
                    int64_t wall_us, struct rm_err *err)
{
    int code = claims_times(rules, arena, claims, wall_us, err);
    if (code != RM_OK)
        return code;
    const struct rm_value *issuer = rm_value_get(arena, claims, RM_STR("iss"));
    if (rules->issuer.n > 0 &&
        !(issuer && issuer->type == RM_STRING && rm_str_eq(rm_value_text(arena, issuer), rules->issuer)))
        return claims_deny(err, 401, "the token is of another issuer");
    struct rm_value *audience = rm_value_get(arena, claims, RM_STR("aud"));
    if (claim_count(arena, audience, rules->audience, false) < rules->audience.n)
        return claims_deny(err, 401, "the token is for another audience");
    if (rules->roles.n > 0 && claim_count(arena, rm_claim_at(arena, claims, rules->roles_key), rules->roles, true) == 0)
        return claims_deny(err, 403, "the token has none of the roles");
    size_t scopes = claim_count(arena, rm_claim_at(arena, claims, rules->scopes_key), rules->scopes, true);
    if (scopes < (rules->all_scopes ? rules->scopes.n : rules->scopes.n > 0))
        return claims_deny(
            err, 403, rules->all_scopes ? "the token has not all of the scopes" : "the token has none of the scopes");
    return RM_OK;
}
