// c-ares in our loop. Owns two channels: one that reads /etc/hosts and answers at once, one that asks DNS servers. c-ares cannot
// take one query back, so what it calls back with is a query of ours that forgets its look-up. Its callbacks only take the answer
// down: they run in the middle of c-ares, where nothing may be cancelled or destroyed.
// SPDX-License-Identifier: Apache-2.0
#include "sd/resolve.h"

#include "base/clock.h"
#include "base/list.h"

#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/time.h>

// /etc/hosts has no TTL: how often it is looked at.
#define RESOLVE_FILE_TTL_US (30 * RM_SEC)
// Answers of this size come by UDP without a fragment (RFC 9715).
#define RESOLVE_EDNS_BYTES 1232

struct resolve_query {
    struct rm_resolver *resolver;
    struct rm_lookup *lookup;   // NULL: nobody wants the answer any more
    struct resolve_query *next; // in the free list
};

struct resolve_socket {
    struct rm_fd watch;
    struct rm_resolver *resolver;
    struct rm_list link; // of those in use, or of the free ones
};

struct rm_resolver {
    struct rm_arena arena; // holds this struct, queries and sockets
    struct rm_loop *loop;
    uint32_t users;
    struct rm_resolver *next;
    struct rm_resolve_conf conf;
    ares_channel files, dns;
    struct rm_timer timer; // what c-ares wants to be woken for
    struct rm_list sockets, free_sockets;
    struct resolve_query *free_queries;
};

// The discovery loop's, and other loops' in tests: looked up when a provider opens.
static struct rm_resolver *resolvers;
static struct rm_resolve_conf resolve_conf;

void rm_resolve_setup(const struct rm_resolve_conf *conf)
{
    resolve_conf = *conf;
}

// ---- c-ares and the loop -----------------------------------------------------------------------------------------------

static void resolver_arm(struct rm_resolver *resolver)
{
    struct timeval room;
    const struct timeval *wait = ares_timeout(resolver->dns, NULL, &room);
    if (!wait) {
        rm_timer_stop(&resolver->timer);
        return;
    }
    // A millisecond more than it says: woken too early, it would ask for another moment.
    uint64_t wait_us = (uint64_t)wait->tv_sec * RM_SEC + (uint64_t)wait->tv_usec + RM_MS;
    rm_timer_start(resolver->loop, &resolver->timer, rm_clock_us() + wait_us);
}

static void resolver_on_timer(struct rm_timer *timer)
{
    struct rm_resolver *resolver = rm_container_of(timer, struct rm_resolver, timer);
    ares_process_fd(resolver->dns, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    resolver_arm(resolver);
}

static void resolver_on_event(struct rm_fd *watch, uint32_t happened)
{
    // The socket may be gone when c-ares returns.
    struct rm_resolver *resolver = rm_container_of(watch, struct resolve_socket, watch)->resolver;
    bool failed = happened & (EPOLLERR | EPOLLHUP);
    ares_socket_t readable = failed || (happened & EPOLLIN) ? watch->fd : ARES_SOCKET_BAD;
    ares_socket_t writable = happened & EPOLLOUT ? watch->fd : ARES_SOCKET_BAD;
    ares_process_fd(resolver->dns, readable, writable);
    resolver_arm(resolver);
}

static struct resolve_socket *resolver_socket(struct rm_resolver *resolver, int fd)
{
    RM_LIST_FOR (node, &resolver->sockets) {
        struct resolve_socket *socket = rm_container_of(node, struct resolve_socket, link);
        if (socket->watch.fd == fd)
            return socket;
    }
    return NULL;
}

static void resolver_on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct rm_resolver *resolver = arg;
    struct resolve_socket *socket = resolver_socket(resolver, fd);
    uint32_t events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);
    if (!events) {
        if (!socket)
            return;
        rm_fd_del(&socket->watch);
        rm_list_remove(&socket->link);
        rm_list_push_back(&resolver->free_sockets, &socket->link);
        return;
    }
    if (socket) {
        rm_fd_mod(&socket->watch, events);
        return;
    }
    if (rm_list_empty(&resolver->free_sockets)) {
        socket = RM_NEW(&resolver->arena, struct resolve_socket);
    } else {
        socket = rm_container_of(resolver->free_sockets.next, struct resolve_socket, link);
        rm_list_remove(&socket->link);
    }
    socket->resolver = resolver;
    socket->watch = (struct rm_fd){.fd = fd, .events = events, .on_event = resolver_on_event};
    rm_list_push_back(&resolver->sockets, &socket->link);
    if (rm_fd_add(resolver->loop, &socket->watch, NULL) == RM_OK)
        return;
    // No watch left in the system: the query will run into its time-out.
    rm_list_remove(&socket->link);
    rm_list_push_back(&resolver->free_sockets, &socket->link);
}

// ---- answers -----------------------------------------------------------------------------------------------------------

static int resolved_order(const void *a, const void *b)
{
    const struct rm_resolved *x = a, *y = b;
    if (x->is_v6 != y->is_v6)
        return x->is_v6 ? 1 : -1;
    return rm_str_cmp(x->text, y->text);
}

