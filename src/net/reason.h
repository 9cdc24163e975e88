// Short texts for why a connection or a handshake failed; without addresses, which the caller adds. Pure functions.
// SPDX-License-Identifier: Apache-2.0
#ifndef NET_REASON_H
#define NET_REASON_H

const char *rm_reason_of_errno(int error);    // of connect(): "connection refused", …
const char *rm_reason_of_verify(long result); // of OpenSSL's X509_V_ERR_*: "certificate has expired", …

#endif
