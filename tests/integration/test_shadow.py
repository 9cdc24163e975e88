"""Shadow backends on the wire: what hangs there holds neither the client, nor memory, nor a reload, nor the end of the process."""
# SPDX-License-Identifier: Apache-2.0
import signal
import threading

import pytest

from kit.backend import answer
from kit.gateway import fill
from kit.waiting import DEADLINE_S, until

CONFIG = """
version: 3
timeout: 300s
listen_ip: 127.0.0.1
host: ["$backend"]
extra_config:
  remora: {workers: 1, admin: {listen: "127.0.0.1:$$admin"}, limits: {shadow_requests: 4}}
endpoints:
  - endpoint: /mirrored
    method: POST
    backend:
      - {url_pattern: /shadow, extra_config: {proxy: {shadow: true, shadow_timeout: $shadow_timeout}}}
      - {url_pattern: /real}
"""
BODY = b'{"n": "' + b"b" * 50000 + b'"}'


class Far:
    """/real answers at once, /shadow when it is told."""

    def __init__(self, make):
        self.open = threading.Event()
        self.backend = make(self.script)

    def script(self, peer, req):
        if req.target == "/shadow":
            self.open.wait(DEADLINE_S)
            return answer(b"{}", "503 Service Unavailable")
        return answer(b'{"real":true}')

    def asked(self, target):
        return [req for req in self.backend.requests if req.target == target]


@pytest.fixture
def far(backend):
    far = Far(backend)
    yield far
    far.open.set()


def post(remora):
    got = remora.ask("/mirrored", method="POST", body=BODY)
    assert (got.status, got.body, got.completed) == (200, b'{"real":true}', "true")


def shadow(remora, name, **labels):
    return remora.metrics().value(name, backend="1", **labels)


def test_a_shadow_that_hangs_is_bounded(start, far):
    remora = start(fill(CONFIG, backend=far.backend.url, shadow_timeout="300s"))
    for _ in range(10):
        post(remora)
    until(lambda: len(far.asked("/shadow")) == 4, "the shadow calls that there is room for")
    assert shadow(remora, "remora_backend_requests_in_flight") == 4
    assert shadow(remora, "remora_backend_shadow_dropped_total") == 6
    assert remora.metrics().value("remora_requests_in_flight") == 0
    far.open.set()
    until(lambda: shadow(remora, "remora_backend_requests_in_flight") == 0, "the end of the shadow calls")
    assert shadow(remora, "remora_backend_requests_total", code="5xx") == 4
    assert remora.metrics().value("remora_request_failures_total", error="timeout") == 0
    post(remora)
    until(lambda: len(far.asked("/shadow")) == 5, "one more")
    assert all(req.body == BODY and req.whole for req in far.asked("/shadow"))


def test_it_gives_up_by_its_own_clock(start, far):
    remora = start(fill(CONFIG, backend=far.backend.url, shadow_timeout="20ms"))
    post(remora)
    until(lambda: shadow(remora, "remora_backend_failures_total", error="timeout") == 1, "the shadow's time to end")
    assert shadow(remora, "remora_backend_requests_in_flight") == 0


def test_it_outlives_a_reload(start, far):
    remora = start(fill(CONFIG, backend=far.backend.url, shadow_timeout="300s"))
    post(remora)
    until(lambda: far.asked("/shadow"), "the shadow call")
    remora.config.write_text(remora.config.read_text() + "  - {endpoint: /more, backend: [{url_pattern: /real}]}\n")
    remora.signal(signal.SIGHUP)
    until(lambda: remora.ask("/more").status == 200, "the new configuration")
    far.open.set()
    until(lambda: shadow(remora, "remora_backend_requests_total", code="5xx") == 1, "its answer")
    post(remora)
    until(lambda: len(far.asked("/shadow")) == 2, "a shadow call of the new one")


@pytest.mark.parametrize("reload", [False, True])
def test_the_process_ends_without_it(start, far, reload):
    remora = start(fill(CONFIG, backend=far.backend.url, shadow_timeout="300s"))
    post(remora)
    until(lambda: far.asked("/shadow"), "the shadow call")
    if reload:
        remora.config.write_text(remora.config.read_text() + "  - {endpoint: /more, backend: [{url_pattern: /real}]}\n")
        remora.signal(signal.SIGHUP)
        until(lambda: remora.ask("/more").status == 200, "the new configuration")
    remora.signal(signal.SIGTERM)
    assert remora.wait_end() == 0
