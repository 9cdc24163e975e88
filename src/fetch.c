// One fetch a source at a time, of bounded size and time; what failed is tried again by and by (fetch.h).
// SPDX-License-Identifier: Apache-2.0
#include "fetch.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/pct.h"
#include "policy/bearer.h"
#include "policy/keyring.h"
#include "sd/api_http.h"
#include "sd/origin.h"

#include <remora/log.h>

#define FETCH_MOST_US (10 * RM_SEC)         // it takes no longer
#define FETCH_BACKOFF_FIRST_US (1 * RM_SEC) // after one that failed
#define FETCH_BACKOFF_MOST_US (60 * RM_SEC)
#define FETCH_AHEAD_US (10 * RM_SEC) // before a token is over, KrakenD's; half of its time where that is less

struct fetch {
    struct rm_arena arena; // holds this struct
    struct rm_fetches *all;
    struct rm_list link;
    uint32_t users;
    struct rm_awaited *to;
    struct rm_str shown; // the URL without its query, where secrets may stand
    struct rm_str path;
    struct rm_str basic_form, full_form; // of a token: without and with the client's name and secret
    struct rm_api_target target;
    uint64_t refresh_us, cooldown_us, backoff_us;
    struct rm_api_client *client;
    struct rm_api_call call;
    struct rm_buf body;
    struct rm_timer next, late;
    bool is_token, in_form; // in_form: the server does not take Basic authentication
    bool failed;            // as the log knows
};

struct rm_fetches {
    struct rm_arena arena; // holds this struct
    struct rm_loop *loop;
    struct rm_list all;
};

static const char *fetch_what(const struct fetch *f)
{
    return f->is_token ? "token" : "keys";
}

// ---- a fetch ---------------------------------------------------------------------------------------------------------

static void fetch_begin(struct fetch *f)
{
    if (f->call.impl)
        return;
    f->call = (struct rm_api_call){.head = f->call.head,
                                   .data = f->call.data,
                                   .done = f->call.done,
                                   .form = f->in_form ? f->full_form : f->basic_form,
                                   .compress = true};
    f->body.n = 0;
    rm_timer_stop(&f->next);
    rm_timer_start(f->all->loop, &f->late, rm_loop_now_us(f->all->loop) + FETCH_MOST_US);
    struct rm_api *api = rm_api_client_api(f->client);
    api->start(api, &f->call, f->path);
}

// `next_us`: when it is fetched anew; 0: not of its own accord.
static void fetch_over(struct fetch *f, int code, const struct rm_err *err, uint64_t next_us)
{
    uint64_t now_us = rm_loop_now_us(f->all->loop);
    rm_timer_stop(&f->late);
    rm_buf_free(&f->body);
    if (code != RM_OK) {
        f->backoff_us = f->backoff_us ? f->backoff_us * 2 : FETCH_BACKOFF_FIRST_US;
        next_us = f->backoff_us = f->backoff_us < FETCH_BACKOFF_MOST_US ? f->backoff_us : FETCH_BACKOFF_MOST_US;
        if (!f->failed)
            rm_log(RM_ERROR, "%s not fetched url=%.*s error=%s text=\"%s\"", fetch_what(f), (int)f->shown.n, f->shown.p,
                   rm_code_name(code), err->text);
    } else {
        f->backoff_us = 0;
        rm_log(f->failed ? RM_INFO : RM_DEBUG, "%s fetched url=%.*s", fetch_what(f), (int)f->shown.n, f->shown.p);
    }
    f->failed = code != RM_OK;
    if (next_us > 0)
        rm_timer_start(f->all->loop, &f->next, now_us + next_us);
    rm_awaited_settle(f->to, now_us + f->cooldown_us);
}

static void fetch_head(struct rm_api_call *call)
{
    (void)call; // the status is looked at when all has come
}

static int fetch_data(struct rm_api_call *call, struct rm_str data)
{
    struct fetch *f = rm_container_of(call, struct fetch, call);
    return rm_buf_append(&f->body, data);
}

