// Shadow backends (extra_config.proxy.shadow): asked with a copy of the client's request, never waited for, never seen by the client.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_SHADOW_H
#define FLOW_SHADOW_H

#include "base/list.h"
#include "flow/request.h"

// A worker's requests to shadow backends that run. They outlive the client's request, not the worker. The front end's.
struct rm_shadows {
    struct rm_list running;
    uint32_t n; // at most limits.shadow_requests
    struct rm_block_cache *blocks;
    // Keeps the request's flow until what it returns is released: from the ready queue, not from inside a call of the flow.
    void *(*hold)(struct rm_request *);
    void (*release)(void *held);
};

// Asks the shadow backends of the request's endpoint, which has some, or counts that they are not asked: too many run, or there is no room
// for another copy of the body.
void rm_shadow_send(struct rm_request *);
void rm_shadows_end(struct rm_shadows *); // cancels those that run

#endif
