// The resolver cache in virtual time: shared entries, last good lists, messages to subscribers, waiting for first answers. Two
// loops on one thread stand for discovery and a worker; test_cache_threads.c has real threads.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "pool/cache.h"
#include "pool/news.h"
#include "pool/cell.h"
#include "pool/view.h"
#include "sd_script.h"
#include "vloop.h"

#include <remora/log.h>
#include <unistd.h>

static struct rm_loop *discovery, *worker;
static struct rm_cache *cache;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(rm_loop_new(&discovery, NULL), RM_OK);
    assert_int_equal(rm_loop_new(&worker, NULL), RM_OK);
    cache = rm_cache_new(discovery);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rm_cache_free(cache);
    rm_loop_free(worker);
    rm_loop_free(discovery);
    return 0;
}

static struct rm_cache_entry *acquire(const char *name)
{
    struct rm_cache_entry *entry = NULL;
    assert_int_equal(rm_cache_acquire(cache, rm_script_source(name), &entry, NULL), RM_OK);
    assert_non_null(entry);
    return entry;
}

static struct rm_cache_state look(const struct rm_cache_entry *entry)
{
    struct rm_cache_state out;
    rm_cache_look(entry, &out);
    return out;
}

static void script_fails_for(struct rm_script *script, int code, uint64_t us)
{
    for (uint64_t end_us = rm_loop_now_us(discovery) + us; rm_loop_now_us(discovery) < end_us;) {
        rm_script_fail(script, code, "scripted");
        rm_vloop_run_until(discovery, rm_loop_now_us(discovery) + RM_SEC);
    }
}

// Nobody can tell: for ever, unless a limit is set, which counts from the last answer.
static void a_list_is_held_while_nobody_can_tell(void **state)
{
    (void)state;
    struct rm_cache_entry *entry = acquire("silent");
    struct rm_script *script = rm_script_of("silent");
    rm_script_publish(script, "a b");
    script_fails_for(script, RM_ETIMEOUT, 3600 * RM_SEC);
    assert_int_equal(look(entry).list->n, 2);
    assert_int_equal(look(entry).held_until_us, 0);
    assert_int_equal(look(entry).failures, 3600);

    const struct rm_cache_hold hold = {.failed_us = 60 * RM_SEC, .missing_us = 30 * RM_SEC};
    rm_cache_set_hold(cache, &hold);
    rm_script_publish(script, "a b");
    uint64_t answered_us = look(entry).answered_us;
    assert_int_equal(look(entry).held_until_us, 0);
    script_fails_for(script, RM_ECONNECT, 59 * RM_SEC);
    assert_int_equal(look(entry).held_until_us, answered_us + 60 * RM_SEC);
    assert_int_equal(look(entry).list->n, 2);
    script_fails_for(script, RM_ECONNECT, 2 * RM_SEC);
    assert_int_equal(look(entry).list->n, 0);
    assert_int_equal(look(entry).changed_us, answered_us + 60 * RM_SEC);
    assert_int_equal(look(entry).outcome.code, RM_ECONNECT);
    rm_script_publish(script, "a");
    assert_int_equal(look(entry).list->n, 1);
    rm_vloop_run_until(discovery, rm_loop_now_us(discovery) + 3600 * RM_SEC); // quiet is no failure
    assert_int_equal(look(entry).list->n, 1);
    rm_cache_release(entry);
}

