"""The limits of the threat model: they hold by default, each can be set, and who goes over one disturbs nobody else."""
# SPDX-License-Identifier: Apache-2.0
import os
import select
import socket
import threading
import time

import pytest

from kit.backend import answer
from kit.gateway import Innocent, fill, innocent_script
from kit.waiting import DEADLINE_S, SANITIZED, until
from kit.wire import request

CONFIG = """
version: 3
timeout: 60s
listen_ip: 127.0.0.1
max_shutdown_wait_time: 5s
host: ["$backend"]
$more
endpoints:
  - endpoint: /plain
    backend: [{url_pattern: /plain}]
  - endpoint: /post
    method: POST
    backend: [{url_pattern: /post}]
  - endpoint: /stream
    method: POST
    output_encoding: no-op
    backend: [{url_pattern: /post}]
  - endpoint: /noop
    output_encoding: no-op
    backend: [{url_pattern: /noop}]
  - endpoint: /merge
    backend: [{url_pattern: /plain}, {url_pattern: /innocent-part, host: ["$good"]}]
  - endpoint: /innocent
    backend: [{host: ["$good"], url_pattern: /innocent}]
"""
MIB = 1 << 20
CLOSED = (400, 408, None)  # 408, or closed without a word


def limits(**values):
    return "extra_config: {remora: {limits: {%s}}}" % ", ".join("%s: %s" % item for item in values.items())


@pytest.fixture
def gateway(start, backend):
    """gateway(script, more lines of the configuration): remora with one scripted and one good backend."""

    def begin(script=None, more="", **options):
        far = backend(script or (lambda peer, req: answer(b'{"a":1}')))
        remora = start(fill(CONFIG, backend=far.url, good=good.url, more=more), **options)
        remora.far, remora.good = far, good
        return remora

    good = backend(innocent_script)
    return begin


# ---------------------------------------------------------------- sizes


