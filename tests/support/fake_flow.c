// A flow without backends: what each path does is written in the header. One request is one struct fake, in the request's arena.
// SPDX-License-Identifier: Apache-2.0
#include "fake_flow.h"
#include "flow/shadow.h"

#include "base/clock.h"
#include "base/pct.h"
#include "flow/flow.h"

#define FAKE_BLOCK ((size_t)16 << 10)

struct rm_flow {
    struct rm_arena arena;
    struct rm_plan *plan;
};

struct fake {
    struct rm_request *rq;
    struct rm_task task;
    struct rm_timer timer;
    void (*step)(struct fake *);
    bool head_said;
    size_t left, until_cut, counted;
    bool rests; // between two reads
    char *kept;
};

const char *const fake_endpoints[] = {
    "GET /hello",        "POST /echo",         "GET /wait",         "GET /never",
    "POST /never",       "GET /say",           "GET /u/{id}",       "GET /stream/say",
    "POST /stream/say",  "POST /stream/count", "GET /stream/count", "POST /stream/slow",
    "POST /stream/echo", "POST /stream/early", "GET /stream/never", NULL};
struct fake_counts fake_counts;
static atomic_bool fake_released;

void fake_flow_reset(void)
{
    memset(&fake_counts, 0, sizeof(fake_counts));
    atomic_store(&fake_released, false);
}

void fake_flow_release(void)
{
    atomic_store(&fake_released, true);
}

int rm_flow_new(struct rm_flow **out, struct rm_loop *loop, struct rm_plan *plan, struct rm_cache *cache,
                const struct rm_flow *before, struct rm_err *err)
{
    (void)loop;
    (void)cache;
    (void)before;
    (void)err;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_flow *flow = RM_NEW(&arena, struct rm_flow);
    flow->arena = arena;
    flow->plan = plan;
    *out = flow;
    return RM_OK;
}

void rm_flow_free(struct rm_flow *flow)
{
    if (!flow)
        return;
    struct rm_arena arena = flow->arena; // flow lies in it
    rm_arena_fini(&arena);
}

struct rm_plan *rm_flow_plan(struct rm_flow *flow)
{
    return flow->plan;
}

void rm_flow_count_begin(struct rm_flow *flow, const struct rm_endpoint *endpoint)
{
    (void)flow;
    RM_ASSERT(endpoint);
    atomic_fetch_add(&fake_counts.begun, 1);
}

void rm_flow_count_end(struct rm_flow *flow, const struct rm_endpoint *endpoint, const struct rm_ended *ended)
{
    (void)flow;
    RM_ASSERT(endpoint || !ended->begun);
    if (ended->begun)
        atomic_fetch_sub(&fake_counts.begun, 1);
}

static size_t fake_number(const struct fake *f, struct rm_str name, size_t otherwise)
{
    struct rm_str rest = f->rq->query;
    struct rm_query_pair pair;
    while (rm_query_next(&rest, &pair)) {
        if (!rm_str_eq(pair.key, name))
            continue;
        size_t n = 0;
        for (size_t i = 0; i < pair.value.n; i++)
            n = n * 10 + (size_t)(pair.value.p[i] - '0');
        return n;
    }
    return otherwise;
}

static void fake_head(struct fake *f)
{
    struct rm_request *rq = f->rq;
    rq->reply.status = (int)fake_number(f, RM_STR("status"), 200);
    rm_headers_add(&rq->arena, &rq->reply.headers, RM_STR("Content-Type"), RM_STR("text/x-fake"));
    rm_headers_add(&rq->arena, &rq->reply.headers, RM_STR("Connection"), RM_STR("x-never"));
    rm_headers_add(&rq->arena, &rq->reply.headers, RM_STR("X-Empty"), RM_STR(""));
    size_t n = fake_number(f, RM_STR("head"), 0);
    if (n > 0) {
        char *text = rm_arena_alloc(&rq->arena, n);
        memset(text, 'h', n);
        rm_headers_add(&rq->arena, &rq->reply.headers, RM_STR("X-Long"), (struct rm_str){text, n});
    }
    if (fake_number(f, RM_STR("error"), 0))
        rm_fail(&rq->err, RM_ETIMEOUT, "a fake one");
}

