// The CPU quota of the container (cgroup version 2, else version 1) and the CPUs that the process may run on. A
// container sees its own cgroup as the root of the hierarchy, so the root's files are the ones to read. Must not log.
// SPDX-License-Identifier: Apache-2.0
#include "cpus.h"

#include <remora/base.h>

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

// The first bytes of a small file; 0 when there is none.
static size_t cpus_read(const char *root, const char *name, char *to, size_t size)
{
    char path[512];
    int length = snprintf(path, sizeof path, "%s/%s", root, name);
    if (length < 0 || (size_t)length >= sizeof path)
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, to, size - 1);
    close(fd);
    to[n > 0 ? n : 0] = 0;
    return n > 0 ? (size_t)n : 0;
}

// Version 2: "200000 100000" or "max 100000". Version 1: two files, -1 for no limit.
static bool cpus_quota(const char *root, int64_t *quota_us, int64_t *period_us)
{
    char text[64];
    if (cpus_read(root, "cpu.max", text, sizeof text))
        return sscanf(text, "%" SCNd64 " %" SCNd64, quota_us, period_us) == 2;
    return cpus_read(root, "cpu/cpu.cfs_quota_us", text, sizeof text) && sscanf(text, "%" SCNd64, quota_us) == 1 &&
           cpus_read(root, "cpu/cpu.cfs_period_us", text, sizeof text) && sscanf(text, "%" SCNd64, period_us) == 1;
}

uint32_t rm_cpus_by_quota(const char *cgroup_root)
{
    int64_t quota_us = 0, period_us = 0;
    if (!cpus_quota(cgroup_root, &quota_us, &period_us) || quota_us <= 0 || period_us <= 0)
        return 1;
    int64_t cpus = (quota_us + period_us - 1) / period_us;
    cpu_set_t set;
    int may = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return (uint32_t)(cpus < may ? cpus : may);
}
