// The keys of one jwk_url: an immutable, counted set that is replaced as a whole, by whoever fetches it (keys.h of main), and read by all
// workers. A token whose key is not there may wait for a fetch. A cell (cell.h): endpoints and plans that name the same source share it.
// SPDX-License-Identifier: Apache-2.0
#ifndef POLICY_KEYRING_H
#define POLICY_KEYRING_H

#include "policy/cell.h"
#include "policy/jwk.h"
#include <remora/call.h>

struct rm_keyring;

struct rm_keys {
    _Atomic uint32_t refs;
    struct rm_arena arena; // holds this struct
    struct rm_jwk_set set;
};
void rm_keys_unref(struct rm_keys *); // NULL is fine; any thread

// `plan`'s share.
struct rm_keyring *rm_keyring_open(struct rm_arena *plan, struct rm_policy_cells *, struct rm_str key);

// ---- workers ---------------------------------------------------------------------------------------------------------

struct rm_keys *rm_keyring_get(struct rm_keyring *); // a reference; NULL: none have come yet
// Whether it may help to wait: a fetch is under way, or may begin. Else the last one was a moment ago, whoever asks for what key.
bool rm_keyring_may_wait(struct rm_keyring *, uint64_t now_us);
// A call that is done when the fetch that runs, or begins for it, is over, whatever it brought.
struct rm_call *rm_keyring_wait(struct rm_keyring *, struct rm_loop *, struct rm_arena *, struct rm_call *up,
                                void (*on_done)(struct rm_call *));

// ---- who fetches: one thread ------------------------------------------------------------------------------------------

// From now on `asked` is called on this loop when somebody waits. NULL: nobody fetches any more.
void rm_keyring_serve(struct rm_keyring *, struct rm_loop *, void (*asked)(void *arg), void *arg);
// Replaces the keys. An error, and they stay: no set of keys, or none in it that can be used.
int rm_keyring_put(struct rm_keyring *, struct rm_str text, uint32_t *n_keys, struct rm_err *err) RM_MUST_CHECK;
// A fetch is over, well or not: who waits goes on, and nobody waits again before then.
void rm_keyring_settle(struct rm_keyring *, uint64_t until_us);
void rm_keyring_wake(struct rm_keyring *); // who waits goes on

#endif
