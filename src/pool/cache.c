// The resolver cache. Owns the entries, their providers and the last good lists; one lock guards what subscribers' threads see
// of it: the list of entries, each entry's current list and its subscriptions. Never taken on the request path.
// SPDX-License-Identifier: Apache-2.0
#include "pool/cache.h"

#include "base/clock.h"
#include "loop/thread.h"
#include "pool/cell.h"
#include "pool/news.h"
#include "pool/snapshot.h"
#include "pool/source.h"

#define CACHE_HOLD_MISSING_US (30 * RM_SEC)
#define CACHE_NAME_MAX 120

struct rm_cache {
    struct rm_arena arena; // holds this struct
    struct rm_loop *loop;
    struct rm_lock lock;
    struct rm_list entries; // in order of acquisition; under the lock
    struct rm_list waits;
    struct rm_cache_hold hold;
};

struct rm_cache_entry {
    struct rm_arena arena; // holds this struct and the source
    struct rm_list link;
    struct rm_cache *cache;
    struct rm_source source;
    struct rm_sd_sink sink;
    const struct rm_sd_ops *ops;
    void *self; // the provider
    uint32_t users;
    struct rm_cells *cells;
    struct rm_timer hold;     // runs while the provider fails and the list has an end
    uint64_t missing_us;      // when it was said first that there is no such name, after the last answer; 0: it was not
    struct rm_snapshot *list; // under the lock when changed
    struct rm_list subs;      // under the lock
    struct rm_err outcome;
    uint32_t failures;
    uint64_t serial, answered_us, changed_us, failed_us;
    uint64_t refreshes[RM_CACHE_OUTCOMES]; // by -code
    const char *name;
    struct rm_news news;
    struct rm_task tell; // at the end of a turn in which the provider said something
    bool is_local;       // its first list came from inside open
};

// ---- sources ---------------------------------------------------------------------------------------------------------

static struct rm_source source_copy(struct rm_arena *arena, const struct rm_source *source)
{
    struct rm_str *hosts = RM_NEW_ARRAY(arena, struct rm_str, source->n_hosts);
    for (size_t i = 0; i < source->n_hosts; i++)
        hosts[i] = rm_arena_dup(arena, source->hosts[i]);
    return (struct rm_source){
        .provider = rm_arena_dup(arena, source->provider),
        .hosts = hosts,
        .n_hosts = source->n_hosts,
        .scheme = rm_arena_dup(arena, source->scheme),
        .refresh_us = source->refresh_us,
    };
}

static struct rm_cache_entry *cache_find(struct rm_cache *cache, const struct rm_source *source)
{
    RM_LIST_FOR (node, &cache->entries) {
        struct rm_cache_entry *entry = rm_container_of(node, struct rm_cache_entry, link);
        if (rm_source_same(&entry->source, source))
            return entry;
    }
    return NULL;
}

// ---- what the provider says ----------------------------------------------------------------------------------------------

static void wait_check(struct rm_cache_wait *);

static void entry_tell(struct rm_task *task)
{
    struct rm_cache_entry *entry = rm_container_of(task, struct rm_cache_entry, tell);
    rm_news_tell(&entry->news, entry->name, entry->list, &entry->outcome, entry->is_local);
}

static void entry_has_news(struct rm_cache_entry *entry)
{
    if (!entry->tell.queued)
        rm_task_queue(entry->cache->loop, &entry->tell);
}

static void entry_count(struct rm_cache_entry *entry, int code)
{
    RM_ASSERT(code <= RM_OK && -code < RM_CACHE_OUTCOMES);
    entry->refreshes[-code]++;
    entry_has_news(entry);
}

