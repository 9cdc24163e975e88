// When a call that failed may be asked once more, and what an attempt says of its host. Pure rules; backend.c acts on them.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_RETRY_H
#define FLOW_RETRY_H

#include "conf/conf.h"
#include "pool/health.h"
#include <remora/transport.h>

// A client's body that remembers whether anything was taken from it.
struct rm_tapped_source {
    struct rm_body_source source; // what the exchange reads
    struct rm_body_source *from;
    bool consumed;
    uint64_t bytes; // read, for the counts
};
void rm_tapped_source_init(struct rm_tapped_source *, struct rm_body_source *from);

// May the same request go out again after this failure (x->call.err)? Never where a byte of an answer came, never for a status, never when
// a part of a streamed body is gone. What may have reached a host is repeated only where the method allows it (RFC 9110 9.2.2).
bool rm_retry_is_safe(const struct rm_exchange *, enum rm_method, bool consumed);
bool rm_retry_is_repeatable(enum rm_method);

// What the end of an exchange says of the host; `code` is x->call.err.code, or RM_ETIMEOUT for one that was cancelled at its deadline.
enum rm_outcome rm_retry_outcome(const struct rm_exchange *, int code, uint64_t took_us);

#endif
