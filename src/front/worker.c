// A worker's life: thread, loop, flow and front end in, the same in the opposite order out. The struct belongs to who started it;
// what is inside lives and dies on the thread.
// SPDX-License-Identifier: Apache-2.0
#include "front/worker.h"
#include "loop/thread.h"

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct worker_message {
    struct rm_msg msg; // first
    struct rm_worker *worker;
};

struct rm_worker {
    struct rm_arena arena;
    struct rm_worker_conf conf;
    struct rm_thread *thread;
    struct rm_loop *loop; // made and freed by who starts and joins: messages may come until then
    struct rm_front *front;
    int stands; // eventfd: the thread tells its starter
    int code;
    struct rm_err err;
    struct worker_message drain, say_close;
    atomic_bool drain_said, close_said;
    struct rm_front_activity activity;
};

static void worker_drained(void *arg)
{
    struct rm_worker *worker = arg;
    rm_loop_stop(worker->loop);
}

static void worker_drain(struct rm_msg *msg)
{
    struct rm_worker *worker = ((struct worker_message *)msg)->worker;
    rm_front_drain(worker->front, worker_drained, worker);
}

static void worker_say_close(struct rm_msg *msg)
{
    rm_front_say_close(((struct worker_message *)msg)->worker->front);
}

// What the thread says once: it stands, or why it does not (code and err).
static void worker_say(struct rm_worker *worker)
{
    uint64_t one = 1;
    RM_ASSERT(write(worker->stands, &one, sizeof(one)) == sizeof(one));
}

static void worker_run(void *arg)
{
    struct rm_worker *worker = arg;
    const struct rm_worker_conf *conf = &worker->conf;
    struct rm_flow *flow = NULL;
    worker->code = rm_flow_new(&flow, worker->loop, conf->world->plan, conf->cache, NULL, &worker->err);
    if (worker->code == RM_OK)
        worker->code = rm_front_new(&worker->front, worker->loop, conf->world, flow, conf->shared, &worker->err);
    if (worker->code != RM_OK)
        rm_flow_free(flow);
    bool stands = worker->code == RM_OK;
    if (stands)
        rm_front_tell(worker->front, &worker->activity);
    worker_say(worker);
    if (stands)
        rm_loop_run(worker->loop);
    rm_front_free(worker->front);
    if (stands && conf->ended)
        conf->ended(conf->arg);
}

static void worker_free(struct rm_worker *worker)
{
    rm_loop_free(worker->loop);
    if (worker->stands >= 0)
        close(worker->stands);
    struct rm_arena arena = worker->arena; // worker lies in it
    rm_arena_fini(&arena);
}

int rm_worker_start(struct rm_worker **out, const struct rm_worker_conf *conf, struct rm_err *err)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_worker *worker = RM_NEW(&arena, struct rm_worker);
    worker->arena = arena;
    worker->conf = *conf;
    worker->drain = (struct worker_message){{.deliver = worker_drain}, worker};
    worker->say_close = (struct worker_message){{.deliver = worker_say_close}, worker};
    char name[16];
    snprintf(name, sizeof(name), "worker-%u", conf->index);
    int code = RM_OK;
    worker->stands = eventfd(0, EFD_CLOEXEC);
    if (worker->stands < 0)
        code = rm_fail(err, RM_ESYS, "eventfd: %s", strerror(errno));
    if (code == RM_OK)
        code = rm_loop_new(&worker->loop, err);
    if (code == RM_OK)
        code = rm_thread_start(&worker->thread, name, worker_run, worker, err);
    if (code != RM_OK) {
        worker_free(worker);
        return code;
    }
    uint64_t one;
    while (read(worker->stands, &one, sizeof(one)) != sizeof(one))
        RM_ASSERT(errno == EINTR);
    code = worker->code;
    if (code == RM_OK) {
        *out = worker;
        return RM_OK;
    }
    rm_thread_join(worker->thread);
    if (err)
        *err = worker->err;
    worker_free(worker);
    return code;
}

void rm_worker_drain(struct rm_worker *worker)
{
    if (!atomic_exchange(&worker->drain_said, true))
        rm_loop_post(worker->loop, &worker->drain.msg);
}

void rm_worker_say_close(struct rm_worker *worker)
{
    if (!atomic_exchange(&worker->close_said, true))
        rm_loop_post(worker->loop, &worker->say_close.msg);
}

const struct rm_front_activity *rm_worker_activity(const struct rm_worker *worker)
{
    return &worker->activity;
}

void rm_worker_stop(struct rm_worker *worker)
{
    rm_loop_stop(worker->loop);
}

struct rm_loop *rm_worker_loop(struct rm_worker *worker)
{
    return worker->loop;
}

struct rm_world *rm_worker_world(struct rm_worker *worker)
{
    return rm_front_world(worker->front);
}

struct rm_flow *rm_worker_flow(struct rm_worker *worker)
{
    return rm_front_flow(worker->front);
}

// ---- another world ---------------------------------------------------------------------------------------------------

static void change_done(struct rm_msg *msg)
{
    struct rm_worker_change *change = rm_container_of(msg, struct rm_worker_change, msg);
    change->done(change);
}

static void change_deliver(struct rm_msg *msg)
{
    struct rm_worker_change *change = rm_container_of(msg, struct rm_worker_change, msg);
    struct rm_worker *worker = change->worker;
    struct rm_flow *flow = NULL;
    int code = rm_flow_new(&flow, worker->loop, change->world->plan, worker->conf.cache, rm_front_flow(worker->front),
                           &change->err);
    if (code == RM_OK)
        rm_front_change(worker->front, change->world, flow);
    change->msg.deliver = change_done;
    rm_loop_post(change->back, &change->msg);
}

void rm_worker_change(struct rm_worker *worker, struct rm_worker_change *change)
{
    change->worker = worker;
    change->msg.deliver = change_deliver;
    rm_loop_post(worker->loop, &change->msg);
}

bool rm_worker_take_back(struct rm_worker *worker, struct rm_worker_change *change)
{
    return rm_loop_take_back(worker->loop, &change->msg);
}

void rm_worker_join(struct rm_worker *worker)
{
    rm_thread_join(worker->thread);
    worker_free(worker);
}
