// Watches files for other content: a mounted ConfigMap's or Secret's `..data` swap, an editor's rename and a write in place all count;
// touching does not. inotify on the folders of the path and of each link in it; where that is not to be had, a look each second.
// SPDX-License-Identifier: Apache-2.0
#ifndef LOOP_WATCH_H
#define LOOP_WATCH_H

#include "base/list.h"
#include <remora/loop.h>

struct rm_watches; // of one loop: its inotify descriptor and timers

struct rm_watches *rm_watches_new(struct rm_loop *); // without inotify (a system's limit is reached) it looks instead
void rm_watches_free(struct rm_watches *);           // nothing is watched any more; NULL is fine

#define RM_WATCH_PLACES 16 // folders on the way to a file

// One file. Belongs to the caller, zeroed with `changed` set; stays until rm_watch_stop().
struct rm_watch {
    // On the loop's thread, never from inside rm_watch_start(): the content is not what it was at the start or at the last call, or
    // whether it can be read. A file that is still open for writing is not looked at, as far as inotify tells. May stop any watch.
    void (*changed)(struct rm_watch *);
    // The watches' own.
    struct rm_watches *watches; // NULL: stopped
    struct rm_list link;
    struct rm_arena arena; // of the paths
    const char *path;
    uint64_t content, looked; // hashes: told of; at the last look
    struct rm_timer settle;   // runs since the last event
    uint64_t since_us;        // of the first event
    struct rm_watch_place {
        int wd;
        const char *path; // of the entry in that folder
    } places[RM_WATCH_PLACES];
    uint32_t n_places;
    bool written; // somebody has it open, and has changed it
    bool polls;   // inotify does not see all of the way
};

// Before the file is read for the first time, so that no change is missed between. The path is copied; the file need not be there.
void rm_watch_start(struct rm_watches *, struct rm_watch *, const char *path);
void rm_watch_stop(struct rm_watch *); // no-op when not started

#endif
