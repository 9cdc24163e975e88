// Security headers, hosts that are served, and the way to TLS (security/http). What a client says of itself counts from trusted proxies only.
// SPDX-License-Identifier: Apache-2.0
#ifndef POLICY_SECURE_H
#define POLICY_SECURE_H

#include <remora/policy.h>

// Lists and texts live as long as the plan; empty texts are not sent.
struct rm_secure_rule {
    const struct rm_str *allowed_hosts; // none: all
    size_t n_allowed_hosts;
    const struct rm_str *host_headers; // in which a trusted proxy says the host that it was asked for
    size_t n_host_headers;
    struct rm_headers tls_headers; // with such a value a trusted proxy says that the client came by TLS
    bool redirects;                // to https, else
    struct rm_str redirect_host;   // empty: the request's
    struct rm_headers always;      // on each answer
    struct rm_headers over_tls;    // on those alone that go over TLS
};

extern const struct rm_check_ops rm_check_secure; // of the service
void *rm_secure_new(struct rm_arena *plan, const struct rm_secure_rule *);

#endif