// No such name: 30 s from when it was said first, whatever fails after that; an answer in between begins anew.
static void a_name_that_is_gone_is_held_for_a_while(void **state)
{
    (void)state;
    struct rm_cache_entry *entry = acquire("gone");
    struct rm_script *script = rm_script_of("gone");
    rm_script_publish(script, "a b");
    script_fails_for(script, RM_ETIMEOUT, 100 * RM_SEC);
    script_fails_for(script, RM_ENOHOST, 20 * RM_SEC);
    script_fails_for(script, RM_ETIMEOUT, 9 * RM_SEC);
    assert_int_equal(look(entry).list->n, 2);
    rm_script_publish(script, "a b");
    uint64_t said_us = rm_loop_now_us(discovery);
    script_fails_for(script, RM_ENOHOST, 5 * RM_SEC);
    script_fails_for(script, RM_ETIMEOUT, 24 * RM_SEC);
    assert_int_equal(look(entry).list->n, 2);
    assert_int_equal(look(entry).held_until_us, said_us + 30 * RM_SEC);
    rm_vloop_run_until(discovery, said_us + 31 * RM_SEC);
    assert_int_equal(look(entry).list->n, 0);
    assert_int_equal(look(entry).changed_us, said_us + 30 * RM_SEC);
    rm_script_fail(script, RM_ENOHOST, "still"); // no change: no new list
    rm_vloop_run_until(discovery, rm_loop_now_us(discovery) + RM_SEC);
    assert_int_equal(look(entry).list->serial, 2);
    rm_script_publish(script, "a b");
    assert_int_equal(look(entry).list->n, 2);
    rm_script_fail(script, RM_ENOHOST, "gone again"); // the timer runs when the entry goes
    rm_cache_release(entry);
}

// A list that is half good is not given up for the half that is missing, however long that is.
static void a_half_good_list_stays(void **state)
{
    (void)state;
    const struct rm_cache_hold hold = {.failed_us = 60 * RM_SEC, .missing_us = 30 * RM_SEC};
    rm_cache_set_hold(cache, &hold);
    struct rm_cache_entry *entry = acquire("half");
    struct rm_script *script = rm_script_of("half");
    rm_script_publish(script, "a b");
    script_fails_for(script, RM_EPART, 3600 * RM_SEC);
    assert_int_equal(look(entry).list->n, 2);
    assert_int_equal(look(entry).held_until_us, 0);
    rm_script_publish(script, "a b");
    script_fails_for(script, RM_ENOHOST, 20 * RM_SEC); // the timer runs
    script_fails_for(script, RM_EPART, 100 * RM_SEC);
    assert_int_equal(look(entry).list->n, 2);
    rm_script_publish(script, "a b");
    script_fails_for(script, RM_ENOHOST, 20 * RM_SEC);
    rm_script_fail(script, RM_EPART, "scripted"); // so there is such a name
    script_fails_for(script, RM_ENOHOST, 29 * RM_SEC);
    assert_int_equal(look(entry).list->n, 2);
    script_fails_for(script, RM_ENOHOST, 2 * RM_SEC);
    assert_int_equal(look(entry).list->n, 0);
    rm_cache_release(entry);
}

// Cells go on for hosts that stay, whatever their order; those of others begin anew, also in used memory.
static void cells_stay_with_their_hosts(void **state)
{
    (void)state;
    struct rm_cache_entry *entry = acquire("cells");
    struct rm_script *script = rm_script_of("cells");
    rm_script_publish(script, "a b c");
    struct rm_host_cell *a = look(entry).list->cell[0], *b = look(entry).list->cell[1], *c = look(entry).list->cell[2];
    assert_true(a != b && b != c && a != c);
    atomic_store(&a->failures, 1);
    atomic_store(&b->failures, 2);
    atomic_store(&c->failures, 3);
    rm_script_publish(script, "c x a");
    assert_ptr_equal(look(entry).list->cell[0], c);
    assert_ptr_equal(look(entry).list->cell[2], a);
    assert_int_equal(look(entry).list->cell[1]->failures, 0);
    size_t bytes = look(entry).list->cells->arena.bytes;
    for (int i = 0; i < 1000; i++) { // memory does not grow with changes
        rm_script_publish(script, i % 2 ? "a y z" : "a v w");
        assert_ptr_equal(look(entry).list->cell[0], a);
        assert_int_equal(look(entry).list->cell[1]->failures, 0);
        atomic_store(&look(entry).list->cell[1]->failures, 9);
    }
    assert_int_equal(look(entry).list->cells->arena.bytes, bytes);
    assert_int_equal(a->failures, 1);
    rm_cache_release(entry);
}

