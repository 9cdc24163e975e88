// Slices to hosts. A service may have many slices, one address may stand in two of them while it moves, and a pod with two
// families has one address in each of two.
// SPDX-License-Identifier: Apache-2.0
#include "sd/k8s_store.h"

#include <stdlib.h>

#define PORTS_TEXT_MOST 120

void rm_k8s_store_init(struct rm_k8s_store *store)
{
    rm_list_init(&store->slices);
}

void rm_k8s_store_free(struct rm_k8s_store *store)
{
    while (!rm_list_empty(&store->slices)) {
        struct rm_k8s_slice *slice = rm_container_of(store->slices.next, struct rm_k8s_slice, link);
        rm_list_remove(&slice->link);
        rm_k8s_slice_free(slice);
    }
}

struct rm_k8s_slice *rm_k8s_store_take(struct rm_k8s_store *store, struct rm_str namespace_, struct rm_str name)
{
    RM_LIST_FOR (node, &store->slices) {
        struct rm_k8s_slice *slice = rm_container_of(node, struct rm_k8s_slice, link);
        if (rm_str_eq(slice->name, name) && rm_str_eq(slice->namespace_, namespace_)) {
            rm_list_remove(&slice->link);
            return slice;
        }
    }
    return NULL;
}

struct rm_k8s_slice *rm_k8s_store_put(struct rm_k8s_store *store, struct rm_k8s_slice *slice)
{
    struct rm_k8s_slice *old = rm_k8s_store_take(store, slice->namespace_, slice->name);
    rm_list_push_back(&store->slices, &slice->link);
    return old;
}

// ---- one endpoint of one slice -----------------------------------------------------------------------------------------

struct place {
    const struct rm_k8s_endpoint *endpoint;
    const struct rm_k8s_port *port;
    enum rm_k8s_family family;
    bool unused;
};

static bool place_is_ready(const struct place *p)
{
    return p->endpoint->ready; // with terminating too: publishNotReadyAddresses asks for that
}

static bool place_is_last_resort(const struct place *p)
{
    return !p->endpoint->ready && p->endpoint->serving && p->endpoint->terminating;
}

// Which of two entries of one address and port counts: the one that does not terminate, then the ready one.
static int place_rank(const struct place *p)
{
    return (p->endpoint->terminating ? 2 : 0) + (p->endpoint->ready ? 0 : 1);
}

static int place_by_address(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = rm_str_cmp(x->endpoint->address, y->endpoint->address);
    if (order == 0)
        order = (int)x->port->port - (int)y->port->port;
    return order != 0 ? order : place_rank(x) - place_rank(y);
}

static int place_by_pod(const void *a, const void *b)
{
    const struct place *x = *(const struct place *const *)a, *y = *(const struct place *const *)b;
    int order = rm_str_cmp(x->endpoint->uid, y->endpoint->uid);
    if (order == 0)
        order = (int)y->endpoint->ready - (int)x->endpoint->ready;
    return order != 0 ? order : (int)x->family - (int)y->family;
}

// ---- choosing --------------------------------------------------------------------------------------------------------

// Ports belong to a slice: pods whose container gives a named port another number have a slice of their own.
static const struct rm_k8s_port *slice_port(const struct rm_k8s_slice *slice, const struct rm_k8s_want *want)
{
    bool any = want->port.n == 0 && want->port_number == 0;
    if (any)
        return slice->n_ports == 1 ? &slice->ports[0] : NULL;
    for (size_t i = 0; i < slice->n_ports; i++) {
        const struct rm_k8s_port *port = &slice->ports[i];
        if (want->port.n > 0 ? rm_str_eq(port->name, want->port) : port->port == want->port_number)
            return port;
    }
    return NULL;
}

static bool slice_is_wanted(const struct rm_k8s_slice *slice, const struct rm_k8s_want *want)
{
    return rm_str_eq(slice->service, want->service) && slice->family != RM_K8S_FQDN &&
           (want->addresses == RM_K8S_BOTH || (want->addresses == RM_K8S_ONLY_IPV6) == (slice->family == RM_K8S_IPV6));
}

static void ports_note(struct rm_arena *arena, struct rm_k8s_found *out, const struct rm_k8s_slice *slice)
{
    for (size_t i = 0; i < slice->n_ports && out->ports.n < PORTS_TEXT_MOST; i++) {
        const struct rm_k8s_port *port = &slice->ports[i];
        struct rm_str one = rm_arena_printf(arena, "%.*s=%u", (int)port->name.n, port->name.p, port->port);
        if (out->ports.n == 0 || !memmem(out->ports.p, out->ports.n, one.p, one.n))
            out->ports = rm_arena_printf(arena, "%.*s%s%.*s", (int)out->ports.n, out->ports.p ? out->ports.p : "",
                                         out->ports.n ? " " : "", (int)one.n, one.p);
    }
}