// Takes a list over as the newest.
static void entry_set(struct rm_cache_entry *entry, struct rm_snapshot *list)
{
    struct rm_cache *cache = entry->cache;
    struct rm_snapshot *old = entry->list;
    if (old && rm_snapshot_equal(old, list)) {
        rm_snapshot_unref(list);
        return;
    }
    list->serial = ++entry->serial; // nobody else knows it yet
    rm_cells_attach(entry->cells, list, old);
    entry->changed_us = rm_loop_now_us(cache->loop);
    rm_lock_take(&cache->lock);
    entry->list = list;
    RM_LIST_FOR (node, &entry->subs) {
        struct rm_cache_sub *sub = rm_container_of(node, struct rm_cache_sub, link);
        if (sub->pending) // not taken yet: the message that is on its way brings the newer list
            rm_snapshot_unref(sub->pending);
        else
            rm_loop_post(sub->loop, &sub->news);
        sub->pending = rm_snapshot_ref(list);
    }
    rm_lock_give(&cache->lock);
    rm_snapshot_unref(old);
    if (!old) {
        RM_LIST_FOR (node, &cache->waits)
            wait_check(rm_container_of(node, struct rm_cache_wait, link));
    }
}

static void entry_publish(struct rm_sd_sink *sink, struct rm_snapshot *list)
{
    struct rm_cache_entry *entry = rm_container_of(sink, struct rm_cache_entry, sink);
    entry->answered_us = rm_loop_now_us(entry->cache->loop);
    entry->outcome = (struct rm_err){0};
    entry->failures = 0;
    entry->missing_us = 0;
    rm_timer_stop(&entry->hold);
    entry_count(entry, RM_OK);
    entry_set(entry, list);
}

// When a list that cannot be confirmed is given up; 0: never. One that is half good is confirmed as far as it goes.
static uint64_t entry_held_until(const struct rm_cache_entry *entry)
{
    const struct rm_cache_hold *hold = &entry->cache->hold;
    if (entry->outcome.code == RM_EPART)
        return 0;
    uint64_t failed_us = hold->failed_us && entry->answered_us ? entry->answered_us + hold->failed_us : 0;
    uint64_t missing_us = entry->missing_us ? entry->missing_us + hold->missing_us : 0;
    return failed_us && (!missing_us || failed_us < missing_us) ? failed_us : missing_us;
}

static void entry_give_up(struct rm_timer *timer)
{
    struct rm_cache_entry *entry = rm_container_of(timer, struct rm_cache_entry, hold);
    entry_set(entry, rm_snapshot_new(NULL, 0));
    entry_has_news(entry);
}

static void entry_failed(struct rm_sd_sink *sink, const struct rm_err *err)
{
    struct rm_cache_entry *entry = rm_container_of(sink, struct rm_cache_entry, sink);
    struct rm_loop *loop = entry->cache->loop;
    entry->outcome = *err;
    entry->failed_us = rm_loop_now_us(loop);
    entry->failures++;
    if (err->code == RM_EPART)
        entry->missing_us = 0;
    else if (err->code == RM_ENOHOST && entry->missing_us == 0)
        entry->missing_us = entry->failed_us;
    uint64_t until_us = entry_held_until(entry);
    if (until_us > 0)
        rm_timer_start(loop, &entry->hold, until_us);
    else
        rm_timer_stop(&entry->hold);
    entry_count(entry, err->code);
}

// ---- entries ---------------------------------------------------------------------------------------------------------

struct rm_cache *rm_cache_new(struct rm_loop *discovery)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_cache *cache = RM_NEW(&arena, struct rm_cache);
    cache->arena = arena;
    cache->loop = discovery;
    rm_lock_init(&cache->lock);
    rm_list_init(&cache->entries);
    rm_list_init(&cache->waits);
    cache->hold.missing_us = CACHE_HOLD_MISSING_US;
    return cache;
}

void rm_cache_set_hold(struct rm_cache *cache, const struct rm_cache_hold *hold)
{
    cache->hold = *hold;
}

void rm_cache_free(struct rm_cache *cache)
{
    if (!cache)
        return;
    RM_ASSERT(rm_list_empty(&cache->entries) && rm_list_empty(&cache->waits));
    rm_lock_fini(&cache->lock);
    struct rm_arena arena = cache->arena;
    rm_arena_fini(&arena);
}

static void entry_free(struct rm_cache_entry *entry)
{
    rm_timer_stop(&entry->hold);
    rm_task_cancel(entry->cache->loop, &entry->tell);
    rm_news_fini(&entry->news);
    rm_snapshot_unref(entry->list);
    rm_cells_unref(entry->cells);
    struct rm_arena arena = entry->arena;
    rm_arena_fini(&arena);
}

