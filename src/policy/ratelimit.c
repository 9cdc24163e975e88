// Rate limits: whose bucket, and what a refusal looks like (krakend-behaviour.md §10.1). KrakenD's refusals are bare; Retry-After
// (RFC 9110 10.2.3) tells a client when to come again.
// SPDX-License-Identifier: Apache-2.0
#include "policy/ratelimit.h"

#include "base/clock.h"
#include "base/hash.h"
#include "policy/clients.h"

#include <inttypes.h>

struct ratelimit {
    struct rm_rate rate;
    struct rm_bucket *bucket;
};

struct client_limit {
    struct rm_client_limit of;
    uint64_t number; // tells limits apart in the table
    struct rm_clients *clients;
};

void *rm_ratelimit_new(struct rm_arena *plan, struct rm_policy_cells *cells, struct rm_str key, struct rm_rate rate)
{
    struct ratelimit *self = RM_NEW(plan, struct ratelimit);
    self->rate = rate;
    self->bucket = rm_policy_cell(cells, plan, key, sizeof(struct rm_bucket));
    return self;
}

void *rm_client_limit_new(struct rm_arena *plan, struct rm_policy_cells *cells, struct rm_str key,
                          const struct rm_client_limit *limit)
{
    struct client_limit *self = RM_NEW(plan, struct client_limit);
    self->of = *limit;
    self->number = rm_hash_bytes(0, key);
    self->clients = rm_policy_cell(cells, plan, RM_STR("clients"), rm_clients_size());
    rm_clients_seed(self->clients);
    return self;
}

static int ratelimit_refuse(struct rm_visit *visit, int status, uint64_t wait_us, const char *whose)
{
    struct rm_refusal *refusal = &visit->refusal;
    refusal->status = status;
    if (wait_us > 0)
        rm_headers_add(visit->arena, &refusal->headers, RM_STR("Retry-After"),
                       rm_arena_printf(visit->arena, "%" PRIu64, (wait_us + RM_SEC - 1) / RM_SEC));
    return rm_fail(&refusal->err, RM_ERATE, "rate limit of %s exceeded", whose);
}

static int rate_apply(const void *of, struct rm_visit *visit)
{
    const struct ratelimit *self = of;
    uint64_t wait_us;
    if (rm_bucket_take(self->bucket, &self->rate, rm_loop_now_us(visit->loop), &wait_us))
        return RM_OK;
    return ratelimit_refuse(visit, 503, wait_us, "the endpoint");
}

// The first address of a list.
static struct rm_str client_first(struct rm_str list)
{
    const char *comma = list.n > 0 ? memchr(list.p, ',', list.n) : NULL;
    size_t from = 0, to = comma ? (size_t)(comma - list.p) : list.n;
    while (from < to && (list.p[from] == ' ' || list.p[from] == '\t'))
        from++;
    while (to > from && (list.p[to - 1] == ' ' || list.p[to - 1] == '\t'))
        to--;
    return rm_str_sub(list, from, to);
}

static struct rm_str client_name(const struct rm_client_limit *limit, const struct rm_visit *visit)
{
    const struct rm_header *header = limit->name.n > 0 ? rm_headers_find(visit->headers, limit->name) : NULL;
    switch (limit->by) {
    case RM_CLIENT_BY_PARAM:
        return visit->params[limit->param];
    case RM_CLIENT_BY_HEADER:
        return header ? header->value : RM_STR("");
    case RM_CLIENT_BY_IP:
        break;
    }
    struct rm_str first = header && visit->peer_trusted ? client_first(header->value) : RM_STR("");
    return first.n > 0 ? first : visit->client_ip;
}

static int client_apply(const void *of, struct rm_visit *visit)
{
    const struct client_limit *self = of;
    struct rm_str client = client_name(&self->of, visit);
    uint64_t wait_us = 0;
    if (client.n > 0 &&
        rm_clients_take(self->clients, self->number, client, &self->of.rate, rm_loop_now_us(visit->loop), &wait_us))
        return RM_OK;
    return ratelimit_refuse(visit, 429, wait_us, client.n > 0 ? "the client" : "clients without a name");
}

static int rate_enter(const void *of, struct rm_departure *departure, uint64_t *ticket, struct rm_err *err)
{
    const struct ratelimit *self = of;
    (void)ticket;
    if (rm_bucket_take(self->bucket, &self->rate, rm_loop_now_us(departure->loop), NULL))
        return RM_OK;
    return rm_fail(err, RM_ERATE, "rate limit of the backend exceeded");
}

const struct rm_check_ops rm_check_rate = {"qos/ratelimit/router", rate_apply, NULL};
const struct rm_check_ops rm_check_client = {"qos/ratelimit/router client", client_apply, NULL};
const struct rm_admission_ops rm_admission_rate = {"qos/ratelimit/proxy", rate_enter, NULL, NULL};