static void places_once_an_address(struct place *places, size_t n)
{
    qsort(places, n, sizeof(*places), place_by_address);
    for (size_t i = 1; i < n; i++) {
        places[i].unused = places[i].port->port == places[i - 1].port->port &&
                           rm_str_eq(places[i].endpoint->address, places[i - 1].endpoint->address);
    }
    for (size_t i = 0; i < n; i++)
        places[i].unused |= !place_is_ready(&places[i]) && !place_is_last_resort(&places[i]);
}

static void places_once_a_pod(struct rm_arena *arena, struct place *places, size_t n)
{
    struct place **pods = RM_NEW_ARRAY(arena, struct place *, n);
    size_t n_pods = 0;
    for (size_t i = 0; i < n; i++)
        if (!places[i].unused && places[i].endpoint->uid.n > 0)
            pods[n_pods++] = &places[i];
    qsort(pods, n_pods, sizeof(struct place *), place_by_pod);
    const struct place *first = NULL;
    for (size_t i = 0; i < n_pods; i++) {
        if (!first || !rm_str_eq(first->endpoint->uid, pods[i]->endpoint->uid))
            first = pods[i];
        else if (pods[i]->family != first->family)
            pods[i]->unused = true;
    }
}

// ---- topology hints --------------------------------------------------------------------------------------------------

static bool names_have(struct rm_k8s_names names, struct rm_str name)
{
    for (size_t i = 0; i < names.n; i++)
        if (rm_str_eq(names.v[i], name))
            return true;
    return false;
}

static struct rm_k8s_names place_hints(const struct place *p, bool nodes)
{
    return nodes ? p->endpoint->hint_nodes : p->endpoint->hint_zones;
}

// kube-proxy's rule: hints count only where every ready endpoint has one, and one of them is for us.
static bool hints_apply(const struct place *places, size_t n, bool nodes, struct rm_str own)
{
    bool is_ours = false;
    if (own.n == 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (places[i].unused || !place_is_ready(&places[i]))
            continue;
        struct rm_k8s_names hints = place_hints(&places[i], nodes);
        if (hints.n == 0)
            return false;
        is_ours |= names_have(hints, own);
    }
    return is_ours;
}

// ---- the list --------------------------------------------------------------------------------------------------------

static struct rm_str place_scheme(const struct place *p, const struct rm_k8s_want *want)
{
    if (want->scheme.n > 0)
        return want->scheme;
    return rm_str_eq_nocase(p->port->app_protocol, RM_STR("https")) ? RM_STR("https") : want->fallback;
}

void rm_k8s_store_find(const struct rm_k8s_store *store, struct rm_arena *arena, const struct rm_k8s_want *want,
                       struct rm_k8s_found *out)
{
    size_t most = 0, n = 0;
    *out = (struct rm_k8s_found){0};
    RM_LIST_FOR (node, &store->slices) {
        const struct rm_k8s_slice *slice = rm_container_of(node, struct rm_k8s_slice, link);
        if (!rm_str_eq(slice->service, want->service))
            continue;
        out->n_slices++;
        out->is_fqdn |= slice->family == RM_K8S_FQDN;
        most += slice->n_endpoints;
    }
    out->n_endpoints = most;
    struct place *places = RM_NEW_ARRAY(arena, struct place, most);
    RM_LIST_FOR (node, &store->slices) {
        const struct rm_k8s_slice *slice = rm_container_of(node, struct rm_k8s_slice, link);
        if (!slice_is_wanted(slice, want))
            continue;
        const struct rm_k8s_port *port = slice_port(slice, want);
        ports_note(arena, out, slice);
        out->n_no_port += !port && slice->n_endpoints > 0;
        for (size_t i = 0; port && i < slice->n_endpoints; i++)
            places[n++] = (struct place){.endpoint = &slice->endpoints[i], .port = port, .family = slice->family};
    }
    places_once_an_address(places, n);
    if (want->addresses == RM_K8S_BOTH)
        places_once_a_pod(arena, places, n);
    bool by_node = hints_apply(places, n, true, want->node);
    bool by_zone = !by_node && hints_apply(places, n, false, want->zone);
    out->hosts = RM_NEW_ARRAY(arena, struct rm_host, n);
    for (size_t i = 0; i < n; i++) {
        const struct place *p = &places[i];
        if (p->unused)
            continue;
        bool ready = place_is_ready(p);
        out->hosts[out->n++] = (struct rm_host){
            .scheme = place_scheme(p, want),
            .address = p->endpoint->address,
            .name = want->host_name,
            .port = p->port->port,
            .weight = 1,
            .zone = p->endpoint->zone,
            .state = ready ? RM_HOST_READY : RM_HOST_TERMINATING,
            .hinted =
                ready && (by_node || by_zone) && names_have(place_hints(p, by_node), by_node ? want->node : want->zone),
        };
    }
}