struct watcher {
    struct rm_cache_sub sub;
    struct rm_snapshot *list;
    int updates;
};

static void watcher_update(struct rm_cache_sub *sub, struct rm_snapshot *list)
{
    struct watcher *watcher = rm_container_of(sub, struct watcher, sub);
    rm_snapshot_unref(watcher->list);
    watcher->list = list;
    watcher->updates++;
}

static void watch(struct watcher *watcher, const char *name)
{
    *watcher = (struct watcher){.sub.update = watcher_update};
    rm_cache_subscribe(cache, rm_script_source(name), &watcher->sub, worker);
}

static void unwatch(struct watcher *watcher)
{
    rm_cache_unsubscribe(&watcher->sub);
    rm_cache_unsubscribe(&watcher->sub);
    rm_snapshot_unref(watcher->list);
    watcher->list = NULL;
}

// ---- entries ---------------------------------------------------------------------------------------------------------

static void equal_sources_share_a_provider(void **state)
{
    (void)state;
    struct rm_script *script = rm_script_of("shared");
    struct rm_cache_entry *a = acquire("shared"), *b = acquire("shared");
    assert_ptr_equal(a, b);
    assert_int_equal(script->opened, 1);
    assert_int_equal(look(a).users, 2);
    rm_cache_release(a);
    assert_true(script->is_open);
    rm_cache_release(b);
    assert_false(script->is_open);
    assert_int_equal(script->closed, 1);
}

// Each member makes another source. The copy does not depend on the caller's texts.
static void any_member_makes_another_source(void **state)
{
    (void)state;
    char name[] = "member";
    struct rm_str host[2] = {rm_str_of(name), RM_STR("more")};
    struct rm_source source = {.provider = RM_STR("scripted"), .hosts = host, .n_hosts = 1};
    struct rm_cache_entry *entry, *again;
    assert_int_equal(rm_cache_acquire(cache, &source, &entry, NULL), RM_OK);
    memset(name, 'x', sizeof(name) - 1);
    assert_int_equal(rm_cache_acquire(cache, rm_script_source("member"), &again, NULL), RM_OK);
    assert_ptr_equal(entry, again);
    const struct rm_source *kept = look(entry).source;
    assert_true(rm_str_eq(kept->hosts[0], RM_STR("member")));
    rm_cache_release(again);

    rm_script_on_open("member", NULL, "opened once more");
    struct rm_err err;
    host[0] = RM_STR("member");
    for (int i = 0; i < 4; i++) {
        source = *rm_script_source("member");
        source.hosts = host;
        if (i == 0)
            source.n_hosts = 2;
        else if (i == 1)
            source.scheme = RM_STR("https");
        else if (i == 2)
            source.refresh_us = 1;
        int want = i == 3 ? RM_OK : RM_ESYS; // 3: equal after all
        assert_int_equal(rm_cache_acquire(cache, &source, &again, &err), want);
    }
    rm_script_on_open("member", NULL, NULL);
    rm_cache_release(again);
    rm_cache_release(entry);
}

static void unknown_and_failing_providers(void **state)
{
    (void)state;
    struct rm_cache_entry *entry = NULL;
    struct rm_err err = {0};
    struct rm_source source = *rm_script_source("x");
    source.provider = RM_STR("oracle");
    assert_int_equal(rm_cache_acquire(cache, &source, &entry, &err), RM_ECONF);
    assert_non_null(strstr(err.text, "oracle"));
    rm_script_on_open("broken", NULL, "no descriptors left");
    assert_int_equal(rm_cache_acquire(cache, rm_script_source("broken"), &entry, &err), RM_ESYS);
    assert_string_equal(err.text, "no descriptors left");
    assert_null(entry);
    assert_null(rm_cache_next(cache, NULL));
}

