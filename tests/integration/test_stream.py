"""Bodies that flow through: a gibibyte in each direction in bounded memory, backpressure both ways, cuts that the
client can see, and a client's hang-up that ends the backend's call."""
# SPDX-License-Identifier: Apache-2.0
import os
import select
import ssl
import threading

import pytest

from kit import process
from kit.backend import answer
from kit.gateway import fill
from kit.waiting import SANITIZED
from kit.wire import request

CONFIG = """
version: 3
timeout: 600s
listen_ip: 127.0.0.1
max_shutdown_wait_time: 10s
host: ["$backend"]
endpoints:
  - endpoint: /noop
    output_encoding: no-op
    backend: [{url_pattern: /one}]
  - endpoint: /noop
    method: POST
    output_encoding: no-op
    backend: [{url_pattern: /one}]
  - endpoint: /plain
    backend: [{url_pattern: /one}]
  - endpoint: /merge
    backend: [{url_pattern: /one}, {url_pattern: /two}, {url_pattern: /three}]
  - endpoint: /sequence
    extra_config: {proxy: {sequential: true}}
    backend: [{url_pattern: /quick}, {url_pattern: /one}, {url_pattern: /never}]
  - endpoint: /race
    concurrent_calls: 3
    backend: [{url_pattern: /one}]
  - endpoint: /post
    method: POST
    backend: [{url_pattern: /one}]
"""

MIB = 1 << 20
# REMORA_TEST_BULK_MIB names another size; under sanitizers a sixteenth (kit/waiting.py).
BULK = int(os.environ.get("REMORA_TEST_BULK_MIB") or (64 if SANITIZED else 1024)) * MIB
GROWTH_KIB = 4 << 10
BLOCK = os.urandom(MIB)
PIECE = 256 << 10


def pieces(total):
    """`total` bytes, BLOCK over and over."""
    view = memoryview(BLOCK)
    for at in range(0, total, PIECE):
        yield view[at % MIB : at % MIB + min(PIECE, total - at)]


class Compare:
    """Takes pieces and checks that they are BLOCK over and over."""

    def __init__(self):
        self.n = 0

    def __call__(self, piece):
        view, at = memoryview(piece), 0
        while at < len(view):
            start = self.n % MIB
            step = min(len(view) - at, MIB - start)
            assert view[at : at + step] == memoryview(BLOCK)[start : start + step], (
                "byte %d or later is another" % self.n
            )
            self.n += step
            at += step


def chunked(source):
    for piece in source:
        yield b"%x\r\n" % len(piece)
        yield piece
        yield b"\r\n"
    yield b"0\r\n\r\n"


def send_all(peer, source):
    for piece in source:
        if not peer.send(piece):
            return False
    return True


def warm_up(remora):
    """What a first request allocates for good must not count as growth; nor what a big one does in each worker."""
    for _ in range(8):
        assert remora.ask("/noop").status == 200
    remora.reset_peak()
    return remora.rss_kib()


def check_growth(remora, before):
    if not SANITIZED:
        grown = process.peak_kib(remora.pid) - before
        assert grown < GROWTH_KIB, "RSS grew by %d KiB" % grown


SMALL = answer(b'{"small":1}')


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_big_download(framing, start, backend):
    def script(peer, req):
        if not big:
            return SMALL
        head = b"HTTP/1.1 200 OK\r\n"
        if framing == "length":
            peer.send(head + b"Content-Length: %d\r\n\r\n" % BULK)
            send_all(peer, pieces(BULK))
        else:
            peer.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
            send_all(peer, chunked(pieces(BULK)))

    big = False
    far = backend(script)
    remora = start(fill(CONFIG, backend=far.url))
    before = warm_up(remora)
    big = True
    with remora.wire() as wire:
        wire.send(request("GET /noop HTTP/1.1", "Connection: close"))
        head = wire.head()
        assert head.status == 200
        compare = Compare()
        if head.header("Content-Length"):
            assert framing == "length" and int(head.header("Content-Length")) == BULK
            read_raw(wire, BULK, compare)
        else:
            assert head.header("Transfer-Encoding") == "chunked"
            read_chunks(wire, compare)
        assert wire.to_end() == b""
    assert compare.n == BULK
    check_growth(remora, before)


def read_raw(wire, n, take):
    """n bytes without keeping them."""
    first = bytes(wire.buffer[:n])
    del wire.buffer[:n]
    take(first)
    n -= len(first)
    room = memoryview(bytearray(PIECE))
    while n:
        got = wire.socket.recv_into(room[: min(n, PIECE)])
        assert got, "the answer ended %d bytes too early" % n
        take(room[:got])
        n -= got


