// How many CPUs this process may use: the cgroup's quota and the affinity mask. Reads files once, at the start.
// SPDX-License-Identifier: Apache-2.0
#ifndef CPUS_H
#define CPUS_H

#include <stdint.h>

// The number of workers when nobody says one: the CPU quota rounded up, never more than the CPUs it may run on; 1
// without a quota. `cgroup_root` is "/sys/fs/cgroup" but in tests.
uint32_t rm_cpus_by_quota(const char *cgroup_root);

#endif
