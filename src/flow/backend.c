// One backend call: a host, an exchange, another host where that one fails (retry.h), the redirects on a host, and what the answer is
// worth. Owns its exchange and the hosts that it picked, which it gives back when it is over or cancelled.
// SPDX-License-Identifier: Apache-2.0
#include "flow/backend.h"
#include "flow/admit.h"
#include "flow/balance.h"
#include "flow/head.h"
#include "flow/lambda.h"
#include "flow/local.h"
#include "flow/martian.h"
#include "flow/retry.h"
#include "flow/status.h"
#include "flow/stream.h"
#include "flow/when.h"

#include "base/clock.h"
#include "net/redirect.h"
#include "policy/http_cache.h"
#include "pool/snapshot.h"

#include <remora/log.h>

// Before the only host is asked again that refused a connection: it may be starting anew. And what counts as refusing.
#define BACKEND_PAUSE_US (50 * RM_MS)
#define BACKEND_AT_ONCE_US (100 * RM_MS)
#define BACKEND_CONNECT_US (1 * RM_SEC)

// Attempts that failed before the one that runs.
struct backend_tried {
    uint32_t n;
    struct rm_pick *picks;
    const struct rm_host **hosts;
};

struct backend_call {
    struct rm_slot slot; // first
    struct rm_stream *stream;
    struct rm_pick pick;
    struct rm_exchange *x; // the newest one
    uint64_t asked_us;     // when it began
    struct backend_tried tried;
    struct rm_timer pause; // before the only host is asked again
    struct rm_tapped_source source;
    struct rm_admit *admit;            // NULL: no policy of the backend
    struct rm_modified *modified;      // NULL: no modifier/martian
    uint64_t began_us, received_bytes; // for the counts
    uint32_t hops, repeats; // repeats: of a function's call
    bool is_redirect; // x's answer, when it streams: decided with its head
    // What is sent; a redirect changes it.
    struct rm_str method, target, path; // path: the target without the base path of a host
    struct rm_headers headers;
    struct rm_str body;
    enum rm_gzip gzip;
    bool sends_body; // the client's, or the ask's own
    bool says_empty; // if there is none: Content-Length: 0, without which some servers answer 411 (RFC 9110 8.6)
    struct rm_redirect next;
};

static void backend_ask(struct backend_call *);
static void backend_admit(struct backend_call *);
static void backend_exchange_done(struct rm_call *);

// ---- counts ----------------------------------------------------------------------------------------------------------

static struct rm_counts *backend_counts(const struct backend_call *b)
{
    const struct rm_request *rq = b->slot.part.rq;
    return rm_counts_at(&rq->flow->counts, rm_counts_of_backend(rq->endpoint, b->slot.backend->index));
}

static void backend_count_begin(struct backend_call *b)
{
    b->began_us = rm_loop_now_us(b->slot.part.call.loop);
    backend_counts(b)->in_flight++;
}

// `code` RM_ECANCEL: nobody wants its answer any more.
static void backend_count_end(const struct backend_call *b, int code)
{
    struct rm_counts *counts = backend_counts(b);
    int class = b->x && code != RM_ECANCEL ? b->x->status / 100 : 0;
    counts->in_flight--;
    counts->by_class[class < RM_COUNTS_CLASSES ? class : 0]++;
    counts->received_bytes += b->received_bytes;
    counts->sent_bytes += b->source.bytes;
    if (code == RM_ECANCEL)
        counts->cancelled++;
    else if (code != RM_OK)
        counts->failed[-code]++;
    rm_counts_took(counts, rm_loop_now_us(b->slot.part.call.loop) - b->began_us);
}

// ---- answers that are not collected --------------------------------------------------------------------------------

static bool backend_drop_head(struct rm_exchange *x)
{
    (void)x;
    return false; // no chunk comes then
}

static const struct rm_answer_sink backend_drop = {.head = backend_drop_head};