static struct rm_cache_entry *cache_named(struct rm_cache *cache, struct rm_str name)
{
    RM_LIST_FOR (node, &cache->entries) {
        struct rm_cache_entry *entry = rm_container_of(node, struct rm_cache_entry, link);
        if (rm_str_eq(rm_str_of(entry->name), name))
            return entry;
    }
    return NULL;
}

// "static:http://a:80,http://b:80", "dns:_http._tcp.shop": as long as a label may be.
static const char *entry_name(struct rm_cache *cache, struct rm_arena *arena, const struct rm_source *source)
{
    struct rm_str name = rm_arena_printf(arena, "%.*s:", (int)source->provider.n, source->provider.p);
    for (size_t i = 0; i < source->n_hosts; i++) {
        if (name.n + source->hosts[i].n > CACHE_NAME_MAX && i > 0) {
            name = rm_arena_printf(arena, "%s,+%zu", name.p, source->n_hosts - i);
            break;
        }
        name = rm_arena_printf(arena, "%s%s%.*s", name.p, i > 0 ? "," : "", (int)source->hosts[i].n, source->hosts[i].p);
    }
    struct rm_str distinct = name;
    for (unsigned n = 2; cache_named(cache, distinct); n++)
        distinct = rm_arena_printf(arena, "%s#%u", name.p, n);
    return distinct.p;
}

int rm_cache_acquire(struct rm_cache *cache, const struct rm_source *source, struct rm_cache_entry **out,
                     struct rm_err *err)
{
    // Only this side changes the list of entries: it may look without the lock.
    struct rm_cache_entry *entry = cache_find(cache, source);
    if (entry) {
        entry->users++;
        *out = entry;
        return RM_OK;
    }
    const struct rm_sd_ops *ops = rm_sd_find(source->provider);
    if (!ops)
        return rm_fail(err, RM_ECONF, "no service discovery called \"%.*s\"", (int)source->provider.n,
                       source->provider.p);
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    entry = RM_NEW(&arena, struct rm_cache_entry);
    entry->cache = cache;
    entry->source = source_copy(&arena, source);
    entry->name = entry_name(cache, &arena, &entry->source);
    entry->tell.run = entry_tell;
    entry->sink = (struct rm_sd_sink){entry_publish, entry_failed};
    entry->ops = ops;
    entry->users = 1;
    entry->outcome.code = RM_AGAIN;
    entry->cells = rm_cells_new();
    entry->hold.fire = entry_give_up;
    rm_list_init(&entry->subs);
    entry->arena = arena;
    int code = ops->open(&entry->self, &entry->source, cache->loop, &entry->sink, err);
    if (code != RM_OK) {
        entry_free(entry);
        return code;
    }
    entry->is_local = entry->list != NULL;
    rm_lock_take(&cache->lock);
    rm_list_push_back(&cache->entries, &entry->link);
    rm_lock_give(&cache->lock);
    *out = entry;
    return RM_OK;
}

void rm_cache_release(struct rm_cache_entry *entry)
{
    RM_ASSERT(entry->users > 0);
    if (--entry->users > 0)
        return;
    entry->ops->close(entry->self);
    rm_lock_take(&entry->cache->lock);
    RM_ASSERT(rm_list_empty(&entry->subs));
    rm_list_remove(&entry->link);
    rm_lock_give(&entry->cache->lock);
    entry_free(entry);
}

void rm_cache_look(const struct rm_cache_entry *entry, struct rm_cache_state *out)
{
    uint32_t subscribers = 0;
    rm_lock_take(&entry->cache->lock);
    RM_LIST_FOR (node, &entry->subs) {
        (void)node;
        subscribers++;
    }
    rm_lock_give(&entry->cache->lock);
    *out = (struct rm_cache_state){
        .source = &entry->source,
        .list = entry->list,
        .outcome = entry->outcome,
        .failures = entry->failures,
        .answered_us = entry->answered_us,
        .changed_us = entry->changed_us,
        .failed_us = entry->failed_us,
        .held_until_us = entry->failures ? entry_held_until(entry) : 0,
        .users = entry->users,
        .subscribers = subscribers,
    };
    memcpy(out->refreshes, entry->refreshes, sizeof(out->refreshes));
}

const char *rm_cache_name(const struct rm_cache_entry *entry)
{
    return entry->name;
}

