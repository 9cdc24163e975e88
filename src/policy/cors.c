// CORS as KrakenD does it (by Go's rs/cors): a preflight is an OPTIONS that names a method; what it asks for comes back, or nothing.
// SPDX-License-Identifier: Apache-2.0
#include "policy/cors.h"

#include <inttypes.h>

struct cors {
    struct rm_cors_rule rule;
    bool any_origin, any_header;
    struct rm_str exposed, max_age; // as they are sent; empty: not sent
};

static bool cors_has(const struct rm_str *list, size_t n, struct rm_str one)
{
    for (size_t i = 0; i < n; i++)
        if (rm_str_eq_nocase(list[i], one))
            return true;
    return false;
}

void *rm_cors_new(struct rm_arena *plan, const struct rm_cors_rule *rule)
{
    struct cors *self = RM_NEW(plan, struct cors);
    self->rule = *rule;
    self->any_origin = cors_has(rule->origins, rule->n_origins, RM_STR("*"));
    self->any_header = cors_has(rule->headers, rule->n_headers, RM_STR("*"));
    for (size_t i = 0; i < rule->n_exposed; i++)
        self->exposed = rm_arena_printf(plan, "%.*s%s%.*s", (int)self->exposed.n, self->exposed.p, i > 0 ? ", " : "",
                                        (int)rule->exposed[i].n, rule->exposed[i].p);
    if (rule->max_age_s > 0)
        self->max_age = rm_arena_printf(plan, "%" PRIu64, rule->max_age_s);
    return self;
}

// A '*' stands for any text, once. Hosts and schemes are the same in capitals.
static bool cors_fits(struct rm_str pattern, struct rm_str origin)
{
    const char *star = memchr(pattern.p, '*', pattern.n);
    if (!star)
        return rm_str_eq_nocase(pattern, origin);
    size_t before = (size_t)(star - pattern.p), after = pattern.n - before - 1;
    return origin.n >= before + after &&
           rm_str_eq_nocase(rm_str_sub(pattern, 0, before), rm_str_sub(origin, 0, before)) &&
           rm_str_eq_nocase(rm_str_sub(pattern, before + 1, pattern.n), rm_str_sub(origin, origin.n - after, origin.n));
}

static bool cors_lets_origin(const struct cors *self, struct rm_str origin)
{
    bool fits = self->any_origin;
    for (size_t i = 0; !fits && i < self->rule.n_origins; i++)
        fits = cors_fits(self->rule.origins[i], origin);
    return fits;
}

static bool cors_lets_method(const struct cors *self, struct rm_str method)
{
    if (rm_str_eq(method, RM_STR("OPTIONS")))
        return true;
    for (size_t i = 0; i < self->rule.n_methods; i++)
        if (rm_str_eq(self->rule.methods[i], method))
            return true;
    return false;
}

// A list of names with commas between.
static bool cors_lets_headers(const struct cors *self, struct rm_str list)
{
    if (self->any_header)
        return true;
    for (size_t at = 0; at < list.n;) {
        const char *comma = memchr(list.p + at, ',', list.n - at);
        size_t end = comma ? (size_t)(comma - list.p) : list.n, from = at, to = end;
        while (from < to && (list.p[from] == ' ' || list.p[from] == '\t'))
            from++;
        while (to > from && (list.p[to - 1] == ' ' || list.p[to - 1] == '\t'))
            to--;
        if (to > from && !cors_has(self->rule.headers, self->rule.n_headers, rm_str_sub(list, from, to)))
            return false;
        at = end + 1;
    }
    return true;
}

static void cors_say(struct rm_visit *visit, struct rm_str name, struct rm_str value)
{
    rm_headers_add(visit->arena, &visit->always, name, value);
}

static struct rm_str cors_asked(const struct rm_visit *visit, struct rm_str name)
{
    const struct rm_header *header = rm_headers_find(visit->headers, name);
    return header ? header->value : RM_STR("");
}

// What is told to an origin that is let in, before a call and after it.
static void cors_admit(const struct cors *self, struct rm_visit *visit, struct rm_str origin)
{
    cors_say(visit, RM_STR("Access-Control-Allow-Origin"), self->any_origin ? RM_STR("*") : origin);
    if (self->rule.credentials)
        cors_say(visit, RM_STR("Access-Control-Allow-Credentials"), RM_STR("true"));
}

static void cors_preflight(const struct cors *self, struct rm_visit *visit, struct rm_str origin, struct rm_str method)
{
    static const struct rm_str private_ask = {"Access-Control-Request-Private-Network", 38};
    struct rm_str headers = cors_asked(visit, RM_STR("Access-Control-Request-Headers"));
    cors_say(visit, RM_STR("Vary"),
             self->rule.private_network
                 ? RM_STR("Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
                          "Access-Control-Request-Private-Network")
                 : RM_STR("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"));
    if (origin.n == 0 || !cors_lets_origin(self, origin) || !cors_lets_method(self, method) ||
        !cors_lets_headers(self, headers))
        return;
    cors_admit(self, visit, origin);
    cors_say(visit, RM_STR("Access-Control-Allow-Methods"), method);
    if (headers.n > 0)
        cors_say(visit, RM_STR("Access-Control-Allow-Headers"), headers);
    if (self->rule.private_network && rm_str_eq(cors_asked(visit, private_ask), RM_STR("true")))
        cors_say(visit, RM_STR("Access-Control-Allow-Private-Network"), RM_STR("true"));
    if (self->max_age.n > 0)
        cors_say(visit, RM_STR("Access-Control-Max-Age"), self->max_age);
}

static int cors_apply(const void *of, struct rm_visit *visit)
{
    const struct cors *self = of;
    struct rm_str origin = cors_asked(visit, RM_STR("Origin"));
    struct rm_str method = cors_asked(visit, RM_STR("Access-Control-Request-Method"));
    if (rm_str_eq(visit->method, RM_STR("OPTIONS")) && method.n > 0) {
        cors_preflight(self, visit, origin, method);
        if (self->rule.passes_preflight)
            return RM_OK;
        visit->refusal.status = self->rule.preflight_status; // answered, though not by an endpoint
        return RM_EDENIED;
    }
    cors_say(visit, RM_STR("Vary"), RM_STR("Origin"));
    if (origin.n == 0 || !cors_lets_origin(self, origin) || !cors_lets_method(self, visit->method))
        return RM_OK;
    cors_admit(self, visit, origin);
    if (self->exposed.n > 0)
        cors_say(visit, RM_STR("Access-Control-Expose-Headers"), self->exposed);
    return RM_OK;
}

const struct rm_check_ops rm_check_cors = {"security/cors", cors_apply, NULL};
