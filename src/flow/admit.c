// A backend's policies around one call: in by the order of the plan, out by the opposite one.
// SPDX-License-Identifier: Apache-2.0
#include "flow/admit.h"

void rm_admit_init(struct rm_admit *admit, const struct rm_admissions *all, const struct rm_departure *departure)
{
    *admit = (struct rm_admit){.all = all, .departure = *departure};
    admit->tickets = RM_NEW_ARRAY(departure->arena, uint64_t, all->n);
}

int rm_admit_enter(struct rm_admit *admit, struct rm_call *up, void (*on_done)(struct rm_call *), struct rm_err *err)
{
    while (admit->entered < admit->all->n) {
        const struct rm_admission *one = &admit->all->v[admit->entered];
        int said = one->ops->enter(one->self, &admit->departure, &admit->tickets[admit->entered], err);
        if (said == RM_AGAIN && admit->waited) {
            (void)rm_fail(err, RM_ESYS, "%s waits for ever", one->ops->name);
            if (admit->wait->err.code != RM_OK)
                *err = admit->wait->err;
            said = err->code;
        } else if (said == RM_AGAIN) {
            RM_ASSERT(one->ops->wait);
            admit->wait = one->ops->wait(one->self, &admit->departure, up, on_done);
            admit->waited = true;
        }
        if (said != RM_OK)
            return said;
        admit->wait = NULL;
        admit->waited = false;
        admit->entered++;
    }
    return RM_OK;
}

void rm_admit_leave(struct rm_admit *admit, uint64_t now_us, int code)
{
    if (admit->wait)
        rm_call_cancel(admit->wait);
    admit->wait = NULL;
    while (admit->entered > 0) {
        const struct rm_admission *one = &admit->all->v[--admit->entered];
        if (one->ops->leave)
            one->ops->leave(one->self, admit->tickets[admit->entered], now_us, code);
    }
}
