// Writing a request: its head, then its body from a buffer or a source, as fast as the connection takes it. Owns nothing beyond the
// slot; one buffer of the engine's serves all of them.
// SPDX-License-Identifier: Apache-2.0
#include "net/h1.h"

#include "net/request.h"

#include <sys/uio.h>

#define H1_SEND_BYTES ((size_t)16 << 10) // of a source in one piece; a TLS record
#define H1_OUT_KEPT ((size_t)64 << 10)   // a larger buffer is given back
#define H1_CHUNK_LINE 6                  // "3fff" and CRLF

bool rm_h1_has_sent_all(const struct rm_h1_slot *slot)
{
    return !slot->has_source && slot->body.n == 0 && slot->rest_at == slot->rest.n && !slot->deaf;
}

// Sends `text`, then the body. RM_CARRY_WAIT: the socket is full, and what is left of the text stands in slot->rest. RM_CARRY_STOP: no use.
static enum rm_carry_step slot_push(struct rm_h1_slot *slot, struct rm_str text)
{
    struct rm_exchange *x = slot->carry.x;
    bool tls = slot->peer->tls;
    while (text.n > 0 || slot->body.n > 0) {
        struct iovec pieces[2];
        size_t n = 0;
        if (text.n > 0)
            pieces[n++] = (struct iovec){(void *)(uintptr_t)text.p, text.n};
        if (slot->body.n > 0)
            pieces[n++] = (struct iovec){(void *)(uintptr_t)slot->body.p,
                                         tls && slot->body.n > H1_SEND_BYTES ? H1_SEND_BYTES : slot->body.n};
        int64_t sent = rm_wire_send(slot->wire, pieces, n);
        x->sent = x->sent || sent > 0 || tls; // part of a TLS record may be out
        if (sent < 0 && sent != RM_AGAIN)
            return RM_CARRY_STOP;
        if (sent < 0) {
            bool in_place = slot->rest.n > 0; // else it lies in the shared buffer
            slot->rest_at = in_place ? slot->rest.n - text.n : 0;
            if (!in_place && rm_buf_append(&slot->rest, text) != RM_OK)
                rm_fail(&slot->carry.err, RM_EMEMORY, "no room left for bodies");
            return slot->carry.err.code != RM_OK ? RM_CARRY_STOP : RM_CARRY_WAIT;
        }
        size_t of_text = (size_t)sent < text.n ? (size_t)sent : text.n;
        text = rm_str_sub(text, of_text, text.n);
        if (slot->body.n > 0)
            slot->body = rm_str_sub(slot->body, (size_t)sent - of_text, slot->body.n);
    }
    slot->rest.n = slot->rest_at = 0;
    return RM_CARRY_ON;
}

// The next piece of the source, behind what is in `out`: as much as it has now, in one chunk where the length is unknown.
static enum rm_carry_step slot_fill(struct rm_h1_slot *slot, struct rm_buf *out)
{
    static const char digits[] = "0123456789abcdef";
    bool chunked = slot->carry.x->source->length < 0;
    size_t line = chunked ? H1_CHUNK_LINE : 0, got = 0, n = 0;
    if (rm_buf_reserve(out, line + H1_SEND_BYTES + 7) != RM_OK) {
        rm_fail(&slot->carry.err, RM_EMEMORY, "no room left for bodies");
        return RM_CARRY_STOP;
    }
    char *to = out->p + out->n + line;
    enum rm_carry_step step;
    do {
        step = rm_carry_read(&slot->carry, to + n, H1_SEND_BYTES - n, &got);
        n += got;
    } while (step == RM_CARRY_ON && got > 0 && n < H1_SEND_BYTES);
    if (step == RM_CARRY_STOP)
        return step;
    slot->has_source = step == RM_CARRY_WAIT || got > 0;
    if (!chunked) {
        out->n += n;
        return step;
    }
    if (n > 0) {
        for (size_t i = 0; i < 4; i++)
            out->p[out->n + i] = digits[n >> (12 - 4 * i) & 15];
        memcpy(out->p + out->n + 4, "\r\n", 2);
        memcpy(to + n, "\r\n", 2);
        out->n += line + n + 2;
    }
    if (!slot->has_source) {
        memcpy(out->p + out->n, "0\r\n\r\n", 5);
        out->n += 5;
    }
    return step;
}

