// The state machine: list (page after page) → watch → wait → watch again, or list again where the version is of no use any more.
// A list is gathered apart from what is in use, and takes its place as a whole.
// SPDX-License-Identifier: Apache-2.0
#include "sd/k8s_watch.h"

#include "base/clock.h"
#include "base/pct.h"

#include <remora/log.h>
#include <sys/random.h>

#define PAGE_SLICES 50U // of at most 1,000 endpoints each, mostly of 100: 25 KB
#define VERSION_MOST 1024
#define MORE_MOST ((size_t)64 << 10)
#define REFUSAL_MOST ((size_t)64 << 10)
#define RESUMES_MOST 3 // refused or broken one after the other: then the version itself is doubted

const char *const rm_k8s_reason_names[RM_K8S_REASONS] = {
    [RM_K8S_END] = "end",       [RM_K8S_CUT] = "cut",         [RM_K8S_IDLE] = "idle",    [RM_K8S_GONE] = "gone",
    [RM_K8S_FUTURE] = "future", [RM_K8S_REFUSED] = "refused", [RM_K8S_BROKEN] = "broken"};

struct rm_k8s_watch {
    struct rm_arena arena; // holds this struct and its texts
    struct rm_loop *loop;
    struct rm_api *api;
    struct rm_k8s_times times;
    struct rm_k8s_watch_owner *owner;
    struct rm_str namespace_;
    struct rm_str path, selector; // selector: percent-encoded

    struct rm_api_call call;
    bool lists;            // the call, or the next one, is a list
    struct rm_timer again; // after a failure
    struct rm_timer guard; // nothing comes any more
    struct rm_buf body;    // of a page, or of a refusal
    struct rm_k8s_lines lines;
    struct rm_buf version; // resourceVersion: somebody else's text, never compared, never from an item of a list
    struct rm_buf more;    // the list's next page; empty: the first one
    uint32_t page_slices;  // 0: no pages
    bool from_cache;       // the list may be what the server has in memory (its store does not answer)

    struct rm_k8s_store store, fresh; // in use; being gathered
    bool is_synced;
    bool retried;       // a 401 was answered with the token read again
    bool was_away;      // the last watch ended without an answer, or in the middle of one
    uint32_t failures;  // for the back-off
    uint32_t resumes;   // that got nowhere
    uint64_t opened_us; // of the watch; 0: not yet
    uint64_t before;    // events, when it was opened
    struct rm_err stop; // why `data` stopped the call
    enum rm_k8s_reason stop_reason;
    int trouble; // what was logged last: a status or a negative code; 0: none
    bool trouble_lists;
    struct rm_k8s_counts counts;
};

static void watch_ask(struct rm_k8s_watch *);

// ---- time ------------------------------------------------------------------------------------------------------------

static uint64_t watch_now(const struct rm_k8s_watch *watch)
{
    return rm_loop_now_us(watch->loop);
}

static uint64_t random_below(uint64_t most)
{
    uint64_t random = 0;
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
        random = rm_clock_us();
    return most > 0 ? random % most : 0;
}

static void watch_guard(struct rm_k8s_watch *watch)
{
    uint64_t most_us = watch->lists           ? watch->times.stall_us
                       : watch->opened_us > 0 ? watch->times.idle_us
                                              : watch->times.head_us;
    rm_timer_start(watch->loop, &watch->guard, watch_now(watch) + most_us);
}

// A random share of a time that doubles: a thousand sidecars whose API server went away do not come back together.
static uint64_t watch_backoff(struct rm_k8s_watch *watch)
{
    uint64_t most = watch->times.first_us;
    for (uint32_t i = 0; i < watch->failures && most < watch->times.most_us; i++)
        most *= 2;
    watch->failures++;
    return random_below((most < watch->times.most_us ? most : watch->times.most_us) + 1);
}

static void watch_wait(struct rm_k8s_watch *watch, uint64_t wait_us)
{
    rm_timer_start(watch->loop, &watch->again, watch_now(watch) + wait_us);
}

// ---- what the log says: one line for each change ----------------------------------------------------------------------

static void watch_is_well(struct rm_k8s_watch *watch)
{
    if (watch->trouble != 0)
        rm_log(RM_INFO,
               "kubernetes: endpointslices are watched again verb=watch resource=endpointslices namespace=%.*s",
               (int)watch->namespace_.n, watch->namespace_.p);
    if (watch->trouble != 0)
        watch->owner->confirmed(watch->owner);
    watch->trouble = 0;
    watch->retried = false;
}

