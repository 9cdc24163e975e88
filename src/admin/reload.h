// What is shown of reloads. Main's loop fills it, the pages read it there.
// SPDX-License-Identifier: Apache-2.0
#ifndef ADMIN_RELOAD_H
#define ADMIN_RELOAD_H

#include "conf/conf.h"

struct rm_reload_status {
    const char *file;         // the configuration
    uint64_t good, bad;       // reloads ever
    int64_t taken_us;         // when what serves was taken; wall clock
    int64_t tried_us;         // the last attempt
    const char *cause;        // of it: "start", "file changed", "SIGHUP", "TLS file changed"
    bool failed;              // it was refused, and what was before serves
    bool waits;               // it is good, and its new sources have not answered yet
    struct rm_arena arena;    // of the findings
    struct rm_findings found; // of the last attempt: errors where it was refused, warnings
};

#endif
