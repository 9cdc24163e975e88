// Intrusive doubly linked list with a head node. No allocation, no ownership.
// SPDX-License-Identifier: Apache-2.0
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <remora/base.h>

struct rm_list {
    struct rm_list *prev, *next;
};

static inline void rm_list_init(struct rm_list *head)
{
    head->prev = head->next = head;
}
static inline bool rm_list_empty(const struct rm_list *head)
{
    return head->next == head;
}
static inline void rm_list_push_back(struct rm_list *head, struct rm_list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}
static inline void rm_list_push_front(struct rm_list *head, struct rm_list *node)
{
    rm_list_push_back(head->next, node);
}
// Leaves the node in a list of its own, so that a second removal is harmless.
static inline void rm_list_remove(struct rm_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->prev = node->next = node;
}
#define RM_LIST_FOR(node, head) for (struct rm_list *node = (head)->next; node != (head); node = node->next)

#endif