static void watch_complain(struct rm_k8s_watch *watch, int what, const struct rm_err *err)
{
    const char *verb = watch->lists ? "list" : "watch";
    if (what == RM_ERESET || what == RM_ETIMEOUT) // cut, refused, silent: away is away
        what = RM_ECONNECT;
    if (watch->trouble != what || watch->trouble_lists != watch->lists)
        rm_log(RM_WARNING,
               "kubernetes: cannot %s endpointslices verb=%s resource=endpointslices namespace=%.*s status=%d%s "
               "error=\"%s\" hosts=%s",
               verb, verb, (int)watch->namespace_.n, watch->namespace_.p, what > 0 ? what : 0,
               what == 403
                   ? " hint=\"the ServiceAccount needs a Role with list and watch on endpointslices.discovery.k8s.io\""
                   : "",
               err->text, watch->is_synced ? "kept" : "none");
    watch->trouble = what;
    watch->trouble_lists = watch->lists;
    watch->owner->failed(watch->owner, err);
}

// ---- asking ------------------------------------------------------------------------------------------------------------

static void watch_ask(struct rm_k8s_watch *watch)
{
    struct rm_arena scratch;
    rm_arena_init(&scratch, NULL);
    struct rm_str target;
    watch->body.n = 0;
    watch->stop = (struct rm_err){0};
    watch->opened_us = 0;
    if (watch->lists) {
        struct rm_str more = rm_pct_encode_query(&scratch, rm_buf_str(&watch->more));
        struct rm_str limit = {"", 0};
        if (watch->from_cache)
            limit = RM_STR("&resourceVersion=0"); // no pages there
        else if (watch->page_slices > 0)
            limit = rm_arena_printf(&scratch, "&limit=%u%s%.*s", watch->page_slices, more.n ? "&continue=" : "",
                                    (int)more.n, more.n ? more.p : "");
        target = rm_arena_printf(&scratch, "%.*s?labelSelector=%.*s%.*s", (int)watch->path.n, watch->path.p,
                                 (int)watch->selector.n, watch->selector.p, (int)limit.n, limit.p);
        if (watch->more.n == 0)
            rm_k8s_store_free(&watch->fresh);
    } else {
        struct rm_str version = rm_pct_encode_query(&scratch, rm_buf_str(&watch->version));
        uint64_t seconds = watch->times.least_s + random_below(watch->times.longest_s - watch->times.least_s + 1);
        rm_k8s_lines_free(&watch->lines);
        target = rm_arena_printf(
            &scratch,
            "%.*s?watch=true&allowWatchBookmarks=true&timeoutSeconds=%u&resourceVersion=%.*s&labelSelector=%.*s",
            (int)watch->path.n, watch->path.p, (unsigned)seconds, (int)version.n, version.p, (int)watch->selector.n,
            watch->selector.p);
    }
    watch->call.compress = watch->lists;
    watch->api->start(watch->api, &watch->call, target);
    rm_arena_fini(&scratch);
    watch_guard(watch);
}

static void watch_again(struct rm_timer *timer)
{
    watch_ask(rm_container_of(timer, struct rm_k8s_watch, again));
}

static void watch_list(struct rm_k8s_watch *watch)
{
    watch->lists = true;
    watch->more.n = 0;
    watch->resumes = 0;
}

// ---- a watch's lines ---------------------------------------------------------------------------------------------------

static int watch_stop(struct rm_k8s_watch *watch, enum rm_k8s_reason reason, int code, const char *text)
{
    watch->stop_reason = reason;
    return rm_fail(&watch->stop, code, "%s", text);
}

static int watch_take_version(struct rm_k8s_watch *watch, struct rm_str version)
{
    watch->version.n = 0;
    return rm_buf_append(&watch->version, version);
}

static int watch_apply(struct rm_k8s_watch *watch, struct rm_k8s_event *event)
{
    struct rm_k8s_slice *slice = event->slice, *old = NULL;
    if (event->kind == RM_K8S_PUT)
        old = rm_k8s_store_put(&watch->store, slice);
    else if (event->kind == RM_K8S_DELETE)
        old = rm_k8s_store_take(&watch->store, slice->namespace_, slice->name);
    if (old) // it may have been another service's
        watch->owner->changed(watch->owner, old->service);
    if (event->kind == RM_K8S_PUT && (!old || !rm_str_eq(old->service, slice->service)))
        watch->owner->changed(watch->owner, slice->service);
    rm_k8s_slice_free(old);
    if (event->kind == RM_K8S_DELETE)
        rm_k8s_slice_free(slice);
    return watch_take_version(watch, event->version);
}

