// The scripted transport.
// SPDX-License-Identifier: Apache-2.0
#include "transport.h"

enum { SEEN = 2048, READ = 4096 };

struct fake_exchange {
    struct rm_exchange x; // first
    struct rm_timer timer, deadline;
    struct fake_answer *answer; // NULL: it never comes
    struct fake_seen *seen;
    size_t sent; // bytes of the body
    bool head_done, unwanted, paused, source_over;
};

static struct fake_transport *fake_current;

void fake_transport_use(struct fake_transport *fake)
{
    rm_arena_init(&fake->arena, NULL);
    fake->seen = RM_NEW_ARRAY(&fake->arena, struct fake_seen, SEEN);
    fake_current = fake;
}

void fake_transport_fini(struct fake_transport *fake)
{
    rm_arena_fini(&fake->arena);
    fake_current = NULL;
}

static int fake_open(void **self, const struct rm_transport_conf *conf, struct rm_loop *loop, struct rm_err *err)
{
    (void)loop, (void)err;
    RM_ASSERT(fake_current && !fake_current->is_open);
    fake_current->is_open = true;
    fake_current->conf = *conf;
    *self = fake_current;
    return RM_OK;
}

static void fake_close(void *self)
{
    struct fake_transport *fake = self;
    RM_ASSERT(fake->is_open && fake->running == 0);
    fake->is_open = false;
}

// ---- ends ----------------------------------------------------------------------------------------------------------

static void fake_over(struct fake_exchange *f, enum fake_outcome outcome)
{
    struct fake_transport *fake = f->x.self;
    RM_ASSERT(f->seen->outcome == FAKE_RUNNING && fake->running > 0);
    rm_timer_stop(&f->timer);
    rm_timer_stop(&f->deadline);
    f->seen->outcome = outcome;
    f->seen->ended_us = rm_loop_now_us(f->x.call.loop);
    fake->running--;
}

static void fake_fail(struct fake_exchange *f, int code)
{
    fake_over(f, FAKE_DONE);
    rm_fail(&f->x.call.err, code, "scripted failure at %.*s", (int)f->x.host->address.n, f->x.host->address.p);
    rm_call_done(&f->x.call);
}

static void fake_deadline(struct rm_timer *timer)
{
    struct fake_exchange *f = rm_container_of(timer, struct fake_exchange, deadline);
    fake_fail(f, rm_loop_now_us(f->x.call.loop) < f->x.deadline_us ? RM_ECONNECT : RM_ETIMEOUT);
}

// ---- answers -------------------------------------------------------------------------------------------------------

static void fake_headers(struct rm_arena *arena, const char *text, struct rm_headers *out)
{
    while (text && *text) {
        size_t line = strcspn(text, "\n"), name = strcspn(text, ":");
        RM_ASSERT(name + 2 <= line);
        rm_headers_add(arena, out, (struct rm_str){text, name}, (struct rm_str){text + name + 2, line - name - 2});
        text += line + (text[line] == '\n');
    }
}

static struct rm_str fake_body(const struct fake_answer *answer)
{
    if (!answer->body)
        return (struct rm_str){NULL, 0};
    return (struct rm_str){answer->body, answer->body_n ? answer->body_n : strlen(answer->body)};
}

static void fake_free_body(void *arg)
{
    rm_buf_free(arg);
}

static void fake_collect(struct fake_exchange *f)
{
    struct rm_exchange *x = &f->x;
    rm_buf_init(&x->body_out, x->max_body, x->budget);
    rm_arena_defer(x->call.arena, fake_free_body, &x->body_out);
    int rc = rm_buf_append(&x->body_out, fake_body(f->answer));
    if (rc != RM_OK) {
        fake_fail(f, rc);
        return;
    }
    fake_over(f, FAKE_DONE);
    rm_call_done(&x->call);
}

// Gives chunks until the sink is full, a pause is due, or the body has ended.
static void fake_stream(struct fake_exchange *f)
{
    struct rm_exchange *x = &f->x;
    struct rm_str body = fake_body(f->answer);
    bool cut = f->answer->cut_code != 0;
    size_t end = cut && f->answer->cut_at < body.n ? f->answer->cut_at : body.n;
    while (f->sent < end) {
        size_t n = f->answer->chunk_n && f->answer->chunk_n < end - f->sent ? f->answer->chunk_n : end - f->sent;
        int rc = x->sink->chunk(x, rm_str_sub(body, f->sent, f->sent + n));
        if (rc == RM_AGAIN) {
            f->paused = true;
            return;
        }
        if (rc != RM_OK) {
            fake_fail(f, rc);
            return;
        }
        f->sent += n;
        if (f->answer->chunk_us && f->sent < end) {
            rm_timer_start(x->call.loop, &f->timer, rm_loop_now_us(x->call.loop) + f->answer->chunk_us);
            return;
        }
    }
    if (cut) {
        fake_fail(f, f->answer->cut_code);
        return;
    }
    fake_headers(x->call.arena, f->answer->trailers, &x->trailers);
    fake_over(f, FAKE_DONE);
    rm_call_done(&x->call);
}

static void fake_come(struct fake_exchange *f)
{
    struct rm_exchange *x = &f->x;
    if (f->head_done) {
        fake_stream(f);
        return;
    }
    if (f->answer->code != RM_OK) {
        fake_fail(f, f->answer->code);
        return;
    }
    x->status = f->answer->status ? f->answer->status : 200;
    fake_headers(x->call.arena, f->answer->headers, &x->answer);
    x->answer_length = f->answer->chunk_n ? -1 : (int64_t)fake_body(f->answer).n;
    f->head_done = true;
    if (!x->sink) {
        fake_collect(f);
    } else if (!x->sink->head(x)) {
        fake_over(f, FAKE_DONE);
        rm_call_done(&x->call);
    } else {
        fake_stream(f);
    }
}

