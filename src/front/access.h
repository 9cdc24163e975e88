// What is noted of a request that is over: its counts, and the access log's one line at INFO for each request that was read; at DEBUG for pages.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_ACCESS_H
#define FRONT_ACCESS_H

#include "front/client.h"

void rm_access_note(const struct rm_client *);

#endif