static uint64_t ttl_within(const struct rm_resolver *resolver, uint64_t ttl_us)
{
    if (ttl_us < resolver->conf.min_ttl_us)
        return resolver->conf.min_ttl_us;
    return ttl_us > resolver->conf.max_ttl_us ? resolver->conf.max_ttl_us : ttl_us;
}

static void lookup_take(struct rm_lookup *lookup, const struct ares_addrinfo *found)
{
    struct rm_arena *arena = &lookup->arena;
    size_t n = 0;
    uint64_t ttl_s = UINT32_MAX;
    for (const struct ares_addrinfo_node *node = found->nodes; node; node = node->ai_next)
        n++;
    struct rm_resolved *list = RM_NEW_ARRAY(arena, struct rm_resolved, n);
    n = 0;
    for (const struct ares_addrinfo_node *node = found->nodes; node; node = node->ai_next) {
        char text[INET6_ADDRSTRLEN];
        const void *address = NULL;
        if (node->ai_family == AF_INET)
            address = &((const struct sockaddr_in *)(const void *)node->ai_addr)->sin_addr;
        else if (node->ai_family == AF_INET6)
            address = &((const struct sockaddr_in6 *)(const void *)node->ai_addr)->sin6_addr;
        if (!address || !inet_ntop(node->ai_family, address, text, sizeof(text)))
            continue;
        list[n++] = (struct rm_resolved){rm_arena_dup(arena, rm_str_of(text)), node->ai_family == AF_INET6};
        if (node->ai_ttl >= 0 && (uint64_t)node->ai_ttl < ttl_s)
            ttl_s = (uint64_t)node->ai_ttl;
    }
    for (const struct ares_addrinfo_cname *cname = found->cnames; cname; cname = cname->next)
        if (cname->ttl >= 0 && (uint64_t)cname->ttl < ttl_s)
            ttl_s = (uint64_t)cname->ttl;
    if (n > 1)
        qsort(list, n, sizeof(*list), resolved_order);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || resolved_order(&list[kept - 1], &list[i]) != 0)
            list[kept++] = list[i];
    lookup->addresses = list;
    lookup->n = kept;
    lookup->ttl_us = ttl_within(lookup->resolver, ttl_s * RM_SEC);
}

static void lookup_fail(struct rm_lookup *lookup, int status)
{
    lookup->ttl_us = lookup->resolver->conf.min_ttl_us;
    switch (status) {
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
        (void)rm_fail(&lookup->err, RM_ENOHOST, "no such name, or it has no address");
        break;
    case ARES_ETIMEOUT:
        (void)rm_fail(&lookup->err, RM_ETIMEOUT, "no DNS server answered in time");
        break;
    case ARES_ECONNREFUSED:
        (void)rm_fail(&lookup->err, RM_ECONNECT, "no DNS server can be reached");
        break;
    default:
        (void)rm_fail(&lookup->err, RM_EPROTO, "DNS: %s", ares_strerror(status));
    }
}

static void query_answered(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
    (void)timeouts;
    struct resolve_query *query = arg;
    struct rm_resolver *resolver = query->resolver;
    struct rm_lookup *lookup = query->lookup;
    query->next = resolver->free_queries;
    resolver->free_queries = query;
    if (lookup) {
        lookup->query = NULL;
        if (status == ARES_SUCCESS)
            lookup_take(lookup, found);
        if (lookup->n == 0)
            lookup_fail(lookup, status == ARES_SUCCESS ? ARES_ENODATA : status);
        rm_task_queue(resolver->loop, &lookup->ready);
    }
    if (found)
        ares_freeaddrinfo(found);
}

static void file_answered(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
    (void)timeouts;
    struct rm_lookup *lookup = arg;
    if (status == ARES_SUCCESS)
        lookup_take(lookup, found);
    if (found)
        ares_freeaddrinfo(found);
}

static void lookup_ready(struct rm_task *task)
{
    struct rm_lookup *lookup = rm_container_of(task, struct rm_lookup, ready);
    lookup->done(lookup);
}

// ---- look-ups ------------------------------------------------------------------------------------------------------------