size_t rm_cache_numbers(const struct rm_cache_entry *entry, struct rm_sd_number *out, size_t max)
{
    return entry->ops->numbers ? entry->ops->numbers(entry->self, out, max) : 0;
}

struct rm_cache_entry *rm_cache_next(const struct rm_cache *cache, const struct rm_cache_entry *after)
{
    struct rm_list *next = after ? after->link.next : cache->entries.next;
    return next == &cache->entries ? NULL : rm_container_of(next, struct rm_cache_entry, link);
}

// ---- subscriptions: the subscribers' threads -----------------------------------------------------------------------------

static void sub_deliver(struct rm_msg *msg)
{
    struct rm_cache_sub *sub = rm_container_of(msg, struct rm_cache_sub, news);
    struct rm_lock *lock = &sub->entry->cache->lock;
    rm_lock_take(lock);
    struct rm_snapshot *list = sub->pending;
    sub->pending = NULL;
    rm_lock_give(lock);
    RM_ASSERT(list);
    sub->update(sub, list);
}

void rm_cache_subscribe(struct rm_cache *cache, const struct rm_source *source, struct rm_cache_sub *sub,
                        struct rm_loop *subscriber)
{
    RM_ASSERT(sub->update && !sub->entry);
    sub->loop = subscriber;
    sub->pending = NULL;
    sub->news.deliver = sub_deliver;
    rm_lock_take(&cache->lock);
    sub->entry = cache_find(cache, source);
    RM_ASSERT(sub->entry);
    rm_list_push_back(&sub->entry->subs, &sub->link);
    struct rm_snapshot *list = sub->entry->list ? rm_snapshot_ref(sub->entry->list) : NULL;
    rm_lock_give(&cache->lock);
    if (list)
        sub->update(sub, list);
}

void rm_cache_unsubscribe(struct rm_cache_sub *sub)
{
    if (!sub->entry)
        return;
    struct rm_lock *lock = &sub->entry->cache->lock;
    rm_lock_take(lock);
    rm_list_remove(&sub->link);
    struct rm_snapshot *pending = sub->pending;
    sub->pending = NULL;
    rm_lock_give(lock);
    if (pending) {
        bool was_posted = rm_loop_take_back(sub->loop, &sub->news);
        RM_ASSERT(was_posted);
        rm_snapshot_unref(pending);
    }
    sub->entry = NULL;
}

// ---- waiting for first answers ---------------------------------------------------------------------------------------------

static bool wait_is_answered(const struct rm_cache_wait *wait)
{
    for (size_t i = 0; i < wait->n_entries; i++)
        if (!wait->entries[i]->list)
            return false;
    return true;
}

static void wait_check(struct rm_cache_wait *wait)
{
    if (!wait->ready.queued && wait_is_answered(wait))
        rm_task_queue(wait->cache->loop, &wait->ready);
}

static void wait_over(struct rm_cache_wait *wait)
{
    bool all_answered = wait_is_answered(wait);
    rm_cache_wait_stop(wait);
    wait->done(wait, all_answered);
}

static void wait_ready(struct rm_task *task)
{
    wait_over(rm_container_of(task, struct rm_cache_wait, ready));
}

static void wait_timeout(struct rm_timer *timer)
{
    wait_over(rm_container_of(timer, struct rm_cache_wait, timer));
}

void rm_cache_wait_start(struct rm_cache *cache, struct rm_cache_wait *wait, struct rm_cache_entry *const *entries,
                         size_t n, uint64_t timeout_us)
{
    RM_ASSERT(wait->done && !wait->cache);
    wait->cache = cache;
    wait->entries = entries;
    wait->n_entries = n;
    wait->ready.run = wait_ready;
    wait->timer.fire = wait_timeout;
    rm_list_push_back(&cache->waits, &wait->link);
    rm_timer_start(cache->loop, &wait->timer, rm_loop_now_us(cache->loop) + timeout_us);
    wait_check(wait);
}

void rm_cache_wait_stop(struct rm_cache_wait *wait)
{
    if (!wait->cache)
        return;
    rm_timer_stop(&wait->timer);
    rm_task_cancel(wait->cache->loop, &wait->ready);
    rm_list_remove(&wait->link);
    wait->cache = NULL;
}
