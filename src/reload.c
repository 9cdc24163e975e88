// Reload: load, check, build, wait for first answers, give to the workers, tell. A world is made and freed on main's loop; its sources
// are acquired and released on the discovery loop, to which it goes and from which it comes back as a message, one at a time.
// SPDX-License-Identifier: Apache-2.0
#include "reload.h"

#include "base/clock.h"
#include "files.h"
#include "front/tls.h"
#include "loop/watch.h"

#include <remora/log.h>

#define RELOAD_ANSWER_US (5 * RM_SEC) // how long the new sources may take
#define RELOAD_LINE 3500              // of findings in the log; /__reload has all
#define RELOAD_WORKERS 1024

struct reload_world {
    struct rm_world world; // first
    struct rm_arena arena; // holds this struct
    struct rm_reload *reload;
    struct rm_list link; // of all
    struct rm_msg msg;
    struct rm_err err; // of acquiring
    struct rm_cache_wait wait;
    struct rm_cache_entry **fresh; // entries that nobody had before
    uint32_t n_fresh;
    uint32_t n_fetches; // of the plan's, acquired
    uint64_t tls_hash;
    uint64_t attempt;
    const char *cause;
    bool answered;
};

struct reload_file {       // of TLS
    struct rm_watch watch; // first
    struct rm_reload *reload;
};

struct reload_change {              // of a worker
    struct rm_worker_change change; // first
    struct rm_reload *reload;
    bool is_away;
};

struct rm_reload {
    struct rm_arena arena; // holds this struct
    struct rm_reload_conf conf;
    struct rm_admin *admin;
    struct rm_reload_status status;
    struct rm_watches *watches;
    struct rm_watch watch; // of the configuration
    struct rm_arena files_arena;
    struct reload_file *files; // of TLS, that the world which serves names
    size_t n_files;
    struct rm_list all;
    struct reload_world *now;     // serves; a reference
    struct reload_world *waiting; // waits for its sources; a reference
    struct reload_world *ready;   // waits until the workers have the one before
    struct reload_world *given;   // on its way to the workers
    struct rm_worker *workers[RELOAD_WORKERS];
    struct reload_change *changes[RELOAD_WORKERS];
    uint32_t n_away;
    uint64_t serial, attempt;
    bool stopped;
};

static void reload_give(struct rm_reload *);
static void reload_watch_files(struct rm_reload *);

// ---- a world's end ---------------------------------------------------------------------------------------------------

static void world_free(struct reload_world *w)
{
    rm_list_remove(&w->link);
    rm_world_fini(&w->world);
    struct rm_arena arena = w->arena;
    rm_arena_fini(&arena);
}

static void world_released(struct rm_msg *msg) // main
{
    world_free(rm_container_of(msg, struct reload_world, msg));
}

static void world_release_entries(struct reload_world *w)
{
    for (uint32_t i = 0; i < w->world.plan->n_sources; i++)
        if (w->world.entries[i])
            rm_cache_release(w->world.entries[i]);
    while (w->n_fetches > 0)
        rm_fetches_release(w->reload->conf.fetches, &w->world.plan->fetches[--w->n_fetches]);
}

static void world_release(struct rm_msg *msg) // discovery
{
    struct reload_world *w = rm_container_of(msg, struct reload_world, msg);
    world_release_entries(w);
    w->msg.deliver = world_released;
    rm_loop_post(w->reload->conf.loop, msg);
}

static void world_gone(struct rm_world *world) // any thread
{
    struct reload_world *w = (struct reload_world *)world;
    w->msg.deliver = world_release;
    rm_loop_post(w->reload->conf.discovery, &w->msg);
}

// ---- a world's beginning ---------------------------------------------------------------------------------------------

// Could the workers open these transports? Then they will.
static int world_try_transports(const struct rm_plan *plan, struct rm_loop *loop, struct rm_err *err)
{
    for (uint32_t i = 0; i < plan->n_transports; i++) {
        void *self;
        struct rm_plan_transport *t = plan->transports[i];
        t->conf.tls_files = rm_hash_client_tls(&t->conf);
        int code = t->ops->open(&self, &t->conf, loop, err);
        if (code != RM_OK)
            return code;
        t->ops->close(self);
    }
    return RM_OK;
}

