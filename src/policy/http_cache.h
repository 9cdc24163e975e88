// KrakenD's cache of a backend's answers (qos/http-cache, RFC 9111): an exchange in front of the transport's, which is answered from a store,
// or asks and fills it. Everything above it (redirects, retries, decoding) sees an exchange like any other.
// SPDX-License-Identifier: Apache-2.0
#ifndef POLICY_HTTP_CACHE_H
#define POLICY_HTTP_CACHE_H

#include "policy/http_store.h"

// In the plan.
struct rm_http_cache {
    struct rm_http_store *store;
    struct rm_http_limits limits;
    struct rm_str scope; // what tells its keys from others' in a store that is shared
};

// As rm_exchange_new(). Its answer may be a stored one, with its Age: then `sent` is false.
struct rm_exchange *rm_http_cache_exchange(const struct rm_http_cache *, const struct rm_transport_ops *, void *self,
                                           struct rm_loop *, struct rm_arena *, struct rm_call *up,
                                           void (*on_done)(struct rm_call *));
// Whether the exchange, which has ended well, was answered without asking anybody.
bool rm_http_cache_hit(const struct rm_exchange *);

#endif
