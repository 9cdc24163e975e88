// `remora run`: makes the plan, the listeners, the discovery thread and the workers, waits for signals, and takes all
// of it down in the opposite order. Owns what outlives a request and belongs to no worker. Never touches a request.
// SPDX-License-Identifier: Apache-2.0
#include "run.h"

#include "admin/admin.h"
#include "base/clock.h"
#include "cpus.h"
#include "flow/plan.h"
#include "front/accept.h"
#include "front/worker.h"
#include "loop/thread.h"
#include "pool/cache.h"
#include "policy/cell.h"
#include "reload.h"
#include "sd/k8s.h"
#include "sd/resolve.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

// How long the workers' start waits for discovery's first answers, so that the first request does not meet an empty pool; clients that
// connect meanwhile wait in the listener's queue. Where hosts are addresses it takes no time.
#define RUN_FIRST_ANSWER_US (1 * RM_SEC)
// After SIGTERM, as a sidecar: how often it looks whether it is quiet, and what that is.
#define RUN_LOOK_US (50 * RM_MS)
#define RUN_QUIET_US (1 * RM_SEC)
#define RUN_BACKLOG 1024
// How long a worker may take to end at once.
#define RUN_LAST_US (2 * RM_SEC)

struct run_worker {
    struct rm_worker *worker;
    struct rm_msg ended; // posted to main's loop by the worker's thread
    struct run *run;
};

// Waits on the discovery loop, and tells main's.
struct run_wait {
    struct rm_cache_wait wait;
    struct rm_msg over;
    struct run *run;
    struct rm_world *world; // whose sources; a reference until it is over
    bool all_answered;
};

struct run {
    struct rm_loop *loop; // main's own: signals, the shutdown timer, the workers' ends, the admin listeners
    struct rm_loop *discovery;
    struct rm_thread *discovery_thread;
    struct rm_cache *cache;
    struct run_wait first, ready;
    struct rm_admin *admin;
    struct rm_reload *reload;
    const char *path; // of the configuration
    struct rm_conf_options options;
    struct rm_conf *first_conf; // until the first world has it
    const struct rm_conf *conf; // the same, while it starts
    struct rm_budget bodies;
    struct rm_policy_cells *cells;
    struct rm_fetches *fetches;
    struct rm_front_shared shared;
    int listeners[2];
    struct run_worker *workers;
    uint32_t n_wanted, n_workers, n_running; // to start, started, not ended
    struct rm_fd signals;
    struct rm_timer patience; // max_shutdown_wait_time
    struct rm_timer look;     // after the first signal, while it serves on
    uint64_t serve_until_us;  // then the port is closed
    enum rm_conf_drain drain;
    struct rm_timer last; // for workers that do not end when they are told to
    bool draining;
    struct rm_err err; // why the workers could not start
    struct rm_arena arena;
};

static void run_worker_gone(struct rm_msg *msg)
{
    struct run_worker *w = rm_container_of(msg, struct run_worker, ended);
    struct run *r = w->run;
    rm_admin_worker_gone(r->admin, (uint32_t)(w - r->workers));
    rm_reload_worker_gone(r->reload, (uint32_t)(w - r->workers));
    if (--r->n_running == 0)
        rm_loop_stop(r->loop);
}

// On the worker's thread, as the last thing that it does.
static void run_worker_ended(void *arg)
{
    struct run_worker *w = arg;
    rm_loop_post(w->run->loop, &w->ended);
}

static void run_give_up(struct rm_timer *timer)
{
    (void)timer;
    rm_log(RM_CRITICAL, "a worker does not end: the process ends without it");
    _exit(RM_EXIT_FINE);
}

static void run_stop_now(struct run *r)
{
    rm_timer_start(r->loop, &r->last, rm_loop_now_us(r->loop) + RUN_LAST_US);
    for (uint32_t i = 0; i < r->n_workers; i++)
        rm_worker_stop(r->workers[i].worker);
}

static void run_impatient(struct rm_timer *timer)
{
    rm_log(RM_WARNING, "max_shutdown_wait_time is over: requests that still run are cut off");
    run_stop_now(rm_container_of(timer, struct run, patience));
}

// No new connections; what runs is finished.
static void run_drain(struct run *r)
{
    uint64_t wait_us = rm_reload_world(r->reload)->plan->conf->max_shutdown_wait_us;
    if (wait_us)
        rm_timer_start(r->loop, &r->patience, rm_loop_now_us(r->loop) + wait_us);
    for (uint32_t i = 0; i < r->n_workers; i++)
        rm_worker_drain(r->workers[i].worker);
}

