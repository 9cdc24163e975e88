// The resolver cache with real threads: one discovery thread that publishes, workers that subscribe, take lists, pick from them
// and leave at moments of their own. What the thread sanitizer finds here is the point.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loop/thread.h"
#include "pool/cache.h"
#include "pool/view.h"
#include "sd_script.h"

#include <stdio.h>

enum { WORKERS = 4, SOURCES = 3, LISTS = 400 };

static const char *const names[SOURCES] = {"red", "green", "blue"};
static struct rm_loop *discovery;
static struct rm_cache *cache;
static struct rm_cache_entry *entries[SOURCES];

// ---- discovery: a new list for every source in each turn, in the end the list "last" ----------------------------------------

static struct rm_timer publish_timer;
static int published;

static void publish_all(struct rm_timer *timer)
{
    char hosts[64];
    published++;
    for (int i = 0; i < SOURCES; i++) {
        snprintf(hosts, sizeof(hosts), "%s%d*%d b*2 c*3", names[i], published, 1 + published % 3);
        rm_script_publish(rm_script_of(names[i]), published < LISTS ? hosts : "last");
    }
    if (published < LISTS)
        rm_timer_start(discovery, timer, rm_loop_now_us(discovery) + 20);
}

static void discovery_main(void *arg)
{
    (void)arg;
    rm_loop_run(discovery);
}

// ---- workers -----------------------------------------------------------------------------------------------------------

struct worker {
    struct rm_thread *thread;
    struct rm_loop *loop;
    struct rm_pool_view views[SOURCES];
    uint64_t picks;
    const char *wrong;
    int index;
};

static struct worker workers[WORKERS];

static const struct rm_balance balance = {
    .ejects = true, .eject_after = 2, .eject_max_percent = 50, .eject_base_us = 100, .eject_max_us = 1000};

static void worker_subscribe(struct worker *worker)
{
    for (int i = 0; i < SOURCES; i++) {
        rm_pool_view_init(&worker->views[i], &balance);
        rm_cache_subscribe(cache, rm_script_source(names[i]), &worker->views[i].sub, worker->loop);
    }
}

static void worker_unsubscribe(struct worker *worker)
{
    for (int i = 0; i < SOURCES; i++) {
        rm_cache_unsubscribe(&worker->views[i].sub);
        rm_pool_view_fini(&worker->views[i]);
    }
}

static int64_t never_wait(struct rm_hook *hook)
{
    (void)hook;
    return 0;
}

struct worker_hook {
    struct rm_hook hook;
    struct worker *worker;
};

// Each turn: picks from each view; now and then leaves and joins again; stops when all views have the last list.
static void worker_turn(struct rm_hook *hook)
{
    struct worker *worker = rm_container_of(hook, struct worker_hook, hook)->worker;
    int last = 0;
    for (int i = 0; i < SOURCES; i++) {
        struct rm_pick pick, again;
        struct rm_pick_ask ask = {.now_us = rm_loop_now_us(worker->loop)};
        const struct rm_host *host = rm_pool_pick(&worker->views[i], &ask, &pick);
        if (!host)
            continue;
        ask.avoid = &host;
        ask.n_avoid = 1;
        (void)rm_pool_pick(&worker->views[i], &ask, &again);
        worker->picks++;
        bool is_last = rm_str_eq(host->name, RM_STR("last"));
        if (!is_last && host->name.n > 1 && !rm_str_starts(host->name, rm_str_of(names[i])))
            worker->wrong = "a host of another source";
        last += is_last;
        // Every host fails all the time, now and then one answers: all workers write the same cells.
        (void)rm_pool_report(&pick, worker->picks % 3 ? RM_OUTCOME_UNREACHABLE : RM_OUTCOME_GOOD, ask.now_us);
        (void)rm_pool_retry(&worker->views[i], 20, ask.now_us);
        rm_pool_release(&pick);
        rm_pool_release(&again);
    }
    if (last == SOURCES) {
        rm_loop_stop(worker->loop);
    } else if (worker->picks % 37 == (uint64_t)worker->index) {
        worker_unsubscribe(worker);
        worker_subscribe(worker);
        worker->picks++;
    }
}

