// Answers: framing rules by answer_head.c, inflation by gunzip.c, delivery here. Owns nothing beyond the exchange's arena; the body
// buffer is freed by the arena's clean-up.
// SPDX-License-Identifier: Apache-2.0
#include "net/answer.h"

#include "net/gunzip.h"
#include "net/hop.h"

#define ANSWER_HEAD_BYTES ((size_t)64 << 10)      // when the exchange sets no limit
#define ANSWER_RESERVE_BYTES ((int64_t)256 << 10) // at once, on the word of a Content-Length
#define ANSWER_DROP_BYTES ((uint64_t)1 << 20)     // of an unwanted body are read for the connection's sake
#define ANSWER_BLOCK_BYTES ((size_t)16 << 10)
#define ANSWER_HEAD_STEP ((size_t)4 << 10)     // of a head's texts, in the arena, are charged at once; less is free
#define ANSWER_GUNZIP_BYTES ((size_t)48 << 10) // a window and a block
#define ANSWER_TURN_BYTES ((size_t)256 << 10)  // inflated in one go: 1 MiB of gzip can be 1 GiB of work

void rm_answer_init(struct rm_answer *answer, struct rm_exchange *x, bool decode)
{
    *answer = (struct rm_answer){.x = x, .decode = decode, .to = x->sink ? RM_ANSWER_STREAM : RM_ANSWER_COLLECT};
    rm_answer_head_init(&answer->head, x->call.arena, x->max_head > 0 ? x->max_head : ANSWER_HEAD_BYTES);
    x->status = 0;
    x->answer_length = -1;
    x->answer = x->trailers = (struct rm_headers){.n = 0};
    rm_buf_init(&x->body_out, x->max_body, x->budget);
}

static void answer_free_body(void *body)
{
    rm_buf_free(body);
}

// ---- what the arena holds, by the peer's choice ------------------------------------------------------------------------

struct rm_answer_charge {
    struct rm_budget *budget;
    size_t bytes;
};

static void answer_discharge(void *arg)
{
    const struct rm_answer_charge *charge = arg;
    rm_budget_release(charge->budget, charge->bytes);
}

static int answer_charge(struct rm_answer *answer, size_t bytes, struct rm_err *err)
{
    struct rm_exchange *x = answer->x;
    if (!rm_budget_charge(x->budget, bytes))
        return rm_fail(err, RM_EMEMORY, "no room left for answers");
    if (!answer->charge) {
        answer->charge = RM_NEW(x->call.arena, struct rm_answer_charge);
        answer->charge->budget = x->budget;
        rm_arena_defer(x->call.arena, answer_discharge, answer->charge);
    }
    answer->charge->bytes += bytes;
    return RM_OK;
}

static int answer_charge_head(struct rm_answer *answer, struct rm_err *err)
{
    size_t more = answer->head.bytes - answer->head_charged;
    if (more < ANSWER_HEAD_STEP)
        return RM_OK;
    answer->head_charged += more;
    return answer_charge(answer, more, err);
}

// ---- the head --------------------------------------------------------------------------------------------------------

static bool answer_is_gzip(const struct rm_headers *fields)
{
    const struct rm_header *coding = NULL;
    for (uint32_t i = 0; i < fields->n; i++) {
        if (!rm_str_eq_nocase(fields->v[i].name, RM_STR("content-encoding")))
            continue;
        if (coding)
            return false; // codings on top of each other: not ours to undo
        coding = &fields->v[i];
    }
    return coding && (rm_str_eq_nocase(coding->value, RM_STR("gzip")) ||
                      rm_str_eq_nocase(coding->value, RM_STR("x-gzip"))); // RFC 9110 8.4.1.3
}

static void answer_remove(struct rm_headers *fields, struct rm_str name)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < fields->n; i++) {
        if (!rm_str_eq_nocase(fields->v[i].name, name))
            fields->v[kept++] = fields->v[i];
    }
    fields->n = kept;
}

static int answer_prepare_body(struct rm_answer *answer, struct rm_err *err)
{
    struct rm_exchange *x = answer->x;
    if (answer->to != RM_ANSWER_COLLECT || answer->bodyless)
        return RM_OK;
    rm_arena_defer(x->call.arena, answer_free_body, &x->body_out);
    if (answer->gunzip || answer->head.length <= 0)
        return RM_OK;
    if ((uint64_t)answer->head.length > x->max_body)
        return rm_fail(err, RM_ETOOBIG, "answer body of more than %zu bytes", x->max_body);
    x->body_out.max = (size_t)answer->head.length; // so that doubling ends at what it will be
    int64_t first = answer->head.length < ANSWER_RESERVE_BYTES ? answer->head.length : ANSWER_RESERVE_BYTES;
    if (rm_buf_reserve(&x->body_out, (size_t)first) != RM_OK)
        return rm_fail(err, RM_EMEMORY, "no room left for answer bodies");
    return RM_OK;
}

