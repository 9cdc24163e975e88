// The resolver cache: one entry, and one provider, for each distinct source, however many backends name it. It keeps
// the last good list while a provider fails, for a time that depends on how it fails, gives every host its cell (cell.h), and hands
// every new list to the workers that subscribed.
//
// Discovery side (all but subscribe and unsubscribe): on the discovery thread, or on another one while no thread runs
// the discovery loop (before its start, after its end). Otherwise post a message to that loop, which calls it there.
// SPDX-License-Identifier: Apache-2.0
#ifndef POOL_CACHE_H
#define POOL_CACHE_H

#include "base/list.h"
#include <remora/loop.h>
#include <remora/sd.h>

struct rm_cache;
struct rm_cache_entry;

struct rm_cache *rm_cache_new(struct rm_loop *discovery); // the loop must outlive it
void rm_cache_free(struct rm_cache *); // nothing may be acquired or waited for any more; NULL is fine

// How long a list stays in use that the provider cannot confirm; then an empty one takes its place. A reload sets it again. RM_EPART
// confirms what was found: such a list stays.
struct rm_cache_hold {
    uint64_t failed_us; // nobody could tell (no server, a timeout): since the last answer; 0, the default: for ever
    uint64_t
        missing_us; // RM_ENOHOST: whoever knows says that there is no such name: since it was said first; default 30 s
};
void rm_cache_set_hold(struct rm_cache *, const struct rm_cache_hold *);

// The entry of this source, counted: made, and its provider opened, when no equal source (all members equal) has one.
// The source is copied. The entry may have its first list on return. RM_ECONF: no such provider; else what the
// provider's open says. A reload acquires its new sources beside the old ones and releases the old ones later.
int rm_cache_acquire(struct rm_cache *, const struct rm_source *, struct rm_cache_entry **out,
                     struct rm_err *err) RM_MUST_CHECK;
// The last release closes the provider; no subscription may be left then.
void rm_cache_release(struct rm_cache_entry *);

// ---- lists to the workers ------------------------------------------------------------------------------------------

// Belongs to the subscriber (a part of struct rm_pool_view). Zeroed, with `update` set, before rm_cache_subscribe().
struct rm_cache_sub {
    void (*update)(struct rm_cache_sub *, struct rm_snapshot *); // gives the reference away; the newest list only
    // The cache's.
    struct rm_cache_entry *entry; // NULL while not subscribed
    struct rm_list link;
    struct rm_loop *loop;
    struct rm_snapshot *pending; // posted and not delivered yet; under the cache's lock
    struct rm_msg news;
};

// On the subscriber's thread (or before it runs), between acquire and release of an equal source. A list that is there
// is given to `update` before the return; later ones come as messages on the subscriber's loop.
void rm_cache_subscribe(struct rm_cache *, const struct rm_source *, struct rm_cache_sub *, struct rm_loop *subscriber);
// On the subscriber's thread, or after its loop has ended and before that is freed. Nothing arrives afterwards. No-op
// when not subscribed.
void rm_cache_unsubscribe(struct rm_cache_sub *);

// ---- waiting for first answers -------------------------------------------------------------------------------------

// Done once: when each of these entries has been answered (a published list, also an empty one; a failure is no
// answer), or at the time-out. Belongs to the caller, zeroed with `done` set; it and `entries` stay until done has run
// or rm_cache_wait_stop(). `done` runs on the discovery loop, never before rm_cache_wait_start() has returned: it sets
// an atomic flag or posts a message.
struct rm_cache_wait {
    void (*done)(struct rm_cache_wait *, bool all_answered);
    // The cache's.
    struct rm_list link;
    struct rm_cache *cache;
    struct rm_cache_entry *const *entries;
    size_t n_entries;
    struct rm_timer timer;
    struct rm_task ready;
};
void rm_cache_wait_start(struct rm_cache *, struct rm_cache_wait *, struct rm_cache_entry *const *entries, size_t n,
                         uint64_t timeout_us);
void rm_cache_wait_stop(struct rm_cache_wait *); // no-op when it is over or was never started

// ---- looking at it -------------------------------------------------------------------------------------------------

#define RM_CACHE_OUTCOMES (1 - RM_EPART)

// What a status page shows of one entry, valid until the discovery loop runs on. Times by the discovery loop's clock.
struct rm_cache_state {
    const struct rm_source *source;
    struct rm_snapshot *list;       // NULL: not answered yet; the last good one while the provider fails
    struct rm_err outcome;          // of the last answer or failure; RM_AGAIN before the first
    uint32_t failures;              // in a row, 0 after a good answer
    uint64_t answered_us;           // last good answer, changed or not; 0: none
    uint64_t changed_us;            // when `list` came; its serial counts the changes
    uint64_t failed_us;             // last failure; 0: none
    uint64_t held_until_us;         // while the provider fails: when `list` is given up; 0: never
    uint32_t users, subscribers;
    uint64_t refreshes[RM_CACHE_OUTCOMES]; // answers and failures ever, by -code
};
void rm_cache_look(const struct rm_cache_entry *, struct rm_cache_state *out);
// A short name that no other entry has, for logs and metrics; any thread, until the entry is released.
const char *rm_cache_name(const struct rm_cache_entry *);
// The provider's own (rm_sd_ops.numbers).
size_t rm_cache_numbers(const struct rm_cache_entry *, struct rm_sd_number *out, size_t max);
// NULL starts and ends the walk.
struct rm_cache_entry *rm_cache_next(const struct rm_cache *, const struct rm_cache_entry *after);

#endif
