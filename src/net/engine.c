// The HTTP engine of whole transfers by libcurl, one a worker and configuration. Owns the slots and their order of work:
// handles are added and removed only while libcurl is not running. It never follows a redirect and resolves no name.
// SPDX-License-Identifier: Apache-2.0
#include "net/carry.h"
#include "net/curl.h"
#include "net/links.h"
#include "net/request.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOTS_KEPT 512                    // easy handles without an exchange, 10 KiB each
#define SLOT_HEAD_KEPT ((size_t)16 << 10) // a larger buffer of header lines is given back
#define SLOT_HEAD_MOST ((size_t)1 << 20)
#define SLOT_STALE_MOST 1000 // kept connections found dead one after the other, for one exchange

struct engine {
    struct rm_loop *loop;
    struct rm_arena arena; // slots, and the texts of conf
    struct rm_transport_conf conf;
    struct rm_trust trust;
    struct rm_multi *multi;
    struct rm_peers peers;
    struct rm_links links;
    int depth;   // in libcurl: more than 0
    bool reuses; // handles, for one exchange after the other
    bool kicking;
    struct rm_task kick;   // libcurl's timer is due now
    struct rm_timer timer; // libcurl's
    struct rm_list attend; // slots that need something as soon as libcurl has returned
    struct rm_list spare;  // slots without an exchange
    struct rm_list empty;  // slots without even a handle
    uint32_t n_spare, n_busy;
};

// A transfer and all that it needs. What libcurl reads lies here and not in the request's arena: a transfer that is cancelled from
// one of libcurl's callbacks outlives its exchange by a few instructions.
struct slot {
    struct rm_carry carry;
    struct rm_list node; // in attend, spare or empty
    struct engine *engine;
    struct rm_easy *easy;
    struct rm_peer *peer;
    struct rm_link *link;
    uint32_t port;      // local, of a connection that links.c does not know yet; 0: none
    struct rm_buf text; // method, target and header lines
    uint32_t attempts;  // requests begun
    uint32_t stale_times;
    bool added;    // to the multi handle
    bool over;     // before libcurl says so
    bool stale;    // the kept connection was no good; nothing was sent on it
    bool sent;     // something, on an attempt before this
    bool repeated; // libcurl tried again
};

struct engine_exchange {
    struct rm_exchange x; // first
    struct slot *slot;
};

static void slot_attend(struct slot *slot)
{
    if (rm_list_empty(&slot->node))
        rm_list_push_back(&slot->engine->attend, &slot->node);
}

static bool slot_has_sent(const struct slot *slot)
{
    // Until this exchange's request begins, the handle still tells of the one before.
    return slot->sent || (slot->carry.x->sent && rm_easy_has_sent(slot->easy));
}

// ---- what libcurl asks for while it runs: nothing here calls it -----------------------------------------------------

static enum rm_carry_step slot_step(struct slot *slot, enum rm_carry_step step)
{
    // The request's body waits for its source, the answer is there: libcurl would wait too.
    if (slot->carry.x && rm_carry_is_idle(&slot->carry)) {
        slot->over = true;
        slot_attend(slot);
    }
    return step;
}

static enum rm_carry_step slot_on_line(void *arg, struct rm_str line)
{
    struct slot *slot = arg;
    return slot_step(slot, rm_carry_line(&slot->carry, line));
}

// libcurl reads no further than the body's end, and what follows it in the same TLS record would be the next exchange's answer.
static enum rm_carry_step slot_on_body(void *arg, struct rm_str data)
{
    struct slot *slot = arg;
    struct rm_answer *answer = &slot->carry.answer;
    enum rm_carry_step step = rm_carry_body(&slot->carry, data);
    if (slot->carry.x && slot->peer->tls && rm_answer_is_whole(answer) && rm_easy_holds_more(slot->easy))
        answer->excess = true;
    return slot_step(slot, step);
}

static enum rm_carry_step slot_on_read(void *arg, char *to, size_t n, size_t *got)
{
    struct slot *slot = arg;
    return slot_step(slot, rm_carry_read(&slot->carry, to, n, got));
}

