"""remora as a process: started with a configuration on a free port, waited for, measured, ended."""
# SPDX-License-Identifier: Apache-2.0
import contextlib
import json
import os
import resource
import signal
import socket
import string
import subprocess
import tempfile
import threading
from pathlib import Path

from . import process
from .certificates import Authority, client_context
from .prometheus import Metrics
from .waiting import DEADLINE_S, SANITIZED, until
from .wire import Wire, ask, request

ALARMS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:", "assertion", "Assertion")
START_TRIES = 5
RSS_LIMIT_KIB = 64 << 10  # DESIGN: what a hostile peer on one connection may make remora take


_tls = []  # of REMORA_TEST_TLS, made once


def over_tls():
    """With REMORA_TEST_TLS in the environment what a test asks of remora goes over TLS: (addition to the configuration, the
    client's context). The tests are the same."""
    if not os.environ.get("REMORA_TEST_TLS"):
        return "", None
    if not _tls:
        folder = tempfile.TemporaryDirectory()
        authority = Authority(Path(folder.name))
        keys = "tls: {keys: [{public_key: %s, private_key: %s}], min_version: TLS12}\n" % authority.issue("server")
        _tls.append((keys, client_context(authority), folder))
    return _tls[0][:2]


def program():
    return os.environ["REMORA"]