static int watch_error(struct rm_k8s_watch *watch, const struct rm_k8s_status *status)
{
    char text[200];
    struct rm_str message = status->message.n > 0 ? status->message : status->reason;
    struct rm_err err;
    (void)rm_fail(&err, RM_ESTATUS, "%d %.*s", status->code, (int)(message.n < 150 ? message.n : 150), message.p);
    memcpy(text, err.text, sizeof(text));
    enum rm_k8s_reason reason = status->code == 410 ? RM_K8S_GONE : status->is_future ? RM_K8S_FUTURE : RM_K8S_REFUSED;
    int code = watch_stop(watch, reason, RM_ESTATUS, text);
    watch->stop.status = status->code;
    return code;
}

static int watch_line(void *arg, struct rm_str line)
{
    struct rm_k8s_watch *watch = arg;
    struct rm_arena scratch;
    struct rm_k8s_event event;
    struct rm_err err;
    rm_arena_init(&scratch, NULL);
    int code = rm_k8s_event_parse(&scratch, line, &event, &err);
    if (code != RM_OK) {
        code = watch_stop(watch, RM_K8S_BROKEN, code, err.text);
    } else if (event.kind == RM_K8S_ERROR) {
        code = watch_error(watch, &event.error);
    } else {
        watch->counts.events++;
        watch->counts.heard_us = watch_now(watch);
        watch->resumes = 0;
        watch_guard(watch);
        if (event.kind != RM_K8S_OTHER)
            code = watch_apply(watch, &event);
        if (event.kind == RM_K8S_BOOKMARK)
            watch->owner->confirmed(watch->owner);
    }
    rm_arena_fini(&scratch);
    return code;
}

static void watch_head(struct rm_api_call *call)
{
    struct rm_k8s_watch *watch = rm_container_of(call, struct rm_k8s_watch, call);
    if (call->status != 200)
        return;
    watch->opened_us = watch_now(watch);
    watch->before = watch->counts.events;
    watch_guard(watch);
    if (!watch->lists)
        watch_is_well(watch);
}

static int watch_data(struct rm_api_call *call, struct rm_str data)
{
    struct rm_k8s_watch *watch = rm_container_of(call, struct rm_k8s_watch, call);
    int code;
    if (call->status != 200) {
        if (watch->body.n + data.n <= REFUSAL_MOST)
            return rm_buf_append(&watch->body, data);
        return RM_OK;
    }
    if (watch->lists) {
        watch_guard(watch);
        code = rm_buf_append(&watch->body, data);
    } else {
        code = rm_k8s_lines_feed(&watch->lines, data, watch_line, watch);
    }
    if (code != RM_OK && watch->stop.code == RM_OK)
        code = watch_stop(watch, RM_K8S_BROKEN, code, watch->lists ? "a page over 16 MiB" : "an event over 16 MiB");
    return code;
}

// ---- the end of a call ---------------------------------------------------------------------------------------------------

// Another status than 200. Its text is a Status object, or plain text where a proxy or the server's own queue refuses.
static void watch_refusal(struct rm_k8s_watch *watch, struct rm_err *err, struct rm_k8s_status *status)
{
    struct rm_arena scratch;
    rm_arena_init(&scratch, NULL);
    struct rm_str body = rm_buf_str(&watch->body);
    rm_k8s_status_parse(&scratch, body, status);
    struct rm_str text = status->message.n > 0 ? status->message : body;
    while (text.n > 0 && (unsigned char)text.p[text.n - 1] <= ' ')
        text.n--;
    (void)rm_fail(err, RM_ESTATUS, "%d %.*s", watch->call.status, (int)(text.n < 180 ? text.n : 180),
                  text.n ? text.p : "");
    err->status = watch->call.status;
    rm_arena_fini(&scratch);
}

static void watch_reopen(struct rm_k8s_watch *watch, enum rm_k8s_reason reason)
{
    watch->counts.reopened[reason]++;
    if (reason == RM_K8S_GONE || reason == RM_K8S_FUTURE) {
        rm_log(RM_INFO, "kubernetes: endpointslices are listed again namespace=%.*s reason=%s",
               (int)watch->namespace_.n, watch->namespace_.p, rm_k8s_reason_names[reason]);
        watch_list(watch);
    } else if (reason == RM_K8S_REFUSED || reason == RM_K8S_BROKEN) {
        if (++watch->resumes >= RESUMES_MOST)
            watch_list(watch);
    }
}

