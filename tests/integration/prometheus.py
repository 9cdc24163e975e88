"""Slow tier: Prometheus reads the metrics, and its checker has nothing to say. `./setup slow` fetches both into build/prometheus."""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from kit.backend import answer
from kit.gateway import fill
from kit.waiting import until
from kit.wire import ask
from test_counts import CONFIG

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def program(name):
    path = shutil.which(os.path.join(ROOT, "build/prometheus/usr/bin", name)) or shutil.which(name)
    assert path, "./setup slow fetches " + name
    return path


def test_promtool_is_content(start, backend):
    far = backend(lambda peer, req: answer(b'{"a":1}'))
    remora = start(fill(CONFIG, workers=2, backend=far.url, timeout="3s", secret="x"))
    until(lambda: ask(remora.admin_port, "/startupz").status == 200, "all workers")
    assert remora.ask("/two/1").status == 200 and remora.ask("/dead").status == 500
    until(lambda: remora.metrics().value("remora_requests_total", endpoint="/dead") == 1, "its count")
    page = ask(remora.admin_port, "/metrics").body
    done = subprocess.run([program("promtool"), "check", "metrics"], input=page, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"remora_backend_request_duration_seconds_bucket" in page


SCRAPE = """
global: {scrape_interval: 200ms, scrape_timeout: 200ms}
scrape_configs:
  - job_name: remora
    static_configs: [{targets: ["127.0.0.1:%d"]}]
"""


def test_prometheus_scrapes(start, backend, tmp_path):
    far = backend(lambda peer, req: answer(b'{"a":1}'))
    remora = start(fill(CONFIG, workers=2, backend=far.url, timeout="3s", secret="x"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "prometheus.yml").write_text(SCRAPE % remora.admin_port)
    command = [program("prometheus"), "--config.file", tmp_path / "prometheus.yml", "--storage.tsdb.path", tmp_path / "data",
               "--web.listen-address", "127.0.0.1:%d" % port]

    def value(query):
        url = "http://127.0.0.1:%d/api/v1/query?%s" % (port, urllib.parse.urlencode({"query": query}))
        try:
            with urllib.request.urlopen(url, timeout=10) as got:
                found = json.load(got)["data"]["result"]
        except (urllib.error.URLError, ConnectionError):
            return None  # it starts
        return float(found[0]["value"][1]) if found else None

    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as prometheus:
        try:
            until(lambda: value("up") == 1, "a scrape that went well")
            for i in range(50):
                assert remora.ask("/two/%d" % i).status == 200
            until(lambda: value('remora_requests_total{endpoint="/two/{id}",code="2xx"}') == 50, "the requests in Prometheus")
            quantile = "histogram_quantile(0.5, sum by (le) (rate(remora_request_duration_seconds_bucket[1m])))"
            until(lambda: value(quantile) is not None and value(quantile) > 0, "a quantile of them")
            assert value("scrape_samples_scraped") > 100
        finally:
            prometheus.terminate()
