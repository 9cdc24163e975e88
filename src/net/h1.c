// The HTTP engine of our own: strict HTTP/1.1 over connections that libcurl made (wire.c). Owns the slots and one buffer each for what is
// written and what is read; an exchange holds bytes of its own only while the other side is slow. The rules of an answer are answer.c's.
// SPDX-License-Identifier: Apache-2.0
#include "net/h1.h"

#include "net/request.h"

#define H1_HEAD_MOST ((size_t)1 << 20) // of a request

static void slot_go_on(struct rm_carry *, unsigned what);
static void slot_timeout(struct rm_carry *);

// ---- slots -----------------------------------------------------------------------------------------------------------

static struct rm_h1_slot *slot_take(struct rm_h1 *h1)
{
    struct rm_h1_slot *slot = h1->spare;
    h1->n_busy++;
    if (slot) {
        h1->spare = slot->next;
        return slot;
    }
    slot = RM_NEW(&h1->arena, struct rm_h1_slot);
    slot->h1 = h1;
    rm_list_init(&slot->in_starting);
    rm_carry_init(&slot->carry, h1->loop, slot_go_on, slot_timeout);
    return slot;
}

// The connection is as it was before the exchange, so that another may follow (RFC 9112 9.3).
static bool slot_is_clean(const struct rm_h1_slot *slot)
{
    const struct rm_answer *answer = &slot->carry.answer;
    return slot->h1->conf.keep_alive && rm_answer_is_whole(answer) && !answer->head.close && !answer->excess &&
           rm_h1_has_sent_all(slot) && slot->gone == H1_HERE && !slot->wire->ending;
}

static void slot_drop_wire(struct rm_h1_slot *slot)
{
    if (slot->wire)
        rm_wire_close(slot->wire);
    slot->wire = NULL;
}

void rm_h1_release(struct rm_h1_slot *slot, bool keep)
{
    struct rm_h1 *h1 = slot->h1;
    rm_list_remove(&slot->in_starting);
    rm_carry_end(&slot->carry);
    if (keep) {
        rm_wire_keep(slot->wire);
        slot->wire = NULL;
    }
    slot_drop_wire(slot);
    rm_buf_free(&slot->rest);
    rm_buf_free(&slot->held);
    rm_peer_unref(&h1->peers, slot->peer);
    slot->next = h1->spare;
    h1->spare = slot;
    h1->n_busy--;
}

// Gives the slot back and tells the caller. `code` is RM_OK or what is in x->call.err.
void rm_h1_finish(struct rm_h1_slot *slot, int code)
{
    struct rm_exchange *x = slot->carry.x;
    if (code != RM_OK)
        rm_buf_free(&x->body_out);
    ((struct h1_exchange *)x)->slot = NULL;
    rm_h1_release(slot, code == RM_OK && slot_is_clean(slot));
    rm_call_done(&x->call);
}

static void slot_connect(struct rm_h1_slot *slot, bool fresh);

// The other side may end a kept connection in the moment in which it is used again (RFC 9112 9.3.1). Once, on a new connection, and
// never a request of which something has left and that must not be done twice.
static bool slot_may_retry(const struct rm_h1_slot *slot)
{
    const struct rm_exchange *x = slot->carry.x;
    return slot->gone != H1_HERE && slot->wire->used && !slot->begun && !slot->retried &&
           slot->carry.err.code == RM_OK && slot->carry.source_read == 0 && (!x->sent || rm_request_is_repeatable(x));
}

// A kept connection is one that was quiet when the loop looked at its descriptors last. What must not be sent twice asks the socket once
// more.
static bool slot_needs_a_look(const struct rm_exchange *x)
{
    return x->source || !rm_request_is_repeatable(x);
}

