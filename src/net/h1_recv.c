// Reading an answer: lines and body bytes from the connection to answer.c, with what comes before it can be used. Owns nothing beyond
// the slot.
// SPDX-License-Identifier: Apache-2.0
#include "net/h1.h"

static enum rm_carry_step slot_fail(struct rm_h1_slot *slot, int code)
{
    if (code == RM_ETOOBIG)
        rm_fail(&slot->carry.err, code, "answer head of more than %zu bytes", slot->carry.answer.head.max_bytes);
    else
        rm_fail(&slot->carry.err, code, "no room left for answer bodies");
    return RM_CARRY_STOP;
}

// Head lines, as far as they are whole.
static enum rm_carry_step slot_use_head(struct rm_h1_slot *slot, struct rm_str *in)
{
    enum rm_carry_step step = RM_CARRY_ON;
    while (step == RM_CARRY_ON && !slot->carry.answer.head.whole) {
        const char *lf = memchr(in->p + slot->looked_at, '\n', in->n - slot->looked_at);
        if (!lf) {
            slot->looked_at = in->n;
            return RM_CARRY_WAIT;
        }
        slot->looked_at = 0;
        struct rm_str line = {in->p, (size_t)(lf - in->p) + 1};
        *in = rm_str_sub(*in, line.n, in->n);
        step = rm_carry_line(&slot->carry, line);
    }
    return step;
}

// All of it belongs to the body or behind it.
static enum rm_carry_step slot_use_body(struct rm_h1_slot *slot, struct rm_str *in)
{
    struct rm_answer *answer = &slot->carry.answer;
    size_t n = in->n;
    if (answer->bodyless)
        n = 0;
    else if (!answer->head.chunked && answer->head.length >= 0 && n > (uint64_t)answer->head.length - slot->body_got)
        n = (size_t)((uint64_t)answer->head.length - slot->body_got);
    answer->excess = answer->excess || n < in->n;
    in->n = n;
    if (n == 0)
        return RM_CARRY_ON;
    enum rm_carry_step step = rm_carry_body(&slot->carry, *in);
    if (step == RM_CARRY_ON) {
        slot->body_got += n;
        in->n = 0;
    }
    return step;
}

// New bytes, and those that had to wait. RM_CARRY_WAIT: the owner has to say when, or the next line is not whole.
static enum rm_carry_step slot_use(struct rm_h1_slot *slot, struct rm_str in)
{
    struct rm_buf *held = &slot->held;
    bool joins = held->n > 0;
    if (joins) {
        int code = rm_buf_append(held, in);
        if (code != RM_OK)
            return slot_fail(slot, code);
        in = rm_buf_str(held);
    }
    enum rm_carry_step step = slot_use_head(slot, &in);
    if (step == RM_CARRY_ON && in.n > 0)
        step = slot_use_body(slot, &in);
    if (step == RM_CARRY_STOP)
        return step;
    if (joins) {
        memmove(held->p, in.p, in.n);
        held->n = in.n;
        if (in.n == 0)
            rm_buf_free(held);
    } else if (in.n > 0) {
        int code = rm_buf_append(held, in);
        if (code != RM_OK)
            return slot_fail(slot, code);
    }
    return slot->carry.paused & RM_CARRY_RECV ? RM_CARRY_WAIT : RM_CARRY_ON;
}

// Reads once.
static enum rm_carry_step slot_read(struct rm_h1_slot *slot, size_t *got)
{
    struct rm_h1 *h1 = slot->h1;
    size_t room = sizeof(h1->in);
    char *body = rm_answer_room(&slot->carry.answer, &room);
    int64_t n = rm_wire_recv(slot->wire, body ? body : h1->in, room);
    *got = 0;
    if (n == RM_AGAIN)
        return RM_CARRY_WAIT;
    if (n <= 0) {
        slot->gone = n == 0 ? H1_ENDED : H1_RESET;
        return RM_CARRY_STOP;
    }
    *got = (size_t)n;
    slot->begun = true;
    if (!body)
        return slot_use(slot, (struct rm_str){h1->in, (size_t)n});
    rm_answer_filled(&slot->carry.answer, (size_t)n);
    slot->body_got += (size_t)n;
    return RM_CARRY_ON;
}

// The owner may read from the connection itself: a body of known length that needs no decoding, and nothing of it waits here.
static bool slot_can_be_read(const struct rm_h1_slot *slot)
{
    const struct rm_answer *answer = &slot->carry.answer;
    return answer->to == RM_ANSWER_STREAM && answer->head.whole && answer->head.length >= 0 && !answer->head.chunked &&
           !answer->bodyless && !answer->gunzip && slot->held.n == 0 && !slot->deaf;
}

int64_t rm_h1_read(struct rm_h1_slot *slot, char *to, size_t n)
{
    struct rm_answer *answer = &slot->carry.answer;
    if (!slot->wire || !slot->wire->readable || !slot_can_be_read(slot) || n == 0)
        return RM_AGAIN;
    uint64_t left = (uint64_t)answer->head.length - answer->received;
    int64_t got = rm_wire_recv(slot->wire, to, n < left ? n : (size_t)left);
    if (got == RM_AGAIN)
        return got;
    if (got <= 0) {
        slot->gone = got == 0 ? H1_ENDED : H1_RESET;
        rm_h1_over(slot);
        return 0;
    }
    answer->received += (uint64_t)got;
    slot->body_got += (uint64_t)got;
    if (rm_answer_is_whole(answer))
        rm_h1_over(slot);
    return got;
}

// What has come, until the answer is whole, its owner pauses, or there is no more. False: the slot is given back.
bool rm_h1_recv(struct rm_h1_slot *slot)
{
    struct rm_carry *carry = &slot->carry;
    enum rm_carry_step step = RM_CARRY_ON;
    size_t total = 0, got;
    slot->busy = true;
    if (carry->answer.head.whole && slot->held.n > 0)
        step = slot_use(slot, (struct rm_str){"", 0});
    while (step == RM_CARRY_ON && !rm_answer_is_whole(&carry->answer) && slot->wire->readable) {
        const struct rm_answer_sink *sink = carry->x->sink;
        if (slot_can_be_read(slot) && sink->readable && sink->readable(carry->x)) {
            step = RM_CARRY_WAIT;
            break;
        }
        step = slot_read(slot, &got);
        total += got;
        if (step == RM_CARRY_ON && total >= H1_TURN_BYTES) {
            rm_carry_breathe(carry, RM_CARRY_RECV);
            step = RM_CARRY_WAIT;
        }
    }
    slot->busy = false;
    if (!carry->x) {
        rm_h1_release(slot, false);
        return false;
    }
    if (slot->deaf && !(carry->paused & RM_CARRY_RECV) && step == RM_CARRY_WAIT) {
        slot->gone = H1_RESET; // and no answer either
        step = RM_CARRY_STOP;
    }
    if (step != RM_CARRY_STOP && !rm_answer_is_whole(&carry->answer))
        return true;
    rm_h1_over(slot);
    return false;
}