static void fake_over(void)
{
    atomic_fetch_sub(&fake_counts.running, 1);
    atomic_fetch_add(&fake_counts.ended, 1);
}

static void fake_whole(struct fake *f, struct rm_str body)
{
    struct rm_request *rq = f->rq;
    rm_buf_init(&rq->reply.body, body.n, NULL);
    int code = rm_buf_append(&rq->reply.body, body);
    RM_ASSERT(code == RM_OK);
    fake_over();
    rq->out->whole(rq);
}

static void fake_hello(struct fake *f)
{
    fake_head(f);
    fake_whole(f, RM_STR("{\"hello\":true}"));
}

static void fake_param(struct fake *f)
{
    fake_head(f);
    struct rm_request *rq = f->rq;
    fake_whole(f, rm_arena_printf(&rq->arena, "%.*s|%.*s|%.*s|%.*s", (int)rq->params[0].n, rq->params[0].p,
                                  (int)rq->query.n, rq->query.p, (int)rq->host.n, rq->host.p, (int)rq->client_ip.n,
                                  rq->client_ip.p));
}

static void fake_echo(struct fake *f)
{
    fake_head(f);
    fake_whole(f, f->rq->has_body ? f->rq->body : RM_STR("no body"));
}

static void fake_say(struct fake *f)
{
    fake_head(f);
    size_t n = fake_number(f, RM_STR("body"), 3);
    char *text = rm_arena_alloc(&f->rq->arena, n + 1);
    memset(text, 'b', n);
    size_t parts = fake_number(f, RM_STR("parts"), 0);
    if (parts == 0) {
        fake_whole(f, (struct rm_str){text, n});
        return;
    }
    struct rm_refs *refs = RM_NEW(&f->rq->arena, struct rm_refs);
    struct rm_buf before = {.n = 1};
    for (; parts > 0; parts--, before.n++)
        RM_ASSERT(rm_refs_add(refs, &before, (struct rm_str){text, n}));
    f->rq->reply.refs = refs;
    fake_whole(f, rm_str_sub(RM_STR("[,,,,,,,,,,,,,,,]"), 0, before.n));
}

// The bytes of a body that is read are told apart by their places.
static void fake_fill(struct fake *f, char *to, size_t n)
{
    size_t from = fake_number(f, RM_STR("body"), 3) - f->left;
    for (size_t i = 0; i < n; i++)
        to[i] = (char)('a' + (from + i) % 26);
    f->left -= n;
    f->until_cut -= f->until_cut == SIZE_MAX ? 0 : n;
}

static void fake_again(struct fake *f);

int64_t rm_request_read(struct rm_request *rq, char *to, size_t n)
{
    struct fake *f = (struct fake *)(void *)rq->root;
    atomic_fetch_add(&fake_counts.reads, 1);
    bool pauses = fake_number(f, RM_STR("pause"), 0) != 0;
    if (f->rests)
        return RM_AGAIN;
    n = n < f->left ? n : f->left;
    n = n < f->until_cut ? n : f->until_cut;
    n = pauses && n > FAKE_BLOCK ? FAKE_BLOCK : n;
    fake_fill(f, to, n);
    if (f->left == 0 || f->until_cut == 0) {
        fake_again(f); // the end is told later in this turn
    } else if (pauses) {
        f->rests = true;
        rm_timer_start(rq->loop, &f->timer, rm_loop_now_us(rq->loop) + 2 * RM_MS);
    }
    return (int64_t)n;
}

