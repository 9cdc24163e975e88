// A backend's own token (bearer.h). No text of it reaches a log or an answer.
// SPDX-License-Identifier: Apache-2.0
#include "policy/bearer.h"

#include "base/clock.h"

#include <stdlib.h>

#define BEARER_SECONDS_MOST 31536000 // longer ones are fetched again after a year

struct bearer_token {
    struct rm_awaited_value value; // first
    struct rm_str header;          // "Bearer ..."
    uint64_t until_us;             // rm_loop_now_us() scale; UINT64_MAX: for ever
};

struct bearer {
    struct rm_awaited *from;
};

void *rm_bearer_new(struct rm_arena *plan, struct rm_awaited *from)
{
    struct bearer *self = RM_NEW(plan, struct bearer);
    self->from = from;
    return self;
}

static void bearer_unref(void *arg)
{
    rm_awaited_unref(arg);
}

static int bearer_enter(const void *of, struct rm_departure *departure, uint64_t *ticket, struct rm_err *err)
{
    const struct bearer *self = of;
    uint64_t now_us = rm_loop_now_us(departure->loop);
    struct bearer_token *token = (struct bearer_token *)rm_awaited_get(self->from);
    (void)ticket;
    if (token)
        rm_arena_defer(departure->arena, bearer_unref, token);
    if (token && now_us < token->until_us) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < departure->headers->n; i++) // a client's own is not for this backend
            if (!rm_str_eq_nocase(departure->headers->v[i].name, RM_STR("authorization")))
                departure->headers->v[n++] = departure->headers->v[i];
        departure->headers->n = n;
        rm_headers_add(departure->arena, departure->headers, RM_STR("Authorization"), token->header);
        return RM_OK;
    }
    if (rm_awaited_may_wait(self->from, now_us))
        return RM_AGAIN;
    return rm_fail(err, RM_EDENIED, "no token for the backend");
}

static struct rm_call *bearer_wait(const void *of, struct rm_departure *departure, struct rm_call *up,
                                   void (*on_done)(struct rm_call *))
{
    const struct bearer *self = of;
    return rm_awaited_wait(self->from, departure->loop, departure->arena, up, on_done);
}

const struct rm_admission_ops rm_admission_bearer = {
    .name = "auth/client-credentials", .enter = bearer_enter, .wait = bearer_wait};

// RFC 6750 2.1: what may stand in the header.
static bool bearer_is_token(struct rm_str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] <= ' ' || text.p[i] >= 0x7f)
            return false;
    return text.n > 0;
}

int rm_bearer_put(struct rm_awaited *to, struct rm_str text, uint64_t now_us, uint64_t *lasts_us, struct rm_err *err)
{
    static const struct rm_json_limits limits = {.max_depth = 8, .max_nodes = 1000};
    struct rm_arena arena;
    struct rm_value *object = NULL;
    rm_arena_init(&arena, NULL);
    struct bearer_token *token = RM_NEW(&arena, struct bearer_token);
    int code = rm_json_parse(&arena, text, 1, &limits, &object, NULL, err);
    const struct rm_value *given = code == RM_OK ? rm_value_get(&arena, object, RM_STR("access_token")) : NULL;
    const struct rm_value *lasts = code == RM_OK ? rm_value_get(&arena, object, RM_STR("expires_in")) : NULL;
    struct rm_str value = given && given->type == RM_STRING ? rm_value_text(&arena, given) : RM_STR("");
    if (code == RM_OK && !bearer_is_token(value))
        code = rm_fail(err, RM_EDECODE, "no access_token in it");
    if (code != RM_OK) {
        rm_arena_fini(&arena);
        return code;
    }
    long seconds = 0;
    if (lasts && (lasts->type == RM_NUMBER || lasts->type == RM_STRING))
        seconds = strtol(rm_arena_cstr(&arena, lasts->type == RM_NUMBER ? lasts->raw : rm_value_text(&arena, lasts)),
                         NULL, 10);
    seconds = seconds < 0 ? 0 : seconds > BEARER_SECONDS_MOST ? BEARER_SECONDS_MOST : seconds;
    *lasts_us = (uint64_t)seconds * RM_SEC;
    token->header = rm_arena_printf(&arena, "Bearer %.*s", (int)value.n, value.p);
    token->until_us = seconds > 0 ? now_us + *lasts_us : UINT64_MAX;
    token->value.arena = arena;
    rm_awaited_set(to, &token->value);
    return RM_OK;
}