// RFC 6749 2.3.1: a server need not take Basic authentication if it takes the form; which it is shows when it refuses.
static bool fetch_otherwise(struct fetch *f, int status)
{
    if (!f->is_token || f->in_form || (status != 400 && status != 401))
        return false;
    f->in_form = true;
    fetch_begin(f);
    return true;
}

static void fetch_done(struct rm_api_call *call)
{
    struct fetch *f = rm_container_of(call, struct fetch, call);
    struct rm_err err = call->err;
    uint64_t lasts_us = 0;
    int code = err.code;
    if (code == RM_ETOOBIG)
        (void)rm_fail(&err, code, "more than %zu bytes", f->body.max);
    if (code == RM_OK && call->status != 200) {
        if (fetch_otherwise(f, call->status))
            return;
        f->in_form = false; // both have failed
        code = rm_fail(&err, RM_ESTATUS, "status %d", call->status);
    }
    if (code == RM_OK && f->is_token)
        code = rm_bearer_put(f->to, rm_buf_str(&f->body), rm_loop_now_us(f->all->loop), &lasts_us, &err);
    else if (code == RM_OK)
        code = rm_keyring_put(f->to, rm_buf_str(&f->body), &err);
    if (!f->is_token)
        lasts_us = f->refresh_us;
    else if (lasts_us > 0)
        lasts_us = lasts_us > 2 * FETCH_AHEAD_US ? lasts_us - FETCH_AHEAD_US : lasts_us / 2;
    fetch_over(f, code, &err, lasts_us);
}

static void fetch_late(struct rm_timer *timer)
{
    struct fetch *f = rm_container_of(timer, struct fetch, late);
    struct rm_api *api = rm_api_client_api(f->client);
    struct rm_err err;
    api->cancel(api, &f->call);
    int code = rm_fail(&err, RM_ETIMEOUT, "no answer in %d s", (int)(FETCH_MOST_US / RM_SEC));
    fetch_over(f, code, &err, 0);
}

static void fetch_next(struct rm_timer *timer)
{
    fetch_begin(rm_container_of(timer, struct fetch, next));
}

// Somebody waits. One who came when a fetch had just ended goes on at once.
static void fetch_asked(void *arg)
{
    struct fetch *f = arg;
    if (f->call.impl)
        return;
    if (rm_awaited_may_wait(f->to, rm_loop_now_us(f->all->loop)))
        fetch_begin(f);
    else
        rm_awaited_wake(f->to);
}

static int fetch_where(void *arg, struct rm_arena *arena, struct rm_api_target *target, struct rm_err *err)
{
    const struct fetch *f = arg;
    (void)arena;
    (void)err;
    *target = f->target;
    if (f->in_form)
        target->user = target->password = RM_STR("");
    return RM_OK;
}

// ---- sources ---------------------------------------------------------------------------------------------------------

// "https://host:1/path?query" into where to connect and what to ask for.
static int fetch_aim(struct fetch *f, const struct rm_plan_fetch *of, struct rm_err *err)
{
    struct rm_str url = rm_arena_dup(&f->arena, of->url);
    const char *end = url.p + url.n, *host = memchr(url.p, '/', url.n), *mark = memchr(url.p, '?', url.n);
    RM_ASSERT(host && end - host > 2); // of the configuration, which was checked
    f->shown = rm_str_sub(url, 0, mark ? (size_t)(mark - url.p) : url.n);
    const char *path = host + 2;
    while (path < end && *path != '/' && *path != '?')
        path++;
    struct rm_origin origin;
    int code = rm_origin_parse(&f->arena, rm_str_sub(url, 0, (size_t)(path - url.p)), &origin, err);
    if (code != RM_OK)
        return code;
    struct rm_str rest = rm_str_sub(url, (size_t)(path - url.p), url.n);
    f->path = rm_arena_printf(&f->arena, "%s%.*s", rest.n == 0 || rest.p[0] != '/' ? "/" : "", (int)rest.n, rest.p);
    f->target = (struct rm_api_target){.scheme = origin.scheme,
                                       .host = origin.name,
                                       .port = origin.port,
                                       .ca_file = rm_arena_dup(&f->arena, of->ca_file)};
    return RM_OK;
}