// What is the same stays, so that sessions can go on by their tickets. On or off is for good (rm_conf_keep).
static int world_set_tls(struct reload_world *w, struct rm_err *err)
{
    struct rm_conf *conf = w->world.plan->conf;
    const struct reload_world *before = w->reload->now;
    w->tls_hash = rm_hash_server_tls(conf);
    if (before && (!before->world.tls || conf->tls.n_keys == 0 || before->tls_hash == w->tls_hash)) {
        w->world.tls = before->world.tls ? rm_tls_ref(before->world.tls) : NULL;
        w->tls_hash = before->tls_hash;
        return RM_OK;
    }
    return conf->tls.n_keys > 0 ? rm_tls_new(&w->world.tls, &conf->tls, err) : RM_OK;
}

// Takes the configuration over, also when it fails.
static int world_new(struct reload_world **out, struct rm_reload *r, struct rm_conf *conf, struct rm_err *err)
{
    struct rm_plan *plan;
    int code = rm_plan_new(&plan, conf, r->conf.bodies, r->conf.cells, err);
    if (code != RM_OK)
        return code;
    if ((code = world_try_transports(plan, r->conf.loop, err)) != RM_OK) {
        rm_plan_unref(plan);
        return code;
    }
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct reload_world *w = RM_NEW(&arena, struct reload_world);
    code = rm_world_init(&w->world, plan, r->conf.debug_endpoint || conf->debug_endpoint, err);
    if (code != RM_OK) {
        rm_arena_fini(&arena);
        return code;
    }
    w->world.serial = ++r->serial;
    w->world.gone = world_gone;
    w->world.entries = RM_NEW_ARRAY(&arena, struct rm_cache_entry *, plan->n_sources);
    w->fresh = RM_NEW_ARRAY(&arena, struct rm_cache_entry *, plan->n_sources);
    w->reload = r;
    w->arena = arena;
    if ((code = world_set_tls(w, err)) != RM_OK) {
        rm_world_fini(&w->world);
        arena = w->arena;
        rm_arena_fini(&arena);
        return code;
    }
    rm_list_push_back(&r->all, &w->link);
    *out = w;
    return RM_OK;
}

static int world_acquire(struct reload_world *w)
{
    const struct rm_plan *plan = w->world.plan;
    struct rm_cache *cache = w->reload->conf.cache;
    for (uint32_t i = 0; i < plan->n_sources; i++) {
        struct rm_cache_state state;
        int code = rm_cache_acquire(cache, &plan->sources[i], &w->world.entries[i], &w->err);
        if (code != RM_OK)
            return code;
        rm_cache_look(w->world.entries[i], &state);
        if (state.users == 1)
            w->fresh[w->n_fresh++] = w->world.entries[i];
    }
    for (; w->n_fetches < plan->n_fetches; w->n_fetches++) {
        int code = rm_fetches_acquire(w->reload->conf.fetches, &plan->fetches[w->n_fetches], &w->err);
        if (code != RM_OK)
            return code;
    }
    rm_cache_set_hold(
        cache, &(struct rm_cache_hold){.failed_us = plan->conf->hold_us, .missing_us = plan->conf->hold_missing_us});
    return RM_OK;
}

// ---- what is told ----------------------------------------------------------------------------------------------------

static void reload_begin(struct rm_reload *r, const char *cause)
{
    r->attempt++;
    rm_arena_fini(&r->status.arena);
    rm_arena_init(&r->status.arena, NULL);
    r->status.found = (struct rm_findings){.arena = &r->status.arena};
    r->status.tried_us = rm_clock_wall_us();
    r->status.cause = cause;
    r->status.failed = r->status.waits = false;
}

// "1: remora.yaml:3:5: error: …; 2: …"
static struct rm_str reload_list(const struct rm_reload *r, struct rm_arena *arena)
{
    struct rm_buf text = {.max = SIZE_MAX};
    for (size_t i = 0; i < r->status.found.n && text.n < RELOAD_LINE; i++) {
        struct rm_str line = rm_finding_format(arena, rm_str_of(r->conf.path), &r->status.found.v[i]);
        int code = rm_buf_printf(&text, "%s%zu: %.*s", i ? "; " : "", i + 1, (int)line.n, line.p);
        RM_ASSERT(code == RM_OK);
    }
    struct rm_str list = rm_arena_dup(arena, rm_buf_str(&text));
    rm_buf_free(&text);
    return list;
}

