// W3C Trace Context: which headers go on to every backend, and the id by which the log names a trace.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_TRACE_H
#define FLOW_TRACE_H

#include <remora/transport.h>

// traceparent and tracestate: passed on as they came, whatever input_headers says. remora makes no spans of its own, so that the caller's
// span stays the parent.
bool rm_trace_is_header(struct rm_str name);
// The trace id of a valid traceparent: 32 lower-case hexadecimal digits, not all 0; a slice of the header. Empty: there is none.
struct rm_str rm_trace_id(const struct rm_headers *client);

#endif
