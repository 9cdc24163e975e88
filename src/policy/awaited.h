// A value that is fetched elsewhere (the keys of a jwk_url, a token for a backend): immutable, counted, replaced as a whole by whoever fetches
// it (keys.h of main), read by all workers. A request that needs another one may wait for a fetch. A cell (cell.h): endpoints and plans that
// name the same source share it.
// SPDX-License-Identifier: Apache-2.0
#ifndef POLICY_AWAITED_H
#define POLICY_AWAITED_H

#include "policy/cell.h"
#include <remora/call.h>

struct rm_awaited;

// What it holds begins with this, and lies in its own arena.
struct rm_awaited_value {
    _Atomic uint32_t refs;
    struct rm_arena arena;
};
void rm_awaited_unref(struct rm_awaited_value *); // NULL is fine; any thread

// `plan`'s share.
struct rm_awaited *rm_awaited_open(struct rm_arena *plan, struct rm_policy_cells *, struct rm_str key);

// ---- workers ---------------------------------------------------------------------------------------------------------

struct rm_awaited_value *rm_awaited_get(struct rm_awaited *); // a reference; NULL: none has come yet
// Whether it may help to wait: a fetch is under way, or may begin. Else the last one was a moment ago, whoever asks.
bool rm_awaited_may_wait(struct rm_awaited *, uint64_t now_us);
// A call that is done when the fetch that runs, or begins for it, is over, whatever it brought.
struct rm_call *rm_awaited_wait(struct rm_awaited *, struct rm_loop *, struct rm_arena *, struct rm_call *up,
                                void (*on_done)(struct rm_call *));

// ---- who fetches: one thread ------------------------------------------------------------------------------------------

// From now on `asked` is called on this loop when somebody waits. NULL: nobody fetches any more.
void rm_awaited_serve(struct rm_awaited *, struct rm_loop *, void (*asked)(void *arg), void *arg);
// `value` is new: its arena is set, the rest of the head is not.
void rm_awaited_set(struct rm_awaited *, struct rm_awaited_value *value);
// A fetch is over, well or not: who waits goes on, and nobody waits again before then.
void rm_awaited_settle(struct rm_awaited *, uint64_t until_us);
void rm_awaited_wake(struct rm_awaited *); // who waits goes on

#endif
