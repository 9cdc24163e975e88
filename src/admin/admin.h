// The admin and the probe listener: health, metrics, what discovery knows, the configuration. They run on main's loop, so that who asks
// costs the workers nothing but a message; the front end's guard and limits stand before them as before the endpoints.
// SPDX-License-Identifier: Apache-2.0
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "front/worker.h"

struct rm_admin;
struct rm_reload_status; // admin/reload.h

struct rm_admin_conf {
    struct rm_loop *loop;   // main's, which does not run yet
    struct rm_world *world; // a reference is taken
    struct rm_loop *discovery;
    const struct rm_front_shared *clients; // the workers'; outlives it
    const struct rm_reload_status *reload; // outlives it; main's loop changes it
    uint32_t n_workers;                    // at most
};

// Listens where the configuration says. A default address that is taken is a warning; RM_ESYS where one was configured.
int rm_admin_new(struct rm_admin **out, const struct rm_admin_conf *, struct rm_err *err) RM_MUST_CHECK;
void rm_admin_add_worker(struct rm_admin *, struct rm_worker *, uint32_t index);
void rm_admin_worker_gone(struct rm_admin *, uint32_t index); // its loop has ended
void rm_admin_serving(struct rm_admin *);                     // all workers accept
void rm_admin_answered(struct rm_admin *, bool all);          // each source has answered, or its time is over
void rm_admin_change(struct rm_admin *, struct rm_world *);   // all workers have it; counts of sources that stay go on
void rm_admin_draining(struct rm_admin *);
void rm_admin_free(struct rm_admin *); // main's thread, when no loop runs any more; NULL is fine

// Opens the listener of this configuration; *n is 0 where there is none. For rm_admin_new() and `check -t`.
int rm_admin_listen(const struct rm_conf_listen *, int fds[2], size_t *n, struct rm_err *err) RM_MUST_CHECK;

#endif
