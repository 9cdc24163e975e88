"""Holding one thread of a process that a test has started, so that the rest of it goes on: the stand-in for a loop that hangs."""
# SPDX-License-Identifier: Apache-2.0
import ctypes
import os
from pathlib import Path

from .waiting import until

ATTACH, DETACH, WALL = 16, 17, 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def thread(pid, name):
    """None: there is none of this name yet."""
    for task in Path("/proc/%d/task" % pid).iterdir():
        if (task / "comm").read_text().strip() == name:
            return int(task.name)
    return None


class Held:
    """`with Held(pid, "worker-0"):` — that thread stands still inside. Of the test's own thread: a tracer is a thread."""

    def __init__(self, pid, name):
        self.tid = until(lambda: thread(pid, name), "the thread " + name)

    def _ask(self, what):
        if _libc.ptrace(what, self.tid, None, None) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    def __enter__(self):
        self._ask(ATTACH)
        os.waitpid(self.tid, WALL)
        return self

    def __exit__(self, *_):
        self._ask(DETACH)
