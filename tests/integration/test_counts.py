"""What remora counts of requests and calls: /metrics and /__stats agree, nothing is lost or told twice, and no client makes a series."""
# SPDX-License-Identifier: Apache-2.0
import json
import signal
import threading

import pytest

from kit.backend import answer
from kit.gateway import fill
from kit.waiting import DEADLINE_S, until
from kit.wire import ask, request

CONFIG = """
version: 3
timeout: $timeout
listen_ip: 127.0.0.1
host: ["$backend"]
extra_config:
  remora: {workers: $workers, admin: {listen: "127.0.0.1:$$admin"}}
endpoints:
  - endpoint: /two/{id}
    backend: [{url_pattern: "/good/{id}"}, {url_pattern: "/bad/{id}?token=$secret"}]
  - endpoint: /post
    method: POST
    backend: [{url_pattern: /good/post}]
  - endpoint: /wait
    backend: [{url_pattern: /wait}]
  - endpoint: /stream
    output_encoding: no-op
    backend: [{url_pattern: /long, encoding: no-op}]
  - endpoint: /dead
    backend: [{url_pattern: /, host: ["http://127.0.0.1:1"]}]
"""
LONG = 100000
SECRET = "sesame-of-the-backend"


@pytest.fixture(params=[1, 3])
def gateway(request, start, backend):
    held = threading.Event()

    def script(peer, req):
        if req.target.startswith("/good"):
            return answer(b'{"a":1}')
        if req.target.startswith("/long"):
            return answer(b"x" * LONG)
        if req.target.startswith("/wait"):
            held.wait(DEADLINE_S)
        return answer(b"{}", "503 Service Unavailable")

    far = backend(script)
    remora = start(fill(CONFIG, workers=request.param, backend=far.url, timeout="300s", secret=SECRET))
    until(lambda: ask(remora.admin_port, "/startupz").status == 200, "all workers")
    remora.held = held
    yield remora
    held.set()


def stats(remora):
    page = json.loads(ask(remora.admin_port, "/__stats").body)
    return {(one["method"], one["endpoint"]): one for one in page["endpoints"]}


def counted(remora, name, n, **labels):
    """A request is counted when its connection has told that the answer is out: a moment after the client has it."""
    until(lambda: remora.metrics().value(name, **labels) == n, "%s %s to be %s" % (name, labels, n))


def test_endpoint_and_backends(gateway):
    for i in range(5):
        assert gateway.ask("/two/%d" % i).status == 200
    counted(gateway, "remora_requests_total", 5, endpoint="/two/{id}", code="2xx")
    metrics = gateway.metrics()
    assert metrics.value("remora_requests_total", endpoint="/two/{id}") == 5
    assert metrics.value("remora_requests_total", endpoint="/post") == 0
    assert metrics.value("remora_requests_incomplete_total", endpoint="/two/{id}") == 5
    assert metrics.value("remora_requests_in_flight", endpoint="/two/{id}") == 0
    assert metrics.value("remora_response_body_bytes_total", endpoint="/two/{id}") == 5 * len('{"a":1}')
    assert metrics.count("remora_request_duration_seconds", endpoint="/two/{id}", method="GET") == 5
    good, bad = dict(endpoint="/two/{id}", backend="0"), dict(endpoint="/two/{id}", backend="1")
    assert metrics.value("remora_backend_requests_total", code="2xx", **good) == 5
    assert metrics.value("remora_backend_requests_total", **good) == 5
    assert metrics.value("remora_backend_requests_total", code="5xx", **bad) == 5
    assert metrics.value("remora_backend_failures_total", error="status", **bad) == 5
    assert metrics.value("remora_backend_failures_total", **good) == 0
    assert metrics.value("remora_backend_failures_total", error="timeout", **bad) == 0
    assert metrics.count("remora_backend_request_duration_seconds", **good) == 5
    assert metrics.value("remora_backend_response_body_bytes_total", **good) == 5 * len('{"a":1}')
    one = stats(gateway)["GET", "/two/{id}"]
    assert (one["requests"], one["codes"]["2xx"], one["incomplete"], one["in_flight"]) == (5, 5, 5, 0)
    assert [b["codes"]["2xx"] for b in one["backends"]] == [5, 0]
    assert one["backends"][1]["errors"] == {"status": 5}
    times = one["latency_seconds"]
    assert 0 < times["p50"] <= times["p90"] <= times["p99"] and times["mean"] > 0
    assert stats(gateway)["POST", "/post"]["latency_seconds"]["p50"] is None


def test_bodies_both_ways(gateway):
    body = b'{"b":2}'
    assert gateway.ask("/post", method="POST", body=body).status == 200
    assert len(gateway.ask("/stream").body) == LONG
    counted(gateway, "remora_requests_total", 1, endpoint="/stream", code="2xx")
    counted(gateway, "remora_requests_total", 1, endpoint="/post", code="2xx")
    metrics = gateway.metrics()
    assert metrics.value("remora_request_body_bytes_total", endpoint="/post", method="POST") == len(body)
    assert metrics.value("remora_backend_request_body_bytes_total", endpoint="/post") == len(body)
    assert metrics.value("remora_response_body_bytes_total", endpoint="/stream") == LONG
    assert metrics.value("remora_backend_response_body_bytes_total", endpoint="/stream") == LONG
    assert metrics.value("remora_requests_incomplete_total", endpoint="/stream") == 0


