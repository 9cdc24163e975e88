// How a failure shows to a client: its status, and the words that return_error_msg gives. The only place that decides it.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_STATUS_H
#define FLOW_STATUS_H

#include <remora/base.h>

// The status of a request that failed with this: err->status where it carries one. `honest`: by what has happened (extra_config
// remora.status), else KrakenD's.
int rm_status_of(const struct rm_err *, bool honest);

// What a client may read of this failure: KrakenD's words where it has some, never an address, never what a library says.
struct rm_err rm_status_public(const struct rm_err *);

#endif