static bool slot_on_rewind(void *arg)
{
    const struct slot *slot = arg;
    return slot->carry.source_read == 0;
}

static void slot_lose_link(struct slot *slot)
{
    if (slot->link)
        slot->link->user = NULL;
    slot->link = NULL;
    slot->port = 0;
}

// libcurl gave this connection to this transfer. It may have had another one, which libcurl has ended but not told of yet.
static void slot_take_link(struct slot *slot, struct rm_link *link)
{
    struct slot *before = link->user;
    if (before && before != slot) {
        link->dead = link->dead || before->carry.answer.excess;
        before->link = NULL;
    }
    rm_link_take(link, slot);
    slot->link = link;
}

// The last moment to refuse a connection. libcurl repeats by itself what got no answer on a kept one: never a POST of which
// something has left. And it looks at a kept connection only briefly: bytes that lie there unasked would become this answer.
static bool slot_on_request(void *arg, uint32_t port)
{
    struct slot *slot = arg;
    struct rm_exchange *x = slot->carry.x;
    if (!x)
        return false;
    if (slot->link && slot->link->port > 0 && slot->link->port != port)
        slot_lose_link(slot); // of an attempt before, about to be closed
    if (slot->link) {
        if (rm_link_set_port(slot->link, port, &slot->carry.err) != RM_OK)
            return false;
    } else {
        struct rm_link *link = rm_link_of_port(&slot->engine->links, slot->peer, port);
        slot->port = link ? 0 : port;
        if (link) {
            slot_take_link(slot, link);
            rm_link_check(link);
            slot->stale = link->dead;
        }
        if (slot->stale)
            return false;
    }
    slot->repeated = slot->attempts++ > 0;
    if (slot->repeated && (slot->carry.source_read > 0 || !(rm_request_is_repeatable(x) || !slot_has_sent(slot)))) {
        rm_fail(&slot->carry.err, RM_ERESET, "kept connection closed before an answer");
        return false;
    }
    rm_carry_request(&slot->carry);
    x->sent = true;
    return true;
}

static int slot_on_open(void *arg, int family, int type, int protocol)
{
    struct slot *slot = arg;
    if (!slot->carry.x)
        return -1;
    int fd = socket(family, type | SOCK_CLOEXEC, protocol);
    if (fd < 0) {
        rm_fail(&slot->carry.err, RM_ESYS, "socket: %s", strerror(errno));
        return -1;
    }
    slot_lose_link(slot); // this is another attempt
    return fd;
}

static void engine_forget(struct rm_link *link)
{
    struct slot *slot = link->user;
    if (slot)
        slot_lose_link(slot);
    rm_link_forget(link);
}

static void engine_on_close(void *arg, int fd)
{
    struct engine *engine = arg;
    struct rm_link *link = rm_link_of_fd(&engine->links, fd);
    if (link)
        engine_forget(link);
    close(fd);
}

static void slot_fail(struct slot *slot)
{
    slot->over = true;
    slot_attend(slot);
}

// A descriptor that libcurl begins to wait for, and the link that it is or becomes.
static struct rm_link *engine_link(struct engine *engine, int fd, struct slot *slot)
{
    struct rm_link *link = rm_link_of_fd(&engine->links, fd);
    if (!link && slot) {
        link = rm_link_new(&engine->links, fd, slot->peer, slot, slot->port);
        if (!link) {
            rm_fail(&slot->carry.err, RM_ESYS, "connection: %s", strerror(errno));
            slot_fail(slot);
        }
    }
    if (link && slot)
        slot_take_link(slot, link);
    else if (link)
        rm_link_take(link, link->user); // libcurl itself wants to end it
    return link;
}

static void engine_on_want(void *arg, int fd, void *user, bool in, bool out)
{
    struct engine *engine = arg;
    struct rm_link *link = in || out ? engine_link(engine, fd, user) : rm_link_of_fd(&engine->links, fd);
    if (!link)
        return;
    if (!in && !out && link->port == 0) {
        engine_forget(link); // most likely closed already
        return;
    }
    struct slot *slot = link->user;
    struct rm_err err;
    if (rm_link_want(link, in, out, &err) != RM_OK && slot) {
        slot->carry.err = err;
        slot_fail(slot);
    }
}

