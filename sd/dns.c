// The hosts behind an SRV name (RFC 2782). Each round asks for the records, then for the addresses of those targets that the answer does
// not bring itself, and publishes the whole list; the next round comes just before the shortest TTL is over. Owns its look-ups; the
// last list stays in use while nobody can tell, and a target that cannot be resolved keeps the addresses that it had.
// SPDX-License-Identifier: Apache-2.0
#include "sd/origin.h"
#include "sd/pace.h"
#include "sd/registry.h"
#include "sd/resolve.h"
#include "sd/route.h"

#include "base/clock.h"

#include <remora/log.h>
#include <stdlib.h>

#define DNS_LOOKUPS_MAX 16    // of targets, at the same time
#define DNS_SHARES_MAX 27720u // what weights are multiplied by, at most: 65535 times this fits into 32 bits

// The places of a target: its addresses of one family.
struct dns_target {
    struct dns_provider *provider;
    struct rm_str name;
    struct rm_lookup lookup;
    struct rm_resolved *addresses;
    size_t n;
};

struct dns_round {
    struct rm_arena arena;
    struct dns_target *targets; // sorted by name, each once
    size_t n_targets, n_started, n_done;
    uint64_t ttl_us;   // the shortest
    uint32_t n_failed; // look-ups of targets
    uint64_t retry_us; // of the last of them
};

struct dns_provider {
    struct rm_arena arena; // holds this struct
    struct rm_loop *loop;
    struct rm_sd_sink *sink;
    const struct rm_source *source;
    struct rm_resolver *resolver;
    struct rm_resolve_watch watch;
    struct rm_str name; // without its last dot
    struct rm_lookup records;
    struct rm_timer again;
    struct dns_round round, last; // the running one; the one that was published
    bool is_answered;             // a list was published once
    uint32_t failures;            // in a row
    uint32_t degraded;            // rounds in a row with a target that could not be resolved
    bool is_degraded;             // some targets of the last round had no address
    uint64_t list;                // which one was published
    uint32_t n_records;
    uint64_t answers[RM_LOOKUP_RESULTS]; // SRV queries by what came of them
};

// ---- targets ---------------------------------------------------------------------------------------------------------------

static void round_free(struct dns_round *round)
{
    for (size_t i = 0; i < round->n_targets; i++)
        rm_lookup_cancel(&round->targets[i].lookup);
    rm_arena_fini(&round->arena);
    *round = (struct dns_round){.n_targets = 0};
}

static struct dns_target *round_find(const struct dns_round *round, struct rm_str name)
{
    size_t low = 0, high = round->n_targets;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = rm_str_cmp(name, round->targets[middle].name);
        if (order == 0)
            return &round->targets[middle];
        low = order > 0 ? middle + 1 : low;
        high = order > 0 ? high : middle;
    }
    return NULL;
}

static void round_shorten(struct dns_round *round, uint64_t ttl_us)
{
    round->ttl_us = ttl_us < round->ttl_us ? ttl_us : round->ttl_us;
}

// The addresses of one family, in rm_lookup's order: a server behind a name with both families may listen on one only.
static void target_take(struct dns_target *target, const struct rm_resolved *addresses, size_t n)
{
    struct rm_arena *arena = &target->provider->round.arena;
    bool wants_v6 = n > 0 && rm_route_is_v6_first(addresses, n);
    target->addresses = RM_NEW_ARRAY(arena, struct rm_resolved, n);
    target->n = 0;
    for (size_t i = 0; i < n; i++)
        if (addresses[i].is_v6 == wants_v6)
            target->addresses[target->n++] =
                (struct rm_resolved){rm_arena_dup(arena, addresses[i].text), addresses[i].is_v6};
}

// What the answer itself says of a target's addresses. IPv6 alone is taken only where there is a route to it: a server may leave the other
// half out.
static void target_take_additionals(struct dns_target *target, const struct rm_dns_address *list, size_t n)
{
    struct rm_resolved *addresses = RM_NEW_ARRAY(&target->provider->round.arena, struct rm_resolved, n);
    uint32_t ttl_s = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        addresses[i] = (struct rm_resolved){list[i].text, list[i].is_v6};
        ttl_s = list[i].ttl_s < ttl_s ? list[i].ttl_s : ttl_s;
    }
    if (addresses[0].is_v6 && !rm_route_exists(&addresses[0]))
        return;
    target_take(target, addresses, n);
    round_shorten(&target->provider->round, rm_resolver_ttl_us(target->provider->resolver, ttl_s));
}

static void round_end(struct dns_provider *);

