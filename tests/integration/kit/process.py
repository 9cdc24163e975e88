"""What the kernel says of a process: memory, processor time, descriptors."""
# SPDX-License-Identifier: Apache-2.0
import os
import re


def _status_kib(pid, name):
    with open("/proc/%d/status" % pid) as file:
        for line in file:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    raise AssertionError("/proc/%d/status has no %s" % (pid, name))


def rss_kib(pid):
    return _status_kib(pid, "VmRSS")


def peak_kib(pid):
    """The highest RSS since the start or since reset_peak()."""
    return _status_kib(pid, "VmHWM")


def reset_peak(pid):
    """Where the kernel refuses, the peak stays the one since the start: an assertion on it is then stricter, never
    laxer."""
    try:
        with open("/proc/%d/clear_refs" % pid, "w") as file:
            file.write("5")
    except OSError:
        pass


def cpu_ticks(pid):
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def ticks_per_second():
    return os.sysconf("SC_CLK_TCK")


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def listening(pid):
    """The TCP ports that the process itself listens on."""
    sockets = set()
    for one in os.listdir("/proc/%d/fd" % pid):
        try:
            match = re.match(r"socket:\[(\d+)\]", os.readlink("/proc/%d/fd/%s" % (pid, one)))
        except OSError:
            continue
        if match:
            sockets.add(match.group(1))
    ports = set()
    for name in ("tcp", "tcp6"):
        with open("/proc/%d/net/%s" % (pid, name)) as file:
            for fields in [line.split() for line in file.readlines()[1:]]:
                if fields[3] == "0A" and fields[9] in sockets:
                    ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports
