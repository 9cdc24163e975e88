"""Slow tier: 200,000 requests with reloads, timeouts, hang-ups and shadow calls; memory at the end is what it was after the first tenth."""
# SPDX-License-Identifier: Apache-2.0
import os
import signal
import threading

from kit.backend import answer
from kit.gateway import fill
from kit.waiting import DEADLINE_S, until
from kit.wire import request

REQUESTS = int(os.environ.get("REMORA_TEST_SOAK", "200000"))
CLIENTS = 8
ROUND = 2000  # between two reloads
CONFIG = """
version: 3
timeout: 20s
listen_ip: 127.0.0.1
host: ["$backend"]
extra_config:
  remora: {workers: 2, admin: {listen: "127.0.0.1:$$admin"}}
  telemetry/logging: {level: ERROR}
endpoints:
  - endpoint: /two/{id}
    backend:
      - url_pattern: "/a/{id}"
      - url_pattern: "/b/{id}"
      - {url_pattern: "/shadow/{id}", extra_config: {proxy: {shadow: true, shadow_timeout: 50ms}}}
  - endpoint: /late
    timeout: 20ms
    backend: [{url_pattern: /never}]
  - endpoint: /never
    backend: [{url_pattern: /never}]
"""


def client(remora, n, failed):
    """n requests: most go well, one in 100 runs into its time, one in 100 is hung up."""
    left = n
    while left > 0:
        with remora.wire() as wire:
            for i in range(min(left, 99)):
                late = i == 50
                wire.send(request("GET %s HTTP/1.1" % ("/late" if late else "/two/%d" % i)))
                status = wire.answer().status
                left -= 1
                if (status == 200) == late:
                    failed.append(status)
            wire.send(request("GET /never HTTP/1.1"))
            left -= 1


def test_memory_stands_still(start, backend):
    held = threading.Event()

    def script(peer, req):
        if req.target == "/never":
            held.wait(1)  # the call has long been given up
            return None
        return answer(b'{"%s":1}' % req.target[1].encode())

    far = backend(script)
    remora = start(fill(CONFIG, backend=far.url))
    text, first, failed = remora.config.read_text(), None, []
    for done in range(0, REQUESTS, ROUND):
        threads = [threading.Thread(target=client, args=(remora, ROUND // CLIENTS, failed)) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        more = "  - {endpoint: /more%d, backend: [{url_pattern: /a}]}\n" % done
        remora.config.write_text(text + more if done // ROUND % 4 else "this: [is no configuration")
        remora.signal(signal.SIGHUP)
        for thread in threads:
            thread.join(DEADLINE_S * 10)
        far.forget()
        if first is None and done + ROUND >= REQUESTS // 10:
            first = remora.rss_kib()
    assert not failed
    until(lambda: remora.metrics().value("remora_requests_in_flight") == 0, "the end of all requests")
    assert remora.metrics().value("remora_config_reloads_total", result="success") > 0
    last = remora.rss_kib()
    print("RSS after a tenth %d KiB, at the end %d KiB" % (first, last))
    assert last <= first + max(first * 2 // 100, 512), "%d KiB after a tenth, %d KiB at the end" % (first, last)
