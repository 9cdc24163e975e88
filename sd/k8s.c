// Hosts by EndpointSlices. Owns what all sources share: the access to the API server, its client, one watch a namespace. They come
// with the first source that asks for them, and go with the last.
// SPDX-License-Identifier: Apache-2.0
#include "sd/k8s.h"

#include "sd/k8s_access.h"
#include "sd/k8s_namespace.h"
#include "sd/k8s_source.h"
#include "sd/registry.h"

#include <remora/log.h>

struct k8s_space {
    struct rm_list link;
    struct rm_k8s_namespace *of;
};

struct k8s_hub {
    struct rm_arena arena; // holds this struct
    struct rm_loop *loop;
    uint32_t users;
    struct k8s_hub *next;
    struct rm_k8s_access access;
    struct rm_api_client *client;
    struct rm_list spaces;
};

// What the log was told last of one source.
enum k8s_state { K8S_UNKNOWN, K8S_FINE, K8S_NO_SLICE, K8S_NO_PORT, K8S_ONLY_NAMES, K8S_NOT_READY };

struct k8s_provider {
    struct rm_arena arena; // holds this struct
    struct k8s_hub *hub;
    struct rm_sd_sink *sink;
    struct rm_k8s_want want;
    struct rm_k8s_sub sub;
    struct rm_str namespace_;
    struct rm_str port_text; // as wanted, for a message
    enum k8s_state state;
    size_t n_ready, n_terminating, n_hinted;
};

static struct k8s_hub *hubs; // one a loop: the discovery thread's, and tests'
static struct rm_k8s_conf k8s_conf;

void rm_k8s_setup(const struct rm_k8s_conf *conf)
{
    k8s_conf = *conf;
}

// ---- what is shared ------------------------------------------------------------------------------------------------------

static void hub_free(struct k8s_hub *hub)
{
    rm_api_client_free(hub->client);
    rm_k8s_access_fini(&hub->access);
    struct rm_arena arena = hub->arena;
    rm_arena_fini(&arena);
}

static int hub_acquire(struct k8s_hub **out, struct rm_loop *loop, struct rm_err *err)
{
    for (struct k8s_hub *hub = hubs; hub; hub = hub->next) {
        if (hub->loop == loop) {
            hub->users++;
            *out = hub;
            return RM_OK;
        }
    }
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct k8s_hub *hub = RM_NEW(&arena, struct k8s_hub);
    hub->arena = arena;
    hub->loop = loop;
    hub->users = 1;
    rm_list_init(&hub->spaces);
    int code = rm_k8s_access_init(&hub->access, &k8s_conf, err);
    if (code == RM_OK)
        code = rm_api_client_new(&hub->client, loop, rm_k8s_access_where, &hub->access, err);
    if (code != RM_OK) {
        hub_free(hub);
        return code;
    }
    rm_log(RM_INFO, "kubernetes: api_server=%.*s://%.*s:%u namespace=%.*s zone=%.*s node=%.*s",
           (int)hub->access.server.scheme.n, hub->access.server.scheme.p, (int)hub->access.server.host.n,
           hub->access.server.host.p, hub->access.server.port, (int)hub->access.namespace_.n, hub->access.namespace_.p,
           (int)hub->access.zone.n, hub->access.zone.p, (int)hub->access.node.n, hub->access.node.p);
    hub->next = hubs;
    hubs = hub;
    *out = hub;
    return RM_OK;
}

static void hub_release(struct k8s_hub *hub)
{
    if (--hub->users > 0)
        return;
    struct k8s_hub **at = &hubs;
    while (*at != hub)
        at = &(*at)->next;
    *at = hub->next;
    hub_free(hub);
}

static struct rm_k8s_namespace *hub_namespace(struct k8s_hub *hub, struct rm_str name)
{
    RM_LIST_FOR (node, &hub->spaces) {
        struct k8s_space *space = rm_container_of(node, struct k8s_space, link);
        if (rm_str_eq(rm_k8s_namespace_name(space->of), name))
            return space->of;
    }
    struct k8s_space *space = RM_NEW(&hub->arena, struct k8s_space);
    space->of = rm_k8s_namespace_new(hub->loop, rm_api_client_api(hub->client), &RM_K8S_TIMES, name);
    rm_list_push_back(&hub->spaces, &space->link);
    return space->of;
}

