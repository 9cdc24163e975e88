// Pages: what a listener without endpoints answers (health, metrics, what discovery knows). Each is a call like an endpoint's, so
// that it may wait; GET and HEAD, no body. The guard, the limits and the connections are the front end's own.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_PAGE_H
#define FRONT_PAGE_H

#include "flow/request.h"

struct rm_page {
    struct rm_str path;
    // A call in the request's arena that is its root: it fills rq->reply, and its on_done says rq->out->whole(rq).
    struct rm_call *(*call)(struct rm_request *, const void *arg);
    const void *arg;
};

struct rm_pages {
    const struct rm_page *v;
    size_t n;
};

// NULL: there is no such page. `path` is the target's, without query.
const struct rm_page *rm_page_find(const struct rm_pages *, struct rm_str path);

// A reply of this type, not to be kept by any cache; the body is copied.
void rm_page_reply(struct rm_request *, int status, struct rm_str content_type, struct rm_str body);

#endif