// The first bytes come as a chunk, the rest is read.
static bool fake_is_read(struct fake *f)
{
    struct rm_request *rq = f->rq;
    if (!fake_number(f, RM_STR("read"), 0) || f->left == 0 || f->until_cut == 0)
        return false;
    if (f->left == fake_number(f, RM_STR("body"), 3)) {
        char first[100];
        size_t n = f->left < sizeof(first) ? f->left : sizeof(first);
        n = n < f->until_cut ? n : f->until_cut;
        fake_fill(f, first, n);
        RM_ASSERT(rq->out->chunk(rq, (struct rm_str){first, n}) == RM_OK);
    }
    f->rests = false;
    return f->left > 0 && f->until_cut > 0 && rq->out->readable(rq);
}

static void fake_stream(struct fake *f)
{
    struct rm_request *rq = f->rq;
    if (!f->head_said) {
        f->head_said = true;
        f->left = fake_number(f, RM_STR("body"), 3);
        f->until_cut = fake_number(f, RM_STR("cut"), SIZE_MAX);
        fake_head(f);
        rq->reply.length = fake_number(f, RM_STR("length"), 0) ? (int64_t)f->left : -1;
        rq->out->head(rq);
    }
    static char block[FAKE_BLOCK];
    if (fake_number(f, RM_STR("hold"), 0) || fake_is_read(f))
        return;
    while (f->left > 0 && f->until_cut > 0) {
        size_t n = f->left < FAKE_BLOCK ? f->left : FAKE_BLOCK;
        n = n < f->until_cut ? n : f->until_cut;
        if (rq->out->chunk(rq, (struct rm_str){block, n}) != RM_OK) {
            atomic_fetch_add(&fake_counts.refused_chunks, 1);
            return; // rm_request_writable() goes on
        }
        f->left -= n;
        f->until_cut -= f->until_cut == SIZE_MAX ? 0 : n;
        if (f->left > 0 && fake_number(f, RM_STR("pause"), 0)) {
            rm_timer_start(rq->loop, &f->timer, rm_loop_now_us(rq->loop) + 2 * RM_MS);
            return;
        }
    }
    if (fake_number(f, RM_STR("trailer"), 0))
        rm_headers_add(&rq->arena, &rq->reply.trailers, RM_STR("X-Sum"), RM_STR("42"));
    fake_over();
    if (f->until_cut == 0)
        rq->out->cut(rq);
    else
        rq->out->end(rq);
}

static void fake_count(struct fake *f)
{
    struct rm_request *rq = f->rq;
    static _Thread_local char block[FAKE_BLOCK];
    int64_t n = 0;
    while (rq->source && (n = rq->source->read(rq->source, block, sizeof(block))) > 0) {
        f->counted += (size_t)n;
        atomic_fetch_add(&fake_counts.taken, (unsigned)n);
    }
    if (n == RM_AGAIN)
        return; // rm_request_body_ready() goes on
    fake_head(f);
    fake_whole(f, rm_arena_printf(&rq->arena, "%zu", f->counted));
}

static void fake_echo_stream(struct fake *f)
{
    struct rm_request *rq = f->rq;
    static _Thread_local char block[FAKE_BLOCK];
    if (!f->head_said) {
        f->head_said = true;
        fake_head(f);
        rq->reply.length = -1;
        rq->out->head(rq);
        f->kept = rm_arena_alloc(&rq->arena, FAKE_BLOCK);
    }
    for (;;) {
        if (f->left > 0 && rq->out->chunk(rq, (struct rm_str){f->kept, f->left}) != RM_OK) {
            atomic_fetch_add(&fake_counts.refused_chunks, 1);
            return;
        }
        f->left = 0;
        int64_t n = rq->source ? rq->source->read(rq->source, block, sizeof(block)) : 0;
        if (n == RM_AGAIN)
            return;
        if (n == 0)
            break;
        memcpy(f->kept, block, (size_t)n);
        f->left = (size_t)n;
    }
    fake_over();
    rq->out->end(rq);
}

