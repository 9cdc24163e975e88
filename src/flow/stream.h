// No-op endpoints: one backend whose status, headers and body go to the client as they come, and the client's body to it.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_STREAM_H
#define FLOW_STREAM_H

#include "flow/part.h"

// The root of such a request: rm_call_start() starts it, rm_call_cancel() ends it.
struct rm_call *rm_stream_new(struct rm_request *);
void rm_stream_writable(struct rm_call *root);   // the client can take more
int64_t rm_stream_read(struct rm_call *root, char *to, size_t n); // request.h
void rm_stream_body_ready(struct rm_call *root); // the client's body has bytes, ended or broke

// For backend.c, with a head that is not a redirect to follow.
bool rm_stream_head(struct rm_stream *, const struct rm_exchange *);
int rm_stream_chunk(struct rm_stream *, struct rm_str data);
bool rm_stream_readable(struct rm_stream *);
void rm_stream_end(struct rm_stream *, const struct rm_exchange *); // the body ended well: its trailers

#endif