static void engine_on_wait(void *arg, int64_t wait_ms)
{
    struct engine *engine = arg;
    rm_timer_stop(&engine->timer);
    if (wait_ms == 0 && !engine->kicking) {
        if (!engine->kick.queued)
            rm_task_queue(engine->loop, &engine->kick);
    } else if (wait_ms >= 0) {
        rm_timer_start(engine->loop, &engine->timer, rm_loop_now_us(engine->loop) + (uint64_t)wait_ms * 1000);
    }
}

static const struct rm_curl_events engine_events = {
    .line = slot_on_line,
    .body = slot_on_body,
    .read = slot_on_read,
    .rewind = slot_on_rewind,
    .request = slot_on_request,
    .open = slot_on_open,
    .close = engine_on_close,
    .want = engine_on_want,
    .timer = engine_on_wait,
};

// ---- slots -----------------------------------------------------------------------------------------------------------

static void slot_go_on(struct rm_carry *, unsigned what);
static void slot_timeout(struct rm_carry *);

static struct slot *engine_first(struct rm_list *list)
{
    if (rm_list_empty(list))
        return NULL;
    struct slot *slot = rm_container_of(list->next, struct slot, node);
    rm_list_remove(&slot->node);
    return slot;
}

static struct slot *slot_take(struct engine *engine)
{
    engine->n_busy++;
    struct slot *slot = engine_first(&engine->spare);
    if (slot) {
        engine->n_spare--;
        return slot;
    }
    slot = engine_first(&engine->empty);
    if (!slot) {
        slot = RM_NEW(&engine->arena, struct slot);
        rm_list_init(&slot->node);
        slot->engine = engine;
        rm_carry_init(&slot->carry, engine->loop, slot_go_on, slot_timeout);
        rm_buf_init(&slot->text, SLOT_HEAD_MOST, NULL);
    }
    slot->easy = rm_easy_new(engine->multi, &engine->conf, &engine->trust, slot);
    return slot;
}

static void slot_empty(struct slot *slot)
{
    rm_easy_free(slot->easy);
    slot->easy = NULL;
    rm_buf_free(&slot->text);
    rm_list_push_front(&slot->engine->empty, &slot->node);
}

static void slot_add(struct slot *slot)
{
    slot->added = true;
    slot->engine->depth++;
    rm_multi_add(slot->engine->multi, slot->easy);
    slot->engine->depth--;
}

static void slot_remove(struct slot *slot)
{
    if (!slot->added)
        return;
    slot->added = false;
    slot->engine->depth++;
    rm_multi_remove(slot->engine->multi, slot->easy);
    slot->engine->depth--;
}

static void slot_release(struct slot *slot)
{
    struct engine *engine = slot->engine;
    rm_carry_end(&slot->carry);
    slot_remove(slot);
    rm_list_remove(&slot->node);
    if (slot->link)
        rm_link_release(slot->link, !slot->carry.answer.excess); // libcurl keeps it
    slot_lose_link(slot);
    rm_peer_unref(&engine->peers, slot->peer);
    if (slot->text.cap > SLOT_HEAD_KEPT)
        rm_buf_free(&slot->text);
    engine->n_busy--;
    if (engine->n_spare >= SLOTS_KEPT) {
        slot_empty(slot);
    } else {
        // libcurl counts the repetitions of a handle's whole life, and gives up after five.
        if (slot->repeated || !engine->reuses)
            rm_easy_renew(slot->easy);
        rm_list_push_front(&engine->spare, &slot->node);
        engine->n_spare++;
    }
}

// Gives the slot back and tells the caller. `code` is RM_OK or what is in x->call.err.
static void slot_finish(struct slot *slot, int code)
{
    struct rm_exchange *x = slot->carry.x;
    x->sent = slot_has_sent(slot);
    if (code != RM_OK)
        rm_buf_free(&x->body_out);
    ((struct engine_exchange *)x)->slot = NULL;
    slot_release(slot);
    rm_call_done(&x->call);
}