static void reload_refuse(struct rm_reload *r, const struct rm_err *err)
{
    struct rm_arena scratch;
    rm_arena_init(&scratch, NULL);
    if (err) {
        struct rm_finding all = {
            .is_error = true, .path = RM_STR(""), .text = rm_arena_dup(&r->status.arena, rm_str_of(err->text))};
        struct rm_finding *v = RM_NEW_ARRAY(&r->status.arena, struct rm_finding, r->status.found.n + 1);
        if (r->status.found.n > 0)
            memcpy(v, r->status.found.v, r->status.found.n * sizeof(*v));
        v[r->status.found.n++] = all;
        r->status.found.v = v;
        r->status.found.cap = r->status.found.n;
        r->status.found.n_errors++;
    }
    struct rm_str list = reload_list(r, &scratch);
    r->status.bad++;
    r->status.failed = true;
    r->status.waits = false;
    rm_log(RM_ERROR, "reload refused, the configuration before goes on cause=\"%s\" errors=%zu %.*s", r->status.cause,
           r->status.found.n_errors, (int)list.n, list.p);
    rm_arena_fini(&scratch);
}

static void reload_taken(struct rm_reload *r, const struct reload_world *w)
{
    struct rm_arena scratch;
    rm_arena_init(&scratch, NULL);
    r->status.good++;
    r->status.taken_us = rm_clock_wall_us();
    struct rm_str list = {"", 0};
    size_t warnings = 0;
    if (w->attempt == r->attempt) {
        r->status.waits = false;
        list = reload_list(r, &scratch);
        warnings = r->status.found.n;
    }
    rm_log(warnings ? RM_WARNING : RM_INFO,
           "reloaded cause=\"%s\" endpoints=%u sources=%u world=%llu warnings=%zu%s%.*s", w->cause,
           w->world.plan->n_endpoints, w->world.plan->n_sources, (unsigned long long)w->world.serial, warnings,
           warnings ? " " : "", (int)list.n, list.p);
    const struct rm_conf *conf = w->world.plan->conf;
    rm_log_setup(r->conf.options.debug ? RM_DEBUG : conf->log_level, conf->log_prefix, conf->log_stdout, conf->log_format);
    rm_arena_fini(&scratch);
}

// ---- to the workers --------------------------------------------------------------------------------------------------

static void reload_given(struct rm_reload *r)
{
    struct reload_world *before = r->now;
    r->now = r->given;
    r->given = NULL;
    reload_taken(r, r->now);
    if (r->admin)
        rm_admin_change(r->admin, &r->now->world);
    reload_watch_files(r);
    rm_world_unref(&before->world);
    if (r->ready)
        reload_give(r);
}

static void change_over(struct reload_change *c)
{
    struct rm_reload *r = c->reload;
    c->is_away = false;
    if (c->change.err.code != RM_OK) // what it opens was there a moment ago
        rm_log(RM_ERROR, "a worker keeps the configuration before error=\"%s\"", c->change.err.text);
    if (--r->n_away == 0)
        reload_given(r);
}

static void change_done(struct rm_worker_change *change)
{
    change_over((struct reload_change *)change);
}

static void reload_give(struct rm_reload *r)
{
    if (r->given || !r->ready)
        return;
    r->given = r->ready;
    r->ready = NULL;
    r->n_away = 1; // ours
    for (uint32_t i = 0; i < RELOAD_WORKERS; i++) {
        if (!r->workers[i])
            continue;
        struct reload_change *c = r->changes[i];
        c->change = (struct rm_worker_change){.world = &r->given->world, .back = r->conf.loop, .done = change_done};
        c->is_away = true;
        r->n_away++;
        rm_worker_change(r->workers[i], &c->change);
    }
    if (--r->n_away == 0)
        reload_given(r);
}

// ---- sources ---------------------------------------------------------------------------------------------------------

static void world_dropped(struct reload_world *w)
{
    if (w)
        rm_world_unref(&w->world);
}

