"""SIGTERM and SIGINT: what runs is finished, nothing new is taken, a second one ends at once."""
# SPDX-License-Identifier: Apache-2.0
import signal
import socket
import threading

import pytest

from kit.backend import answer
from kit.gateway import fill
from kit.waiting import DEADLINE_S, until
from kit.wire import Wire, ask, request

CONFIG = """
version: 3
timeout: 300s
listen_ip: 127.0.0.1
host: ["$backend"]
endpoints:
  - endpoint: /plain
    backend: [{url_pattern: /plain}]
  - endpoint: /merge
    backend: [{url_pattern: /a}, {url_pattern: /b}]
  - endpoint: /noop
    output_encoding: no-op
    backend: [{url_pattern: /noop}]
"""


class Gate:
    """A backend that answers when it is told."""

    def __init__(self, make):
        self.open = threading.Event()
        self.backend = make(self.script)

    def script(self, peer, req):
        if req.target == "/noop":
            peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            assert self.open.wait(DEADLINE_S)
            peer.send(b"4\r\nlast\r\n0\r\n\r\n")
            return None
        assert self.open.wait(DEADLINE_S)
        return answer(b'{"a":1}')


def refuses(remora):
    def closed():
        try:
            with socket.create_connection(("127.0.0.1", remora.port), DEADLINE_S):
                return False
        except ConnectionRefusedError:
            return True
        except OSError:
            return False

    return closed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("target,body", [("/plain", b'{"a":1}'), ("/merge", b'{"a":1}'), ("/noop", b"firstlast")])
def test_what_runs_is_finished(target, body, number, start, backend):
    gate = Gate(backend)
    remora = start(fill(CONFIG, backend=gate.backend.url))
    with remora.wire() as wire:
        wire.send(request("GET %s HTTP/1.1" % target))
        gate.backend.wait_requests(2 if target == "/merge" else 1)
        remora.signal(number)
        until(refuses(remora), "the port to close")
        assert remora.is_alive()
        gate.open.set()
        got = wire.answer()
        assert (got.status, got.body, got.whole) == (200, body, True)
        assert wire.to_end() == b""
    assert remora.wait_end() == 0
    remora.check_end()


def test_a_hundred_in_flight_are_finished(start, backend):
    gate = Gate(backend)
    remora = start(fill(CONFIG, backend=gate.backend.url))
    wires = [remora.wire() for _ in range(100)]
    for wire in wires:
        wire.send(request("GET /plain HTTP/1.1"))
    gate.backend.wait_requests(100)
    remora.signal(signal.SIGTERM)
    until(refuses(remora), "the port to close")
    gate.open.set()
    for wire in wires:
        with wire:
            got = wire.answer()
            assert (got.status, got.body) == (200, b'{"a":1}')
    assert remora.wait_end() == 0


def test_idle_connections_do_not_hold_it(start, backend):
    """Kept by a client, just opened, half a head sent: none of these is a request that runs."""
    gate = Gate(backend)
    gate.open.set()
    remora = start(fill(CONFIG, backend=gate.backend.url))
    with remora.wire() as kept, remora.wire() as fresh, remora.wire() as half:
        kept.send(request("GET /plain HTTP/1.1"))
        assert kept.answer().status == 200
        half.send(b"GET /plain HTTP/1.1\r\nHo")
        remora.signal(signal.SIGTERM)
        assert remora.wait_end() == 0
        assert kept.to_end() == b"" and fresh.to_end() == b""


def test_it_ends_without_clients(start):
    remora = start("version: 3\nlisten_ip: 127.0.0.1\n")
    remora.signal(signal.SIGTERM)
    assert remora.wait_end() == 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(second, start, backend):
    gate = Gate(backend)
    remora = start(fill(CONFIG, backend=gate.backend.url))
    with remora.wire() as wire, remora.wire() as streamed:
        wire.send(request("GET /plain HTTP/1.1"))
        streamed.send(request("GET /noop HTTP/1.1"))
        gate.backend.wait_requests(2)
        assert streamed.head().status == 200
        remora.signal(signal.SIGTERM)
        until(refuses(remora), "the port to close")
        assert remora.is_alive()
        remora.signal(second)
        assert remora.wait_end() == 0
        assert wire.to_end() == b""
        assert not streamed.to_end().endswith(b"0\r\n\r\n")
    gate.open.set()
    remora.check_end()


def test_the_wait_is_bounded_where_it_is_told(start, backend):
    gate = Gate(backend)
    remora = start("max_shutdown_wait_time: 300ms\n" + fill(CONFIG, backend=gate.backend.url))
    with remora.wire() as wire:
        wire.send(request("GET /plain HTTP/1.1"))
        gate.backend.wait_requests(1)
        remora.signal(signal.SIGTERM)
        assert remora.wait_end() == 0
        assert wire.to_end() == b""
    gate.open.set()


