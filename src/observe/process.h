// What the system says of this process: the numbers that every Prometheus client has.
// SPDX-License-Identifier: Apache-2.0
#ifndef OBSERVE_PROCESS_H
#define OBSERVE_PROCESS_H

#include "observe/metrics.h"

// process_cpu_seconds_total, process_resident_memory_bytes and the like, from /proc; what it does not say is left out.
void rm_process_metrics(struct rm_metrics *);

#endif