// Nothing more comes, or is wanted.
void rm_h1_over(struct rm_h1_slot *slot)
{
    struct rm_err *err = &slot->carry.x->call.err;
    int code;
    if (slot_may_retry(slot)) {
        slot_drop_wire(slot);
        rm_buf_free(&slot->rest);
        slot->retried = true;
        slot_connect(slot, true);
        return;
    }
    if (slot->gone == H1_ENDED && !slot->begun && slot->carry.err.code == RM_OK)
        code = rm_fail(err, RM_ERESET, "connection closed without an answer");
    else if (!rm_carry_verdict(&slot->carry, slot->gone == H1_ENDED, &code))
        code = rm_fail(err, RM_ERESET, slot->deaf ? "connection reset while sending" : "connection reset");
    rm_h1_finish(slot, code);
}

static void slot_timeout(struct rm_carry *carry)
{
    struct rm_h1_slot *slot = rm_container_of(carry, struct rm_h1_slot, carry);
    rm_h1_finish(slot, rm_carry_timeout(carry, carry->x->sent));
}

static void slot_connect(struct rm_h1_slot *slot, bool fresh)
{
    struct rm_h1 *h1 = slot->h1;
    struct rm_err *err = &slot->carry.x->call.err;
    slot->deaf = slot->begun = false;
    slot->gone = H1_HERE;
    slot->wire = fresh ? NULL : rm_wire_take(&h1->wires, slot->peer, slot, slot_needs_a_look(slot->carry.x));
    if (slot->wire) {
        rm_h1_begin(slot);
        return;
    }
    slot->wire = rm_wire_dial(&h1->wires, slot->peer, slot, err);
    if (!slot->wire)
        rm_h1_finish(slot, err->code);
}

// Right after the loop has looked at its descriptors: what was done at rest to the connections is known, and the requests of a turn leave
// together, behind all that was read in it.
static void h1_on_start(struct rm_timer *timer)
{
    struct rm_h1 *h1 = rm_container_of(timer, struct rm_h1, start);
    while (!rm_list_empty(&h1->starting)) {
        struct rm_h1_slot *slot = rm_container_of(h1->starting.next, struct rm_h1_slot, in_starting);
        rm_list_remove(&slot->in_starting);
        slot_connect(slot, false);
    }
}

// ---- events ----------------------------------------------------------------------------------------------------------

static void h1_on_open(struct rm_wire *wire, struct rm_err *err)
{
    struct rm_h1_slot *slot = wire->user;
    if (!err) {
        rm_h1_begin(slot);
        return;
    }
    slot->carry.x->call.err = *err;
    rm_h1_finish(slot, err->code);
}

// An answer that is there comes first: after it nothing needs to be sent.
static void slot_move(struct rm_h1_slot *slot)
{
    if (slot->wire->readable && !(slot->carry.paused & RM_CARRY_RECV) && !rm_h1_recv(slot))
        return;
    (void)rm_h1_send_more(slot);
}

static void h1_on_ready(struct rm_wire *wire)
{
    slot_move(wire->user);
}

static void slot_go_on(struct rm_carry *carry, unsigned what)
{
    struct rm_h1_slot *slot = rm_container_of(carry, struct rm_h1_slot, carry);
    if (!slot->wire || !slot->wire->open)
        return;
    if ((what & RM_CARRY_RECV) && slot->held.n > 0 && !rm_h1_recv(slot))
        return;
    slot_move(slot);
}

// ---- transport.h -----------------------------------------------------------------------------------------------------

static void h1_close(void *self)
{
    struct rm_h1 *h1 = self;
    RM_ASSERT(h1->n_busy == 0);
    rm_timer_stop(&h1->start);
    rm_wires_fini(&h1->wires);
    rm_peers_fini(&h1->peers);
    rm_trust_close(&h1->trust);
    rm_buf_free(&h1->out);
    rm_curl_fini();
    struct rm_arena arena = h1->arena; // the engine lies in it
    rm_arena_fini(&arena);
}

