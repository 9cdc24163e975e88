// TLS towards clients: certificates, what is asked of clients, and sessions, behind plain types. tls.c alone knows OpenSSL. No loop here:
// relay.h moves the bytes.
// SPDX-License-Identifier: Apache-2.0
#ifndef FRONT_TLS_H
#define FRONT_TLS_H

#include "conf/conf.h"

struct rm_tls; // keys and rules as they were read once; immutable, counted, for any thread
struct ssl_st; // one session; its connection's thread

// Reads every file: at load, not in a busy loop. RM_ECONF: a file cannot be used, a key is another certificate's; RM_ESYS.
int rm_tls_new(struct rm_tls **out, const struct rm_conf_server_tls *, struct rm_err *err) RM_MUST_CHECK;
struct rm_tls *rm_tls_ref(struct rm_tls *);
void rm_tls_unref(struct rm_tls *); // NULL is fine
int64_t rm_tls_not_after(const struct rm_tls *); // Unix time at which the first of the certificates is over

// A pair of PEM files, as either side of TLS shows it. RM_ECONF: cannot be used. RM_ETLS: it can, but peers refuse it or soon will: over,
// not valid yet, or in the last tenth of its time, in which whatever renews certificates should have done so.
int rm_tls_check_pair(const char *certificate, const char *key, struct rm_err *err) RM_MUST_CHECK;

// The session takes a reference. NULL: no memory. The descriptor stays the caller's.
struct ssl_st *rm_tls_open(struct rm_tls *, int fd);
void rm_tls_close(struct ssl_st *); // says nothing to the client
// RM_OK: done, and a client's certificate is verified where one is asked for. RM_AGAIN. RM_EPROTO: this is plain HTTP. RM_ETLS: the alert
// has been sent. RM_ERESET: the client is gone.
int rm_tls_handshake(struct ssl_st *, struct rm_err *err) RM_MUST_CHECK;
// > 0 bytes, at most a record; RM_AGAIN; RM_ERESET: no more will come, whether the client has said so or not. With RM_AGAIN from write
// the same bytes must come again, wherever they lie then.
int64_t rm_tls_read(struct ssl_st *, char *to, size_t n) RM_MUST_CHECK;
int64_t rm_tls_write(struct ssl_st *, const char *from, size_t n) RM_MUST_CHECK;
bool rm_tls_has_more(const struct ssl_st *); // bytes that the descriptor does not tell of
bool rm_tls_wants_write(const struct ssl_st *);
void rm_tls_say_end(struct ssl_st *); // close_notify (RFC 8446 6.1)

#endif
