// One exchange while an engine carries it. Owns its timers; bytes stay the engine's, the answer's texts go into the exchange's arena.
// SPDX-License-Identifier: Apache-2.0
#include "net/carry.h"

// ---- times -----------------------------------------------------------------------------------------------------------

static uint64_t carry_due(const struct rm_carry *carry)
{
    uint64_t due_us = carry->x->deadline_us, connect_us = carry->begun ? 0 : carry->x->connect_by_us;
    if (carry->head_due_us > 0 && carry->head_due_us < due_us && !carry->answer.head.whole)
        due_us = carry->head_due_us;
    return connect_us > 0 && connect_us < due_us ? connect_us : due_us;
}

static void carry_arm(struct rm_carry *carry)
{
    rm_timer_start(carry->loop, &carry->timer, carry_due(carry));
}

// The request has left: the head's time begins.
static void carry_await_head(struct rm_carry *carry)
{
    if (carry->head_timeout_us == 0 || carry->answer.head.whole)
        return;
    carry->head_due_us = rm_loop_now_us(carry->loop) + carry->head_timeout_us;
    carry_arm(carry);
}

static void carry_on_timer(struct rm_timer *timer)
{
    struct rm_carry *carry = rm_container_of(timer, struct rm_carry, timer);
    if (rm_loop_now_us(carry->loop) < carry_due(carry))
        carry_arm(carry); // it was the connection's time, and there is one
    else
        carry->timeout(carry);
}

int rm_carry_timeout(struct rm_carry *carry, bool sent)
{
    struct rm_err *err = &carry->x->call.err;
    if (carry->answer.to == RM_ANSWER_DROP)
        return RM_OK; // all that was wanted is there
    if (rm_loop_now_us(carry->loop) < carry->x->deadline_us)
        return carry->begun ? rm_fail(err, RM_ETIMEOUT, "no answer head in time")
                            : rm_fail(err, RM_ECONNECT, "connect timeout");
    if (!sent)
        return rm_fail(err, RM_ETIMEOUT, "timeout while connecting");
    return rm_fail(err, RM_ETIMEOUT, "timeout while %s",
                   carry->answer.head.whole ? "reading the answer" : "waiting for an answer");
}

// ---- going on --------------------------------------------------------------------------------------------------------

static void carry_go_on(struct rm_carry *carry)
{
    unsigned now = carry->asked & carry->paused;
    carry->asked = 0;
    carry->paused &= ~now;
    if (now)
        carry->go_on(carry, now);
}

static void carry_on_pace(struct rm_timer *timer)
{
    struct rm_carry *carry = rm_container_of(timer, struct rm_carry, pace);
    carry->asked |= carry->breath;
    carry->breath = 0;
    carry_go_on(carry);
}

static void carry_on_wake(struct rm_task *task)
{
    carry_go_on(rm_container_of(task, struct rm_carry, wake));
}

void rm_carry_breathe(struct rm_carry *carry, unsigned what)
{
    carry->paused |= what;
    carry->breath |= what;
    rm_timer_start(carry->loop, &carry->pace, rm_loop_now_us(carry->loop));
}

void rm_carry_ask(struct rm_carry *carry, unsigned what)
{
    carry->asked |= what;
    if (!carry->wake.queued)
        rm_task_queue(carry->loop, &carry->wake);
}

// ---- from start to end -----------------------------------------------------------------------------------------------

void rm_carry_init(struct rm_carry *carry, struct rm_loop *loop, void (*go_on)(struct rm_carry *, unsigned),
                   void (*timeout)(struct rm_carry *))
{
    *carry = (struct rm_carry){.loop = loop,
                               .timer = {.fire = carry_on_timer},
                               .pace = {.fire = carry_on_pace},
                               .wake = {.run = carry_on_wake},
                               .go_on = go_on,
                               .timeout = timeout};
}