static int h1_open(void **self, const struct rm_transport_conf *conf, struct rm_loop *loop, struct rm_err *err)
{
    int code = rm_curl_init(err);
    if (code != RM_OK)
        return code;
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_h1 *h1 = RM_NEW(&arena, struct rm_h1);
    h1->arena = arena;
    h1->loop = loop;
    h1->conf = *conf;
    rm_list_init(&h1->starting);
    h1->start.fire = h1_on_start;
    rm_buf_init(&h1->out, H1_HEAD_MOST, NULL);
    rm_peers_init(&h1->peers, rm_curl_drop_peer);
    rm_wires_init(&h1->wires, loop, &h1->peers, &h1->conf, &h1->trust);
    h1->wires.on_open = h1_on_open;
    h1->wires.on_ready = h1_on_ready;
    code = rm_trust_open(&h1->trust, &h1->arena, conf, rm_curl_ca_file(), err);
    if (code != RM_OK) {
        h1_close(h1);
        return code;
    }
    *self = h1;
    return RM_OK;
}

static void h1_start(void *self, struct rm_exchange *x)
{
    struct rm_h1 *h1 = self;
    struct rm_err *err = &x->call.err;
    int code = rm_request_check(x, err);
    if (code == RM_OK && x->deadline_us <= rm_loop_now_us(h1->loop))
        code = rm_fail(err, RM_ETIMEOUT, "no time left");
    if (code != RM_OK) {
        rm_call_done(&x->call);
        return;
    }
    struct rm_h1_slot *slot = slot_take(h1);
    ((struct h1_exchange *)x)->slot = slot;
    slot->peer = rm_peer_get(&h1->peers, x->host);
    slot->looked_at = slot->body_got = 0;
    slot->retried = slot->busy = slot->has_source = false;
    slot->body.n = 0;
    rm_buf_init(&slot->rest, H1_HEAD_MOST, x->budget);
    rm_carry_start(&slot->carry, x, x->gzip == RM_GZIP_DECODE || rm_request_asks_gzip(x),
                   h1->conf.response_header_timeout_us);
    rm_buf_init(&slot->held, slot->carry.answer.head.max_bytes + H1_RECV_BYTES, x->budget);
    rm_list_push_back(&h1->starting, &slot->in_starting);
    if (!h1->start.slot)
        rm_timer_start(h1->loop, &h1->start, rm_loop_now_us(h1->loop));
}

static void h1_cancel(void *self, struct rm_exchange *x)
{
    (void)self;
    struct rm_h1_slot *slot = ((struct h1_exchange *)x)->slot;
    if (!slot)
        return;
    ((struct h1_exchange *)x)->slot = NULL;
    rm_carry_end(&slot->carry);
    rm_buf_free(&x->body_out);
    if (!slot->busy)
        rm_h1_release(slot, false);
}

static void h1_ask(struct rm_exchange *x, unsigned what)
{
    struct rm_h1_slot *slot = ((struct h1_exchange *)x)->slot;
    if (slot)
        rm_carry_ask(&slot->carry, what);
}

static void h1_resume(void *self, struct rm_exchange *x)
{
    (void)self;
    h1_ask(x, RM_CARRY_RECV);
}

static void h1_body_ready(void *self, struct rm_exchange *x)
{
    (void)self;
    h1_ask(x, RM_CARRY_SEND);
}

static void h1_leave(void *self, const struct rm_host *host)
{
    struct rm_h1 *h1 = self;
    rm_idle_leave(&h1->wires.idle, &h1->peers, host);
}

static int64_t h1_read(void *self, struct rm_exchange *x, char *to, size_t n)
{
    (void)self;
    struct rm_h1_slot *slot = ((struct h1_exchange *)x)->slot;
    return slot ? rm_h1_read(slot, to, n) : 0;
}

const struct rm_transport_ops rm_transport_h1 = {
    .name = "h1",
    .exchange_size = sizeof(struct h1_exchange),
    .open = h1_open,
    .close = h1_close,
    .start = h1_start,
    .cancel = h1_cancel,
    .resume = h1_resume,
    .body_ready = h1_body_ready,
    .leave = h1_leave,
    .read = h1_read,
};
