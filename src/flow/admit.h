// A backend's policies (admissions, include/remora/policy.h) around one call of it. Frame of the backend call; no call of its own.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_ADMIT_H
#define FLOW_ADMIT_H

#include <remora/policy.h>

struct rm_admit {
    const struct rm_admissions *all;
    struct rm_departure departure;
    uint64_t *tickets;
    uint32_t entered;     // so many have let it pass
    struct rm_call *wait; // what the next one waits for; NULL: nothing
    bool waited;          // it has
};

void rm_admit_init(struct rm_admit *, const struct rm_admissions *, const struct rm_departure *);
// RM_OK: all let it pass. RM_AGAIN: admit->wait is new, and is to be started; when it is over this is asked again. Else refused, *err is filled.
int rm_admit_enter(struct rm_admit *, struct rm_call *up, void (*on_done)(struct rm_call *), struct rm_err *err);
// The call is over with this code, or refused, or (RM_ECANCEL) not wanted any more. What is waited for is cancelled.
void rm_admit_leave(struct rm_admit *, uint64_t now_us, int code);

#endif