def test_the_backends_calls_end_with_it(start, backend):
    """Cut off by a second signal, a call's connection is closed, not leaked."""
    gate = Gate(backend)
    remora = start(fill(CONFIG, backend=gate.backend.url))
    with remora.wire() as wire:
        wire.send(request("GET /merge HTTP/1.1"))
        gate.backend.wait_requests(2)
        remora.signal(signal.SIGTERM)
        until(refuses(remora), "the port to close")
        remora.signal(signal.SIGTERM)
        assert remora.wait_end() == 0
    gate.open.set()
    gate.backend.wait(lambda: not gate.backend.peers, "the end of all connections")


def test_sighup_does_not_end_it(start):
    remora = start("version: 3\nlisten_ip: 127.0.0.1\n")
    remora.signal(signal.SIGHUP)
    until(lambda: "SIGHUP" in remora.log(), "a word about SIGHUP")
    assert remora.ask("/__health").status == 200


def test_a_client_that_closes_early_does_not_end_it(start, backend):
    """SIGPIPE is nobody's death."""
    gate = Gate(backend)
    remora = start(fill(CONFIG, backend=gate.backend.url))
    for _ in range(20):
        wire = Wire(remora.port)
        wire.send(request("GET /noop HTTP/1.1"))
        assert wire.head().status == 200
        wire.reset()
    gate.open.set()
    assert remora.ask("/plain").status == 200


# ---- serving on --------------------------------------------------------------------------------------------------------

DRAIN = """
extra_config:
  remora:
    admin: {listen: "127.0.0.1:$$admin"}
    drain: {mode: $mode, max: $max}
"""


def drains(backend, mode, most):
    return fill(CONFIG + DRAIN, backend=backend.url, mode=mode, max=most)


def is_unready(remora):
    return lambda: ask(remora.admin_port, "/readyz").status == 503


def test_a_sidecar_serves_until_nothing_runs(start, backend):
    gate = Gate(backend)
    remora = start(drains(gate.backend, "sidecar", "60s"))
    with remora.wire() as wire:
        wire.send(request("GET /plain HTTP/1.1"))
        gate.backend.wait_requests(1)
        remora.signal(signal.SIGTERM)
        until(is_unready(remora), "it to be unready")
        assert remora.ask("/__health").status == 200  # new connections are served
        gate.open.set()
        got = wire.answer()
        assert (got.status, got.body) == (200, b'{"a":1}')
        wire.send(request("GET /plain HTTP/1.1"))
        assert wire.answer().status == 200
        assert remora.wait_end() == 0
    remora.check_end()


def test_a_standalone_one_serves_on_and_says_close(start, backend):
    gate = Gate(backend)
    gate.open.set()
    remora = start(drains(gate.backend, "standalone", "1s"))
    remora.signal(signal.SIGTERM)
    until(is_unready(remora), "it to be unready")
    with remora.wire() as wire:
        wire.send(request("GET /plain HTTP/1.1"))
        got = wire.answer()
        assert got.status == 200 and wire.to_end() == b""
    assert remora.wait_end() == 0
    remora.check_end()


@pytest.mark.parametrize("mode", ["sidecar", "standalone"])
def test_its_maximum_ends_the_serving(mode, start, backend):
    gate = Gate(backend)
    remora = start(drains(gate.backend, mode, "200ms"))
    with remora.wire() as wire:
        wire.send(request("GET /plain HTTP/1.1"))
        gate.backend.wait_requests(1)
        remora.signal(signal.SIGTERM)
        until(refuses(remora), "the port to close")
        gate.open.set()
        assert wire.answer().status == 200
    assert remora.wait_end() == 0


@pytest.mark.parametrize("mode", ["sidecar", "standalone"])
def test_a_second_signal_ends_the_serving_at_once(mode, start, backend):
    gate = Gate(backend)
    remora = start(drains(gate.backend, mode, "600s"))
    with remora.wire() as wire:
        wire.send(request("GET /plain HTTP/1.1"))
        gate.backend.wait_requests(1)
        remora.signal(signal.SIGTERM)
        until(is_unready(remora), "it to be unready")
        remora.signal(signal.SIGINT)
        assert remora.wait_end() == 0
    gate.open.set()


@pytest.mark.parametrize("mode", ["at_once", "sidecar", "standalone"])
def test_a_hundred_of_a_slow_backend_are_finished_in_every_mode(mode, start, backend):
    def slow(peer, req):
        peer.backend.slow.wait(0.3)
        return answer(b'{"a":1}')

    peer = backend(slow)
    peer.slow = threading.Event()
    remora = start(drains(peer, mode, "0s" if mode == "at_once" else "2s"))
    wires = [remora.wire() for _ in range(100)]
    for wire in wires:
        wire.send(request("GET /plain HTTP/1.1"))
    peer.wait_requests(100)
    remora.signal(signal.SIGTERM)
    for wire in wires:
        with wire:
            got = wire.answer()
            assert (got.status, got.body) == (200, b'{"a":1}')
    assert remora.wait_end() == 0