// 1: b->next is to be asked. 0: the answer is final. RM_EREDIRECT: it may not be followed.
static int backend_redirect(struct backend_call *b, const struct rm_exchange *x, struct rm_err *err)
{
    struct rm_redirect_in in = {
        .method = b->method,
        .target = b->target,
        .host = b->pick.host,
        .has_body = b->sends_body,
        .send_body_on_redirect = b->slot.backend->conf->send_body_on_redirect && !b->slot.part.rq->source,
        .status = x->status,
        .location = rm_headers_find(&x->answer, RM_STR("location")),
    };
    if (b->slot.backend->conf->no_redirect)
        return 0;
    int rc = rm_redirect_next(b->slot.part.call.arena, &in, &b->next, err);
    if (rc == 1 && ++b->hops > RM_REDIRECTS_MOST)
        return rm_fail(err, RM_EREDIRECT, "more than %d redirects", RM_REDIRECTS_MOST);
    return rc;
}

// The answer as modifiers leave it; NULL, with *err: one failed. The exchange itself stays as it is, for counts and for who frees it.
static const struct rm_exchange *backend_answer(struct backend_call *b, const struct rm_exchange *x, struct rm_err *err)
{
    struct rm_modified *m = b->modified;
    if (!m)
        return x;
    struct rm_exchange *out = rm_arena_alloc(m->arena, sizeof(*out));
    *out = *x;
    m->status = x->status;
    m->has_body = false;
    rm_head_copy(m->arena, &x->answer, 4, &m->answer);
    if (rm_martian_apply(b->slot.backend->conf->martian, RM_MARTIAN_RESPONSE, m, err) != RM_OK)
        return NULL;
    out->status = m->status;
    out->answer = m->answer;
    if (m->has_body) // the plan's, and borrowed
        out->body_out = (struct rm_buf){.p = (char *)(uintptr_t)m->body.p, .n = m->body.n};
    return out;
}

static bool backend_stream_head(struct rm_exchange *x)
{
    struct backend_call *b = x->owner;
    int rc = backend_redirect(b, x, &b->slot.part.call.err);
    b->is_redirect = rc == 1;
    const struct rm_exchange *answer = rc == 0 ? backend_answer(b, x, &b->slot.part.call.err) : NULL;
    return answer && rm_stream_head(b->stream, answer);
}

static int backend_stream_chunk(struct rm_exchange *x, struct rm_str data)
{
    struct backend_call *b = x->owner;
    int code = rm_stream_chunk(b->stream, data);
    if (code == RM_OK)
        b->received_bytes += data.n;
    return code;
}

static bool backend_stream_readable(struct rm_exchange *x)
{
    struct backend_call *b = x->owner;
    return rm_stream_readable(b->stream);
}

static const struct rm_answer_sink backend_stream = {backend_stream_head, backend_stream_chunk,
                                                     backend_stream_readable};

// ---- attempts ------------------------------------------------------------------------------------------------------

// How long the attempt may take, where another host may follow: half of what is left, and a second at most, for the connection.
static void backend_set_times(const struct backend_call *b, struct rm_exchange *x)
{
    const struct rm_conf_balance *rule = &b->slot.backend->conf->balance;
    uint64_t all_us = b->slot.part.deadline_us, left_us = all_us > b->asked_us ? all_us - b->asked_us : 0;
    x->deadline_us = all_us;
    if (!rule->retries || b->pick.alone || b->hops > 0 || b->tried.n + 1 >= rule->retry_attempts)
        return;
    x->connect_by_us = b->asked_us + (left_us / 2 < BACKEND_CONNECT_US ? left_us / 2 : BACKEND_CONNECT_US);
    if (rule->retry_attempt_us > 0 && rule->retry_attempt_us < left_us && !x->source &&
        rm_retry_is_repeatable(b->slot.backend->conf->method))
        x->deadline_us = b->asked_us + rule->retry_attempt_us;
}

