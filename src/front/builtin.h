// The endpoints of remora's own: health, echo, debug. They fill rq.reply at once.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_BUILTIN_H
#define FRONT_BUILTIN_H

#include "front/client.h"

void rm_builtin_answer(struct rm_client *); // client->builtin says which

#endif
