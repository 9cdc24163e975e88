"""sd: dns against NSD, a DNS server that nobody here has written: a zone file with weights, priorities, TTLs and more records
than a datagram holds, changed by a new serial and a reload. `./setup test` fetches it into build/nsd."""
# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import signal
import socket
import subprocess

import pytest

from kit.gateway import fill, free_port
from kit.tally import Tally
from kit.waiting import SANITIZED, until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NSD = next(
    (
        path
        for path in (os.path.join(ROOT, "build/nsd/usr/sbin/nsd"), shutil.which("nsd"), "/usr/sbin/nsd")
        if path and os.access(path, os.X_OK)
    ),
    None,
)
pytestmark = pytest.mark.skipif(not NSD, reason="no nsd: ./setup test fetches it")

CONFIG = """
version: 3
timeout: 10s
listen_ip: 127.0.0.1
extra_config:
  remora:
    dns: {servers: ["127.0.0.1:$dns"]}
endpoints:
  - endpoint: /shop
    backend:
      - url_pattern: /shop
        sd: dns
        host: [_http._tcp.shop.test]
  - endpoint: /many
    backend:
      - url_pattern: /many
        sd: dns
        host: [_many._tcp.shop.test]
"""
SERVER = """
server:
    ip-address: 127.0.0.1@$port
    server-count: 1
    username: ""
    chroot: ""
    database: ""
    zonesdir: "$folder"
    pidfile: "$folder/nsd.pid"
    zonelistfile: "$folder/zone.list"
    xfrdfile: "$folder/xfrd.state"
    xfrdir: "$folder"
remote-control:
    control-enable: no
zone:
    name: shop.test
    zonefile: shop.test.zone
"""
ZONE = """$$ORIGIN shop.test.
@ 3600 IN SOA ns.shop.test. hosts.shop.test. $serial 3600 600 86400 1
@ 3600 IN NS ns.shop.test.
ns 3600 IN A 127.0.0.1
$records
"""
MANY = 120
REQUESTS = 3000 if not SANITIZED else 600


class Nsd:
    def __init__(self, folder):
        self.folder, self.serial = folder, 0
        self.conf, self.log_path = folder / "nsd.conf", folder / "nsd.log"

    def write(self, *records):
        self.serial += 1
        new = self.folder / "new.zone"
        new.write_text(fill(ZONE, serial=self.serial, records="\n".join(records)))
        new.rename(self.folder / "shop.test.zone")

    def start(self):
        for _ in range(5):
            self.port = free_port()
            self.conf.write_text(fill(SERVER, port=self.port, folder=self.folder))
            with open(self.log_path, "wb") as log:
                self.process = subprocess.Popen([NSD, "-d", "-c", str(self.conf)], stdout=log, stderr=log)
            if until(lambda: self.process.poll() is not None or self.answers(), "NSD") and self.process.poll() is None:
                return
        raise AssertionError("NSD does not start:\n" + self.log_path.read_text())

    def answers(self):
        query = b"\0\1\0\0\0\1\0\0\0\0\0\0\4shop\4test\0\0\6\0\1"  # its SOA
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.2)
            try:
                sock.connect(("127.0.0.1", self.port))
                sock.send(query)
                return len(sock.recv(512)) > len(query)
            except OSError:
                return False

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(30)


@pytest.fixture
def nsd(tmp_path):
    one = Nsd(tmp_path)
    yield one
    one.stop()


@pytest.fixture
def tally():
    with Tally("abcd") as one:
        yield one


def srv(tally, ttl, priority, weight, name, service="_http._tcp", target=None):
    return "%s %d IN SRV %d %d %d %s" % (service, ttl, priority, weight, tally.ports[name], target or name)


def shares(remora, tally):
    before = dict(tally.counts)
    assert tally.ask(remora.port, "/shop", REQUESTS) == {200: REQUESTS}
    return {name: (count - before[name]) / REQUESTS for name, count in tally.counts.items()}


def test_a_zone_of_nsd(start, nsd, tally):
    addresses = ["%s 9 IN A 127.0.0.1" % name for name in "abcd"]
    many = [srv(tally, 7, 0, 1, "a", "_many._tcp", "pod%03d" % i) for i in range(MANY)]
    many += ["pod%03d 60 IN A 127.0.0.1" % i for i in range(MANY)]
    nsd.write(
        srv(tally, 1, 10, 1, "a"), srv(tally, 1, 10, 2, "b"), srv(tally, 1, 10, 0, "c"), srv(tally, 1, 20, 1, "d"),
        *addresses, *many,
    )
    nsd.start()
    remora = start(fill(CONFIG, dns=nsd.port), workers=1)

    # Weights 1:2:0; the second priority is not used.
    found = shares(remora, tally)
    for name, share in (("a", 1 / 3), ("b", 2 / 3), ("c", 0), ("d", 0)):
        assert abs(found[name] - share) <= 0.03, found
    assert 'source="dns:_http._tcp.shop.test" hosts=4 ' in remora.log(), remora.log()

    # 120 records: no datagram holds them, NSD says so, and they come by TCP. Each is a host.
    assert 'source="dns:_many._tcp.shop.test" hosts=%d ' % MANY in remora.log(), remora.log()
    assert tally.ask(remora.port, "/many", MANY, connections=1) == {200: MANY}
    assert len([host for host in tally.hosts["a"] if host.startswith("pod")]) == MANY

    # A new zone.
    nsd.write(srv(tally, 1, 10, 0, "d"), *addresses, *many)
    nsd.reload()

    def only_d():
        before = dict(tally.counts)
        tally.ask(remora.port, "/shop", 4, connections=1)
        return tally.counts["d"] == before["d"] + 4

    until(only_d, "the new zone")

    # The service goes: NXDOMAIN, and what was there stays until the pool gives it up.
    nsd.write(*addresses, *many)
    nsd.reload()
    until(lambda: "outcome=no_host" in remora.log(), "the name's end")
    nsd.write(srv(tally, 1, 10, 0, "b"), *addresses, *many)
    nsd.reload()

    def only_b():
        before = dict(tally.counts)
        statuses = tally.ask(remora.port, "/shop", 4, connections=1)
        return statuses == {200: 4} and tally.counts["b"] == before["b"] + 4

    until(only_b, "the name's return")