// Further look-ups while there may be more; the round's end when all are done.
static void round_go_on(struct dns_provider *self)
{
    struct dns_round *round = &self->round;
    while (round->n_started < round->n_targets && round->n_started - round->n_done < DNS_LOOKUPS_MAX) {
        struct dns_target *target = &round->targets[round->n_started++];
        if (target->n > 0)
            round->n_done++;
        else
            rm_lookup_start(self->resolver, &target->lookup, target->name);
    }
    if (round->n_done == round->n_targets)
        round_end(self);
}

static void target_done(struct rm_lookup *lookup)
{
    struct dns_target *target = rm_container_of(lookup, struct dns_target, lookup);
    struct dns_provider *self = target->provider;
    const struct dns_target *before = round_find(&self->last, target->name);
    self->round.n_done++;
    if (lookup->err.code == RM_OK) {
        target_take(target, lookup->addresses, lookup->n);
        round_shorten(&self->round, lookup->ttl_us);
    } else {
        self->round.n_failed++;
        self->round.retry_us = lookup->ttl_us;
        if (lookup->err.code != RM_ENOHOST && before) // nobody could tell
            target_take(target, before->addresses, before->n);
    }
    round_go_on(self);
}

// ---- the list ----------------------------------------------------------------------------------------------------------------

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b > 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

// RFC 2782 gives the weight to the target: its addresses share it. So that shares are whole numbers, all weights are multiplied by a
// number that the targets' numbers of addresses divide; where that grew too large, the shares are rounded.
static uint32_t round_shares(const struct dns_round *round)
{
    uint32_t shares = 1;
    for (size_t i = 0; i < round->n_targets; i++) {
        uint32_t n = round->targets[i].n > 0 ? (uint32_t)round->targets[i].n : 1;
        uint64_t next = (uint64_t)shares / common_divisor(shares, n) * n;
        if (next > DNS_SHARES_MAX)
            return DNS_SHARES_MAX;
        shares = (uint32_t)next;
    }
    return shares;
}

static uint32_t share_of(uint32_t weight, uint32_t shares, size_t n)
{
    uint32_t share = (uint32_t)((uint64_t)weight * shares / n);
    return share > 0 || weight == 0 ? share : 1;
}

// FNV-1a: tells one list from another, for the log alone.
static uint64_t list_mark(uint64_t mark, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mark = (mark ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001b3);
    return mark;
}

// How many hosts there are, and what tells this list from others. A target without addresses has none.
static size_t round_publish(struct dns_provider *self, uint64_t *mark)
{
    const struct dns_round *round = &self->round;
    const struct rm_dns_answer *answer = &self->records.srv;
    uint32_t shares = round_shares(round);
    *mark = UINT64_C(0xcbf29ce484222325);
    struct rm_arena scratch;
    rm_arena_init(&scratch, NULL);
    size_t n = 0;
    for (size_t i = 0; i < answer->n_srv; i++)
        n += round_find(round, answer->srv[i].target)->n;
    struct rm_host *list = RM_NEW_ARRAY(&scratch, struct rm_host, n);
    n = 0;
    for (size_t i = 0; i < answer->n_srv; i++) {
        const struct rm_dns_srv *srv = &answer->srv[i];
        const struct dns_target *target = round_find(round, srv->target);
        for (size_t k = 0; k < target->n; k++)
            list[n++] = (struct rm_host){.scheme = self->source->scheme,
                                         .address = target->addresses[k].text,
                                         .name = srv->target,
                                         .port = srv->port,
                                         .weight = share_of(srv->weight, shares, target->n),
                                         .priority = srv->priority};
        unsigned numbers[] = {srv->priority, srv->weight, srv->port};
        *mark = list_mark(*mark, numbers, sizeof(numbers));
        *mark = list_mark(*mark, srv->target.p, srv->target.n);
        for (size_t k = 0; k < target->n; k++)
            *mark = list_mark(*mark, target->addresses[k].text.p, target->addresses[k].text.n + 1); // its NUL, too
    }
    self->is_answered = true;
    self->sink->publish(self->sink, rm_snapshot_new(list, n));
    rm_arena_fini(&scratch);
    return n;
}

// ---- rounds ------------------------------------------------------------------------------------------------------------------

static void dns_again(struct dns_provider *self, uint64_t after_us)
{
    rm_timer_start(self->loop, &self->again, rm_loop_now_us(self->loop) + after_us);
}

