// The hosts that the configuration lists. Addresses are published at once; names are resolved and asked again when their TTL is
// over, and every address of a name is a host of its own. Owns its look-ups; a name that cannot be resolved keeps the addresses
// that it had.
// SPDX-License-Identifier: Apache-2.0
#include "sd/origin.h"
#include "sd/pace.h"
#include "sd/registry.h"
#include "sd/resolve.h"
#include "sd/route.h"

#include <stdio.h>

struct static_host {
    struct rm_origin origin;
    size_t name; // index into names, when it is no literal
};

struct static_name {
    struct static_provider *provider;
    struct rm_str text;
    struct rm_lookup lookup;
    struct rm_timer again;
    struct rm_arena arena; // of the addresses
    struct rm_resolved *addresses;
    size_t n;
    bool is_answered;  // addresses came once, or that there are none
    uint32_t failures; // in a row
    struct rm_err err; // of the last one
};

struct static_provider {
    struct rm_arena arena; // holds this struct
    struct rm_loop *loop;
    struct rm_sd_sink *sink;
    struct rm_resolver *resolver; // NULL: there is no name in the list
    struct rm_resolve_watch watch;
    struct static_host *hosts;
    size_t n_hosts;
    struct static_name *names; // each once
    size_t n_names;
};

// ---- publishing ----------------------------------------------------------------------------------------------------------

// The source is as bad as its first bad name, whatever became of the others meanwhile. Where others are good that is no reason to give
// the whole list up.
static void static_complain(struct static_provider *self)
{
    const struct static_name *first = NULL;
    size_t bad = 0, good = 0;
    for (size_t i = 0; i < self->n_names; i++) {
        bool fails = self->names[i].failures > 0;
        if (fails && !first)
            first = &self->names[i];
        bad += fails;
        good += !fails && self->names[i].n > 0;
    }
    if (!first)
        return;
    for (size_t i = 0; i < self->n_hosts; i++)
        good += self->hosts[i].origin.is_literal;
    char more[48] = "";
    if (bad > 1)
        snprintf(more, sizeof(more), ", and %zu more", bad - 1);
    struct rm_err err;
    (void)rm_fail(&err, good > 0 ? RM_EPART : first->err.code, "%s for %.*s%s", first->err.text, (int)first->text.n,
                  first->text.p, more);
    self->sink->failed(self->sink, &err);
}

static void static_publish(struct static_provider *self)
{
    struct rm_arena scratch;
    rm_arena_init(&scratch, NULL);
    size_t n = 0;
    for (size_t i = 0; i < self->n_hosts; i++)
        n += self->hosts[i].origin.is_literal ? 1 : self->names[self->hosts[i].name].n;
    struct rm_host *list = RM_NEW_ARRAY(&scratch, struct rm_host, n);
    n = 0;
    for (size_t i = 0; i < self->n_hosts; i++) {
        const struct rm_origin *origin = &self->hosts[i].origin;
        struct rm_host host = {.scheme = origin->scheme,
                               .address = origin->name,
                               .name = origin->name,
                               .base_path = origin->base_path,
                               .port = origin->port,
                               .weight = 1};
        if (origin->is_literal) {
            list[n++] = host;
            continue;
        }
        const struct static_name *name = &self->names[self->hosts[i].name];
        bool both = name->n > 0 && name->addresses[0].is_v6 != name->addresses[name->n - 1].is_v6;
        bool v6_first = both && rm_route_is_v6_first(name->addresses, name->n);
        for (size_t k = 0; k < name->n; k++) {
            host.address = name->addresses[k].text;
            host.priority = both && name->addresses[k].is_v6 != v6_first;
            list[n++] = host;
        }
    }
    self->sink->publish(self->sink, rm_snapshot_new(list, n));
    rm_arena_fini(&scratch);
    static_complain(self);
}

// ---- names ---------------------------------------------------------------------------------------------------------------

static void name_take(struct static_name *name)
{
    const struct rm_lookup *found = &name->lookup;
    name->failures = 0;
    name->is_answered = true;
    rm_arena_fini(&name->arena);
    name->n = found->n;
    name->addresses = RM_NEW_ARRAY(&name->arena, struct rm_resolved, found->n);
    for (size_t i = 0; i < found->n; i++)
        name->addresses[i] =
            (struct rm_resolved){rm_arena_dup(&name->arena, found->addresses[i].text), found->addresses[i].is_v6};
}

static void name_ask_again(struct static_name *name, uint64_t after_us)
{
    rm_timer_start(name->provider->loop, &name->again, rm_loop_now_us(name->provider->loop) + after_us);
}

