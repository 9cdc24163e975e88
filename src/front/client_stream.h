// The parts of a request that stream: flow's way back (rm_reply_sink), the client's body as flow's source, the answer as
// libmicrohttpd's reader takes it. Half-duplex: an answer goes out only when the upload is over.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_CLIENT_STREAM_H
#define FRONT_CLIENT_STREAM_H

#include "front/client.h"

extern const struct rm_reply_sink rm_client_sink;

void rm_upload_init(struct rm_client *, int64_t length);
// Takes data for flow, from *taken on, which it moves. RM_OK: all of it; RM_AGAIN: suspend until flow has used some; RM_EMEMORY: no
// room in the process.
int rm_upload_put(struct rm_client *, struct rm_str data, size_t *taken) RM_MUST_CHECK;
void rm_upload_end(struct rm_client *);

void rm_download_init(struct rm_client *, bool until_close);      // HTTP/1.0 has no other end for an unknown length
// ONCE_MORE: at once, with the same block, which is not to be touched. CLOSED: the connection is shut down already.
enum { RM_READ_WAIT = 0, RM_READ_END = -1, RM_READ_CLOSED = -2, RM_READ_ONCE_MORE = -3 };
int64_t rm_download_read(struct rm_client *, char *to, size_t n); // > 0: bytes
size_t rm_download_block(struct rm_client *);                     // how much may be read at a time
void rm_download_stop(struct rm_client *);                        // the request is over: timers and tasks

#endif
