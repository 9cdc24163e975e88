// A lock for the few places where workers share what changes: held for the time of some pointers, never over a call that may wait. Not on
// the path of a request whose configuration does not ask for such a place.
// SPDX-License-Identifier: Apache-2.0
#ifndef LOOP_LOCK_H
#define LOOP_LOCK_H

#include <pthread.h>

struct rm_lock {
    pthread_mutex_t mutex; // zeroed: open (glibc and musl: PTHREAD_MUTEX_INITIALIZER is all zero)
};

static inline void rm_lock_take(struct rm_lock *lock)
{
    (void)pthread_mutex_lock(&lock->mutex); // a plain mutex that its thread does not hold: it cannot fail
}

static inline void rm_lock_give(struct rm_lock *lock)
{
    (void)pthread_mutex_unlock(&lock->mutex);
}

#endif
