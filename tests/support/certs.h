// Certificates made while a test runs, and a scripted backend's TLS (backend.h). Files lie in a directory of their own, removed at the
// end.
// SPDX-License-Identifier: Apache-2.0
#ifndef SUPPORT_CERTS_H
#define SUPPORT_CERTS_H

#include "backend.h"

struct cert; // a certificate and its key

void certs_begin(void);
void certs_end(void); // removes the directory, frees every certificate

// `issuer` NULL: signed by itself. `name`: the subject and, without CA, the one alternative name ("10.0.0.1" is an address).
// Valid from one day ago to `days` days from now (negative: expired).
struct cert *cert_new(const struct cert *issuer, const char *name, bool ca, int days);
const char *cert_file(const struct cert *);     // PEM; valid until certs_end()
const char *cert_key_file(const struct cert *); // PEM
const char *certs_empty_file(void);             // a file without any certificate

// The backend's side: presents `cert`; asks for a client certificate of `client_ca` when that is not NULL. `version`: 12 or 13, 0 any.
const struct backend_tls *certs_tls(const struct cert *cert, const struct cert *client_ca, int version);
const char *certs_client_name(void); // subject of the last client certificate that was verified, "" for none
const char *certs_sni(void);         // server name of the last handshake, "" for none
const char *certs_alpn(void);        // what the last client offered: "http/1.1" or a list with commas
unsigned certs_resumed(void);        // handshakes that resumed a session

#endif