// Tells the pool how the attempt ended, and the log when that changes the host's state.
static void backend_report(struct backend_call *b, const struct rm_exchange *x, int code, uint64_t now_us)
{
    const struct rm_host *host = b->pick.host;
    if (b->slot.backend->cache && rm_http_cache_hit(x)) // nobody was asked
        return;
    enum rm_outcome outcome = rm_retry_outcome(x, code, now_us - b->asked_us);
    enum rm_health_change change = rm_pool_report(&b->pick, outcome, now_us);
    if (change == RM_HEALTH_SAME)
        return;
    const char *why = code == RM_OK ? "status" : rm_code_name(code);
    if (change == RM_HEALTH_OUT)
        rm_log(RM_WARNING, "host taken out host=%.*s:%u name=%.*s after=%s", (int)host->address.n, host->address.p,
               host->port, (int)host->name.n, host->name.p, why);
    else
        rm_log(RM_INFO, "host is back host=%.*s:%u name=%.*s", (int)host->address.n, host->address.p, host->port,
               (int)host->name.n, host->name.p);
}

static const struct rm_host *backend_pick(struct backend_call *b)
{
    const struct rm_request *rq = b->slot.part.rq;
    const struct rm_backend *backend = b->slot.backend;
    struct rm_pick_ask ask = {.now_us = rm_loop_now_us(rq->loop), .avoid = b->tried.hosts, .n_avoid = b->tried.n};
    if (backend->conf->balance.hash_on != RM_HASH_ON_NOTHING)
        ask.hash = rm_balance_key(&backend->conf->balance, rq);
    return rm_pool_pick(&rq->flow->views[backend->view]->pool, &ask, &b->pick);
}

// The target on the host that was picked.
static void backend_aim(struct backend_call *b)
{
    struct rm_str base = b->pick.host->base_path;
    b->target = b->path;
    if (base.n > 0)
        b->target =
            rm_arena_printf(b->slot.part.call.arena, "%.*s%.*s", (int)base.n, base.p, (int)b->path.n, b->path.p);
}

static void backend_keep_tried(struct backend_call *b)
{
    struct backend_tried *tried = &b->tried;
    if (!tried->picks) {
        uint32_t most = b->slot.backend->conf->balance.retry_attempts;
        tried->picks = RM_NEW_ARRAY(b->slot.part.call.arena, struct rm_pick, most);
        tried->hosts = RM_NEW_ARRAY(b->slot.part.call.arena, const struct rm_host *, most);
    }
    tried->picks[tried->n] = b->pick;
    tried->hosts[tried->n++] = b->pick.host;
}

// True: the call goes on with another attempt.
static bool backend_again(struct backend_call *b, const struct rm_exchange *x, uint64_t now_us)
{
    struct rm_part *part = &b->slot.part;
    const struct rm_conf_backend *conf = b->slot.backend->conf;
    const struct rm_conf_balance *rule = &conf->balance;
    if (!rule->retries || b->tried.n + 1 >= rule->retry_attempts || b->hops > 0 || now_us >= part->deadline_us ||
        !rm_retry_is_safe(x, conf->method, b->source.consumed))
        return false;
    bool refused =
        !x->sent && now_us - b->asked_us < BACKEND_AT_ONCE_US && now_us + BACKEND_PAUSE_US < part->deadline_us;
    if (b->pick.alone && !refused)
        return false;
    struct rm_pool_view *view = &part->rq->flow->views[b->slot.backend->view]->pool;
    struct rm_pick failed = b->pick;
    backend_keep_tried(b);
    if (backend_pick(b)) {
        bool same = false;
        for (uint32_t i = 0; i < b->tried.n; i++)
            same = same || rm_host_same(b->tried.hosts[i], b->pick.host);
        if ((!same || refused) && rm_pool_retry(view, rule->retry_budget_percent, now_us)) {
            if (same)
                rm_timer_start(part->call.loop, &b->pause, now_us + BACKEND_PAUSE_US);
            backend_aim(b);
            backend_counts(b)->retries++;
            rm_log(RM_DEBUG, "asking again host=%.*s:%u error=%s tried=%u", (int)b->pick.host->address.n,
                   b->pick.host->address.p, b->pick.host->port, rm_code_name(x->call.err.code), b->tried.n);
            return true;
        }
        rm_pool_unpick(view, &b->pick);
    }
    b->tried.n--;
    b->pick = failed;
    return false;
}

static void backend_paused(struct rm_timer *timer)
{
    backend_ask(rm_container_of(timer, struct backend_call, pause));
}

// ---- the call ------------------------------------------------------------------------------------------------------