static void world_is_there(struct rm_msg *msg) // main
{
    struct reload_world *w = rm_container_of(msg, struct reload_world, msg);
    struct rm_reload *r = w->reload;
    if (r->waiting != w || r->stopped) { // a newer one has taken its place
        if (r->waiting == w)
            r->waiting = NULL;
        world_dropped(w);
        return;
    }
    r->waiting = NULL;
    if (w->err.code != RM_OK) {
        reload_refuse(r, &w->err);
        world_dropped(w);
        return;
    }
    if (!w->answered)
        rm_log(RM_WARNING, "reload: not every new source of hosts has answered: calls to those fail until it does");
    world_dropped(r->ready);
    r->ready = w;
    reload_give(r);
}

static void world_back(struct reload_world *w) // discovery
{
    w->msg.deliver = world_is_there;
    rm_loop_post(w->reload->conf.loop, &w->msg);
}

static void world_answered(struct rm_cache_wait *wait, bool all) // discovery
{
    struct reload_world *w = rm_container_of(wait, struct reload_world, wait);
    w->answered = all;
    world_back(w);
}

static void world_open(struct rm_msg *msg) // discovery
{
    struct reload_world *w = rm_container_of(msg, struct reload_world, msg);
    w->answered = true;
    if (world_acquire(w) != RM_OK || w->n_fresh == 0) {
        world_back(w);
        return;
    }
    w->wait.done = world_answered;
    rm_cache_wait_start(w->reload->conf.cache, &w->wait, w->fresh, w->n_fresh, RELOAD_ANSWER_US);
}

// ---- loading ---------------------------------------------------------------------------------------------------------

// Takes the configuration over; NULL, or with errors in what was found: it is refused.
static void reload_take(struct rm_reload *r, struct rm_conf *conf, const char *cause)
{
    struct reload_world *w;
    struct rm_err err = {0};
    if (conf)
        rm_conf_check_files(conf, &r->status.found, rm_tls_check_pair);
    if (!conf || r->status.found.n_errors > 0) {
        rm_conf_free(conf);
        reload_refuse(r, NULL);
        return;
    }
    rm_conf_keep(conf, r->now->world.plan->conf, &r->status.found);
    if (world_new(&w, r, conf, &err) != RM_OK) {
        reload_refuse(r, &err);
        return;
    }
    w->attempt = r->attempt;
    w->cause = cause;
    r->status.waits = true;
    r->waiting = w; // the one before is dropped when it comes back
    w->msg.deliver = world_open;
    rm_loop_post(r->conf.discovery, &w->msg);
}

void rm_reload_now(struct rm_reload *r, const char *cause)
{
    if (r->stopped)
        return;
    struct rm_conf *conf = NULL;
    reload_begin(r, cause);
    if (rm_conf_load(r->conf.path, &r->conf.options, &conf, &r->status.found, &r->status.arena) != RM_OK)
        conf = NULL;
    reload_take(r, conf, cause);
}

static void reload_file_changed(struct rm_watch *watch)
{
    rm_reload_now(rm_container_of(watch, struct rm_reload, watch), "file changed");
}

// ---- files of TLS ----------------------------------------------------------------------------------------------------

// The text that serves, not the file's: that one may be bad just now, and a certificate does not wait for it.
static void reload_tls_changed(struct rm_watch *watch)
{
    struct rm_reload *r = ((struct reload_file *)watch)->reload;
    const struct rm_doc *doc = &r->now->world.plan->conf->doc;
    struct rm_conf *conf = NULL;
    if (r->stopped || r->waiting || r->ready || r->given) {
        rm_reload_now(r, "TLS file changed"); // a newer text is on its way already
        return;
    }
    reload_begin(r, "TLS file changed");
    if (rm_conf_parse(doc->file, doc->text, &r->conf.options, &conf, &r->status.found, &r->status.arena) != RM_OK)
        conf = NULL;
    reload_take(r, conf, r->status.cause);
}

static void reload_watch_file(struct rm_reload *r, struct rm_str path)
{
    struct reload_file *file = &r->files[r->n_files];
    if (path.n == 0)
        return;
    *file = (struct reload_file){.watch.changed = reload_tls_changed, .reload = r};
    rm_watch_start(r->watches, &file->watch, rm_arena_cstr(&r->files_arena, path));
    r->n_files++;
}

static void reload_forget_files(struct rm_reload *r)
{
    while (r->n_files > 0)
        rm_watch_stop(&r->files[--r->n_files].watch);
    rm_arena_fini(&r->files_arena);
}

