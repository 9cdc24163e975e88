// The engine's bench.
// SPDX-License-Identifier: Apache-2.0
#include "flow_rig.h"

#include "conf/conf.h"
#include "flow/local.h"

#include <stdio.h>
#include <stdlib.h>

// ---- the provider "static", for literal addresses --------------------------------------------------------------------

static int rig_sd_open(void **self, const struct rm_source *source, struct rm_loop *loop, struct rm_sd_sink *sink,
                       struct rm_err *err)
{
    (void)self, (void)loop, (void)err;
    struct rm_host hosts[16];
    size_t n = 0;
    for (size_t i = 0; i < source->n_hosts; i++) {
        struct rm_str rest = rm_str_sub(source->hosts[i], strlen("http://"), source->hosts[i].n);
        size_t colon = (size_t)((const char *)memchr(rest.p, ':', rest.n) - rest.p);
        size_t slash = 0;
        while (slash < rest.n && rest.p[slash] != '/')
            slash++;
        hosts[n] = (struct rm_host){.scheme = RM_STR("http"), .weight = 1};
        hosts[n].address = hosts[n].name = rm_str_sub(rest, 0, colon);
        hosts[n].port = (uint16_t)strtoul(rest.p + colon + 1, NULL, 10);
        hosts[n].base_path = rm_str_sub(rest, slash, rest.n);
        n += !rm_str_eq(hosts[n].address, RM_STR("0.0.0.0"));
    }
    sink->publish(sink, rm_snapshot_new(hosts, n));
    return RM_OK;
}

static void rig_sd_close(void *self)
{
    (void)self;
}

static const struct rm_sd_ops rig_sd = {.name = "static", .open = rig_sd_open, .close = rig_sd_close};
const struct rm_sd_ops *const rm_sd_providers[] = {&rig_sd, NULL};

const struct rm_sd_ops *rm_sd_find(struct rm_str name)
{
    return rm_str_eq(name, RM_STR("static")) ? &rig_sd : NULL;
}

// ---- plan and flow ---------------------------------------------------------------------------------------------------