// Nothing runs, and nothing has for a second.
static bool run_is_quiet(const struct run *r)
{
    uint64_t now_us = rm_loop_now_us(r->loop);
    for (uint32_t i = 0; i < r->n_workers; i++) {
        const struct rm_front_activity *activity = rm_worker_activity(r->workers[i].worker);
        if (atomic_load_explicit(&activity->running, memory_order_acquire) > 0 ||
            atomic_load_explicit(&activity->active_us, memory_order_relaxed) + RUN_QUIET_US > now_us)
            return false;
    }
    return true;
}

static void run_look(struct rm_timer *timer)
{
    struct run *r = rm_container_of(timer, struct run, look);
    uint64_t now_us = rm_loop_now_us(r->loop);
    bool is_over = now_us >= r->serve_until_us;
    if (is_over || (r->drain == RM_DRAIN_SIDECAR && run_is_quiet(r))) {
        rm_log(RM_INFO, "no new connections, what runs is finished");
        run_drain(r);
        return;
    }
    rm_timer_start(r->loop, timer, now_us + RUN_LOOK_US < r->serve_until_us ? now_us + RUN_LOOK_US : r->serve_until_us);
}

// Goes on serving for a while: a sidecar's application and other containers may still ask; those who balance over a standalone one do
// not know yet that it ends.
static void run_serve_on(struct run *r, const struct rm_conf *conf)
{
    r->drain = conf->drain_mode;
    r->serve_until_us = rm_loop_now_us(r->loop) + conf->drain_max_us;
    if (r->drain == RM_DRAIN_STANDALONE)
        for (uint32_t i = 0; i < r->n_workers; i++)
            rm_worker_say_close(r->workers[i].worker);
    run_look(&r->look);
}

static void run_end(struct run *r, const char *signal_name)
{
    if (r->draining) {
        rm_log(RM_INFO, "stopping at once signal=%s", signal_name);
        run_stop_now(r);
        return;
    }
    const struct rm_conf *conf = rm_reload_world(r->reload)->plan->conf;
    static const char *const what[] = {"no new connections, what runs is finished", "serving until it is quiet",
                                       "serving on for a while"};
    rm_log(RM_INFO, "stopping: %s signal=%s", what[conf->drain_mode], signal_name);
    r->draining = true;
    rm_admin_draining(r->admin);
    rm_reload_stop(r->reload);
    if (r->n_running == 0) { // they have not started yet
        rm_loop_stop(r->loop);
        return;
    }
    if (conf->drain_mode == RM_DRAIN_AT_ONCE)
        run_drain(r);
    else
        run_serve_on(r, conf);
}