static void fake_slow(struct fake *f)
{
    if (atomic_load(&fake_released)) {
        f->step = fake_count;
        fake_count(f);
        return;
    }
    rm_timer_start(f->rq->loop, &f->timer, rm_loop_now_us(f->rq->loop) + RM_MS);
}

static void fake_wait(struct fake *f)
{
    f->step = fake_hello;
    rm_timer_start(f->rq->loop, &f->timer, rm_loop_now_us(f->rq->loop) + fake_number(f, RM_STR("ms"), 10) * RM_MS);
}

static void fake_never(struct fake *f)
{
    (void)f;
}

static const struct {
    const char *path;
    void (*step)(struct fake *);
} fake_paths[] = {
    {"/hello", fake_hello},
    {"/echo", fake_echo},
    {"/wait", fake_wait},
    {"/never", fake_never},
    {"/say", fake_say},
    {"/u/{id}", fake_param},
    {"/stream/say", fake_stream},
    {"/stream/count", fake_count},
    {"/stream/slow", fake_slow},
    {"/stream/echo", fake_echo_stream},
    {"/stream/early", fake_stream},
    {"/stream/never", fake_never},
};

static struct fake *fake_of(struct rm_request *rq)
{
    return (struct fake *)(void *)rq->root;
}

static void fake_again(struct fake *f)
{
    if (!f->task.queued)
        rm_task_queue(f->rq->loop, &f->task);
}

static void fake_run(struct rm_task *task)
{
    struct fake *f = rm_container_of(task, struct fake, task);
    f->step(f);
}

static void fake_fire(struct rm_timer *timer)
{
    struct fake *f = rm_container_of(timer, struct fake, timer);
    fake_again(f);
}

void rm_request_start(struct rm_request *rq)
{
    struct fake *f = RM_NEW(&rq->arena, struct fake);
    f->rq = rq;
    f->task.run = fake_run;
    f->timer.fire = fake_fire;
    rq->root = (struct rm_call *)(void *)f;
    for (size_t i = 0; i < RM_COUNT(fake_paths); i++)
        if (rm_str_eq(rq->endpoint->conf->path, rm_str_of(fake_paths[i].path)))
            f->step = fake_paths[i].step;
    RM_ASSERT(f->step);
    atomic_fetch_add(&fake_counts.started, 1);
    atomic_fetch_add(&fake_counts.running, 1);
    rm_task_queue(rq->loop, &f->task);
}

void rm_request_cancel(struct rm_request *rq)
{
    struct fake *f = fake_of(rq);
    rm_timer_stop(&f->timer);
    rm_task_cancel(rq->loop, &f->task);
    atomic_fetch_sub(&fake_counts.running, 1);
    atomic_fetch_add(&fake_counts.cancelled, 1);
}

void rm_shadows_end(struct rm_shadows *shadows)
{
    RM_ASSERT(rm_list_empty(&shadows->running));
}

void rm_request_writable(struct rm_request *rq)
{
    fake_again(fake_of(rq));
}

void rm_request_body_ready(struct rm_request *rq)
{
    if (fake_of(rq)->step == fake_count || fake_of(rq)->step == fake_echo_stream)
        fake_again(fake_of(rq));
}

void rm_reply_plain(struct rm_request *rq, const struct rm_plan *plan, int status, struct rm_str content_type,
                    struct rm_str body)
{
    rq->reply.status = status;
    if (status == 404 || status == 405) {
        rm_headers_add(&rq->arena, &rq->reply.headers, RM_STR(RM_VERSION_HEADER_NAME), plan->version_header);
        rm_headers_add(&rq->arena, &rq->reply.headers, RM_STR("X-Krakend-Completed"), RM_STR("false"));
    }
    rm_buf_init(&rq->reply.body, body.n, NULL);
    if (rm_buf_append(&rq->reply.body, body) == RM_OK && body.n > 0)
        rm_headers_add(&rq->arena, &rq->reply.headers, RM_STR("Content-Type"), content_type);
}