static void backend_ask(struct backend_call *b)
{
    struct rm_part *part = &b->slot.part;
    const struct rm_request *rq = part->rq;
    const struct rm_flow *flow = rq->flow;
    const struct rm_conf_limits *limits = &flow->plan->conf->limits;
    const struct rm_flow_transport *t = flow->transports[b->slot.backend->transport];
    const struct rm_http_cache *cache = b->slot.backend->cache;
    struct rm_exchange *x = cache ? rm_http_cache_exchange(cache, t->ops, t->self, part->call.loop, part->call.arena,
                                                           &part->call, backend_exchange_done)
                                  : rm_exchange_new(t->ops, t->self, part->call.loop, part->call.arena, &part->call,
                                                    backend_exchange_done);
    x->host = b->pick.host;
    x->method = b->method;
    x->target = b->target;
    x->headers = b->headers;
    x->has_body = b->sends_body || b->says_empty;
    if (b->sends_body) {
        x->body = b->body;
        if (rq->source) {
            rm_tapped_source_init(&b->source, rq->source);
            x->source = &b->source.source;
        }
    }
    b->asked_us = rm_loop_now_us(part->call.loop);
    backend_set_times(b, x);
    x->gzip = b->gzip;
    x->max_body = limits->backend_body_bytes;
    x->max_head = limits->backend_head_bytes;
    x->budget = flow->plan->budget;
    x->owner = b;
    if (b->stream)
        x->sink = &backend_stream;
    else if (!b->slot.backend->decoder)
        x->sink = &backend_drop;
    backend_counts(b)->sent_bytes += x->body.n;
    if (b->slot.backend->lambda)
        rm_lambda_sign(b->slot.backend->lambda, x);
    b->x = x;
    struct rm_fetch *fetch = RM_NEW(part->call.arena, struct rm_fetch);
    *fetch = (struct rm_fetch){x, b->slot.ask->fetches};
    b->slot.ask->fetches = fetch;
    rm_call_start(&x->call);
}

// Also notes for the log where it was, unless all went well.
static void backend_release(struct backend_call *b, bool note)
{
    if (note && b->pick.host)
        b->slot.where = rm_arena_printf(b->slot.part.call.arena, "%.*s:%u", (int)b->pick.host->address.n,
                                        b->pick.host->address.p, b->pick.host->port);
    rm_pool_release(&b->pick);
    while (b->tried.n > 0)
        rm_pool_release(&b->tried.picks[--b->tried.n]);
}

static void backend_over(struct backend_call *);

// It is not asked after all.
static void backend_turn_away(struct backend_call *b, const struct rm_err *err)
{
    struct rm_part *part = &b->slot.part;
    rm_pool_unpick(&part->rq->flow->views[b->slot.backend->view]->pool, &b->pick);
    b->slot.detail = rm_arena_dup(part->call.arena, rm_str_of(err->text));
    part->call.err = rm_status_public(err);
    backend_over(b);
}

static void backend_admitted(struct rm_call *wait)
{
    struct backend_call *b = (struct backend_call *)wait->up;
    backend_admit(b);
}

// The backend's policies have the word.
static void backend_admit(struct backend_call *b)
{
    struct rm_part *part = &b->slot.part;
    struct rm_err err;
    int said = rm_admit_enter(b->admit, &part->call, backend_admitted, &err);
    if (said == RM_OK) {
        backend_ask(b);
    } else if (said == RM_AGAIN) {
        rm_call_start(b->admit->wait);
    } else {
        backend_turn_away(b, &err);
    }
}

