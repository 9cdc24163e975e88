// One request of a client: its states. libmicrohttpd's calls and flow's answers both move it; neither is trusted to come in an
// order. Owns the request's arena and the buffers of its bodies.
// SPDX-License-Identifier: Apache-2.0
#include "front/client.h"
#include "base/clock.h"
#include "flow/visit.h"
#include "front/access.h"
#include "front/answer.h"
#include "front/builtin.h"
#include "front/client_stream.h"
#include "front/guard.h"
#include "front/mhd.h"

// What is read and thrown away so that an answer can be given on a connection that stays usable (no answer can be queued before).
#define CLIENT_DISCARD_BYTES ((size_t)1 << 20)
#define CLIENT_DISCARD_US (2 * RM_SEC)

struct rm_client *rm_client_new(struct rm_conn *conn, struct rm_str target)
{
    struct rm_front *front = conn->front;
    struct rm_arena arena;
    rm_arena_init(&arena, front->blocks);
    struct rm_client *c = RM_NEW(&arena, struct rm_client);
    c->rq.arena = arena;
    c->rq.loop = front->loop;
    c->serving = rm_serving_ref(front->serving);
    c->rq.flow = c->serving->flow;
    c->rq.out = &rm_client_sink;
    c->rq.shadows = &front->shadows;
    c->conn = conn;
    c->target = rm_arena_dup(&c->rq.arena, target);
    c->started_us = rm_loop_now_us(front->loop);
    conn->client = c;
    rm_front_count(front, true);
    if (conn->phase != RM_CONN_HEAD)
        rm_conn_enter(conn, RM_CONN_HEAD);
    return c;
}

void rm_client_over(struct rm_client *c)
{
    struct rm_conn *conn = c->conn;
    if (c->state != RM_CLIENT_NEW)
        rm_access_note(c);
    if (c->started && !c->over)
        rm_request_cancel(&c->rq);
    rm_download_stop(c);
    rm_buf_free(&c->body);
    rm_buf_free(&c->up.spool.buf);
    rm_buf_free(&c->down.spool.buf);
    rm_buf_free(&c->rq.reply.body);
    struct rm_serving *serving = c->serving;
    struct rm_arena arena = c->rq.arena; // c lies in it
    rm_arena_fini(&arena);
    rm_serving_unref(serving);
    rm_front_count(conn->front, false);
    conn->client = NULL;
    conn->suspended = false;
    rm_conn_enter(conn, RM_CONN_IDLE);
}

void *rm_client_hold(struct rm_request *rq)
{
    return rm_serving_ref(((struct rm_client *)rq)->serving);
}

void rm_client_release(void *held)
{
    rm_serving_unref(held);
}

void rm_client_wake(struct rm_client *c)
{
    if (c->conn->suspended)
        rm_mhd_resume(c->conn);
}

void rm_client_kill(struct rm_client *c)
{
    if (c->started && !c->over)
        rm_request_cancel(&c->rq);
    c->over = true;
    c->state = RM_CLIENT_DEAD;
    rm_client_wake(c);
}

void rm_client_gone(struct rm_client *c)
{
    switch (c->state) {
    case RM_CLIENT_UPLOAD:
    case RM_CLIENT_RUNNING:
    case RM_CLIENT_READY:
    case RM_CLIENT_STREAMING:
        if (c->started && !c->over)
            rm_client_kill(c);
        break;
    case RM_CLIENT_NEW: // libmicrohttpd reads, and finds it
    case RM_CLIENT_BODY:
    case RM_CLIENT_DISCARD:
    case RM_CLIENT_SENDING: // it may have closed its sending side only
    case RM_CLIENT_DEAD:
        break;
    }
}

bool rm_client_expired(struct rm_client *c)
{
    if (c->state != RM_CLIENT_DISCARD || c->overdue)
        return true;
    c->overdue = true; // refused with the next piece that comes, so that the answer is not reset
    rm_conn_expire_at(c->conn, rm_loop_now_us(c->rq.loop) + c->conn->front->limits->body_timeout_us);
    return false;
}

// ---- the head --------------------------------------------------------------------------------------------------------

static enum rm_verdict client_refuse(struct rm_client *c, int status, struct rm_str text)
{
    rm_answer_refuse(c, status, text);
    c->state = RM_CLIENT_READY;
    c->conn->linger = true;
    return RM_ANSWER;
}

void rm_client_discard(struct rm_client *c)
{
    c->state = RM_CLIENT_DISCARD;
    rm_conn_enter(c->conn, RM_CONN_BODY);
    rm_conn_expire_at(c->conn, rm_loop_now_us(c->rq.loop) + CLIENT_DISCARD_US);
    rm_client_wake(c);
}

static void client_start(struct rm_client *c)
{
    c->started = true;
    if (!c->page) {
        rm_flow_count_begin(c->rq.flow, c->rq.endpoint);
        rm_request_start(&c->rq);
        return;
    }
    c->rq.root = c->page->call(&c->rq, c->page->arg);
    rm_call_start(c->rq.root);
}

