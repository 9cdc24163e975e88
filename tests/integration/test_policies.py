"""Policies over the wire: what is turned away and how, one number for all workers, kept over a reload."""
# SPDX-License-Identifier: Apache-2.0
import signal
import threading

import pytest

from kit.backend import answer
from kit.gateway import fill
from kit.waiting import until

CONFIG = """
version: 3
timeout: 30s
listen_ip: 127.0.0.1
host: ["$backend"]
extra_config:
  remora: {admin: {listen: "127.0.0.1:$$admin"}}
  router: {return_error_msg: true}
endpoints:
  - endpoint: /v/$n
    backend: [{url_pattern: /}]
  - endpoint: /rate
    extra_config: {qos/ratelimit/router: {max_rate: $rate, every: 1h, capacity: 5}}
    backend: [{url_pattern: /}]
  - endpoint: /client
    input_headers: [X-Who]
    extra_config: {qos/ratelimit/router: {client_max_rate: 1, every: 1h, client_capacity: 3, strategy: header, key: X-Who}}
    backend: [{url_pattern: /}]
  - endpoint: /backend
    backend:
      - url_pattern: /
        extra_config: {qos/ratelimit/proxy: {max_rate: 1, every: 1h, capacity: 2}}
  - endpoint: /bots
    extra_config: {security/bot-detector: {deny: [Evil], empty_user_agent_is_bot: true}}
    backend: [{url_pattern: /}]
  - endpoint: /breaker
    backend:
      - url_pattern: /bad
        extra_config: {qos/circuit-breaker: {interval: 600, timeout: 600, max_errors: 3, name: far, log_status_change: true}}
"""


@pytest.fixture(params=[1, 4])
def gateway(request, start, backend):
    def script(peer, req):
        return answer("{}", "500 Internal Server Error") if req.target == "/bad" else answer('{"a":1}')

    far = backend(script)
    remora = start(fill(CONFIG, backend=far.url, n=1, rate=1), workers=request.param)
    remora.far = far

    def reload(n, rate):
        remora.config.write_text(fill(CONFIG, backend=far.url, n=n, rate=rate).replace("$admin", str(remora.admin_port)))
        remora.signal(signal.SIGHUP)
        until(lambda: remora.ask("/v/%d" % n).status == 200, "the reload")

    remora.reload = reload
    return remora


def crowd(remora, target, n, *fields):
    """n requests, eight at a time on connections of their own, so that every worker has some."""
    said, lock = [], threading.Lock()

    def run():
        for _ in range(n // 8):
            one = remora.ask(target, *fields)
            with lock:
                said.append(one)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == n
    return said


def counted(remora, name, n, **labels):
    until(lambda: remora.metrics().value(name, **labels) == n, "%s %s to be %s" % (name, labels, n))


def test_one_bucket_for_all_workers(gateway):
    said = crowd(gateway, "/rate", 40)
    refused = [one for one in said if one.status != 200]
    assert len(refused) == 35
    for one in refused:
        assert one.status == 503 and one.body == b"" and one.header("X-Krakend") is None
        assert 0 < int(one.header("Retry-After")) <= 3600
    counted(gateway, "remora_request_failures_total", 35, endpoint="/rate", error="rate_limit")
    counted(gateway, "remora_requests_total", 35, endpoint="/rate", code="5xx")


def test_one_bucket_a_client(gateway):
    for who in "ann", "bob":
        said = crowd(gateway, "/client", 16, "X-Who: " + who)
        assert sorted(one.status for one in said) == [200] * 3 + [429] * 13
        assert all(one.header("Retry-After") for one in said if one.status == 429)
    nobody = gateway.ask("/client")
    assert nobody.status == 429 and nobody.header("Retry-After") is None
    counted(gateway, "remora_request_failures_total", 27, endpoint="/client", error="rate_limit")


def test_a_backends_bucket(gateway):
    said = crowd(gateway, "/backend", 16)
    assert sorted(one.status for one in said) == [200] * 2 + [500] * 14
    assert {one.body for one in said if one.status == 500} == {b"rate limit exceeded"}
    counted(gateway, "remora_backend_failures_total", 14, endpoint="/backend", error="rate_limit")
    assert len(gateway.far.requests) == 2


def test_an_empty_bucket_stays_empty_over_a_reload(gateway):
    crowd(gateway, "/rate", 8)
    crowd(gateway, "/client", 8, "X-Who: ann")
    gateway.reload(2, 1)
    assert gateway.ask("/rate").status == 503
    assert gateway.ask("/client", "X-Who: ann").status == 429
    assert gateway.ask("/client", "X-Who: bob").status == 200
    gateway.reload(3, 100000)  # the new rate fills it within a moment
    until(lambda: gateway.ask("/rate").status == 200, "a token of the new rate")


def test_one_breaker_for_all_workers_kept_over_a_reload(gateway):
    state = dict(endpoint="/breaker", backend="0")
    assert gateway.metrics().value("remora_backend_circuit_state", state="closed", **state) == 1
    for _ in range(4):
        assert gateway.ask("/breaker").body == b"invalid status code 500"
    said = crowd(gateway, "/breaker", 16)
    assert {(one.status, one.body) for one in said} == {(500, b"circuit breaker is open")}
    counted(gateway, "remora_backend_failures_total", 16, error="circuit_open", **state)
    gateway.reload(2, 1)
    assert gateway.ask("/breaker").body == b"circuit breaker is open"
    assert [req.target for req in gateway.far.requests].count("/bad") == 4
    metrics = gateway.metrics()
    assert metrics.value("remora_backend_circuit_state", state="open", **state) == 1
    assert metrics.value("remora_backend_circuit_state", **state) == 1
    lines = [line for line in gateway.log().splitlines() if "circuit breaker" in line and "from=" in line]
    assert len(lines) == 1
    assert 'name="far" endpoint="GET /breaker" backend=0 from=closed to=open' in lines[0]


def test_bots_of_an_endpoint(gateway):
    """403 without a body, none of KrakenD's headers, and the backend is not asked; others are not looked at."""
    got = gateway.ask("/bots", "User-Agent: Evil")
    assert (got.status, got.body, got.header("x-krakend")) == (403, b"", None)
    assert gateway.ask("/bots").status == 403
    assert gateway.far.requests == []
    assert gateway.ask("/bots", "User-Agent: Good").status == 200
    assert gateway.ask("/v/1", "User-Agent: Evil").status == 200


def test_bots_of_the_service(start, backend):
    far = backend(lambda peer, req: answer('{"a":1}'))
    text = fill(CONFIG, backend=far.url, n=1, rate=1)
    remora = start(text.replace("extra_config:\n  remora", "extra_config:\n  security/bot-detector: {patterns: [Evil]}\n  remora", 1))
    assert remora.ask("/v/1", "User-Agent: An Evil one").status == 403
    assert remora.ask("/none", "User-Agent: An Evil one").status == 403
    assert remora.ask("/v/1", "User-Agent: A good one").status == 200
