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

struct k8s_provider {
    struct rm_arena arena; // holds this struct
    struct k8s_hub *hub;
    struct rm_sd_sink *sink;
    struct rm_k8s_want want;
    struct rm_k8s_sub sub;
    struct rm_str namespace_;
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

// Why there are no hosts, or fewer than somebody may think: what the log and the status page say. False: nothing to say.
static bool k8s_explain(const struct k8s_provider *self, const struct rm_k8s_found *found, struct rm_err *err)
{
    const struct rm_k8s_want *want = &self->want;
    int n_service = (int)want->service.n, n_namespace = (int)self->namespace_.n, n_ports = (int)found->ports.n;
    const char *service = want->service.p, *namespace_ = self->namespace_.p, *ports = n_ports ? found->ports.p : "none";
    n_ports = n_ports ? n_ports : 4;
    if (found->n_no_port > 0) {
        const char *some = found->n > 0 ? "some slices of " : "";
        if (want->port.n > 0)
            (void)rm_fail(err, RM_EPART, "no such port: %sservice %.*s in namespace %.*s wanted %.*s, there is %.*s",
                          some, n_service, service, n_namespace, namespace_, (int)want->port.n, want->port.p, n_ports,
                          ports);
        else if (want->port_number > 0)
            (void)rm_fail(
                err, RM_EPART,
                "no such port: %sservice %.*s in namespace %.*s wanted %u, there is %.*s; slices have the pods' "
                "numbers: name the port",
                some, n_service, service, n_namespace, namespace_, want->port_number, n_ports, ports);
        else
            (void)rm_fail(err, RM_EPART,
                          "not one port: %sservice %.*s in namespace %.*s, there is %.*s: write service:port", some,
                          n_service, service, n_namespace, namespace_, n_ports, ports);
        return true;
    }
    if (found->n > 0)
        return false;
    if (found->n_slices == 0)
        (void)rm_fail(
            err, RM_EPART,
            "no EndpointSlice of service %.*s in namespace %.*s: is there such a Service? An ExternalName has none "
            "(use sd: dns)",
            n_service, service, n_namespace, namespace_);
    else if (found->is_fqdn && found->n_endpoints == 0)
        (void)rm_fail(err, RM_EPART,
                      "slices of addressType FQDN are not used (deprecated): service %.*s in namespace %.*s", n_service,
                      service, n_namespace, namespace_);
    else
        (void)rm_fail(err, RM_EPART, "no endpoint is ready: service %.*s in namespace %.*s, %zu endpoints", n_service,
                      service, n_namespace, namespace_, found->n_endpoints);
    return true;
}

static void k8s_changed(struct rm_k8s_sub *sub)
{
    struct k8s_provider *self = rm_container_of(sub, struct k8s_provider, sub);
    struct rm_arena scratch;
    struct rm_k8s_found found;
    struct rm_err err;
    rm_arena_init(&scratch, NULL);
    rm_k8s_store_find(rm_k8s_watch_store(rm_k8s_namespace_watch(sub)), &scratch, &self->want, &found);
    self->sink->publish(self->sink, rm_snapshot_new(found.hosts, found.n));
    if (k8s_explain(self, &found, &err)) // what there is stays
        self->sink->failed(self->sink, &err);
    rm_arena_fini(&scratch);
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
