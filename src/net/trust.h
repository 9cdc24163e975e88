// The trust store of outgoing TLS: several CA files as one file, as libcurl wants it.
// SPDX-License-Identifier: Apache-2.0
#ifndef NET_TRUST_H
#define NET_TRUST_H

#include <remora/transport.h>

struct rm_trust {
    char path[64];    // of the joined file; empty: see file
    const char *file; // the CA file to use, in the arena; NULL: trust nobody
    int fd;           // holds the joined file, -1: none
};

// Reads the CA files of the configuration; `system_file` is the system's store (NULL: unknown), joined in unless the configuration
// leaves it out. At open, never in a running loop's way for long: files are read whole. RM_ECONF when one cannot be read or holds no
// certificate, RM_ESYS.
int rm_trust_open(struct rm_trust *, struct rm_arena *, const struct rm_transport_conf *, const char *system_file,
                  struct rm_err *err) RM_MUST_CHECK;
void rm_trust_close(struct rm_trust *);

#endif
