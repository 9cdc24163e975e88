"""A program of the cluster: started with its output in a file, ended by its number, gone at the latest when the test run is."""
# SPDX-License-Identifier: Apache-2.0
import ctypes
import os
import signal
import subprocess

PR_SET_PDEATHSIG = 1
TERM_S = 3  # an API server whose watches are open, or whose etcd is gone, does not end by itself


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Program:
    def __init__(self, name, folder, command, env=None):
        self.name, self.command, self.env = name, [str(word) for word in command], dict(os.environ, **(env or {}))
        self.log_path = folder / (name + ".log")
        self.process = None

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                preexec_fn=_die_with_parent,
            )

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def check_alive(self):
        assert self.alive(), "%s ended with %s:\n%s" % (self.name, self.process.returncode, self.tail())

    def tail(self, lines=20):
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """At once, as a machine that fails does it."""
        if self.alive():
            self.process.kill()
        if self.process:
            self.process.wait()

    def stop(self):
        """Politely, but not for ever."""
        if self.alive():
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(TERM_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        if self.process:
            self.process.wait()
