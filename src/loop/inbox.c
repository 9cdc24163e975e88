// The inbox. Owns its eventfd and lock; messages belong to their senders until they are delivered.
// SPDX-License-Identifier: Apache-2.0
#include "loop/inbox.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

void rm_msgs_init(struct rm_msgs *msgs)
{
    msgs->first = NULL;
    msgs->last = &msgs->first;
}

void rm_msgs_push(struct rm_msgs *msgs, struct rm_msg *msg)
{
    msg->next = NULL;
    *msgs->last = msg;
    msgs->last = &msg->next;
}

struct rm_msg *rm_msgs_pop(struct rm_msgs *msgs)
{
    struct rm_msg *msg = msgs->first;
    if (msg) {
        msgs->first = msg->next;
        if (!msgs->first)
            msgs->last = &msgs->first;
        msg->next = NULL;
    }
    return msg;
}

void rm_msgs_move(struct rm_msgs *to, struct rm_msgs *from)
{
    if (!from->first)
        return;
    *to->last = from->first;
    to->last = from->last;
    rm_msgs_init(from);
}

bool rm_msgs_remove(struct rm_msgs *msgs, const struct rm_msg *msg)
{
    for (struct rm_msg **at = &msgs->first; *at; at = &(*at)->next) {
        if (*at != msg)
            continue;
        *at = msg->next;
        if (!*at)
            msgs->last = at;
        return true;
    }
    return false;
}

int rm_inbox_init(struct rm_inbox *inbox, struct rm_err *err)
{
    inbox->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (inbox->wake < 0)
        return rm_fail(err, RM_ESYS, "eventfd: %s", strerror(errno));
    rm_lock_init(&inbox->lock);
    rm_msgs_init(&inbox->posted);
    rm_msgs_init(&inbox->taken);
    atomic_init(&inbox->is_awake, false);
    return RM_OK;
}

void rm_inbox_fini(struct rm_inbox *inbox)
{
    rm_lock_fini(&inbox->lock);
    close(inbox->wake);
}

// Under the lock, so that flag and descriptor agree.
static void inbox_wake_locked(struct rm_inbox *inbox)
{
    if (atomic_load(&inbox->is_awake))
        return;
    atomic_store(&inbox->is_awake, true);
    uint64_t one = 1;
    ssize_t n = write(inbox->wake, &one, sizeof(one));
    RM_ASSERT(n == sizeof(one)); // a counter of 64 bits that is reset at each reading cannot be full
}

void rm_inbox_wake(struct rm_inbox *inbox)
{
    rm_lock_take(&inbox->lock);
    inbox_wake_locked(inbox);
    rm_lock_give(&inbox->lock);
}

void rm_inbox_post(struct rm_inbox *inbox, struct rm_msg *msg)
{
    RM_ASSERT(msg->deliver);
    rm_lock_take(&inbox->lock);
    rm_msgs_push(&inbox->posted, msg);
    inbox_wake_locked(inbox);
    rm_lock_give(&inbox->lock);
}

void rm_inbox_deliver(struct rm_inbox *inbox)
{
    if (!atomic_load(&inbox->is_awake)) // the usual case, without the lock
        return;
    rm_lock_take(&inbox->lock);
    uint64_t count;
    ssize_t n = read(inbox->wake, &count, sizeof(count));
    RM_ASSERT(n == sizeof(count));
    atomic_store(&inbox->is_awake, false);
    rm_msgs_move(&inbox->taken, &inbox->posted);
    rm_lock_give(&inbox->lock);
    for (struct rm_msg *msg = rm_msgs_pop(&inbox->taken); msg; msg = rm_msgs_pop(&inbox->taken))
        msg->deliver(msg);
}

bool rm_inbox_take_back(struct rm_inbox *inbox, struct rm_msg *msg)
{
    if (rm_msgs_remove(&inbox->taken, msg))
        return true;
    rm_lock_take(&inbox->lock);
    bool was_posted = rm_msgs_remove(&inbox->posted, msg);
    rm_lock_give(&inbox->lock);
    return was_posted;
}
