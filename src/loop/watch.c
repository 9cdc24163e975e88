// Watching files. Owns the inotify descriptor and the timers; knows contents by their hashes only.
// SPDX-License-Identifier: Apache-2.0
#include "loop/watch.h"

#include "base/clock.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define WATCH_QUIET_US (50 * RM_MS)    // events come in bursts: a swap of links is four of them
#define WATCH_PATIENCE_US (1 * RM_SEC) // a burst without an end
#define WATCH_POLL_US (1 * RM_SEC)     // where inotify does not see the file
#define WATCH_LOOK_US (10 * RM_SEC)    // where it should: some file systems do not tell (mounts from another machine)
#define WATCH_FILE_MOST ((size_t)64 << 20)
#define WATCH_LINKS_MOST 32
// A file that is made counts when it is closed or moved; IN_CREATE is for links alone.
#define WATCH_EVENTS                                                                                                   \
    (IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_DELETE_SELF |               \
     IN_MOVE_SELF | IN_ONLYDIR)

struct rm_watches {
    struct rm_arena arena; // holds this struct
    struct rm_loop *loop;
    struct rm_fd inotify; // fd -1: there is none
    struct rm_list all;
    struct rm_timer look;
};

// ---- contents --------------------------------------------------------------------------------------------------------

// Of the whole file, and of why it cannot be read.
static uint64_t watch_hash(const char *path)
{
    char block[16384];
    uint64_t hash = 0;
    size_t all = 0;
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (fd >= 0 && all < WATCH_FILE_MOST && (n = read(fd, block, sizeof(block))) > 0) {
        hash = rm_hash_bytes(hash, (struct rm_str){block, (size_t)n});
        all += (size_t)n;
    }
    if (n < 0)
        hash = rm_hash_mix((uint64_t)errno);
    if (fd >= 0)
        close(fd);
    return hash;
}

// ---- the way to a file -----------------------------------------------------------------------------------------------

// False: inotify does not watch this folder.
static bool watch_add_place(struct rm_watch *watch, const char *folder, const char *path)
{
    int fd = watch->watches->inotify.fd;
    if (watch->n_places == RM_WATCH_PLACES)
        return false;
    int wd = fd >= 0 ? inotify_add_watch(fd, folder, WATCH_EVENTS) : -1;
    if (wd < 0)
        return false;
    watch->places[watch->n_places++] = (struct rm_watch_place){wd, rm_arena_dup(&watch->arena, rm_str_of(path)).p};
    return true;
}

// "FOLDER/NAME", false: too long.
static bool watch_join(char *out, const char *folder, const char *name, size_t n)
{
    size_t folder_n = strlen(folder);
    bool slash = folder_n > 0 && folder[folder_n - 1] != '/';
    return snprintf(out, PATH_MAX, "%s%s%.*s", folder, slash ? "/" : "", (int)n, name) < PATH_MAX;
}

// Walks the path from link to link, and watches the folder of each link and of the file itself. False: there is no such way (a folder
// is missing), or inotify does not see all of it.
static bool watch_walk(struct rm_watch *watch)
{
    char way[PATH_MAX], folder[PATH_MAX] = "", at[PATH_MAX], target[PATH_MAX];
    bool sees_all = true;
    if (!watch_join(way, "", watch->path, strlen(watch->path)))
        return false;
    for (int links = 0; links < WATCH_LINKS_MOST;) {
        if (way[0] == '/')
            (void)watch_join(folder, "", "/", 1);
        const char *name = way + strspn(way, "/");
        size_t n = strcspn(name, "/");
        const char *rest = name + n + strspn(name + n, "/");
        if (!watch_join(at, folder, name, n))
            return false;
        ssize_t target_n = readlink(at, target, sizeof(target));
        if (target_n == (ssize_t)sizeof(target))
            return false;
        bool is_link = target_n >= 0, is_last = *rest == '\0';
        if (is_link || is_last)
            sees_all &= watch_add_place(watch, *folder ? folder : ".", at);
        if (is_last && !is_link)
            return sees_all;
        if (is_link) {
            char more[PATH_MAX];
            target[target_n] = '\0';
            if (!watch_join(more, target, rest, strlen(rest)))
                return false;
            memcpy(way, more, sizeof(way));
            links++;
            continue;
        }
        struct stat st;
        if (stat(at, &st) != 0 || !S_ISDIR(st.st_mode))
            return false;
        memcpy(folder, at, sizeof(folder));
        memmove(way, rest, strlen(rest) + 1);
    }
    return false;
}

