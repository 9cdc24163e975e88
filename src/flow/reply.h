// What a client gets: statuses, KrakenD's own headers, error texts, the encoded body. Fills rq->reply; sends nothing.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_REPLY_H
#define FLOW_REPLY_H

#include "flow/part.h"

// Of a merged answer, static data included.
void rm_reply_merged(struct rm_part *);
// Of a no-op endpoint: the backend's head.
void rm_reply_head(struct rm_request *, const struct rm_exchange *);
// Of a request that failed as a whole.
void rm_reply_failed(const struct rm_part *);

#endif