static void watch_take_page(struct rm_k8s_watch *watch)
{
    struct rm_arena scratch;
    struct rm_k8s_page page;
    struct rm_err err;
    rm_arena_init(&scratch, NULL);
    int code = rm_k8s_page_parse(&scratch, rm_buf_str(&watch->body), &page, &err);
    rm_buf_free(&watch->body);
    for (size_t i = 0; i < page.n; i++)
        rm_k8s_slice_free(rm_k8s_store_put(&watch->fresh, page.slices[i]));
    watch->more.n = 0;
    if (code == RM_OK && ((code = rm_buf_append(&watch->more, page.more)) != RM_OK ||
                          (code = watch_take_version(watch, page.version)) != RM_OK))
        (void)rm_fail(&err, code, "a list with a version or a continue of more than %zu KiB", MORE_MOST >> 10);
    rm_arena_fini(&scratch);
    if (code != RM_OK) {
        watch->more.n = 0;
        watch_complain(watch, code, &err);
        watch_wait(watch, watch_backoff(watch));
        return;
    }
    watch->counts.heard_us = watch_now(watch);
    if (watch->more.n > 0) {
        watch_ask(watch);
        return;
    }
    rm_k8s_store_free(&watch->store);
    while (!rm_list_empty(&watch->fresh.slices)) {
        struct rm_list *first = watch->fresh.slices.next;
        rm_list_remove(first);
        rm_list_push_back(&watch->store.slices, first);
    }
    watch->is_synced = true;
    watch->counts.lists++;
    watch->lists = false;
    watch->from_cache = false;
    watch->page_slices = PAGE_SLICES;
    watch_ask(watch);
    watch->owner->synced(watch->owner);
}

static void watch_list_done(struct rm_k8s_watch *watch)
{
    const struct rm_api_call *call = &watch->call;
    struct rm_err err = watch->stop.code != RM_OK ? watch->stop : call->err;
    struct rm_k8s_status status = {0};
    int what = err.code;
    if (err.code == RM_OK && call->status == 200) {
        watch_take_page(watch);
        return;
    }
    if (err.code == RM_ETOOBIG && watch->page_slices != 1) {
        watch->page_slices = watch->page_slices > 8 ? watch->page_slices / 8 : 1;
        watch_list(watch);
        watch_ask(watch);
        return;
    }
    if (err.code == RM_OK) {
        watch_refusal(watch, &err, &status);
        what = call->status;
    }
    if (what == 401 && !watch->retried) { // the token was changed: it is read again for each request
        watch->retried = true;
        watch_ask(watch);
        return;
    }
    bool was_further = watch->more.n > 0;
    watch_list(watch);
    if (what == 410 && was_further) { // pages are no longer of one version: all at once
        watch->page_slices = 0;
        watch_ask(watch);
        return;
    }
    // The store behind the server may be what does not answer; what the server has in memory is better than nothing.
    watch->from_cache = (what == RM_ETIMEOUT || what >= 500) && !watch->from_cache;
    watch_complain(watch, what, &err);
    uint64_t wait_us = watch_backoff(watch);
    if (call->retry_after_us > 0)
        wait_us += call->retry_after_us;
    watch_wait(watch, wait_us);
}

static void watch_watch_done(struct rm_k8s_watch *watch)
{
    const struct rm_api_call *call = &watch->call;
    struct rm_err err = watch->stop.code != RM_OK ? watch->stop : call->err;
    struct rm_k8s_status status = {0};
    uint64_t lived_us = watch->opened_us > 0 ? watch_now(watch) - watch->opened_us : 0;
    enum rm_k8s_reason reason = watch->stop.code != RM_OK ? watch->stop_reason : RM_K8S_CUT;
    int what = err.code;
    bool was_away = watch->was_away;
    watch->was_away = watch->stop.code == RM_OK && call->err.code != RM_OK;
    if (lived_us >= watch->times.healthy_us)
        watch->failures = 0;
    if (err.code == RM_OK && call->status == 200) {
        watch_reopen(watch, RM_K8S_END);
        bool is_short = lived_us<watch->times.short_us, was_useful = watch->counts.events> watch->before;
        watch_wait(watch, !is_short ? 0 : was_useful ? random_below(watch->times.short_us) : watch_backoff(watch));
        return;
    }
    if (err.code == RM_OK) {
        watch_refusal(watch, &err, &status);
        what = call->status;
        reason = what == 410 ? RM_K8S_GONE : status.is_future ? RM_K8S_FUTURE : RM_K8S_REFUSED;
    } else if (err.status > 0) {
        what = err.status;
    }
    if (what == 401 && !watch->retried) {
        watch->retried = true;
        watch_ask(watch);
        return;
    }
    if (what == 401 || what == 403 || what == 429) // these say nothing against the version
        watch->resumes = 0;
    if (reason == RM_K8S_IDLE && watch->opened_us > 0 && watch->counts.events == watch->before)
        reason = RM_K8S_FUTURE; // opened, and not even a bookmark came: so is a version answered that is yet to come
    if (reason != RM_K8S_GONE)
        watch_complain(watch, what, &err);
    else if (was_away) // a server that has started anew: that random wait is over, the list needs no second one
        watch->failures = 0;
    watch_reopen(watch, reason);
    uint64_t wait_us = watch_backoff(watch);
    if (call->retry_after_us > 0)
        wait_us += call->retry_after_us;
    watch_wait(watch, wait_us);
}

