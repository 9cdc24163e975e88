// Threads and locks over pthreads. Owns a thread's stack size, signal mask and name; knows nothing of what it runs.
// SPDX-License-Identifier: Apache-2.0
#include "loop/thread.h"

#include <signal.h>
#include <stdio.h>

// musl's default would be 128 KiB; glibc's depends on the caller's limits.
#define THREAD_STACK_BYTES ((size_t)1 << 20)

struct rm_thread {
    struct rm_arena arena; // holds this struct
    pthread_t id;
    void (*run)(void *);
    void *arg;
    char name[16];
};

static void *thread_main(void *arg)
{
    struct rm_thread *thread = arg;
    pthread_setname_np(pthread_self(), thread->name);
    thread->run(thread->arg);
    return NULL;
}

int rm_thread_start(struct rm_thread **out, const char *name, void (*run)(void *), void *arg, struct rm_err *err)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_thread *thread = RM_NEW(&arena, struct rm_thread);
    thread->arena = arena;
    thread->run = run;
    thread->arg = arg;
    snprintf(thread->name, sizeof(thread->name), "%s", name);

    pthread_attr_t attr;
    sigset_t all, before;
    RM_ASSERT(pthread_attr_init(&attr) == 0);
    RM_ASSERT(pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES) == 0);
    sigfillset(&all);
    // The new thread inherits the mask of this one.
    RM_ASSERT(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    int error = pthread_create(&thread->id, &attr, thread_main, thread);
    RM_ASSERT(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    pthread_attr_destroy(&attr);
    if (error) {
        rm_arena_fini(&arena);
        return rm_fail(err, RM_ESYS, "cannot start thread %s: %s", name, strerror(error));
    }
    *out = thread;
    return RM_OK;
}

void rm_thread_join(struct rm_thread *thread)
{
    if (!thread)
        return;
    RM_ASSERT(pthread_join(thread->id, NULL) == 0);
    struct rm_arena arena = thread->arena;
    rm_arena_fini(&arena);
}

void rm_lock_init(struct rm_lock *lock)
{
    RM_ASSERT(pthread_mutex_init(&lock->mutex, NULL) == 0);
}

void rm_lock_fini(struct rm_lock *lock)
{
    RM_ASSERT(pthread_mutex_destroy(&lock->mutex) == 0);
}

void rm_lock_take(struct rm_lock *lock)
{
    RM_ASSERT(pthread_mutex_lock(&lock->mutex) == 0);
}

void rm_lock_give(struct rm_lock *lock)
{
    RM_ASSERT(pthread_mutex_unlock(&lock->mutex) == 0);
}
