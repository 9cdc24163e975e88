// Whether a backend is asked at all (extra_config.remora.when).
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_WHEN_H
#define FLOW_WHEN_H

#include "flow/part.h"

// By the client's request and, in a sequence, the answers so far. A pattern that takes too long does not match.
bool rm_when_holds(const struct rm_conf_when *, const struct rm_request *, struct rm_value *const *answers,
                   struct rm_arena *);

#endif
