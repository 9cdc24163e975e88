// The number of workers that a container's CPU quota gives, over made-up cgroup folders of both versions.
// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cpus.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "cgroupXXXXXX";

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static uint32_t affinity(void)
{
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    return (uint32_t)CPU_COUNT(&set);
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void version_2_quota_is_rounded_up(void **state)
{
    (void)state;
    put("cpu.max", "150000 100000\n");
    assert_int_equal(rm_cpus_by_quota(folder), least(2, affinity()));
    put("cpu.max", "5000 100000\n");
    assert_int_equal(rm_cpus_by_quota(folder), 1);
}

static void no_quota_is_one_worker(void **state)
{
    (void)state;
    put("cpu.max", "max 100000\n");
    assert_int_equal(rm_cpus_by_quota(folder), 1);
    assert_int_equal(rm_cpus_by_quota("no-such-folder"), 1);
}

static void a_large_quota_is_bounded_by_the_affinity(void **state)
{
    (void)state;
    put("cpu.max", "99999900000 100000\n");
    assert_int_equal(rm_cpus_by_quota(folder), affinity());
}

static void nonsense_is_one_worker(void **state)
{
    (void)state;
    put("cpu.max", "many\n");
    assert_int_equal(rm_cpus_by_quota(folder), 1);
    put("cpu.max", "100000 0\n");
    assert_int_equal(rm_cpus_by_quota(folder), 1);
}

static void version_1_has_two_files(void **state)
{
    (void)state;
    char path[256];
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/cpu", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    put("cpu/cpu.cfs_quota_us", "-1\n");
    put("cpu/cpu.cfs_period_us", "100000\n");
    assert_int_equal(rm_cpus_by_quota(folder), 1);
    put("cpu/cpu.cfs_quota_us", "200000\n");
    assert_int_equal(rm_cpus_by_quota(folder), least(2, affinity()));
    snprintf(path, sizeof path, "%s/cpu/cpu.cfs_quota_us", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/cpu/cpu.cfs_period_us", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/cpu", folder);
    rmdir(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_2_quota_is_rounded_up),
        cmocka_unit_test(no_quota_is_one_worker),
        cmocka_unit_test(a_large_quota_is_bounded_by_the_affinity),
        cmocka_unit_test(nonsense_is_one_worker),
        cmocka_unit_test(version_1_has_two_files),
    };
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
