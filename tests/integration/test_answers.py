"""extra_config.remora at endpoints and backends: how answers are merged, which must be there, how long is waited, what a failure is."""
# SPDX-License-Identifier: Apache-2.0
import json
import threading

import pytest

from kit.backend import answer

A = {"id": 1, "tags": ["a"], "price": {"net": 1, "list": [1]}}
B = {"id": 2, "tags": ["b"], "price": {"gross": 2, "list": [2]}}


class Far:
    """Answers by path: /a and /b as said, /held when it is let go, /NNN with that status, /reset and /bad not well."""

    def __init__(self):
        self.go = threading.Event()

    def script(self, peer, req):
        name = req.target.strip("/")
        if name in ("a", "b"):
            return answer(json.dumps({"a": A, "b": B}[name]))
        if name == "held":
            self.go.wait(30)
            return answer('{"held": 1}')
        if name == "reset":
            peer.reset()
            return None
        if name == "bad":
            return answer("no json")
        return answer('{"said": "no"}', name + " No")


@pytest.fixture
def gateway(start, backend):
    fars = []

    def begin(endpoint, *backends, workers=1, service=None):
        far = Far()
        fars.append(far)
        peer = backend(far.script)
        config = {
            "version": 3,
            "timeout": "20s",
            "listen_ip": "127.0.0.1",
            "host": [peer.url],
            "endpoints": [{"endpoint": "/x", "backend": list(backends), **endpoint}],
            **(service or {}),
        }
        remora = start(json.dumps(config), workers=workers)
        remora.far = far
        return remora

    yield begin
    for far in fars:
        far.go.set()


def own(**keys):
    return {"extra_config": {"remora": keys}}


def asks(path, **keys):
    return {"url_pattern": "/" + path, **(own(**keys) if keys else {})}


def said(got):
    return got.status, json.loads(got.body) if got.body else None, got.completed


# ------------------------------------------------------------ merge


@pytest.mark.parametrize(
    "rule, expected",
    [
        (None, B),
        ("last", B),
        ("first", A),
        ("deep", {"id": 2, "tags": ["b"], "price": {"net": 1, "list": [2], "gross": 2}}),
        ("append", {"id": 2, "tags": ["a", "b"], "price": {"net": 1, "list": [1, 2], "gross": 2}}),
    ],
)
@pytest.mark.parametrize("sequential", [False, True])
def test_merge(gateway, rule, expected, sequential):
    endpoint = own(merge=rule) if rule else {"extra_config": {}}
    endpoint["extra_config"]["proxy"] = {"sequential": sequential}
    remora = gateway(endpoint, asks("a"), asks("b"))
    for _ in range(3):
        assert said(remora.ask("/x")) == (200, expected, "true")


def test_the_order_is_the_configurations_not_the_answers(gateway):
    remora = gateway(own(merge="append"), asks("b"), asks("a"), asks("b"))
    assert json.loads(remora.ask("/x").body)["tags"] == ["b", "a", "b"]


# ------------------------------------------------------------ required


def test_a_required_backend_that_fails_is_the_endpoints_failure(gateway):
    remora = gateway({}, asks("a"), asks("500", required=True))
    assert said(remora.ask("/x")) == (500, None, "false")
    remora = gateway({}, asks("a", required=True), asks("500"))
    assert said(remora.ask("/x")) == (200, A, "false")
    remora = gateway({}, asks("a", required=True), asks("b", required=True))
    assert said(remora.ask("/x")) == (200, B, "true")


def test_static_data_is_no_answer_of_a_required_backend(gateway):
    static = {"extra_config": {"proxy": {"static": {"strategy": "always", "data": {"s": 1}}}}}
    assert gateway(static, asks("500")).ask("/x").status == 200
    assert gateway(static, asks("500", required=True)).ask("/x").status == 500
    assert gateway(static, asks("a"), asks("500", required=True)).ask("/x").status == 500


def test_required_behind_one_that_fails_in_a_sequence(gateway):
    sequence = {"extra_config": {"proxy": {"sequential": True}}}
    assert said(gateway(sequence, asks("a"), asks("500"), asks("b")).ask("/x")) == (200, A, "false")
    assert said(gateway(sequence, asks("a"), asks("500"), asks("b", required=True)).ask("/x")) == (500, None, "false")


# ------------------------------------------------------------ soft deadline


def test_after_the_soft_deadline_what_is_there_is_enough(gateway):
    remora = gateway(own(soft_deadline="50ms"), asks("a"), asks("held"))
    got = remora.ask("/x") # the other one is never let go: only the soft deadline ends this
    assert said(got) == (200, A, "false")


def test_before_anything_is_there_the_soft_deadline_ends_nothing(gateway):
    remora = gateway(own(soft_deadline="1ms"), asks("held"), asks("held"))
    threading.Timer(0.2, remora.far.go.set).start()
    assert remora.ask("/x").status == 200


def test_a_required_one_is_waited_for(gateway):
    remora = gateway(own(soft_deadline="1ms"), asks("a"), asks("held", required=True))
    threading.Timer(0.2, remora.far.go.set).start()
    assert said(remora.ask("/x")) == (200, A | {"held": 1}, "true")


def test_in_time_nothing_changes(gateway):
    remora = gateway(own(soft_deadline="10s"), asks("a"), asks("b"))
    assert said(remora.ask("/x")) == (200, B, "true")


# ------------------------------------------------------------ status

HONEST = own(status="honest")


@pytest.mark.parametrize("path, status", [("404", 404), ("429", 429), ("401", 401), ("500", 502), ("302", 502), ("503", 502), ("reset", 502), ("bad", 502)])
def test_a_failure_says_what_happened(gateway, path, status):
    got = gateway(HONEST, asks(path)).ask("/x")
    assert (got.status, got.body) == (status, b"")
    assert gateway({}, asks(path)).ask("/x").status == 500
    assert gateway(HONEST, asks(path), asks(path)).ask("/x").status == status
    assert gateway(HONEST, asks("a", required=True), asks(path)).ask("/x").status == 200


def test_a_timeout_is_504(gateway):
    remora = gateway({**HONEST, "timeout": "50ms"}, asks("held"))
    assert remora.ask("/x").status == 504


def test_without_a_host_503(gateway):
    assert gateway(HONEST, asks("a"), service={"host": []}).ask("/x").status == 503


def test_of_several_failures_the_first_backends(gateway):
    assert gateway(HONEST, asks("404"), asks("500")).ask("/x").status == 404
    assert gateway(HONEST, asks("500"), asks("404")).ask("/x").status == 502
    assert gateway(HONEST, asks("500"), asks("404", required=True)).ask("/x").status == 404


def test_the_text_is_still_remoras_own(gateway):
    """A backend's status is passed on, its body only where return_error_code says so."""
    service = {"extra_config": {"router": {"return_error_msg": True}}}
    got = gateway(HONEST, asks("404"), service=service).ask("/x")
    assert (got.status, got.body) == (404, b"invalid status code 404")
    code = {"url_pattern": "/404", "extra_config": {"backend/http": {"return_error_code": True}}}
    got = gateway(HONEST, code, service=service).ask("/x")
    assert (got.status, got.body) == (404, b'{"said": "no"}')


def test_a_stream_that_fails_before_its_head(gateway):
    got = gateway({**HONEST, "output_encoding": "no-op"}, asks("reset")).ask("/x")
    assert got.status == 502