static void the_walk_sees_all(void **state)
{
    (void)state;
    struct rm_cache_entry *a = acquire("a"), *b = acquire("b");
    assert_ptr_equal(rm_cache_next(cache, NULL), a);
    assert_ptr_equal(rm_cache_next(cache, a), b);
    assert_null(rm_cache_next(cache, b));
    rm_cache_release(a);
    assert_ptr_equal(rm_cache_next(cache, NULL), b);
    rm_cache_release(b);
}

// ---- lists -------------------------------------------------------------------------------------------------------------

static void the_last_good_list_stays(void **state)
{
    (void)state;
    struct rm_cache_entry *entry = acquire("good");
    struct rm_script *script = rm_script_of("good");
    assert_null(look(entry).list);
    assert_int_equal(look(entry).outcome.code, RM_AGAIN);

    rm_vloop_run_until(discovery, rm_loop_now_us(discovery) + RM_SEC);
    rm_script_fail(script, RM_ETIMEOUT, "nobody answers");
    rm_script_fail(script, RM_ETIMEOUT, "nobody answers");
    assert_null(look(entry).list);
    assert_int_equal(look(entry).failures, 2);
    assert_string_equal(look(entry).outcome.text, "nobody answers");

    rm_vloop_run_until(discovery, rm_loop_now_us(discovery) + RM_SEC);
    rm_script_publish(script, "a b");
    uint64_t first_us = rm_loop_now_us(discovery);
    assert_int_equal(look(entry).list->n, 2);
    assert_int_equal(look(entry).list->serial, 1);
    assert_int_equal(look(entry).outcome.code, RM_OK);
    assert_int_equal(look(entry).failures, 0);
    assert_int_equal(look(entry).failed_us, first_us - RM_SEC);

    rm_vloop_run_until(discovery, rm_loop_now_us(discovery) + RM_SEC);
    rm_script_publish(script, "a b"); // an answer, no change
    assert_int_equal(look(entry).list->serial, 1);
    assert_int_equal(look(entry).answered_us, first_us + RM_SEC);
    assert_int_equal(look(entry).changed_us, first_us);

    rm_script_fail(script, RM_ECONNECT, "refused");
    assert_int_equal(look(entry).list->n, 2);
    assert_int_equal(look(entry).outcome.code, RM_ECONNECT);

    rm_script_publish(script, ""); // an answer, too
    assert_int_equal(look(entry).list->n, 0);
    assert_int_equal(look(entry).list->serial, 2);
    assert_int_equal(look(entry).outcome.code, RM_OK);
    rm_cache_release(entry);
}

static void subscribers_get_lists_by_message(void **state)
{
    (void)state;
    struct watcher early, late, elsewhere;
    struct rm_cache_entry *entry = acquire("news"), *other = acquire("other news");
    struct rm_script *script = rm_script_of("news");
    watch(&early, "news");
    watch(&elsewhere, "other news");
    assert_int_equal(early.updates, 0);
    rm_script_publish(script, "a");
    assert_int_equal(early.updates, 0); // on the worker's loop only
    rm_vloop_run(worker);
    assert_int_equal(early.updates, 1);
    assert_true(rm_str_eq(early.list->host[0].name, RM_STR("a")));
    watch(&late, "news");
    assert_int_equal(late.updates, 1); // what is there comes at once
    assert_ptr_equal(late.list, early.list);
    assert_int_equal(look(entry).subscribers, 2);

    rm_script_publish(script, "a"); // no change, no message
    rm_vloop_run(worker);
    assert_int_equal(early.updates, 1);

    rm_script_publish(script, "b"); // three changes before the worker looks: it gets the newest
    rm_script_publish(script, "c");
    rm_script_publish(script, "d e");
    rm_vloop_run(worker);
    assert_int_equal(early.updates, 2);
    assert_int_equal(late.updates, 2);
    assert_int_equal(early.list->n, 2);
    assert_int_equal(early.list->serial, 4);

    rm_script_publish(script, "f");
    unwatch(&early); // while the message is on its way
    rm_vloop_run(worker);
    assert_int_equal(early.updates, 2);
    assert_int_equal(late.updates, 3);
    rm_script_publish(script, "g");
    rm_vloop_run(worker);
    assert_int_equal(early.updates, 2);
    assert_int_equal(elsewhere.updates, 0);
    unwatch(&late);
    unwatch(&elsewhere);
    rm_cache_release(entry);
    rm_cache_release(other);
}