def read_chunks(wire, take):
    while True:
        line = wire._line()
        assert line is not None, "the answer ended within its chunks"
        size = int(line.partition(b";")[0], 16)
        if size:
            read_raw(wire, size, take)
        assert wire._exactly(2) == b"\r\n"
        if not size:
            return


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_big_upload(framing, start, backend):
    compare = Compare()

    def take(peer):
        while req := peer.read_head():
            peer.read_body(req, sink=compare if req.method == "POST" else None)
            if req.method == "POST":
                seen.append(req)
            if not peer.send(SMALL):
                return

    seen = []
    far = backend(on_connect=take)
    remora = start(fill(CONFIG, backend=far.url))
    before = warm_up(remora)
    with remora.wire() as wire:
        if framing == "length":
            wire.send(request("POST /noop HTTP/1.1", "Content-Length: %d" % BULK, "Connection: close"))
            wire.send(pieces(BULK))
        else:
            wire.send(request("POST /noop HTTP/1.1", "Transfer-Encoding: chunked", "Connection: close"))
            wire.send(chunked(pieces(BULK)))
        got = wire.answer()
    assert (got.status, got.body) == (200, b'{"small":1}')
    assert compare.n == BULK and len(seen) == 1
    check_growth(remora, before)


# ---------------------------------------------------------------- backpressure

STALL_S = 0.5  # no byte was taken for so long: whoever sends is stopped
MOST_IN_FLIGHT = 32 * MIB  # remora's watermark and the kernel's buffers on two connections, generously
FLOW = 96 * MIB


def until_stalled(sock, source):
    """Sends until the other side takes nothing for STALL_S; gives back how much it took."""
    sock.setblocking(False)
    taken = 0
    for piece in source:
        left = memoryview(piece)
        while left:
            try:
                n = sock.send(left)
            except (BlockingIOError, ssl.SSLWantWriteError):
                if not select.select([], [sock], [], STALL_S)[1]:
                    return taken
                continue
            taken += n
            left = left[n:]
    return taken


def rest_of(total, taken):
    for piece in pieces(total):
        if taken >= len(piece):
            taken -= len(piece)
            continue
        yield piece[taken:]
        taken = 0


def test_client_that_does_not_read_stops_the_backend(start, backend):
    def script(peer, req):
        if not big:
            return SMALL
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % FLOW)
        peer.taken = until_stalled(peer.socket, pieces(FLOW))
        stalled.append(peer)
        peer.backend.note()
        peer.socket.setblocking(True)
        send_all(peer, rest_of(FLOW, peer.taken))

    big, stalled = False, []
    far = backend(script, send_buffer=64 << 10)
    remora = start(fill(CONFIG, backend=far.url))
    before = warm_up(remora)
    big = True
    with remora.wire(receive_buffer=64 << 10) as wire:
        wire.send(request("GET /noop HTTP/1.1", "Connection: close"))
        far.wait(lambda: stalled, "a stalled backend")
        assert stalled[0].taken < MOST_IN_FLIGHT
        check_growth(remora, before)
        assert remora.ask("/__health").status == 200
        assert wire.head().status == 200
        compare = Compare()
        read_raw(wire, FLOW, compare)
        assert compare.n == FLOW and wire.to_end() == b""


def test_backend_that_does_not_read_stops_the_client(start, backend):
    compare = Compare()

    def take(peer):
        while req := peer.read_head():
            if req.method == "POST":
                arrived.set()
                assert go_on.wait(60)
            peer.read_body(req, sink=compare if req.method == "POST" else None)
            peer.send(SMALL)

    arrived, go_on = threading.Event(), threading.Event()
    far = backend(on_connect=take, receive_buffer=64 << 10)
    remora = start(fill(CONFIG, backend=far.url))
    before = warm_up(remora)
    with remora.wire() as wire:
        wire.send(request("POST /noop HTTP/1.1", "Content-Length: %d" % FLOW, "Connection: close"))
        assert arrived.wait(60)
        taken = until_stalled(wire.socket, pieces(FLOW))
        assert taken < MOST_IN_FLIGHT
        check_growth(remora, before)
        assert remora.ask("/__health").status == 200
        go_on.set()
        wire.socket.settimeout(60)
        wire.send(rest_of(FLOW, taken))
        assert wire.answer().status == 200
    assert compare.n == FLOW


# ---------------------------------------------------------------- cuts

