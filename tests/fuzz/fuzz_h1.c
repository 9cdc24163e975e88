// A backend's bytes through the whole of the h1 engine: connection, request, answer, pauses, a second try. The connection is the fuzzer's
// own (it takes the place of net/wire.c); however the bytes are cut, whoever pauses or reads by itself, the outcome is the same. Input: three bytes of
// choices, then the bytes of the answer.
// SPDX-License-Identifier: Apache-2.0
#include "net/hop.h"
#include "net/text.h"
#include "net/wire.h"
#include "vloop.h"

#include <stdlib.h>
#include <sys/uio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_BODY_MOST ((size_t)64 << 10)
#define FUZZ_SOURCE_BYTES 40000

enum {
    FUZZ_HEAD = 1,
    FUZZ_GZIP = 2,
    FUZZ_STREAM = 4,
    FUZZ_REFUSE = 8,
    FUZZ_UPLOAD = 16,
    FUZZ_STALE = 32,
    FUZZ_RESET = 64,
    FUZZ_TLS = 128
};

struct fuzz_run {
    struct rm_exchange *x;
    struct rm_body_source source;
    struct rm_budget budget;
    struct rm_buf got;
    unsigned flags, later, chunks, reads;
    uint64_t given;
    unsigned ends;
    int code, status;
    bool clean;
    bool itself, can_read; // reads the body
};

// ---- the connection --------------------------------------------------------------------------------------------------

static struct {
    struct rm_wires *wires;
    struct rm_wire wire;
    struct rm_task open;
    struct rm_str in;
    size_t piece; // bytes that come at once
    bool gaps;    // nothing comes between two of them
    bool live, kept, stale, resets;
    unsigned calls, dials;
} net;

void rm_wires_init(struct rm_wires *wires, struct rm_loop *loop, struct rm_peers *peers,
                   const struct rm_transport_conf *conf, const struct rm_trust *trust)
{
    *wires = (struct rm_wires){.loop = loop, .peers = peers, .conf = conf, .trust = trust};
    net.wires = wires;
}

void rm_wires_fini(struct rm_wires *wires)
{
    (void)wires;
}

static struct rm_wire *net_wire(struct rm_peer *peer, void *user)
{
    RM_ASSERT(!net.live);
    net.live = true;
    net.kept = false;
    net.wire = (struct rm_wire){.wires = net.wires, .peer = peer, .user = user};
    return &net.wire;
}

struct rm_wire *rm_wire_take(struct rm_wires *wires, struct rm_peer *peer, void *user, bool look)
{
    (void)wires;
    (void)look;
    if (!net.stale)
        return NULL;
    struct rm_wire *wire = net_wire(peer, user);
    wire->open = wire->used = true;
    return wire;
}

static void net_on_open(struct rm_task *task)
{
    (void)task;
    net.wire.open = true;
    net.wires->on_open(&net.wire, NULL);
}

struct rm_wire *rm_wire_dial(struct rm_wires *wires, struct rm_peer *peer, void *user, struct rm_err *err)
{
    (void)err;
    net.dials++;
    net.stale = false;
    net.open.run = net_on_open;
    rm_task_queue(wires->loop, &net.open);
    return net_wire(peer, user);
}

void rm_wire_keep(struct rm_wire *wire)
{
    RM_ASSERT(wire == &net.wire && net.live);
    net.live = false;
    net.kept = true;
}

void rm_wire_close(struct rm_wire *wire)
{
    RM_ASSERT(wire == &net.wire && net.live);
    rm_task_cancel(net.wires->loop, &net.open);
    net.live = false;
}

int64_t rm_wire_recv(struct rm_wire *wire, char *to, size_t n)
{
    RM_ASSERT(net.live && n > 0);
    if (net.stale)
        return net.resets ? RM_ERESET : 0;
    if (net.gaps && ++net.calls % 2) {
        wire->readable = false;
        return RM_AGAIN;
    }
    if (net.in.n == 0)
        return net.resets ? RM_ERESET : 0;
    n = n < net.piece ? n : net.piece;
    n = n < net.in.n ? n : net.in.n;
    memcpy(to, net.in.p, n);
    net.in = rm_str_sub(net.in, n, net.in.n);
    return (int64_t)n;
}

int64_t rm_wire_send(struct rm_wire *wire, const struct iovec *pieces, size_t n)
{
    RM_ASSERT(net.live && n > 0 && pieces[0].iov_len > 0);
    if (net.gaps && ++net.calls % 3 == 0) {
        wire->writable = false;
        return RM_AGAIN;
    }
    size_t most = net.gaps ? net.piece * 16 : pieces[0].iov_len;
    return (int64_t)(most < pieces[0].iov_len ? most : pieces[0].iov_len);
}

// ---- the owner -------------------------------------------------------------------------------------------------------

static bool fuzz_on_head(struct rm_exchange *x)
{
    const struct fuzz_run *run = x->owner;
    return !(run->flags & FUZZ_REFUSE);
}

static int fuzz_on_chunk(struct rm_exchange *x, struct rm_str data)
{
    struct fuzz_run *run = x->owner;
    RM_ASSERT(data.n > 0 && run->ends == 0);
    if (run->later > 0 && ++run->chunks % run->later == 0) {
        x->transport->resume(x->self, x);
        return RM_AGAIN;
    }
    return rm_buf_append(&run->got, data) == RM_OK ? RM_OK : RM_ETOOBIG;
}

static bool fuzz_on_readable(struct rm_exchange *x)
{
    struct fuzz_run *run = x->owner;
    RM_ASSERT(run->ends == 0 && x->status >= 200 && x->answer_length > 0);
    run->can_read = run->itself;
    return run->itself;
}

// As a chunk that is too large, what is read in excess of the most ends the exchange.
static void fuzz_read(struct fuzz_run *run)
{
    struct rm_exchange *x = run->x;
    char to[300];
    int64_t n;
    while ((n = x->transport->read(x->self, x, to, sizeof(to))) > 0) {
        if (rm_buf_append(&run->got, (struct rm_str){to, (size_t)n}) == RM_OK)
            continue;
        rm_call_cancel(&x->call);
        run->ends = 1;
        run->code = RM_ETOOBIG;
        run->status = x->status;
        break;
    }
    RM_ASSERT(n >= 0 || n == RM_AGAIN);
    run->can_read = false;
}

static const struct rm_answer_sink fuzz_sink = {fuzz_on_head, fuzz_on_chunk, fuzz_on_readable};

static int64_t fuzz_on_read(struct rm_body_source *source, char *to, size_t n)
{
    struct fuzz_run *run = rm_container_of(source, struct fuzz_run, source);
    RM_ASSERT(run->ends == 0);
    if (run->later > 0 && ++run->reads % run->later == 0) {
        run->x->transport->body_ready(run->x->self, run->x);
        return RM_AGAIN;
    }
    uint64_t left = FUZZ_SOURCE_BYTES - run->given;
    n = n < left ? n : (size_t)left;
    memset(to, 'y', n);
    run->given += n;
    return (int64_t)n;
}

static void fuzz_on_done(struct rm_call *call)
{
    struct rm_exchange *x = rm_container_of(call, struct rm_exchange, call);
    struct fuzz_run *run = x->owner;
    run->ends++;
    run->code = call->err.code;
    run->status = x->status;
}

static void fuzz_check(const struct fuzz_run *run)
{
    const struct rm_exchange *x = run->x;
    RM_ASSERT(run->ends == 1 && !net.live);
    RM_ASSERT(x->body_out.n <= FUZZ_BODY_MOST);
    RM_ASSERT(!net.kept || run->code == RM_OK);
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

// ---- one exchange ----------------------------------------------------------------------------------------------------

static struct rm_loop *fuzz_loop;
static void *fuzz_engine;

static void fuzz_open(void)
{
    static const struct rm_transport_conf conf = {.keep_alive = true, .tls_no_system_ca = true};
    if (fuzz_engine)
        return;
    struct rm_err err;
    RM_ASSERT(rm_loop_new(&fuzz_loop, &err) == RM_OK);
    RM_ASSERT(rm_transport_h1.open(&fuzz_engine, &conf, fuzz_loop, &err) == RM_OK);
}

static void fuzz_run(struct fuzz_run *run, struct rm_arena *arena, unsigned flags, struct rm_str in, size_t piece,
                     unsigned later, bool itself)
{
    static const struct rm_host plain = {
        .scheme = {"http", 4}, .address = {"127.0.0.1", 9}, .name = {"b.example", 9}, .port = 80};
    static const struct rm_host tls = {
        .scheme = {"https", 5}, .address = {"127.0.0.1", 9}, .name = {"b.example", 9}, .port = 443};
    *run = (struct fuzz_run){.flags = flags, .later = later, .itself = itself, .budget = {.limit = SIZE_MAX / 2}};
    rm_buf_init(&run->got, FUZZ_BODY_MOST, NULL);
    struct rm_exchange *x = rm_exchange_new(&rm_transport_h1, fuzz_engine, fuzz_loop, arena, NULL, fuzz_on_done);
    run->x = x;
    x->owner = run;
    x->host = flags & FUZZ_TLS ? &tls : &plain;
    x->method = flags & FUZZ_HEAD ? RM_STR("HEAD") : RM_STR("GET");
    x->target = RM_STR("/");
    x->gzip = flags & FUZZ_GZIP ? RM_GZIP_ASK : RM_GZIP_OFF;
    x->max_body = FUZZ_BODY_MOST;
    x->max_head = 4096;
    x->budget = &run->budget;
    x->deadline_us = UINT64_MAX;
    x->sink = flags & FUZZ_STREAM ? &fuzz_sink : NULL;
    if (flags & FUZZ_UPLOAD) {
        run->source =
            (struct rm_body_source){.read = fuzz_on_read, .length = flags & FUZZ_HEAD ? FUZZ_SOURCE_BYTES : -1};
        x->source = &run->source;
    }
    net.in = in;
    net.piece = piece;
    net.gaps = later > 0;
    net.stale = flags & FUZZ_STALE;
    net.resets = flags & FUZZ_RESET;
    net.kept = false;
    net.calls = net.dials = 0;
    rm_call_start(&x->call);
    while (run->ends == 0) {
        rm_vloop_turn(fuzz_loop);
        if (run->can_read && run->ends == 0)
            fuzz_read(run);
        if (run->ends > 0 || !net.live || !net.wire.open)
            continue;
        net.wire.readable = net.wire.writable = true;
        net.wires->on_ready(&net.wire);
    }
    RM_ASSERT(net.dials <= 1);
    // What was not read yet would be seen before the connection is used again.
    run->clean = net.kept && net.in.n == 0;
    fuzz_check(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    fuzz_open();
    struct rm_arena arenas[2];
    struct fuzz_run *runs = calloc(2, sizeof(*runs));
    struct rm_str in = {(const char *)data + 3, size - 3};
    RM_ASSERT(runs);
    for (int i = 0; i < 2; i++) {
        rm_arena_init(&arenas[i], NULL);
        if (i == 0)
            fuzz_run(&runs[i], &arenas[i], data[0], in, in.n + 1, 0, false);
        else
            fuzz_run(&runs[i], &arenas[i], data[0], in, data[1] + (size_t)1, data[2] % 8 + 2U, data[2] & 8);
    }
    RM_ASSERT((runs[0].code == RM_OK) == (runs[1].code == RM_OK));
    RM_ASSERT(runs[0].status == runs[1].status);
    if (runs[0].code == RM_OK) {
        RM_ASSERT(rm_str_eq(rm_buf_str(&runs[0].x->body_out), rm_buf_str(&runs[1].x->body_out)));
        RM_ASSERT(rm_str_eq(rm_buf_str(&runs[0].got), rm_buf_str(&runs[1].got)));
        RM_ASSERT(runs[0].x->trailers.n == runs[1].x->trailers.n);
        // An answer that is there before the request's body is out costs the connection.
        RM_ASSERT((data[0] & FUZZ_UPLOAD) || runs[0].clean == runs[1].clean);
    }
    for (int i = 0; i < 2; i++) {
        rm_buf_free(&runs[i].got);
        rm_arena_fini(&arenas[i]);
        RM_ASSERT(atomic_load(&runs[i].budget.used) == 0);
    }
    free(runs);
    return 0;
}
