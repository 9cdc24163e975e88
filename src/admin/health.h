// Is this process alive, started, ready? Latches and their texts, in the form of Kubernetes' own health endpoints. Nothing here waits
// or asks; liveness never depends on discovery's answers or on backends.
// SPDX-License-Identifier: Apache-2.0
#ifndef ADMIN_HEALTH_H
#define ADMIN_HEALTH_H

#include <remora/base.h>

// A loop that has not answered for so long is dead.
#define RM_HEALTH_SILENT_US UINT64_C(5000000)

// Each is set once and stays: a source that fails later, or a backend, takes nobody out of service.
struct rm_health {
    bool serving;  // the workers accept
    bool answered; // each source has answered, or its time is over
    bool late;     // the latter
    bool draining; // a signal has come: the only thing that ends readiness
};

struct rm_check {
    const char *name;
    struct rm_str why; // empty: it is fine
};

bool rm_health_is_ready(const struct rm_health *);
// "ok", or with `verbose` and whenever something fails one line a check, "[+]name ok" or "[-]name failed: why", and "TITLE check passed"
// or "failed". Returns the HTTP status.
int rm_health_write(const char *title, const struct rm_check *, size_t n, bool verbose, struct rm_buf *out);

#endif
