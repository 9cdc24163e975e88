// The rig of the providers' tests.
// SPDX-License-Identifier: Apache-2.0
#include "sd_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sd/resolve.h"

#include <remora/log.h>
#include <stdio.h>
#include <stdlib.h>

#define GIVE_UP_US (30 * RM_SEC) // a test that waits so long has failed

struct rm_loop *loop;
struct rm_dns *dns;

static void pool_publish(struct rm_sd_sink *sink, struct rm_snapshot *list)
{
    struct pool *pool = rm_container_of(sink, struct pool, sink);
    rm_snapshot_unref(pool->list);
    pool->list = list;
    pool->published++;
}

static void pool_failed(struct rm_sd_sink *sink, const struct rm_err *err)
{
    struct pool *pool = rm_container_of(sink, struct pool, sink);
    pool->err = *err;
    pool->failed++;
}

void pool_open(struct pool *pool, const struct rm_sd_ops *ops, size_t n, const char *const *hosts)
{
    *pool = (struct pool){.sink = {pool_publish, pool_failed}, .ops = ops};
    assert_true(n <= RM_COUNT(pool->hosts));
    for (size_t i = 0; i < n; i++)
        pool->hosts[i] = rm_str_of(hosts[i]);
    pool->source = (struct rm_source){
        .provider = rm_str_of(ops->name), .hosts = pool->hosts, .n_hosts = n, .scheme = RM_STR("http")};
    struct rm_err err = {0};
    assert_int_equal(ops->check(&pool->source, &err), RM_OK);
    if (ops->open(&pool->provider, &pool->source, loop, &pool->sink, &err) != RM_OK)
        fail_msg("%s", err.text);
}

void pool_close(struct pool *pool)
{
    pool->ops->close(pool->provider);
    rm_snapshot_unref(pool->list);
}

const char *pool_text(const struct pool *pool)
{
    static char text[8192];
    size_t n = 0;
    if (!pool->list)
        return "nothing";
    text[0] = '\0';
    for (uint32_t i = 0; i < pool->list->n; i++) {
        const struct rm_host *host = &pool->list->host[i];
        bool is_v6 = memchr(host->address.p, ':', host->address.n) != NULL;
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%.*s%s:%u", i ? " " : "", is_v6 ? "[" : "",
                              (int)host->address.n, host->address.p, is_v6 ? "]" : "", host->port);
        if (host->weight != 1)
            n += (size_t)snprintf(text + n, sizeof(text) - n, "*%u", host->weight);
        if (host->priority)
            n += (size_t)snprintf(text + n, sizeof(text) - n, "/%u", host->priority);
    }
    return text;
}

// ---- running the loop until something is so --------------------------------------------------------------------------------

struct condition {
    struct rm_hook hook;
    bool (*is_so)(void *arg);
    void *arg;
    bool was_so;
    uint64_t give_up_us;
};

static void condition_turn(struct rm_hook *hook)
{
    struct condition *condition = rm_container_of(hook, struct condition, hook);
    condition->was_so = condition->is_so(condition->arg);
    if (condition->was_so || rm_clock_us() > condition->give_up_us)
        rm_loop_stop(loop);
}

static int64_t condition_wait(struct rm_hook *hook)
{
    (void)hook;
    return 2 * (int64_t)RM_MS; // the server's thread does not wake this loop
}

bool run_until(bool (*is_so)(void *), void *arg)
{
    struct condition condition = {
        {.turn = condition_turn, .wait_us = condition_wait}, is_so, arg, false, rm_clock_us() + GIVE_UP_US};
    rm_hook_add(loop, &condition.hook);
    rm_loop_run(loop);
    rm_hook_del(loop, &condition.hook);
    return condition.was_so;
}

struct wish {
    const struct pool *pool;
    const char *text, *name;
    int more_than;
};

static bool text_is(void *arg)
{
    const struct wish *wish = arg;
    return strcmp(pool_text(wish->pool), wish->text) == 0;
}

static bool has_failed(void *arg)
{
    const struct wish *wish = arg;
    return wish->pool->failed > wish->more_than;
}

static bool was_asked(void *arg)
{
    const struct wish *wish = arg;
    return rm_dns_queries(dns, wish->name) > wish->more_than;
}

void wait_for(const struct pool *pool, const char *text)
{
    struct wish wish = {.pool = pool, .text = text};
    if (!run_until(text_is, &wish))
        fail_msg("wanted \"%s\", have \"%s\"", text, pool_text(pool));
}

void wait_for_failure(const struct pool *pool, int more_than)
{
    struct wish wish = {.pool = pool, .more_than = more_than};
    assert_true(run_until(has_failed, &wish));
}

void wait_for_query(const char *name, int more_than)
{
    struct wish wish = {.name = name, .more_than = more_than};
    assert_true(run_until(was_asked, &wish));
}

void set_up_resolver(uint64_t timeout_us)
{
    rm_resolve_setup(&(struct rm_resolve_conf){.servers = rm_dns_address(dns),
                                               .timeout_us = timeout_us,
                                               .tries = 2,
                                               .min_ttl_us = 10 * RM_MS,
                                               .max_ttl_us = 3600 * RM_SEC});
}

int sd_setup(void **state)
{
    (void)state;
    rm_log_setup(getenv("SD_RIG_LOG") ? RM_DEBUG : RM_CRITICAL, RM_STR(""), false, RM_LOG_DEFAULT);
    assert_int_equal(rm_loop_new(&loop, NULL), RM_OK);
    dns = rm_dns_start();
    set_up_resolver(10 * RM_SEC);
    return 0;
}

int sd_setup_impatient(void **state)
{
    int failed = sd_setup(state);
    set_up_resolver(50 * RM_MS);
    return failed;
}

int sd_teardown(void **state)
{
    (void)state;
    rm_loop_free(loop);
    rm_dns_stop(dns);
    return 0;
}