static void fake_timer(struct rm_timer *timer)
{
    fake_come(rm_container_of(timer, struct fake_exchange, timer));
}

// ---- requests ------------------------------------------------------------------------------------------------------

static void fake_read_source(struct fake_exchange *f)
{
    struct rm_arena *arena = &((struct fake_transport *)f->x.self)->arena;
    char bytes[READ];
    while (!f->source_over) {
        int64_t n = f->x.source->read(f->x.source, bytes, sizeof bytes);
        if (n == RM_AGAIN)
            return;
        if (n > 0) {
            struct rm_str all = rm_arena_printf(arena, "%.*s%.*s", (int)f->seen->body_n,
                                                f->seen->body_n ? f->seen->body : "", (int)n, bytes);
            f->seen->body = all.p;
            f->seen->body_n = all.n;
            continue;
        }
        f->source_over = true;
        f->seen->source_end = (int)n;
        if (n < 0)
            fake_fail(f, (int)n);
    }
}

static struct fake_answer *fake_choose(const struct fake_transport *fake, const struct rm_exchange *x)
{
    for (size_t i = 0; i < fake->n_answers; i++) {
        struct fake_answer *a = &fake->answers[i];
        if ((a->target && !rm_str_starts(x->target, rm_str_of(a->target))) || (a->port && a->port != x->host->port) ||
            (a->times && a->used >= a->times))
            continue;
        a->used++;
        return a;
    }
    return NULL;
}

static struct fake_seen *fake_note(struct fake_transport *fake, const struct rm_exchange *x)
{
    RM_ASSERT(fake->n_seen < SEEN);
    struct fake_seen *seen = &fake->seen[fake->n_seen++];
    struct rm_str headers = {"", 0};
    for (uint32_t i = 0; i < x->headers.n; i++)
        headers = rm_arena_printf(&fake->arena, "%s%.*s: %.*s\n", headers.p, (int)x->headers.v[i].name.n,
                                  x->headers.v[i].name.p, (int)x->headers.v[i].value.n, x->headers.v[i].value.p);
    *seen = (struct fake_seen){
        .method = rm_arena_cstr(&fake->arena, x->method),
        .target = rm_arena_cstr(&fake->arena, x->target),
        .headers = headers.p,
        .body = rm_arena_cstr(&fake->arena, x->body),
        .body_n = x->body.n,
        .has_body = x->has_body,
        .has_source = x->source != NULL,
        .has_sink = x->sink != NULL,
        .max_body = x->max_body,
        .max_head = x->max_head,
        .source_end = 1,
        .address = rm_arena_cstr(&fake->arena, x->host->address),
        .port = x->host->port,
        .gzip = x->gzip,
        .at_us = rm_loop_now_us(x->call.loop),
        .deadline_us = x->deadline_us,
    };
    return seen;
}

static void fake_start(void *self, struct rm_exchange *x)
{
    struct fake_transport *fake = self;
    struct fake_exchange *f = (struct fake_exchange *)x;
    f->timer.fire = fake_timer;
    f->deadline.fire = fake_deadline;
    f->seen = fake_note(fake, x);
    f->seen->x = x;
    f->answer = fake->choose ? fake->choose(fake, x) : fake_choose(fake, x);
    fake->running++;
    int code = f->answer ? f->answer->code : RM_OK;
    x->sent = code != RM_ECONNECT && code != RM_ETLS && !(f->answer && f->answer->unsent);
    f->seen->sent = x->sent;
    if (f->answer && f->answer->at_once && (!x->sink || f->answer->code != RM_OK)) {
        fake_come(f);
        return;
    }
    if (!fake->sloppy)
        rm_timer_start(x->call.loop, &f->deadline, !x->sent && x->connect_by_us ? x->connect_by_us : x->deadline_us);
    if (f->answer && f->answer->after_us != FAKE_WAITS)
        rm_timer_start(x->call.loop, &f->timer, f->seen->at_us + f->answer->after_us);
    if (x->source && x->sent)
        fake_read_source(f);
}

static void fake_cancel(void *self, struct rm_exchange *x)
{
    (void)self;
    fake_over((struct fake_exchange *)x, FAKE_CANCELLED);
}

static void fake_resume(void *self, struct rm_exchange *x)
{
    (void)self;
    struct fake_exchange *f = (struct fake_exchange *)x;
    if (!f->paused)
        return;
    f->paused = false;
    rm_timer_start(x->call.loop, &f->timer, rm_loop_now_us(x->call.loop)); // never from inside resume()
}

static void fake_body_ready(void *self, struct rm_exchange *x)
{
    (void)self;
    fake_read_source((struct fake_exchange *)x);
}

static void fake_leave(void *self, const struct rm_host *host)
{
    (void)host;
    ((struct fake_transport *)self)->n_left++;
}

const struct rm_transport_ops fake_transport_ops = {
    .name = "fake",
    .exchange_size = sizeof(struct fake_exchange),
    .open = fake_open,
    .close = fake_close,
    .start = fake_start,
    .cancel = fake_cancel,
    .resume = fake_resume,
    .body_ready = fake_body_ready,
    .leave = fake_leave,
};

void fake_poke(const struct fake_seen *seen)
{
    RM_ASSERT(seen->outcome == FAKE_RUNNING);
    fake_come((struct fake_exchange *)seen->x);
}

const struct fake_seen *fake_seen_find(const struct fake_transport *fake, const char *target, size_t n)
{
    for (size_t i = 0; i < fake->n_seen; i++) {
        if (strncmp(fake->seen[i].target, target, strlen(target)) == 0 && n-- == 0)
            return &fake->seen[i];
    }
    return NULL;
}