static void worker_main(void *arg)
{
    struct worker *worker = arg;
    struct worker_hook hook = {{.turn = worker_turn, .wait_us = never_wait}, worker};
    worker_subscribe(worker);
    rm_hook_add(worker->loop, &hook.hook);
    rm_loop_run(worker->loop);
    rm_hook_del(worker->loop, &hook.hook);
    if (worker->index % 2) // the others leave it to the joining thread
        worker_unsubscribe(worker);
}

static void lists_reach_every_worker(void **state)
{
    (void)state;
    struct rm_thread *thread;
    assert_int_equal(rm_loop_new(&discovery, NULL), RM_OK);
    cache = rm_cache_new(discovery);
    for (int i = 0; i < SOURCES; i++)
        assert_int_equal(rm_cache_acquire(cache, rm_script_source(names[i]), &entries[i], NULL), RM_OK);
    published = 0;
    publish_timer.fire = publish_all;
    rm_timer_start(discovery, &publish_timer, 0);
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.index = i};
        assert_int_equal(rm_loop_new(&workers[i].loop, NULL), RM_OK);
        assert_int_equal(rm_thread_start(&workers[i].thread, "worker", worker_main, &workers[i], NULL), RM_OK);
    }
    assert_int_equal(rm_thread_start(&thread, "discovery", discovery_main, NULL, NULL), RM_OK);
    for (int i = 0; i < WORKERS; i++)
        rm_thread_join(workers[i].thread);
    rm_loop_stop(discovery);
    rm_thread_join(thread);
    for (int i = 0; i < WORKERS; i++) {
        if (i % 2 == 0)
            worker_unsubscribe(&workers[i]);
        rm_loop_free(workers[i].loop);
        assert_null(workers[i].wrong);
        assert_true(workers[i].picks > 0);
    }
    for (int i = 0; i < SOURCES; i++)
        rm_cache_release(entries[i]);
    rm_cache_free(cache);
    rm_loop_free(discovery);
}

// ---- a message on the subscriber's own thread, and the readiness flag of another thread ----------------------------------------

static struct rm_loop *receiver;
static pthread_t receiver_id;
static bool came_on_its_own_thread;
static _Atomic bool is_ready;

static void note_thread(struct rm_cache_sub *sub, struct rm_snapshot *list)
{
    (void)sub;
    came_on_its_own_thread = pthread_equal(pthread_self(), receiver_id);
    rm_snapshot_unref(list);
    rm_loop_stop(receiver);
}

static void set_ready(struct rm_cache_wait *wait, bool all)
{
    (void)wait;
    atomic_store(&is_ready, all);
}

static void publish_one(struct rm_timer *timer)
{
    (void)timer;
    rm_script_publish(rm_script_of("single"), "a");
}

static void an_update_comes_on_the_subscribers_thread(void **state)
{
    (void)state;
    struct rm_thread *thread;
    struct rm_cache_entry *entry;
    struct rm_cache_sub sub = {.update = note_thread};
    struct rm_cache_wait wait = {.done = set_ready};
    struct rm_timer timer = {.fire = publish_one};
    assert_int_equal(rm_loop_new(&discovery, NULL), RM_OK);
    assert_int_equal(rm_loop_new(&receiver, NULL), RM_OK);
    receiver_id = pthread_self();
    cache = rm_cache_new(discovery);
    assert_int_equal(rm_cache_acquire(cache, rm_script_source("single"), &entry, NULL), RM_OK);
    rm_cache_wait_start(cache, &wait, &entry, 1, 60 * UINT64_C(1000000));
    rm_timer_start(discovery, &timer, 0);
    rm_cache_subscribe(cache, rm_script_source("single"), &sub, receiver);
    assert_int_equal(rm_thread_start(&thread, "discovery", discovery_main, NULL, NULL), RM_OK);
    rm_loop_run(receiver);
    assert_true(came_on_its_own_thread);
    while (!atomic_load(&is_ready))
        sched_yield();
    rm_cache_unsubscribe(&sub);
    rm_loop_stop(discovery);
    rm_thread_join(thread);
    rm_cache_release(entry);
    rm_cache_free(cache);
    rm_loop_free(receiver);
    rm_loop_free(discovery);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_reach_every_worker),
        cmocka_unit_test(an_update_comes_on_the_subscribers_thread),
    };
    return cmocka_run_group_tests_name("cache_threads", tests, NULL, NULL);
}
