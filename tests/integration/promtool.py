"""Slow tier: `promtool check metrics` has nothing to say. `./setup slow` fetches it into build/prometheus."""
# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import subprocess

from kit.backend import answer
from kit.gateway import fill
from kit.waiting import until
from kit.wire import ask
from test_counts import CONFIG

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def test_promtool_is_content(start, backend):
    promtool = shutil.which(os.path.join(ROOT, "build/prometheus/usr/bin/promtool")) or shutil.which("promtool")
    assert promtool, "./setup slow fetches promtool"
    far = backend(lambda peer, req: answer(b'{"a":1}'))
    remora = start(fill(CONFIG, workers=2, backend=far.url, timeout="3s", secret="x"))
    until(lambda: ask(remora.admin_port, "/startupz").status == 200, "all workers")
    assert remora.ask("/two/1").status == 200 and remora.ask("/dead").status == 500
    until(lambda: remora.metrics().value("remora_requests_total", endpoint="/dead") == 1, "its count")
    page = ask(remora.admin_port, "/metrics").body
    done = subprocess.run([promtool, "check", "metrics"], input=page, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"remora_backend_request_duration_seconds_bucket" in page