def free_ports(count):
    """Ports that were free a moment ago, each another one; whoever opens them must be ready to find them taken."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]


def free_port():
    return free_ports(1)[0]


def fill(text, **values):
    """A configuration with its $names replaced."""
    return string.Template(text).substitute(values)


def environment(extra=None):
    env = {key: value for key, value in os.environ.items() if not key.startswith(("KRAKEND_", "HTTP", "http"))}
    # What a sanitizer finds ends the program with a status that remora itself never has.
    env.setdefault("ASAN_OPTIONS", "exitcode=99:detect_stack_use_after_return=1")
    env.setdefault("UBSAN_OPTIONS", "exitcode=99:print_stacktrace=1")
    env.setdefault("TSAN_OPTIONS", "exitcode=99:halt_on_error=1")
    env.update(extra or {})
    return env


class DidNotStart(AssertionError):
    pass


class Remora:
    """Listening once the constructor is over; with `wait` False as soon as it runs. `workers`: how many, where a test is about that.
    `tls`: the client's context where the configuration has `tls`. In the configuration $admin and $probes become free ports, which are admin_port and probes_port then."""

    def __init__(self, config, folder, arguments=(), env=None, workers=None, descriptors=None, name="remora", wait=True, tls=None):
        self.folder = Path(folder)
        self.config = self.folder / (name + ".yaml")
        self.log_path = self.folder / (name + ".log")
        self.env = environment(env)
        if workers:
            self.env["REMORA_WORKERS"] = str(workers)
        self.arguments = list(arguments)
        addition, self.tls = ("", tls) if tls else over_tls()
        self.descriptors = descriptors
        for attempt in range(START_TRIES):
            self.port, self.admin_port, self.probes_port = free_ports(3)
            values = {"admin": self.admin_port, "probes": self.probes_port}
            self.config.write_text(string.Template(config).safe_substitute(values) + addition)
            self._spawn()
            if not wait or self._wait_listening():
                return
            if self.process.returncode != 3 or attempt == START_TRIES - 1:  # 3: the port was taken meanwhile
                raise DidNotStart("remora ended with %s:\n%s" % (self.process.returncode, self.log()))

    def _spawn(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))

        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [program(), "run", "-c", str(self.config), "-p", str(self.port)] + self.arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                preexec_fn=limit if self.descriptors else None,
            )
        self.pid = self.process.pid

    def _wait_listening(self):
        def answers():
            if self.process.poll() is not None:
                return True
            try:
                with Wire(self.port, deadline_s=5, tls=self.tls) as wire:
                    wire.send(request("GET /__health HTTP/1.1", "Connection: close"))
                    answer = wire.answer()
                    return answer is not None and answer.status == 200
            except OSError:
                return False

        until(answers, "remora's port")
        return self.process.poll() is None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        # A failed test may have left requests open that nobody will answer: then it ends at once.
        self.stop(at_once=kind is not None)

    # ------------------------------------------------------------ what a test asks

    def ask(self, target="/", *fields, **more):
        return ask(self.port, target, *fields, **dict({"tls": self.tls}, **more))

    def wire(self, **more):
        return Wire(self.port, **dict({"tls": self.tls}, **more))

    def hosts(self):
        """GET /__hosts of the admin listener."""
        return json.loads(self._page(self.admin_port, "/__hosts"))

    def metrics(self, port=None):
        """GET /metrics of the admin listener, or of the one at `port`."""
        return Metrics(self._page(port or self.admin_port, "/metrics"))

    @staticmethod
    def _page(port, path):
        answer = ask(port, path)
        assert answer.status == 200, answer
        return answer.body

    def log(self):
        return self.log_path.read_text(errors="replace")

    def log_tail(self, lines=40):
        return "\n".join(self.log().splitlines()[-lines:])

    def is_alive(self):
        return self.process.poll() is None

    def check_alive(self):
        assert self.is_alive(), "remora ended with %s:\n%s" % (self.process.returncode, self.log_tail())

    def rss_kib(self):
        return process.rss_kib(self.pid)

    def reset_peak(self):
        process.reset_peak(self.pid)

    def check_memory(self, limit_kib=RSS_LIMIT_KIB):
        """The peak since reset_peak(). Left out under sanitizers (kit/waiting.py)."""
        if not SANITIZED:
            peak = process.peak_kib(self.pid)
            assert peak < limit_kib, "RSS went up to %d KiB, %d allowed" % (peak, limit_kib)

    def cpu_seconds(self):
        return process.cpu_ticks(self.pid) / process.ticks_per_second()

    # ------------------------------------------------------------ its end

    def signal(self, number):
        self.process.send_signal(number)

    def wait_end(self, deadline_s=None):
        try:
            return self.process.wait(deadline_s or DEADLINE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError("remora does not end:\n" + self.log_tail()) from None

    def stop(self, at_once=False):
        """SIGTERM, and once more where it must not wait; a status other than 0 or a sanitizer's report is an error."""
        if self.is_alive():
            self.signal(signal.SIGTERM)
            if at_once:
                self.signal(signal.SIGTERM)
        try:
            self.wait_end()
        except AssertionError:
            self.process.kill()
            self.process.wait()
            raise
        self.check_end()

    def check_end(self):
        text = self.log()
        found = [line for line in text.splitlines() if any(alarm in line for alarm in ALARMS)]
        assert not found, "remora's log has an alarm:\n" + text[-20000:]
        assert self.process.returncode == 0, "remora ended with %s:\n%s" % (self.process.returncode, self.log_tail())


class Lasting:
    """A gateway that tests of a module share. One that a test has ended is replaced, so that each test fails for itself
    only."""

    def __init__(self, *arguments, **more):
        self.make = lambda: Remora(*arguments, **more)
        self.now = self.make()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.now.stop()

    def get(self):
        if not self.now.is_alive():
            self.now = self.make()
        return self.now


def run(*arguments, env=None, deadline_s=None):
    """The program to its end: (status, standard output, standard error)."""
    done = subprocess.run(
        [program(), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment(env),
        timeout=deadline_s or DEADLINE_S,
    )
    return done.returncode, done.stdout, done.stderr


class Innocent:
    """An ordinary request that is under way, on a connection and to a backend of its own, while something hostile
    happens beside it: inside the `with` it waits at its backend; at the end it must be answered as if nothing had
    been."""

    def __init__(self, gateway, backend, target="/innocent"):
        self.gateway, self.backend, self.target = gateway, backend, target

    def __enter__(self):
        self.backend.held = threading.Event()
        self.before = sum(request.target == self.target for request in self.backend.heads)
        self.wire = self.gateway.wire()
        self.wire.send(request("GET %s HTTP/1.1" % self.target, "Connection: close"))
        self.backend.wait(
            lambda: sum(r.target == self.target for r in self.backend.heads) > self.before, "the innocent request"
        )
        return self

    def __exit__(self, kind, *_):
        self.backend.held.set()
        with self.wire:
            if kind is None:
                answer = self.wire.answer()
                assert answer and answer.whole and answer.status == 200, (
                    "the innocent client was disturbed: %s" % answer
                )
                assert answer.body == b'{"innocent":true}', answer.body


def innocent_script(peer, request):
    """Of the backend that ordinary requests go to; needs `held` on the backend (Innocent sets it)."""
    if request.target == "/innocent":
        held = peer.backend.held
        if not held.wait(DEADLINE_S):
            return None
        return b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n" + b'{"innocent":true}'
    return b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + b'{"good":1}'
