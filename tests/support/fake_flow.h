// A flow without backends, for tests of the front end: each endpoint's path says what it does.
//   /hello            200 {"hello":true}                 /echo            the body, as it came
//   /wait?ms=N        like /hello, N ms later             /never           nothing
//   /say?KEY=VALUE…   status=N, body=N bytes, head=N bytes of headers, error=1, parts=N bodies by reference
//   /stream/say       the same, streamed; length=1 says the length, cut=N breaks after N bytes, trailer=1, pause=1 waits a
//                     little between blocks, hold=1 stops after the head
//                     read=1 (with length=1) lets all but the first bytes be read
//   /stream/count     how many bytes of body came, once it has ended
//   /stream/slow      the same, but reads nothing before fake_flow_release()
//   /stream/echo      the body, piece by piece while it comes
//   /stream/early?…   answers like /stream/say before the body has come, and never reads it
// SPDX-License-Identifier: Apache-2.0
#ifndef SUPPORT_FAKE_FLOW_H
#define SUPPORT_FAKE_FLOW_H

#include "flow/request.h"

// Of all requests since fake_flow_reset(). Any thread.
struct fake_counts {
    atomic_uint started, ended, cancelled, running;
    atomic_uint begun; // counted as begun, and not yet as over
    atomic_uint refused_chunks; // RM_AGAIN from the sink
    atomic_uint reads;          // rm_request_read()
    atomic_uint most_kept;      // most bytes that an upload kept unread
    atomic_uint taken;          // bytes of uploads that were read
};
extern struct fake_counts fake_counts;

void fake_flow_reset(void);
void fake_flow_release(void);              // /stream/slow may read
extern const char *const fake_endpoints[]; // for fake_plan_new()

#endif