static void hub_drop(struct k8s_hub *hub, struct rm_k8s_namespace *of)
{
    if (!rm_k8s_namespace_is_empty(of))
        return;
    RM_LIST_FOR (node, &hub->spaces) {
        struct k8s_space *space = rm_container_of(node, struct k8s_space, link);
        if (space->of == of) {
            rm_list_remove(&space->link);
            rm_k8s_namespace_free(of);
            return;
        }
    }
}

// ---- publishing ----------------------------------------------------------------------------------------------------------

static enum k8s_state k8s_judge(const struct rm_k8s_found *found)
{
    if (found->n > 0)
        return found->n_no_port > 0 ? K8S_NO_PORT : K8S_FINE;
    return found->n_slices == 0                        ? K8S_NO_SLICE
           : found->n_no_port > 0                      ? K8S_NO_PORT
           : found->is_fqdn && found->n_endpoints == 0 ? K8S_ONLY_NAMES
                                                       : K8S_NOT_READY;
}

static void k8s_explain(const struct k8s_provider *self, const struct rm_k8s_found *found)
{
    const struct rm_k8s_want *want = &self->want;
    int n_service = (int)want->service.n, n_namespace = (int)self->namespace_.n;
    const char *service = want->service.p, *namespace_ = self->namespace_.p;
    switch (self->state) {
    case K8S_NO_SLICE:
        rm_log(RM_WARNING,
               "kubernetes: no EndpointSlice service=%.*s namespace=%.*s hint=\"is there such a Service? One of type "
               "ExternalName never has any (use sd: dns), one without selector only those that somebody makes\"",
               n_service, service, n_namespace, namespace_);
        break;
    case K8S_NO_PORT:
        rm_log(RM_WARNING,
               "kubernetes: no such port service=%.*s namespace=%.*s wanted=\"%.*s\" slices_have=\"%.*s\" hosts=%zu "
               "hint=\"%s\"",
               n_service, service, n_namespace, namespace_, (int)self->port_text.n, self->port_text.p,
               (int)found->ports.n, found->ports.n ? found->ports.p : "", found->n,
               want->port_number > 0 ? "slices have the pods' port numbers, not the Service's: name the port"
               : want->port.n > 0    ? "names are those of the Service's ports"
                                     : "there are several: write service:port");
        break;
    case K8S_ONLY_NAMES:
        rm_log(RM_WARNING,
               "kubernetes: slices of addressType FQDN are not used (deprecated) service=%.*s namespace=%.*s",
               n_service, service, n_namespace, namespace_);
        break;
    case K8S_NOT_READY:
        rm_log(RM_WARNING, "kubernetes: no endpoint is ready service=%.*s namespace=%.*s endpoints=%zu", n_service,
               service, n_namespace, namespace_, found->n_endpoints);
        break;
    case K8S_FINE:
    case K8S_UNKNOWN:
        break;
    }
}

static void k8s_note(struct k8s_provider *self, const struct rm_k8s_found *found)
{
    size_t ready = 0, terminating = 0, hinted = 0;
    for (size_t i = 0; i < found->n; i++) {
        ready += found->hosts[i].state == RM_HOST_READY;
        terminating += found->hosts[i].state == RM_HOST_TERMINATING;
        hinted += found->hosts[i].hinted;
    }
    enum k8s_state state = k8s_judge(found);
    bool is_new = state != self->state;
    bool has_changed =
        is_new || ready != self->n_ready || terminating != self->n_terminating || hinted != self->n_hinted;
    self->state = state;
    self->n_ready = ready;
    self->n_terminating = terminating;
    self->n_hinted = hinted;
    if (is_new)
        k8s_explain(self, found);
    if (has_changed && found->n > 0)
        rm_log(RM_INFO, "kubernetes: hosts changed service=%.*s namespace=%.*s ready=%zu terminating=%zu hinted=%zu",
               (int)self->want.service.n, self->want.service.p, (int)self->namespace_.n, self->namespace_.p, ready,
               terminating, hinted);
}