static const struct ares_addrinfo_hints resolve_hints = {
    .ai_flags = ARES_AI_NOSORT, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

static bool name_is_localhost(struct rm_str name)
{
    static const struct rm_str localhost = {"localhost", 9};
    if (name.n > 0 && name.p[name.n - 1] == '.')
        name.n--;
    if (name.n < localhost.n || !rm_str_eq_nocase(rm_str_sub(name, name.n - localhost.n, name.n), localhost))
        return false;
    return name.n == localhost.n || name.p[name.n - localhost.n - 1] == '.';
}

static void lookup_reset(struct rm_lookup *lookup, struct rm_resolver *resolver)
{
    rm_lookup_cancel(lookup);
    lookup->resolver = resolver;
    lookup->ready.run = lookup_ready;
}

bool rm_lookup_local(struct rm_resolver *resolver, struct rm_lookup *lookup, struct rm_str name)
{
    static const struct rm_resolved loopback[] = {{{"127.0.0.1", 9}, false}, {{"::1", 3}, true}};
    lookup_reset(lookup, resolver);
    // This channel knows nothing but the file: it calls back before it returns.
    ares_getaddrinfo(resolver->files, rm_arena_cstr(&lookup->arena, name), NULL, &resolve_hints, file_answered, lookup);
    if (lookup->n == 0 && name_is_localhost(name)) {
        lookup->addresses = loopback;
        lookup->n = RM_COUNT(loopback);
    }
    if (lookup->n == 0)
        return false;
    lookup->ttl_us = ttl_within(resolver, RESOLVE_FILE_TTL_US);
    return true;
}

void rm_lookup_start(struct rm_resolver *resolver, struct rm_lookup *lookup, struct rm_str name)
{
    RM_ASSERT(lookup->done);
    if (rm_lookup_local(resolver, lookup, name)) {
        rm_task_queue(resolver->loop, &lookup->ready);
        return;
    }
    struct resolve_query *query = resolver->free_queries;
    if (query)
        resolver->free_queries = query->next;
    else
        query = RM_NEW(&resolver->arena, struct resolve_query);
    *query = (struct resolve_query){.resolver = resolver, .lookup = lookup};
    lookup->query = query;
    ares_getaddrinfo(resolver->dns, rm_arena_cstr(&lookup->arena, name), NULL, &resolve_hints, query_answered, query);
    resolver_arm(resolver);
}

void rm_lookup_cancel(struct rm_lookup *lookup)
{
    if (lookup->query)
        lookup->query->lookup = NULL;
    if (lookup->resolver)
        rm_task_cancel(lookup->resolver->loop, &lookup->ready);
    rm_arena_fini(&lookup->arena);
    lookup->query = NULL;
    lookup->addresses = NULL;
    lookup->n = 0;
    lookup->err = (struct rm_err){0};
}

// ---- the resolver --------------------------------------------------------------------------------------------------------

static int resolver_open(struct rm_resolver *resolver)
{
    char only_files[] = "f", only_dns[] = "b";
    struct ares_options options = {.lookups = only_files};
    int status = ares_init_options(&resolver->files, &options, ARES_OPT_LOOKUPS);
    if (status != ARES_SUCCESS)
        return status;
    options = (struct ares_options){
        .flags = ARES_FLAG_EDNS,
        .ednspsz = RESOLVE_EDNS_BYTES,
        .timeout = (int)(resolver->conf.timeout_us / RM_MS),
        .tries = resolver->conf.tries,
        .lookups = only_dns,
        .sock_state_cb = resolver_on_socket,
        .sock_state_cb_data = resolver,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
               ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE
    // Its cache would answer what is asked again at the end of a TTL with the rest of that TTL.
    mask |= ARES_OPT_QUERY_CACHE; // qcache_max_ttl 0
#endif
    status = ares_init_options(&resolver->dns, &options, mask);
    if (status == ARES_SUCCESS && resolver->conf.servers)
        status = ares_set_servers_ports_csv(resolver->dns, resolver->conf.servers);
    return status;
}

static void resolver_free(struct rm_resolver *resolver)
{
    // What it still asks for is called back here, to queries whose look-ups were cancelled.
    if (resolver->dns)
        ares_destroy(resolver->dns);
    if (resolver->files)
        ares_destroy(resolver->files);
    RM_ASSERT(rm_list_empty(&resolver->sockets));
    rm_timer_stop(&resolver->timer);
    struct rm_arena arena = resolver->arena;
    rm_arena_fini(&arena);
}

int rm_resolver_acquire(struct rm_resolver **out, struct rm_loop *loop, struct rm_err *err)
{
    for (struct rm_resolver *resolver = resolvers; resolver; resolver = resolver->next) {
        if (resolver->loop != loop)
            continue;
        resolver->users++;
        *out = resolver;
        return RM_OK;
    }
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_resolver *resolver = RM_NEW(&arena, struct rm_resolver);
    resolver->arena = arena;
    resolver->loop = loop;
    resolver->users = 1;
    resolver->conf = resolve_conf.tries ? resolve_conf : RM_RESOLVE_DEFAULTS;
    resolver->timer.fire = resolver_on_timer;
    rm_list_init(&resolver->sockets);
    rm_list_init(&resolver->free_sockets);
    int status = resolver_open(resolver);
    if (status != ARES_SUCCESS) {
        resolver_free(resolver);
        return rm_fail(err, RM_ESYS, "cannot start the resolver: %s", ares_strerror(status));
    }
    resolver->next = resolvers;
    resolvers = resolver;
    *out = resolver;
    return RM_OK;
}

void rm_resolver_release(struct rm_resolver *resolver)
{
    if (!resolver)
        return;
    RM_ASSERT(resolver->users > 0);
    if (--resolver->users > 0)
        return;
    struct rm_resolver **at = &resolvers;
    while (*at != resolver)
        at = &(*at)->next;
    *at = resolver->next;
    resolver_free(resolver);
}
