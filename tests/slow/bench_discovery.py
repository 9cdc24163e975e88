"""Measurements of discovery against the real API server and CoreDNS, for tests/bench/README.md. Nothing here fails by a time, and
CTest runs none of it: `python3 -m pytest -s tests/slow/bench_discovery.py`, on a quiet machine."""
# SPDX-License-Identifier: Apache-2.0
import random
import signal
import time

import pytest
from kit import process
from kit.waiting import until

from cluster import figures
from cluster.dns import ADDRESS, Dns
from cluster.pods import pod_address
from cluster.recorder import Recorder
from cluster.rollout import Rollout
from cluster.shop import endpoint

A, B = pod_address(1), pod_address(2)
CHANGES = 200
OUTAGE_S = 60


def tell(title, *lines):
    print("\n## %s (%s)" % (title, figures.machine()))
    for line in lines:
        print(line)


def test_changed_endpoints(shop, pods, gateway, load):
    """From the API server's answer to a change until remora acts on it."""
    addresses = [pod_address(i) for i in range(1, 6)]
    pods.add(*addresses)
    shop.slice("cart-1", "cart", [endpoint(address) for address in addresses])
    one = gateway("cart:http")
    one.wait_pods(*addresses)
    chance = random.Random(4)
    removed, added = [], []
    with load(one, rate=500) as running:
        for i in range(CHANGES // 2):
            gone = addresses[i % len(addresses)]
            pod = pods[gone]
            shop.slice("cart-1", "cart", [endpoint(address) for address in addresses if address != gone])
            answered = time.monotonic()
            time.sleep(0.4 + chance.random() / 10)
            removed.append(max(0.0, pod.times[-1] - answered) * 1000)
            before = pod.count
            shop.slice("cart-1", "cart", [endpoint(address) for address in addresses])
            answered = time.monotonic()
            until(lambda: pod.count > before, "a request to %s" % gone, step_s=0.001)
            added.append(max(0.0, pod.times[before] - answered) * 1000)
            time.sleep(0.1 + chance.random() / 10)
    running.check()
    tell(
        "changed endpoints, %d changes at 500 requests/s" % CHANGES,
        "last request to a removed host:  " + figures.distribution(removed),
        figures.histogram(removed, 10),
        "first request to an added host:  " + figures.distribution(added),
        figures.histogram(added, 10),
        "requests: %d, failed: %d" % (len(running.results), len(running.failed())),
    )


def test_rollout_of_a_thousand_pods(shop, pods, gateway, load):
    with Rollout(shop, pods, "cart") as rollout:
        one = gateway("cart:http")
        with load(one, rate=200) as running:
            # Until as many connections are kept as ever will be.
            until(lambda: len(running.results) >= 3000 and len(running.by_pod()) >= 900, "requests to most pods")
            before, rss = figures.thread_seconds(one.pid), one.rss_kib()
            one.reset_peak()
            start = time.monotonic()
            rollout.run(seconds=7)
            took = time.monotonic() - start
            until(lambda: rollout.old.isdisjoint(r.pod for r in running.results[-100:]), "the end of the old pods")
            after, rss_after, peak = figures.thread_seconds(one.pid), one.rss_kib(), process.peak_kib(one.pid)
        tell(
            "1,000 pods in %d slices rolled over in %.1f s, %d events" % (len(rollout.parts), took, len(rollout.parts) * rollout.steps),
            *("CPU of thread %-16s %.2f s" % (name, after[name] - before.get(name, 0)) for name in sorted(after)),
            "RSS: %d KiB before, %d after (%+d), peak %d" % (rss, rss_after, rss_after - rss, peak),
            "requests: %d, failed: %d" % (len(running.results), len(running.failed())),
        )


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_without_an_api_server(shop, pods, gateway, cluster, load, how):
    pods.add(A, B)
    shop.slice("cart-1", "cart", [endpoint(A), endpoint(B)])
    one = gateway("cart:http")
    one.wait_pods(A, B)
    with load(one, rate=400) as running:
        if how == "killed":
            cluster.apiserver.kill()
        else:
            cluster.apiserver.signal(signal.SIGSTOP)
        time.sleep(OUTAGE_S)
        if how == "killed":
            cluster.start_api()
        else:
            cluster.apiserver.signal(signal.SIGCONT)
            cluster.wait_ready()
        shop.slice("cart-1", "cart", [endpoint(B)])
        back = time.monotonic()
        until(lambda: running.by_pod(since=time.monotonic() - 0.2)[A] == 0, "the news", deadline_s=200)
        news = time.monotonic() - back
    tell(
        "API server %s for %d s, 400 requests/s" % (how, OUTAGE_S),
        "requests: %d, failed: %d" % (len(running.results), len(running.failed())),
        "a change after its return was used %.1f s later" % news,
    )


def test_without_a_dns_server(shop, pods, gateway, cluster, load, tmp_path):
    pods.add(A, B)
    with Dns(cluster, tmp_path) as dns:
        dns.write_zone("".join("_h._tcp IN SRV 0 1 8080 h%d\nh%d IN A %s\n" % (i, i, a) for i, a in enumerate((A, B))))
        one = gateway("_h._tcp.shop.test", provider="dns", dns={"servers": [ADDRESS]})
        one.wait_pods(A, B)
        with load(one, rate=400) as running:
            dns.program.signal(signal.SIGSTOP)
            time.sleep(OUTAGE_S)
            dns.program.signal(signal.SIGCONT)
            time.sleep(5)
    tell(
        "DNS server silent for %d s, 400 requests/s, TTL 2 s" % OUTAGE_S,
        "requests: %d, failed: %d" % (len(running.results), len(running.failed())),
    )


def test_a_rollout_that_the_configuration_does_not_name(shop, pods, gateway, cluster):
    pods.add(A)
    shop.slice("cart-1", "cart", [endpoint(A)])
    with Recorder(cluster) as between, Rollout(shop, None, "other") as rollout:
        one = gateway("cart:http", own={"api_server": between.url})
        one.wait_pods(A)
        before, cpu = between.bytes_down, figures.seconds(one.pid)
        rollout.run(seconds=7)
        time.sleep(1)
        tell(
            "rollout of 1,000 pods of a service that is not named",
            "events: %s, bytes to remora: %d, CPU of remora: %.2f s"
            % (dict(between.events), between.bytes_down - before, figures.seconds(one.pid) - cpu),
        )