// Where a piece is put together. With TLS it has to stay where it is until it is sent.
static struct rm_buf *slot_out(struct rm_h1_slot *slot)
{
    struct rm_buf *out = slot->peer->tls || slot->h1->out_taken ? &slot->rest : &slot->h1->out;
    slot->rest_at = 0;
    slot->rest.n = 0;
    out->n = 0;
    return out;
}

// The next piece, behind what is in `out`. The source is the front end's: it may cancel this exchange, or start another.
static enum rm_carry_step slot_fill_out(struct rm_h1_slot *slot, struct rm_buf *out)
{
    bool shared = out == &slot->h1->out;
    slot->h1->out_taken = slot->h1->out_taken || shared;
    enum rm_carry_step step = slot_fill(slot, out);
    if (shared)
        slot->h1->out_taken = false;
    return slot->carry.x ? step : RM_CARRY_STOP;
}

// Sends what is in `out` (NULL: in slot->rest) and what follows it, until the socket is full, the source has nothing, or all is out.
// False: the slot is given back.
bool rm_h1_send(struct rm_h1_slot *slot, struct rm_buf *out)
{
    struct rm_carry *carry = &slot->carry;
    enum rm_carry_step step = RM_CARRY_ON;
    size_t total = 0;
    bool more = true;
    slot->busy = true;
    while (step == RM_CARRY_ON && more) {
        struct rm_str text = {"", 0};
        if (out) {
            if (slot->has_source && slot_fill_out(slot, out) == RM_CARRY_STOP) {
                step = RM_CARRY_STOP;
                break;
            }
            text = rm_buf_str(out);
        } else if (slot->rest.n > 0) {
            text = rm_str_sub(rm_buf_str(&slot->rest), slot->rest_at, slot->rest.n);
        }
        total += text.n;
        step = slot_push(slot, text);
        more = slot->has_source && !(carry->paused & RM_CARRY_SEND);
        if (step == RM_CARRY_ON && more && total >= H1_TURN_BYTES) {
            rm_carry_breathe(carry, RM_CARRY_SEND);
            break;
        }
        out = step == RM_CARRY_ON && more ? slot_out(slot) : NULL;
    }
    slot->busy = false;
    if (!carry->x) {
        rm_h1_release(slot, false);
        return false;
    }
    if (step != RM_CARRY_STOP)
        return true;
    if (carry->err.code != RM_OK) {
        rm_h1_over(slot);
        return false;
    }
    // It may have answered before it closed.
    slot->deaf = true;
    slot->has_source = false;
    slot->body.n = 0;
    slot->wire->readable = true;
    return (carry->paused & RM_CARRY_RECV) || rm_h1_recv(slot);
}

bool rm_h1_send_more(struct rm_h1_slot *slot)
{
    bool waits = slot->rest_at < slot->rest.n || slot->body.n > 0;
    // TLS may have waited for either direction.
    if (waits)
        return !(slot->wire->writable || slot->peer->tls) || rm_h1_send(slot, NULL);
    return !slot->has_source || (slot->carry.paused & RM_CARRY_SEND) || rm_h1_send(slot, slot_out(slot));
}

void rm_h1_begin(struct rm_h1_slot *slot)
{
    struct rm_h1 *h1 = slot->h1;
    struct rm_exchange *x = slot->carry.x;
    struct rm_buf *out = slot_out(slot);
    enum rm_request_body body = rm_request_body_of(x);
    slot->body = body == RM_REQUEST_BUFFER ? x->body : (struct rm_str){"", 0};
    slot->has_source = body == RM_REQUEST_SOURCE;
    int code = rm_request_head(x, slot->peer->host_line, h1->conf.keep_alive, out, &x->call.err);
    if (code != RM_OK) {
        rm_h1_finish(slot, code);
        return;
    }
    rm_carry_request(&slot->carry);
    if (rm_h1_send(slot, out) && slot->wire->readable)
        (void)rm_h1_recv(slot);
    if (h1->out.cap > H1_OUT_KEPT && !h1->out_taken)
        rm_buf_free(&h1->out);
}
