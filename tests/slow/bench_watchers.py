"""What many sidecars cost the API server: 500 light watchers, limited by a label selector as remora's are or not, while a service is
rolled over. For sd/README.md. `python3 -m pytest -s tests/slow/bench_watchers.py`, on a quiet machine."""
# SPDX-License-Identifier: Apache-2.0
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from kit import process
from kit.waiting import until

from cluster import figures
from cluster.rollout import Rollout

WATCHERS = 500
PODS, SLICES, SECONDS = 100, 1, 7
QUIET_S = 20
NAMED, OTHER = "kubernetes.io/service-name in (cart,pay,stock)", "kubernetes.io/service-name in (pay,stock)"


class Watchers:
    def __init__(self, shop, selector, n):
        program = Path(__file__).parent / "cluster/watchers.py"
        credentials = shop.cluster.credentials
        self.process = subprocess.Popen(
            [sys.executable, str(program), shop.cluster.url, str(credentials.ca), shop.token(), shop.name, selector, str(n)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.now = {"open": 0, "events": 0, "bytes": 0}
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.now = json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(60)


class Cost:
    """Of the API server, between two moments."""

    def __init__(self, cluster, watchers):
        self.pid, self.watchers = cluster.apiserver.pid, watchers
        self.cpu, self.start, self.at = figures.seconds(self.pid), time.monotonic(), dict(watchers.now)

    def __str__(self):
        now = self.watchers.now
        return "%5.1f s of CPU in %4.1f s, RSS %4d MB, %6d events, %7.2f MB sent" % (
            figures.seconds(self.pid) - self.cpu,
            time.monotonic() - self.start,
            process.rss_kib(self.pid) >> 10,
            now["events"] - self.at["events"],
            (now["bytes"] - self.at["bytes"]) / 1e6,
        )


@pytest.mark.parametrize("selector", [NAMED, OTHER], ids=["named", "not-named"])
def test_watchers(shop, cluster, selector):
    with Rollout(shop, None, "cart", n=PODS, slices=SLICES, steps=40) as rollout:
        rss = process.rss_kib(cluster.apiserver.pid) >> 10
        with Watchers(shop, selector, WATCHERS) as watchers:
            joining = Cost(cluster, watchers)
            until(lambda: watchers.now["open"] == WATCHERS, "all watchers", deadline_s=120)
            lines = ["RSS before: %d MB" % rss, "joining:  %s" % joining]
            time.sleep(5)
            quiet = Cost(cluster, watchers)
            time.sleep(QUIET_S)
            lines.append("quiet:    %s" % quiet)
            rolling = Cost(cluster, watchers)
            rollout.run(seconds=SECONDS)
            time.sleep(3)
            lines.append("rollout:  %s" % rolling)
        with Watchers(shop, selector, 0) as nobody:
            time.sleep(5)
            alone = Cost(cluster, nobody)
            rollout.back(seconds=SECONDS)
            time.sleep(3)
            lines.append("nobody:   %s" % alone)
    print("\n## %d watchers, selector %s, rollout of %d pods, 40 changes (%s)" % (WATCHERS, selector, PODS, figures.machine()))
    print("\n".join(lines))
