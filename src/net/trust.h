// What outgoing TLS needs, checked and in the form that libcurl wants: trust store, client certificate, versions.
// SPDX-License-Identifier: Apache-2.0
#ifndef NET_TRUST_H
#define NET_TRUST_H

#include <remora/transport.h>

struct rm_trust {
    bool verify;
    const char *ca_file;    // NULL: no certificate is trusted
    const char *cert, *key; // NULL: none
    int tls_min, tls_max;   // 10 to 13; 0: the library's choice
    // What the configuration names, as it was: libcurl opens a file for each connection, and a renewal may have spoilt it meanwhile.
    struct rm_trust_copy {
        int fd; // in memory; -1: none
        char path[32];
    } store, cert_copy, key_copy;
};

// By the configuration; `system_file` is the system's store (NULL: unknown), joined in unless the configuration leaves it out. Texts lie
// in the arena. Reads whole files: at load, not in a busy loop. RM_ECONF when a file cannot be read or a CA file holds no certificate,
// RM_ESYS.
int rm_trust_open(struct rm_trust *, struct rm_arena *, const struct rm_transport_conf *, const char *system_file,
                  struct rm_err *err) RM_MUST_CHECK;
void rm_trust_close(struct rm_trust *);

#endif
