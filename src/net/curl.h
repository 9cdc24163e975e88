// libcurl as the engines want it: easy handles with every option set, one multi handle an engine, no type of libcurl's in sight.
// SPDX-License-Identifier: Apache-2.0
#ifndef NET_CURL_H
#define NET_CURL_H

#include "net/carry.h"
#include "net/peers.h"
#include "net/trust.h"

struct rm_multi;
struct rm_easy;

// What libcurl asks for while it runs. Nothing here may call back into it, but for rm_easy_has_sent().
struct rm_curl_events {
    // Of one transfer; `slot` is what rm_easy_new() was given.
    enum rm_carry_step (*line)(void *slot, struct rm_str line);
    enum rm_carry_step (*body)(void *slot, struct rm_str data);
    enum rm_carry_step (*read)(void *slot, char *to, size_t n, size_t *got);
    bool (*rewind)(void *slot); // the body is wanted again from its start
    bool (*request)(
        void *slot,
        uint32_t local_port); // there is a connection, the request is about to go out; false: not on this one
    int (*open)(void *slot, int family, int type, int protocol); // a socket, or -1
    // Of all of them.
    void (*close)(void *engine, int fd);                               // closes it
    void (*want)(void *engine, int fd, void *slot, bool in, bool out); // slot NULL: a handle of libcurl's own
    void (*timer)(void *engine, int64_t wait_ms);                      // -1: none
};

int rm_curl_init(struct rm_err *err) RM_MUST_CHECK; // counted, any thread
void rm_curl_fini(void);
const char *rm_curl_ca_file(void); // libcurl's own default; NULL: none
bool rm_curl_handles_last(void);   // false: this libcurl's easy handles must not serve a second transfer

struct rm_multi *rm_multi_new(const struct rm_curl_events *, void *engine);
void rm_multi_free(struct rm_multi *); // closes every connection
void rm_multi_add(struct rm_multi *, struct rm_easy *);
void rm_multi_remove(struct rm_multi *, struct rm_easy *);
void rm_multi_on_ready(struct rm_multi *, int fd, bool in, bool out);
void rm_multi_on_timer(struct rm_multi *);
// A transfer that has ended: its slot, and its result for rm_easy_explain(), 0 when all went well. NULL: no more.
void *rm_multi_next_done(struct rm_multi *, int *result);

// Texts of the trust are the caller's and outlive the handle.
struct rm_easy *rm_easy_new(struct rm_multi *, const struct rm_transport_conf *, const struct rm_trust *, void *slot);
void rm_easy_renew(
    struct rm_easy *); // a new handle of libcurl's with the same options; it must not be in the multi handle
void rm_easy_free(struct rm_easy *);
// The next transfer. `text` holds method, target and n_lines header lines as rm_request_text() writes them; it and x->body stay until
// the transfer is removed. RM_EREQUEST: too many lines.
int rm_easy_set(struct rm_easy *, const struct rm_exchange *, struct rm_peer *, char *text, size_t n_lines,
                struct rm_err *err) RM_MUST_CHECK;
// Lets go on what is not in `paused` (RM_CARRY_*). Delivers at once what waits. The result is for rm_easy_explain(), 0 is well.
int rm_easy_pause(struct rm_easy *, unsigned paused);
bool rm_easy_has_sent(const struct rm_easy *); // at least a byte of this transfer's request, on any connection
// While it runs: TLS has more of a record than libcurl has asked it for. No descriptor tells of that.
bool rm_easy_holds_more(const struct rm_easy *);
int rm_easy_explain(const struct rm_easy *, int result, struct rm_err *err); // fills err and returns its code

// A handle that connects, TLS included, and does no more (CURLOPT_CONNECT_ONLY); of its events only open() comes. While it is in
// the multi handle the connection lives, then libcurl closes its descriptor.
struct rm_easy *rm_easy_new_dial(struct rm_multi *, const struct rm_transport_conf *, const struct rm_trust *,
                                 struct rm_peer *, void *slot);
#define RM_EASY_RECV_MOST ((size_t)16 << 10) // a TLS record
// Over a connection that was made so; for TLS. recv gives at most RM_EASY_RECV_MOST and stays within a record: less than both that and n
// means that nothing is left of it. > 0 bytes; recv 0: the end; RM_AGAIN: would block, and what was to be sent must come
// again unchanged, from the same place; RM_ERESET.
int64_t rm_easy_send(struct rm_easy *, struct rm_str text);
int64_t rm_easy_recv(struct rm_easy *, char *to, size_t n);

bool rm_curl_make_peer(struct rm_peer *); // fills url and connect_to; false: libcurl does not take the name
void rm_curl_drop_peer(struct rm_peer *);

#endif
