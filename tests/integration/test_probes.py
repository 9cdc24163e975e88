"""Liveness, readiness, start: on the probe listener, which has these and the metrics alone."""
# SPDX-License-Identifier: Apache-2.0
import signal
import socket
import struct
import threading

import pytest

from kit.backend import answer
from kit.gateway import fill
from kit.process import listening
from kit.waiting import DEADLINE_S, until
from kit.wire import Wire, ask, request

CONFIG = """
version: 3
timeout: 300s
listen_ip: 127.0.0.1
extra_config:
  remora:
    workers: $workers
    admin: {listen: false}
    probes: {listen: "127.0.0.1:$$probes"}
    dns: {servers: ["$dns"]}
endpoints:
  - endpoint: /known
    backend: [{url_pattern: /, host: ["$backend"]}]
  - endpoint: /named
    backend: [{url_pattern: /, host: ["http://shop.example:$port"]}]
"""


class Names:
    """A DNS server that says nothing until it is told to; then every A is 127.0.0.1 and every other record is none."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.speaks, self.asked = threading.Event(), threading.Event()
        self.closed = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while not self.closed:
            data, peer = self.socket.recvfrom(4096)
            self.asked.set()
            if not self.speaks.is_set() or self.closed:
                continue
            end = data.index(b"\0", 12) + 5
            is_a = data[end - 4 : end - 2] == b"\0\1"
            head = data[:2] + struct.pack(">HHHHH", 0x8180, 1, is_a, 0, 0)
            record = b"\xc0\x0c\0\1\0\1" + struct.pack(">IH", 60, 4) + b"\x7f\0\0\1"
            self.socket.sendto(head + data[12:end] + (record if is_a else b""), peer)

    def close(self):
        self.closed = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.sendto(b"", self.socket.getsockname())
        self.thread.join(DEADLINE_S)
        self.socket.close()


@pytest.fixture
def names():
    one = Names()
    yield one
    one.close()


@pytest.fixture(params=[1, 4])
def remora(request, start, backend, names):
    far = backend(lambda peer, req: answer(b'{"a":1}'))
    one = start(fill(CONFIG, workers=request.param, backend=far.url, port=far.port, dns=names.address))
    until(lambda: probe(one, "/startupz")[0] == 200, "all workers")
    one.far, one.names = far, names
    return one


def probe(remora, path):
    page = ask(remora.probes_port, path)
    return page.status, page.body.decode()


def test_a_source_that_does_not_answer_keeps_it_unready(remora):
    """And nothing else: it has started, lives, and serves what it knows."""
    status, text = probe(remora, "/readyz")
    assert status == 503
    assert "[+]configuration ok\n[+]listening ok\n[-]discovery failed: static:http://shop.example" in text
    assert "has not answered yet" in text and text.endswith("[+]shutdown ok\nreadyz check failed\n")
    assert probe(remora, "/startupz") == (200, "ok")
    assert probe(remora, "/livez") == (200, "ok")
    assert remora.ask("/known").status == 200
    assert remora.ask("/named").status == 500
    assert metrics(remora).value("remora_ready") == 0
    remora.names.speaks.set()
    until(lambda: probe(remora, "/readyz") == (200, "ok"), "readiness")
    assert metrics(remora).value("remora_ready") == 1
    until(lambda: remora.ask("/named").status == 200, "the host")
    assert "although" not in remora.log()


def metrics(remora):
    return remora.metrics(remora.probes_port)


def test_readiness_does_not_wait_for_ever(start, backend, names):
    far = backend(lambda peer, req: answer(b'{"a":1}'))
    remora = start(fill(CONFIG, workers=1, backend=far.url, port=far.port, dns=names.address))
    assert probe(remora, "/readyz")[0] == 503
    until(lambda: probe(remora, "/readyz")[0] == 200, "the end of its patience")
    assert "discovery (its time is over) ok" in probe(remora, "/readyz?verbose")[1]
    assert "ready although not every source of hosts has answered" in remora.log()


def test_readiness_latches(start, backend, names):
    """A source that fails later takes nobody out of service, nor does a backend that is gone."""
    far = backend(lambda peer, req: answer(b'{"a":1}'))
    names.speaks.set()
    config = fill(CONFIG, workers=1, backend=far.url, port=far.port, dns=names.address)
    remora = start(config.replace("dns: {", "dns: {max_ttl: 1s, timeout: 100ms, "))
    until(lambda: probe(remora, "/readyz") == (200, "ok"), "readiness")
    names.speaks.clear()
    far.close()
    until(lambda: metrics(remora).value("remora_discovery_up", source="static:http://shop.example:%d" % far.port) == 0, "a failure")
    assert remora.ask("/known").status == 500
    assert probe(remora, "/readyz") == (200, "ok")
    assert probe(remora, "/livez") == (200, "ok")


def test_an_empty_answer_is_an_answer(start):
    remora = start(
        'version: 3\nlisten_ip: 127.0.0.1\nextra_config: {remora: {probes: {listen: "127.0.0.1:$probes"}, admin: {listen: false}}}\n'
        "endpoints: [{endpoint: /a, backend: [{url_pattern: /, host: []}]}]\n"
    )
    until(lambda: probe(remora, "/readyz") == (200, "ok"), "readiness")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/startupz"])
@pytest.mark.parametrize("query", ["?verbose", "?verbose=true", "?a=b&verbose=1"])
def test_verbose(path, query, start):
    remora = start('version: 3\nlisten_ip: 127.0.0.1\nextra_config: {remora: {probes: {listen: "127.0.0.1:$probes"}}}\n')
    until(lambda: probe(remora, "/readyz")[0] == 200, "readiness")
    status, text = probe(remora, path + query)
    lines = text.splitlines()
    assert status == 200 and lines[-1] == path[1:] + " check passed"
    assert len(lines) > 1 and all(line.startswith("[+]") and line.endswith(" ok") for line in lines[:-1])


def test_draining(remora):
    """Unready from the signal on, alive to the end; the probes are answered until then."""
    remora.names.speaks.set()
    until(lambda: probe(remora, "/readyz") == (200, "ok"), "readiness")
    held = threading.Event()
    remora.far.script = lambda peer, req: held.wait(DEADLINE_S) and answer(b'{"a":1}')
    with remora.wire() as wire:
        before = len(remora.far.requests)
        wire.send(request("GET /known HTTP/1.1"))
        remora.far.wait_requests(before + 1)
        remora.signal(signal.SIGTERM)
        until(lambda: probe(remora, "/readyz")[0] == 503, "unreadiness")
        assert "[-]shutdown failed: remora is ending\n" in probe(remora, "/readyz")[1]
        # The other workers end at once: they are not missed.
        until(lambda: metrics(remora).value("remora_loop_up") == 2, "the end of idle workers")
        assert metrics(remora).all("remora_loop_up", loop="discovery")
        assert metrics(remora).value("remora_ready") == 0
        assert probe(remora, "/livez") == (200, "ok")
        assert probe(remora, "/startupz") == (200, "ok")
        held.set()
        assert wire.answer().body == b'{"a":1}'
    assert remora.wait_end() == 0
    remora.check_end()


def test_it_ends_although_a_probe_hangs(remora):
    """A scraper's connection, and one that has not asked yet, hold nothing."""
    with Wire(remora.probes_port) as kept, Wire(remora.probes_port) as half:
        kept.send(request("GET /metrics HTTP/1.1"))
        assert kept.answer().status == 200
        half.send(b"GET /metr")
        remora.signal(signal.SIGTERM)
        assert remora.wait_end() == 0


def test_only_probes_and_metrics(remora):
    for path in ("/", "/__hosts", "/__stats", "/__config", "/known"):
        assert probe(remora, path)[0] == 404
    assert probe(remora, "/metrics")[0] == 200
    assert listening(remora.pid) == {remora.port, remora.probes_port}


def test_a_signal_before_the_first_answer(start, backend, names):
    """While the workers wait for discovery the process hears signals, too."""
    far = backend(lambda peer, req: answer(b'{"a":1}'))
    remora = start(fill(CONFIG, workers=1, backend=far.url, port=far.port, dns=names.address), wait=False)
    assert names.asked.wait(DEADLINE_S)
    remora.signal(signal.SIGTERM)
    assert remora.wait_end() == 0
    remora.check_end()
