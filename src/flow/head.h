// The headers of a backend call: which of the client's go on, and the gateway's own. Pure functions.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_HEAD_H
#define FLOW_HEAD_H

#include "flow/filter.h"
#include <remora/transport.h>

struct rm_head_in {
    const struct rm_headers *client; // as they came
    struct rm_str client_ip, client_host;
    struct rm_str user_agent; // remora's own
};

// The client's headers that pass the endpoint's filter, without hop-by-hop fields, Host, Content-Length and Expect, in their
// order; then X-Forwarded-For and X-Forwarded-Host, which replace the client's; then User-Agent, or X-Forwarded-Via where the client's
// own User-Agent passed. One array in the arena; the texts are borrowed.
void rm_head_build(struct rm_arena *, const struct rm_filter *, const struct rm_head_in *, struct rm_headers *out);

// An array of one's own, with room for so many more; and one without a field, in place.
void rm_head_copy(struct rm_arena *, const struct rm_headers *in, uint32_t more, struct rm_headers *out);
void rm_head_remove(struct rm_headers *, struct rm_str name);

// A backend's second filter: what it does not name is dropped, remora's own headers too.
void rm_head_narrow(struct rm_arena *, const struct rm_filter *, const struct rm_headers *in, struct rm_headers *out);

// What the transport is to do about compression. `streams`: the body goes to the client as it comes.
enum rm_gzip rm_head_gzip(const struct rm_headers *outgoing, bool streams, bool disable_compression);

// For a redirect that drops the body: the same without the fields that describe it (RFC 9110 15.4, Content-*).
void rm_head_without_content(struct rm_arena *, const struct rm_headers *in, struct rm_headers *out);

#endif