// What is sent: what was asked for, and what modifiers make of it.
static int backend_prepare(struct backend_call *b, struct rm_err *err)
{
    struct rm_arena *arena = b->slot.part.call.arena;
    const struct rm_request *rq = b->slot.part.rq;
    const struct rm_ask *ask = b->slot.ask;
    const struct rm_martian *martian = b->slot.backend->conf->martian;
    struct rm_str more = ask->more_query;
    b->method = b->slot.backend->method;
    b->path = ask->target;
    if (more.n > 0)
        b->path = rm_arena_printf(arena, "%.*s%s%.*s", (int)b->path.n, b->path.p,
                                  memchr(b->path.p, '?', b->path.n) ? "&" : "?", (int)more.n, more.p);
    b->headers = ask->headers;
    b->gzip = ask->gzip;
    b->body = ask->has_own_body ? ask->own_body : rq->body;
    b->sends_body = b->body.n > 0 || (!ask->has_own_body && rq->source);
    if (b->slot.backend->admissions || martian) // its own: some may be added
        rm_head_copy(arena, &ask->headers, 4, &b->headers);
    if (!martian)
        return RM_OK;
    struct rm_modified *m = b->modified = RM_NEW(arena, struct rm_modified);
    *m = (struct rm_modified){.arena = arena, .host = b->pick.host, .target = b->path, .asked = b->headers};
    int rc = rm_martian_apply(martian, RM_MARTIAN_REQUEST, m, err);
    b->path = m->target;
    b->headers = m->asked;
    b->gzip = rm_head_gzip(&b->headers, b->stream != NULL, rq->flow->plan->conf->disable_compression);
    if (m->has_body) {
        b->body = m->body;
        b->sends_body = b->body.n > 0;
    }
    return rc;
}

static void backend_start(struct rm_call *call)
{
    struct backend_call *b = (struct backend_call *)call;
    const struct rm_backend *backend = b->slot.backend;
    struct rm_err err;
    if (backend->conf->when.of != RM_WHEN_ALWAYS &&
        !rm_when_holds(&backend->conf->when, b->slot.part.rq, b->slot.ask->answers, call->arena)) {
        b->slot.part.data = rm_value_new(call->arena, RM_OBJECT); // of no part, and nothing is missing
        b->slot.part.answered = b->slot.part.complete = true;
        rm_call_done(call);
        return;
    }
    backend_count_begin(b);
    if (b->slot.ask->err.code != RM_OK) {
        call->err = b->slot.ask->err;
        backend_count_end(b, call->err.code);
        rm_call_done(call);
        return;
    }
    if (!backend_pick(b)) {
        rm_fail(&err, RM_ENOHOST, "no hosts available");
        call->err = err;
        backend_count_end(b, RM_ENOHOST);
        rm_call_done(call);
        return;
    }
    enum rm_method method = backend->conf->method;
    if (backend_prepare(b, &err) != RM_OK) {
        backend_turn_away(b, &err);
        return;
    }
    backend_aim(b);
    b->says_empty = method == RM_POST || method == RM_PUT || method == RM_PATCH;
    if (!backend->admissions) {
        backend_ask(b);
        return;
    }
    b->admit = RM_NEW(call->arena, struct rm_admit);
    struct rm_departure departure = {
        .arena = call->arena, .loop = call->loop, .headers = &b->headers, .visit = b->slot.part.rq->visit};
    rm_admit_init(b->admit, backend->admissions, &departure);
    backend_admit(b);
}

static void backend_cancel(struct rm_call *call)
{
    struct backend_call *b = (struct backend_call *)call;
    uint64_t now_us = rm_loop_now_us(call->loop);
    enum rm_call_state state = b->x ? b->x->call.state : RM_CALL_NEW;
    rm_timer_stop(&b->pause);
    if (b->x)
        rm_call_cancel(&b->x->call);
    bool late = now_us >= b->slot.part.deadline_us;
    if (b->admit)
        rm_admit_leave(b->admit, now_us, late ? RM_ETIMEOUT : RM_ECANCEL);
    if (state == RM_CALL_READY) // it ended in this very turn
        backend_report(b, b->x, b->x->call.err.code, now_us);
    else if (state == RM_CALL_RUNNING && late)
        backend_report(b, b->x, RM_ETIMEOUT, now_us);
    backend_count_end(b, late ? RM_ETIMEOUT : RM_ECANCEL);
    backend_release(b, true);
}

static void backend_over(struct backend_call *b)
{
    int code = b->slot.part.call.err.code;
    if (b->admit)
        rm_admit_leave(b->admit, rm_loop_now_us(b->slot.part.call.loop), code);
    backend_count_end(b, code);
    backend_release(b, code != RM_OK);
    rm_call_done(&b->slot.part.call);
}

