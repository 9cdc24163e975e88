// From rm_reply to what goes on the wire: framing, the headers that are the front end's, and replies that no endpoint makes.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_ANSWER_H
#define FRONT_ANSWER_H

#include "front/client.h"

struct rm_answer {
    unsigned status;
    bool close;     // say and do so
    bool streams;   // client_stream.h's reader gives the body; else `parts`
    int64_t length; // of a stream, -1 unknown
    struct rm_str parts[RM_REFS_PARTS];
    uint32_t n_parts;
    const struct rm_headers *headers; // all may go out as they are
};

// The answer of a client in state READY, checked: what cannot be sent is replaced by a 502. False: that would not fit either; the client
// has been told past libmicrohttpd, and the connection is to be closed.
bool rm_answer_make(struct rm_client *, struct rm_answer *out);

// Fills rq.reply. `text` may be empty.
void rm_answer_refuse(struct rm_client *, int status, struct rm_str text);
void rm_answer_route(struct rm_client *, const struct rm_route *); // all kinds but endpoints and built-ins

#endif
