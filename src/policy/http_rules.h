// RFC 9111 without memory: what Cache-Control says, what may be stored by a cache that all clients share, and for how long it is fresh.
// Pure functions of headers and times.
// SPDX-License-Identifier: Apache-2.0
#ifndef POLICY_HTTP_RULES_H
#define POLICY_HTTP_RULES_H

#include <remora/transport.h>

#define RM_CACHE_UNSAID INT64_C(-1)
#define RM_CACHE_SECONDS_MOST INT64_C(2147483648) // RFC 9111 1.2.2: what is larger counts as this

// All Cache-Control fields of a request or an answer (RFC 9111 5.2). Of two that differ the stricter counts, and what cannot be read is 0.
struct rm_cache_control {
    bool no_store, no_cache, is_private, is_public, must_revalidate; // with field names: as without
    int64_t max_age, s_maxage, min_fresh, stale_if_error;            // seconds; RM_CACHE_UNSAID
};
void rm_cache_control_read(const struct rm_headers *, struct rm_cache_control *out);

// An HTTP date in the form that is sent today (RFC 9110 5.6.7). False: it is none.
bool rm_http_date_read(struct rm_str, int64_t *unix_s);

// How an answer that has just come is stored.
struct rm_freshness {
    int64_t age_s;            // it has by now (RFC 9111 4.2.3)
    int64_t lifetime_s;       // 0: it is asked for again each time
    int64_t stale_if_error_s; // how long after that it may stand in for a failure (RFC 5861 4)
    bool must_revalidate;     // stale it is never served
};

// May this answer to a GET with these headers be stored? Then *out says how. `delay_s`: since the request was sent.
bool rm_cache_may_store(int status, const struct rm_headers *asked, const struct rm_headers *answer, int64_t now_unix_s,
                        int64_t delay_s, struct rm_freshness *out);

// A request that neither is answered from the store nor fills it: it asks for a part, has conditions of its own, or says no-store.
bool rm_cache_must_bypass(const struct rm_headers *asked);

// May an answer of this age and lifetime be served to a request that says this?
bool rm_cache_is_fresh(const struct rm_cache_control *asked, int64_t age_s, int64_t lifetime_s);

#endif