static void run_signal(struct rm_fd *fd, uint32_t happened)
{
    (void)happened;
    struct run *r = rm_container_of(fd, struct run, signals);
    struct signalfd_siginfo info;
    while (read(fd->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP)
            rm_reload_now(r->reload, "SIGHUP");
        else
            run_end(r, info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
    }
}

// Blocked before any thread starts, so that every thread inherits it and only the descriptor sees them.
static sigset_t run_signal_set(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

void rm_run_hold_signals(void)
{
    sigset_t set = run_signal_set();
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int run_catch_signals(struct run *r, struct rm_err *err)
{
    sigset_t set = run_signal_set();
    r->signals =
        (struct rm_fd){.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), .events = EPOLLIN, .on_event = run_signal};
    if (r->signals.fd < 0)
        return rm_fail(err, RM_ESYS, "signalfd: %s", strerrordesc_np(errno));
    return rm_fd_add(r->loop, &r->signals, err);
}

// As many descriptors as the system allows: a connection to a client may need several towards backends.
static uint32_t run_raise_descriptors(uint32_t wanted_connections)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted_connections;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return wanted_connections;
    rlim_t most = limit.rlim_cur / 10 * 8;
    return most < wanted_connections ? (uint32_t)most : wanted_connections;
}

static void run_discovery(void *arg)
{
    rm_loop_run(arg);
}

// On the discovery loop.
static void run_wait_over(struct rm_cache_wait *wait, bool all_answered)
{
    struct run_wait *w = rm_container_of(wait, struct run_wait, wait);
    w->all_answered = all_answered;
    rm_loop_post(w->run->loop, &w->over);
}

static void run_wait_start(struct run *r, struct run_wait *w, uint64_t timeout_us, void (*over)(struct rm_msg *))
{
    w->run = r;
    w->wait.done = run_wait_over;
    w->over.deliver = over;
    w->world = rm_world_ref(rm_reload_world(r->reload));
    rm_cache_wait_start(r->cache, &w->wait, w->world->entries, w->world->plan->n_sources, timeout_us);
}

static void run_ready(struct rm_msg *msg)
{
    struct run_wait *w = rm_container_of(msg, struct run_wait, over);
    if (!w->all_answered)
        rm_log(RM_WARNING, "ready although not every source of hosts has answered: calls to those fail until it does");
    rm_world_unref(w->world);
    w->world = NULL;
    rm_admin_answered(w->run->admin, w->all_answered);
}

static int run_start_workers(struct run *r, struct rm_err *err)
{
    for (uint32_t i = 0; i < r->n_wanted; i++) {
        struct run_worker *w = &r->workers[i];
        w->run = r;
        w->ended.deliver = run_worker_gone;
        struct rm_worker_conf wc = {.world = rm_reload_world(r->reload),
                                    .cache = r->cache,
                                    .shared = &r->shared,
                                    .index = i,
                                    .ended = run_worker_ended,
                                    .arg = w};
        int rc = rm_worker_start(&w->worker, &wc, err);
        if (rc != RM_OK)
            return rc;
        r->n_workers++;
        r->n_running++;
        rm_admin_add_worker(r->admin, w->worker, i);
        rm_reload_add_worker(r->reload, w->worker, i);
    }
    return RM_OK;
}

// Discovery has answered, or has had its time: from now on requests are served.
static void run_serve(struct rm_msg *msg)
{
    struct run_wait *w = rm_container_of(msg, struct run_wait, over);
    struct run *r = w->run;
    const struct rm_plan *plan = rm_reload_world(r->reload)->plan;
    const struct rm_conf *conf = plan->conf;
    rm_world_unref(w->world);
    w->world = NULL;
    if (r->draining)
        return;
    if (run_start_workers(r, &r->err) != RM_OK) {
        rm_loop_stop(r->loop);
        return;
    }
    rm_admin_serving(r->admin);
    if (!w->all_answered)
        rm_log(RM_WARNING, "not every host has been found yet: calls to them fail until they are");
    rm_log(RM_INFO, "listening address=%.*s port=%u endpoints=%u workers=%u version=" RM_VERSION,
           (int)(conf->listen_ip.n ? conf->listen_ip.n : 1), conf->listen_ip.n ? conf->listen_ip.p : "*", conf->port,
           plan->n_endpoints, r->n_workers);
}

static void run_set_up_names(struct run *r)
{
    const struct rm_conf_dns *dns = &r->conf->dns;
    struct rm_resolve_conf conf = RM_RESOLVE_DEFAULTS;
    struct rm_str servers = {0};
    for (size_t i = 0; i < dns->servers.n; i++)
        servers = rm_arena_printf(&r->arena, "%.*s%s%.*s", (int)servers.n, i ? servers.p : "", i ? "," : "",
                                  (int)dns->servers.v[i].n, dns->servers.v[i].p);
    conf.servers = servers.p; // it ends in NUL
    conf.timeout_us = dns->timeout_us;
    conf.min_ttl_us = dns->min_ttl_us;
    conf.max_ttl_us = dns->max_ttl_us;
    rm_resolve_setup(&conf);
}

static void run_set_up_kubernetes(struct run *r)
{
    static const enum rm_k8s_addresses addresses[] = {
        [RM_CONF_BOTH] = RM_K8S_BOTH, [RM_CONF_IPV4] = RM_K8S_ONLY_IPV4, [RM_CONF_IPV6] = RM_K8S_ONLY_IPV6};
    const struct rm_conf_kubernetes *conf = &r->conf->kubernetes;
    // Copies: the first configuration may go before the process does.
    rm_k8s_setup(&(struct rm_k8s_conf){
        .api_server = rm_arena_dup(&r->arena, conf->api_server),
        .token_file = rm_arena_dup(&r->arena, conf->token_file),
        .ca_file = rm_arena_dup(&r->arena, conf->ca_file),
        .namespace_ = rm_arena_dup(&r->arena, conf->namespace_),
        .zone = rm_arena_dup(&r->arena, r->conf->zone),
        .node = rm_arena_dup(&r->arena, conf->node),
        .addresses = addresses[conf->addresses],
    });
}

// Opens every source, and starts the thread that follows them. Nothing is waited for here.
static int run_start_discovery(struct run *r, struct rm_err *err)
{
    int rc = rm_loop_new(&r->discovery, err);
    if (rc != RM_OK)
        return rc;
    run_set_up_names(r);
    run_set_up_kubernetes(r);
    r->cache = rm_cache_new(r->discovery);
    r->fetches = rm_fetches_new(r->discovery);
    struct rm_reload_conf reload = {.loop = r->loop,
                                    .discovery = r->discovery,
                                    .cache = r->cache,
                                    .bodies = &r->bodies,
                                    .cells = r->cells,
                                    .fetches = r->fetches,
                                    .path = r->path,
                                    .options = r->options,
                                    .debug_endpoint = r->options.debug};
    struct rm_conf *first = r->first_conf;
    r->first_conf = NULL;
    if ((rc = rm_reload_new(&r->reload, &reload, first, err)) != RM_OK)
        return rc;
    struct rm_admin_conf admin = {.loop = r->loop,
                                  .world = rm_reload_world(r->reload),
                                  .discovery = r->discovery,
                                  .clients = &r->shared,
                                  .reload = rm_reload_status(r->reload),
                                  .n_workers = r->n_wanted};
    if ((rc = rm_admin_new(&r->admin, &admin, err)) != RM_OK)
        return rc;
    rm_reload_start(r->reload, r->admin);
    run_wait_start(r, &r->first, RUN_FIRST_ANSWER_US, run_serve);
    run_wait_start(r, &r->ready, rm_reload_world(r->reload)->plan->conf->ready_wait_us, run_ready);
    return rm_thread_start(&r->discovery_thread, "discovery", run_discovery, r->discovery, err);
}

static void run_plan_workers(struct run *r)
{
    const struct rm_conf *conf = r->conf;
    r->n_wanted = conf->workers ? conf->workers : rm_cpus_by_quota("/sys/fs/cgroup");
    r->shared.listeners = r->listeners;
    r->shared.max_connections = run_raise_descriptors(conf->limits.connections);
    r->shared.n_workers = r->n_wanted;
    r->shared.turns = RM_NEW_ARRAY(&r->arena, struct rm_turn, r->n_wanted);
    r->workers = RM_NEW_ARRAY(&r->arena, struct run_worker, r->n_wanted);
}

// Bodies come and go with each request. With glibc's defaults every larger one is mapped and unmapped, and a heap's end is given back and
// faulted in again: a third of the CPU time of a request that passes 250 bytes through.
static void run_tune_malloc(void)
{
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    mallopt(M_TRIM_THRESHOLD, 4 << 20);
    mallopt(M_TOP_PAD, 256 << 10);
}

static int run_start(struct run *r, struct rm_err *err)
{
    const struct rm_conf *conf = r->conf;
    int rc;
    run_tune_malloc();
    rm_log_setup(r->options.debug ? RM_DEBUG : conf->log_level, conf->log_prefix, conf->log_stdout, conf->log_format);
    r->bodies.limit = conf->limits.bodies_bytes;
    r->cells = rm_policy_cells_new();
    r->patience.fire = run_impatient;
    r->last.fire = run_give_up;
    r->look.fire = run_look;
    if ((rc = rm_loop_new(&r->loop, err)) != RM_OK || (rc = run_catch_signals(r, err)) != RM_OK ||
        (rc = rm_listen(conf->listen_ip, conf->port, RUN_BACKLOG, r->listeners, &r->shared.n_listeners, err)) != RM_OK)
        return rc;
    run_plan_workers(r);
    return run_start_discovery(r, err);
}

// Whatever run_start() has made, in the opposite order. The discovery thread ends before the workers' views are given
// back.
static void run_finish(struct run *r)
{
    if (r->discovery_thread) {
        rm_loop_stop(r->discovery);
        rm_thread_join(r->discovery_thread);
    }
    for (uint32_t i = 0; i < r->n_workers; i++)
        rm_worker_join(r->workers[i].worker);
    for (size_t i = 0; i < r->shared.n_listeners; i++)
        close(r->listeners[i]);
    rm_admin_free(r->admin);
    rm_cache_wait_stop(&r->first.wait);
    rm_cache_wait_stop(&r->ready.wait);
    rm_reload_free(r->reload);
    rm_fetches_free(r->fetches);
    rm_policy_cells_free(r->cells);
    rm_conf_free(r->first_conf);
    rm_cache_free(r->cache);
    if (r->discovery)
        rm_loop_free(r->discovery);
    if (r->loop) {
        rm_timer_stop(&r->patience);
        rm_timer_stop(&r->last);
        rm_timer_stop(&r->look);
        rm_fd_del(&r->signals);
        if (r->signals.fd > 0)
            close(r->signals.fd);
        rm_loop_free(r->loop);
    }
    rm_arena_fini(&r->arena);
}

int rm_run(struct rm_conf *conf, const char *path, const struct rm_conf_options *options)
{
    struct run r = {.path = path, .options = *options, .first_conf = conf, .conf = conf};
    rm_arena_init(&r.arena, NULL);
    int rc = run_start(&r, &r.err);
    if (rc == RM_OK) {
        rm_loop_run(r.loop);
        rc = r.err.code;
    }
    if (rc == RM_OK) {
        rm_log(RM_INFO, "stopped");
    } else {
        rm_log(RM_CRITICAL, "cannot start: %s", r.err.text);
        for (uint32_t i = 0; i < r.n_workers; i++)
            rm_worker_stop(r.workers[i].worker);
    }
    run_finish(&r);
    return rc == RM_OK ? RM_EXIT_FINE : rc == RM_ECONF ? RM_EXIT_CONF : RM_EXIT_START;
}