static void a_list_from_inside_open_is_there_at_once(void **state)
{
    (void)state;
    rm_script_on_open("literal", "10.0.0.1", NULL);
    struct rm_cache_entry *entry = acquire("literal");
    assert_int_equal(look(entry).list->n, 1);
    struct rm_pool_view view;
    struct rm_pick pick;
    const struct rm_balance balance = {0};
    const struct rm_pick_ask ask = {0};
    rm_pool_view_init(&view, &balance);
    rm_cache_subscribe(cache, rm_script_source("literal"), &view.sub, worker);
    assert_non_null(rm_pool_pick(&view, &ask, &pick)); // before any loop has run
    rm_script_publish(rm_script_of("literal"), "10.0.0.3");
    rm_script_publish(rm_script_of("literal"), "10.0.0.2");
    rm_vloop_run(worker);
    assert_true(rm_str_eq(pick.host->address, RM_STR("10.0.0.1")));
    rm_pool_release(&pick);
    assert_true(rm_str_eq(rm_pool_pick(&view, &ask, &pick)->address, RM_STR("10.0.0.2")));
    rm_cache_unsubscribe(&view.sub);
    rm_pool_view_fini(&view);
    rm_cache_release(entry);
    assert_true(rm_str_eq(pick.host->address, RM_STR("10.0.0.2"))); // a running exchange outlives all that
    rm_pool_release(&pick);
}

// A reload: the new source beside the old one, then the old one goes.
static void old_and_new_side_by_side(void **state)
{
    (void)state;
    struct watcher old_one, new_one;
    struct rm_cache_entry *before = acquire("before");
    rm_script_publish(rm_script_of("before"), "a");
    watch(&old_one, "before");
    struct rm_cache_entry *after = acquire("after");
    watch(&new_one, "after");
    rm_script_publish(rm_script_of("after"), "b");
    rm_script_publish(rm_script_of("before"), "c");
    rm_vloop_run(worker);
    assert_true(rm_str_eq(old_one.list->host[0].name, RM_STR("c")));
    assert_true(rm_str_eq(new_one.list->host[0].name, RM_STR("b")));
    unwatch(&old_one);
    rm_cache_release(before);
    assert_false(rm_script_of("before")->is_open);
    rm_script_publish(rm_script_of("after"), "d");
    rm_vloop_run(worker);
    assert_true(rm_str_eq(new_one.list->host[0].name, RM_STR("d")));
    unwatch(&new_one);
    rm_cache_release(after);
}

// ---- waiting -----------------------------------------------------------------------------------------------------------

struct waiter {
    struct rm_cache_wait wait;
    int done;
    bool all;
    uint64_t at_us;
};

static void waiter_done(struct rm_cache_wait *wait, bool all_answered)
{
    struct waiter *waiter = rm_container_of(wait, struct waiter, wait);
    waiter->done++;
    waiter->all = all_answered;
    waiter->at_us = rm_loop_now_us(discovery);
}

