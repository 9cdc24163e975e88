// One fetch a source at a time, of bounded size and time; what failed is tried again by and by (keys.h).
// SPDX-License-Identifier: Apache-2.0
#include "keys.h"

#include "base/clock.h"
#include "base/list.h"
#include "policy/keyring.h"
#include "sd/api_http.h"
#include "sd/origin.h"

#include <remora/log.h>

#define KEYS_FETCH_US (10 * RM_SEC)        // a fetch takes no longer
#define KEYS_BACKOFF_FIRST_US (1 * RM_SEC) // after one that failed
#define KEYS_BACKOFF_MOST_US (60 * RM_SEC)

struct key_fetch {
    struct rm_arena arena; // holds this struct
    struct rm_key_fetches *all;
    struct rm_list link;
    uint32_t users;
    struct rm_keyring *ring;
    struct rm_str url, path;
    struct rm_api_target target;
    uint64_t refresh_us, cooldown_us, backoff_us;
    struct rm_api_client *client;
    struct rm_api_call call;
    struct rm_buf body;
    struct rm_timer next, late;
    bool failed; // as the log knows
};

struct rm_key_fetches {
    struct rm_arena arena; // holds this struct
    struct rm_loop *loop;
    struct rm_list all;
};

// ---- a fetch ---------------------------------------------------------------------------------------------------------

static void fetch_begin(struct key_fetch *f)
{
    if (f->call.impl)
        return;
    f->call = (struct rm_api_call){
        .head = f->call.head, .data = f->call.data, .done = f->call.done, .compress = f->call.compress};
    f->body.n = 0;
    rm_timer_stop(&f->next);
    rm_timer_start(f->all->loop, &f->late, rm_loop_now_us(f->all->loop) + KEYS_FETCH_US);
    struct rm_api *api = rm_api_client_api(f->client);
    api->start(api, &f->call, f->path);
}

static void fetch_over(struct key_fetch *f, int code, const struct rm_err *err, uint32_t n_keys)
{
    uint64_t now_us = rm_loop_now_us(f->all->loop);
    rm_timer_stop(&f->late);
    rm_buf_free(&f->body);
    if (code != RM_OK) {
        f->backoff_us = f->backoff_us ? f->backoff_us * 2 : KEYS_BACKOFF_FIRST_US;
        f->backoff_us = f->backoff_us < KEYS_BACKOFF_MOST_US ? f->backoff_us : KEYS_BACKOFF_MOST_US;
        if (!f->failed)
            rm_log(RM_ERROR, "keys not fetched url=%.*s error=%s text=\"%s\"", (int)f->url.n, f->url.p,
                   rm_code_name(code), err->text);
    } else {
        f->backoff_us = 0;
        rm_log(f->failed ? RM_INFO : RM_DEBUG, "keys fetched url=%.*s keys=%u", (int)f->url.n, f->url.p, n_keys);
    }
    f->failed = code != RM_OK;
    rm_timer_start(f->all->loop, &f->next, now_us + (code == RM_OK ? f->refresh_us : f->backoff_us));
    rm_keyring_settle(f->ring, now_us + f->cooldown_us);
}

static void fetch_head(struct rm_api_call *call)
{
    (void)call; // the status is looked at when all has come
}

static int fetch_data(struct rm_api_call *call, struct rm_str data)
{
    struct key_fetch *f = rm_container_of(call, struct key_fetch, call);
    return rm_buf_append(&f->body, data);
}

static void fetch_done(struct rm_api_call *call)
{
    struct key_fetch *f = rm_container_of(call, struct key_fetch, call);
    struct rm_err err = call->err;
    uint32_t n_keys = 0;
    int code = err.code;
    if (code == RM_ETOOBIG)
        (void)rm_fail(&err, code, "more than %zu bytes", f->body.max);
    if (code == RM_OK && call->status != 200)
        code = rm_fail(&err, RM_ESTATUS, "status %d", call->status);
    if (code == RM_OK)
        code = rm_keyring_put(f->ring, rm_buf_str(&f->body), &n_keys, &err);
    fetch_over(f, code, &err, n_keys);
}

static void fetch_late(struct rm_timer *timer)
{
    struct key_fetch *f = rm_container_of(timer, struct key_fetch, late);
    struct rm_api *api = rm_api_client_api(f->client);
    struct rm_err err;
    api->cancel(api, &f->call);
    int code = rm_fail(&err, RM_ETIMEOUT, "no answer in %d s", (int)(KEYS_FETCH_US / RM_SEC));
    fetch_over(f, code, &err, 0);
}

static void fetch_next(struct rm_timer *timer)
{
    fetch_begin(rm_container_of(timer, struct key_fetch, next));
}

