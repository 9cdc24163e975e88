"""Figures of a measurement: distributions as text, and what the kernel says of a program's threads."""
# SPDX-License-Identifier: Apache-2.0
import os


def share(values, part):
    """The smallest value that so many of a hundred do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * part // 100) - 1))]


def distribution(values, unit="ms"):
    parts = ", ".join("p%d %.1f" % (part, share(values, part)) for part in (10, 50, 90, 99))
    return "n %d, min %.1f, %s, max %.1f %s" % (len(values), min(values), parts, max(values), unit)


def histogram(values, step):
    counts = {}
    for value in values:
        counts[int(value // step)] = counts.get(int(value // step), 0) + 1
    return "\n".join("%5d-%-5d %4d %s" % (i * step, (i + 1) * step, n, "#" * n) for i, n in sorted(counts.items()))


def _ticks(path):
    with open(path) as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def thread_seconds(pid):
    """{thread's name: processor seconds}; threads of one name are added up."""
    sums = {}
    for task in os.listdir("/proc/%d/task" % pid):
        folder = "/proc/%d/task/%s/" % (pid, task)
        with open(folder + "comm") as file:
            name = file.read().strip()
        sums[name] = sums.get(name, 0) + _ticks(folder + "stat")
    return sums


def seconds(pid):
    return _ticks("/proc/%d/stat" % pid)


def machine():
    with open("/proc/cpuinfo") as file:
        model = next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    return "%s, %d CPUs, Linux %s, load average %.1f" % (model, os.cpu_count(), os.uname().release, os.getloadavg()[0])
