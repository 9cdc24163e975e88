// The sockets that libcurl opened, as the loop sees them. They stay registered in epoll from one exchange to the next (two
// epoll_ctl less an exchange), which brings two duties, both kept here: a closed descriptor is forgotten in time, and one that
// signals while nobody waits for it is taken out, or it would spin. Free of libcurl's types.
// SPDX-License-Identifier: Apache-2.0
#ifndef NET_LINKS_H
#define NET_LINKS_H

#include "net/idle.h"

#define RM_LINK_BUCKETS 1024

struct rm_links;

// One connection. "Link" because the front end has connections of its own.
struct rm_link {
    struct rm_fd watch;
    struct rm_links *table;
    struct rm_peer *peer;
    void *user; // the exchange that has it; NULL: nobody
    int fd;     // libcurl's
    bool copy;  // watch.fd is a descriptor of our own for the same socket
    bool want_in, want_out;
    bool dead;     // shut down, or not clean: must not be used again
    uint32_t port; // local; 0: not known yet
    struct rm_idle_one idle;
    struct rm_link *next_fd, *next_port;
};

struct rm_links {
    struct rm_loop *loop;
    struct rm_peers *peers;
    struct rm_arena arena;
    struct rm_link *by_fd[RM_LINK_BUCKETS], *by_port[RM_LINK_BUCKETS];
    struct rm_link *unused;
    struct rm_idle idle;
    uint32_t n;
    // Set by the engine: a descriptor that it waits for has happened.
    void (*on_ready)(struct rm_link *, bool in, bool out);
};

void rm_links_init(struct rm_links *, struct rm_loop *, struct rm_peers *); // each connection counts its peer
void rm_links_fini(struct rm_links *);                                      // every connection is closed

// `port` 0: it is not connected yet. libcurl closes such a descriptor without a word, so that its number may belong to another thread
// the next moment: a copy is watched until rm_link_set_port(). NULL: there is no descriptor left for it.
struct rm_link *rm_link_new(struct rm_links *, int fd, struct rm_peer *, void *user, uint32_t port);
struct rm_link *rm_link_of_fd(const struct rm_links *, int fd);                          // NULL: none
int rm_link_set_port(struct rm_link *, uint32_t port, struct rm_err *err) RM_MUST_CHECK; // it is connected

// What is waited for from now on; nothing at all leaves the descriptor registered.
int rm_link_want(struct rm_link *, bool in, bool out, struct rm_err *err) RM_MUST_CHECK;

// The connection of this peer with this local port; NULL: unknown. It may still have the user before, whose exchange libcurl has
// ended but not told of.
struct rm_link *rm_link_of_port(const struct rm_links *, const struct rm_peer *, uint32_t port);
// Looks once more before it is used again: what came while nobody had asked, or an end, makes it `dead`. An answer must never reach
// the wrong client.
void rm_link_check(struct rm_link *);
void rm_link_take(struct rm_link *, void *user); // no longer idle

// The exchange is over and libcurl keeps the connection. Over a limit, or when it is not `clean`, one is shut down; libcurl
// notices that by itself.
void rm_link_release(struct rm_link *, bool clean);
void rm_link_forget(struct rm_link *); // before close(fd); when it never was connected, also after it

#endif
