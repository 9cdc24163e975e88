"""Many at once, and connections to backends that are used again."""
# SPDX-License-Identifier: Apache-2.0
import asyncio
import threading

import pytest

from kit import process
from kit.backend import answer
from kit.gateway import fill
from kit.waiting import DEADLINE_S, SANITIZED, until

CONFIG = """
version: 3
timeout: 120s
listen_ip: 127.0.0.1
host: ["$backend"]
endpoints:
  - endpoint: /load
    backend: [{url_pattern: /load}]
  - endpoint: /merge
    backend: [{url_pattern: /a}, {url_pattern: /b}]
  - endpoint: /noop
    output_encoding: no-op
    backend: [{url_pattern: /load}]
  - endpoint: /post
    method: POST
    backend: [{url_pattern: /load}]
"""

IN_FLIGHT = 1000
LIMIT_KIB = 60 << 10


class SlowBackend(asyncio.Protocol):
    """Answers 100 ms after the last of `expected` requests has come: so all of them are in flight at once."""

    waiting, most, expected, loop = [], 0, 0, None

    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""

    def data_received(self, data):
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            self.buffer = self.buffer.partition(b"\r\n\r\n")[2]
            cls = type(self)
            cls.waiting.append(self.transport)
            cls.most = max(cls.most, len(cls.waiting))
            if len(cls.waiting) == cls.expected:
                ready, cls.waiting = cls.waiting, []
                cls.loop.call_later(0.1, lambda: [one.write(answer(b'{"a":1}')) for one in ready])


async def ask_once(port, target):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET %s HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n" % target.encode())
    data = await reader.read()
    writer.close()
    return data


@pytest.mark.parametrize("target", ["/load", "/noop"])
def test_a_thousand_in_flight(target, start):
    async def run():
        cls = type(
            "Backend", (SlowBackend,), {"waiting": [], "expected": IN_FLIGHT, "loop": asyncio.get_running_loop()}
        )
        server = await cls.loop.create_server(cls, "127.0.0.1", 0, backlog=2048)
        backend_port = server.sockets[0].getsockname()[1]
        remora = await asyncio.to_thread(start, fill(CONFIG, backend="http://127.0.0.1:%d" % backend_port))
        remora.reset_peak()
        answers = await asyncio.wait_for(
            asyncio.gather(*[ask_once(remora.port, target) for _ in range(IN_FLIGHT)]), DEADLINE_S * 2
        )
        server.close()
        return remora, answers, cls.most

    remora, answers, most = asyncio.run(run())
    assert most == IN_FLIGHT
    wrong = [one[:200] for one in answers if not (one.startswith(b"HTTP/1.1 200 ") and one.endswith(b'{"a":1}'))]
    assert not wrong, (len(wrong), wrong[:3])
    if not SANITIZED:
        remora.check_memory(LIMIT_KIB)


@pytest.mark.parametrize(
    "target,method,backends", [("/load", "GET", 1), ("/merge", "GET", 2), ("/noop", "GET", 1), ("/post", "POST", 1)]
)
def test_connections_to_backends_are_kept(target, method, backends, start, backend):
    """Seen by the backend: fifty requests of one worker, one after the other, need as many connections as a single
    one."""
    far = backend(lambda peer, req: answer(b'{"a":1}'))
    remora = start(fill(CONFIG, backend=far.url), workers=1)
    for _ in range(50):
        got = remora.ask(target, method=method, body=b"hello" if method == "POST" else None)
        assert got.status == 200
    assert far.connections == backends
    assert len(far.requests) == 50 * backends


def test_connections_to_clients_are_kept(start, backend):
    far = backend(lambda peer, req: answer(b'{"a":1}'))
    remora = start(fill(CONFIG, backend=far.url))
    with remora.wire() as wire:
        for target in ["/load", "/merge", "/noop", "/nowhere", "/load"] * 10:
            wire.send(b"GET %s HTTP/1.1\r\nHost: a.test\r\n\r\n" % target.encode())
            got = wire.answer()
            assert got.status == (404 if target == "/nowhere" else 200) and got.whole


def test_keep_alives_can_be_switched_off(start, backend):
    far = backend(lambda peer, req: answer(b'{"a":1}'))
    remora = start("disable_keep_alives: true\n" + fill(CONFIG, backend=far.url), workers=1)
    for _ in range(5):
        assert remora.ask("/load").status == 200
    assert far.connections == 5


def test_idle_connections_have_an_end(start, backend):
    far = backend(lambda peer, req: answer(b'{"a":1}'))
    remora = start("idle_connection_timeout: 200ms\n" + fill(CONFIG, backend=far.url), workers=1)
    assert remora.ask("/load").status == 200
    far.wait(lambda: not far.peers, "the end of the idle connection")


def test_a_stuck_backend_stops_nobody_else(start, backend):
    """Two hundred clients wait for one backend; another endpoint answers as if nothing were."""
    free = threading.Event()

    def stuck(peer, req):
        free.wait(DEADLINE_S)
        return answer(b'{"a":1}')

    far, near = backend(stuck), backend(lambda peer, req: answer(b'{"b":1}'))
    config = fill(CONFIG, backend=far.url) + fill(
        "  - endpoint: /near\n    backend: [{url_pattern: /near, host: ['$near']}]\n", near=near.url
    )
    remora = start(config)
    wires = [remora.wire() for _ in range(200)]
    for wire in wires:
        wire.send(b"GET /load HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
    far.wait_requests(200)
    for _ in range(20):
        assert remora.ask("/near").body == b'{"b":1}'
    assert all(not wire.buffer for wire in wires)
    free.set()
    for wire in wires:
        with wire:
            assert wire.answer().status == 200


def test_nothing_is_left_over(start, backend):
    """Descriptors after a thousand requests of every kind are those of before; a pool may hold a few that nobody has
    looked at."""
    far = backend(lambda peer, req: answer(b'{"a":1}'))
    remora = start("idle_connection_timeout: 100ms\n" + fill(CONFIG, backend=far.url))

    def round_of(n):
        for _ in range(n):
            for target in ("/load", "/merge", "/noop", "/nowhere"):
                remora.ask(target)
            with remora.wire() as wire:
                wire.send(b"GET /load HTTP/1.1\r\nHo")
            with remora.wire() as wire:
                wire.send(b"GET /load HTTP/1.1\r\n\r\n")
                wire.to_end()

    round_of(2)
    far.wait(lambda: not far.peers, "the end of idle connections")
    before = process.descriptors(remora.pid)
    round_of(150)
    far.wait(lambda: not far.peers, "the end of idle connections")
    until(lambda: process.descriptors(remora.pid) <= before + 8, "as few descriptors as before")