FRAMED = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 50000,
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"c350\r\n" + b"x" * 50000 + b"\r\n",
    "to-the-end": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 50000,
}


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize(
    "framing,end",
    [
        (framing, end)
        for framing in sorted(FRAMED)
        for end in ("fin", "reset")
        if (framing, end) != ("to-the-end", "fin")
    ],
)  # that is how such an answer ends well
def test_a_cut_answer_is_a_cut_answer_to_the_client(framing, end, version, start, backend):
    """Also for a client of HTTP/1.0, to whom an orderly end would say that all is there."""
    cut = threading.Event()

    def script(peer, req):
        peer.send(FRAMED[framing])
        assert cut.wait(60)
        peer.fin() if end == "fin" else peer.reset()

    far = backend(script)
    remora = start(fill(CONFIG, backend=far.url))
    with remora.wire() as wire:
        wire.send(request("GET /noop HTTP/%s" % version))
        head = wire.head()
        assert head.status == 200
        assert version == "1.1" or head.header("Transfer-Encoding") is None
        cut.set()
        got = wire.body(head)
        assert not got.whole, "a cut answer looks whole (%s, %s)" % (got.framing, wire.ended)
    assert remora.is_alive()


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_cut_upload_is_a_cut_upload_to_the_backend(framing, end, start, backend):
    far = backend(lambda peer, req: SMALL)
    remora = start(fill(CONFIG, backend=far.url))
    with remora.wire() as wire:
        if framing == "length":
            wire.send(request("POST /noop HTTP/1.1", "Content-Length: 1000000", body=b"x" * 400000))
        else:
            wire.send(
                request(
                    "POST /noop HTTP/1.1", "Transfer-Encoding: chunked", body=b"61a80\r\n" + b"x" * 400000 + b"\r\n"
                )
            )
        far.wait(lambda: far.heads, "the upload")
        wire.reset() if end == "reset" else wire.close()
    far.wait(lambda: far.broken, "the cut")
    assert not far.requests


# ---------------------------------------------------------------- hang-ups

TARGETS = {"/plain": 1, "/merge": 3, "/sequence": 2, "/noop": 1, "/race": 3}


@pytest.mark.parametrize("way", ["close", "reset", "half-close"])
@pytest.mark.parametrize("target", sorted(TARGETS))
def test_a_hang_up_ends_the_backend_calls(target, way, start, backend):
    def script(peer, req):
        if req.target == "/quick":
            return answer(b'{"quick":1}')
        peer.wait_gone()
        with peer.backend.changed:
            gone.append(req.target)
            peer.backend.changed.notify_all()

    gone = []
    far = backend(script)
    remora = start(fill(CONFIG, backend=far.url))
    waiting = TARGETS[target] - (target == "/sequence")
    with remora.wire() as wire:
        wire.send(request("GET %s HTTP/1.1" % target))
        far.wait_requests(TARGETS[target])
        assert not gone
        {"close": wire.close, "reset": wire.reset, "half-close": wire.half_close}[way]()
        far.wait(lambda: len(gone) == waiting, "the end of the backend's calls")
        if way == "half-close":
            assert wire.to_end() == b""
    assert remora.ask("/__health").status == 200
    assert not [req.target for req in far.requests if req.target == "/never"]


@pytest.mark.parametrize("way", ["close", "reset"])
def test_a_hang_up_in_a_stream_ends_the_backend_call(way, start, backend):
    def script(peer, req):
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        peer.wait_gone()

    far = backend(script)
    remora = start(fill(CONFIG, backend=far.url))
    with remora.wire() as wire:
        wire.send(request("GET /noop HTTP/1.1"))
        assert wire.head().status == 200 and wire._line() == b"5"
        peer = far.peers[0]
        wire.reset() if way == "reset" else wire.close()
    far.wait(lambda: peer.gone, "the end of the backend's call")


def test_a_hang_up_while_the_backend_floods_ends_the_backend_call(start, backend):
    def script(peer, req):
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while peer.send(BLOCK):
            pass

    far = backend(script)
    remora = start(fill(CONFIG, backend=far.url))
    with remora.wire() as wire:
        wire.send(request("GET /noop HTTP/1.1"))
        assert wire.head().status == 200
        peer = far.peers[0]
        wire.close()
    far.wait(lambda: peer.gone, "the end of the backend's call")


def test_an_early_answer_ends_an_upload(start, backend):
    """A backend that answers before the body is there: the client gets that answer or a broken connection, never a
    hang."""

    def take(peer):
        if peer.read_head():
            peer.send(answer(b"{}", "403 Forbidden", "Connection: close"))
            peer.fin()

    far = backend(on_connect=take)
    remora = start(fill(CONFIG, backend=far.url))
    with remora.wire() as wire:
        wire.send(request("POST /noop HTTP/1.1", "Content-Length: %d" % (64 * MIB)))
        wire.send(pieces(64 * MIB))
        got = wire.answer() if not wire.send_failed or wire.buffer else None
        assert got is None or got.status in (403, 500, 502)
    assert remora.ask("/__health").status == 200