static void fetch_set_client(struct fetch *f, const struct rm_plan_fetch *of)
{
    struct rm_str user = rm_arena_dup(&f->arena, rm_pct_encode_query(&f->arena, of->client));
    struct rm_str password = rm_arena_dup(&f->arena, rm_pct_encode_query(&f->arena, of->secret));
    f->target.user = user; // encoded in the header, too (RFC 6749 2.3.1)
    f->target.password = password;
    f->basic_form = rm_arena_dup(&f->arena, of->form);
    f->full_form = rm_arena_printf(&f->arena, "%.*s&client_id=%.*s&client_secret=%.*s", (int)of->form.n, of->form.p,
                                   (int)user.n, user.p, (int)password.n, password.p);
}

static struct fetch *fetches_find(struct rm_fetches *all, const struct rm_plan_fetch *of)
{
    RM_LIST_FOR (at, &all->all) {
        struct fetch *f = rm_container_of(at, struct fetch, link);
        if (f->to == of->to)
            return f;
    }
    return NULL;
}

int rm_fetches_acquire(struct rm_fetches *all, const struct rm_plan_fetch *of, struct rm_err *err)
{
    struct fetch *f = fetches_find(all, of);
    if (f) {
        f->users++;
        return RM_OK;
    }
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    f = RM_NEW(&arena, struct fetch);
    f->arena = arena;
    f->all = all;
    f->users = 1;
    f->to = of->to;
    f->refresh_us = of->refresh_us;
    f->cooldown_us = of->cooldown_us;
    f->is_token = of->client.n > 0;
    f->call = (struct rm_api_call){.head = fetch_head, .data = fetch_data, .done = fetch_done};
    f->next.fire = fetch_next;
    f->late.fire = fetch_late;
    rm_buf_init(&f->body, f->is_token ? RM_BEARER_BYTES_MOST : RM_JWK_SET_BYTES_MOST, NULL);
    int code = fetch_aim(f, of, err);
    if (code == RM_OK)
        code = rm_api_client_new(&f->client, all->loop, fetch_where, f, err);
    if (code != RM_OK) {
        arena = f->arena;
        rm_arena_fini(&arena);
        return code;
    }
    if (f->is_token)
        fetch_set_client(f, of);
    rm_list_push_back(&all->all, &f->link);
    rm_awaited_serve(f->to, all->loop, fetch_asked, f);
    fetch_begin(f);
    return RM_OK;
}

void rm_fetches_release(struct rm_fetches *all, const struct rm_plan_fetch *of)
{
    struct fetch *f = fetches_find(all, of);
    RM_ASSERT(f);
    if (--f->users > 0)
        return;
    struct rm_api *api = rm_api_client_api(f->client);
    rm_awaited_serve(f->to, all->loop, NULL, NULL);
    api->cancel(api, &f->call);
    rm_api_client_free(f->client);
    rm_timer_stop(&f->next);
    rm_timer_stop(&f->late);
    rm_buf_free(&f->body);
    rm_list_remove(&f->link);
    struct rm_arena arena = f->arena;
    rm_arena_fini(&arena);
}

struct rm_fetches *rm_fetches_new(struct rm_loop *discovery)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_fetches *all = RM_NEW(&arena, struct rm_fetches);
    all->arena = arena;
    all->loop = discovery;
    rm_list_init(&all->all);
    return all;
}

void rm_fetches_free(struct rm_fetches *all)
{
    if (!all)
        return;
    RM_ASSERT(rm_list_empty(&all->all));
    struct rm_arena arena = all->arena;
    rm_arena_fini(&arena);
}