// Somebody waits for a key. One who came when a fetch had just ended goes on at once.
static void fetch_asked(void *arg)
{
    struct key_fetch *f = arg;
    if (f->call.impl)
        return;
    uint64_t now_us = rm_loop_now_us(f->all->loop);
    if (rm_keyring_may_wait(f->ring, now_us))
        fetch_begin(f);
    else
        rm_keyring_wake(f->ring);
}

static int fetch_where(void *arg, struct rm_arena *arena, struct rm_api_target *target, struct rm_err *err)
{
    const struct key_fetch *f = arg;
    (void)arena;
    (void)err;
    *target = f->target;
    return RM_OK;
}

// ---- sources ---------------------------------------------------------------------------------------------------------

// "https://host:1/path?query" into where to connect and what to ask for.
static int fetch_aim(struct key_fetch *f, const struct rm_plan_keys *keys, struct rm_err *err)
{
    f->url = rm_arena_dup(&f->arena, keys->url);
    const char *end = f->url.p + f->url.n, *host = memchr(f->url.p, '/', f->url.n);
    RM_ASSERT(host && end - host > 2); // of the configuration, which was checked
    const char *path = host + 2;
    while (path < end && *path != '/' && *path != '?')
        path++;
    struct rm_origin origin;
    int code = rm_origin_parse(&f->arena, rm_str_sub(f->url, 0, (size_t)(path - f->url.p)), &origin, err);
    if (code != RM_OK)
        return code;
    struct rm_str rest = rm_str_sub(f->url, (size_t)(path - f->url.p), f->url.n);
    f->path = rm_arena_printf(&f->arena, "%s%.*s", rest.n == 0 || rest.p[0] != '/' ? "/" : "", (int)rest.n, rest.p);
    f->target = (struct rm_api_target){.scheme = origin.scheme,
                                       .host = origin.name,
                                       .port = origin.port,
                                       .ca_file = rm_arena_dup(&f->arena, keys->ca_file)};
    return RM_OK;
}

static struct key_fetch *fetches_find(struct rm_key_fetches *all, const struct rm_plan_keys *keys)
{
    RM_LIST_FOR (at, &all->all) {
        struct key_fetch *f = rm_container_of(at, struct key_fetch, link);
        if (f->ring == keys->ring)
            return f;
    }
    return NULL;
}

int rm_key_fetches_acquire(struct rm_key_fetches *all, const struct rm_plan_keys *keys, struct rm_err *err)
{
    struct key_fetch *f = fetches_find(all, keys);
    if (f) {
        f->users++;
        return RM_OK;
    }
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    f = RM_NEW(&arena, struct key_fetch);
    f->arena = arena;
    f->all = all;
    f->users = 1;
    f->ring = keys->ring;
    f->refresh_us = keys->refresh_us;
    f->cooldown_us = keys->cooldown_us;
    f->call = (struct rm_api_call){.head = fetch_head, .data = fetch_data, .done = fetch_done, .compress = true};
    f->next.fire = fetch_next;
    f->late.fire = fetch_late;
    rm_buf_init(&f->body, RM_JWK_SET_BYTES_MOST, NULL);
    int code = fetch_aim(f, keys, err);
    if (code == RM_OK)
        code = rm_api_client_new(&f->client, all->loop, fetch_where, f, err);
    if (code != RM_OK) {
        arena = f->arena;
        rm_arena_fini(&arena);
        return code;
    }
    rm_list_push_back(&all->all, &f->link);
    rm_keyring_serve(f->ring, all->loop, fetch_asked, f);
    fetch_begin(f);
    return RM_OK;
}

void rm_key_fetches_release(struct rm_key_fetches *all, const struct rm_plan_keys *keys)
{
    struct key_fetch *f = fetches_find(all, keys);
    RM_ASSERT(f);
    if (--f->users > 0)
        return;
    struct rm_api *api = rm_api_client_api(f->client);
    rm_keyring_serve(f->ring, all->loop, NULL, NULL);
    api->cancel(api, &f->call);
    rm_api_client_free(f->client);
    rm_timer_stop(&f->next);
    rm_timer_stop(&f->late);
    rm_buf_free(&f->body);
    rm_list_remove(&f->link);
    struct rm_arena arena = f->arena;
    rm_arena_fini(&arena);
}

struct rm_key_fetches *rm_key_fetches_new(struct rm_loop *discovery)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_key_fetches *all = RM_NEW(&arena, struct rm_key_fetches);
    all->arena = arena;
    all->loop = discovery;
    rm_list_init(&all->all);
    return all;
}

void rm_key_fetches_free(struct rm_key_fetches *all)
{
    if (!all)
        return;
    RM_ASSERT(rm_list_empty(&all->all));
    struct rm_arena arena = all->arena;
    rm_arena_fini(&arena);
}