static void dns_fail(struct dns_provider *self, const struct rm_err *why, uint64_t wait_us)
{
    self->failures++;
    dns_again(self, rm_pace_retry_us(wait_us, self->failures));
    if (why->code == RM_ENOHOST && !self->is_answered) {
        // That nobody knows the name is an answer: readiness need not wait for more.
        self->is_answered = true;
        self->sink->publish(self->sink, rm_snapshot_new(NULL, 0));
    }
    struct rm_err err;
    (void)rm_fail(&err, why->code, "%s for SRV %.*s", why->text, (int)self->name.n, self->name.p);
    self->sink->failed(self->sink, &err);
}

static void round_log(struct dns_provider *self, uint64_t list, size_t n, bool is_degraded)
{
    const struct rm_dns_answer *answer = &self->records.srv;
    const char *note = is_degraded                ? " error=\"targets without an address\""
                       : answer->is_unavailable ? " note=\"the service says that it is not available\""
                                                  : "";
    if (list != self->list || is_degraded != self->is_degraded || self->failures > 0)
        rm_log(is_degraded ? RM_WARNING : RM_DEBUG, "SRV records name=%.*s records=%u targets=%zu hosts=%zu ttl_ms=%llu%s",
               (int)self->name.n, self->name.p, answer->records, self->round.n_targets, n,
               (unsigned long long)(self->round.ttl_us / RM_MS), note);
}

static void round_end(struct dns_provider *self)
{
    struct dns_round *round = &self->round;
    const struct rm_lookup *failed = NULL;
    size_t with_address = 0;
    for (size_t i = 0; i < round->n_targets; i++) {
        with_address += round->targets[i].n > 0;
        if (round->targets[i].n == 0)
            failed = &round->targets[i].lookup;
    }
    uint64_t most_us = self->source->refresh_us;
    if (most_us > 0)
        round_shorten(round, most_us);
    if (failed && with_address == 0) { // records, and nobody behind them
        struct rm_err err;
        (void)rm_fail(&err, failed->err.code, "%u records, no target with an address: %s", self->records.srv.records,
                      failed->err.text);
        dns_fail(self, &err, failed->ttl_us);
        round_free(round);
        return;
    }
    uint64_t list;
    size_t n = round_publish(self, &list);
    round_log(self, list, n, failed != NULL);
    self->list = list;
    self->n_records = self->records.srv.records;
    self->is_degraded = failed != NULL;
    self->failures = 0;
    self->degraded = round->n_failed > 0 ? self->degraded + 1 : 0;
    uint64_t wait_us = rm_pace_refresh_us(round->ttl_us);
    uint64_t retry_us = self->degraded > 0 ? rm_pace_retry_us(round->retry_us, self->degraded) : wait_us;
    dns_again(self, retry_us < wait_us ? retry_us : wait_us);
    round_free(&self->last);
    self->last = *round;
    *round = (struct dns_round){.n_targets = 0};
}

static int name_order(const void *a, const void *b)
{
    return rm_str_cmp(*(const struct rm_str *)a, *(const struct rm_str *)b);
}

// Every target once, with what the answer says of it; both are sorted by name.
static void round_add_targets(struct dns_provider *self, const struct rm_dns_answer *answer)
{
    struct dns_round *round = &self->round;
    struct rm_str *names = RM_NEW_ARRAY(&round->arena, struct rm_str, answer->n_srv);
    for (size_t i = 0; i < answer->n_srv; i++)
        names[i] = answer->srv[i].target;
    if (answer->n_srv > 1)
        qsort(names, answer->n_srv, sizeof(*names), name_order);
    round->targets = RM_NEW_ARRAY(&round->arena, struct dns_target, answer->n_srv);
    size_t first = 0, end = 0;
    for (size_t i = 0; i < answer->n_srv; i++) {
        if (i > 0 && rm_str_eq(names[i], names[i - 1]))
            continue;
        struct dns_target *target = &round->targets[round->n_targets++];
        *target = (struct dns_target){
            .provider = self, .name = rm_arena_dup(&round->arena, names[i]), .lookup.done = target_done};
        for (first = end; first < answer->n_addresses && name_order(&answer->addresses[first].name, &names[i]) < 0;)
            first++;
        for (end = first; end < answer->n_addresses && rm_str_eq(answer->addresses[end].name, names[i]);)
            end++;
        if (end > first)
            target_take_additionals(target, &answer->addresses[first], end - first);
    }
}

static void records_done(struct rm_lookup *lookup)
{
    struct dns_provider *self = rm_container_of(lookup, struct dns_provider, records);
    self->answers[lookup->result]++;
    if (lookup->err.code != RM_OK) {
        dns_fail(self, &lookup->err, lookup->ttl_us);
        return;
    }
    self->round.ttl_us = lookup->ttl_us;
    round_add_targets(self, &lookup->srv);
    round_go_on(self);
}

