// A backend's bytes through the answer's rules, as an engine feeds them: head by lines, body in pieces, with a sink that says "later".
// However they are cut, the outcome is the same. Input: three bytes of choices, then the bytes of the answer.
// SPDX-License-Identifier: Apache-2.0
#include "net/answer.h"
#include "net/hop.h"
#include "net/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_BODY_MOST ((size_t)64 << 10)

enum { FUZZ_HEAD = 1, FUZZ_GZIP = 2, FUZZ_STREAM = 4, FUZZ_REFUSE = 8 };

struct fuzz_run {
    struct rm_exchange x; // first
    struct rm_answer answer;
    struct rm_buf got;
    unsigned later; // every so many chunks the sink says RM_AGAIN
    unsigned chunks;
    bool refuse;
    int code;
};

static bool fuzz_on_head(struct rm_exchange *x)
{
    return !((struct fuzz_run *)x)->refuse;
}

static int fuzz_on_chunk(struct rm_exchange *x, struct rm_str data)
{
    struct fuzz_run *run = (struct fuzz_run *)x;
    RM_ASSERT(data.n > 0);
    if (run->later > 0 && ++run->chunks % run->later == 0)
        return RM_AGAIN;
    return rm_buf_append(&run->got, data) == RM_OK ? RM_OK : RM_ETOOBIG;
}

static const struct rm_answer_sink fuzz_sink = {.head = fuzz_on_head, .chunk = fuzz_on_chunk};

static size_t fuzz_head(struct fuzz_run *run, struct rm_str in)
{
    size_t at = 0;
    run->code = RM_AGAIN;
    while (run->code == RM_AGAIN && at < in.n) {
        const char *lf = memchr(in.p + at, '\n', in.n - at);
        if (!lf)
            return in.n;
        size_t end = (size_t)(lf - in.p) + 1;
        run->code = rm_answer_line(&run->answer, rm_str_sub(in, at, end), &run->x.call.err);
        at = end;
    }
    return at;
}

static void fuzz_body(struct fuzz_run *run, struct rm_str in, size_t piece)
{
    const struct rm_answer *answer = &run->answer;
    // What libcurl does: never more than the length.
    if (!answer->head.chunked && answer->head.length >= 0 && in.n > (uint64_t)answer->head.length)
        in.n = (size_t)answer->head.length;
    while (in.n > 0 && run->code == RM_OK && !answer->enough) {
        struct rm_str part = rm_str_sub(in, 0, in.n < piece ? in.n : piece);
        run->code = rm_answer_body(&run->answer, part, &run->x.call.err);
        if (run->code == RM_AGAIN) {
            RM_ASSERT(!rm_answer_is_whole(answer)); // the owner does not have all of it
            run->code = RM_OK;
            piece = piece > 1 ? piece - 1 : 7; // comes again in other pieces
            continue;
        }
        in = rm_str_sub(in, part.n, in.n);
    }
}

static void fuzz_check(const struct fuzz_run *run)
{
    const struct rm_exchange *x = &run->x;
    RM_ASSERT(x->body_out.n <= FUZZ_BODY_MOST);
    if (x->status == 0)
        return;
    RM_ASSERT(x->status >= 200 && x->status <= 999);
    for (uint32_t i = 0; i < x->answer.n; i++) {
        RM_ASSERT(rm_text_is_token(x->answer.v[i].name) && rm_text_is_value(x->answer.v[i].value));
        RM_ASSERT(!rm_hop_is(x->answer.v[i].name));
    }
    for (uint32_t i = 0; i < x->trailers.n; i++)
        RM_ASSERT(rm_text_is_token(x->trailers.v[i].name) && rm_text_is_value(x->trailers.v[i].value));
}

static void fuzz_run(struct fuzz_run *run, struct rm_arena *arena, unsigned flags, struct rm_str in, size_t piece,
                     unsigned later)
{
    *run = (struct fuzz_run){.later = later, .refuse = flags & FUZZ_REFUSE};
    run->x.call.arena = arena;
    run->x.method = flags & FUZZ_HEAD ? RM_STR("HEAD") : RM_STR("GET");
    run->x.max_body = FUZZ_BODY_MOST;
    run->x.max_head = 4096;
    run->x.sink = flags & FUZZ_STREAM ? &fuzz_sink : NULL;
    rm_buf_init(&run->got, FUZZ_BODY_MOST, NULL);
    rm_answer_init(&run->answer, &run->x, flags & FUZZ_GZIP);
    size_t head = fuzz_head(run, in);
    if (run->code == RM_OK && !run->answer.bodyless)
        fuzz_body(run, rm_str_sub(in, head, in.n), piece);
    if (run->code == RM_OK || run->code == RM_AGAIN)
        run->code = rm_answer_end(&run->answer, &run->x.call.err);
    fuzz_check(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    struct rm_arena arenas[2];
    struct fuzz_run *runs = calloc(2, sizeof(*runs));
    struct rm_str in = {(const char *)data + 3, size - 3};
    RM_ASSERT(runs);
    for (int i = 0; i < 2; i++) {
        rm_arena_init(&arenas[i], NULL);
        if (i == 0)
            fuzz_run(&runs[i], &arenas[i], data[0], in, in.n + 1, 0);
        else
            fuzz_run(&runs[i], &arenas[i], data[0], in, data[1] + (size_t)1, data[2] % 8 + 2U);
    }
    // Which of two failures comes first may depend on the cutting; whether there is one may not, and never the bytes of a good body.
    RM_ASSERT((runs[0].code == RM_OK) == (runs[1].code == RM_OK));
    RM_ASSERT(runs[0].x.status == runs[1].x.status);
    if (runs[0].code == RM_OK) {
        RM_ASSERT(rm_str_eq(rm_buf_str(&runs[0].x.body_out), rm_buf_str(&runs[1].x.body_out)));
        RM_ASSERT(rm_str_eq(rm_buf_str(&runs[0].got), rm_buf_str(&runs[1].got)));
        RM_ASSERT(runs[0].x.trailers.n == runs[1].x.trailers.n);
        RM_ASSERT(runs[0].answer.excess == runs[1].answer.excess);
    }
    for (int i = 0; i < 2; i++) {
        rm_buf_free(&runs[i].got);
        rm_arena_fini(&arenas[i]);
    }
    free(runs);
    return 0;
}
