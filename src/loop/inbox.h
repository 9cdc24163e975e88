// A loop's inbox: messages that other threads post, in order. A lock and a descriptor that wakes the loop.
// SPDX-License-Identifier: Apache-2.0
#ifndef LOOP_INBOX_H
#define LOOP_INBOX_H

#include "loop/thread.h"
#include <remora/loop.h>

struct rm_msgs { // a queue
    struct rm_msg *first, **last;
};
void rm_msgs_init(struct rm_msgs *);
void rm_msgs_push(struct rm_msgs *, struct rm_msg *);
struct rm_msg *rm_msgs_pop(struct rm_msgs *);                // NULL: empty
void rm_msgs_move(struct rm_msgs *to, struct rm_msgs *from); // all of from to the end of to
bool rm_msgs_remove(struct rm_msgs *, const struct rm_msg *);

struct rm_inbox {
    int wake; // eventfd, readable while something is in
    struct rm_lock lock;
    struct rm_msgs posted; // under the lock
    atomic_bool is_awake;  // wake was written and not read yet
    struct rm_msgs taken;  // the owner's: being delivered
};

int rm_inbox_init(struct rm_inbox *, struct rm_err *err) RM_MUST_CHECK;
void rm_inbox_fini(struct rm_inbox *);                  // what was never delivered stays its sender's
void rm_inbox_post(struct rm_inbox *, struct rm_msg *); // any thread
void rm_inbox_wake(struct rm_inbox *);                  // any thread: the owner's next wait ends at once
// The owner's thread: delivers what is in now. What is posted meanwhile waits for the next call.
void rm_inbox_deliver(struct rm_inbox *);
bool rm_inbox_take_back(struct rm_inbox *, struct rm_msg *); // the owner's thread

#endif