static void watch_done(struct rm_api_call *call)
{
    struct rm_k8s_watch *watch = rm_container_of(call, struct rm_k8s_watch, call);
    rm_timer_stop(&watch->guard);
    if (watch->lists)
        watch_list_done(watch);
    else
        watch_watch_done(watch);
}

static void watch_silent(struct rm_timer *timer)
{
    struct rm_k8s_watch *watch = rm_container_of(timer, struct rm_k8s_watch, guard);
    watch->api->cancel(watch->api, &watch->call);
    (void)watch_stop(watch, RM_K8S_IDLE, RM_ETIMEOUT, "nothing comes any more");
    watch_done(&watch->call);
}

// ---- its life ------------------------------------------------------------------------------------------------------------

struct rm_k8s_watch *rm_k8s_watch_new(struct rm_loop *loop, struct rm_api *api, const struct rm_k8s_times *times,
                                      struct rm_str namespace_, const struct rm_str *services, size_t n_services,
                                      struct rm_k8s_watch_owner *owner)
{
    struct rm_arena arena;
    struct rm_buf selector;
    rm_arena_init(&arena, NULL);
    struct rm_k8s_watch *watch = RM_NEW(&arena, struct rm_k8s_watch);
    watch->arena = arena;
    watch->loop = loop;
    watch->api = api;
    watch->times = *times;
    watch->owner = owner;
    watch->namespace_ = rm_arena_dup(&watch->arena, namespace_);
    watch->path = rm_arena_printf(&watch->arena, "/apis/discovery.k8s.io/v1/namespaces/%.*s/endpointslices",
                                  (int)namespace_.n, namespace_.p);
    // kubernetes.io/service-name in (a,b): nobody is told of services that the configuration does not name.
    rm_buf_init(&selector, SIZE_MAX / 2, NULL);
    for (size_t i = 0; i < n_services; i++)
        RM_ASSERT(rm_buf_printf(&selector, "%s%.*s", i ? "," : "", (int)services[i].n, services[i].p) == RM_OK);
    watch->selector =
        rm_arena_printf(&watch->arena, "kubernetes.io%%2Fservice-name%%20in%%20(%.*s)", (int)selector.n, selector.p);
    rm_buf_free(&selector);
    watch->call = (struct rm_api_call){.head = watch_head, .data = watch_data, .done = watch_done};
    watch->again.fire = watch_again;
    watch->guard.fire = watch_silent;
    rm_buf_init(&watch->body, RM_K8S_TEXT_MOST, NULL);
    rm_buf_init(&watch->version, VERSION_MOST, NULL);
    rm_buf_init(&watch->more, MORE_MOST, NULL);
    rm_k8s_lines_init(&watch->lines, RM_K8S_TEXT_MOST);
    rm_k8s_store_init(&watch->store);
    rm_k8s_store_init(&watch->fresh);
    watch->page_slices = PAGE_SLICES;
    watch_list(watch);
    watch_ask(watch);
    return watch;
}

void rm_k8s_watch_free(struct rm_k8s_watch *watch)
{
    if (!watch)
        return;
    watch->api->cancel(watch->api, &watch->call);
    rm_timer_stop(&watch->again);
    rm_timer_stop(&watch->guard);
    rm_buf_free(&watch->body);
    rm_buf_free(&watch->version);
    rm_buf_free(&watch->more);
    rm_k8s_lines_free(&watch->lines);
    rm_k8s_store_free(&watch->store);
    rm_k8s_store_free(&watch->fresh);
    struct rm_arena arena = watch->arena;
    rm_arena_fini(&arena);
}

const struct rm_k8s_store *rm_k8s_watch_store(const struct rm_k8s_watch *watch)
{
    return watch->is_synced ? &watch->store : NULL;
}

const struct rm_k8s_counts *rm_k8s_watch_counts(const struct rm_k8s_watch *watch)
{
    return &watch->counts;
}