static void dns_ask(struct dns_provider *self)
{
    rm_timer_stop(&self->again);
    round_free(&self->round);
    rm_lookup_srv(self->resolver, &self->records, self->name);
}

static void dns_ask_again(struct rm_timer *timer)
{
    dns_ask(rm_container_of(timer, struct dns_provider, again));
}

static void dns_ask_anew(struct rm_resolve_watch *watch)
{
    dns_ask(rm_container_of(watch, struct dns_provider, watch));
}

// ---- the provider ------------------------------------------------------------------------------------------------------------

static int dns_check(const struct rm_source *source, struct rm_err *err)
{
    struct rm_origin origin;
    struct rm_arena scratch;
    if (source->n_hosts == 0)
        return rm_fail(err, RM_ECONF, "\"sd\": \"dns\" needs the SRV name here, such as _http._tcp.cart.shop.svc.cluster.local");
    struct rm_str name = source->hosts[0];
    if (source->n_hosts > 1)
        return rm_fail(err, RM_ECONF,
                       "%zu names: \"sd\": \"dns\" takes one SRV name, whose records say the hosts; a list of hosts is \"static\"",
                       source->n_hosts);
    if (memmem(name.p, name.n, "://", 3) || memchr(name.p, ':', name.n) || memchr(name.p, '/', name.n))
        return rm_fail(err, RM_ECONF,
                       "\"sd\": \"dns\" takes an SRV name, whose records say hosts and ports, and no URL; "
                       "with \"sd\": \"static\" a URL's name is looked up in DNS, too");
    rm_arena_init(&scratch, NULL);
    struct rm_str url = rm_arena_printf(&scratch, "http://%.*s", (int)name.n, name.p);
    int code = rm_origin_parse(&scratch, url, &origin, err);
    if (code == RM_OK && origin.is_literal)
        code = rm_fail(err, RM_ECONF, "an address has no SRV records: write it with \"sd\": \"static\"");
    rm_arena_fini(&scratch);
    return code;
}

static void dns_close(void *arg)
{
    struct dns_provider *self = arg;
    rm_timer_stop(&self->again);
    rm_lookup_cancel(&self->records);
    round_free(&self->round);
    round_free(&self->last);
    rm_resolve_watch_del(&self->watch);
    rm_resolver_release(self->resolver);
    struct rm_arena arena = self->arena;
    rm_arena_fini(&arena);
}

static int dns_open(void **out, const struct rm_source *source, struct rm_loop *loop, struct rm_sd_sink *sink,
                    struct rm_err *err)
{
    int code = dns_check(source, err);
    if (code != RM_OK)
        return code;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct dns_provider *self = RM_NEW(&arena, struct dns_provider);
    *self = (struct dns_provider){.arena = arena,
                                  .loop = loop,
                                  .sink = sink,
                                  .source = source,
                                  .name = source->hosts[0],
                                  .records.done = records_done,
                                  .again.fire = dns_ask_again,
                                  .watch.changed = dns_ask_anew};
    if (self->name.p[self->name.n - 1] == '.')
        self->name.n--;
    code = rm_resolver_acquire(&self->resolver, loop, err);
    if (code != RM_OK) {
        dns_close(self);
        return code;
    }
    rm_resolve_watch_add(self->resolver, &self->watch);
    dns_ask(self);
    *out = self;
    return RM_OK;
}

static size_t dns_numbers(const void *arg, struct rm_sd_number *out, size_t max)
{
    const struct dns_provider *self = arg;
    const struct rm_sd_number gauges[] = {
        {.name = "dns_records", .value = self->n_records},
        {.name = "dns_ttl_seconds", .value = (double)self->last.ttl_us / (double)RM_SEC},
        {.name = "dns_failures_in_a_row", .value = self->failures},
    };
    size_t n = 0;
    for (size_t i = 0; i < RM_LOOKUP_RESULTS && n < max; i++)
        out[n++] = (struct rm_sd_number){.name = "dns_queries_total",
                                         .label = "result",
                                         .label_value = rm_lookup_result_name((enum rm_lookup_result)i),
                                         .value = (double)self->answers[i]};
    for (size_t i = 0; i < RM_COUNT(gauges) && n < max; i++)
        out[n++] = gauges[i];
    return n;
}

const struct rm_sd_ops rm_sd_dns = {
    .name = "dns",
    .check = dns_check,
    .open = dns_open,
    .close = dns_close,
    .numbers = dns_numbers,
};
