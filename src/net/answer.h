// One answer on its way from an engine to the exchange's owner: head lines and body bytes go in, and come out as x->answer with a
// collected body, or as a stream into the sink. Free of any library's types, so that each engine feeds the same one.
// SPDX-License-Identifier: Apache-2.0
#ifndef NET_ANSWER_H
#define NET_ANSWER_H

#include "net/answer_head.h"
#include "net/chunked.h"

struct rm_gunzip;
struct rm_answer_charge;

enum rm_answer_to { RM_ANSWER_COLLECT, RM_ANSWER_STREAM, RM_ANSWER_DROP };

struct rm_answer {
    struct rm_exchange *x;
    struct rm_answer_head head;
    enum rm_answer_to to;
    bool decode;       // gzip is taken off
    bool bodyless;     // HEAD, 204, 304: the head is all (RFC 9112 6.3)
    bool enough;       // the rest is not wanted: the engine ends the exchange well and closes the connection
    bool breather;     // with RM_AGAIN: nobody will call resume, try again in the next turn of the loop
    bool excess;       // bytes came behind the end: the connection must not be used again
    bool pending;      // RM_AGAIN was said with something inflated that the owner does not have yet
    uint64_t received; // body bytes, without chunk framing
    struct rm_answer_charge *charge; // what the arena holds of it, in x->budget until the arena ends; NULL: nothing yet
    size_t head_charged;
    struct rm_chunked chunked;
    struct rm_gunzip *gunzip;
    size_t skip; // of what comes again: bytes that are used already
    char *block; // inflated, not yet taken by the sink
    size_t block_n;
};

// `decode`: a gzip answer is to be inflated.
void rm_answer_init(struct rm_answer *, struct rm_exchange *, bool decode);

// A line of the head. RM_AGAIN: more is to come. RM_OK: the head is whole, status and headers are in x and the sink has seen
// them. A negative code other than RM_AGAIN ends the exchange.
int rm_answer_line(struct rm_answer *, struct rm_str line, struct rm_err *err) RM_MUST_CHECK;

// Body bytes as they came, chunk framing and trailers included. All or nothing, as the sink: RM_AGAIN means that the same bytes, in any pieces, must come again, after resume or, when
// `breather` is set, by itself in the next turn. Any other negative code ends the exchange.
int rm_answer_body(struct rm_answer *, struct rm_str data, struct rm_err *err) RM_MUST_CHECK;

// A place to read the next body bytes to, so that a collected body of known length needs no copy; *n: how much fits. rm_answer_filled()
// says how much came. NULL: rm_answer_body() has to take them.
char *rm_answer_room(struct rm_answer *, size_t *n);
void rm_answer_filled(struct rm_answer *, size_t n);

// The engine has seen the end that the framing announced. RM_OK, RM_ERESET (it came too early) or RM_EDECODE.
int rm_answer_end(const struct rm_answer *, struct rm_err *err) RM_MUST_CHECK;

// Head and body are whole, as far as the framing tells: a body that ends with the connection never is.
bool rm_answer_is_whole(const struct rm_answer *);

#endif