static void backend_follow(struct backend_call *b)
{
    struct rm_arena *arena = b->slot.part.call.arena;
    b->says_empty = b->says_empty && rm_str_eq(b->method, b->next.method);
    if (b->sends_body && !b->next.keep_body) {
        struct rm_headers without;
        rm_head_without_content(arena, &b->headers, &without);
        b->headers = without;
    }
    b->sends_body = b->next.keep_body;
    b->method = b->next.method;
    b->target = b->next.target;
    backend_ask(b);
}

static void backend_failed(struct backend_call *b, const struct rm_exchange *x)
{
    struct rm_part *part = &b->slot.part;
    uint64_t now_us = rm_loop_now_us(part->call.loop);
    backend_report(b, x, x->call.err.code, now_us);
    if (part->call.err.code == RM_OK) { // else something of ours made it fail
        if (backend_again(b, x, now_us)) {
            if (!b->pause.slot)
                backend_ask(b);
            return;
        }
        b->slot.detail = rm_arena_dup(part->call.arena, rm_str_of(x->call.err.text));
        part->call.err = rm_status_public(&x->call.err);
    }
    backend_over(b);
}

// True: the function's call is made again, after a pause.
static bool backend_repeats(struct backend_call *b, const struct rm_exchange *x)
{
    const struct rm_part *part = &b->slot.part;
    uint64_t now_us = rm_loop_now_us(part->call.loop);
    uint64_t pause_us = rm_lambda_pause_us(b->slot.backend->lambda, x->status, b->repeats);
    if (pause_us == 0 || now_us + pause_us >= part->deadline_us)
        return false;
    b->repeats++;
    backend_counts(b)->retries++;
    rm_timer_start(part->call.loop, &b->pause, now_us + pause_us);
    return true;
}

static void backend_exchange_done(struct rm_call *call)
{
    struct backend_call *b = (struct backend_call *)call->up;
    struct rm_exchange *x = (struct rm_exchange *)call;
    struct rm_part *part = &b->slot.part;
    if (call->err.code != RM_OK) {
        backend_failed(b, x);
        return;
    }
    int rc = part->call.err.code;
    if (rc == RM_OK)
        rc = b->stream ? b->is_redirect : backend_redirect(b, x, &part->call.err);
    if (rc == 1) {
        backend_follow(b);
        return;
    }
    if (rc == 0 && b->slot.backend->lambda && backend_repeats(b, x))
        return;
    backend_report(b, x, RM_OK, rm_loop_now_us(call->loop));
    b->received_bytes += x->body_out.n;
    if (rc == 0 && b->stream) {
        rm_stream_end(b->stream, x);
    } else if (rc == 0) {
        const struct rm_exchange *answer = backend_answer(b, x, &part->call.err);
        if (answer && b->slot.backend->lambda)
            answer = rm_lambda_answer(b->slot.backend->lambda, part->call.arena, answer, &part->call.err);
        if (answer)
            rm_answer_take(b->slot.backend, answer, part);
    }
    backend_over(b);
}

static const struct rm_call_ops backend_ops = {"backend", backend_start, backend_cancel};

struct rm_slot *rm_backend_new(struct rm_request *rq, const struct rm_backend *backend, struct rm_ask *ask,
                               uint64_t deadline_us, struct rm_stream *stream, struct rm_call *up,
                               void (*on_done)(struct rm_call *))
{
    struct backend_call *b = RM_NEW(&rq->arena, struct backend_call);
    rm_slot_init(&b->slot, &backend_ops, rq, backend, ask, deadline_us, up, on_done);
    b->stream = stream;
    b->pause.fire = backend_paused;
    return &b->slot;
}

int64_t rm_backend_pull(struct rm_slot *slot, char *to, size_t n)
{
    struct backend_call *b = (struct backend_call *)slot;
    struct rm_exchange *x = rm_backend_exchange(slot);
    int64_t read = x ? x->transport->read(x->self, x, to, n) : 0;
    b->received_bytes += read > 0 ? (uint64_t)read : 0;
    return read;
}

struct rm_exchange *rm_backend_exchange(struct rm_slot *slot)
{
    struct backend_call *b = (struct backend_call *)slot;
    return b->x && b->x->call.state == RM_CALL_RUNNING ? b->x : NULL;
}