// libcurl is through with it.
static void slot_over(struct slot *slot, int result)
{
    int code;
    if (slot->stale && slot->stale_times++ < SLOT_STALE_MOST) {
        slot->stale = false;
        slot->sent = slot_has_sent(slot);
        slot_remove(slot);
        slot_add(slot);
        return;
    }
    if (!rm_carry_verdict(&slot->carry, result == 0, &code))
        code = rm_easy_explain(slot->easy, result, &slot->carry.x->call.err);
    slot_finish(slot, code);
}

static void slot_timeout(struct rm_carry *carry)
{
    struct slot *slot = rm_container_of(carry, struct slot, carry);
    slot_finish(slot, rm_carry_timeout(carry, slot_has_sent(slot)));
}

// ---- the engine at work ----------------------------------------------------------------------------------------------

// What libcurl's callbacks left to do, and what has ended. After every call into libcurl, so that an answer that is there is seen
// before a timer fires.
static void engine_settle(struct engine *engine)
{
    struct slot *slot;
    int result;
    do {
        while ((slot = engine_first(&engine->attend)) != NULL) {
            if (!slot->carry.x)
                slot_release(slot);
            else if (slot->over)
                slot_over(slot, -1);
            else
                slot_add(slot);
        }
        slot = rm_multi_next_done(engine->multi, &result);
        if (slot)
            slot_over(slot, result);
    } while (slot);
}

static void slot_go_on(struct rm_carry *carry, unsigned what)
{
    struct slot *slot = rm_container_of(carry, struct slot, carry);
    struct engine *engine = slot->engine;
    (void)what;
    if (!slot->added)
        return;
    engine->depth++;
    int result = rm_easy_pause(slot->easy, carry->paused);
    engine->depth--;
    if (result != 0 && carry->x)
        slot_over(slot, result);
    engine_settle(engine);
}

static void engine_on_ready(struct rm_link *link, bool in, bool out)
{
    struct engine *engine = rm_container_of(link->table, struct engine, links);
    engine->depth++;
    rm_multi_on_ready(engine->multi, link->fd, in, out);
    engine->depth--;
    engine_settle(engine);
}

static void engine_run(struct engine *engine)
{
    engine->depth++;
    rm_multi_on_timer(engine->multi);
    engine->depth--;
    engine_settle(engine);
}

static void engine_on_kick(struct rm_task *task)
{
    struct engine *engine = rm_container_of(task, struct engine, kick);
    engine->kicking = true; // what it wants at once is for the next turn: descriptors must get theirs
    engine_run(engine);
    engine->kicking = false;
}

static void engine_on_timer(struct rm_timer *timer)
{
    engine_run(rm_container_of(timer, struct engine, timer));
}

// ---- open and close --------------------------------------------------------------------------------------------------

static void engine_close(void *self)
{
    struct engine *engine = self;
    struct slot *slot;
    RM_ASSERT(engine->n_busy == 0 && engine->depth == 0);
    while ((slot = engine_first(&engine->spare)) != NULL)
        slot_empty(slot);
    rm_multi_free(engine->multi);
    rm_timer_stop(&engine->timer);
    rm_task_cancel(engine->loop, &engine->kick);
    rm_links_fini(&engine->links);
    rm_peers_fini(&engine->peers);
    rm_trust_close(&engine->trust);
    rm_curl_fini();
    struct rm_arena arena = engine->arena; // the engine lies in it
    rm_arena_fini(&arena);
}