static bool watches_use(const struct rm_watches *watches, int wd)
{
    RM_LIST_FOR (node, &watches->all) {
        const struct rm_watch *watch = rm_container_of(node, struct rm_watch, link);
        for (uint32_t i = 0; i < watch->n_places; i++)
            if (watch->places[i].wd == wd)
                return true;
    }
    return false;
}

// The way of links may lead elsewhere than before. Folders that nobody needs any more are given up.
static void watch_renew(struct rm_watch *watch)
{
    int old[RM_WATCH_PLACES];
    uint32_t n_old = watch->n_places;
    for (uint32_t i = 0; i < n_old; i++)
        old[i] = watch->places[i].wd;
    struct rm_arena before = watch->arena;
    rm_arena_init(&watch->arena, NULL);
    watch->path = rm_arena_dup(&watch->arena, rm_str_of(watch->path)).p;
    rm_arena_fini(&before);
    watch->n_places = 0;
    watch->polls = !watch_walk(watch);
    for (uint32_t i = 0; i < n_old; i++)
        if (!watches_use(watch->watches, old[i]))
            (void)inotify_rm_watch(watch->watches->inotify.fd, old[i]); // it may have gone with its folder
}

// ---- looks -----------------------------------------------------------------------------------------------------------

static void watch_tell(struct rm_watch *watch, uint64_t content)
{
    if (content == watch->content)
        return;
    watch->content = content;
    watch->changed(watch);
}

static void watch_settled(struct rm_timer *timer)
{
    struct rm_watch *watch = rm_container_of(timer, struct rm_watch, settle);
    watch_renew(watch); // first: what changes after the look is told of
    if (watch->written)
        return;
    watch->looked = watch_hash(watch->path);
    watch_tell(watch, watch->looked);
}

static void watch_happened(struct rm_watch *watch, uint32_t mask)
{
    watch->written = (mask & IN_MODIFY) != 0; // until it is closed, or another takes its place
    if (watch->written)
        return;
    uint64_t now_us = rm_loop_now_us(watch->watches->loop);
    if (!watch->settle.slot)
        watch->since_us = now_us;
    if (now_us - watch->since_us < WATCH_PATIENCE_US)
        rm_timer_start(watch->watches->loop, &watch->settle, now_us + WATCH_QUIET_US);
}

// Without an event: two looks must be the same, so that a file is not taken while it is written.
static void watches_look(struct rm_timer *timer)
{
    struct rm_watches *watches = rm_container_of(timer, struct rm_watches, look);
    struct rm_watch *changed = NULL;
    bool polls = false;
    RM_LIST_FOR (node, &watches->all) {
        struct rm_watch *watch = rm_container_of(node, struct rm_watch, link);
        uint64_t content = watch_hash(watch->path);
        if (watch->polls)
            watch_renew(watch);
        if (content != watch->content && content == watch->looked && !watch->settle.slot)
            changed = watch;
        // Once more soon, where there is something to see.
        polls |= watch->polls || content != watch->content;
        watch->looked = content;
    }
    rm_timer_start(watches->loop, timer, rm_loop_now_us(watches->loop) + (polls ? WATCH_POLL_US : WATCH_LOOK_US));
    if (changed) // one a look: it may stop others
        watch_tell(changed, changed->looked);
}