static void waiting_ends_with_the_last_first_answer(void **state)
{
    (void)state;
    struct waiter waiter = {.wait.done = waiter_done};
    struct rm_cache_entry *entries[] = {acquire("one"), acquire("two")};
    uint64_t start_us = rm_loop_now_us(discovery);
    rm_cache_wait_start(cache, &waiter.wait, entries, 2, 15 * RM_SEC);
    rm_vloop_run_until(discovery, start_us + RM_SEC);
    rm_script_publish(rm_script_of("one"), "a");
    rm_script_publish(rm_script_of("one"), "b");
    rm_script_fail(rm_script_of("two"), RM_ETIMEOUT, "silence"); // no answer
    rm_vloop_run_until(discovery, start_us + 2 * RM_SEC);
    assert_int_equal(waiter.done, 0);
    rm_script_publish(rm_script_of("two"), ""); // an answer
    assert_int_equal(waiter.done, 0);           // never from inside
    rm_vloop_run(discovery);
    assert_int_equal(waiter.done, 1);
    assert_true(waiter.all);
    assert_int_equal(waiter.at_us, start_us + 2 * RM_SEC);
    rm_script_publish(rm_script_of("two"), "c");
    rm_vloop_run(discovery);
    assert_int_equal(waiter.done, 1);
    rm_cache_wait_stop(&waiter.wait);
    rm_cache_release(entries[0]);
    rm_cache_release(entries[1]);
}

static void waiting_ends_at_the_time_out(void **state)
{
    (void)state;
    struct waiter waiter = {.wait.done = waiter_done}, stopped = {.wait.done = waiter_done};
    struct rm_cache_entry *entries[] = {acquire("three"), acquire("four")};
    uint64_t start_us = rm_loop_now_us(discovery);
    rm_script_publish(rm_script_of("three"), "a");
    rm_cache_wait_start(cache, &waiter.wait, entries, 2, 15 * RM_SEC);
    rm_cache_wait_start(cache, &stopped.wait, entries, 2, 15 * RM_SEC);
    rm_cache_wait_stop(&stopped.wait);
    rm_cache_wait_stop(&stopped.wait);
    rm_vloop_run(discovery);
    assert_int_equal(waiter.done, 1);
    assert_false(waiter.all);
    assert_int_equal(waiter.at_us, start_us + 15 * RM_SEC);
    assert_int_equal(stopped.done, 0);
    // Answered already, or nothing to wait for: in the next turn.
    for (size_t n = 0; n < 2; n++) {
        struct waiter quick = {.wait.done = waiter_done};
        rm_cache_wait_start(cache, &quick.wait, entries, n, 15 * RM_SEC);
        assert_int_equal(quick.done, 0);
        rm_vloop_turn(discovery);
        assert_int_equal(quick.done, 1);
        assert_true(quick.all);
    }
    rm_cache_release(entries[0]);
    rm_cache_release(entries[1]);
}

// ---- what is said of it ------------------------------------------------------------------------------------------------

static void names_and_counts_for_metrics(void **state)
{
    (void)state;
    struct rm_str hosts[] = {RM_STR("scripts"), RM_STR("b"), RM_STR("c")};
    struct rm_source one = {.provider = RM_STR("scripted"), .hosts = hosts, .n_hosts = 3};
    struct rm_cache_entry *entry = NULL, *again = NULL, *other = acquire("other");
    assert_int_equal(rm_cache_acquire(cache, &one, &entry, NULL), RM_OK);
    assert_string_equal(rm_cache_name(other), "scripted:other");
    assert_string_equal(rm_cache_name(entry), "scripted:scripts,b,c");
    hosts[0] = RM_STR("more");
    one.refresh_us = 1;
    assert_int_equal(rm_cache_acquire(cache, &one, &again, NULL), RM_OK);
    assert_string_equal(rm_cache_name(again), "scripted:more,b,c");
    rm_cache_release(again);

    struct rm_script *script = rm_script_of("scripts");
    rm_script_publish(script, "a");
    rm_script_publish(script, "a");
    rm_script_fail(script, RM_ETIMEOUT, "silence");
    rm_script_fail(script, RM_EPART, "half");
    struct rm_cache_state seen = look(entry);
    assert_int_equal(seen.refreshes[RM_OK], 2);
    assert_int_equal(seen.refreshes[-RM_ETIMEOUT], 1);
    assert_int_equal(seen.refreshes[-RM_EPART], 1);
    assert_int_equal(seen.list->serial, 1);
    rm_cache_release(entry);
    rm_cache_release(other);
}