static void name_done(struct rm_lookup *lookup)
{
    struct static_name *name = rm_container_of(lookup, struct static_name, lookup);
    struct static_provider *self = name->provider;
    if (lookup->err.code == RM_OK) {
        name_take(name);
        name_ask_again(name, rm_pace_refresh_us(lookup->ttl_us));
        static_publish(self);
        return;
    }
    name->failures++;
    name->err = lookup->err;
    name_ask_again(name, rm_pace_retry_us(lookup->ttl_us, name->failures));
    if (lookup->err.code == RM_ENOHOST && !name->is_answered) {
        // That nobody knows the name is an answer: readiness need not wait for more.
        name->is_answered = true;
        static_publish(self);
        return;
    }
    static_complain(self);
}

static void name_ask(struct rm_timer *timer)
{
    struct static_name *name = rm_container_of(timer, struct static_name, again);
    rm_lookup_start(name->provider->resolver, &name->lookup, name->text);
}

// /etc/hosts or resolv.conf says something else.
static void static_ask_anew(struct rm_resolve_watch *watch)
{
    struct static_provider *self = rm_container_of(watch, struct static_provider, watch);
    for (size_t i = 0; i < self->n_names; i++) {
        rm_timer_stop(&self->names[i].again);
        rm_lookup_start(self->resolver, &self->names[i].lookup, self->names[i].text);
    }
}

// ---- the provider ----------------------------------------------------------------------------------------------------------

static int static_check(const struct rm_source *source, struct rm_err *err)
{
    struct rm_arena scratch;
    rm_arena_init(&scratch, NULL);
    int code = RM_OK;
    for (size_t i = 0; i < source->n_hosts && code == RM_OK; i++) {
        struct rm_origin origin;
        code = rm_origin_parse(&scratch, source->hosts[i], &origin, err);
    }
    rm_arena_fini(&scratch);
    return code;
}

static size_t static_name_index(struct static_provider *self, struct rm_str text)
{
    for (size_t i = 0; i < self->n_names; i++)
        if (rm_str_eq_nocase(self->names[i].text, text))
            return i;
    self->names[self->n_names] =
        (struct static_name){.provider = self, .text = text, .lookup.done = name_done, .again.fire = name_ask};
    return self->n_names++;
}

static void static_close(void *arg)
{
    struct static_provider *self = arg;
    for (size_t i = 0; i < self->n_names; i++) {
        rm_timer_stop(&self->names[i].again);
        rm_lookup_cancel(&self->names[i].lookup);
        rm_arena_fini(&self->names[i].arena);
    }
    rm_resolve_watch_del(&self->watch);
    rm_resolver_release(self->resolver);
    struct rm_arena arena = self->arena;
    rm_arena_fini(&arena);
}

static int static_open(void **out, const struct rm_source *source, struct rm_loop *loop, struct rm_sd_sink *sink,
                       struct rm_err *err)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct static_provider *self = RM_NEW(&arena, struct static_provider);
    self->loop = loop;
    self->sink = sink;
    self->n_hosts = source->n_hosts;
    self->hosts = RM_NEW_ARRAY(&arena, struct static_host, source->n_hosts);
    self->names = RM_NEW_ARRAY(&arena, struct static_name, source->n_hosts);
    int code = RM_OK;
    bool known = source->n_hosts == 0;
    for (size_t i = 0; i < source->n_hosts && code == RM_OK; i++) {
        struct static_host *host = &self->hosts[i];
        code = rm_origin_parse(&arena, source->hosts[i], &host->origin, err);
        if (code == RM_OK && host->origin.is_literal)
            known = true;
        else if (code == RM_OK)
            host->name = static_name_index(self, host->origin.name);
    }
    if (code == RM_OK && self->n_names > 0)
        code = rm_resolver_acquire(&self->resolver, loop, err);
    self->arena = arena;
    if (code != RM_OK) {
        static_close(self);
        return code;
    }
    if (self->resolver) {
        self->watch.changed = static_ask_anew;
        rm_resolve_watch_add(self->resolver, &self->watch);
    }
    // Addresses, and names of /etc/hosts, are known before the first request can come.
    for (size_t i = 0; i < self->n_names; i++) {
        struct static_name *name = &self->names[i];
        if (rm_lookup_local(self->resolver, &name->lookup, name->text)) {
            name_take(name);
            name_ask_again(name, rm_pace_refresh_us(name->lookup.ttl_us));
            known = true;
        } else {
            rm_lookup_start(self->resolver, &name->lookup, name->text);
        }
    }
    if (known)
        static_publish(self);
    *out = self;
    return RM_OK;
}

const struct rm_sd_ops rm_sd_static = {
    .name = "static",
    .check = static_check,
    .open = static_open,
    .close = static_close,
};