def test_in_flight_and_hang_up(gateway):
    with gateway.wire() as wire:
        wire.send(request("GET /wait HTTP/1.1"))
        counted(gateway, "remora_backend_requests_in_flight", 1, endpoint="/wait")
        metrics = gateway.metrics()
        assert metrics.value("remora_requests_in_flight", endpoint="/wait") == 1
        assert metrics.value("remora_requests_total", endpoint="/wait") == 0
    counted(gateway, "remora_requests_cancelled_total", 1, endpoint="/wait")
    metrics = gateway.metrics()
    assert metrics.value("remora_requests_total", endpoint="/wait", code="none") == 1
    assert metrics.value("remora_requests_in_flight", endpoint="/wait") == 0
    assert metrics.value("remora_backend_cancelled_total", endpoint="/wait") == 1
    assert metrics.value("remora_backend_requests_in_flight", endpoint="/wait") == 0
    assert metrics.value("remora_backend_failures_total", endpoint="/wait") == 0


def test_nobody_there(gateway):
    assert gateway.ask("/dead").status == 500
    counted(gateway, "remora_requests_total", 1, endpoint="/dead", code="5xx")
    metrics = gateway.metrics()
    assert metrics.value("remora_backend_failures_total", endpoint="/dead", error="connect") == 1
    assert metrics.value("remora_backend_requests_total", endpoint="/dead", code="none") == 1
    assert metrics.value("remora_backend_retries_total", endpoint="/dead") >= 1
    assert metrics.value("remora_request_failures_total", endpoint="/dead", error="connect") == 1


def test_timeout(start, backend):
    held = threading.Event()
    far = backend(lambda peer, req: held.wait(DEADLINE_S) and None)
    remora = start(fill(CONFIG, workers=1, backend=far.url, timeout="100ms", secret=SECRET))
    until(lambda: ask(remora.admin_port, "/startupz").status == 200, "all workers")
    assert remora.ask("/wait").status in (500, 504)
    counted(remora, "remora_request_failures_total", 1, endpoint="/wait", error="timeout")
    assert remora.metrics().value("remora_backend_failures_total", endpoint="/wait", error="timeout") == 1
    held.set()


def test_no_client_makes_a_series(gateway):
    """Paths, methods, headers and hosts of a client are in no label; neither is what the configuration keeps secret."""
    def series():
        return {(name, labels) for name, family in gateway.metrics().families.items() for labels in family.samples}

    assert gateway.ask("/two/0").status == 200
    counted(gateway, "remora_requests_total", 1, endpoint="/two/{id}", code="2xx")
    before = series()
    for i in range(200):
        assert gateway.ask("/two/%d%%22%%5c%%7d" % i).status == 200
        assert gateway.ask("/hostile%d%%22%%5c" % i, "X-Hostile: %d" % i).status == 404
    counted(gateway, "remora_requests_total", 201, endpoint="/two/{id}")
    counted(gateway, "remora_requests_unrouted_total", 200, code="4xx")
    assert series() == before
    for path in ("/metrics", "/__stats"):
        assert SECRET.encode() not in ask(gateway.admin_port, path).body


def test_a_reload_lets_counts_go_on(gateway):
    """What stays goes on, also where its place in the file is another; a request that runs meanwhile is counted once."""
    for i in range(3):
        assert gateway.ask("/two/%d" % i).status == 200
    counted(gateway, "remora_requests_total", 3, endpoint="/two/{id}")
    with gateway.wire() as wire:
        wire.send(request("GET /wait HTTP/1.1"))
        counted(gateway, "remora_requests_in_flight", 1, endpoint="/wait")
        text = gateway.config.read_text()
        new = "endpoints:\n  - {endpoint: /new, backend: [{url_pattern: /good/new}]}\n"
        gateway.config.write_text(text.replace("endpoints:\n", new))
        gateway.signal(signal.SIGHUP)
        until(lambda: gateway.ask("/new").status == 200, "the new configuration")
        counted(gateway, "remora_requests_total", 3, endpoint="/two/{id}")
        assert gateway.metrics().value("remora_requests_in_flight", endpoint="/wait") == 1
        gateway.held.set()
        assert wire.answer().status == 500
    counted(gateway, "remora_requests_total", 1, endpoint="/wait")
    assert gateway.metrics().value("remora_requests_in_flight", endpoint="/wait") == 0
    assert gateway.ask("/two/9").status == 200
    counted(gateway, "remora_requests_total", 4, endpoint="/two/{id}")
    # SIGHUP and the changed file are two reloads: after the later one no series is shown before all workers have told of it.
    of_good = dict(endpoint="/two/{id}", backend="0")
    until(lambda: gateway.metrics().count("remora_backend_request_duration_seconds", **of_good) == 4, "four calls")
