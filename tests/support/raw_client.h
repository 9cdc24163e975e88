// A client that speaks raw bytes: what it sends is exactly what the test wrote. Every wait ends by itself after some seconds, as a
// failure of the test that waits.
// SPDX-License-Identifier: Apache-2.0
#ifndef SUPPORT_RAW_CLIENT_H
#define SUPPORT_RAW_CLIENT_H

#include <remora/base.h>

struct raw_answer {
    int status; // 0: the connection ended before an answer
    char *head; // status line and headers, each with its CRLF; NUL-terminated
    char *body; // decoded; NUL-terminated
    size_t body_n;
    bool chunked;
    bool broken; // cut before its end
    char *trailers;
};

int raw_connect(uint16_t port);
void raw_send(int fd, const char *text);
void raw_send_bytes(int fd, const void *bytes, size_t n); // all of them
bool raw_try_send(int fd, const void *bytes, size_t n);   // false: the other side does not take them any more
// One answer; what follows stays unread. `head_only`: of a HEAD request.
void raw_read(int fd, bool head_only, struct raw_answer *out);
void raw_free(struct raw_answer *);
// The value of a header ("" when it is missing), valid until raw_free() or the next call.
const char *raw_header(const struct raw_answer *, const char *name);
bool raw_ends(int fd);    // the other side closes, in order or by a reset, and sends nothing more
bool raw_is_open(int fd); // nothing to read and not closed, right now

#endif