// The answer is known before the body has come: at once where the client has not begun to send it or it is long, else after it.
static enum rm_verdict client_known(struct rm_client *c, const struct rm_guard_out *g, bool has_body)
{
    if (!has_body) {
        c->state = RM_CLIENT_READY;
        return RM_GO_ON;
    }
    if (g->content_length > (int64_t)CLIENT_DISCARD_BYTES || rm_headers_find(&c->rq.headers, RM_STR("Expect"))) {
        c->state = RM_CLIENT_READY;
        c->conn->linger = true;
        return RM_ANSWER;
    }
    rm_client_discard(c);
    return RM_GO_ON;
}

static enum rm_verdict client_take_body(struct rm_client *c, const struct rm_guard_out *g, bool has_body)
{
    const struct rm_plan *plan = c->serving->plan;
    size_t most = plan->conf->limits.client_body_bytes;
    if (g->content_length > 0 && (uint64_t)g->content_length > most)
        return client_refuse(c, 413, RM_STR("413 body too large"));
    c->state = has_body ? RM_CLIENT_BODY : RM_CLIENT_RUNNING;
    rm_buf_init(&c->body, most, plan->budget);
    return RM_GO_ON;
}

static enum rm_verdict client_ask_page(struct rm_client *c, const struct rm_guard_out *g, bool has_body)
{
    static const struct rm_str text = {"text/plain; charset=utf-8", 25};
    const struct rm_page *page = rm_page_find(c->conn->front->shared->pages, c->path);
    bool reads = rm_str_eq(c->method, RM_STR("GET")) || rm_str_eq(c->method, RM_STR("HEAD"));
    if (page && reads && !has_body) {
        c->page = page;
        c->state = RM_CLIENT_RUNNING;
        return RM_GO_ON;
    }
    if (!page) {
        rm_page_reply(&c->rq, 404, text, RM_STR("404 page not found\n"));
    } else if (reads) {
        rm_page_reply(&c->rq, 400, text, RM_STR("400 a page takes no body\n"));
    } else {
        rm_page_reply(&c->rq, 405, text, RM_STR("405 method not allowed\n"));
        rm_headers_add(&c->rq.arena, &c->rq.reply.headers, RM_STR("Allow"), RM_STR("GET, HEAD"));
    }
    return client_known(c, g, has_body);
}

// The service's own policies: whatever the request is for.
static bool client_may(struct rm_client *c, const struct rm_route *route)
{
    struct rm_visit *visit = rm_visit_of(&c->rq);
    visit->method = c->method;
    visit->path = c->path;
    visit->is_tls = c->conn->relay != NULL;
    return rm_visit_service(&c->rq, c->serving->plan->checks, route->kind == RM_ROUTE_HEALTH);
}

static enum rm_verdict client_route(struct rm_client *c, const struct rm_guard_out *g)
{
    struct rm_front *front = c->conn->front;
    bool has_body = g->chunked || g->content_length > 0;
    if (front->shared->pages)
        return client_ask_page(c, g, has_body);
    struct rm_route route = {.kind = RM_ROUTE_OPTIONS};
    if (g->target.form != RM_TARGET_ASTERISK)
        rm_router_find(c->serving->world->router, &c->rq.arena, c->method, c->path, &route);
    if (c->serving->plan->checks && !client_may(c, &route))
        return client_known(c, g, has_body);
    switch (route.kind) {
    case RM_ROUTE_ENDPOINT:
        c->rq.endpoint = route.endpoint;
        c->rq.params = route.params;
        if (!route.endpoint->streams)
            return client_take_body(c, g, has_body);
        c->state = has_body ? RM_CLIENT_UPLOAD : RM_CLIENT_RUNNING;
        rm_download_init(c, rm_str_eq(c->version, RM_STR("HTTP/1.0")));
        if (has_body) {
            rm_upload_init(c, g->content_length);
            client_start(c);
        }
        return RM_GO_ON;
    case RM_ROUTE_ECHO:
        c->builtin = RM_ROUTE_ECHO;
        return client_take_body(c, g, has_body);
    case RM_ROUTE_HEALTH:
    case RM_ROUTE_DEBUG:
        c->builtin = (int)route.kind;
        rm_builtin_answer(c);
        return client_known(c, g, has_body);
    case RM_ROUTE_REDIRECT:
    case RM_ROUTE_OPTIONS:
    case RM_ROUTE_NOT_FOUND:
    case RM_ROUTE_NOT_ALLOWED:
    case RM_ROUTE_BAD_PARAM:
        break;
    }
    rm_answer_route(c, &route);
    return client_known(c, g, has_body);
}

