// security/http as KrakenD does it (by Go's unrolled/secure): a wrong host is a 500, as nothing of what is served is for it.
// SPDX-License-Identifier: Apache-2.0
#include "policy/secure.h"

void *rm_secure_new(struct rm_arena *plan, const struct rm_secure_rule *rule)
{
    struct rm_secure_rule *self = RM_NEW(plan, struct rm_secure_rule);
    *self = *rule;
    return self;
}

static struct rm_str secure_host(const struct rm_secure_rule *self, const struct rm_visit *visit)
{
    for (size_t i = 0; visit->peer_trusted && i < self->n_host_headers; i++) {
        const struct rm_header *header = rm_headers_find(visit->headers, self->host_headers[i]);
        if (header && header->value.n > 0)
            return header->value;
    }
    return visit->host;
}

static bool secure_is_tls(const struct rm_secure_rule *self, const struct rm_visit *visit)
{
    bool is_tls = visit->is_tls;
    for (uint32_t i = 0; !is_tls && visit->peer_trusted && i < self->tls_headers.n; i++) {
        const struct rm_header *header = rm_headers_find(visit->headers, self->tls_headers.v[i].name);
        is_tls = header && rm_str_eq(header->value, self->tls_headers.v[i].value);
    }
    return is_tls;
}

static bool secure_knows(const struct rm_secure_rule *self, struct rm_str host)
{
    bool known = self->n_allowed_hosts == 0;
    for (size_t i = 0; !known && i < self->n_allowed_hosts; i++)
        known = rm_str_eq_nocase(self->allowed_hosts[i], host);
    return known;
}

static int secure_refuse(struct rm_visit *visit, const char *why)
{
    visit->refusal.status = 500;
    visit->refusal.type = RM_STR("text/plain; charset=utf-8");
    visit->refusal.body = RM_STR("Bad Host");
    return rm_fail(&visit->refusal.err, RM_EDENIED, "%s", why);
}

static int secure_redirect(const struct rm_secure_rule *self, struct rm_visit *visit, struct rm_str host)
{
    struct rm_str to = self->redirect_host.n > 0 ? self->redirect_host : host;
    if (to.n == 0)
        return secure_refuse(visit, "no host to redirect to");
    visit->refusal.status = 301;
    rm_headers_add(visit->arena, &visit->refusal.headers, RM_STR("Location"),
                   rm_arena_printf(visit->arena, "https://%.*s%.*s%s%.*s", (int)to.n, to.p, (int)visit->path.n,
                                   visit->path.p, visit->query.n > 0 ? "?" : "", (int)visit->query.n, visit->query.p));
    return RM_EDENIED;
}

static void secure_say(struct rm_visit *visit, const struct rm_headers *headers)
{
    for (uint32_t i = 0; i < headers->n; i++)
        rm_headers_add(visit->arena, &visit->always, headers->v[i].name, headers->v[i].value);
}

static int secure_apply(const void *of, struct rm_visit *visit)
{
    const struct rm_secure_rule *self = of;
    struct rm_str host = secure_host(self, visit);
    if (!secure_knows(self, host))
        return secure_refuse(visit, "a host that is not one of allowed_hosts");
    bool is_tls = secure_is_tls(self, visit);
    if (self->redirects && !is_tls)
        return secure_redirect(self, visit, host);
    secure_say(visit, &self->always);
    if (is_tls)
        secure_say(visit, &self->over_tls);
    return RM_OK;
}

const struct rm_check_ops rm_check_secure = {"security/http", secure_apply, NULL};
