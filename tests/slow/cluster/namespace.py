"""A network namespace of the test run's own: EndpointSlices may not hold loopback addresses, and ports need not be looked for.
Whole prefixes are made local, so that every address in them is a pod that needs only a socket."""
# SPDX-License-Identifier: Apache-2.0
import ctypes
import os
import subprocess

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
POD_PREFIX, POD_PREFIX_6 = "10.2.0.0/16", "fd02::/64"


def enter():
    """Moves this process, which must not have started a thread, and all that it will start."""
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET | (CLONE_NEWUSER if user else 0)) != 0:
        raise OSError(ctypes.get_errno(), "no network namespace can be made")
    if user:
        for name, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % user), ("gid_map", "0 %d 1" % group)):
            with open("/proc/self/" + name, "w") as file:
                file.write(text)
    for command in (
        "link set lo up",
        "route add local %s dev lo" % POD_PREFIX,
        "-6 route add local %s dev lo" % POD_PREFIX_6,
        "-6 addr add fd02::1/128 dev lo",  # remora, as others, uses IPv6 only where the machine has an address
    ):
        subprocess.run(["ip", *command.split()], check=True)
