// From rm_reply to what goes on the wire. The one place that knows what libmicrohttpd can send; refusals get their texts here.
// SPDX-License-Identifier: Apache-2.0
#include "front/answer.h"

// libmicrohttpd's own part of an answer's head: status line, Date, Connection, Content-Length or Transfer-Encoding.
#define ANSWER_OWN_HEAD 160
// What it keeps of each request header and query argument in the connection's memory, and some room for itself.
#define ANSWER_PER_FIELD 64
#define ANSWER_SPARE 512
#define ANSWER_PER_PART 16 // of a body in pieces

static void answer_clear(struct rm_client *c)
{
    rm_buf_free(&c->rq.reply.body);
    c->rq.reply = (struct rm_reply){0};
    c->has_head = false;
}

void rm_answer_refuse(struct rm_client *c, int status, struct rm_str text)
{
    answer_clear(c);
    rm_reply_plain(&c->rq, c->serving->plan, status, RM_STR("text/plain"), text);
    if (status == 405) // CONNECT
        rm_headers_add(&c->rq.arena, &c->rq.reply.headers, RM_STR("Allow"), RM_STR("DELETE, GET, PATCH, POST, PUT"));
}

// The text, or the JSON document that the configuration has for this status.
static void answer_error(struct rm_client *c, int status, const struct rm_value *json, struct rm_str text)
{
    struct rm_buf body = {.max = SIZE_MAX};
    if (json && rm_json_write(&c->rq.arena, json, &body) == RM_OK)
        rm_reply_plain(&c->rq, c->serving->plan, status, RM_STR("application/json; charset=utf-8"), rm_buf_str(&body));
    else
        rm_reply_plain(&c->rq, c->serving->plan, status, RM_STR("text/plain"), text);
    rm_buf_free(&body);
}

static struct rm_str answer_location(struct rm_client *c, struct rm_str path)
{
    if (c->rq.query.n == 0)
        return path;
    return rm_arena_printf(&c->rq.arena, "%.*s?%.*s", (int)path.n, path.p, (int)c->rq.query.n, c->rq.query.p);
}

void rm_answer_route(struct rm_client *c, const struct rm_route *route)
{
    const struct rm_conf_router *router = &c->serving->plan->conf->router;
    struct rm_reply *reply = &c->rq.reply;
    switch (route->kind) {
    case RM_ROUTE_REDIRECT:
        reply->status = rm_str_eq(c->method, RM_STR("GET")) ? 301 : 307;
        rm_headers_add(&c->rq.arena, &reply->headers, RM_STR("Location"), answer_location(c, route->location));
        return;
    case RM_ROUTE_OPTIONS:
        reply->status = 200;
        break;
    case RM_ROUTE_NOT_FOUND:
        answer_error(c, 404, router->error_body_404, RM_STR("404 page not found"));
        return;
    case RM_ROUTE_NOT_ALLOWED:
        answer_error(c, 405, router->error_body_405, RM_STR("405 method not allowed"));
        break;
    case RM_ROUTE_BAD_PARAM:
        answer_error(c, 400, NULL, RM_STR("error: encoded url params"));
        return;
    case RM_ROUTE_ENDPOINT:
    case RM_ROUTE_HEALTH:
    case RM_ROUTE_ECHO:
    case RM_ROUTE_DEBUG:
        RM_ASSERT(route->kind >= RM_ROUTE_REDIRECT); // they are answered elsewhere
        break;
    }
    if (route->allow.n > 0)
        rm_headers_add(&c->rq.arena, &reply->headers, RM_STR("Allow"), route->allow);
}

// ---- to the wire -----------------------------------------------------------------------------------------------------

// Framing and the connection are the front end's; an empty value cannot be passed to libmicrohttpd.
static bool answer_keeps(const struct rm_header *h)
{
    static const struct rm_str ours[] = {
        {"Connection", 10}, {"Content-Length", 14}, {"Keep-Alive", 10}, {"Transfer-Encoding", 17}};
    for (size_t i = 0; i < RM_COUNT(ours); i++)
        if (rm_str_eq_nocase(h->name, ours[i]))
            return false;
    return h->name.n > 0 && h->value.n > 0;
}

static size_t answer_fields(const struct rm_client *c)
{
    size_t fields = c->rq.headers.n;
    for (size_t i = 0; i < c->rq.query.n; i++)
        fields += c->rq.query.p[i] == '&';
    return fields + (c->rq.query.n > 0);
}

// Whether an answer's head of this size fits what the request's head has left of the connection's memory.
static bool answer_fits(const struct rm_client *c, size_t bytes)
{
    size_t used = c->head_bytes + ANSWER_PER_FIELD * answer_fields(c) + ANSWER_SPARE;
    return used + bytes <= c->conn->front->pool_bytes;
}

// What policies say goes before what a backend says; caches need both lists of Vary.
static void answer_add_always(struct rm_client *c, const struct rm_headers *always)
{
    struct rm_headers *headers = &c->rq.reply.headers;
    uint32_t n = 0;
    for (uint32_t i = 0; i < headers->n; i++)
        if (!rm_headers_find(always, headers->v[i].name) || rm_str_eq_nocase(headers->v[i].name, RM_STR("Vary")))
            headers->v[n++] = headers->v[i];
    headers->n = n;
    for (uint32_t i = 0; i < always->n; i++)
        rm_headers_add(&c->rq.arena, headers, always->v[i].name, always->v[i].value);
}

static bool answer_check(struct rm_client *c)
{
    struct rm_headers *headers = &c->rq.reply.headers;
    if (c->rq.visit && c->rq.visit->always.n > 0)
        answer_add_always(c, &c->rq.visit->always);
    size_t bytes = ANSWER_OWN_HEAD + (c->rq.reply.refs ? ANSWER_PER_PART * RM_REFS_PARTS : 0);
    uint32_t n = 0;
    for (uint32_t i = 0; i < headers->n; i++) {
        if (!answer_keeps(&headers->v[i]))
            continue;
        headers->v[n] = headers->v[i];
        bytes += headers->v[n].name.n + headers->v[n].value.n + 4;
        n++;
    }
    headers->n = n;
    return answer_fits(c, bytes) && c->rq.reply.status >= 200 && c->rq.reply.status <= 999;
}

static void answer_body(struct rm_client *c, struct rm_answer *out)
{
    const struct rm_reply *reply = &c->rq.reply;
    c->sent = reply->body.n;
    if (reply->refs) {
        out->n_parts = rm_refs_parts(reply->refs, rm_buf_str(&reply->body), out->parts);
        c->sent += reply->refs->bytes;
    } else if (reply->body.n > 0) {
        out->parts[out->n_parts++] = rm_buf_str(&reply->body);
    }
}

bool rm_answer_make(struct rm_client *c, struct rm_answer *out)
{
    RM_ASSERT(c->state == RM_CLIENT_READY);
    bool fits = answer_check(c);
    if (!fits && c->rq.endpoint) {
        if (c->started && !c->over)
            rm_request_cancel(&c->rq);
        c->over = true;
        rm_answer_refuse(c, 502, RM_STR("502 the backend's answer has a head that cannot be passed on"));
        fits = answer_check(c);
    }
    rm_conn_enter(c->conn, RM_CONN_SENDING);
    c->state = RM_CLIENT_SENDING;
    if (!fits) {
        // The request's own head has left no room even for one of remora's.
        rm_conn_answer(c->conn, c->rq.reply.status);
        c->conn->linger = true;
        return false;
    }
    struct rm_reply *reply = &c->rq.reply;
    bool bodyless = reply->status == 204 || reply->status == 304;
    out->status = (unsigned)reply->status;
    out->close = c->conn->front->draining || c->conn->front->says_close;
    out->streams = c->has_head && !bodyless;
    out->length = reply->length;
    out->headers = &reply->headers;
    out->n_parts = 0;
    if (!c->has_head && !bodyless)
        answer_body(c, out);
    if (out->streams)
        c->state = RM_CLIENT_STREAMING;
    return true;
}
