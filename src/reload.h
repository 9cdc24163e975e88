// Reload: another configuration file becomes another world beside the one that serves; the workers get it when its new sources have
// answered. Owns every world of the process. Main's loop, but for what the discovery thread does for it.
// SPDX-License-Identifier: Apache-2.0
#ifndef RELOAD_H
#define RELOAD_H

#include "admin/admin.h"
#include "admin/reload.h"
#include "fetch.h"

struct rm_reload;

struct rm_reload_conf {
    struct rm_loop *loop, *discovery; // neither runs yet
    struct rm_cache *cache;
    struct rm_budget *bodies;
    struct rm_policy_cells *cells;
    struct rm_fetches *fetches;
    const char *path; // of the configuration
    struct rm_conf_options options;
    bool debug_endpoint;
};

// The first world, by a checked configuration, which is taken over; its sources are acquired. RM_ECONF.
int rm_reload_new(struct rm_reload **out, const struct rm_reload_conf *, struct rm_conf *,
                  struct rm_err *err) RM_MUST_CHECK;
// From now on the file is watched, and what changes is given to the workers added.
void rm_reload_start(struct rm_reload *, struct rm_admin *);
void rm_reload_add_worker(struct rm_reload *, struct rm_worker *, uint32_t index);
void rm_reload_worker_gone(struct rm_reload *, uint32_t index); // its loop has ended
void rm_reload_now(struct rm_reload *, const char *cause);      // whether the file has changed or not
void rm_reload_stop(struct rm_reload *);                        // idempotent: nothing is loaded any more
struct rm_world *rm_reload_world(const struct rm_reload *);     // the one that serves
const struct rm_reload_status *rm_reload_status(const struct rm_reload *);
void rm_reload_free(struct rm_reload *); // no loop runs, no worker is there; NULL is fine

#endif