@pytest.mark.parametrize("path", ["/post", "/stream"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_client_body(framing, path, gateway):
    """Over the limit 413 where it is kept, nothing at the backend; streamed bodies have none."""
    remora = gateway(more=limits(client_body_bytes="100KiB"))
    for size, fits in [(102400, True), (102401, path == "/stream"), (1 << 20, path == "/stream")]:
        before = len(remora.far.requests)
        with remora.wire() as wire:
            if framing == "length":
                wire.send(request("POST %s HTTP/1.1" % path, "Content-Length: %d" % size))
                wire.send(b"a" * size)
            else:
                wire.send(request("POST %s HTTP/1.1" % path, "Transfer-Encoding: chunked"))
                wire.send(b"%x\r\n" % size + b"a" * size + b"\r\n0\r\n\r\n")
            got = wire.answer()
            assert got.status == (200 if fits else 413) and got.whole
        assert len(remora.far.requests) == before + fits


@pytest.mark.parametrize("key", ["limits", "max_header_bytes"])
def test_request_head(key, gateway):
    more = limits(head_bytes="4KiB") if key == "limits" else "max_header_bytes: 4096"
    remora = gateway(more=more)
    assert remora.ask("/plain", "X-A: " + "b" * 3500).status == 200
    for line, field in [
        ("GET /plain HTTP/1.1", "X-A: " + "b" * 4096),
        ("GET /plain?" + "a" * 4096 + " HTTP/1.1", "X-A: b"),
    ]:
        with remora.wire() as wire:
            wire.send(request(line, field))
            assert wire.answer().status in (414, 431)
            assert wire.to_end() == b""


def test_a_bigger_request_head(gateway):
    remora = gateway(more=limits(head_bytes="64KiB"))
    assert remora.ask("/plain", "X-A: " + "b" * 60000).status == 200
    with remora.wire() as wire:
        wire.send(request("GET /plain HTTP/1.1", "X-A: " + "b" * 70000))
        assert wire.answer().status == 431


def test_number_of_headers(gateway):
    remora = gateway(more=limits(headers=10))
    assert remora.ask("/plain", *["X-%d: a" % n for n in range(8)]).status == 200  # with Host and Connection
    with remora.wire() as wire:
        wire.send(request("GET /plain HTTP/1.1", *["X-%d: a" % n for n in range(10)]))
        assert wire.answer().status == 431
        assert wire.to_end() == b""


def sized(script_size):
    return lambda peer, req: answer(b'{"a":"' + b"x" * (script_size - 8) + b'"}')


def test_backend_body(gateway):
    remora = gateway(lambda peer, req: sized(size)(peer, req), more=limits(backend_body_bytes="100KiB"))
    size = 102400
    assert remora.ask("/plain").status == 200
    size = 102401
    assert remora.ask("/plain").status == 500
    merged = remora.ask("/merge")
    assert (merged.status, merged.body, merged.completed) == (200, b'{"good":1}', "false")
    size = 1 << 20
    assert remora.ask("/noop").status == 200


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_backend_body_at_the_cap(framing, gateway):
    """16 MiB are taken, and cost no more than one peer may; a byte more is refused."""

    def script(peer, req):
        whole = answer(b'{"a":"' + b"x" * (size - 8) + b'"}')
        if framing == "length":
            return whole
        body = whole.partition(b"\r\n\r\n")[2]
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(body), 50000):
            piece = body[at : at + 50000]
            peer.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
        return b"0\r\n\r\n"

    remora = gateway(script)
    remora.reset_peak()
    size = 16 * MIB
    got = remora.ask("/plain")
    assert got.status == 200 and len(got.body) == size
    remora.check_memory()
    size = 16 * MIB + 1
    assert remora.ask("/plain").status == 500


def test_backend_head(gateway):
    remora = gateway(
        lambda peer, req: answer(b'{"a":1}', "200 OK", "X-A: " + "b" * size), more=limits(backend_head_bytes="2KiB")
    )
    size = 1500
    assert remora.ask("/plain").status == 200
    size = 2500
    assert remora.ask("/plain").status == 500


@pytest.mark.parametrize(
    "limit,fits,over",
    [
        ("json_depth", b'{"a":' + b"[" * 9 + b"]" * 9 + b"}", b'{"a":' + b"[" * 10 + b"]" * 10 + b"}"),
        ("json_nodes", b'{"a":[1,2,3,4,5]}', b'{"a":[1,2,3,4,5,6,7,8,9,10,11]}'),
    ],
)
def test_json(limit, fits, over, gateway):
    remora = gateway(lambda peer, req: answer(body), more=limits(**{limit: 10}))
    body = fits
    assert remora.ask("/plain").status == 200
    body = over
    assert remora.ask("/plain").status == 500


def test_all_bodies_together(gateway):
    """Over the limit the newest is refused with 503; those before it are answered, and later there is room again."""
    free = threading.Event()

    def script(peer, req):
        if req.method == "POST":
            free.wait(DEADLINE_S)
        return answer(b'{"a":1}')

    remora = gateway(script, more=limits(bodies_bytes="1MiB", client_body_bytes="1MiB"))
    body = b"a" * (200 << 10)
    post = request("POST /post HTTP/1.1", "Content-Length: %d" % len(body), body=body)
    held = []
    while True:
        wire = remora.wire()
        wire.send(post)
        until(lambda: wire.ended or len(remora.far.requests) > len(held) or readable(wire), "an answer or the request")
        if len(remora.far.requests) == len(held):
            break
        held.append(wire)
        assert len(held) <= 5, "more than the limit is held"
    with wire:
        assert wire.answer().status == 503
    assert len(held) >= 2
    free.set()
    for wire in held:
        with wire:
            assert wire.answer().status == 200
    assert remora.ask("/post", method="POST", body=body).status == 200
    assert len(remora.far.requests) == len(held) + 1


def readable(wire):
    return bool(select.select([wire.socket], [], [], 0)[0])


def test_many_big_clients_stay_under_the_limit(gateway):
    """Forty clients with 10 MiB each, all at once: below 96 MB, and an innocent client is served."""
    free = threading.Event()

    def script(peer, req):
        free.wait(DEADLINE_S)
        return answer(b'{"a":1}')

    remora = gateway(script)
    remora.reset_peak()
    statuses = []

    def client():
        with remora.wire() as wire:
            wire.send(request("POST /post HTTP/1.1", "Content-Length: %d" % (10 * MIB)))
            wire.send((b"a" * 65536 for _ in range(160)))
            got = wire.answer() if not wire.send_failed or wire.buffer else None
            statuses.append(got.status if got else None)

    threads = [threading.Thread(target=client, daemon=True) for _ in range(40)]
    with Innocent(remora, remora.good):
        for thread in threads:
            thread.start()
        until(lambda: len(statuses) + len(remora.far.requests) >= 40, "each client to be refused or held")
        free.set()
        for thread in threads:
            thread.join(DEADLINE_S)
    assert len(statuses) == 40 and set(statuses) <= {200, 503, None} and 200 in statuses and 503 in statuses
    remora.check_memory(96 << 10)
    assert remora.ask("/plain").status == 200


# ---------------------------------------------------------------- times

SOON = "1s" if SANITIZED else "300ms"


def drip(wire, piece, pause_s=0.05):
    """A byte now and then until remora has enough of it; gives back how many went."""
    end = time.monotonic() + DEADLINE_S
    sent = 0
    wire.socket.settimeout(pause_s)
    while not wire.ended and not wire.send_failed:
        assert time.monotonic() < end, "remora waits for ever (%d bytes)" % sent
        try:
            wire.socket.send(piece)
            sent += 1
        except OSError:
            wire.send_failed = True
        try:
            data = wire.socket.recv(4096)
            wire.buffer += data
            if not data:
                wire.ended = "eof"
        except TimeoutError:
            continue
        except OSError:
            wire.ended = "reset"
    wire.ended = wire.ended or "reset"
    return sent


def ended_with(wire):
    got = wire.answer() if wire.buffer or not wire.ended else None
    rest = wire.to_end()
    assert rest == b""
    return got.status if got else None


HALF_HEADS = {
    "nothing": b"",
    "empty-line": b"\r\n",
    "half-a-line": b"GET /pl",
    "line": b"GET /plain HTTP/1.1\r\n",
    "half-a-field": b"GET /plain HTTP/1.1\r\nHost: gate",
    "no-empty-line": b"GET /plain HTTP/1.1\r\nHost: gateway.test\r\n",
}


@pytest.mark.parametrize("half", sorted(HALF_HEADS))
def test_a_head_that_stops(half, gateway):
    remora = gateway(more="read_header_timeout: " + SOON)
    with Innocent(remora, remora.good), remora.wire() as wire:
        wire.send(HALF_HEADS[half])
        assert ended_with(wire) in CLOSED
    assert remora.far.heads == []


@pytest.mark.parametrize("piece", [b"a", b"X-A: b\r\n", b"\r\n"])
def test_a_head_that_drips(piece, gateway):
    """Something always moves, but the head never ends: it has its time, all in all."""
    remora = gateway(more="read_header_timeout: " + SOON)
    with Innocent(remora, remora.good), remora.wire() as wire:
        wire.send(b"" if piece == b"\r\n" else b"GET /plain HTTP/1.1\r\nHost: gateway.test\r\nX: ")
        drip(wire, piece)
        assert ended_with(wire) in CLOSED
    assert remora.far.heads == []


def test_a_second_head_that_stops(gateway):
    """On a kept connection the time runs from the request's first byte."""
    remora = gateway(more="read_header_timeout: " + SOON)
    with remora.wire() as wire:
        wire.send(request("GET /plain HTTP/1.1"))
        assert wire.answer().status == 200
        wire.send(b"GET /plain HTTP/1.1\r\nHo")
        assert ended_with(wire) in CLOSED


def test_an_idle_connection_has_an_end_and_not_the_heads(gateway):
    remora = gateway(more="read_header_timeout: 100ms\nidle_timeout: " + ("3s" if SANITIZED else "1s"))
    with remora.wire() as wire:
        for _ in range(2):
            wire.send(request("GET /plain HTTP/1.1"))
            assert wire.answer().status == 200
            # Longer than a head may take: a rest between two requests is none.
            until(lambda since=time.monotonic(): time.monotonic() > since + 0.3, "a rest")
        assert wire.to_end() == b"" and wire.ended == "eof"


@pytest.mark.parametrize("path", ["/post", "/stream"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_that_stops(framing, path, gateway):
    remora = gateway(more=limits(body_timeout=SOON))
    fields = ["Content-Length: 1000"] if framing == "length" else ["Transfer-Encoding: chunked"]
    with Innocent(remora, remora.good), remora.wire() as wire:
        wire.send(request("POST %s HTTP/1.1" % path, *fields, body=b"a" * 10 if framing == "length" else b"a\r\naaaa"))
        assert ended_with(wire) in CLOSED + (500, 502)
    remora.far.settle()
    assert remora.far.requests == []


def test_a_body_that_goes_on_slowly_is_none(gateway):
    """Progress, however slow, is no reason to end a body."""
    remora = gateway(more=limits(body_timeout="2s" if SANITIZED else "600ms"))
    with remora.wire() as wire:
        wire.send(request("POST /post HTTP/1.1", "Content-Length: 12"))
        for _ in range(12):
            wire.send(b"a")
            until(lambda since=time.monotonic(): time.monotonic() > since + 0.1, "a moment")
        assert wire.answer().status == 200


def end_with(wire, data):
    """Data and FIN in one segment, so that they come at the same moment."""
    wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
    wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    wire.socket.sendall(data)
    wire.half_close()


PATIENT = limits(head_timeout="1h", idle_timeout="1h", body_timeout="1h")


@pytest.mark.parametrize("path", ["/post", "/stream"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_end_within_a_body_is_seen(framing, path, gateway):
    """Also where it comes with the last bytes: nobody waits for the rest until some time is over."""
    remora = gateway(more=PATIENT)
    fields = ["Content-Length: 1000"] if framing == "length" else ["Transfer-Encoding: chunked"]
    for _ in range(5):
        with remora.wire() as wire:
            end_with(
                wire,
                request("POST %s HTTP/1.1" % path, *fields, body=b"a" * 10 if framing == "length" else b"a\r\naaaa"),
            )
            assert ended_with(wire) in CLOSED
    remora.far.settle()
    assert remora.far.requests == []


@pytest.mark.parametrize("line", ["GET /plain", "GET /nowhere", "PUT /plain", "GET /__health", "GET /p//x"])
def test_an_end_after_a_request_is_seen(line, gateway):
    """Answered or not, the connection does not stay for its idle time."""
    remora = gateway(more=PATIENT)
    for _ in range(5):
        with remora.wire() as wire:
            end_with(wire, request(line + " HTTP/1.1"))
            ended_with(wire)


@pytest.mark.parametrize("half", sorted(HALF_HEADS))
def test_an_end_within_a_head_is_seen(half, gateway):
    remora = gateway(more=PATIENT)
    for _ in range(5):
        with remora.wire() as wire:
            end_with(wire, HALF_HEADS[half])
            assert ended_with(wire) in CLOSED
    assert remora.far.heads == []


def test_an_answer_that_nobody_reads_has_an_end(gateway):
    """A client that stops reading a stream holds a backend only so long."""

    def script(peer, req):
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while peer.send(b"a" * 65536):
            pass
        peer.gone = True
        peer.backend.note()

    remora = gateway(script, more=limits(body_timeout=SOON))
    with Innocent(remora, remora.good), remora.wire(receive_buffer=4096) as wire:
        wire.send(request("GET /noop HTTP/1.1"))
        remora.far.wait(lambda: remora.far.heads, "the request")
        peer = remora.far.peers[0]
        remora.far.wait(lambda: peer.gone, "the end of the backend's call")
        wire.socket.settimeout(DEADLINE_S)
        wire.to_end()
        assert wire.ended


# ---------------------------------------------------------------- connections


def test_connections(gateway):
    """The ones over the limit wait unaccepted and cost no processor; when one ends, the next is served."""
    remora = gateway(more=limits(connections=20))
    wires = [remora.wire() for _ in range(20)]
    for wire in wires:
        wire.send(request("GET /plain HTTP/1.1"))
        assert wire.answer().status == 200
    over = [remora.wire() for _ in range(5)]  # the kernel's queue takes them
    for wire in over:
        wire.send(request("GET /plain HTTP/1.1"))
    before, since = remora.cpu_seconds(), time.monotonic()
    until(lambda: time.monotonic() > since + 1, "a second")
    spent, waited = remora.cpu_seconds() - before, time.monotonic() - since
    assert all(not wire.buffer and not wire.ended for wire in over)
    assert spent < waited / 2, "%.2f s of processor in %.2f s of waiting" % (spent, waited)
    for wire in wires[:5]:
        wire.close()
    for wire in over:
        assert wire.answer().status == 200
        wire.close()
    for wire in wires[5:]:
        wire.close()
    assert remora.ask("/plain").status == 200


def test_descriptors(gateway):
    """With few of them from the system fewer connections are taken: none fails for want of a descriptor, nothing
    spins."""
    remora = gateway(descriptors=100)
    until(lambda: "listening" in remora.log(), "all workers")  # each needs a few descriptors of its own
    free = threading.Event()
    wires = []
    remora.far.script = lambda peer, req: free.wait(DEADLINE_S) and answer(b'{"a":1}')
    # A handshake waits until its connection is taken: with TLS no more than are taken, and none of these may be dropped.
    for _ in range(20 if os.environ.get("REMORA_TEST_TLS") else 150):
        wires.append(remora.wire())
        wires[-1].send(request("GET /plain HTTP/1.1", "Connection: close"))
    remora.far.wait(lambda: len(remora.far.requests) >= 10, "the first requests")
    before, since = remora.cpu_seconds(), time.monotonic()
    until(lambda: time.monotonic() > since + 1, "a second")
    spent, waited = remora.cpu_seconds() - before, time.monotonic() - since
    assert spent < waited / 2, "%.2f s of processor in %.2f s of waiting" % (spent, waited)
    free.set()
    statuses = []
    for wire in wires:
        with wire:
            got = wire.answer()
            statuses.append(got.status if got else None)
    # A backend's connection may be what could not be opened: then that request fails, and only that.
    assert set(statuses) <= {200, 500, 503} and statuses.count(200) >= 20, statuses
    until(lambda: remora.ask("/plain").status == 200, "an ordinary answer")


def test_idle_costs_nothing(gateway):
    """With open connections on both sides remora sleeps."""
    remora = gateway()
    wires = [remora.wire() for _ in range(50)]
    for wire in wires:
        wire.send(request("GET /plain HTTP/1.1"))
        assert wire.answer().status == 200
    for wire in wires[:10]:
        wire.half_close()
    before, since = remora.cpu_seconds(), time.monotonic()
    until(lambda: time.monotonic() > since + 1, "a second")
    spent, waited = remora.cpu_seconds() - before, time.monotonic() - since
    assert spent < waited / 4, "%.2f s of processor in %.2f s of waiting" % (spent, waited)
    for wire in wires:
        wire.close()