// A file that is made is not written yet; a link is whole.
static bool watch_is_whole(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && (S_ISLNK(st.st_mode) || st.st_nlink > 1);
}

static bool watch_hears(const struct rm_watch *watch, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW)
        return true;
    for (uint32_t i = 0; i < watch->n_places; i++) {
        const struct rm_watch_place *place = &watch->places[i];
        if (place->wd != event->wd)
            continue;
        if (event->len == 0) // the folder itself
            return true;
        const char *slash = strrchr(place->path, '/');
        if (strcmp(slash ? slash + 1 : place->path, event->name) == 0 &&
            (!(event->mask & IN_CREATE) || watch_is_whole(place->path)))
            return true;
    }
    return false;
}

static void watches_happened(struct rm_fd *fd, uint32_t happened)
{
    struct rm_watches *watches = rm_container_of(fd, struct rm_watches, inotify);
    _Alignas(struct inotify_event) char events[4096];
    ssize_t n;
    (void)happened;
    while ((n = read(fd->fd, events, sizeof(events))) > 0) {
        for (const char *p = events; p < events + n;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)p;
            RM_LIST_FOR (node, &watches->all) {
                struct rm_watch *watch = rm_container_of(node, struct rm_watch, link);
                if (watch_hears(watch, event))
                    watch_happened(watch, event->mask);
            }
            p += sizeof(*event) + event->len;
        }
    }
}

// ---- watch.h ---------------------------------------------------------------------------------------------------------

struct rm_watches *rm_watches_new(struct rm_loop *loop)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_watches *watches = RM_NEW(&arena, struct rm_watches);
    watches->arena = arena;
    watches->loop = loop;
    watches->look.fire = watches_look;
    rm_list_init(&watches->all);
    watches->inotify =
        (struct rm_fd){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .events = EPOLLIN, .on_event = watches_happened};
    if (watches->inotify.fd >= 0 && rm_fd_add(loop, &watches->inotify, NULL) != RM_OK) {
        close(watches->inotify.fd);
        watches->inotify.fd = -1;
    }
    return watches;
}

void rm_watches_free(struct rm_watches *watches)
{
    if (!watches)
        return;
    RM_ASSERT(rm_list_empty(&watches->all));
    rm_timer_stop(&watches->look);
    rm_fd_del(&watches->inotify);
    if (watches->inotify.fd >= 0)
        close(watches->inotify.fd);
    struct rm_arena arena = watches->arena;
    rm_arena_fini(&arena);
}

void rm_watch_start(struct rm_watches *watches, struct rm_watch *watch, const char *path)
{
    RM_ASSERT(watch->changed && !watch->watches);
    watch->watches = watches;
    rm_arena_init(&watch->arena, NULL);
    watch->path = rm_arena_dup(&watch->arena, rm_str_of(path)).p;
    watch->settle.fire = watch_settled;
    rm_list_push_back(&watches->all, &watch->link);
    watch_renew(watch);
    watch->content = watch->looked = watch_hash(path);
    uint64_t look_us = rm_loop_now_us(watches->loop) + (watch->polls ? WATCH_POLL_US : WATCH_LOOK_US);
    if (!watches->look.slot || look_us < watches->look.due_us)
        rm_timer_start(watches->loop, &watches->look, look_us);
}

void rm_watch_stop(struct rm_watch *watch)
{
    struct rm_watches *watches = watch->watches;
    if (!watches)
        return;
    rm_timer_stop(&watch->settle);
    rm_list_remove(&watch->link);
    for (uint32_t i = 0; i < watch->n_places; i++)
        if (!watches_use(watches, watch->places[i].wd))
            (void)inotify_rm_watch(watches->inotify.fd, watch->places[i].wd);
    rm_arena_fini(&watch->arena);
    watch->n_places = 0;
    watch->watches = NULL;
    if (rm_list_empty(&watches->all))
        rm_timer_stop(&watches->look);
}