static void reload_watch_files(struct rm_reload *r)
{
    const struct rm_plan *plan = r->now->world.plan;
    size_t n = 0;
    if (!r->watches)
        return;
    reload_forget_files(r);
    rm_arena_init(&r->files_arena, NULL);
    const struct rm_conf_server_tls *tls = &plan->conf->tls;
    n += 2 * tls->n_keys + tls->ca_certs.n;
    for (uint32_t i = 0; i < plan->n_transports; i++)
        n += plan->transports[i]->conf.n_tls_ca_files + 2;
    r->files = RM_NEW_ARRAY(&r->files_arena, struct reload_file, n);
    for (uint32_t i = 0; i < plan->n_transports; i++) {
        const struct rm_transport_conf *conf = &plan->transports[i]->conf;
        reload_watch_file(r, conf->tls_cert_file);
        reload_watch_file(r, conf->tls_key_file);
        for (size_t k = 0; k < conf->n_tls_ca_files; k++)
            reload_watch_file(r, conf->tls_ca_files[k]);
    }
    for (size_t i = 0; i < tls->n_keys && r->now->world.tls; i++) {
        reload_watch_file(r, tls->keys[i].certificate);
        reload_watch_file(r, tls->keys[i].key);
    }
    for (size_t i = 0; i < tls->ca_certs.n && r->now->world.tls; i++)
        reload_watch_file(r, tls->ca_certs.v[i]);
}

// ---- reload.h --------------------------------------------------------------------------------------------------------

int rm_reload_new(struct rm_reload **out, const struct rm_reload_conf *conf, struct rm_conf *first, struct rm_err *err)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_reload *r = RM_NEW(&arena, struct rm_reload);
    r->arena = arena;
    r->conf = *conf;
    rm_list_init(&r->all);
    rm_arena_init(&r->status.arena, NULL);
    rm_arena_init(&r->files_arena, NULL);
    r->status.file = conf->path;
    r->status.cause = "start";
    r->status.taken_us = r->status.tried_us = rm_clock_wall_us();
    int code = world_new(&r->now, r, first, err);
    if (code == RM_OK && (code = world_acquire(r->now)) != RM_OK && err)
        *err = r->now->err;
    if (code != RM_OK) {
        rm_reload_free(r);
        return code;
    }
    *out = r;
    return RM_OK;
}

void rm_reload_start(struct rm_reload *r, struct rm_admin *admin)
{
    r->admin = admin;
    r->watches = rm_watches_new(r->conf.loop);
    r->watch.changed = reload_file_changed;
    rm_watch_start(r->watches, &r->watch, r->conf.path);
    reload_watch_files(r);
    if (!rm_file_says(r->conf.path, r->now->world.plan->conf->doc.text))
        rm_reload_now(r, "file changed");
}

void rm_reload_add_worker(struct rm_reload *r, struct rm_worker *worker, uint32_t index)
{
    RM_ASSERT(index < RELOAD_WORKERS && !r->workers[index]);
    r->workers[index] = worker;
    r->changes[index] = RM_NEW(&r->arena, struct reload_change);
    r->changes[index]->reload = r;
}

void rm_reload_worker_gone(struct rm_reload *r, uint32_t index)
{
    struct rm_worker *worker = r->workers[index];
    r->workers[index] = NULL;
    if (r->changes[index]->is_away && rm_worker_take_back(worker, &r->changes[index]->change))
        change_over(r->changes[index]);
}

void rm_reload_stop(struct rm_reload *r)
{
    r->stopped = true;
    rm_watch_stop(&r->watch);
    reload_forget_files(r);
}

struct rm_world *rm_reload_world(const struct rm_reload *r)
{
    return &r->now->world;
}

const struct rm_reload_status *rm_reload_status(const struct rm_reload *r)
{
    return &r->status;
}

void rm_reload_free(struct rm_reload *r)
{
    if (!r)
        return;
    rm_reload_stop(r);
    rm_watches_free(r->watches);
    while (!rm_list_empty(&r->all)) { // whatever state they are in
        struct reload_world *w = rm_container_of(r->all.next, struct reload_world, link);
        rm_cache_wait_stop(&w->wait);
        if (w->msg.deliver != world_released)
            world_release_entries(w);
        world_free(w);
    }
    rm_arena_fini(&r->status.arena);
    struct rm_arena arena = r->arena;
    rm_arena_fini(&arena);
}
