"""The log as a machine reads it: JSON lines that no client can forge, trace ids, and a reader that does not read."""
# SPDX-License-Identifier: Apache-2.0
import json
import re

import pytest

from kit.backend import answer
from kit.gateway import fill
from kit.waiting import until

CONFIG = """
version: 3
timeout: 300s
listen_ip: 127.0.0.1
host: ["$backend"]
extra_config:
  remora: {workers: 1, admin: {listen: false}}
  telemetry/logging: {level: INFO, prefix: "[R]", format: $format}
endpoints:
  - endpoint: /a/{id}
    backend: [{url_pattern: "/{id}"}]
  - endpoint: /dead
    backend: [{url_pattern: "/?token=sesame", host: ["http://127.0.0.1:1"]}]
"""
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "traceparent: 00-%s-b7ad6b7169203331-01" % TRACE


def lines_with(remora, what, n):
    return until(lambda: (lambda found: found if len(found) >= n else None)(
        [line for line in remora.log().splitlines() if what in line]), "%d lines of %s" % (n, what))


@pytest.fixture
def far(backend):
    return backend(lambda peer, req: answer(b'{"a":1}'))


def test_logstash_lines(start, far):
    remora = start(fill(CONFIG, backend=far.url, format="logstash"))
    hostile = "/a/%22,%22level%22:%22CRITICAL%5c"
    for target in ("/a/1", hostile, "/a/\xff", "/dead?token=open-sesame"):
        remora.ask(target, "Authorization: Bearer sesame", "Cookie: id=sesame")
    lines_with(remora, "path=/dead", 1)
    lines_with(remora, "backend failed", 1)
    for line in remora.log().splitlines():
        entry = json.loads(line)
        assert set(entry) == {"@timestamp", "@version", "level", "module", "message"}
        assert entry["@version"] == 1 and entry["module"] == "[R]"
        assert entry["level"] in ("INFO", "WARNING")
    assert "sesame" not in remora.log()


@pytest.mark.parametrize("format", ["default", "logstash"])
def test_traces_are_passed_on_and_named(start, far, format):
    remora = start(fill(CONFIG, backend=far.url, format=format))
    assert remora.ask("/a/1", PARENT, "tracestate: x=1", "X-Other: 1").status == 200
    assert remora.ask("/a/2", "traceparent: 00-nonsense status=200").status == 200
    remora.ask("/dead", PARENT)
    access = lines_with(remora, "path=/a/", 2) + lines_with(remora, "path=/dead", 1)
    assert "trace_id=" + TRACE in access[0] and "trace_id" not in access[1] and "trace_id=" + TRACE in access[2]
    assert "trace_id=" + TRACE in lines_with(remora, "backend failed", 1)[0]
    first = far.requests[0]
    assert first.values("traceparent") == [PARENT.split(": ")[1]] and first.values("tracestate") == ["x=1"]
    assert first.values("x-other") == []


def test_access_lines_of_text(start, far):
    remora = start(fill(CONFIG, backend=far.url, format="default"))
    assert remora.ask("/a/1").status == 200
    line = lines_with(remora, "path=/a/1", 1)[0]
    assert re.match(r"\S+Z INFO \[R\] request method=GET path=/a/1 status=200 duration_ms=\d+\.\d{3} bytes=7 client=127\.0\.0\.1\Z", line)
