// Lingering: after a refusal the client may still be sending. Its bytes are read away for a moment, as closing at once would reset the
// connection and the client might never see the answer.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_LINGER_H
#define FRONT_LINGER_H

#include "front/local.h"

// Takes over a copy of the descriptor, and the connection's place under the limit. False: there is nothing to wait for.
bool rm_linger_start(struct rm_front *, int fd);
void rm_linger_end_all(struct rm_front *);

#endif