static int answer_head_done(struct rm_answer *answer, struct rm_err *err)
{
    struct rm_exchange *x = answer->x;
    const struct rm_answer_head *head = &answer->head;
    x->status = head->status;
    x->answer = head->fields;
    answer->bodyless = rm_str_eq(x->method, RM_STR("HEAD")) || head->status == 204 || head->status == 304;
    bool empty = answer->bodyless || head->length == 0;
    if (answer->decode && !empty && answer_is_gzip(&x->answer)) {
        int code = answer_charge(answer, ANSWER_GUNZIP_BYTES, err);
        if (code != RM_OK)
            return code;
        answer->gunzip = rm_gunzip_new(x->call.arena);
        answer_remove(&x->answer, RM_STR("content-encoding"));
        answer_remove(&x->answer, RM_STR("content-length"));
    }
    rm_hop_strip(&x->answer);
    x->answer_length = answer->bodyless ? 0 : answer->gunzip ? -1 : head->length;
    int prepared = answer_prepare_body(answer, err);
    if (prepared != RM_OK)
        return prepared;
    if (x->sink && x->sink->head && !x->sink->head(x)) {
        answer->to = RM_ANSWER_DROP;
        answer->enough = !answer->bodyless && head->length > 0 && (uint64_t)head->length > ANSWER_DROP_BYTES;
    }
    return RM_OK;
}

int rm_answer_line(struct rm_answer *answer, struct rm_str line, struct rm_err *err)
{
    int code = rm_answer_head_line(&answer->head, line, err);
    int charged = code == RM_OK || code == RM_AGAIN ? answer_charge_head(answer, err) : RM_OK;
    if (charged != RM_OK)
        return charged;
    return code == RM_OK ? answer_head_done(answer, err) : code;
}

// ---- the body --------------------------------------------------------------------------------------------------------

static int answer_collect(struct rm_answer *answer, struct rm_str data, struct rm_err *err)
{
    switch (rm_buf_append(&answer->x->body_out, data)) {
    case RM_OK:
        return RM_OK;
    case RM_ETOOBIG:
        return rm_fail(err, RM_ETOOBIG, "answer body of more than %zu bytes", answer->x->max_body);
    default:
        return rm_fail(err, RM_EMEMORY, "no room left for answer bodies");
    }
}

static int answer_stream(const struct rm_answer *answer, struct rm_str data, struct rm_err *err)
{
    int code = answer->x->sink->chunk(answer->x, data);
    if (code == RM_OK || code == RM_AGAIN)
        return code;
    return rm_fail(err, code, "the answer could not be passed on");
}

// Into the block that waits for the sink, or a block at a time into the buffer. *in moves on.
static int answer_inflate(struct rm_answer *answer, struct rm_str *in, size_t *made, struct rm_err *err)
{
    if (answer->to == RM_ANSWER_STREAM) {
        if (!answer->block)
            answer->block = rm_arena_alloc(answer->x->call.arena, ANSWER_BLOCK_BYTES);
        int code = rm_gunzip_run(answer->gunzip, in, answer->block, ANSWER_BLOCK_BYTES, made, err);
        answer->block_n = *made;
        return code;
    }
    char block[ANSWER_BLOCK_BYTES];
    int code = rm_gunzip_run(answer->gunzip, in, block, sizeof(block), made, err);
    return code == RM_OK ? answer_collect(answer, (struct rm_str){block, *made}, err) : code;
}

// *taken: bytes of the piece that are used. With RM_AGAIN it may be less than all, or all with something inflated left over.
static int answer_gunzip(struct rm_answer *answer, struct rm_str piece, size_t *taken, struct rm_err *err)
{
    struct rm_str in = piece;
    size_t inflated = 0, made = 0;
    int code = RM_OK;
    do {
        if (answer->block_n > 0)
            code = answer_stream(answer, (struct rm_str){answer->block, answer->block_n}, err);
        if (code == RM_OK) {
            answer->block_n = 0;
            if (inflated > ANSWER_TURN_BYTES) {
                answer->breather = true;
                code = RM_AGAIN;
            } else {
                code = answer_inflate(answer, &in, &made, err);
                inflated += made;
            }
        }
    } while (code == RM_OK && (in.n > 0 || made > 0));
    *taken = piece.n - in.n;
    answer->pending = code == RM_AGAIN;
    return code;
}

