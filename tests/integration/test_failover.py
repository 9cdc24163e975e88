"""Backends that are killed, drained, frozen and started again under load: nobody who may be asked again notices, and
no POST arrives twice. REMORA_TEST_DOWN and REMORA_TEST_RATE: how long each of the three is away, and how many requests
a second there are; 2 and 400 are the project's bar."""
# SPDX-License-Identifier: Apache-2.0
import asyncio
import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from kit.gateway import fill
from kit.host import Host
from kit.waiting import DEADLINE_S, SANITIZED, until

DOWN_S = float(os.environ.get("REMORA_TEST_DOWN") or 0.8)
RATE = float(os.environ.get("REMORA_TEST_RATE") or (40 if SANITIZED else 150))
CLIENTS = 20

CONFIG = """
version: 3
timeout: 10s
listen_ip: 127.0.0.1
host: [$hosts]
endpoints:
  - endpoint: /get
    backend: [{url_pattern: /get, extra_config: {remora: {$own}}}]
  - endpoint: /merge
    backend: [{url_pattern: /a, group: a, extra_config: {remora: {$own}}}, {url_pattern: /b, group: b}]
  - endpoint: /noop
    output_encoding: no-op
    backend: [{url_pattern: /noop, extra_config: {remora: {$own}}}]
  - endpoint: /post/{id}
    method: POST
    backend: [{url_pattern: "/post/{id}", extra_config: {remora: {$own}}}]
"""


@pytest.fixture
def hosts(tmp_path):
    made = [Host(tmp_path) for _ in range(3)]
    yield made
    for one in made:
        one.kill()


class Load:
    """Clients on connections that are kept, each with its share of the rate, until stop()."""

    def __init__(self, port):
        self.port, self.stopping = port, False
        self.failed, self.fine, self.posts = [], 0, []

    async def ask(self, reader, writer, method, target):
        length = b"Content-Length: 2\r\n\r\nhi" if method == "POST" else b"\r\n"
        writer.write(b"%s %s HTTP/1.1\r\nHost: a.test\r\n%s" % (method.encode(), target.encode(), length))
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:-2])
        body = await reader.readexactly(int(fields["content-length"]))
        merged = target != "/merge" or fields.get("x-krakend-completed") == "true"
        return head.startswith(b"HTTP/1.1 200 ") and b'"port":' in body and merged, head + body

    async def client(self, number):
        loop = asyncio.get_running_loop()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        count, begun = 0, loop.time()
        while not self.stopping:
            await asyncio.sleep(max(0, begun + (count + number / CLIENTS) * CLIENTS / RATE - loop.time()))
            kind = count % 4
            target = ("/get", "/merge", "/noop", "/post/%d-%d" % (number, count))[kind]
            good, answer = await self.ask(reader, writer, "POST" if kind == 3 else "GET", target)
            self.fine += good
            if kind == 3:
                self.posts.append((target, good))
            elif not good:
                self.failed.append((target, answer))
            count += 1
        writer.close()

    async def run(self, scenario):
        clients = [asyncio.create_task(self.client(i)) for i in range(CLIENTS)]
        try:
            await scenario()
        finally:
            self.stopping = True
            await asyncio.wait_for(asyncio.gather(*clients), DEADLINE_S)


async def kill(host):
    await asyncio.to_thread(host.kill)
    await asyncio.sleep(DOWN_S)
    await asyncio.to_thread(host.start)


async def drain(host):
    host.signal(signal.SIGTERM)
    await asyncio.to_thread(host.wait)
    await asyncio.sleep(DOWN_S)
    await asyncio.to_thread(host.start)


async def freeze(host):
    host.signal(signal.SIGSTOP)
    await asyncio.sleep(DOWN_S)
    host.signal(signal.SIGCONT)


# A host that accepts and does not answer is told by its time alone; a dead one tells of itself.
CASES = [
    (kill, "balancer: round_robin"),
    (kill, "balancer: least_request"),
    (kill, "balancer: hash, hash_on: client_ip"),
    (drain, "balancer: round_robin"),
    (freeze, "retry: {attempt_timeout: 250ms}, eject: {after: 1}"),
]


NAMES = ["%s-%s" % (fault.__name__, own.split()[1].rstrip(",")) for fault, own in CASES]


@pytest.mark.parametrize("fault,own", CASES, ids=NAMES)
def test_each_of_three_hosts_goes_and_comes(fault, own, hosts, start):
    names = ", ".join("http://127.0.0.1:%d" % one.port for one in hosts)
    remora = start(fill(CONFIG, hosts=names, own=own), workers=2)
    load = Load(remora.port)

    async def scenario():
        await asyncio.sleep(0.3)
        for host in hosts:
            await fault(host)
        await asyncio.sleep(0.5)

    asyncio.run(load.run(scenario))
    print("%d fine, %d of %d POSTs failed" % (load.fine, sum(not good for _, good in load.posts), len(load.posts)))
    assert load.fine > RATE * DOWN_S  # there was load
    assert not load.failed, (len(load.failed), load.failed[:3])
    seen = Counter(target for one in hosts for target in one.posts())
    assert all(times == 1 for times in seen.values()), [each for each in seen.items() if each[1] > 1]
    assert all(seen[target] == 1 for target, good in load.posts if good)
    if fault is kill:
        assert "host taken out" in remora.log() and "host is back" in remora.log()


def test_a_single_host_that_starts_anew(hosts, start):
    """Refused by the only host: asked again a little later, a POST too, as nothing was sent; none arrives twice."""
    host = hosts[0]
    remora = start(fill(CONFIG, hosts="http://127.0.0.1:%d" % host.port, own="retry: {attempts: 10}"), workers=1)
    host.kill()
    assert remora.ask("/get").status == 500
    asked = []

    def is_answered():
        asked.append("/post/%d" % len(asked))
        return remora.ask(asked[-1], method="POST", body=b"hi").status == 200

    with ThreadPoolExecutor() as pool:
        answered = pool.submit(until, is_answered, "an answer of the new life")
        host.start()
        answered.result()
    assert host.posts() == asked[-1:]


def test_retries_can_be_switched_off(hosts, start):
    names = ", ".join("http://127.0.0.1:%d" % one.port for one in hosts)
    remora = start(fill(CONFIG, hosts=names, own="retry: false, eject: false"), workers=1)
    hosts[0].kill()
    assert Counter(remora.ask("/get").status for _ in range(30)) == {200: 20, 500: 10}