enum rm_verdict rm_client_head(struct rm_client *c, struct rm_str method, struct rm_str version)
{
    struct rm_front *front = c->conn->front;
    c->method = method;
    c->version = version;
    rm_conn_enter(c->conn, RM_CONN_BODY);
    struct rm_guard_limits limits = {front->limits->head_bytes, front->limits->headers};
    struct rm_guard_in in = {method, c->target, version, &c->rq.headers};
    struct rm_guard_out g;
    int status = rm_guard_check(&limits, &in, &g);
    c->head_bytes = g.head_bytes;
    if (status)
        return client_refuse(c, status, rm_str_of(g.reason));
    c->path = g.target.path;
    c->rq.query = g.target.query;
    c->rq.host = g.host;
    c->rq.has_body = g.chunked || g.content_length >= 0;
    struct rm_str peer = rm_str_of(c->conn->peer);
    c->rq.peer_trusted = c->conn->peer_trusted;
    c->rq.client_ip = rm_client_ip(&c->serving->world->proxies, peer, c->conn->peer_trusted, &c->rq.headers);
    return client_route(c, &g);
}

// ---- the body --------------------------------------------------------------------------------------------------------

static void client_fail_body(struct rm_client *c, int code)
{
    if (c->started && !c->over)
        rm_request_cancel(&c->rq);
    c->over = true;
    c->has_head = false;
    rm_buf_free(&c->body);
    if (code == RM_ETOOBIG)
        rm_answer_refuse(c, 413, RM_STR("413 body too large"));
    else
        rm_answer_refuse(c, 503, RM_STR("503 no memory for the body"));
    rm_client_discard(c);
}

static enum rm_verdict client_throw_away(struct rm_client *c, size_t n)
{
    c->discarded += n;
    if (!c->overdue && c->discarded <= CLIENT_DISCARD_BYTES)
        return RM_GO_ON;
    if (!c->has_head)
        rm_conn_answer(c->conn, c->rq.reply.status);
    c->conn->linger = true;
    c->state = RM_CLIENT_DEAD;
    return RM_CLOSE;
}

enum rm_verdict rm_client_body(struct rm_client *c, struct rm_str data, size_t *taken)
{
    *taken = 0;
    if (c->conn->suspended)
        return RM_GO_ON; // libmicrohttpd calls all the same; nothing is taken
    int code = RM_OK;
    switch (c->state) {
    case RM_CLIENT_BODY:
        code = rm_buf_append(&c->body, data);
        break;
    case RM_CLIENT_UPLOAD:
        code = rm_upload_put(c, data, taken);
        break;
    case RM_CLIENT_DISCARD:
        *taken = data.n;
        return client_throw_away(c, data.n);
    case RM_CLIENT_NEW:
    case RM_CLIENT_RUNNING:
    case RM_CLIENT_READY:
    case RM_CLIENT_SENDING:
    case RM_CLIENT_STREAMING:
    case RM_CLIENT_DEAD:
        return RM_CLOSE;
    }
    if (c->state == RM_CLIENT_DEAD) // flow has cut it while it took the data
        return RM_CLOSE;
    if (c->state == RM_CLIENT_UPLOAD && code == RM_AGAIN) {
        c->received += *taken;
        rm_conn_enter(c->conn, RM_CONN_WORKING); // the backend's time runs, not the client's
        return RM_WAIT;
    }
    *taken = data.n;
    c->received += data.n;
    if (c->state == RM_CLIENT_DISCARD) // the answer came while it took the data
        return RM_GO_ON;
    if (code != RM_OK)
        client_fail_body(c, code);
    else
        rm_conn_enter(c->conn, RM_CONN_BODY);
    return RM_GO_ON;
}

// ---- the end of the request ------------------------------------------------------------------------------------------

static enum rm_verdict client_run(struct rm_client *c)
{
    if (c->builtin) {
        c->rq.body = rm_buf_str(&c->body);
        rm_builtin_answer(c);
        c->state = RM_CLIENT_READY;
        return RM_ANSWER;
    }
    if (c->conn->gone) {
        rm_client_kill(c);
        return RM_CLOSE;
    }
    if (!c->started) {
        c->rq.body = rm_buf_str(&c->body);
        client_start(c);
    }
    rm_conn_enter(c->conn, RM_CONN_WORKING);
    return RM_WAIT;
}

enum rm_verdict rm_client_end(struct rm_client *c)
{
    if (c->conn->suspended)
        return RM_GO_ON;
    switch (c->state) {
    case RM_CLIENT_BODY:
        c->state = RM_CLIENT_RUNNING;
        return client_run(c);
    case RM_CLIENT_RUNNING:
        return client_run(c);
    case RM_CLIENT_UPLOAD:
        rm_upload_end(c);
        if (c->state == RM_CLIENT_UPLOAD && !c->has_head) {
            c->state = RM_CLIENT_RUNNING;
            return client_run(c);
        }
        if (c->state == RM_CLIENT_DEAD)
            return RM_CLOSE;
        c->state = RM_CLIENT_READY;
        return RM_ANSWER;
    case RM_CLIENT_DISCARD:
    case RM_CLIENT_READY:
        c->state = RM_CLIENT_READY;
        return RM_ANSWER;
    case RM_CLIENT_NEW:
    case RM_CLIENT_SENDING:
    case RM_CLIENT_STREAMING:
    case RM_CLIENT_DEAD:
        break;
    }
    return RM_CLOSE;
}