static int answer_deliver(struct rm_answer *answer, struct rm_str piece, size_t *taken, struct rm_err *err)
{
    int code = RM_OK;
    *taken = piece.n;
    if (answer->to == RM_ANSWER_DROP)
        return RM_OK;
    if (answer->gunzip)
        return answer_gunzip(answer, piece, taken, err);
    if (piece.n > 0 && answer->to == RM_ANSWER_STREAM)
        code = answer_stream(answer, piece, err);
    else if (piece.n > 0)
        code = answer_collect(answer, piece, err);
    if (code != RM_OK)
        *taken = 0;
    return code;
}

// The next body bytes at the front of *in; trailers go where they belong.
static int answer_unchunk(struct rm_answer *answer, struct rm_str *in, struct rm_str *piece, struct rm_err *err)
{
    int found;
    for (;;) {
        found = rm_chunked_next(&answer->chunked, answer->head.arena, in, piece, err);
        if (found != RM_CHUNKED_FIELD)
            break;
        int code = rm_answer_trailer_line(&answer->head, *piece, &answer->x->trailers, err);
        if (code == RM_OK)
            code = answer_charge_head(answer, err);
        if (code != RM_OK)
            return code;
    }
    if (found < 0)
        return found;
    if (found == RM_CHUNKED_END && in->n > 0) {
        answer->excess = true;
        *in = rm_str_sub(*in, in->n, in->n);
    }
    if (found != RM_CHUNKED_DATA)
        *piece = (struct rm_str){"", 0};
    return RM_OK;
}

int rm_answer_body(struct rm_answer *answer, struct rm_str data, struct rm_err *err)
{
    if (!answer->head.whole)
        return rm_fail(err, RM_EPROTO, "not an HTTP/1 answer"); // libcurl may take a strange first line for a body
    if (answer->bodyless)
        return RM_OK;
    size_t known = answer->skip < data.n ? answer->skip : data.n;
    struct rm_str in = rm_str_sub(data, known, data.n);
    answer->skip -= known;
    answer->breather = false;
    do {
        struct rm_str piece = in;
        size_t taken;
        int code = answer->head.chunked ? answer_unchunk(answer, &in, &piece, err) : RM_OK;
        if (code != RM_OK)
            return code;
        code = answer_deliver(answer, piece, &taken, err);
        answer->received += taken;
        if (answer->head.chunked && taken > 0)
            rm_chunked_take(&answer->chunked, &in, taken);
        else
            in = rm_str_sub(in, taken, in.n);
        if (code == RM_AGAIN)
            answer->skip += data.n - in.n;
        if (code != RM_OK)
            return code;
    } while (in.n > 0);
    answer->enough = answer->to == RM_ANSWER_DROP && answer->received > ANSWER_DROP_BYTES;
    return RM_OK;
}

char *rm_answer_room(struct rm_answer *answer, size_t *n)
{
    const struct rm_answer_head *head = &answer->head;
    struct rm_buf *body = &answer->x->body_out;
    if (!head->whole || head->chunked || head->length < 0 || answer->to != RM_ANSWER_COLLECT || answer->gunzip ||
        answer->bodyless)
        return NULL;
    uint64_t left = (uint64_t)head->length - answer->received;
    if (left > (uint64_t)ANSWER_RESERVE_BYTES)
        left = (uint64_t)ANSWER_RESERVE_BYTES;
    if (left == 0 || rm_buf_reserve(body, left) != RM_OK)
        return NULL; // rm_answer_body() will say why
    *n = (size_t)left;
    return body->p + body->n;
}

void rm_answer_filled(struct rm_answer *answer, size_t n)
{
    answer->x->body_out.n += n;
    answer->received += n;
}

bool rm_answer_is_whole(const struct rm_answer *answer)
{
    if (!answer->head.whole || answer->pending)
        return false;
    if (answer->head.chunked)
        return answer->bodyless || answer->chunked.state == RM_CHUNKED_OVER;
    return answer->bodyless || (answer->head.length >= 0 && answer->received == (uint64_t)answer->head.length);
}

int rm_answer_end(const struct rm_answer *answer, struct rm_err *err)
{
    if (!answer->head.whole)
        return rm_fail(err, RM_ERESET, "connection closed before the answer's head was whole");
    if (answer->enough || answer->bodyless)
        return RM_OK;
    bool counted = answer->head.chunked || answer->head.length >= 0;
    if (counted && !rm_answer_is_whole(answer))
        return rm_fail(err, RM_ERESET, "connection closed before the answer was whole");
    if (answer->gunzip && answer->to != RM_ANSWER_DROP)
        return rm_gunzip_end(answer->gunzip, err);
    return RM_OK;
}