static char said[4096];

// What the log has got while `source` was told of; a pipe stands for standard error.
static const char *what_is_said(struct rm_news *news, struct rm_snapshot *list, int code, const char *text)
{
    int ends[2], saved = dup(STDERR_FILENO);
    struct rm_err outcome = {0};
    if (code != RM_OK)
        (void)rm_fail(&outcome, code, "%s", text);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    rm_news_tell(news, "s", list, &outcome, false);
    dup2(saved, STDERR_FILENO);
    close(ends[1]);
    ssize_t n = read(ends[0], said, sizeof(said) - 1);
    said[n > 0 ? n : 0] = '\0';
    close(ends[0]);
    close(saved);
    const char *at = strstr(said, " source ");
    return at ? at + 1 : said;
}

static void a_line_for_each_change(void **state)
{
    (void)state;
    struct rm_news news = {0};
    struct rm_snapshot *two = rm_script_list("10.0.0.1 10.0.0.2"), *other = rm_script_list("10.0.0.2 10.0.0.3 10.0.0.4");
    rm_log_setup(RM_INFO, RM_STR(""), false, RM_LOG_DEFAULT);
    assert_string_equal(what_is_said(&news, NULL, RM_ETIMEOUT, "no word in 3 ms"),
                        "source failing source=\"s\" hosts=0 added=0 removed=0 outcome=timeout error=\"no word in 3 ms\"\n");
    assert_string_equal(what_is_said(&news, NULL, RM_ETIMEOUT, "no word in 12 ms"), ""); // no news
    assert_string_equal(what_is_said(&news, two, RM_OK, ""),
                        "source answered source=\"s\" hosts=2 added=2 removed=0 outcome=ok\n");
    assert_string_equal(what_is_said(&news, two, RM_OK, ""), "");
    assert_string_equal(what_is_said(&news, other, RM_OK, ""),
                        "source changed source=\"s\" hosts=3 added=2 removed=1 outcome=ok\n");
    assert_string_equal(what_is_said(&news, other, RM_ECONNECT, "refused"),
                        "source failing source=\"s\" hosts=3 added=0 removed=0 outcome=connect error=\"refused\"\n");
    assert_string_equal(what_is_said(&news, other, RM_OK, ""),
                        "source recovered source=\"s\" hosts=3 added=0 removed=0 outcome=ok\n");
    rm_news_fini(&news);
    rm_snapshot_unref(two);
    rm_snapshot_unref(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equal_sources_share_a_provider, setup, teardown),
        cmocka_unit_test_setup_teardown(any_member_makes_another_source, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_and_failing_providers, setup, teardown),
        cmocka_unit_test_setup_teardown(the_walk_sees_all, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_good_list_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(a_list_is_held_while_nobody_can_tell, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_that_is_gone_is_held_for_a_while, setup, teardown),
        cmocka_unit_test_setup_teardown(a_half_good_list_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(cells_stay_with_their_hosts, setup, teardown),
        cmocka_unit_test_setup_teardown(subscribers_get_lists_by_message, setup, teardown),
        cmocka_unit_test_setup_teardown(a_list_from_inside_open_is_there_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(old_and_new_side_by_side, setup, teardown),
        cmocka_unit_test_setup_teardown(waiting_ends_with_the_last_first_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(waiting_ends_at_the_time_out, setup, teardown),
        cmocka_unit_test_setup_teardown(names_and_counts_for_metrics, setup, teardown),
        cmocka_unit_test(a_line_for_each_change),
    };
    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
