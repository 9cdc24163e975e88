// c-ares in our loop. Owns two channels: one that reads /etc/hosts and answers at once, one that asks DNS servers. c-ares cannot
// take one query back, so what it calls back with is a query of ours that forgets its look-up. Its callbacks only take the answer
// down: they run in the middle of c-ares, where nothing may be cancelled, destroyed or asked. Each look-up has a watchdog of its own:
// a callback that never comes stalls no name. The DNS channel is made anew when resolv.conf changes and after such a loss.
// SPDX-License-Identifier: Apache-2.0
#include "sd/lookup.h"

#include "base/clock.h"
#include "sd/stamp.h"

#define CARES_NO_DEPRECATED // its newer interfaces are not in the oldest version that serves
#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <remora/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/time.h>

// /etc/hosts has no TTL; a change of it is seen and told anyway.
#define RESOLVE_FILE_TTL_S 30
// Answers of this size come by UDP without a fragment (RFC 9715).
#define RESOLVE_EDNS_BYTES 1232
#define RESOLVE_RESOLV_CONF "/etc/resolv.conf"
#define RESOLVE_HOSTS "/etc/hosts"

enum { CLASS_IN = 1, TYPE_SRV = 33 };

struct resolve_query {
    struct rm_resolver *resolver;
    struct rm_lookup *lookup; // NULL: nobody wants the answer any more
    struct rm_list link;      // of those that c-ares has, or of the free ones
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
    struct rm_lookup_context context;
    uint64_t patience_us;  // after which c-ares must have called back
    struct rm_timer timer; // what c-ares wants to be woken for
    struct rm_timer look;  // at the files
    struct rm_stamp hosts_stamp, conf_stamp;
    struct rm_list watches;
    struct rm_list sockets, free_sockets;
    struct rm_list queries, free_queries;
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

static void lookup_fail_status(struct rm_lookup *lookup, int status)
{
    static const struct {
        int status;
        enum rm_lookup_result result;
    } results[] = {
        {ARES_ENOTFOUND, RM_LOOKUP_NXDOMAIN}, {ARES_ENODATA, RM_LOOKUP_NODATA},
        {ARES_ESERVFAIL, RM_LOOKUP_SERVFAIL}, {ARES_EREFUSED, RM_LOOKUP_REFUSED},
        {ARES_ETIMEOUT, RM_LOOKUP_TIMEOUT},   {ARES_ECONNREFUSED, RM_LOOKUP_UNREACHABLE},
    };
    for (size_t i = 0; i < RM_COUNT(results); i++) {
        if (results[i].status == status) {
            rm_lookup_fail(lookup, &lookup->resolver->context, results[i].result, NULL);
            return;
        }
    }
    rm_lookup_fail(lookup, &lookup->resolver->context, RM_LOOKUP_INVALID, ares_strerror(status));
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
    rm_lookup_take(lookup, &lookup->resolver->context, list, n, ttl_s);
}

// The look-up that waits for this query's answer, which is ready after that; NULL: nobody does.
static struct rm_lookup *query_end(struct resolve_query *query)
{
    struct rm_resolver *resolver = query->resolver;
    struct rm_lookup *lookup = query->lookup;
    rm_list_remove(&query->link);
    rm_list_push_back(&resolver->free_queries, &query->link);
    if (lookup) {
        lookup->query = NULL;
        rm_timer_stop(&lookup->late);
        rm_task_queue(resolver->loop, &lookup->ready);
    }
    return lookup;
}

static void query_answered(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
    (void)timeouts;
    struct rm_lookup *lookup = query_end(arg);
    if (lookup && status == ARES_SUCCESS)
        lookup_take(lookup, found);
    if (lookup && lookup->n == 0)
        lookup_fail_status(lookup, status == ARES_SUCCESS ? ARES_ENODATA : status);
    if (found)
        ares_freeaddrinfo(found);
}

static void query_answered_srv(void *arg, int status, int timeouts, unsigned char *message, int n)
{
    (void)timeouts;
    struct rm_lookup *lookup = query_end(arg);
    bool is_whole = status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND;
    if (lookup && is_whole && message && n > 0)
        rm_lookup_take_srv(lookup, &lookup->resolver->context, (struct rm_str){(const char *)message, (size_t)n});
    else if (lookup)
        lookup_fail_status(lookup, status);
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

static void resolver_reopen(struct rm_resolver *);

// ---- look-ups ------------------------------------------------------------------------------------------------------------

static const struct ares_addrinfo_hints resolve_hints = {
    .ai_flags = ARES_AI_NOSORT | ARES_AI_ENVHOSTS, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

static void lookup_send(struct rm_lookup *lookup)
{
    struct rm_resolver *resolver = lookup->resolver;
    struct resolve_query *query;
    if (rm_list_empty(&resolver->free_queries)) {
        query = RM_NEW(&resolver->arena, struct resolve_query);
    } else {
        query = rm_container_of(resolver->free_queries.next, struct resolve_query, link);
        rm_list_remove(&query->link);
    }
    query->resolver = resolver;
    query->lookup = lookup;
    lookup->query = query;
    rm_list_push_back(&resolver->queries, &query->link);
    rm_timer_start(resolver->loop, &lookup->late, rm_clock_us() + resolver->patience_us);
    // c-ares may call back before it returns.
    if (lookup->is_srv)
        ares_query(resolver->dns, lookup->name, CLASS_IN, TYPE_SRV, query_answered_srv, query);
    else
        ares_getaddrinfo(resolver->dns, lookup->name, NULL, &resolve_hints, query_answered, query);
    resolver_arm(resolver);
}

static void lookup_late(struct rm_timer *timer)
{
    struct rm_lookup *lookup = rm_container_of(timer, struct rm_lookup, late);
    rm_log(RM_WARNING, "look-up lost name=%s: the resolver starts anew", lookup->name);
    lookup->query->lookup = NULL;
    lookup->query = NULL;
    rm_lookup_fail(lookup, &lookup->resolver->context, RM_LOOKUP_TIMEOUT, NULL);
    rm_task_queue(lookup->resolver->loop, &lookup->ready);
    resolver_reopen(lookup->resolver);
}

static void lookup_reset(struct rm_lookup *lookup, struct rm_resolver *resolver)
{
    rm_lookup_cancel(lookup);
    lookup->resolver = resolver;
    lookup->ready.run = lookup_ready;
    lookup->late.fire = lookup_late;
}

bool rm_lookup_local(struct rm_resolver *resolver, struct rm_lookup *lookup, struct rm_str name)
{
    static const struct rm_resolved loopback[] = {{{"127.0.0.1", 9}, false}, {{"::1", 3}, true}};
    lookup_reset(lookup, resolver);
    name = rm_name_without_dot(name); // the file knows no absolute names
    // This channel knows nothing but the file: it calls back before it returns.
    ares_getaddrinfo(resolver->files, rm_arena_cstr(&lookup->arena, name), NULL, &resolve_hints, file_answered, lookup);
    if (lookup->n == 0 && rm_name_is_localhost(name)) {
        lookup->addresses = loopback;
        lookup->n = RM_COUNT(loopback);
    }
    if (lookup->n == 0)
        return false;
    lookup->ttl_us = rm_lookup_ttl_us(&resolver->context, RESOLVE_FILE_TTL_S);
    return true;
}

void rm_lookup_start(struct rm_resolver *resolver, struct rm_lookup *lookup, struct rm_str name)
{
    RM_ASSERT(lookup->done);
    if (rm_lookup_local(resolver, lookup, name)) {
        rm_task_queue(resolver->loop, &lookup->ready);
        return;
    }
    lookup->is_srv = false;
    lookup->name = rm_arena_cstr(&lookup->arena, name);
    lookup_send(lookup);
}

void rm_lookup_srv(struct rm_resolver *resolver, struct rm_lookup *lookup, struct rm_str name)
{
    RM_ASSERT(lookup->done);
    lookup_reset(lookup, resolver);
    lookup->is_srv = true;
    lookup->name = rm_arena_cstr(&lookup->arena, rm_name_without_dot(name));
    lookup_send(lookup);
}

void rm_lookup_cancel(struct rm_lookup *lookup)
{
    if (lookup->query)
        lookup->query->lookup = NULL;
    if (lookup->resolver)
        rm_task_cancel(lookup->resolver->loop, &lookup->ready);
    rm_timer_stop(&lookup->late);
    rm_arena_fini(&lookup->arena);
    lookup->query = NULL;
    lookup->result = RM_LOOKUP_FOUND;
    lookup->addresses = NULL;
    lookup->n = 0;
    lookup->srv = (struct rm_dns_answer){0};
    lookup->err = (struct rm_err){0};
}

// ---- the DNS channel -----------------------------------------------------------------------------------------------------

// What messages call the servers, and how long c-ares asks them: `tries` rounds, each twice as long as the one before.
static void resolver_know_servers(struct rm_resolver *resolver)
{
    struct ares_addr_port_node *list = NULL;
    size_t at = 0, servers = 0;
    resolver->context.servers[0] = '\0';
    (void)ares_get_servers_ports(resolver->dns, &list);
    for (const struct ares_addr_port_node *server = list; server; server = server->next, servers++) {
        char text[INET6_ADDRSTRLEN] = "";
        bool is_v6 = server->family == AF_INET6;
        inet_ntop(server->family, &server->addr, text, sizeof(text));
        if (at < sizeof(resolver->context.servers))
            at += (size_t)snprintf(resolver->context.servers + at, sizeof(resolver->context.servers) - at,
                                   is_v6 ? "%s[%s]:%d" : "%s%s:%d", servers ? ", " : "", text,
                                   server->udp_port ? server->udp_port : 53);
    }
    if (list)
        ares_free_data(list);
    uint64_t rounds = (UINT64_C(1) << resolver->conf.tries) - 1;
    resolver->patience_us = resolver->conf.timeout_us * (rounds * (servers ? servers : 1) + 1) + RM_SEC;
}

static int resolver_init_dns(struct rm_resolver *resolver, int flags, ares_channel *out)
{
    char only_dns[] = "b";
    struct ares_options options = {
        .flags = ARES_FLAG_EDNS | flags,
        .ednspsz = RESOLVE_EDNS_BYTES,
        .timeout = (int)(resolver->conf.timeout_us / RM_MS),
        .tries = resolver->conf.tries,
        .lookups = only_dns,
        .sock_state_cb = resolver_on_socket,
        .sock_state_cb_data = resolver,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
               ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF;
#ifdef ARES_OPT_QUERY_CACHE
    // Its cache would answer what is asked again at the end of a TTL with the rest of that TTL.
    mask |= ARES_OPT_QUERY_CACHE; // qcache_max_ttl 0
#endif
    char path[4096];
    snprintf(path, sizeof(path), "%s", resolver->conf.resolv_conf);
    options.resolvconf_path = path;
    int status = ares_init_options(out, &options, mask);
    if (status == ARES_SUCCESS && resolver->conf.servers)
        status = ares_set_servers_ports_csv(*out, resolver->conf.servers);
    return status;
}

// c-ares tries the next server after SERVFAIL and REFUSED, and before 1.2x forgets what the last one said. Where there is only one it is
// told not to look, so that an answer is passed on as it is.
static int resolver_open_dns(struct rm_resolver *resolver, ares_channel *out)
{
    struct ares_addr_port_node *list = NULL;
    int status = resolver_init_dns(resolver, 0, out);
    if (status != ARES_SUCCESS)
        return status;
    bool is_single = ares_get_servers_ports(*out, &list) == ARES_SUCCESS && list && !list->next;
    if (list)
        ares_free_data(list);
    if (!is_single)
        return ARES_SUCCESS;
    ares_destroy(*out);
    *out = NULL;
    return resolver_init_dns(resolver, ARES_FLAG_NOCHECKRESP, out);
}

// With what resolv.conf says now; look-ups that are under way are asked again. Never called from inside c-ares.
static void resolver_reopen(struct rm_resolver *resolver)
{
    ares_channel old = resolver->dns, fresh = NULL;
    int status = resolver_open_dns(resolver, &fresh);
    if (status != ARES_SUCCESS) {
        rm_log(RM_WARNING, "the resolver goes on with what it had: error=\"%s\"", ares_strerror(status));
        if (fresh)
            ares_destroy(fresh);
        return;
    }
    struct rm_list again;
    rm_list_init(&again);
    RM_LIST_FOR (node, &resolver->queries) {
        struct resolve_query *query = rm_container_of(node, struct resolve_query, link);
        if (!query->lookup)
            continue;
        query->lookup->query = NULL;
        rm_list_push_back(&again, &query->lookup->link);
        query->lookup = NULL;
    }
    ares_destroy(old); // calls back all that it has, to nobody
    resolver->dns = fresh;
    resolver_know_servers(resolver);
    while (!rm_list_empty(&again)) {
        struct rm_lookup *lookup = rm_container_of(again.next, struct rm_lookup, link);
        rm_list_remove(&lookup->link);
        lookup_send(lookup);
    }
    resolver_arm(resolver);
}

// ---- files that change ---------------------------------------------------------------------------------------------------

static const char *resolver_hosts_path(void)
{
    const char *path = getenv("CARES_HOSTS"); // c-ares reads this one then, too
    return path ? path : RESOLVE_HOSTS;
}

static int resolver_open_files(ares_channel *out)
{
    char only_files[] = "f";
    struct ares_options options = {.lookups = only_files};
    return ares_init_options(out, &options, ARES_OPT_LOOKUPS);
}

// A newer c-ares keeps what it read of the hosts file, for a minute after the file has gone. Look-ups there end at once: none is lost.
static void resolver_reopen_files(struct rm_resolver *resolver)
{
    ares_channel fresh = NULL;
    if (resolver_open_files(&fresh) != ARES_SUCCESS)
        return;
    ares_destroy(resolver->files);
    resolver->files = fresh;
}

static void resolver_look_again(struct rm_resolver *resolver)
{
    if (resolver->conf.files_us > 0)
        rm_timer_start(resolver->loop, &resolver->look, rm_loop_now_us(resolver->loop) + resolver->conf.files_us);
}

static void resolver_look(struct rm_timer *timer)
{
    struct rm_resolver *resolver = rm_container_of(timer, struct rm_resolver, look);
    bool hosts_changed = rm_stamp_renew(&resolver->hosts_stamp, resolver_hosts_path());
    bool conf_changed = rm_stamp_renew(&resolver->conf_stamp, resolver->conf.resolv_conf);
    resolver_look_again(resolver);
    if (!hosts_changed && !conf_changed)
        return;
    if (hosts_changed)
        resolver_reopen_files(resolver);
    if (conf_changed)
        resolver_reopen(resolver);
    rm_log(RM_INFO, "names are looked up anew changed=%s servers=\"%s\"",
           conf_changed ? resolver->conf.resolv_conf : resolver_hosts_path(), resolver->context.servers);
    RM_LIST_FOR (node, &resolver->watches) {
        struct rm_resolve_watch *watch = rm_container_of(node, struct rm_resolve_watch, link);
        watch->changed(watch);
    }
}

void rm_resolve_watch_add(struct rm_resolver *resolver, struct rm_resolve_watch *watch)
{
    rm_list_push_back(&resolver->watches, &watch->link);
}

void rm_resolve_watch_del(struct rm_resolve_watch *watch)
{
    if (watch->link.next)
        rm_list_remove(&watch->link);
}

// ---- the resolver --------------------------------------------------------------------------------------------------------

static int resolver_open(struct rm_resolver *resolver)
{
    int status = resolver_open_files(&resolver->files);
    if (status == ARES_SUCCESS)
        status = resolver_open_dns(resolver, &resolver->dns);
    if (status != ARES_SUCCESS)
        return status;
    resolver_know_servers(resolver);
    (void)rm_stamp_renew(&resolver->hosts_stamp, resolver_hosts_path());
    (void)rm_stamp_renew(&resolver->conf_stamp, resolver->conf.resolv_conf);
    resolver_look_again(resolver);
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
    RM_ASSERT(rm_list_empty(&resolver->watches));
    rm_timer_stop(&resolver->timer);
    rm_timer_stop(&resolver->look);
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
    if (!resolver->conf.resolv_conf)
        resolver->conf.resolv_conf = RESOLVE_RESOLV_CONF;
    resolver->context.min_ttl_us = resolver->conf.min_ttl_us;
    resolver->context.max_ttl_us = resolver->conf.max_ttl_us;
    resolver->timer.fire = resolver_on_timer;
    resolver->look.fire = resolver_look;
    struct rm_list *lists[] = {&resolver->watches, &resolver->sockets, &resolver->free_sockets, &resolver->queries,
                               &resolver->free_queries};
    for (size_t i = 0; i < RM_COUNT(lists); i++)
        rm_list_init(lists[i]);
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

uint64_t rm_resolver_ttl_us(const struct rm_resolver *resolver, uint32_t ttl_s)
{
    return rm_lookup_ttl_us(&resolver->context, ttl_s);
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