static int engine_open(void **self, const struct rm_transport_conf *conf, struct rm_loop *loop, struct rm_err *err)
{
    int code = rm_curl_init(err);
    if (code != RM_OK)
        return code;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct engine *engine = RM_NEW(&arena, struct engine);
    engine->arena = arena;
    engine->loop = loop;
    engine->conf = *conf;
    rm_list_init(&engine->attend);
    rm_list_init(&engine->spare);
    rm_list_init(&engine->empty);
    engine->kick.run = engine_on_kick;
    engine->timer.fire = engine_on_timer;
    rm_peers_init(&engine->peers, rm_curl_drop_peer);
    rm_links_init(&engine->links, loop, &engine->peers);
    rm_idle_limit(&engine->links.idle, conf);
    engine->links.on_ready = engine_on_ready;
    engine->multi = rm_multi_new(&engine_events, engine);
    engine->reuses = rm_curl_handles_last();
    code = rm_trust_open(&engine->trust, &engine->arena, conf, rm_curl_ca_file(), err);
    if (code != RM_OK) {
        engine_close(engine);
        return code;
    }
    *self = engine;
    return RM_OK;
}

// ---- transport.h -----------------------------------------------------------------------------------------------------

static int slot_prepare(struct slot *slot, struct rm_err *err)
{
    const struct rm_exchange *x = slot->carry.x;
    size_t n_lines;
    if (!slot->peer->url && !rm_curl_make_peer(slot->peer))
        return rm_fail(err, RM_EREQUEST, "malformed host name");
    slot->text.n = 0;
    int code = rm_request_text(x, slot->engine->conf.keep_alive, &slot->text, &n_lines, err);
    return code == RM_OK ? rm_easy_set(slot->easy, x, slot->peer, slot->text.p, n_lines, err) : code;
}

static void engine_start(void *self, struct rm_exchange *x)
{
    struct engine *engine = self;
    struct rm_err *err = &x->call.err;
    int code = rm_request_check(x, err);
    if (code == RM_OK && x->deadline_us <= rm_loop_now_us(engine->loop))
        code = rm_fail(err, RM_ETIMEOUT, "no time left");
    if (code != RM_OK) {
        rm_call_done(&x->call);
        return;
    }
    struct slot *slot = slot_take(engine);
    ((struct engine_exchange *)x)->slot = slot;
    slot->peer = rm_peer_get(&engine->peers, x->host);
    slot->attempts = slot->stale_times = 0;
    slot->over = slot->stale = slot->sent = slot->repeated = false;
    bool decode = x->gzip == RM_GZIP_DECODE || rm_request_asks_gzip(x);
    rm_carry_start(&slot->carry, x, decode, engine->conf.response_header_timeout_us);
    code = slot_prepare(slot, err);
    if (code != RM_OK)
        slot_finish(slot, code);
    else if (engine->depth > 0)
        slot_attend(slot); // from one of libcurl's callbacks
    else
        slot_add(slot);
}

static void engine_cancel(void *self, struct rm_exchange *x)
{
    struct engine *engine = self;
    struct slot *slot = ((struct engine_exchange *)x)->slot;
    if (!slot)
        return;
    ((struct engine_exchange *)x)->slot = NULL;
    x->sent = slot_has_sent(slot);
    rm_carry_end(&slot->carry);
    rm_buf_free(&x->body_out);
    if (engine->depth > 0)
        slot_attend(slot);
    else
        slot_release(slot);
}

static void engine_ask(struct rm_exchange *x, unsigned what)
{
    struct slot *slot = ((struct engine_exchange *)x)->slot;
    if (slot)
        rm_carry_ask(&slot->carry, what);
}

static void engine_resume(void *self, struct rm_exchange *x)
{
    (void)self;
    engine_ask(x, RM_CARRY_RECV);
}

static void engine_body_ready(void *self, struct rm_exchange *x)
{
    (void)self;
    engine_ask(x, RM_CARRY_SEND);
}

static void engine_leave(void *self, const struct rm_host *host)
{
    struct engine *engine = self;
    rm_idle_leave(&engine->links.idle, &engine->peers, host);
}

const struct rm_transport_ops rm_transport_curl = {
    .name = "curl",
    .exchange_size = sizeof(struct engine_exchange),
    .open = engine_open,
    .close = engine_close,
    .start = engine_start,
    .cancel = engine_cancel,
    .resume = engine_resume,
    .body_ready = engine_body_ready,
    .leave = engine_leave,
};
