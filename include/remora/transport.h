// Transports: one request carried to one host, the answer brought back, whole or as a stream.
// One instance per backend and worker; everything on that worker's thread.
// SPDX-License-Identifier: Apache-2.0
#ifndef REMORA_TRANSPORT_H
#define REMORA_TRANSPORT_H

#include <remora/base.h>
#include <remora/call.h>
#include <remora/sd.h>

struct rm_header {
    struct rm_str name, value;
};
struct rm_headers {
    struct rm_header *v; // in an arena
    uint32_t n, cap;
};
void rm_headers_add(struct rm_arena *, struct rm_headers *, struct rm_str name, struct rm_str value); // slices are kept, not copied
const struct rm_header *rm_headers_find(const struct rm_headers *, struct rm_str name); // first, case-insensitive; NULL: none

// A request body that arrives while it is sent (no-op endpoints). Implemented by the front end.
struct rm_body_source {
    // Copies up to n bytes: > 0 the number, 0 the end of the body, RM_AGAIN nothing now (then rm_transport_ops.body_ready follows),
    // another negative code: the client's body broke, the exchange must fail without pretending that the body ended.
    int64_t (*read)(struct rm_body_source *, char *to, size_t n);
    int64_t length; // bytes in all, -1 when unknown (sent chunked)
};

enum rm_gzip { RM_GZIP_OFF, RM_GZIP_ASK, RM_GZIP_DECODE }; // ASK: send Accept-Encoding: gzip and decode; DECODE: decode what comes, the caller's header was sent

struct rm_exchange;

// Where a streamed answer goes. A NULL sink means: collect the body in x->body.
struct rm_answer_sink {
    // Status and headers are in x. False: the body is not wanted (it is read and thrown away up to 1 MiB, else the connection is closed).
    bool (*head)(struct rm_exchange *x);
    // All or nothing: RM_OK taken; RM_AGAIN not taken, the transport pauses until rm_transport_ops.resume; other: the exchange fails with it.
    int (*chunk)(struct rm_exchange *x, struct rm_str data);
    // May be NULL. Bytes of the body have come and can be had by rm_transport_ops.read, without a copy. True: who says so reads until
    // RM_AGAIN, when it likes; after that it is told again. False: they come by chunk.
    bool (*readable)(struct rm_exchange *x);
};

// One exchange: a call whose frame the caller makes (ops->exchange_size bytes, zeroed, in the request's arena).
struct rm_exchange {
    struct rm_call call; // first, so that a call can be cast back
    const struct rm_transport_ops *transport; // set by rm_exchange_new()
    void *self;
    // In: set by the caller, constant while running.
    const struct rm_host *host;
    struct rm_str method;      // upper case
    struct rm_str target;      // path and query as they go on the wire (origin-form), host->base_path included
    struct rm_headers headers; // end-to-end only; Host, Content-Length, Transfer-Encoding and Connection are the transport's
    struct rm_str body;        // when source is NULL; empty and has_body false: no body at all
    bool has_body;
    struct rm_body_source *source;
    uint64_t deadline_us;      // rm_loop_now_us() scale; ends in RM_ETIMEOUT
    uint64_t connect_by_us;    // the same; without a connection by then it ends in RM_ECONNECT; 0: only the transport's own time counts
    enum rm_gzip gzip;
    size_t max_body;           // decoded; over it RM_ETOOBIG (collected bodies only)
    size_t max_head;           // 64 KiB
    struct rm_budget *budget;  // of collected bodies
    const struct rm_answer_sink *sink;
    void *owner;               // the caller's
    // Out.
    int status;                     // 0 until the head is in; 1xx are swallowed, 101 is RM_EPROTO
    struct rm_headers answer;       // in the arena; hop-by-hop fields removed, Content-Encoding/Length too when it was decoded
    int64_t answer_length;          // Content-Length of what the sink will get; -1 unknown
    struct rm_buf body_out;         // collected body; freed by the arena's clean-up
    struct rm_headers trailers;
    bool sent;                      // something of the request may have reached the peer
};

// A setting that only one transport knows; as texts, so that whoever chooses among transports can compare two without knowing them.
struct rm_property {
    struct rm_str name, value;
};

// What a transport instance is opened with; texts are read by open() alone. KrakenD's process-wide outgoing settings.
struct rm_transport_conf {
    uint64_t connect_timeout_us;    // dialer_timeout; 0: none of its own
    uint64_t idle_timeout_us;       // idle_connection_timeout; how long a kept connection may rest
    uint64_t response_header_timeout_us; // 0: none of its own
    uint32_t max_idle_per_host;     // max_idle_connections_per_host
    uint32_t max_idle;              // max_idle_connections; 0: no limit
    bool keep_alive;                // not disable_keep_alives
    uint64_t tcp_keep_alive_us;     // dialer_keep_alive
    // TLS (client_tls, allow_insecure_connections); empty: the system's trust store, no client certificate.
    bool tls_insecure;
    bool tls_no_system_ca;          // client_tls.disable_system_ca_pool
    const struct rm_str *tls_ca_files;
    size_t n_tls_ca_files;
    struct rm_str tls_cert_file, tls_key_file; // first of client_tls.client_certs
    struct rm_str tls_min_version, tls_max_version; // "TLS12", "TLS13"; empty: library's default
    uint64_t tls_files;             // tells the files' contents apart: with others a new instance is opened
    const struct rm_property *own;  // settings of this transport alone
    size_t n_own;
};

struct rm_transport_ops {
    const char *name; // "curl"
    size_t exchange_size;
    // Per worker (shared by all backends with equal configuration of that worker).
    int (*open)(void **self, const struct rm_transport_conf *, struct rm_loop *, struct rm_err *err);
    void (*close)(void *self); // no exchange may run any more
    void (*start)(void *self, struct rm_exchange *);  // ends in one rm_call_done(&x->call)
    void (*cancel)(void *self, struct rm_exchange *); // nothing arrives for x afterwards
    void (*resume)(void *self, struct rm_exchange *);     // the sink can take again
    void (*body_ready)(void *self, struct rm_exchange *); // the source has bytes, or ended
    // Nobody means to ask this host any more: kept connections to it end now, those in use when their exchange is over. Another
    // exchange to it may start all the same, and ends that.
    void (*leave)(void *self, const struct rm_host *);
    // May be NULL; only for who has said true to `readable`. > 0 bytes, RM_AGAIN, or 0: no more come this way, and the exchange's end
    // tells why. It has ended with the last byte, too, which its owner hears later as always.
    int64_t (*read)(void *self, struct rm_exchange *, char *to, size_t n);
};

extern const struct rm_transport_ops rm_transport_h1;   // our own HTTP/1.1 over connections that libcurl makes: the default
extern const struct rm_transport_ops rm_transport_curl; // whole transfers by libcurl

// Makes an exchange whose call runs on this transport: rm_call_start(&x->call) starts it, rm_call_cancel() cancels it.
struct rm_exchange *rm_exchange_new(const struct rm_transport_ops *, void *self, struct rm_loop *, struct rm_arena *, struct rm_call *up,
                                    void (*on_done)(struct rm_call *));

#endif