struct rm_conf *flow_rig_conf(struct rm_arena *arena, const char *members)
{
    struct rm_str text = rm_arena_printf(arena, "{\"version\": 3, %s}", members);
    char *json = rm_arena_cstr(arena, text);
    for (char *c = json; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    struct rm_conf_options options = {.port = 0};
    struct rm_findings found = {.arena = arena};
    struct rm_conf *conf = NULL;
    if (rm_conf_parse(RM_STR("rig.json"), rm_str_of(json), &options, &conf, &found, arena) != RM_OK) {
        for (size_t i = 0; i < found.n; i++) {
            struct rm_str line = rm_finding_format(arena, RM_STR("rig.json"), &found.v[i]);
            fprintf(stderr, "%.*s\n", (int)line.n, line.p);
        }
        rm_panic(__FILE__, __LINE__, "a test's configuration is wrong");
    }
    return conf;
}

static void *rig_hold(struct rm_request *rq)
{
    struct flow_rig *rig = rm_container_of(rq, struct flow_client, rq)->rig;
    rig->held++;
    return rig;
}

static void rig_release(void *held)
{
    ((struct flow_rig *)held)->held--;
}

void flow_rig_start(struct flow_rig *rig, const char *members, struct fake_answer *answers, size_t n_answers)
{
    struct rm_err err = {0};
    *rig = (struct flow_rig){.net = {.answers = answers, .n_answers = n_answers}};
    rm_arena_init(&rig->arena, NULL);
    fake_transport_use(&rig->net);
    rm_log_setup(RM_CRITICAL, RM_STR(""), false, RM_LOG_DEFAULT); // failures are what most tests are about
    struct rm_conf *conf = flow_rig_conf(&rig->arena, members);
    rig->budget.limit = conf->limits.bodies_bytes;
    if (rm_loop_new(&rig->loop, &err) != RM_OK || rm_plan_new(&rig->plan, conf, &rig->budget, NULL, &err) != RM_OK)
        rm_panic(__FILE__, __LINE__, err.text);
    RM_ASSERT(rig->plan->n_transports <= 1);
    rig->transport = (struct rm_plan_transport){.ops = &fake_transport_ops};
    if (rig->plan->n_transports == 1)
        rig->transport.conf = rig->plan->transports[0]->conf;
    rig->transports[0] = &rig->transport;
    rig->plan->transports = rig->transports;
    rig->plan->n_transports = 1;
    rig->cache = rm_cache_new(rig->loop);
    rig->entries = RM_NEW_ARRAY(&rig->arena, struct rm_cache_entry *, rig->plan->n_sources);
    for (uint32_t i = 0; i < rig->plan->n_sources; i++) {
        if (rm_cache_acquire(rig->cache, &rig->plan->sources[i], &rig->entries[i], &err) != RM_OK)
            rm_panic(__FILE__, __LINE__, err.text);
    }
    if (rm_flow_new(&rig->flow, rig->loop, rig->plan, rig->cache, NULL, &err) != RM_OK)
        rm_panic(__FILE__, __LINE__, err.text);
    rig->blocks = rm_block_cache_new(1 << 20);
    rig->shadows = (struct rm_shadows){.blocks = rig->blocks, .hold = rig_hold, .release = rig_release};
    rm_list_init(&rig->shadows.running);
}

void flow_rig_stop(struct flow_rig *rig)
{
    RM_ASSERT(rig->net.running == 0 && rig->held == 0 && rig->shadows.n == 0);
    RM_ASSERT(atomic_load(&rig->budget.used) == 0);
    uint32_t n_sources = rig->plan->n_sources;
    rm_flow_free(rig->flow);
    rm_block_cache_free(rig->blocks);
    RM_ASSERT(!rig->net.is_open);
    for (uint32_t i = 0; i < n_sources; i++)
        rm_cache_release(rig->entries[i]);
    rm_cache_free(rig->cache);
    rm_loop_free(rig->loop);
    RM_ASSERT(atomic_load(&rig->plan->refs) == 1);
    rm_plan_unref(rig->plan);
    fake_transport_fini(&rig->net);
    rm_arena_fini(&rig->arena);
}

// ---- the client ------------------------------------------------------------------------------------------------------

static const char *rig_header_text(struct rm_arena *arena, const struct rm_headers *headers)
{
    struct rm_str text = {"", 0};
    for (uint32_t i = 0; i < headers->n; i++)
        text = rm_arena_printf(arena, "%s%.*s: %.*s\n", text.p, (int)headers->v[i].name.n, headers->v[i].name.p,
                               (int)headers->v[i].value.n, headers->v[i].value.p);
    return text.p;
}

static struct flow_client *rig_client(struct rm_request *rq)
{
    return rm_container_of(rq, struct flow_client, rq);
}

static void rig_over(struct flow_client *client)
{
    RM_ASSERT(!client->over);
    client->over = true;
    client->over_us = rm_loop_now_us(client->rig->loop);
    client->completed = client->rq.completed;
    client->err = client->rq.err;
    rm_buf_free(&client->rq.reply.body);
    rm_arena_fini(&client->rq.arena);
    client->rq.root = NULL;
}

static void rig_take_head(struct flow_client *client)
{
    client->status = client->rq.reply.status;
    client->headers = rig_header_text(&client->rig->arena, &client->rq.reply.headers);
    client->length = client->rq.reply.length;
}

static void rig_add_body(struct flow_client *client, struct rm_str data)
{
    char *body = rm_arena_alloc(&client->rig->arena, client->body_n + data.n + 1);
    if (client->body_n > 0)
        memcpy(body, client->body, client->body_n);
    if (data.n > 0)
        memcpy(body + client->body_n, data.p, data.n);
    client->body_n += data.n;
    body[client->body_n] = '\0';
    client->body = body;
}

static void rig_whole(struct rm_request *rq)
{
    struct flow_client *client = rig_client(rq);
    client->n_whole++;
    client->held_bytes = atomic_load(&client->rig->budget.used);
    rig_take_head(client);
    struct rm_str parts[RM_REFS_PARTS] = {rm_buf_str(&rq->reply.body)};
    uint32_t n = rq->reply.refs ? rm_refs_parts(rq->reply.refs, parts[0], parts) : 1;
    for (uint32_t i = 0; i < n; i++)
        rig_add_body(client, parts[i]);
    client->n_refs = rq->reply.refs ? rq->reply.refs->n : 0;
    rig_over(client);
}

static void rig_head(struct rm_request *rq)
{
    struct flow_client *client = rig_client(rq);
    RM_ASSERT(!client->over && client->n_head == 0);
    client->n_head++;
    rig_take_head(client);
}

static int rig_chunk(struct rm_request *rq, struct rm_str data)
{
    struct flow_client *client = rig_client(rq);
    RM_ASSERT(!client->over && client->n_head == 1);
    if (client->accept_n == 0) {
        client->n_again++;
        return RM_AGAIN;
    }
    client->accept_n -= client->accept_n != SIZE_MAX;
    client->n_chunk++;
    rig_add_body(client, data);
    return RM_OK;
}

static void rig_end(struct rm_request *rq)
{
    struct flow_client *client = rig_client(rq);
    client->n_end++;
    client->trailers = rig_header_text(&client->rig->arena, &rq->reply.trailers);
    rig_over(client);
}

static void rig_cut(struct rm_request *rq)
{
    struct flow_client *client = rig_client(rq);
    client->n_cut++;
    rig_over(client);
}

static const struct rm_reply_sink rig_sink = {
    .whole = rig_whole, .head = rig_head, .chunk = rig_chunk, .end = rig_end, .cut = rig_cut};

struct flow_client *flow_start(struct flow_rig *rig, const struct flow_ask *ask)
{
    struct flow_client *client = RM_NEW(&rig->arena, struct flow_client);
    struct rm_request *rq = &client->rq;
    client->rig = rig;
    client->accept_n = SIZE_MAX;
    client->started_us = rm_loop_now_us(rig->loop);
    client->headers = client->trailers = client->body = "";
    rm_arena_init(&rq->arena, rig->blocks);
    rq->loop = rig->loop;
    rq->flow = rig->flow;
    rq->endpoint = &rig->plan->endpoints[ask->endpoint];
    rq->out = &rig_sink;
    rq->shadows = &rig->shadows;
    rq->query = rm_str_of(ask->query);
    rq->params = RM_NEW_ARRAY(&rq->arena, struct rm_str, RM_COUNT(ask->params));
    for (size_t i = 0; i < RM_COUNT(ask->params); i++)
        rq->params[i] = rm_str_of(ask->params[i]);
    for (size_t i = 0; i < RM_COUNT(ask->headers) && ask->headers[i]; i++) {
        size_t name = strcspn(ask->headers[i], ":");
        rm_headers_add(&rq->arena, &rq->headers, (struct rm_str){ask->headers[i], name},
                       rm_str_of(ask->headers[i] + name + 2));
    }
    rq->host = RM_STR("shop.example");
    rq->client_ip = RM_STR("192.0.2.7");
    rq->body = rm_str_of(ask->body);
    rq->has_body = ask->body != NULL;
    rq->source = ask->source;
    rm_request_start(rq);
    RM_ASSERT(!client->over && client->n_head == 0); // never from inside the start
    return client;
}

struct flow_client *flow_run(struct flow_rig *rig, const struct flow_ask *ask)
{
    struct flow_client *client = flow_start(rig, ask);
    rm_vloop_run(rig->loop);
    return client;
}

void flow_hang_up(struct flow_client *client)
{
    if (client->over)
        return;
    rm_request_cancel(&client->rq);
    rig_over(client);
}

void flow_take(struct flow_client *client, size_t n_chunks)
{
    client->accept_n = n_chunks;
    if (!client->over)
        rm_request_writable(&client->rq);
}

const char *flow_header(struct flow_client *client, const char *name)
{
    size_t n = strlen(name);
    for (const char *line = client->headers; *line; line += strcspn(line, "\n") + 1) {
        if (strncasecmp(line, name, n) == 0 && line[n] == ':') {
            struct rm_str value = {line + n + 2, strcspn(line + n + 2, "\n")};
            return rm_arena_cstr(&client->rig->arena, value);
        }
    }
    return NULL;
}

struct rig_poke {
    struct rm_timer timer;
    struct flow_rig *rig;
    const char *target;
};

static void rig_poke_fire(struct rm_timer *timer)
{
    const struct rig_poke *poke = rm_container_of(timer, struct rig_poke, timer);
    const struct fake_seen *seen = fake_seen_find(&poke->rig->net, poke->target, 0);
    RM_ASSERT(seen);
    fake_poke(seen);
}

void flow_poke_at(struct flow_rig *rig, const char *target, uint64_t at_us)
{
    struct rig_poke *poke = RM_NEW(&rig->arena, struct rig_poke);
    *poke = (struct rig_poke){.timer = {.fire = rig_poke_fire}, .rig = rig, .target = target};
    rm_timer_start(rig->loop, &poke->timer, at_us);
}
