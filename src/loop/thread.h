// Threads and the one lock. The only place beside main.c that knows pthreads. Nothing here is for the request path.
// SPDX-License-Identifier: Apache-2.0
#ifndef LOOP_THREAD_H
#define LOOP_THREAD_H

#include <pthread.h>
#include <remora/base.h>

struct rm_thread;

// Starts a thread with a stack of 1 MiB and every signal blocked (main waits for those it wants). `name` is cut to 15 bytes.
int rm_thread_start(struct rm_thread **out, const char *name, void (*run)(void *), void *arg,
                    struct rm_err *err) RM_MUST_CHECK;
void rm_thread_join(struct rm_thread *); // waits for its end and frees it; NULL is fine

// For what threads share, held for a few instructions: outside the request path, but for what a configuration asks for that is one in the
// whole process (policy/http_store.c, policy/awaited.c).
struct rm_lock {
    pthread_mutex_t mutex;
};
void rm_lock_init(struct rm_lock *);
void rm_lock_fini(struct rm_lock *);
void rm_lock_take(struct rm_lock *);
void rm_lock_give(struct rm_lock *);

#endif