static void k8s_changed(struct rm_k8s_sub *sub)
{
    struct k8s_provider *self = rm_container_of(sub, struct k8s_provider, sub);
    struct rm_arena scratch;
    struct rm_k8s_found found;
    rm_arena_init(&scratch, NULL);
    rm_k8s_store_find(rm_k8s_watch_store(rm_k8s_namespace_watch(sub)), &scratch, &self->want, &found);
    k8s_note(self, &found);
    struct rm_snapshot *list = rm_snapshot_new(found.hosts, found.n);
    rm_arena_fini(&scratch);
    self->sink->publish(self->sink, list);
}

static void k8s_failed(struct rm_k8s_sub *sub, const struct rm_err *err)
{
    struct k8s_provider *self = rm_container_of(sub, struct k8s_provider, sub);
    self->sink->failed(self->sink, err);
}

// ---- the provider --------------------------------------------------------------------------------------------------------

static int k8s_check(const struct rm_source *source, struct rm_err *err)
{
    struct rm_k8s_source parsed;
    return rm_k8s_source_parse(source, &parsed, err);
}

static int k8s_open(void **out, const struct rm_source *source, struct rm_loop *loop, struct rm_sd_sink *sink,
                    struct rm_err *err)
{
    struct rm_k8s_source parsed;
    struct k8s_hub *hub;
    int code = rm_k8s_source_parse(source, &parsed, err);
    if (code != RM_OK || (code = hub_acquire(&hub, loop, err)) != RM_OK)
        return code;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct k8s_provider *self = RM_NEW(&arena, struct k8s_provider);
    self->arena = arena;
    self->hub = hub;
    self->sink = sink;
    self->namespace_ = parsed.namespace_.n > 0 ? parsed.namespace_ : hub->access.namespace_;
    self->want = (struct rm_k8s_want){
        .service = parsed.service,
        .port = parsed.port,
        .port_number = parsed.port_number,
        .scheme = parsed.scheme,
        .fallback = source->scheme.n > 0 ? source->scheme : RM_STR("http"),
        .host_name = parsed.name,
        .addresses = k8s_conf.addresses,
        .zone = hub->access.zone,
        .node = hub->access.node,
    };
    self->port_text = parsed.port_number > 0 ? rm_arena_printf(&self->arena, "%u", parsed.port_number)
                      : parsed.port.n > 0    ? parsed.port
                                             : RM_STR("the only one");
    self->sub = (struct rm_k8s_sub){.service = parsed.service, .changed = k8s_changed, .failed = k8s_failed};
    rm_k8s_namespace_join(hub_namespace(hub, self->namespace_), &self->sub);
    *out = self;
    return RM_OK;
}

static void k8s_close(void *arg)
{
    struct k8s_provider *self = arg;
    struct rm_k8s_namespace *of = self->sub.of;
    rm_k8s_namespace_leave(&self->sub);
    hub_drop(self->hub, of);
    hub_release(self->hub);
    struct rm_arena arena = self->arena;
    rm_arena_fini(&arena);
}

static size_t k8s_numbers(const void *arg, struct rm_sd_number *out, size_t max)
{
    const struct k8s_provider *self = arg;
    const struct rm_k8s_counts *counts = rm_k8s_namespace_counts(&self->sub);
    size_t n = 0;
    if (!counts || max < RM_K8S_REASONS + 3)
        return 0;
    if (counts->heard_us > 0)
        out[n++] = (struct rm_sd_number){
            .name = "last_event_age_seconds",
            .value = (double)(rm_loop_now_us(self->hub->loop) - counts->heard_us) / 1e6,
        };
    out[n++] = (struct rm_sd_number){.name = "events_total", .value = (double)counts->events};
    out[n++] = (struct rm_sd_number){.name = "lists_total", .value = (double)counts->lists};
    for (size_t i = 0; i < RM_K8S_REASONS; i++)
        out[n++] = (struct rm_sd_number){
            .name = "reconnects_total",
            .label = "reason",
            .label_value = rm_k8s_reason_names[i],
            .value = (double)counts->reopened[i],
        };
    return n;
}

const struct rm_sd_ops rm_sd_kubernetes = {
    .name = "kubernetes", .check = k8s_check, .open = k8s_open, .close = k8s_close, .numbers = k8s_numbers};
const struct rm_sd_ops rm_sd_k8s = {
    .name = "k8s", .check = k8s_check, .open = k8s_open, .close = k8s_close, .numbers = k8s_numbers};