void rm_carry_start(struct rm_carry *carry, struct rm_exchange *x, bool decode, uint64_t head_timeout_us)
{
    RM_ASSERT(!carry->x);
    carry->x = x;
    carry->head_timeout_us = head_timeout_us;
    carry->head_due_us = 0;
    carry->source_read = 0;
    carry->begun = false;
    carry->paused = carry->asked = carry->breath = 0;
    carry->err.code = RM_OK;
    x->sent = false;
    rm_answer_init(&carry->answer, x, decode);
    carry_arm(carry);
}

void rm_carry_end(struct rm_carry *carry)
{
    rm_timer_stop(&carry->timer);
    rm_timer_stop(&carry->pace);
    rm_task_cancel(carry->loop, &carry->wake);
    carry->x = NULL;
}

void rm_carry_request(struct rm_carry *carry)
{
    carry->err.code = RM_OK;
    carry->paused = 0;
    carry->begun = true;
    if (!carry->x->source)
        carry_await_head(carry);
}

bool rm_carry_is_idle(const struct rm_carry *carry)
{
    return (carry->paused & RM_CARRY_SEND) && rm_answer_is_whole(&carry->answer);
}

bool rm_carry_verdict(struct rm_carry *carry, bool whole, int *code)
{
    if (carry->err.code != RM_OK) {
        carry->x->call.err = carry->err;
        *code = carry->err.code;
        return true;
    }
    if (!whole && !carry->answer.enough && !rm_answer_is_whole(&carry->answer))
        return false;
    *code = rm_answer_end(&carry->answer, &carry->x->call.err);
    return true;
}

// ---- bytes: the owner's callbacks may cancel this exchange, which shows in carry->x ----------------------------------------

enum rm_carry_step rm_carry_read(struct rm_carry *carry, char *to, size_t n, size_t *got)
{
    *got = 0;
    if (!carry->x || rm_answer_is_whole(&carry->answer))
        return RM_CARRY_STOP; // nobody wants the rest
    struct rm_body_source *source = carry->x->source;
    if (source->length >= 0 && n > (uint64_t)(source->length - carry->source_read))
        n = (size_t)(source->length - carry->source_read);
    int64_t read = n > 0 ? source->read(source, to, n) : 0;
    if (!carry->x)
        return RM_CARRY_STOP;
    if (read == RM_AGAIN) {
        carry->paused |= RM_CARRY_SEND;
        return RM_CARRY_WAIT;
    }
    if (read < 0) {
        rm_fail(&carry->err, (int)read, "the request's body broke off");
        return RM_CARRY_STOP;
    }
    RM_ASSERT((uint64_t)read <= n);
    carry->source_read += read;
    if (read == 0 && source->length > carry->source_read) {
        rm_fail(&carry->err, RM_EREQUEST, "the request's body is shorter than announced");
        return RM_CARRY_STOP;
    }
    if (read == 0 || carry->source_read == source->length)
        carry_await_head(carry);
    *got = (size_t)read;
    return RM_CARRY_ON;
}

enum rm_carry_step rm_carry_line(struct rm_carry *carry, struct rm_str line)
{
    if (!carry->x)
        return RM_CARRY_STOP;
    int code = rm_answer_line(&carry->answer, line, &carry->err);
    if (!carry->x || (code != RM_OK && code != RM_AGAIN))
        return RM_CARRY_STOP;
    if (code == RM_OK && carry->head_due_us > 0)
        carry_arm(carry);
    return carry->answer.enough ? RM_CARRY_STOP : RM_CARRY_ON;
}

enum rm_carry_step rm_carry_body(struct rm_carry *carry, struct rm_str data)
{
    if (!carry->x)
        return RM_CARRY_STOP;
    int code = rm_answer_body(&carry->answer, data, &carry->err);
    if (!carry->x)
        return RM_CARRY_STOP;
    if (code == RM_AGAIN) {
        carry->paused |= RM_CARRY_RECV;
        if (carry->answer.breather)
            rm_carry_breathe(carry, RM_CARRY_RECV);
        return RM_CARRY_WAIT;
    }
    return code != RM_OK || carry->answer.enough ? RM_CARRY_STOP : RM_CARRY_ON;
}
