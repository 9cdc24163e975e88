// What the system says of this process. Reads /proc/self when it is asked; keeps nothing.
// SPDX-License-Identifier: Apache-2.0
#include "observe/process.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static void process_one(struct rm_metrics *m, enum rm_metric_kind kind, const char *name, const char *help,
                        double value)
{
    rm_metric(m, kind, name, help);
    rm_sample(m, NULL, 0, value);
}

// Field 22 of /proc/self/stat, behind the name in parentheses: ticks from boot to the process's start. 0: unknown.
static unsigned long long process_start_ticks(void)
{
    char text[1024];
    FILE *file = fopen("/proc/self/stat", "re");
    if (!file)
        return 0;
    size_t n = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[n] = '\0';
    const char *at = strrchr(text, ')');
    unsigned long long ticks = 0;
    // state, then 18 numbers before it
    if (!at || sscanf(at + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
                      &ticks) != 1)
        return 0;
    return ticks;
}

// When the machine started, in seconds since 1970: "btime" of /proc/stat. 0: unknown.
static unsigned long long process_boot(void)
{
    char line[256];
    unsigned long long boot = 0;
    FILE *file = fopen("/proc/stat", "re");
    if (!file)
        return 0;
    while (boot == 0 && fgets(line, sizeof(line), file))
        if (sscanf(line, "btime %llu", &boot) != 1)
            boot = 0;
    fclose(file);
    return boot;
}

static void process_memory(struct rm_metrics *m)
{
    unsigned long long size, resident;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return;
    double page = (double)sysconf(_SC_PAGESIZE);
    if (fscanf(file, "%llu %llu", &size, &resident) == 2) {
        process_one(m, RM_GAUGE, "process_resident_memory_bytes", "Resident memory size in bytes.",
                    (double)resident * page);
        process_one(m, RM_GAUGE, "process_virtual_memory_bytes", "Virtual memory size in bytes.", (double)size * page);
    }
    fclose(file);
}

static void process_descriptors(struct rm_metrics *m)
{
    DIR *dir = opendir("/proc/self/fd");
    if (dir) {
        double n = -3; // ".", ".." and the directory itself
        while (readdir(dir))
            n++;
        closedir(dir);
        process_one(m, RM_GAUGE, "process_open_fds", "Number of open file descriptors.", n);
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        process_one(m, RM_GAUGE, "process_max_fds", "Maximum number of open file descriptors.",
                    (double)limit.rlim_cur);
}

void rm_process_metrics(struct rm_metrics *m)
{
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) == 0)
        process_one(m, RM_COUNTER, "process_cpu_seconds_total", "User and system CPU time spent in seconds.",
                    (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                        (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    process_memory(m);
    process_descriptors(m);
    unsigned long long ticks = process_start_ticks(), boot = process_boot();
    if (ticks > 0 && boot > 0)
        process_one(m, RM_GAUGE, "process_start_time_seconds", "Start time of the process since the Unix epoch in seconds.",
                    (double)boot + (double)ticks / (double)sysconf(_SC_CLK_TCK));
}
