// A transport that does what the test says, in virtual time: answers, delays, failures, streams with backpressure. It also writes down
// what it was asked. One instance at a time; link transport.c beside layer `flow`.
// SPDX-License-Identifier: Apache-2.0
#ifndef SUPPORT_TRANSPORT_H
#define SUPPORT_TRANSPORT_H

#include <remora/transport.h>

#define FAKE_WAITS UINT64_MAX

// What requests get. The first of the script that fits is used.
struct fake_answer {
    // For which requests; zero members fit all.
    const char *target; // its beginning
    uint16_t port;      // of the host
    uint32_t times;     // how often; 0: always
    // When: inside start(), or so long after it (0: later in the same turn).
    bool at_once;
    uint64_t after_us; // FAKE_WAITS: when fake_poke() says so
    // What: a failure (code below 0), or an answer.
    int code;
    bool unsent;         // of a failure: nothing of the request left; RM_ECONNECT and RM_ETLS imply it
    int status;          // 0: 200
    const char *headers; // "Name: value\nName: value"
    const char *body;    // NULL: none
    size_t body_n;       // 0: a C string
    // Of streamed answers.
    size_t chunk_n;       // bytes a chunk; 0: all in one
    uint64_t chunk_us;    // between two
    const char *trailers; // as headers
    size_t cut_at;        // with cut_code: fails after so many bytes
    int cut_code;
    uint32_t used; // the transport's
};

enum fake_outcome { FAKE_RUNNING, FAKE_DONE, FAKE_CANCELLED };

// What was asked, in order.
struct fake_seen {
    const char *method, *target;
    const char *headers; // "Name: value\n" each
    const char *body;    // what came of it; of a source: so far
    size_t body_n;
    bool has_body, has_source;
    bool sent; // something of it left
    bool has_sink; // its answer was not to be collected
    size_t max_body, max_head;
    int source_end; // 0: the source ended; a code: it broke; 1: it was not read to the end
    const char *address;
    uint16_t port;
    enum rm_gzip gzip;
    uint64_t at_us, deadline_us, ended_us;
    enum fake_outcome outcome;
    struct rm_exchange *x; // valid while FAKE_RUNNING
};

struct fake_transport {
    struct fake_answer *answers; // the script
    struct fake_answer *(*choose)(const struct fake_transport *,
                                  const struct rm_exchange *); // instead of the first that fits
    size_t n_answers;
    struct fake_seen *seen;
    size_t n_seen;
    uint32_t running;
    uint32_t n_left; // hosts
    bool sloppy; // does not keep deadlines
    bool is_open;
    struct rm_transport_conf conf; // it was opened with
    struct rm_arena arena;
};

extern const struct rm_transport_ops fake_transport_ops;
// Zeroed and with `answers` set; what was seen stays until fake_transport_fini().
void fake_transport_use(struct fake_transport *);
void fake_transport_fini(struct fake_transport *);
void fake_poke(const struct fake_seen *); // its answer comes now
// The n-th request whose target begins so, from 0; NULL: there was none.
const struct fake_seen *fake_seen_find(const struct fake_transport *, const char *target, size_t n);

#endif
